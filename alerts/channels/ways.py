"""The table from answers to decisions: which channel a message goes to next, if any.

One message to one person has an order of channels. It is handed to the first; what becomes of it
there decides whether the next one gets it as well:

| answer of a channel | decision |
|---|---|
| sent, delivered, or sent without a report yet | done |
| queued, for less than the patience | wait |
| queued for longer; retry | the next one takes over; this one may still send it |
| refused; sent, but reported as not delivered | the next one |
| failing: it did not take the message | the next one |
| every channel of the order had its turn | a first alarm begins anew after a while; another is given up … |
| … but one of them did not even take it | that one is asked again, for an hour |

A message that lies queued in a dead modem stays there: it is never taken back, keeps nobody from
being told by the next channel, and is handed over there no second time. So when that modem comes
back, a second message with the same code goes out: told twice is better than not told.

Pure: no clock, no channel, no database. Times are UTC milliseconds, or of any clock that is the
same for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from alerts.channels.contract import Delivery

# "failing": the channel raised ChannelError and did not take the message.
Stand = Literal["queued", "sent", "retry", "refused", "failing"]
Action = Literal["hand-over", "wait", "done", "give-up"]

# A channel that said no is asked again this long after it got the message, then twice as long …
FIRST_AGAIN_MS: Final = 60_000
LONGEST_AGAIN_MS: Final = 3_600_000
# One that did not take it can be asked sooner: it told nobody, nor will it.
FAILING_AGAIN_MS: Final = 30_000
# What is no first alarm (a recovery, "all well") waits so long for a channel that takes it.
WAITS_MS: Final = 3_600_000
_MOST_DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """One handing over of a message to one channel; of one channel and round there is one.

    Attributes:
        channel: its id.
        round: 0 for the first to this channel, 1 for the next …
        at_ms: when it was handed over, or not taken.
        state: what is known of it by now; ``failing``: the channel did not take it.
        delivery: what the network reported of it.
        reason: for people.
    """

    channel: str
    round: int
    at_ms: int
    state: Stand
    delivery: Delivery = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What to do with a message now.

    Attributes:
        action: ``hand-over`` to ``channel`` in ``round`` (an attempt of the same channel and round
            that was ``failing`` is replaced); ``wait``; ``done``: it was sent by ``channel``;
            ``give-up``: every channel had it in vain.
        until_ms: of ``wait``, when time alone changes the answer; None where only a channel can.
        unreachable: every channel of the order has once said of this message that it cannot be
            sent to this person: somebody must be told so. It ends when one of them sends it.
        reason: why the channels before were left; for people.
    """

    action: Action
    channel: str = ""
    round: int = 0
    until_ms: int | None = None
    unreachable: bool = False
    reason: str = ""


def round_key(key: str, number: int) -> str:
    """Return a message's key at a channel in a round, for a channel takes each key once."""
    return key if number == 0 else f"{key}~{number + 1}"


def decide(
    attempts: Sequence[Attempt],
    order: Sequence[str],
    now: int,
    patience_ms: int,
    *,
    never_give_up: bool = True,
    since_ms: int | None = None,
) -> Move:
    """Say what to do with a message.

    Args:
        attempts: all of its attempts, in any order.
        order: ids of the channels, the first one first; never empty.
        now: the time.
        patience_ms: queued this long without being sent counts as retry.
        never_give_up: a first alarm: begin anew again and again. Otherwise (a recovery, "all
            well") one turn of each channel is enough.
        since_ms: since when the message has been waiting to leave. Of one that may be given up, a
            channel that did not take it is asked again for an hour; None: it is not.
    """
    if not order:
        raise ValueError("a message needs at least one channel")
    for attempt in sorted(attempts, key=lambda one: (one.at_ms, one.round, one.channel)):
        if attempt.state == "sent" and attempt.delivery != "failed":
            return Move("done", attempt.channel, attempt.round)
    said_no = {attempt.channel for attempt in attempts if _said_no(attempt)}
    unreachable = said_no.issuperset(order)
    newest: dict[str, Attempt] = {}
    for attempt in sorted(attempts, key=lambda one: one.round):
        newest[attempt.channel] = attempt
    reason = ""
    for name in order:
        attempt_ = newest.get(name)
        if attempt_ is None:
            return Move("hand-over", name, 0, None, unreachable, reason)
        until_ms = attempt_.at_ms + patience_ms
        if attempt_.state == "queued" and now < until_ms:
            return Move("wait", name, attempt_.round, until_ms, unreachable, attempt_.reason)
        reason = attempt_.reason or _words(attempt_)
    # Every channel has had its turn.
    over = [newest[name] for name in order if not _lying(newest[name])]
    if not never_give_up:
        ended = len(over) == len(set(order))
        # Who did not take it has said nothing of it: a moment without a network loses no message.
        waits = since_ms is not None and now - since_ms < WAITS_MS
        over = [one for one in over if waits and one.state == "failing"]
        if ended and not over:
            return Move("give-up", unreachable=unreachable, reason=reason)
    if not over:
        return Move("wait", unreachable=unreachable, reason=reason)
    for attempt in over:
        if _due_ms(attempt) <= now:
            number = attempt.round + (attempt.state != "failing")
            return Move("hand-over", attempt.channel, number, None, unreachable, reason)
    return Move("wait", "", 0, min(map(_due_ms, over)), unreachable, reason)


def _lying(attempt: Attempt) -> bool:
    """Whether the message still lies in the channel, which may send it: another would be twice."""
    return attempt.state in {"queued", "retry"}


def _said_no(attempt: Attempt) -> bool:
    return attempt.state == "refused" or (attempt.state == "sent" and attempt.delivery == "failed")


def _due_ms(attempt: Attempt) -> int:
    """Return when a channel that did not send may be asked again."""
    if attempt.state == "failing":
        return attempt.at_ms + FAILING_AGAIN_MS
    pause = FIRST_AGAIN_MS << min(attempt.round, _MOST_DOUBLINGS)
    return attempt.at_ms + min(pause, LONGEST_AGAIN_MS)


def _words(attempt: Attempt) -> str:
    """Say why a channel was left that gave no reason itself."""
    if attempt.state == "queued":
        return f"{attempt.channel} has not sent it in time"
    if attempt.delivery == "failed":
        return f"{attempt.channel} sent it, and it was not delivered"
    return f"{attempt.channel} says {attempt.state}"
