from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.rules import Watch
from alerts.table.reader import read_table
from coldwatch.cli import main
from config.clock import ENVIRONMENT, ScaledClock
from history.desk import saving
from history.desk.stats import statistics
from history.export import SeriesRule
from history.sqlite import SqliteHistory
from history.statistics import exposure
from journal import watches
from journal.database import create_tables, open_database, write
from protocol.reading import Reading
from tests.history.model import STREAMS, record
from tests.history.model import reading as body_of
from tests.history.strategies import zones
from tests.history.workbook import sheets

SITE, SERIES = "east-gate", "fridge-1/center/temperature"
MINUTE = 60_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = 1_760_000_000_000
Answer = tuple[int, str, str]
Ask = Callable[..., Answer]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`coldwatch …` over the state directory `tmp_path`, the clock standing at NOW."""
    monkeypatch.setenv("COLDWATCH_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str | Path) -> Answer:
        clock = ScaledClock(time.time_ns() // 1_000_000, NOW, 1e-9)
        monkeypatch.setenv(ENVIRONMENT, clock.environment())
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def keep(folder: Path, bodies: list[dict[str, Any]], stream: str = STREAMS[0]) -> None:
    """Append records as a hub does."""
    store = SqliteHistory(folder / "history.db")
    store.append([record(stream, body) for body in bodies])
    store.close()


def reading(seq: int, at: int, value: int | None = 5000, **more: Any) -> dict[str, Any]:
    """The body of a reading of SERIES."""
    return body_of(seq, at, value) | {"series": SERIES} | more


def fill(folder: Path, count: int = 10) -> None:
    """One reading a minute, the last one a minute before NOW, rising from 1.0 degC on."""
    keep(
        folder,
        [reading(seq, NOW - (count - seq + 1) * MINUTE, 1000 * seq) for seq in range(1, count + 1)],
    )


def settings_known(folder: Path) -> None:
    """Let the hub know a storage range of 2 to 8 and a holding rule of 1 and 3 minutes."""
    engine = open_database(folder / "hub.db")
    create_tables(engine)
    watch = Watch(SERIES, MINUTE, 3 * MINUTE, (2000, 8000), decides=True, rules=())
    with write(engine) as conn:
        watches.save(
            conn, SITE, {SERIES: watch}, device="pi", at=1, stream=STREAMS[0], learned_at=1
        )
    engine.dispose()


def answer(given: Answer) -> Any:
    """The JSON document of an answer."""
    code, out, err = given
    assert (code, err) == (0, "")
    return json.loads(out)


def write_table(path: Path, rows: list[tuple[int, int]]) -> None:
    """Write times and thousandths as a logger would."""
    lines = (f"{EPOCH + timedelta(milliseconds=at)},{value / 1000}\n" for at, value in rows)
    path.write_text("".join(["time,value\n", *lines]))


SAME = ("storage", "interval_s", "max_gap_s", "zone", "readings", "min", "max", "mean", "mkt")


def assert_equal_to_excursions(ask: Ask, table: Path, *rule: str) -> None:
    """Every number of `history stats` is that of `excursions` on a CSV of the same readings."""
    _, out, _ = ask("excursions", table, *rule, "--for", "60min", "--json")
    theirs = json.loads(out)
    ours = answer(ask("history", "stats", SITE, SERIES, *rule, "--json"))
    for key in SAME:
        assert ours[key] == theirs[key], key
    assert (ours["first"], ours["last"]) == (theirs["from"], theirs["to"])
    for key, figure in theirs["exposure"].items():
        assert ours["exposure"][key] == figure, key
    for day in theirs["days"]:
        del day["opened"]
    assert ours["days"] == theirs["days"]


TABLES = [
    ("fridge-ruuvi/fridge.csv", {}, ("--interval", "60s")),
    ("fridge-ruuvi/fridge.csv", {}, ("--interval", "60s", "--max-gap", "3min")),
    ("clock-and-gaps/ambient_temperature_system_failure.csv", {}, ("--interval", "1h")),
    (
        "ds18b20-four-probes/ds18b20-log.csv",
        {"time_column": "2", "value_column": "4", "unit": "mdegC", "epoch": "ms"},
        ("--interval", "5s", "--max-gap", "15s"),
    ),
    ("dht22-room/dataset.csv", {}, ("--interval", "5min")),
]


@pytest.mark.parametrize(("name", "columns", "rule"), TABLES)
def test_statistics_are_those_of_excursions(
    ask: Ask, shared_data: Path, tmp_path: Path, name: str, columns: Any, rule: tuple[str, ...]
) -> None:
    """Recorded data through a real append: every number equals that of `coldwatch excursions`."""
    table = read_table((shared_data / name).read_bytes(), zone=UTC, **columns)
    assert len(table.times) > 300
    rows = list(zip(table.times, table.values, strict=True))
    keep(tmp_path, [reading(seq, at, value) for seq, (at, value) in enumerate(rows, start=1)])
    same = tmp_path / "same.csv"
    write_table(same, rows)
    for low, high, zone in (("2", "8", "Asia/Shanghai"), ("-1.5", "21.25", "America/New_York")):
        assert_equal_to_excursions(
            ask, same, *rule, "--below", low, "--above", high, "--zone", zone
        )


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(st.integers(0, 5 * 24 * 3600) | st.integers(0, 400), st.integers(-3000, 12_000)),
        min_size=1,
        max_size=60,
        unique_by=lambda row: row[0],
    ),
    zones,
    st.sampled_from([("60s",), ("10s", "20s"), ("5min", "2h"), ("1ms",)]),
)
def test_statistics_of_any_table_are_those_of_excursions(
    ask: Ask, tmp_path: Path, rows: list[tuple[int, int]], zone: str, rule: tuple[str, ...]
) -> None:
    """Whatever the table, its zone and its holding rule: the same numbers."""
    for old in tmp_path.glob("history.db*"):
        old.unlink()
    # around a night in which an hour comes twice in Berlin and in Lord Howe none is whole
    table = [(1_761_300_000_000 + second * 1000, value) for second, value in sorted(rows)]
    keep(tmp_path, [reading(seq, at, value) for seq, (at, value) in enumerate(table, start=1)])
    same = tmp_path / "same.csv"
    write_table(same, table)
    options = ["--interval", rule[0], *(["--max-gap", rule[1]] if rule[1:] else [])]
    assert_equal_to_excursions(ask, same, *options, "--below", "2", "--above", "8", "--zone", zone)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([1000, 5000, 9000])), max_size=15),
    st.integers(0, 60),
    st.integers(1, 40),
)
def test_a_range_knows_what_holds_into_it(
    rows: list[tuple[int, int]], start: int, length: int
) -> None:
    """A range inside is the exposure reading by reading, with the neighbours that hold into it."""
    hour = 3_600_000
    everything = [
        Reading(seq, SERIES, at * hour, "b1", 0, value)
        for seq, (at, value) in enumerate(sorted(rows), start=1)
    ]
    begin, end = start * hour, (start + length) * hour
    with TemporaryDirectory() as folder:
        keep(Path(folder), [one.body() for one in everything])
        store = SqliteHistory(Path(folder) / "history.db", read_only=True)
        rule = SeriesRule(SERIES, 2000, 8000, hour, 9 * hour)
        found = statistics(store, SITE, rule, ZoneInfo("UTC"), start=begin, end=end).exposure
        store.close()
    wanted = exposure(
        everything,
        start=begin,
        end=end,
        low=2000,
        high=8000,
        interval_ms=hour,
        max_gap_ms=9 * hour,
        settled=everything[-1].at if everything else None,
    )
    assert found is not None
    for name in ("inside_ms", "above_ms", "below_ms", "unknown_ms", "pending_ms", "span_ms",
                 "longest_unknown_ms", "readings", "minimum", "maximum", "doubled_sum"):  # fmt: skip
        assert getattr(found, name) == getattr(wanted, name), name


def test_the_rule_is_the_hubs_where_none_is_given(ask: Ask, tmp_path: Path) -> None:
    """Storage range and holding rule come from the hub's settings; what is given goes before."""
    fill(tmp_path)
    settings_known(tmp_path)
    found = answer(ask("history", "stats", SITE, SERIES, "--json"))
    assert (found["storage"], found["interval_s"], found["max_gap_s"]) == ([2, 8], 60, 180)
    assert found["exposure"]["inside_s"] == 7 * 60
    assert (found["exposure"]["below_s"], found["exposure"]["above_s"]) == (60, 120)
    assert found["exposure"]["inside_share"] == 0.7
    found = answer(ask("history", "stats", SITE, SERIES, "--above", "5", "--json"))
    assert (found["storage"], found["interval_s"]) == ([None, 5], 60)
    found = answer(ask("history", "stats", SITE, SERIES, "--interval", "30s", "--json"))
    assert (found["storage"], found["interval_s"], found["max_gap_s"]) == ([2, 8], 30, 900)


def test_the_time_up_to_now_is_counted_where_it_is_asked_for(ask: Ask, tmp_path: Path) -> None:
    """--to now counts the silence behind the last reading, as unknown and never as inside."""
    keep(tmp_path, [reading(1, NOW - 3_600_000)])
    settings_known(tmp_path)
    found = answer(ask("history", "stats", SITE, SERIES, "--to", "now", "--json"))
    assert found["exposure"]["inside_s"] == 60
    assert found["exposure"]["unknown_s"] == found["exposure"]["pending_s"] == 59 * 60


def test_silence_beside_a_living_probe_is_final(ask: Ask, tmp_path: Path) -> None:
    """A dead probe whose stream goes on with another series leaves nothing that may still arrive."""
    keep(tmp_path, [reading(1, NOW - 3_600_000), reading(2, NOW, series="a/b/temperature")])
    settings_known(tmp_path)
    found = answer(ask("history", "stats", SITE, SERIES, "--to", "now", "--json"))["exposure"]
    assert (found["unknown_s"], found["pending_s"]) == (59 * 60, 0)
    assert found["longest_unknown_s"] == 59 * 60


@pytest.mark.parametrize(("language", "words"), [("en", "too warm"), ("zh", "偏高")])
def test_the_text_of_the_statistics(ask: Ask, tmp_path: Path, language: str, words: str) -> None:
    """For people: in both languages, with the rule, the share and every day."""
    fill(tmp_path)
    settings_known(tmp_path)
    code, out, err = ask("history", "stats", SITE, SERIES, "--lang", language)
    assert (code, err) == (0, "")
    assert words in out
    assert "70.00 %" in out
    assert "2025-10-09" in out
    assert "10" in out


def test_other_quantities_are_not_warm(ask: Ask, tmp_path: Path) -> None:
    """Humidity is above and below in %RH, without a mean kinetic temperature."""
    name = "room/wall/humidity"
    keep(tmp_path, [reading(1, NOW, 70_500, series=name)])
    words = ("history", "stats", SITE, name, "--above", "65", "--interval", "60s")
    code, out, _ = ask(*words)
    assert code == 0
    assert "70.5 %RH" in out
    assert "warm" not in out
    assert "kinetic" not in out
    assert answer(ask(*words, "--json"))["mkt"] is None


def test_list(ask: Ask, tmp_path: Path) -> None:
    """Every series with first, newest judged value and whether it is stale by its own rule."""
    assert ask("history", "list")[0] == 0
    fill(tmp_path)
    keep(tmp_path, [reading(11, NOW, 85_000, quality="rejected:power-on")])
    keep(
        tmp_path,
        [reading(1, NOW - 20 * MINUTE, 60_000, series="room/wall/humidity")],
        STREAMS[1],
    )
    rows = answer(ask("history", "list", "--json"))["series"]
    assert [(row["series"], row["stale"], row["quality"]) for row in rows] == [
        (SERIES, False, "rejected:power-on"),
        ("room/wall/humidity", True, "ok"),
    ]
    assert rows[0]["value"] == 10
    assert rows[0]["newest"] == "2025-10-09T16:52:20+08:00"
    assert rows[0]["first"] == "2025-10-09T16:43:20+08:00"
    assert rows[1]["unit"] == "%RH"
    for language, stale in (("en", "stale"), ("zh", "过期")):
        _, out, _ = ask("history", "list", SITE, "--lang", language)
        assert "10.0" in out
        assert stale in out
        assert "rejected:power-on" in out


REFUSED = [
    (("list", "east-gat"), "there is no site 'east-gat'; did you mean east-gate?"),
    (("stats", SITE, "fridge-1/centre/temperature"), f"did you mean {SERIES}?"),
    (("stats", SITE, "zzz"), f"there is no series 'zzz' at east-gate; there are {SERIES}"),
    (("export", "west", SERIES), "there is no site 'west'"),
    (("stats", SITE, SERIES), "give --below, --above or both"),
    (("stats", SITE, SERIES, "--below", "2"), "give --interval, such as 60s"),
    (("stats", SITE, SERIES, "--below", "9", "--above", "2"), "nothing would be inside"),
    (
        ("stats", SITE, SERIES, "--below", "2", "--interval", "60s", "--max-gap", "5s"),
        "--max-gap is shorter than the interval",
    ),
    (
        ("stats", SITE, SERIES, "--below", "2", "--from", "2026-01-02", "--to", "2026-01-01"),
        "--to is not behind --from",
    ),
    (("stats", SITE, SERIES, "--from", "yesterday"), "is no time; write"),
    (("export", SITE, SERIES, "--format", "xlsx"), "add -o readings.xlsx"),
    (("export", SITE, SERIES, "-o", "x.txt"), "add --format csv, xlsx, parquet"),
    (("export", SITE, SERIES, "-o", "/nowhere/x.csv"), "/nowhere/x.csv: No such file"),
    (("export", SITE, SERIES, "--json"), "add -o FILE"),
    (("export", SITE, SERIES, "-o", "x.xlsx", "--bom"), "--bom is for CSV only"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_a_refusal_is_one_line(ask: Ask, tmp_path: Path, words: Any, said: str) -> None:
    """What cannot be done is said in one line, with what to write; the exit code is 2."""
    fill(tmp_path)
    code, out, err = ask("history", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_no_reading_in_the_range_is_said(ask: Ask, tmp_path: Path) -> None:
    """Statistics of a range without a reading end with 1, and say that nothing is known."""
    fill(tmp_path)
    settings_known(tmp_path)
    code, out, _ = ask("history", "stats", SITE, SERIES, "--from", "2030-01-01")
    assert code == 1
    assert "no judged reading" in out
    code, out, _ = ask(
        "history", "stats", SITE, SERIES, "--from", "2030-01-01", "--to", "2030-01-02", "--json"
    )
    assert code == 1
    assert json.loads(out)["exposure"]["unknown_s"] == 86_400


def test_export_writes_a_file(ask: Ask, tmp_path: Path) -> None:
    """Each format by the file's name, with the mode that other new files have."""
    fill(tmp_path)
    settings_known(tmp_path)
    mask = os.umask(0o027)
    try:
        for name in ("a.csv", "a.XLSX", "a.parquet"):
            told = answer(ask("history", "export", SITE, SERIES, "-o", tmp_path / name, "--json"))
            assert (told["readings"], told["format"]) == (10, name[2:].lower())
            assert told["bytes"] == (tmp_path / name).stat().st_size
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(mask)
    with (tmp_path / "a.csv").open() as lines:
        assert [row["value"] for row in csv.DictReader(lines)][:2] == ["1.0", "2.0"]
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 10
    about, data = sheets((tmp_path / "a.XLSX").read_bytes())
    assert "inside from 2.0 degC to 8.0 degC" in str(about.rows[-1][1])
    assert len(data.rows) == 11


def test_export_replaces_nothing_unasked(ask: Ask, tmp_path: Path) -> None:
    """A file that is there stays as it is without --force."""
    fill(tmp_path)
    file = tmp_path / "a.csv"
    file.write_text("mine")
    code, _, err = ask("history", "export", SITE, SERIES, "-o", file)
    assert code == 2
    assert "--force replaces it" in err
    assert file.read_text() == "mine"
    assert ask("history", "export", SITE, SERIES, "-o", file, "--force")[0] == 0
    assert file.read_text().startswith("site,")


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.parquet"])
def test_an_export_that_ends_early_leaves_no_file(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Interrupted in the middle: no half file, under whatever name, and what was there stays."""
    fill(tmp_path)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text("older")

    def interrupted(*_: Any) -> Any:
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(saving, "readings_of", interrupted)
    assert ask("history", "export", SITE, SERIES, "-o", folder / name, "--force")[0] == 130
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == "older"


def test_the_csv_of_an_export_is_judged_alike(ask: Ask, tmp_path: Path) -> None:
    """`coldwatch excursions` reads the CSV of an export as it is, and finds the same."""
    fill(tmp_path, 400)
    assert ask("history", "export", SITE, SERIES, "-o", tmp_path / "a.csv", "--bom")[0] == 0
    assert_equal_to_excursions(
        ask, tmp_path / "a.csv", "--interval", "60s", "--below", "2", "--above", "8", "--zone",
        "Asia/Shanghai",
    )  # fmt: skip


def test_export_to_standard_output(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Without -o the CSV goes to standard output, and nothing else does."""
    fill(tmp_path)
    when = datetime.fromtimestamp(NOW / 1000 - 300, ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    words = ["history", "export", SITE, SERIES, "--from", when.isoformat(), "--zone=Asia/Shanghai"]
    assert main([*words, "--state-dir", str(tmp_path)]) == 0
    captured = capfdbinary.readouterr()
    assert len(list(csv.DictReader(io.StringIO(captured.out.decode())))) == 5
    assert captured.err == b""


@pytest.mark.parametrize(("package", "name"), [("xlsxwriter", "a.xlsx"), ("pyarrow", "a.parquet")])
def test_a_missing_library_is_said(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    """Without the library one line says what to install; CSV goes on."""
    import sys

    fill(tmp_path)
    for loaded in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = ask("history", "export", SITE, SERIES, "-o", tmp_path / name)
    assert code == 2
    assert f"package {package}, which is not installed" in err
    assert "pip install 'coldwatch[export]'" in err
    assert not (tmp_path / name).exists()
    assert ask("history", "export", SITE, SERIES, "-o", tmp_path / "a.csv")[0] == 0
