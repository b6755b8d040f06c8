"""A clock that steps, and a Pi that wakes up in another year: the same excursions as without.

Issue 3, acceptance 5. The real pieces of the agent record a night: Stamper and StreamWriter on
clocks that the test moves, and the sender's messages go to the hub's own engine. What the wall clock
says meanwhile is the test's; true time is what passes.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alerts.engine import StreamEngine
from firmware_agent.chain import Draft
from firmware_agent.outbox import SpoolOutbox
from firmware_agent.sender import Sender
from firmware_agent.spool import Spool
from firmware_agent.stamping import Stamper
from firmware_agent.stream import StreamWriter
from hub.decode import decode
from tests.firmware_agent.worlds import reading, settings

HOUR = 3_600_000
DAY = 24 * HOUR
MINUTE = 60_000
START_MS = 1_760_000_000_000
# 2024-02-28 20:00 UTC: the night runs into the 29th of February.
LEAP_MS = 1_709_150_400_000

Night = Sequence[tuple[int, int]]
"""When each reading was truly taken, milliseconds from the beginning, and its value."""


@dataclass(frozen=True)
class Trouble:
    """Something that happens to the clock at a time of the night.

    Attributes:
        at: true time from the beginning, ms; it happens before the next reading.
        error: by how much the wall clock is wrong from then on, ms; None for a clock that stands
            in 1970 at the boot.
        synced: whether the kernel calls it right.
        reboot: whether the Pi is switched off and on.
    """

    at: int
    error: int | None = 0
    synced: bool = True
    reboot: bool = False


@dataclass
class Seen:
    """What the hub has in the end."""

    readings: list[tuple[int, int]] = field(default_factory=list)
    clocks: set[str] = field(default_factory=set)
    # Rule, side, true start, true end (None: open), certainty.
    excursions: list[tuple[str, str, int, int | None, str]] = field(default_factory=list)
    at_errors: list[int] = field(default_factory=list)


def live(
    night: Night,
    troubles: Sequence[Trouble],
    start: int = START_MS,
    *,
    folder: Path | None = None,
) -> Seen:
    """Record the night through the agent's own pieces; return what the hub's engine makes of it.

    Without a folder the spool's tables are in memory, and outlast the reboots there.
    """
    spool = Spool.open(folder, start) if folder else Spool.in_memory()
    state = Trouble(0)

    def synchronised() -> bool:
        return state.synced

    boots, booted_at = 1, 0
    stamper = Stamper(synchronised)
    writer = StreamWriter(spool, f"boot-{boots}", 365 * DAY, start)
    waiting = list(troubles)

    def wall(true: int) -> int:
        """Return what the Pi's clock says."""
        if state.error is None:
            return 1_000 + true - booted_at
        return max(0, start + true + state.error)

    def mono(true: int) -> int:
        """Return CLOCK_BOOTTIME: it measures and never steps."""
        return 5_000 + true - booted_at

    for true, value in night:
        while waiting and waiting[0].at <= true:
            state = waiting.pop(0)
            if state.reboot:
                boots, booted_at = boots + 1, true
                if folder is not None:
                    spool.close()
                    spool = Spool.open(folder, wall(true))
                stamper = Stamper(synchronised)
                writer = StreamWriter(spool, f"boot-{boots}", 365 * DAY, wall(true))
                writer.start(stamper.look(wall(true), mono(true), connected=False), wall(true))
        drafts: list[Draft] = [reading(mono(true), value)]
        if writer.settings_version is None:
            drafts.insert(0, settings(mono(true)))
        stamp = stamper.look(wall(true), mono(true), connected=False)
        writer.commit(drafts, stamp, wall(true))
    # In the end the clock is right, and all has its stamp.
    state = Trouble(0)
    last = night[-1][0] + 1_000
    writer.commit([], stamper.look(wall(last), mono(last), connected=False), wall(last))
    assert writer.pending == 0
    seen = judged(writer, SpoolOutbox(spool), night, start)
    spool.close()
    return seen


def judged(writer: StreamWriter, outbox: SpoolOutbox, night: Night, start: int) -> Seen:
    """Send everything, and judge it as the hub does, with the hub's own decoder and engine."""
    sender = Sender(outbox, window=50_000, resend_after_ms=1_000)
    sender.refresh(writer.streams)
    stream = writer.streams[-1]
    engine = StreamEngine(stream.id)
    seen = Seen()
    true_of: dict[int, int] = {}
    closed: dict[str, int | None] = {}
    opened = {}
    while (message := sender.next(0)) is not None:
        decoded = decode(message.payload)
        assert decoded.refused == []
        for body in decoded.bodies:
            assert body is not None
            if body["kind"] == "reading":
                true, value = night[len(seen.readings)]
                assert body["value"] == value
                true_of[body["seq"]] = true
                seen.readings.append((true, value))
                seen.clocks.add(body["clock"])
                seen.at_errors.append(body["at"] - start - true)
            for decision in engine.feed_record(body):
                if decision.happening in ("opened", "confirmed"):
                    opened[decision.id] = decision
                elif decision.happening == "closed":
                    closed[decision.id] = true_of.get(decision.seq)
    outbox.close()
    seen.excursions = sorted(
        (
            item.rule.id, item.side, true_of[item.first_seq],
            closed.get(id_), item.certainty,
        )
        for id_, item in opened.items()
    )  # fmt: skip
    return seen


def synthetic_night() -> Night:
    """Ten hours, a reading a minute: a door left open, a freezing hour, and quiet between."""
    night = []
    for minute in range(600):
        value = 5_000 + int(800 * math.sin(minute / 17))
        if 100 <= minute < 112 or 420 <= minute < 421:
            value = 9_500
        elif 300 <= minute < 360:
            value = -1_000
        night.append((minute * MINUTE, value))
    return night


def recorded_night(file: Path) -> Night:
    """Return the readings of a real household fridge, with their own irregular times."""
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    times = [dt.datetime.fromisoformat(row["timestamp"]) for row in rows]
    night: list[tuple[int, int]] = []
    for time, row in sorted(zip(times, rows, strict=True), key=lambda item: item[0]):
        true = int((time - min(times)).total_seconds() * 1000)
        if not night or true > night[-1][0]:
            night.append((true, round(float(row["temperature"]) * 1000)))
    return night


# Each at the worst moments of the synthetic night: within a run, and between its readings.
STEPS = {
    "an hour back": [Trouble(105 * MINUTE, -HOUR)],
    "an hour on": [Trouble(105 * MINUTE, HOUR)],
    "a day on": [Trouble(310 * MINUTE, DAY)],
    "back and right again": [Trouble(102 * MINUTE, -HOUR), Trouble(330 * MINUTE, 0)],
    "on and back over each other": [
        Trouble(50 * MINUTE, DAY), Trouble(104 * MINUTE, -HOUR), Trouble(305 * MINUTE, HOUR),
        Trouble(420 * MINUTE, 0),
    ],
    "not right for an hour": [
        Trouble(101 * MINUTE, -DAY, synced=False), Trouble(310 * MINUTE, 0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("start", [START_MS, LEAP_MS], ids=["autumn", "leap day"])
def test_a_step_within_a_boot_changes_no_excursion(name: str, start: int) -> None:
    """Neither made nor hidden nor shifted: same rules, same first readings, same ends."""
    night = synthetic_night()
    unbroken = live(night, [], start)
    assert {item[0] for item in unbroken.excursions} == {
        "test/warm", "test/at-limit", "test/freeze-sum",
    }  # fmt: skip
    stepped = live(night, STEPS[name], start)
    assert stepped.readings == unbroken.readings == list(night)
    assert stepped.excursions == unbroken.excursions


@pytest.mark.parametrize(
    "error", [None, -7 * DAY, -HOUR, DAY], ids=["1970", "last week", "-1h", "+1d"]
)
def test_a_boot_in_another_year_that_finds_its_time(error: int | None) -> None:
    """Rebooted in the midst of a run; the time comes half an hour later: as if nothing had been."""
    night = synthetic_night()
    unbroken = live(night, [])
    woken = live(
        night,
        [Trouble(320 * MINUTE, error, synced=False, reboot=True), Trouble(350 * MINUTE, 0)],
    )  # fmt: skip
    assert woken.readings == list(night)
    assert woken.excursions == unbroken.excursions
    assert woken.clocks == {"synced"}
    assert set(woken.at_errors) == {0}, "the stamps are those of the true time"


def test_a_boot_in_1970_that_never_finds_its_time() -> None:
    """Rebooted again before it did: its readings are estimated, none is lost, and nothing is hidden.

    How long the Pi was off is unknown then, so what would have been certain may be possible, and a
    window may let go of it at another minute; but each stretch outside is still an excursion.
    """
    night = synthetic_night()
    unbroken = live(night, [])
    lost = live(
        night,
        [Trouble(200 * MINUTE, None, synced=False, reboot=True),
         Trouble(400 * MINUTE, 0, reboot=True)],
    )  # fmt: skip
    assert lost.readings == list(night)
    assert lost.clocks == {"synced", "estimated"}
    assert [item[:3] for item in lost.excursions] == [item[:3] for item in unbroken.excursions]


def test_acceptance_a_recorded_night(tmp_path: Path, shared_data: Path) -> None:
    """A real fridge's day, with a step of minus one hour, plus one day, and a boot in 1970."""
    night = recorded_night(shared_data / "fridge-ruuvi" / "fridge.csv")
    unbroken = live(night, [])
    assert len(unbroken.excursions) > 5
    length = night[-1][0]
    broken = live(
        night,
        [
            Trouble(length // 5, -HOUR),
            Trouble(2 * length // 5, DAY),
            Trouble(3 * length // 5, None, synced=False, reboot=True),
            Trouble(3 * length // 5 + 2 * HOUR, 0),
        ],
    )  # fmt: skip
    assert broken.readings == unbroken.readings == list(night)
    assert broken.excursions == unbroken.excursions


troubles = st.lists(
    st.builds(
        Trouble,
        at=st.integers(0, 600).map(lambda minute: minute * MINUTE),
        error=st.sampled_from([0, -HOUR, HOUR, DAY, -7 * DAY, None]) | st.integers(-DAY, DAY),
        synced=st.booleans(),
    ),
    max_size=6,
).map(lambda items: sorted(items, key=lambda item: item.at))


@hypothesis_settings(max_examples=8)
@given(steps=troubles)
def test_no_sequence_of_steps_changes_an_excursion(
    steps: list[Trouble],
) -> None:
    """Whatever the wall clock says within a boot, right or not: only monotonic time counts."""
    night = synthetic_night()[::2]
    unbroken = live(night, [])
    stepped = live(night, steps)
    assert stepped.readings == list(night)
    assert stepped.excursions == unbroken.excursions


@hypothesis_settings(max_examples=8)
@given(boots=st.lists(st.integers(0, 590), min_size=1, max_size=3, unique=True).map(sorted))
def test_boots_in_1970_that_find_their_time_change_no_excursion(
    boots: list[int],
) -> None:
    """Each wakes up in 1970, and the time comes some minutes later, before the next one."""
    night = synthetic_night()[::2]
    steps = []
    for minute, following in zip(boots, [*boots[1:], 600], strict=True):
        found = min(minute + 7, following - 1)
        steps.append(Trouble(minute * MINUTE, None, synced=False, reboot=True))
        steps.append(Trouble(found * MINUTE, 0))
    unbroken = live(night, [])
    woken = live(night, steps)
    assert woken.readings == list(night)
    if "estimated" not in woken.clocks:
        assert woken.excursions == unbroken.excursions
        assert set(woken.at_errors) == {0}
