"""A hundred real failures, twenty of each kind, each at a time of its own in a fridge at work.

Each lasts until somebody mends it, and here nobody does: 40 hours are judged behind it. Ambient
means are drawn from 20 to 30 degC. The thermostat wanders within two hours, to where freezing or warmth is
sure, for a fridge that still keeps its range has not failed. So with the gap of the door: it is
wide enough, and the room warm enough (24 degC at least), that the compressor cannot keep up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from benchmarks.nuisance.judging import PEOPLE, Message, judge, watches_of
from benchmarks.nuisance.places import MODELS, Fault, Kind, Place, Room, Samples
from benchmarks.nuisance.usage import DAY_MS, STEP_MS, openings
from benchmarks.nuisance.year import START, told
from journal.excursions import ExcursionRow

HOUR: Final = 3_600_000
# Before the fault, so that the compressor cycles and the door has been open as usual.
BEFORE_MS: Final = 6 * HOUR
AFTER_MS: Final = 40 * HOUR
# A silence begins with the last valid reading, up to a recording interval before the fault.
SLACK_MS: Final = 60_000

# What begins so near to what also begins without the failure is not put down to it.
ALIKE_MS: Final = 30 * 60_000

# The five kinds of the table, and of which faults each is made.
GROUPS: Final[dict[str, tuple[Kind, ...]]] = {
    "compressor dead": ("compressor dead",),
    "door ajar": ("door ajar", "door ajar, contact shut"),
    "thermostat": ("thermostat warm", "thermostat freezing"),
    "mains lost": ("mains lost",),
    "probe dead or stuck": ("probe silent", "probe at power-on", "probe stuck"),
}
PROFILES: Final = ("cn-gsp", "who-pqs", "cdc-vfc")


@dataclass(frozen=True, slots=True)
class Case:
    """One failure and the samples around it; ``well`` are those of the same hours without it."""

    group: str
    fault: Fault
    model: str
    samples: Samples
    well: Samples


@dataclass(frozen=True, slots=True)
class Found:
    """The first SMS about a failure.

    Attributes:
        kind: what failed.
        rule: the rule that speaks first in it.
        delay_ms: that rule's own D; 0 for an instant rule.
        after_failure_ms: from the failure to the SMS.
        after_start_ms: from the first reading that counts for the rule (silence: the last valid
            one) to the SMS.
    """

    kind: Kind
    rule: str
    delay_ms: int
    after_failure_ms: int
    after_start_ms: int


def cases(group: str, count: int, seed: int) -> Iterator[Case]:
    """Yield so many failures of one group; the same ones for the same seed."""
    kinds = GROUPS[group]
    for number in range(count):
        chance = random.Random(f"{seed} {group} {number}")
        yield _case(group, kinds[number % len(kinds)], number, chance)


def _case(group: str, kind: Kind, number: int, chance: random.Random) -> Case:
    model = ("household", "compact")[number // 2 % 2]
    at = START + chance.randrange(30 * DAY_MS, 330 * DAY_MS, STEP_MS)
    mean_c = chance.uniform(24 if group == "door ajar" else 20, 30)
    to_c = {
        "thermostat warm": chance.uniform(11, 13), "thermostat freezing": chance.uniform(-5, -3)
    }.get(kind, 0.0)  # fmt: skip
    # The season is in the mean that was drawn already; the night may be 4 K colder.
    room = Room(mean_c + (4 if group == "door ajar" else 0), 0.0, number)
    start, end = at - BEFORE_MS, at + AFTER_MS
    # Nobody opens a door within an hour of it or forgets one later: what is told is of the failure.
    doors = [
        one
        for one in openings(start, end, chance)
        if not at - HOUR < one.end < at + HOUR and one.why != "forgotten"
    ]
    fault = Fault(kind, at, to_c)
    # The same numbers are drawn twice: until the failure the two are one and the same.
    again = copy(chance)
    samples = Place(MODELS[model], room, chance).run(start, end, doors, fault)
    well = Place(MODELS[model], room, again).run(start, end, doors)
    return Case(group, fault, model, samples, well)


def detected(case: Case, profile: str) -> Found | None:
    """Return the first SMS about a failure under a profile; None where there is none.

    What is told as well where nothing fails is not about it.
    """
    noise = [row for message in without(case, profile) for row in message.opened]

    def found(message: Message) -> list[ExcursionRow]:
        rows = _about(message, case.fault)
        return [row for row in rows if not any(_alike(row, other) for other in noise)]

    def about(message: Message) -> bool:
        return message.person == PEOPLE[0] and bool(found(message))

    judged = judge(case.samples, watches_of(profile), until=about)
    message = next(filter(about, judged.messages), None)
    if message is None:
        return None
    first = min(found(message), key=lambda row: row.opened)
    return Found(
        case.fault.kind,
        first.rule,
        int(first.snapshot["for_ms"]),
        message.at - case.fault.at,
        message.at - first.start,
    )


@lru_cache(maxsize=len(PROFILES))
def without(case: Case, profile: str) -> tuple[Message, ...]:
    """Return the SMS that each person gets in the same hours where nothing fails."""
    return tuple(told(case.well, profile))


def _alike(row: ExcursionRow, other: ExcursionRow) -> bool:
    """Whether both are by the same rule and began at about the same time."""
    same = (row.series, row.rule, row.side) == (other.series, other.rule, other.side)
    return same and abs(row.start - other.start) < ALIKE_MS


def _about(message: Message, fault: Fault) -> list[ExcursionRow]:
    """Return the excursions in a message that began with the failure or after it.

    The run of a stuck probe may have begun before: it stood at this value already when it failed.
    """
    return [
        row
        for row in message.opened
        if row.start >= fault.at - SLACK_MS
        or (row.side == "stuck" and fault.kind == "probe stuck" and row.opened > fault.at)
    ]


def spread(times: Sequence[int]) -> tuple[int, int, int]:
    """Return the least, the middle and the greatest."""
    ordered = sorted(times)
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]
