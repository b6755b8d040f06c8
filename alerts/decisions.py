"""What the engine decides, as values. It sends nothing and knows no clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from alerts.rules import Certainty, Rule, Side

Happening = Literal["opened", "confirmed", "closed", "recovered"]
Reason = Literal[
    "held-time-reached",
    "held-and-unknown-time-reached",
    "window-sum-reached",
    "two-readings-outside",
    "no-valid-reading",
    "first-reading-inside",
    "crossed-to-the-other-side",
    "window-sum-fell",
    "valid-reading-again",
    "ten-minutes-inside",
    "rule-changed",
    "probe-lost",
    "points-agree-again",
    "slower-again",
    "value-moved",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """One step in the life of an excursion.

    Times are UTC milliseconds as the stream's own stamps give them; durations come from the
    monotonic clock within one boot.

    Attributes:
        happening: ``opened``, ``confirmed`` (possible became certain), ``closed`` or ``recovered``
            (ten minutes inside after closing, nothing outside in between).
        id: hash of stream, series, rule and first seq; 16 hexadecimal digits.
        thread: id of the first excursion of its thread: one that opens before the last one had
            recovered continues the thread, and people are not told anew.
        start: time of the first outside reading (silence: of the last valid one; stuck: of the
            first one with that value; disagreement: of the reading that brought the two apart).
        opened: the instant when the rule was fulfilled.
        end: time of the first inside reading; None while open.
        held_ms: time known to be outside, from start to end (or to now).
        unknown_ms: unknown time between start and end.
        extreme: the value farthest outside so far, thousandths; of a disagreement the largest
            difference, of a rate the fastest, thousandths a minute; stuck: the value; None for silence.
        first_seq: the reading at ``start``.
        seq: the record that brought the decision (evidence).
        value: that record's value where it is a reading of this series.
    """

    happening: Happening
    reason: Reason
    id: str
    thread: str
    stream: str
    series: str
    rule: Rule
    side: Side
    certainty: Certainty
    start: int
    opened: int
    end: int | None
    held_ms: int
    unknown_ms: int
    extreme: int | None
    first_seq: int
    seq: int
    value: int | None


def excursion_id(stream: str, series: str, rule: str, first_seq: int) -> str:
    """Return the id under which agent and hub both know an excursion."""
    text = f"{stream}\n{series}\n{rule}\n{first_seq}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
