"""What the agent's own modem has to tell: a pure decision.

design.md, decision 3: "The agent sends for itself unless, within two minutes of an excursion's
opening, the hub's retained `told` lists that excursion." Told are those excursions whose rule
`tells`; a recovery only to whom we told the opening. One that goes on a thread of which people know
is told by nobody anew. What opens in work that was announced waits for its end, as at the hub; what
can wait for the day (alerts/by_day.py) is left to it, for it knows the hour at the site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

from alerts.by_day import waits
from alerts.engine import Thread
from alerts.rules import Rule
from firmware_agent.downlink import Work
from firmware_agent.judging import Excursion
from protocol.reading import split_series

_Item = TypeVar("_Item")

# The hub has so long to tell people; from when we saw it open, on the monotonic clock.
HUB_FIRST_MS: Final = 120_000
# Mains that are lost cannot wait so long: within this the hub must have judged what we recorded,
# or it is not there (the site's router is without mains as well). Power, "within 10 s".
MAINS_FIRST_MS: Final = 3_000
# What was open before this start: `told` may have changed meanwhile and needs a connection.
AFTER_START_MS: Final = 15_000
# After a reboot nobody knows how much of the two minutes had passed; they do not begin anew, or an
# agent that reboots every minute would never tell.
AFTER_BOOT_MS: Final = 30_000
# In a new stream (a fork) the engine begins anew; what it does not open again by then is over.
AFTER_FORK_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Seen:
    """When we first saw an excursion open: boot, monotonic time, and our newest record then."""

    boot: str
    mono_ms: int
    seq: int


@dataclass(frozen=True, slots=True)
class Told:
    """What we have told people of, until it has recovered. JSON keeps it.

    Attributes:
        thread: as in alerts.decisions.Decision.
        ids: the excursions of it that we know.
        since: its start, UTC milliseconds.
        end: when we saw it close; None while it is open.
        extreme: the value farthest outside.
        moved_ms: when its stream was replaced by another, monotonic.
    """

    thread: str
    stream: str
    series: str
    rule: str
    side: str
    certainty: str
    ids: tuple[str, ...]
    since: int
    end: int | None = None
    extreme: int | None = None
    moved_ms: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is about, in whatever stream."""
        return (self.series, self.rule, self.side)


@dataclass(frozen=True, slots=True)
class View:
    """All that the decision needs.

    Attributes:
        boot: this boot.
        now_ms: monotonic.
        started_ms: when this agent started, monotonic.
        stream: the open stream.
        judged: how many of its records the hub has judged.
        open: the open excursions.
        listed: what `told` lists.
        threads: what is open or not recovered.
        seen: since when each open excursion is known.
        told: what we have told, not recovered.
        rules: of each series, by id.
        wall_ms: UTC, as well as it is known.
        works: planned work, as the hub said.
    """

    boot: str
    now_ms: int
    started_ms: int
    stream: str
    judged: int
    open: Sequence[Excursion]
    listed: frozenset[str]
    threads: frozenset[Thread]
    seen: Mapping[str, Seen] = field(default_factory=dict)
    told: Sequence[Told] = ()
    rules: Mapping[str, Mapping[str, Rule]] = field(default_factory=dict)
    wall_ms: int = 0
    works: Sequence[Work] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Something to tell: excursions of one asset and side that opened, or one matter that is over.

    The first of ``opened`` speaks for the others; ``over`` likewise, the earliest first. What is
    ``forgotten`` is told to nobody: its rule is gone, or was about a sum.
    """

    step: Literal["opened", "recovered", "forgotten"]
    opened: tuple[Excursion, ...] = ()
    over: tuple[Told, ...] = ()


def due_ms(excursion: Excursion, seen: Seen, view: View) -> int:
    """Return when we tell this excursion ourselves if nobody has by then, monotonic."""
    earliest = view.started_ms + AFTER_START_MS
    if split_series(excursion.series)[2] == "present" and seen.seq > view.judged:
        return seen.mono_ms + MAINS_FIRST_MS if seen.boot == view.boot else view.now_ms
    if seen.boot != view.boot:
        return view.started_ms + AFTER_BOOT_MS
    due = seen.mono_ms + HUB_FIRST_MS
    return due if seen.mono_ms >= view.started_ms else max(due, earliest)


def waiting(view: View) -> list[Excursion]:
    """Return what is open, must be told and of which nobody has told people, as far as we know."""
    ours = {item.thread for item in view.told}
    before = {item.key for item in view.told if item.stream != view.stream}
    return [
        item
        for item in view.open
        if item.tells
        and item.id not in view.listed
        and item.thread not in view.listed
        and item.thread not in ours
        and (item.series, item.rule, item.side) not in before
        and not _at_work(item, view)
        and not waits("", split_series(item.series)[2], item.side)
    ]


def _at_work(item: Excursion, view: View) -> bool:
    """Whether it opened in planned work, which is under way or was until the hub's two minutes ago."""
    asset = split_series(item.series)[0]
    return any(
        work.asset == asset
        and work.begin <= item.opened < work.until
        # A clock that has fallen back would wait for ever.
        and item.opened <= view.wall_ms < work.until + HUB_FIRST_MS
        for work in view.works
    )


def steps(view: View) -> list[Step]:
    """Return what has to be told now."""
    due = [
        item
        for item in waiting(view)
        if item.id in view.seen and view.now_ms >= due_ms(item, view.seen[item.id], view)
    ]
    found = []
    for group in _grouped(due, lambda item: (split_series(item.series)[0], item.side)):
        found.append(Step("opened", tuple(sorted(group, key=lambda item: _gravity(item, view)))))
    for ended in _grouped(over(view), lambda item: (item.series, item.side)):
        ends = sorted(ended, key=lambda item: item.since)
        said = any(
            item.stream == view.stream and _kind(item, view) not in ("", "cumulative")
            for item in ends
        )
        found.append(Step("recovered" if said else "forgotten", over=tuple(ends)))
    return found


def rebound(view: View) -> list[Told]:
    """Return what we told, with what a new stream goes on about under its new ids.

    Where the new stream's engine sees nothing of it, that proves nothing: nobody is told that it is
    over, and after an hour it is forgotten.
    """
    threads = {(item.series, item.rule, item.side): item.id for item in view.threads}
    found = []
    for item in view.told:
        if item.stream == view.stream:
            found.append(item)
        elif item.key in threads:
            found.append(
                replace(item, thread=threads[item.key], stream=view.stream, moved_ms=None, end=None)
            )
        elif item.moved_ms is None or item.moved_ms > view.now_ms:
            found.append(replace(item, moved_ms=view.now_ms))
        else:
            found.append(item)
    return found


def over(view: View) -> list[Told]:
    """Return what we told and is over: no rule that tells sees trouble on that side any more.

    A window's sum that falls is no news, and keeps no recovery waiting: the fridge has been inside
    for hours. Those are over by themselves, and told by nobody.
    """
    troubled = {
        (item.series, item.side)
        for item in view.threads
        if (rule := view.rules.get(item.series, {}).get(item.rule)) is not None
        and rule.tells
        and rule.kind != "cumulative"
    }
    going_on = {item.id for item in view.threads}
    found = []
    for item in view.told:
        if item.thread in going_on:
            continue
        if _kind(item, view) == "cumulative" or (item.series, item.side) not in troubled:
            moved_ms = item.moved_ms if item.moved_ms is not None else view.now_ms
            if item.stream == view.stream or view.now_ms - moved_ms >= AFTER_FORK_MS:
                found.append(item)
    return found


def _kind(item: Told, view: View) -> str:
    rule = view.rules.get(item.series, {}).get(item.rule)
    return rule.kind if rule is not None else ""


def _gravity(item: Excursion, view: View) -> tuple[bool, bool, int, str]:
    """As the hub's: one that holds batches first, a certain one, the earliest."""
    rule = view.rules.get(item.series, {}).get(item.rule)
    return (
        not (rule is not None and rule.holds),
        item.certainty != "certain",
        item.opened,
        item.id,
    )


def _grouped(items: Iterable[_Item], key: Callable[[_Item], tuple[str, str]]) -> list[list[_Item]]:
    groups: dict[tuple[str, str], list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())
