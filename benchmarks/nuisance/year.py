"""A year of a well-run fridge: what people get of it under each profile, and what it went through."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from alerts.rules import Watch
from benchmarks.nuisance.exposure import Outside, Witness, brute_force, longest_ms
from benchmarks.nuisance.judging import CENTER, DOOR, PEOPLE, Message, judge, watches_of, with_rules
from benchmarks.nuisance.places import MODELS, Place, Room, Samples
from benchmarks.nuisance.tracing import Source, Tracer
from benchmarks.nuisance.usage import DAY_MS, Opening, openings

# From a Thursday on, 00:00 in China.
START: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000) - 8 * 3_600_000
YEAR_DAYS: Final = 365
MONTH_MS: Final = DAY_MS * YEAR_DAYS / 12

# Which profile watches which kind of fridge.
WATCHED: Final = (
    ("household", "cn-gsp"), ("household", "who-pqs"), ("household", "cdc-vfc"),
    ("compact", "cn-gsp"), ("compact", "who-pqs"), ("compact", "cdc-vfc"),
    ("freezer", "freezer"), ("ultra-cold", "ultra-cold"),
)  # fmt: skip

Change = Callable[[dict[str, Watch]], dict[str, Watch]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one fridge's year came to under one profile, for one of the people who are told.

    Attributes:
        messages: SMS to each person.
        opened: those that say that something has opened.
        recovered: those that say only that it is over.
        as_one: SMS if a fridge were one matter: nothing is told that opens before all else that was
            told of it is over, and only the last recovery is.
        by_rule: SMS with an opening by the rule that speaks first in it.
        months: how long it went on, in twelfths of a year.
        counted: time outside by the samples; history and engine say the same, or it is no figure.
        longest_ms: the longest single stretch outside.
        openings: how often the door was opened, forgotten or not.
        forgotten: how often it was forgotten.
        defrosts: how many there were.
        sources: SMS by what they came from.
        doors: how many forgotten doors any SMS came from.
        equipment: SMS in which a rule about the equipment itself speaks.
        still_ms: the longest time for which the centre showed one and the same value.
    """

    messages: int
    opened: int
    recovered: int
    as_one: int
    by_rule: Counter[str]
    months: float
    counted: Outside
    longest_ms: int
    openings: int
    forgotten: int
    defrosts: int
    sources: Counter[Source]
    doors: int
    equipment: int
    still_ms: int

    @property
    def a_month(self) -> float:
        """SMS a month to each person."""
        return self.messages / self.months


def sampled(model: str, days: int, seed: int, *, forgotten: bool = True) -> Samples:
    """Return the samples of so many days of a well-run fridge.

    Without its forgotten doors all else is the same: the people, the room, the probe's noise.
    """
    # Text seeds give the same numbers in every process. All fridges have the same people.
    doors = openings(START, START + days * DAY_MS, random.Random(f"{seed} doors"))
    doors = [one for one in doors if forgotten or one.why != "forgotten"]
    place = Place(MODELS[model], Room(seed=seed), random.Random(f"{seed} probe {model}"))
    return place.run(START, START + days * DAY_MS, doors)


def figures(samples: Samples, profile: str, change: Change | None = None) -> Figures:
    """Judge samples under a profile, perhaps with other rules.

    Raises:
        ValueError: history or engine count another exposure than the samples have.
    """
    watches = watches_of(profile)
    watches = change(watches) if change is not None else watches
    witness = Witness(watches[CENTER])
    judged = judge(samples, watches, witness)
    storage = watches[CENTER].storage
    assert storage is not None
    counted = brute_force(samples, *storage)
    for who, said in (("history", witness.of_history(samples)), ("engine", witness.of_engine())):
        if said != counted:
            raise ValueError(f"{profile}: {who} counts {said}, the samples are {counted}")
    mine = [message for message in judged.messages if message.person == PEOPLE[0]]
    if len(mine) * len(PEOPLE) != len(judged.messages):
        raise ValueError("the three people did not get the same messages")
    opened = [message for message in mine if message.opened]
    tracer = Tracer(samples)
    traces = [tracer.trace(message) for message in mine]
    return Figures(
        len(mine),
        len(opened),
        len(mine) - len(opened),
        as_one(mine),
        Counter(first_rule(message) for message in opened),
        len(samples.center) * 10_000 / MONTH_MS,
        counted,
        longest_ms(samples, *storage),
        len(samples.openings),
        sum(one.why == "forgotten" for one in samples.openings),
        len(samples.defrosts),
        Counter(trace.source for trace in traces),
        len(frozenset[Opening]().union(*(trace.doors for trace in traces))),
        sum(trace.equipment for trace in traces),
        witness.still_ms(),
    )


def told(samples: Samples, profile: str) -> list[Message]:
    """Return the SMS that one of those who are told gets under a profile."""
    judged = judge(samples, watches_of(profile))
    return [message for message in judged.messages if message.person == PEOPLE[0]]


def first_rule(message: Message) -> str:
    """Return the rule of the excursion that opened first among those in a message."""
    return min(message.opened, key=lambda row: row.opened).rule


def as_one(messages: Sequence[Message]) -> int:
    """Return how many of one person's SMS were left if all of one fridge were one alarm."""
    count, under_way = 0, set[tuple[str, str]]()
    for message in messages:
        before = bool(under_way)
        under_way |= {(row.quantity, row.side) for row in message.opened}
        under_way -= {(row.quantity, row.side) for row in message.recovered}
        count += before != bool(under_way) or (not before and bool(message.opened))
    return count


def longer(series: str, name: str, for_ms: int) -> Change:
    """Return the change that gives one rule another D; an instant one becomes consecutive."""

    def changed(watches: dict[str, Watch]) -> dict[str, Watch]:
        rules = [
            replace(
                rule, kind="consecutive" if rule.kind == "instant" else rule.kind, for_ms=for_ms
            )
            if rule.id.endswith(f"/{name}")
            else rule
            for rule in watches[series].rules
        ]
        if rules == list(watches[series].rules):
            raise ValueError(f"{series} has no rule {name}")
        return with_rules(watches, series, rules)

    return changed


# What else was tried, where a profile is noisy: name, fridge, profile, change.
TRIED: Final = (
    ("door told after 10 min", "household", "cn-gsp", longer(DOOR, "door", 10 * 60_000)),
    ("door told after 10 min", "household", "who-pqs", longer(DOOR, "door", 10 * 60_000)),
    ("out of range told after 5 min", "household", "cdc-vfc",
     longer(CENTER, "out-of-range", 5 * 60_000)),
    ("out of range told after 10 min", "household", "cdc-vfc",
     longer(CENTER, "out-of-range", 10 * 60_000)),
)  # fmt: skip
