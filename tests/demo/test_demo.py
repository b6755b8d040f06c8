"""The demo, run as the README says, and what can be asked of its state afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.smsd import what_is_missing
from coldwatch.demo import plan

SITES = {site.zh for site in plan.SITES} | {site.en for site in plan.SITES}
FRIDGES = {
    name for site in plan.SITES for fridge in site.fridges for name in (fridge.zh, fridge.en)
}


@dataclass(frozen=True)
class Ended:
    """A demo that has ended by itself: its summary, what it said beside it, and its folder."""

    summary: dict[str, Any]
    stdout: str
    stderr: str
    folder: Path


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Two minutes of the demo at 120 times the speed: four simulated hours."""
    if missing := what_is_missing():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("demo") / "state"
    command = [sys.executable, "-m", "coldwatch", "demo", "--for", "120s", "--speed", "120"]
    done = subprocess.run(
        [*command, "--json", "--dir", str(folder)],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return Ended(json.loads(done.stdout), done.stdout, done.stderr, folder)


def ledger(ended: Ended, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Ask the ledger in the demo's own state; return exit code and answer."""
    done = subprocess.run(
        [sys.executable, "-m", "coldwatch", "ledger", *arguments, "--json",
         "--state-dir", str(ended.folder / "hub")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


pytestmark = pytest.mark.timeout(600)


def test_every_reading_arrived_once_and_unchanged(ended: Ended) -> None:
    """Through cut links and a story of faults nothing is missing, doubled or set aside."""
    summary = ended.summary

    assert summary["recorded"] > 5_000
    assert summary["sampled"] >= summary["recorded"]
    assert summary["in_history"] == summary["recorded"]
    assert (summary["missing"], summary["duplicates"], summary["changed"]) == (0, 0, 0)
    assert summary["quarantined"] == 0


def test_stdout_is_one_json_object(ended: Ended) -> None:
    """With --json all else goes to stderr."""
    assert ended.stdout.count("\n") == 1
    assert "The console: http://127.0.0.1:" in ended.stderr


@pytest.mark.parametrize("side", ["above", "below", "silent"])
def test_the_story_shows_every_side(ended: Ended, side: str) -> None:
    """The open door warms, the thermostat freezes, the probe falls silent."""
    assert [item for item in ended.summary["excursions"] if item["side"] == side]


def test_every_temperature_excursion_is_found_where_the_story_put_it(ended: Ended) -> None:
    """Nobody cries wolf: told temperature excursions are in the fridges of the story only."""
    told = {
        (item["asset"], item["side"])
        for item in ended.summary["excursions"]
        if item["told"] and item["series"].endswith("/temperature") and item["side"] != "silent"
    }

    assert told == {
        ("east-gate/fridge-1", "above"),
        ("east-gate/fridge-2", "below"),
        ("van-7/fridge-1", "above"),
    }


def test_late_is_told_as_late(ended: Ended) -> None:
    """What happened while the van's link was down is learned two hours later, with its own times."""
    late = [item for item in ended.summary["excursions"] if item["asset"] == "van-7/fridge-1"
            and item["side"] == "above" and item["told"]]  # fmt: skip

    assert late
    assert all(item["learned"] > item["opened"] for item in late)


def test_each_sms_names_site_fridge_direction_and_value(ended: Ended) -> None:
    """Whoever reads one SMS and nothing else knows where, which, what and how much."""
    assert ended.summary["sms"]
    for message in ended.summary["sms"]:
        text = message["text"]
        assert any(name in text for name in SITES), text
        assert any(name in text for name in FRIDGES), text
        assert any(character.isdigit() for character in text), text


def test_directions_are_said(ended: Ended) -> None:
    """Too hot, too cold, silent, lost, and over again: each in both languages."""
    chinese = "\n".join(item["text"] for item in ended.summary["sms"] if item["to"].endswith("1"))
    english = "\n".join(item["text"] for item in ended.summary["sms"] if item["to"].endswith("3"))

    for word in ("温度过高", "温度过低", "失联", "停电", "探头无数据", "已恢复"):
        assert word in chinese
    for word in ("TOO HOT", "TOO COLD", "NO CONTACT", "MAINS LOST", "NO READINGS", "RECOVERED"):
        assert word in english


def test_no_sms_is_sent_twice(ended: Ended) -> None:
    """Nobody gets the same text twice."""
    messages = [(item["to"], item["text"]) for item in ended.summary["sms"]]

    assert len(messages) == len(set(messages))


def test_the_warm_batch_is_refused_at_issue(ended: Ended) -> None:
    """The hold cannot be got round: by batch, by asset, or after moving it."""
    held = {item["asset"] for item in ended.summary["holds"]}
    assert {"east-gate/fridge-1", "east-gate/fridge-2", "van-7/fridge-1"} <= held

    code, answer = ledger(
        ended, "issue", "HepB/HB2611A", "--doses", "1", "--asset", "east-gate/fridge-1"
    )
    assert (code, answer["refused"]) == (1, True)

    ledger(ended, "move", "HepB/HB2611A", "--doses", "20", "--from", "east-gate/fridge-1",
           "--to", "east-gate/fridge-3")  # fmt: skip
    code, answer = ledger(
        ended, "issue", "HepB/HB2611A", "--doses", "1", "--asset", "east-gate/fridge-3"
    )
    assert (code, answer["refused"]) == (1, True)


def test_the_batch_found_out_late_is_refused_too(ended: Ended) -> None:
    """The van's excursion came by backfill and holds its batch all the same."""
    code, answer = ledger(
        ended, "issue", "HPV/HP2607E", "--doses", "1", "--asset", "van-7/fridge-1"
    )

    assert (code, answer["refused"]) == (1, True)


def test_a_journey_tells_what_the_batch_went_through(ended: Ended) -> None:
    """Seconds inside, above, below and unknown add up, and the verdict follows."""
    _, journey = ledger(ended, "journey", "HepB/HB2611A")

    assert journey["exposure"]["above_s"] > 1_800
    assert journey["max"] > 8
    assert journey["verdict"] != "usable"


def test_a_demo_never_writes_into_a_used_folder(tmp_path: Path) -> None:
    """A folder with something in it is refused before anything starts."""
    (tmp_path / "mine").write_text("keep")

    done = subprocess.run(
        [sys.executable, "-m", "coldwatch", "demo", "--for", "1s", "--dir", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr == f"coldwatch demo: {tmp_path} is not empty; name a new folder\n"
