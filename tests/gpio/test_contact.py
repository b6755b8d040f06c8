"""What a contact says out of the levels of its line."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sensors.gpio.contact import MINUTE_MS, UNSETTLED_MS, Change, Contact

LOOK_MS = 50
# How a line may behave: a level and for how many looks it stands.
STRETCHES = st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=40)
# After how many looks a cycle comes.
CYCLES = st.lists(st.integers(1, 300), min_size=1, max_size=30)


def looks(stretches: list[tuple[bool, int]]) -> list[tuple[int, bool]]:
    """Return what is seen, look by look."""
    levels = [level for level, count in stretches for _ in range(count)]
    return [(number * LOOK_MS, level) for number, level in enumerate(levels)]


def settled(seen: list[tuple[int, bool]], debounce_ms: int) -> list[tuple[int, bool]]:
    """Return the changes by brute force: each run of one level that is long enough and is news."""
    runs: list[tuple[int, int, bool]] = []
    for at, level in seen:
        if runs and runs[-1][2] == level:
            runs[-1] = (runs[-1][0], at, level)
        else:
            runs.append((at, at, level))
    found, now = [], seen[0][1]
    for begun, last, level in runs:
        if last - begun >= debounce_ms and level != now:
            found.append((begun, level))
            now = level
    return found


def played(
    seen: list[tuple[int, bool]], cycles: list[int], debounce_ms: int, most: int
) -> tuple[list[Change], list[Change], int]:
    """Return all changes that are handed out, the states of all cycles, and the wakes."""
    contact = Contact(debounce_ms, most, seen[0][1], seen[0][0])
    changes, states, wakes, left = [], [], 0, list(cycles)
    for number, (at, level) in enumerate(seen):
        wakes += contact.see(level, at)
        if left and number >= left[0]:
            left.pop(0)
            taken = contact.take(at)
            changes += taken.changes
            states.append(taken.now)
    taken = contact.take(seen[-1][0] + 1)
    return changes + taken.changes, [*states, taken.now], wakes


@given(STRETCHES, CYCLES, st.sampled_from([0, 50, 100, 1_000]))
def test_no_change_is_lost_whenever_the_cycles_come(
    stretches: list[tuple[bool, int]], pauses: list[int], debounce_ms: int
) -> None:
    """Each steady level is handed out once, at its time, and never behind a later state."""
    seen = looks(stretches)
    cycles = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    changes, states, wakes = played(seen, cycles, debounce_ms, most=600)
    wanted = settled(seen, debounce_ms)

    assert [change.level for change in changes] == [level for _, level in wanted]
    assert wakes == len(wanted)
    for change, (at, _) in zip(changes, wanted, strict=True):
        assert at <= change.mono_ms <= at + debounce_ms + LOOK_MS
    times = [change.mono_ms for change in changes + states]
    assert len(set(times)) == len(times)
    for before, after in pairwise(states):
        between = [c for c in changes if before.mono_ms < c.mono_ms < after.mono_ms]
        assert after.level == (between[-1].level if between else before.level)


@given(STRETCHES, st.integers(2, 8))
def test_never_more_than_so_many_in_a_minute(stretches: list[tuple[bool, int]], most: int) -> None:
    """Whatever the line does, any minute holds at most so many changes."""
    changes, _, wakes = played(looks(stretches), [], 0, most)

    assert wakes == len(changes)
    for number, change in enumerate(changes[most:]):
        assert change.mono_ms - changes[number].mono_ms >= MINUTE_MS


def test_a_chattering_line_is_told_and_forgiven() -> None:
    """It never settles: flapping after five seconds, and good again once it is steady."""
    contact = Contact(100, 30, level=False, mono_ms=0)
    for at in range(0, UNSETTLED_MS + 200, LOOK_MS):
        assert not contact.see(bool(at // LOOK_MS % 2), at)
    assert contact.flapping(at)
    for later in range(at, at + 500, LOOK_MS):
        contact.see(False, later)
    assert not contact.flapping(later)


def test_a_pause_of_the_machine_is_no_flapping() -> None:
    """Nobody looked for a minute, and then the door is open: one change, dated to the look."""
    contact = Contact(100, 30, level=False, mono_ms=0)
    contact.see(False, 50)
    assert not contact.see(True, 60_000)
    assert not contact.flapping(60_000)
    assert contact.see(True, 60_100)

    assert contact.take(60_150) == ([Change(60_000, True)], Change(60_150, True), False)
