from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coldwatch.cli import main

LIMITS = ["--below", "2", "--above", "8", "--for", "60min"]
DAY = "2024-05-01"

Run = Callable[..., "Outcome"]


class Outcome:
    """What one run printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON document that it must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `coldwatch excursions` in this process, in English."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def call(*arguments: str | Path) -> Outcome:
        try:
            code = main(["excursions", *map(str, arguments)])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else -1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    """Write a table to a file."""

    def write(text: str) -> Path:
        path = tmp_path / "table.csv"
        path.write_text(text, "utf-8")
        return path

    return write


def minutes(*stretches: tuple[int, int, float], step: int = 1) -> str:
    """Return a table with the same value every minute from one to another, both included."""
    lines = ["time,temperature"]
    for first, last, value in stretches:
        for minute in range(first, last + 1, step):
            day, rest = divmod(minute, 1440)
            lines.append(f"2024-05-{day + 1:02d}T{rest // 60:02d}:{rest % 60:02d}:00Z,{value}")
    return "\n".join(lines) + "\n"


class TestRealFridge:
    """The recorded fridge: 368 readings, 13 holes longer than 15 min."""

    SPAN_S = 86_125

    def judged(self, run: Run, shared_data: Path, *options: str) -> dict[str, Any]:
        """Judge it as the issue asks."""
        columns = ["--time-column", "timestamp", "--value-column", "temperature"]
        outcome = run(
            shared_data / "fridge-ruuvi/fridge.csv", *columns, *LIMITS, "--json", *options
        )
        assert outcome.code == 0
        return outcome.json

    @pytest.mark.parametrize(
        ("options", "interval_s"),
        [
            ([], 15),
            (["--interval", "60s"], 60),
            (["--max-gap", "3min"], 15),
            (["--interval", "60s", "--max-gap", "3min"], 60),
        ],
    )
    def test_the_seconds_add_up(
        self, run: Run, shared_data: Path, options: list[str], interval_s: int
    ) -> None:
        """Inside, above, below and unknown are last minus first reading plus one interval."""
        found = self.judged(run, shared_data, *options)

        assert sum(found["exposure"].values()) == self.SPAN_S + interval_s
        assert found["interval_s"] == interval_s
        assert (found["readings"], found["refused"]) == (368, [])

    def test_a_shorter_gap_only_turns_known_time_into_unknown(
        self, run: Run, shared_data: Path
    ) -> None:
        """Nothing becomes known, and no second changes its side, when less may be a hole."""
        wide = self.judged(run, shared_data, "--interval", "60s")["exposure"]
        narrow = self.judged(run, shared_data, "--interval", "60s", "--max-gap", "3min")["exposure"]

        lost = {name: wide[name] - narrow[name] for name in ("inside_s", "above_s", "below_s")}
        assert all(seconds >= 0 for seconds in lost.values())
        assert narrow["unknown_s"] - wide["unknown_s"] == sum(lost.values())

    def test_unknown_time_does_not_hide_an_excursion(self, run: Run, shared_data: Path) -> None:
        """The same cold runs are found however much of them is known; as possible ones."""
        wide = self.judged(run, shared_data)["excursions"]
        narrow = self.judged(run, shared_data, "--max-gap", "3min")["excursions"]

        for name in ("start", "opened", "end", "side", "extreme", "certainty"):
            assert [one[name] for one in wide] == [one[name] for one in narrow]
        assert [one["certainty"] for one in wide] == ["possible", "possible"]
        for one in wide:
            assert one["seconds"] + one["unknown_s"] > 3600

    def test_the_days_add_up_to_the_table(self, run: Run, shared_data: Path) -> None:
        """Days are cut in the zone, and lose nothing."""
        for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
            found = self.judged(run, shared_data, "--zone", zone)

            for name in ("inside_s", "above_s", "below_s", "unknown_s"):
                assert found["exposure"][name] == sum(day[name] for day in found["days"])
            assert found["min"] == min(day["min"] for day in found["days"])


class TestJson:
    def test_it_has_the_shape_that_is_promised(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """Every key of the issue's example is there, times with the zone's offset."""
        path = table(minutes((0, 30, 5), (31, 120, 9.5), (121, 200, 5)))
        found = run(path, *LIMITS, "--zone", "Asia/Shanghai", "--json").json

        assert found["exposure"] == {
            "inside_s": 31 * 60 + 80 * 60,
            "above_s": 90 * 60,
            "below_s": 0,
            "unknown_s": 0,
        }
        assert found["excursions"] == [
            {
                "rule": "limits/consecutive",
                "side": "above",
                "certainty": "certain",
                "start": f"{DAY}T08:31:00+08:00",
                "opened": f"{DAY}T09:31:00+08:00",
                "end": f"{DAY}T10:01:00+08:00",
                "seconds": 5400,
                "extreme": 9.5,
                "unknown_s": 0,
            }
        ]
        (day,) = found["days"]
        assert day["opened"] == [
            {
                "rule": "limits/consecutive",
                "side": "above",
                "certainty": "certain",
                "opened": f"{DAY}T09:31:00+08:00",
            }
        ]
        assert (day["date"], day["min"], day["max"], day["above_s"]) == (DAY, 5.0, 9.5, 5400)
        assert (found["readings"], found["refused"], found["min"], found["max"]) == (
            201,
            [],
            5,
            9.5,
        )
        (rule,) = found["rules"]
        assert (rule["above"], rule["below"], rule["for_s"]) == (8, 2, 3600)

    def test_mean_and_mkt_are_weighted_by_held_time(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """22 h at 5 and 2 h at 15 degC have the MKT of the reference, 6.462285, at any spacing."""
        path = table(minutes((0, 22 * 60 - 1, 5)) + minutes((22 * 60, 1439, 15), step=5)[17:])
        found = run(path, *LIMITS, "--interval", "5min", "--max-gap", "5min", "--json").json

        assert math.isclose(found["mkt"], 6.462285, abs_tol=2e-6)
        assert math.isclose(found["mean"], (22 * 5 + 2 * 15) / 24, abs_tol=1e-6)

    def test_what_is_open_at_the_end_has_no_end(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """The last reading holds one interval: exactly D opens, and the end is null."""
        found = run(table(minutes((0, 10, 5), (11, 70, 1))), *LIMITS, "--json").json

        (one,) = found["excursions"]
        assert (one["side"], one["end"], one["seconds"]) == ("below", None, 3600)
        assert one["opened"] == f"{DAY}T01:11:00+00:00"

    def test_an_excursion_is_open_on_every_day_until_it_ends(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """A day lists what opened before and is still open; one that ends at midnight is not."""
        path = table(minutes((23 * 60, 3 * 1440 - 1, 9), (3 * 1440, 3 * 1440 + 10, 5)))
        found = run(path, *LIMITS, "--json").json

        assert [(day["date"], len(day["opened"])) for day in found["days"]] == [
            (DAY, 0),
            ("2024-05-02", 1),
            ("2024-05-03", 1),
            ("2024-05-04", 0),
        ]

    def test_milliseconds_stay(self, run: Run, table: Callable[[str], Path]) -> None:
        """Times and durations that are no whole seconds are not rounded."""
        path = table("t,v\n1714521600250,5\n1714521661750,5\n")
        found = run(path, *LIMITS, "--interval", "1s", "--max-gap", "30s", "--json").json

        assert found["from"] == f"{DAY}T00:00:00.250+00:00"
        assert found["exposure"]["unknown_s"] == 60.5

    def test_cumulative_adds_a_rule_with_the_same_d(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """Three runs of 25 min are no hour at once, but one within a day."""
        path = table(
            minutes(
                (0, 24, 9), (25, 99, 5), (100, 124, 9), (125, 199, 5), (200, 224, 9), (225, 300, 5)
            )
        )
        found = run(path, *LIMITS, "--cumulative-in", "24h", "--json").json

        (one,) = found["excursions"]
        assert (one["rule"], one["start"]) == ("limits/cumulative", f"{DAY}T00:00:00+00:00")
        assert one["opened"] == f"{DAY}T03:30:00+00:00"

    def test_several_profiles_make_their_own_excursions(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """GSP within minutes, WHO after ten hours: each by its own rule, with its source."""
        path = table(minutes((0, 10, 5), (11, 11 + 600, 9), (612, 700, 5)))
        found = run(path, "--profile", "cn-gsp", "--profile", "who-pqs", "--json").json

        opened = {one["rule"]: one["opened"] for one in found["excursions"]}
        assert opened == {
            "cn-gsp/at-limit": f"{DAY}T00:12:00+00:00",
            "cn-gsp/out-of-range": f"{DAY}T00:21:00+00:00",
            "cn-gsp/isolate": f"{DAY}T00:41:00+00:00",
            "who-pqs/heat": f"{DAY}T10:11:00+00:00",
        }
        ours = {rule["id"]: rule["ours"] for rule in found["rules"]}
        assert ours["cn-gsp/isolate"]
        assert not ours["who-pqs/heat"]

    def test_a_freezer_has_its_own_range(self, run: Run, table: Callable[[str], Path]) -> None:
        """Exposure uses the storage range of the profile, or what --storage says."""
        path = table(minutes((0, 59, -20)))

        assert run(path, "--profile", "freezer", "--json").json["exposure"]["inside_s"] == 3600
        narrow = run(path, "--profile", "freezer", "--storage", "-50", "-25", "--json").json
        assert narrow["exposure"]["above_s"] == 3600

    def test_silence_is_found_where_readings_are_missing(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """A hole of more than 15 min is a silence under who-pqs, from the last reading on."""
        path = table(minutes((0, 10, 5), (60, 70, 5)))
        (one,) = run(path, "--json").json["excursions"]

        assert (one["rule"], one["side"], one["extreme"]) == ("who-pqs/silence", "silent", None)
        assert (one["start"], one["seconds"]) == (f"{DAY}T00:10:00+00:00", 3000)

    def test_one_sided_limits(self, run: Run, table: Callable[[str], Path]) -> None:
        """With --above alone nothing is ever below."""
        path = table(minutes((0, 100, -30)))
        found = run(path, "--above", "8", "--for", "60min", "--json").json

        assert found["exposure"]["inside_s"] == 101 * 60
        assert (found["storage"], found["excursions"]) == ([None, 8], [])


class TestRefusals:
    def test_bad_rows_are_in_the_answer(self, run: Run, table: Callable[[str], Path]) -> None:
        """Refused rows have line and reason; the others are judged, and the exit code is 0."""
        path = table(f"time,temperature\n{DAY},nan\n{DAY}T01:00Z,5\nx,5\n")
        outcome = run(path, *LIMITS, "--json")

        assert outcome.code == 0
        assert outcome.json["refused"] == [
            {"line": 2, "why": "the value 'nan' is not a number", "code": "not-a-number"},
            {
                "line": 4,
                "why": "the time 'x' is neither ISO 8601 nor epoch seconds or milliseconds",
                "code": "bad-time",
            },
        ]

    def test_nothing_readable_exits_1_with_the_reasons(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """When no row can be read the document still says why, and the exit code is 1."""
        path = table("time,temperature\nx,5\ny,6\n")
        outcome = run(path, "--time-column", "time", *LIMITS, "--json")

        assert outcome.code == 1
        assert (outcome.json["readings"], len(outcome.json["refused"])) == (0, 2)
        assert outcome.json["exposure"]["unknown_s"] == 0
        assert "no row could be read" in outcome.err

    def test_a_file_that_is_not_there_exits_1_with_one_line(self, run: Run, tmp_path: Path) -> None:
        """A missing file is named, without a traceback."""
        outcome = run(tmp_path / "nowhere.csv", *LIMITS)

        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.count("\n") == 1
        assert "nowhere.csv: No such file" in outcome.err

    def test_an_empty_file_exits_1(self, run: Run, table: Callable[[str], Path]) -> None:
        """There was nothing to read."""
        outcome = run(table(""), *LIMITS, "--json")

        assert (outcome.code, outcome.out) == (1, "")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--below", "2"], "--for"),
            (["--for", "60min"], "--below, --above or both"),
            (["--below", "8", "--above", "2", "--for", "1h"], "nothing would be inside"),
            (["--below", "x", "--for", "1h"], "not a number"),
            ([*LIMITS, "--profile", "who-pqs"], "--profile"),
            (["--profile", "who"], "there are cdc-vfc, cn-gsp"),
            (["--profile", "freezer", "--profile", "cn-gsp"], "--storage"),
            ([*LIMITS, "--cumulative-in", "10min"], "shorter than --for"),
            ([*LIMITS, "--storage", "8", "2"], "lower end first"),
            ([*LIMITS, "--zone", "Asia/Peking"], "Asia/Shanghai"),
            ([*LIMITS, "--zone", "../../etc/passwd"], "no zone"),
            ([*LIMITS, "--interval", "5"], "with its unit"),
            ([*LIMITS, "--interval", "0s"], "hundred years"),
            ([*LIMITS, "--interval", "10min", "--max-gap", "5min"], "shorter than the interval"),
            ([*LIMITS, "--value-column", "humidity"], "there are 'time', 'temperature'"),
        ],
    )
    def test_usage_errors_exit_2_with_one_clear_line(
        self, run: Run, table: Callable[[str], Path], options: list[str], said: str
    ) -> None:
        """What is wrong, and what to write; nothing on standard output."""
        outcome = run(table(minutes((0, 3, 5))), *options)

        assert (outcome.code, outcome.out) == (2, "")
        lines = [line for line in outcome.err.splitlines() if not line.startswith("guessed:")]
        assert len(lines) == 1
        assert said in lines[0]


class TestText:
    def test_what_happened_stands_first_and_the_rules_below(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """The report for people names side, times, value, rule, and what is unknown."""
        path = table(minutes((0, 10, 5), (11, 90, 9.062), (150, 160, 9.062), (161, 170, 5)))
        text = run(path, *LIMITS).out

        assert text.index("Excursions: 1") < text.index("Exposure") < text.index("Rules")
        assert "too warm  2024-05-01 00:11 to 2024-05-01 02:41  [limits/consecutive]" in text
        assert "1 h 31 min outside, 59 min more unknown, warmest 9.062 °C" in text
        assert "above 8.0 °C or below 2.0 °C for 1 h without a break" in text

    def test_without_excursion_unknown_time_is_not_called_safe(
        self, run: Run, table: Callable[[str], Path]
    ) -> None:
        """No excursion and an hour of unknown time is not simply "no excursion"."""
        text = run(table(minutes((0, 10, 5), (70, 80, 5))), *LIMITS).out

        assert "59 min are unknown and do not count as safe" in text

    def test_chinese_says_the_same(self, run: Run, table: Callable[[str], Path]) -> None:
        """--lang zh gives the whole report in Chinese, refusals as well."""
        path = table(minutes((0, 10, 5), (11, 90, 9)) + "x,5\n")
        text = run(path, "--profile", "cn-gsp", "--lang", "zh").out

        assert "异常事件：3" in text
        assert "偏高      自 2024-05-01 00:11  [cn-gsp/isolate]" in text
        assert "至表末仍未恢复" in text
        assert "疫苗管理法第40条" in text
        assert "第 93 行：时间 'x' 不是 ISO 8601" in text

    def test_the_language_follows_the_environment(
        self, run: Run, table: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """LANG decides where --lang does not."""
        monkeypatch.delenv("LC_ALL")
        monkeypatch.delenv("LC_MESSAGES", raising=False)
        monkeypatch.setenv("LANG", "zh_CN.UTF-8")

        assert "没有异常事件" in run(table(minutes((0, 3, 5))), *LIMITS).out

    def test_what_was_chosen_unasked_is_said(self, run: Run, table: Callable[[str], Path]) -> None:
        """Guessed columns and the default profile are told on standard error, offsets in the report."""
        outcome = run(table(f"time,temperature\n{DAY} 00:00,5\n{DAY} 00:01,5\n"))

        assert "guessed: times from column 'time'" in outcome.err
        assert "judged by the profile who-pqs" in outcome.err
        assert "times without an offset were read as UTC" in outcome.out


class TestRecordedTables:
    """Tables that other loggers really wrote."""

    def test_four_probes_without_header(self, run: Run, shared_data: Path) -> None:
        """Milliseconds of uptime and thousandths of degrees, by column number."""
        path = shared_data / "ds18b20-four-probes/ds18b20-log.csv"
        options = ["--time-column", "2", "--epoch", "ms", "--unit", "mdegC", *LIMITS, "--json"]
        found = run(path, *options, "--value-column", "4").json

        assert (found["readings"], found["refused"], found["interval_s"]) == (15_540, [], 5)
        assert (found["min"], found["max"]) == (-5.937, 18.687)
        assert [(one["side"], one["end"] is None) for one in found["excursions"]] == [
            ("below", False),
            ("above", True),
        ]
        assert sum(found["exposure"].values()) == pytest.approx(77_727.53)

    def test_an_office_with_holes_of_days(self, run: Run, shared_data: Path) -> None:
        """Hourly Fahrenheit with holes up to a week: the holes are unknown, and nothing is lost."""
        path = shared_data / "clock-and-gaps/ambient_temperature_system_failure.csv"
        found = run(path, "--unit", "degF", *LIMITS, "--json").json

        assert (found["readings"], found["refused"], found["interval_s"]) == (7267, [], 3600)
        assert found["exposure"]["unknown_s"] == 2_224_800
        assert sum(found["exposure"].values()) == 328 * 86_400 + 16 * 3600
        assert found["times_without_offset"]

    def test_a_room_in_epoch_milliseconds(self, run: Run, shared_data: Path) -> None:
        """The DHT22's columns are found without a word said, and its one spike is exposure below."""
        found = run(shared_data / "dht22-room/dataset.csv", *LIMITS, "--json").json

        assert found["from"].startswith("2021-01-24T18:19:50.182")
        assert (found["readings"], found["refused"]) == (26_409, [])
        assert found["columns"]["value"] == "temperature"
        assert (found["min"], found["exposure"]["below_s"]) == (-23.2, 2.357)

    def test_a_fridge_tag_export_is_no_table(self, run: Run, shared_data: Path) -> None:
        """A file that holds day sums and a certificate is refused in one line."""
        for path in sorted((shared_data / "fridge-tag").glob("*.txt")):
            outcome = run(path, *LIMITS, "--json")

            assert (outcome.code, outcome.out) == (2, "")
            assert outcome.err.count("\n") == 1


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads the table from standard input."""
    data = io.BytesIO(minutes((0, 70, 9)).encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))

    assert len(run("-", *LIMITS, "--json").json["excursions"]) == 1
