"""The nuisance figures in short: two weeks of a fridge at work, and ten failures.

The figures themselves are `python -m benchmarks nuisance`. What is held here is what makes them
figures: the rules are those that an agent puts in force, the SMS are those of a real intake, exposure
is counted to the millisecond, each SMS has its cause, every failure is told, and none before its
rule's delay.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from alerts.channels.contract import Outcome
from alerts.decisions import Decision
from alerts.profiles import rules_for
from benchmarks.nuisance import in_force
from benchmarks.nuisance.exposure import Witness, brute_force
from benchmarks.nuisance.failures import (
    BEFORE_MS,
    GROUPS,
    PROFILES,
    Case,
    cases,
    detected,
    without,
)
from benchmarks.nuisance.judging import (
    CENTER,
    DEVICE,
    PEOPLE,
    SITE,
    Message,
    hub_settings,
    judge,
    records,
    watches_of,
)  # fmt: skip
from benchmarks.nuisance.places import MODELS, Place, Room, Samples
from benchmarks.nuisance.still import stood
from benchmarks.nuisance.tracing import SOON_MS, Tracer
from benchmarks.nuisance.usage import DAY_MS, STEP_MS, Opening, openings
from benchmarks.nuisance.year import START, WATCHED, figures
from benchmarks.nuisance.year import told as told_of
from config.hub import Person
from config.profile import ALWAYS
from history.segments import segments
from history.sqlite import SqliteHistory
from history.statistics import exposure_of
from hub.intake import Incoming, Intake
from hub.notices import JOINED_MS, Outbox, owe
from hub.said import Matter
from journal.database import create_tables, open_database
from journal.excursions import ExcursionRow
from protocol.reading import Reading
from protocol.topics import topic
from tests.support.sender import Sender

DAYS = 14
MINUTE = 60_000


@pytest.fixture(scope="module")
def fortnight() -> Samples:
    """Two weeks as they come, with one door forgotten for 40 minutes that makes it warm."""
    end = START + DAYS * DAY_MS
    doors = openings(START, end, random.Random("fortnight"))
    forgotten = Opening(
        START + 5 * DAY_MS + 13 * 3_600_000, START + 5 * DAY_MS + 49_200_000, why="forgotten"
    )
    doors = [one for one in doors if not forgotten.begin <= one.end + STEP_MS <= forgotten.end]
    doors = sorted([*doors, forgotten], key=lambda one: one.begin)
    return Place(MODELS["compact"], Room(), random.Random("probe")).run(START, end, doors)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_fortnight_is_told_once_and_its_exposure_is_exact(
    fortnight: Samples, profile: str
) -> None:
    """The forgotten door is told and told over; history, engine and brute force count the same."""
    made = figures(fortnight, profile)

    # `figures` raises where history or engine differ from the sum over the samples.
    assert made.counted.above_ms > 10 * MINUTE
    assert made.counted.below_ms == 0
    # WHO's HEAT has ten hours; its DOOR speaks. The CDC's profile knows no door. GSP's speaks of the
    # door, of the warmth, and of the stock that is to be set apart.
    assert (made.opened, made.recovered) == ((3, 2) if profile == "cn-gsp" else (1, 1))
    assert made.as_one == 2


@pytest.mark.parametrize("profile", [profile for _, profile in WATCHED])
def test_judged_is_by_what_an_agent_puts_in_force(profile: str) -> None:
    """The rules about the equipment stand beside those of the profile, as on every device."""
    watch = watches_of(profile)[CENTER]

    assert set(rules_for(ALWAYS, "temperature")) <= set(watch.rules)
    assert set(rules_for(profile, "temperature")) <= set(watch.rules)
    # Of the probe and of the door's contact, which records every minute and so is never silent.
    assert sorted(in_force(profile)) == sorted(
        rule.id
        for quantity in {series.rpartition("/")[2] for series in watches_of(profile)}
        for rule in rules_for(ALWAYS, quantity)
    )
    assert {rule.id for rule in rules_for(ALWAYS, "temperature")} <= set(in_force(profile))


def test_the_doors_of_the_year_are_as_many_as_is_said() -> None:
    """7,119 openings, 49 h in all, of which eight were forgotten: docs/decisions/032."""
    doors = openings(START, START + 365 * DAY_MS, random.Random("1 doors"))
    forgotten = [one for one in doors if one.why == "forgotten"]

    assert (len(doors), len(forgotten)) == (7_119, 8)
    assert round(sum(one.end - one.begin for one in doors) / 3_600_000) == 49
    # No other stands open for as long as a door rule waits.
    longest = max(one.end - one.begin for one in doors if one.why != "forgotten")
    assert longest < 5 * MINUTE <= min(one.end - one.begin for one in forgotten)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_message_comes_from_the_forgotten_door(fortnight: Samples, profile: str) -> None:
    """By what was before it, and because there is none in the same weeks without that door."""
    made = figures(fortnight, profile)
    end = START + DAYS * DAY_MS
    rest = [one for one in fortnight.openings if one.why != "forgotten"]
    well = Place(MODELS["compact"], Room(), random.Random("probe")).run(START, end, rest)

    assert made.messages > 0
    assert made.sources == {"forgotten door": made.messages}
    assert (made.openings - len(rest), made.forgotten, made.doors) == (1, 1, 1)
    assert made.defrosts == 2 * DAYS
    assert told_of(well, profile) == []
    # Nor does a fridge that cycles stand still for a tenth of the time that `stuck` waits.
    assert (made.equipment, 0 < made.still_ms < 72 * MINUTE) == (0, True)


def test_a_message_is_not_put_down_to_a_forgotten_door_too_easily(fortnight: Samples) -> None:
    """Behind another door, behind a defrost, and behind nothing at all, it is said to be so."""
    message = told_of(fortnight, "who-pqs")[0]
    (row,) = message.opened
    tracer = Tracer(fortnight)
    forgotten = next(one for one in fortnight.openings if one.why == "forgotten")

    def source(start: int) -> str:
        return tracer.trace(replace(message, opened=(replace(row, start=start),))).source

    def quiet(at: int) -> bool:
        return not any(one.begin <= at <= one.end + SOON_MS for one in fortnight.openings)

    # The first of all has none before it; whatever is near, a delivery's door stood open for longer.
    other = fortnight.openings[0]
    *_, delivery = (one for one in fortnight.openings if one.why == "delivery")
    defrost = next(end for _, end in fortnight.defrosts if quiet(end))
    assert source(forgotten.begin - 1) != "forgotten door"
    assert source(forgotten.begin) == source(forgotten.end + SOON_MS) == "forgotten door"
    assert source(forgotten.end + SOON_MS + 1) != "forgotten door"
    assert (other.why, source(other.begin)) == ("other", "other door")
    assert source(delivery.end + 5 * MINUTE) == "delivery"
    assert (source(defrost), source(defrost + SOON_MS + 1)) == ("defrost", "none")

    # Of two excursions in one SMS the other one decides; one without any came from nothing known.
    both = (row, replace(row, start=other.begin))
    assert tracer.trace(replace(message, opened=both)).source == "other door"
    assert tracer.trace(replace(message, opened=())).source == "none"
    stuck = replace(row, rule=f"{ALWAYS}/stuck")
    assert tracer.trace(replace(message, opened=(stuck,))).equipment
    assert not tracer.trace(message).equipment


def test_a_fridge_that_stands_still_is_found_out() -> None:
    """A living probe is told as stuck where it shows one value for 12 h, by day, and only there."""
    # By day: of what is over by the morning nobody hears, so in three days of these nobody does.
    quiet = stood(0.15, 0.003, 1, used=False, days=7)
    noisy = stood(0.15, 0.02, 1, used=False, days=7)

    assert quiet.still_ms >= 12 * 60 * MINUTE
    assert quiet.cried > 0
    assert noisy.still_ms < 2 * 60 * MINUTE
    assert (noisy.cried, noisy.other, quiet.other) == (0, 0, 0)


def test_the_brute_force_can_differ(fortnight: Samples) -> None:
    """A reading that is left out is found: the comparison is none with itself."""
    watches = watches_of("cn-gsp")
    witness = Witness(watches[CENTER])
    bodies = list(records(fortnight, watches))
    warm = next(body for body in bodies if body.get("series") == CENTER and body["value"] > 8_000)
    for body in bodies:
        if body is not warm:
            witness(body)

    assert witness.of_history(fortnight) != brute_force(fortnight, 2_000, 8_000)


def test_the_definition_of_exposure_counts_the_same_as_the_samples(fortnight: Samples) -> None:
    """Not only the columns: the streaming definition that a report is made of, too."""

    def readings() -> Iterator[Reading]:
        for body in records(fortnight, watches_of("who-pqs")):
            if body.get("series") == CENTER:
                fields = {name: body[name] for name in Reading.__dataclass_fields__ if name in body}
                yield Reading(**fields)

    end = fortnight.at(len(fortnight.center) - 1)
    stretches = segments(
        readings(), start=START, end=end, low=2_000, high=8_000, interval_ms=MINUTE,
        max_gap_ms=3 * MINUTE,
    )  # fmt: skip
    found = exposure_of(stretches, START)

    expected = brute_force(fortnight, 2_000, 8_000)
    assert (found.below_ms, found.above_ms) == (expected.below_ms, expected.above_ms)
    assert found.unknown_ms == 0


def hours(samples: Samples, begin: float, end: float) -> Samples:
    """Return the samples between two hours of the two weeks."""
    first, last = (round(hour * 3_600_000 / STEP_MS) for hour in (begin, end))
    return Samples(
        samples.at(first), samples.center[first:last], samples.door[first:last],
        samples.mains[first:last],
    )  # fmt: skip


class Told:
    """What a real intake and a real outbox make of the same records, sent one by one."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.messages: list[Message] = []
        self.intake = Intake(self.settings, self.database, self.history, self._tell)
        self.outbox = Outbox(self.settings, self.database, Sent(), self._words)

    def _tell(self, conn: Connection, decision: Decision, row: ExcursionRow, now: int) -> None:
        owe(conn, self.settings.sites[0], decision.happening, row, now)

    def _words(self, _conn: Connection, person: Person, matters: Sequence[Matter], now: int) -> str:
        opened = tuple(row for matter in matters for row in matter.opened)
        recovered = tuple(row for matter in matters for row in matter.recovered)
        self.messages.append(Message(now, person.id, opened, recovered))
        return "text"

    def send(self, sender: Sender, seq: int) -> None:
        """Take one record in, and let the outbox look."""
        now = sender.bodies[seq - 1]["at"]
        name = topic(SITE, DEVICE, "records")
        self.intake.take([Incoming(name, sender.message(seq, seq), now)], now)
        if seq == len(sender.bodies) or sender.bodies[seq]["at"] > now:
            self.outbox.round(now)


class Sent:
    """A channel that sends at once."""

    def submit(self, key: str, to: str, text: str, params: object = None) -> None:
        """Take it."""

    def outcome(self, key: str) -> Outcome:
        """Say that it was sent."""
        return Outcome("sent")


def told(message: Message) -> tuple[str, list[str], list[str]]:
    """Return what a message says to whom."""
    opened, recovered = ([row.rule for row in rows] for rows in (message.opened, message.recovered))
    return message.person, opened, recovered


def test_the_reckoning_equals_a_real_intake(fortnight: Samples, tmp_path: Path) -> None:
    """Through messages, chain, intake and history, the forgotten door brings the same SMS."""
    samples, watches = hours(fortnight, 5 * 24 + 12.75, 5 * 24 + 14.25), watches_of("cn-gsp")
    sender = Sender(boot="b" * 32)
    real = Told(tmp_path)
    for body in records(samples, watches):
        sender.add(dict(body))
    for seq in range(1, len(sender.bodies) + 1):
        real.send(sender, seq)
    real.history.close()

    reckoned = judge(samples, watches).messages

    assert len(reckoned) == 5 * len(PEOPLE)
    assert [told(message) for message in reckoned] == [told(message) for message in real.messages]
    for mine, theirs in zip(reckoned, real.messages, strict=True):
        # The real outbox looks with every record here; what is joined waits for it a little less.
        assert 0 <= mine.at - theirs.at <= JOINED_MS


@pytest.fixture(scope="module")
def failures() -> list[Case]:
    """Ten failures: the first two of each kind."""
    return [case for group in GROUPS for case in cases(group, 2, 1)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_failure_is_told_and_none_before_its_rules_delay(
    failures: list[Case], profile: str
) -> None:
    """Ten of ten, and the SMS comes when its rule has waited for what it says it waits for."""
    found = [detected(case, profile) for case in failures]

    assert [case.fault.kind for case, one in zip(failures, found, strict=True) if one is None] == []
    assert Counter(case.group for case in failures) == dict.fromkeys(GROUPS, 2)
    for one in found:
        assert one is not None
        assert one.after_start_ms >= one.delay_ms
        # Nor much later: the next sample, or the next record of the stream for a silence.
        assert one.after_start_ms - one.delay_ms <= 90 * MINUTE


@pytest.mark.parametrize("profile", PROFILES)
def test_a_probe_that_is_stuck_at_a_good_value_is_told(profile: str) -> None:
    """By the rule that is in force on every device, 12 h after the value moved last."""
    *_, case = cases("probe dead or stuck", 3, 1)
    found = detected(case, profile)

    assert case.fault.kind == "probe stuck"
    assert found is not None
    assert (found.rule, found.delay_ms) == (f"{ALWAYS}/stuck", 12 * 60 * MINUTE)
    assert 0 <= found.after_start_ms - found.delay_ms <= MINUTE

    # It may have stood at that value already; the 12 h are counted from there.
    index, before = BEFORE_MS // STEP_MS, 10 * MINUTE // STEP_MS
    center = case.samples.center[:]
    center[index - before : index] = array("q", [center[index]] * before)
    found = detected(replace(case, samples=replace(case.samples, center=center)), profile)
    assert found is not None
    assert found.after_failure_ms == 12 * 60 * MINUTE - 10 * MINUTE


def test_a_failure_is_judged_against_the_same_hours_without_it(failures: list[Case]) -> None:
    """Until it fails the two are one; and what is told without it is not put down to it."""
    for case in failures:
        until = BEFORE_MS // STEP_MS
        assert case.samples.center[:until] == case.well.center[:until]
        assert case.samples.door[:until] == case.well.door[:until]
        assert case.samples.center[until:] != case.well.center[until:]
        assert without(case, "cn-gsp") == ()
        # Where the failure is none, nothing is found, whatever else is told.
        assert detected(replace(case, samples=case.well), "cdc-vfc") is None
