from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coldwatch.cli import main
from config.clock import ENVIRONMENT, ScaledClock
from journal.database import read
from journal.journal import entries
from tests.ledger.world import World, ms

Answer = tuple[int, str, str]


@pytest.fixture
def ask(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """`coldwatch ledger …` at minute 100, readings of two fridges up to then."""
    world.readings("f1", 0, 300)
    world.readings("f2", 0, 300, 4000)
    monkeypatch.setenv("COLDWATCH_STATE_DIR", str(world.folder))
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, minute: int = 100) -> Answer:
        # a clock that all but stands still
        now = time.time_ns() // 1_000_000
        monkeypatch.setenv(ENVIRONMENT, ScaledClock(now, ms(minute), 1e-9).environment())
        try:
            code = main(["ledger", *words])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def answer(given: Answer) -> Any:
    """The JSON document of an answer that was not refused."""
    code, out, err = given
    assert (code, err) == (0, "")
    return json.loads(out)


RECEIVE = ("receive", "MMR/A", "--expiry", "2027-12-31", "--doses", "40", "--asset", "east/f1")


class TestTheWayOfABatch:
    def test_from_receipt_to_issue(self, world: World, ask: Callable[..., Answer]) -> None:
        """Received, moved, issued; journey and stock say where it is and what it went through."""
        assert ask(*RECEIVE, "--actor", "Li", minute=10) == (
            0,
            "received 40 doses of MMR/A into east/f1, 2026-03-02 00:10\n",
            "",
        )
        assert ask("move", "A", "--from", "east/f1", "--to", "east/f2", minute=40)[1] == (
            "moved 40 doses of MMR/A from east/f1 to east/f2, 2026-03-02 00:40\n"
        )
        done = answer(
            ask(
                "issue",
                "A",
                "--asset",
                "east/f2",
                "--doses",
                "2",
                "--recipient",
                "clinic",
                "--json",
            )
        )
        assert done["entered"][0]["doses"] == 2
        found = answer(ask("journey", "MMR/A", "--json"))
        assert found["doses"] == {"received": 40, "in_stock": 38, "issued": 2, "held": 0}
        assert found["exposure"] == {
            "inside_s": 5400,
            "above_s": 0,
            "below_s": 0,
            "both_s": 0,
            "unknown_s": 0,
            "pending_s": 0,
        }
        assert (found["min"], found["max"], found["verdict"]) == (4.0, 5.0, "usable")
        assert [(fridge["asset"], fridge["from"], fridge["to"]) for fridge in found["fridges"]] == [
            ("east/f1", "2026-03-02T00:10:00+08:00", "2026-03-02T00:40:00+08:00"),
            ("east/f2", "2026-03-02T00:40:00+08:00", None),
        ]
        stock = answer(ask("stock", "--json"))
        assert [(b["batch"], b["doses"], b["verdict"]) for b in stock["batches"]] == [
            ("MMR/A", 38, "usable")
        ]
        with read(world.engine) as conn:
            actors = [entry.actor for entry in entries(conn, types="ledger.")]
        assert actors[0] == "Li"
        assert all(actors)

    def test_a_refusal_is_one_line_and_exit_1(
        self, world: World, ask: Callable[..., Answer]
    ) -> None:
        """On stderr for people, on stdout as JSON for programs, in the language that was asked for."""
        ask(*RECEIVE, minute=10)
        world.excursion(20, 90, now=99)
        words = ("issue", "MMR/A", "--asset", "east/f1", "--doses", "1")
        code, out, err = ask(*words)
        assert (code, out) == (1, "")
        assert err.startswith("MMR/A is on hold: east/f1 was above 8.0")
        assert err.count("\n") == 1
        code, out, err = ask(*words, "--json", "--lang", "zh")
        assert (code, err) == (1, "")
        refused = json.loads(out)
        assert (refused["refused"], refused["reason"]) == (True, "held-above")
        assert refused["message"].startswith("MMR/A 已停用：east/f1 自 2026-03-02 00:20 至")

    def test_the_journey_of_a_held_batch(self, world: World, ask: Callable[..., Answer]) -> None:
        """Verdict, reasons, the excursion with its rule and times, and the hold."""
        ask(*RECEIVE, minute=10)
        world.excursion(20, 90, now=99)
        found = answer(ask("journey", "A", "--json"))
        assert (found["verdict"], found["doses"]["held"]) == ("ask", 40)
        assert [(e["rule"], e["side"], e["start"], e["end"]) for e in found["excursions"]] == [
            (
                "who-pqs/heat",
                "above",
                "2026-03-02T00:20:00+08:00",
                "2026-03-02T01:30:00+08:00",
            )
        ]
        assert [(h["reason"], h["doses"], h["asset"]) for h in found["holds"]] == [
            ("excursion", 40, "east/f1")
        ]
        _, page, _ = ask("journey", "A", "--lang", "zh")
        assert page.startswith("MMR/A  有效期至 2027-12-31  结论：咨询企业\n")
        assert "who-pqs/heat" in page
        _, page, _ = ask("stock")
        assert "ASK" in page
        assert "MMR/A is on hold" in page

    def test_an_entry_may_be_back_dated(self, ask: Callable[..., Answer]) -> None:
        """With an offset, or in the zone that is given; not into the future."""
        done = answer(ask(*RECEIVE, "--at", "2026-03-02T00:30", "--json"))
        assert done["entered"][0]["at"] == "2026-03-02T00:30:00+08:00"
        done = answer(ask(*RECEIVE, "--at", "2026-03-01T16:40Z", "--json"))
        assert done["entered"][0]["at"] == "2026-03-02T00:40:00+08:00"
        done = answer(ask(*RECEIVE, "--at", "2026-03-01 16:50", "--zone", "UTC", "--json"))
        assert done["entered"][0]["at"] == "2026-03-01T16:50:00+00:00"
        assert ask(*RECEIVE, "--at", "2026-03-02T02:00")[0] == 1

    def test_warnings_are_said(self, ask: Callable[..., Answer]) -> None:
        """A fridge that nobody measures is pointed out beside the answer."""
        words = [*RECEIVE[:-1], "east/f9"]
        assert "no probe speaks for east/f9" in ask(*words)[1]
        assert len(answer(ask(*words, "--json"))["warnings"]) == 1

    def test_a_product_instead_of_a_batch(self, ask: Callable[..., Answer]) -> None:
        """First to expire, first out."""
        ask(*RECEIVE, minute=10)
        ask("receive", "MMR/B", "--expiry", "2026-12-31", "--doses", "1", "--asset", "east/f1")
        done = answer(
            ask("issue", "--product", "MMR", "--asset", "east/f1", "--doses", "2", "--json")
        )
        assert [(one["batch"], one["doses"]) for one in done["entered"]] == [
            ("MMR/B", 1),
            ("MMR/A", 1),
        ]


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "part"),
        [
            ((), "ACTION"),
            (("issue", "--asset", "east/f1", "--doses", "1"), "BATCH"),
            (("issue", "A", "--product", "MMR", "--asset", "east/f1", "--doses", "1"), "BATCH"),
            (("issue", "A", "--asset", "east/f1"), "--doses"),
            (("issue", "A", "--asset", "east/f1", "--doses", "one"), "one"),
            ((*RECEIVE, "--at", "yesterday"), "2026-05-04T09:30"),
            ((*RECEIVE, "--at", "2026-03-02"), "2026-05-04T09:30"),
            ((*RECEIVE, "--zone", "Asia/Nowhere"), "Asia/Shanghai"),
            (
                ("receive", "MMR/A", "--expiry", "31.12.2027", "--doses", "1", "--asset", "e/f"),
                "2027",
            ),
        ],
    )
    def test_wrong_usage_is_one_line_and_exit_2(
        self, ask: Callable[..., Answer], words: tuple[str, ...], part: str
    ) -> None:
        """What was wrong, and what to write instead."""
        code, out, err = ask(*words)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert part in err

    def test_a_folder_without_a_hub_is_exit_2(
        self, ask: Callable[..., Answer], tmp_path: Path
    ) -> None:
        """Nothing is created where a path was misspelt."""
        absent = tmp_path / "absent"
        for words in (("stock",), RECEIVE):
            code, out, err = ask(*words, "--state-dir", str(absent))
            assert (code, out) == (2, "")
            assert str(absent / "hub.db") in err
            assert err.count("\n") == 1
        assert not absent.exists()

    def test_a_file_without_tables_is_exit_2(
        self, ask: Callable[..., Answer], tmp_path: Path
    ) -> None:
        """Somebody else's SQLite file is not mistaken for an empty stock."""
        other = tmp_path / "other.db"
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE journal (position)")
        code, out, err = ask("stock", "--database", str(other))
        assert (code, out) == (2, "")
        assert "start the hub once" in err
        assert err.count("\n") == 1

    def test_a_lot_without_product_cannot_be_received(self, ask: Callable[..., Answer]) -> None:
        """Which product it is must be said once, on receipt."""
        code, _, err = ask(
            "receive", "A", "--expiry", "2027-12-31", "--doses", "1", "--asset", "e/f"
        )
        assert code == 1
        assert "product/lot" in err

    def test_the_language_follows_the_environment(
        self, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """LANG=zh_CN.UTF-8 gives Chinese, and LC_ALL goes before it."""
        monkeypatch.setenv("LANG", "zh_CN.UTF-8")
        assert ask("stock")[1] == "没有库存\n"
        monkeypatch.setenv("LC_ALL", "C")
        assert ask("stock")[1] == "no doses are here\n"

    def test_help_has_examples_and_loads_no_database(self, house: Path) -> None:
        """`--help` answers without importing SQLAlchemy or numpy."""
        script = (
            "import sys\nfrom coldwatch.cli import main\n"
            "try:\n    main(['ledger', '--help'])\nfinally:\n"
            "    print([name for name in ('sqlalchemy', 'numpy') if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONPATH": str(house)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "coldwatch ledger receive MMR/202601A" in done.stdout
        assert done.stdout.endswith("[]\n")
