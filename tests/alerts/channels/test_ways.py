"""From answers to decisions: the table, and what must hold whatever the channels say."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.contract import Delivery
from alerts.channels.ways import (
    FAILING_AGAIN_MS,
    FIRST_AGAIN_MS,
    LONGEST_AGAIN_MS,
    WAITS_MS,
    Attempt,
    Move,
    Stand,
    decide,
    round_key,
)

ORDER = ("modem", "aliyun", "tencent")
PATIENCE = 60_000
NOW = 1_000_000_000


def attempt(
    channel: str, state: Stand, ago_ms: int = 0, delivery: Delivery = "", number: int = 0
) -> Attempt:
    """An attempt that was handed over so long before NOW."""
    return Attempt(channel, number, NOW - ago_ms, state, delivery)


def move(*attempts: Attempt, order: tuple[str, ...] = ORDER, must: bool = True) -> Move:
    """What is decided at NOW."""
    return decide(attempts, order, NOW, PATIENCE, never_give_up=must)


@pytest.mark.parametrize(
    ("answer", "action", "channel"),
    [
        (attempt("modem", "sent"), "done", "modem"),
        (attempt("modem", "sent", 0, "delivered"), "done", "modem"),
        (attempt("modem", "sent", 0, "failed"), "hand-over", "aliyun"),
        (attempt("modem", "queued", 59_999), "wait", "modem"),
        (attempt("modem", "queued", 60_000), "hand-over", "aliyun"),
        (attempt("modem", "retry"), "hand-over", "aliyun"),
        (attempt("modem", "refused"), "hand-over", "aliyun"),
        (attempt("modem", "failing"), "hand-over", "aliyun"),
    ],
)
def test_the_table(answer: Attempt, action: str, channel: str) -> None:
    """Each answer of the first channel has one decision."""
    decided = move(answer)

    assert (decided.action, decided.channel) == (action, channel)


def test_nothing_tried_yet() -> None:
    """The first of the order gets it first."""
    assert move() == Move("hand-over", "modem", 0)


def test_the_wait_says_how_long() -> None:
    """Whoever waits knows when the patience ends."""
    assert move(attempt("modem", "queued", 10_000)).until_ms == NOW + 50_000


def test_a_message_in_a_dead_modem_blocks_nobody_and_is_not_doubled() -> None:
    """It lies there for hours; the next one sends; the modem gets no second copy meanwhile."""
    lying = attempt("modem", "queued", 7_200_000)

    assert move(lying, attempt("aliyun", "sent")).channel == "aliyun"
    order = ("modem", "aliyun")
    again = move(lying, attempt("aliyun", "refused", FIRST_AGAIN_MS), order=order)
    assert (again.action, again.channel, again.round) == ("hand-over", "aliyun", 1)
    assert move(lying, order=("modem",)).action == "wait"


def test_the_one_that_lay_there_ends_it() -> None:
    """When the modem comes back before any other has sent it, that is enough."""
    decided = move(attempt("modem", "sent", 7_200_000), attempt("aliyun", "failing"))

    assert (decided.action, decided.channel) == ("done", "modem")


def test_all_said_no() -> None:
    """The person is told of as unreachable, and the first alarm begins anew after a minute."""
    no = [attempt(name, "refused", FIRST_AGAIN_MS - 1) for name in ORDER]

    assert move(*no) == Move(
        "wait", "", 0, NOW + 1, unreachable=True, reason="tencent says refused"
    )
    later = decide(no, ORDER, NOW + 1, PATIENCE)
    assert (later.action, later.channel, later.round) == ("hand-over", "modem", 1)
    assert later.unreachable


def test_unreachable_does_not_flicker() -> None:
    """While the second round is under way, the person is still not reached."""
    no = [attempt(name, "refused", 100_000) for name in ORDER]

    assert move(*no, attempt("modem", "queued", 1_000, "", 1)).unreachable
    assert not move(*no, attempt("modem", "sent", 1_000, "", 1)).unreachable


def test_not_delivered_counts_as_no() -> None:
    """A report that the telephone did not get it is worth a refusal."""
    order = ("modem",)

    assert move(attempt("modem", "sent", 0, "failed"), order=order).unreachable


def test_a_dead_network_makes_nobody_unreachable() -> None:
    """Channels that fail say nothing of the person; they are asked again after half a minute."""
    failing = [attempt(name, "failing", FAILING_AGAIN_MS) for name in ORDER]

    decided = move(*failing)
    assert (decided.action, decided.channel, decided.round) == ("hand-over", "modem", 0)
    assert not decided.unreachable


def test_a_refused_number_is_not_asked_every_half_minute() -> None:
    """A failing channel beside it is asked again and again; the one that refused has its pause."""
    order = ("modem", "aliyun")
    decided = move(
        attempt("modem", "refused", FAILING_AGAIN_MS),
        attempt("aliyun", "failing", FAILING_AGAIN_MS),
        order=order,
    )

    assert (decided.action, decided.channel) == ("hand-over", "aliyun")


@pytest.mark.parametrize(
    ("number", "pause"), [(0, 60_000), (1, 120_000), (2, 240_000), (6, 3_600_000), (60, 3_600_000)]
)
def test_the_pauses_grow(number: int, pause: int) -> None:
    """A minute, two, four … an hour at most: never given up, and no flood."""
    refused = attempt("modem", "refused", 0, "", number)

    assert move(refused, order=("modem",)).until_ms == NOW + pause


def test_what_may_be_given_up() -> None:
    """A recovery has one turn of each channel, and waits for none that it lies in."""
    no = [attempt(name, "refused") for name in ORDER]

    assert move(*no, must=False).action == "give-up"
    lying = [attempt("modem", "queued", PATIENCE), *no[1:]]
    assert move(*lying, must=False).action == "wait"


def test_a_recovery_waits_for_a_channel_that_takes_it() -> None:
    """Half a minute later each is asked again, in their order, for an hour; then it is given up."""
    failing = [attempt(name, "failing", FAILING_AGAIN_MS - 1) for name in ORDER]
    decided = partial(decide, failing, ORDER, patience_ms=PATIENCE, never_give_up=False)

    assert decided(NOW, since_ms=NOW - 60_000) == Move(
        "wait", "", 0, NOW + 1, reason="tencent says failing"
    )
    again = Move("hand-over", "modem", 0, reason="tencent says failing")
    assert decided(NOW + 1, since_ms=NOW - 60_000) == again
    assert decided(NOW + 1, since_ms=NOW + 2 - WAITS_MS) == again
    assert decided(NOW + 1, since_ms=NOW + 1 - WAITS_MS).action == "give-up"
    assert decided(NOW + 1).action == "give-up", "nothing says since when"


def test_what_said_no_to_a_recovery_is_not_asked_again() -> None:
    """One refused, or has it lying there; the one that failed is asked again all the same."""
    for first in (attempt("modem", "refused", 10**6), attempt("modem", "retry", 10**6)):
        failing = attempt("aliyun", "failing", FAILING_AGAIN_MS)
        decided = decide(
            [first, failing], ORDER[:2], NOW, PATIENCE, never_give_up=False, since_ms=NOW - 1
        )
        assert (decided.action, decided.channel, decided.round) == ("hand-over", "aliyun", 0)
    no = [attempt(name, "refused", 10**6) for name in ORDER]
    assert decide(no, ORDER, NOW, PATIENCE, never_give_up=False, since_ms=NOW).action == "give-up"


def test_a_channel_taken_out_of_the_settings() -> None:
    """What it has sent counts; waiting for it does not."""
    assert move(attempt("old", "queued")).channel == "modem"
    assert move(attempt("old", "sent")).action == "done"


def test_no_channel_is_a_mistake() -> None:
    """An empty order is refused, not waited on for ever."""
    with pytest.raises(ValueError, match="at least one channel"):
        decide([], (), NOW, PATIENCE)


def test_keys() -> None:
    """Each round has a key of its own, as at the agent."""
    assert [round_key("k", number) for number in range(3)] == ["k", "k~2", "k~3"]


def lies(one: Attempt) -> bool:
    """Whether its message is still in the channel."""
    return one.state in {"queued", "retry"}


STANDS = st.sampled_from(("queued", "sent", "retry", "refused", "failing"))
ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        channel=st.sampled_from((*ORDER, "old")),
        round=st.integers(0, 4),
        at_ms=st.integers(NOW - 2 * LONGEST_AGAIN_MS, NOW),
        state=STANDS,
        delivery=st.sampled_from(("", "delivered", "failed")),
    ),
    unique_by=lambda one: (one.channel, one.round),
)
ORDERS = st.permutations(ORDER).flatmap(
    lambda names: st.integers(1, 3).map(lambda count: tuple(names[:count]))
)


@given(ATTEMPTS, ORDERS, st.booleans(), st.none() | st.integers(NOW - 2 * WAITS_MS, NOW))
def test_whatever_they_say(
    attempts: list[Attempt], order: tuple[str, ...], must: bool, since_ms: int | None
) -> None:
    """No second copy into a queue, no end without a sending, no wait that nothing can end."""
    decided = decide(attempts, order, NOW, PATIENCE, never_give_up=must, since_ms=since_ms)
    sent = [one for one in attempts if one.state == "sent" and one.delivery != "failed"]
    newest = {one.channel: one for one in sorted(attempts, key=lambda one: one.round)}
    lying = {name for name in order if name in newest and lies(newest[name])}

    assert (decided.action == "done") == bool(sent)
    if decided.action == "hand-over":
        assert decided.channel in order
        assert decided.channel not in lying
        same = [a for a in attempts if (a.channel, a.round) == (decided.channel, decided.round)]
        assert all(one.state == "failing" for one in same)
    if decided.action == "wait":
        assert decided.until_ms is not None or lying
        assert decided.until_ms is None or decided.until_ms > NOW
    if decided.action == "give-up":
        assert not must
        assert not lying
        waits = since_ms is not None and since_ms > NOW - WAITS_MS
        assert not (waits and any(newest[name].state == "failing" for name in order))


@given(
    st.lists(st.sampled_from(("queued", "retry", "refused", "failing")), min_size=3, max_size=60),
    st.integers(0, 59),
)
def test_one_channel_that_works_is_found(stands: list[Stand], works_from: int) -> None:
    """Whatever the others do: from when on one works, the message is out within an hour or so."""
    answers = iter(stands)
    attempts: dict[tuple[str, int], Attempt] = {}
    now, asked = NOW, 0
    while now < NOW + 100 * LONGEST_AGAIN_MS:
        decided = decide(list(attempts.values()), ORDER, now, PATIENCE)
        if decided.action == "done":
            return
        if decided.action == "wait":
            if decided.until_ms is None:
                # All lie in queues: the channels themselves have it now.
                assert {one.state for one in attempts.values()} & {"queued", "retry"}
                return
            now = decided.until_ms
            continue
        asked += 1
        state: Stand = "sent" if asked > works_from else next(answers, "refused")
        key = decided.channel, decided.round
        attempts[key] = Attempt(decided.channel, decided.round, now, state)
    pytest.fail(f"not sent after {asked} attempts")


@given(ATTEMPTS, ORDERS)
def test_the_order_of_the_attempts_says_nothing(
    attempts: list[Attempt], order: tuple[str, ...]
) -> None:
    """Rows of a table come in any order."""
    decided = decide(attempts, order, NOW, PATIENCE)

    assert decided == decide(attempts[::-1], order, NOW, PATIENCE)
