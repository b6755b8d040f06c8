"""What the agent's own modem tells: the decision alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine import Thread
from alerts.rules import Rule
from firmware_agent.downlink import Work
from firmware_agent.judging import Excursion
from firmware_agent.modem_steps import (
    AFTER_BOOT_MS,
    AFTER_FORK_MS,
    AFTER_START_MS,
    HUB_FIRST_MS,
    MAINS_FIRST_MS,
    Seen,
    Told,
    View,
    rebound,
    steps,
)

TEMPERATURE = "fridge-1/center/temperature"
MAINS = "fridge-1/mains/present"
RULES = {
    TEMPERATURE: {
        "gsp/warm": Rule("gsp/warm", "consecutive", 600_000, above=8_000),
        "gsp/isolate": Rule("gsp/isolate", "consecutive", 600_000, above=8_000, holds=True),
        "gsp/sum": Rule("gsp/sum", "cumulative", 600_000, above=8_000, window_ms=3_600_000),
        "gsp/at-limit": Rule("gsp/at-limit", "instant", 0, above=8_000, tells=False),
    },
    MAINS: {"gsp/mains": Rule("gsp/mains", "consecutive", 2_000, below=1)},
}
BOOT = "b" * 32
STREAM = "5" * 32
SEEN_MS = 1_000_000


def excursion(id_: str = "e1", rule: str = "gsp/warm", **changes: Any) -> Excursion:
    """Return an open one; ``thread`` is its own id unless given."""
    series = MAINS if rule == "gsp/mains" else TEMPERATURE
    fields: dict[str, Any] = {
        "id": id_, "thread": id_, "series": series, "rule": rule,
        "side": "below" if series == MAINS else "above", "certainty": "certain",
        "start": 1, "opened": 600_001, "end": None, "extreme": 9_000, "first_seq": 7, "tells": True,
    }  # fmt: skip
    return Excursion(**(fields | changes))


def told(item: Excursion, **changes: Any) -> Told:
    """Return the memory of having told it."""
    made = Told(
        item.thread, STREAM, item.series, item.rule, item.side, "certain", (item.id,), item.start
    )
    return replace(made, **changes)


def view(*open_: Excursion, now_ms: int, **changes: Any) -> View:
    """Return a view in which all that is open was first seen at SEEN_MS."""
    seen = {item.id: Seen(BOOT, SEEN_MS, 100) for item in open_}
    threads = frozenset(Thread(item.thread, item.series, item.rule, item.side) for item in open_)
    fields: dict[str, Any] = {
        "boot": BOOT, "now_ms": now_ms, "started_ms": 0, "stream": STREAM, "judged": 200,
        "open": open_, "listed": frozenset(), "threads": threads, "seen": seen, "rules": RULES,
    }  # fmt: skip
    return View(**(fields | changes))


def said(view_: View) -> list[tuple[str, tuple[str, ...]]]:
    """Return the steps by their ids."""
    return [
        (step.step, tuple(e.id for e in step.opened) + tuple(t.thread for t in step.over))
        for step in steps(view_)
    ]


def at_work(
    asset: str = "fridge-1", begin: int = 0, until: int = 900_000, wall_ms: int = 800_000
) -> View:
    """Return a view of E1 two minutes after it was seen, and this work."""
    works = (Work(asset, begin, until),)
    return view(E1, now_ms=SEEN_MS + HUB_FIRST_MS, wall_ms=wall_ms, works=works)


E1 = excursion()
OPENED = [("opened", ("e1",))]


@pytest.mark.parametrize(
    ("case", "what", "expected"),
    [
        ("at 1:59 the hub may still tell", view(E1, now_ms=SEEN_MS + 119_000), []),
        ("at 2:00 we do", view(E1, now_ms=SEEN_MS + HUB_FIRST_MS), OPENED),
        ("told at 1:59", view(E1, now_ms=SEEN_MS + 121_000, listed=frozenset({"e1"})), []),
        ("told at 2:01, when we have", view(E1, now_ms=SEEN_MS + 121_000, told=(told(E1),)), []),
        ("another is told", view(E1, now_ms=SEEN_MS + 121_000, listed=frozenset({"e2"})), OPENED),
        ("a rule for the panel only",
         view(excursion(rule="gsp/at-limit", tells=False), now_ms=SEEN_MS + 9_999_000), []),
        ("it goes on a thread that the hub has told",
         view(excursion("e2", thread="e1"), now_ms=SEEN_MS + 121_000, listed=frozenset({"e1"})), []),
        ("it goes on a thread that we have told",
         view(excursion("e2", thread="e1"), now_ms=SEEN_MS + 121_000, told=(told(E1),)), []),
        ("two rules at once are one message, and what holds batches speaks",
         view(E1, excursion("e2", "gsp/isolate"), now_ms=SEEN_MS + 121_000),
         [("opened", ("e2", "e1"))]),
        ("open before this start: `told` is waited for",
         view(E1, now_ms=SEEN_MS + 121_000, started_ms=SEEN_MS + 115_000), []),
        ("and then we tell",
         view(E1, now_ms=SEEN_MS + 115_000 + AFTER_START_MS, started_ms=SEEN_MS + 115_000), OPENED),
        ("open before this boot", view(E1, now_ms=AFTER_BOOT_MS, boot="c" * 32), OPENED),
        ("a little before", view(E1, now_ms=AFTER_BOOT_MS - 1, boot="c" * 32), []),
        ("in planned work, and for the hub's two minutes behind it", at_work(wall_ms=1_019_999), []),
        ("then nobody has told it", at_work(wall_ms=1_020_000), OPENED),
        ("work that begins as it opens", at_work(begin=600_001), []),
        ("it opened before the work", at_work(begin=600_002), OPENED),
        ("it opened as the work ended", at_work(until=600_001, wall_ms=700_000), OPENED),
        ("the clock has fallen back behind its opening", at_work(wall_ms=600_000), OPENED),
        ("a dead contact waits for the day, which the hub knows",
         view(excursion(series=MAINS, side="silent"), now_ms=SEEN_MS + 9_999_000), []),
        ("a dead probe does not",
         view(excursion(side="silent"), now_ms=SEEN_MS + HUB_FIRST_MS), OPENED),
        ("work on another fridge", at_work(asset="fridge-2"), OPENED),
    ],
)  # fmt: skip
def test_when_it_tells_itself(
    case: str, what: View, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Two minutes for the hub, from when we saw it open."""
    assert said(what) == expected, case


@pytest.mark.parametrize(
    ("case", "after_ms", "judged", "expected"),
    [
        ("the hub has not judged it yet", MAINS_FIRST_MS - 1, 99, 0),
        ("and does not: it is not there", MAINS_FIRST_MS, 99, 1),
        ("it has, and is left its two minutes", MAINS_FIRST_MS, 100, 0),
        ("it has, and could not tell", HUB_FIRST_MS, 100, 1),
    ],
)
def test_lost_mains_are_told_at_once_where_no_hub_answers(
    case: str, after_ms: int, judged: int, expected: int
) -> None:
    """The router is without mains as well: nobody else will tell."""
    mains = excursion(rule="gsp/mains")
    what = view(mains, now_ms=SEEN_MS + after_ms, judged=judged)

    assert len(said(what)) == expected, case


def test_over_is_told_only_of_what_we_told() -> None:
    """And only when no other rule sees trouble on that side of the series."""
    warm, isolate = told(E1), told(excursion("e2", "gsp/isolate"))
    quiet = view(now_ms=5_000_000)

    assert said(quiet) == []
    assert said(replace(quiet, told=(warm, isolate))) == [("recovered", ("e1", "e2"))]
    still = frozenset({Thread("e2", TEMPERATURE, "gsp/isolate", "above")})
    assert said(replace(quiet, told=(warm, isolate), threads=still)) == []
    panel = frozenset({Thread("e3", TEMPERATURE, "gsp/at-limit", "above")})
    assert said(replace(quiet, told=(warm,), threads=panel)) == [("recovered", ("e1",))]


def test_a_sum_that_falls_and_a_rule_that_is_gone_are_told_by_nobody() -> None:
    """They are forgotten, so that the next one is told."""
    quiet = view(now_ms=5_000_000)

    assert said(replace(quiet, told=(told(excursion("e4", "gsp/sum")),))) == [
        ("forgotten", ("e4",))
    ]
    assert said(replace(quiet, told=(told(E1),), rules={})) == [("forgotten", ("e1",))]


def test_a_fork_is_no_recovery() -> None:
    """In a new stream the same trouble has another id: nobody is told twice, or that it is over."""
    moved = view(now_ms=5_000_000, stream="6" * 32, told=(told(E1),))
    moved = replace(moved, told=rebound(moved))
    assert said(moved) == []

    again = excursion("f1")
    on = view(again, now_ms=6_000_000, stream="6" * 32, told=moved.told)
    assert said(on) == []
    on = replace(on, told=rebound(on))
    assert [item.thread for item in on.told] == ["f1"]
    assert said(on) == []
    assert said(replace(on, open=(), threads=frozenset())) == [("recovered", ("f1",))]

    late = replace(moved, now_ms=5_000_000 + AFTER_FORK_MS)
    assert said(replace(late, told=rebound(late))) == [("forgotten", ("e1",))]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["open", "close", "recover", "tell", "nothing"]),
            st.integers(0, 200_000),
        ),
        max_size=30,
    )
)
def test_nothing_is_told_twice_and_nothing_is_left_out(story: list[tuple[str, int]]) -> None:
    """Whatever order things happen in: each thread is told by hub or us, and by us at most once."""
    now, count, open_at = SEEN_MS, 0, 0
    current: Excursion | None = None
    thread = ""
    listed: frozenset[str] = frozenset()
    mine: tuple[Told, ...] = ()
    opened_by_us: list[str] = []
    for what, wait_ms in story:
        now += wait_ms
        if what == "open" and current is None:
            count += 1
            thread = thread or f"e{count}"
            current = excursion(f"e{count}", thread=thread)
            open_at = now
        elif what == "close":
            current = None
        elif what == "recover" and current is None:
            thread = ""
        elif what == "tell" and current is not None:
            listed |= {current.id}
        open_ = (current,) if current else ()
        threads = frozenset({Thread(thread, TEMPERATURE, "gsp/warm", "above")} if thread else ())
        look = view(
            *open_,
            now_ms=now,
            listed=listed,
            told=mine,
            threads=threads,
            seen={item.id: Seen(BOOT, open_at, 1) for item in open_},
        )
        for step in steps(look):
            if step.step == "opened":
                opened_by_us.append(step.opened[0].thread)
                mine += (told(step.opened[0]),)
            else:
                assert not thread or all(item.thread != thread for item in step.over)
                mine = tuple(item for item in mine if item not in step.over)
        if current is not None and now - open_at >= HUB_FIRST_MS:
            assert {current.thread, current.id} & (listed | set(opened_by_us))
    assert len(opened_by_us) == len(set(opened_by_us))
