"""What lights and buzzer do: patterns as data, and pure functions that choose them.

Each state has a rhythm of its own, so nobody needs to tell red from green; the ear tells an
excursion (beeps without end) from a fault (two chirps a minute). No light is ever simply on: one
that does not wink has nobody behind it who drives it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from alerts.rules import is_fault
from firmware_agent.panel import PanelState

# Milliseconds on, off, on, off …, from the beginning again.
Pattern = tuple[int, ...]
Shown = Literal["inside", "unsent", "fault", "outside"]

LIGHT: Mapping[Shown, Pattern] = {
    "inside": (2_700, 300),
    "unsent": (200, 2_800),
    "fault": (200, 200, 200, 200, 200, 2_000),
    "outside": (250, 250),
}
SOUND: Mapping[Shown, Pattern] = {
    "outside": (400, 400),
    "fault": (100, 100, 100, 59_700),
}
# Which states each light shows; `light` shows the gravest one of all.
COLOURS: Mapping[str, tuple[Shown, ...]] = {
    "red": ("outside",),
    "yellow": ("fault", "unsent"),
    "green": ("inside",),
    "light": ("outside", "fault", "unsent", "inside"),
}
# A warning (a lamp's weekly wipe) is seen and not heard: nobody must learn to ignore the buzzer.
_QUIET = " warning: "


def level(pattern: Pattern, at_ms: int) -> bool:
    """Tell whether a pattern is on at a time since it began."""
    at_ms %= sum(pattern)
    for n, lasts in enumerate(pattern):
        if at_ms < lasts:
            return n % 2 == 0
        at_ms -= lasts
    return False


@dataclass(frozen=True, slots=True)
class View:
    """What a panel state means for eye and ear.

    Attributes:
        shown: the states that hold; ``inside`` only where nothing speaks against it.
        outside: series and side of what is open; an excursion's other rules are the same matter.
        fault_heard: whether a fault is worth a sound.
    """

    shown: frozenset[Shown] = frozenset()
    outside: frozenset[str] = frozenset()
    fault_heard: bool = False


def view(state: PanelState, *, unsent: bool, stalled: bool) -> View:
    """Return what to show; ``stalled``: the state is old, and nothing old is shown as safe."""
    outside = frozenset(
        f"{item.series} {item.side}"
        for item in state.excursions
        if not is_fault(item.rule, item.side)
    )
    silent = any(is_fault(item.rule, item.side) for item in state.excursions)
    shown: set[Shown] = set()
    if outside:
        shown.add("outside")
    if silent or state.problems or stalled:
        shown.add("fault")
    if unsent:
        shown.add("unsent")
    if not shown - {"unsent"}:
        # What cannot be sent is inside all the same; a probe that is silent may not be.
        shown.add("inside")
    heard = silent or stalled or any(_QUIET not in text for text in state.problems)
    return View(frozenset(shown), outside, heard)


@dataclass(frozen=True, slots=True)
class Mute:
    """The buzzer is silent until then for what was open when the button was pressed.

    What opens meanwhile on another series, or on the other side, sounds: whoever pressed has not
    heard of it, and a second fridge may fail within ten minutes. A further rule on the same series
    and side (ten minutes after the limit, thirty, the freeze sum) is what the person knows already.
    """

    until_ms: int = -1
    outside: frozenset[str] = field(default_factory=frozenset)


def sound(view_: View, mute: Mute, now_ms: int, *, chirp: bool) -> Shown | None:
    """Return what is heard: an excursion before a fault, and neither while it is muted."""
    muted = now_ms < mute.until_ms
    if view_.outside and not (muted and view_.outside <= mute.outside):
        return "outside"
    if chirp and view_.fault_heard and not muted and not view_.outside:
        return "fault"
    return None


def levels(view_: View, heard: Shown | None, at_ms: int, *, trying: bool) -> dict[str, bool]:
    """Return the level of each light and of the buzzer at a real time; ``trying``: all are on."""
    found = {"buzzer": trying or (heard is not None and level(SOUND[heard], at_ms))}
    for colour, states in COLOURS.items():
        first = next((state for state in states if state in view_.shown), None)
        found[colour] = trying or (first is not None and level(LIGHT[first], at_ms))
    return found


class Unsent:
    """Whether the hub has judged nothing for some time, from the count of unsent records alone.

    A hub that answers makes the count fall, or keeps it where it is while new records come. So it
    is told when over the whole time the count never fell, and grew in the older half as in the newer.
    """

    def __init__(self, after_ms: int) -> None:
        """Tell after so long."""
        self._after_ms = after_ms
        self._seen: deque[tuple[int, int]] = deque()

    def look(self, now_ms: int, count: int) -> bool:
        """Take the count after a cycle in; return whether nothing gets through."""
        seen = self._seen
        if seen and count < seen[-1][1]:
            seen.clear()
        # Of equal counts the first and the last say everything.
        if len(seen) >= 2 and seen[-1][1] == seen[-2][1] == count:
            seen.pop()
        seen.append((now_ms, count))
        begin, middle = now_ms - self._after_ms, now_ms - self._after_ms // 2
        while len(seen) >= 2 and seen[1][0] <= begin:
            seen.popleft()
        if seen[0][0] > begin:
            return False
        at_middle = max(number for at, number in seen if at <= middle)
        return seen[0][1] < at_middle < count
