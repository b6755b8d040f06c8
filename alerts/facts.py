"""What a message to people is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alerts.rules import Certainty, Side
from alerts.wording import Language

Happening = Literal[
    "opened",
    "recovered",
    "lost-contact",
    "contact-back",
    "foreign-site",
    "foreign-stream",
    "own-again",
    "calibration-overdue",
    "lamp",
    "lamp-seen-to",
    "channel-failing",
    "channel-back",
    "hub-silent",
    "hub-unreachable",
    "hub-back",
]


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What a message is made of. Times are UTC milliseconds, values integer thousandths.

    Attributes:
        happening: what is told; with ``quantity`` and ``side`` it decides the words.
        language: the person's.
        zone: IANA name of the site's zone.
        site: its name in the person's language.
        asset: the fridge's name; for a lost contact those of the device's assets (`several`).
        at: when the message is written.
        since: when it began: the first reading outside, the last one before a silence.
        lasting_ms: how long it has lasted, or did; of a cumulative rule the sum in its window.
        quantity: of the series: ``present`` is mains, ``open`` is a door.
        point: label of the measuring place, where the asset has several; else empty.
        side: of the rule.
        certainty: ``possible`` where unknown time made it so.
        value: the newest value; of a silence the last one before it.
        limit: of the rule, on its side.
        extreme: the value farthest outside.
        end: when it was over; None while it goes on.
        window_ms: W of a cumulative rule.
        learned_at: given only where it was learned so late that the message must say so.
        batches: how many batches this put on hold; with a recovery, how many are on hold.
        doses: in them.
        temperature: the asset's newest temperature, for messages about mains and doors.
        holds_minutes: how long the fridge should stay inside without mains, at least; None where
            nothing is known of it.
        device: the device's name, for messages about a device.
        claim: the site that it speaks for, or the device whose stream it uses.
        waiting: messages that a failing channel has not sent.
        reason: why it fails; of a lamp, what the device says of it.
        certificate: number of a certificate that is overdue, or of several.
        due: its last good day, ``2027-03-01``.
    """

    happening: Happening
    language: Language
    zone: str
    site: str
    asset: str
    at: int
    since: int
    lasting_ms: int
    quantity: str = "temperature"
    point: str = ""
    side: Side = "above"
    certainty: Certainty = "certain"
    value: int | None = None
    limit: int | None = None
    extreme: int | None = None
    end: int | None = None
    window_ms: int | None = None
    learned_at: int | None = None
    batches: int = 0
    doses: int = 0
    temperature: int | None = None
    holds_minutes: int | None = None
    device: str = ""
    claim: str = ""
    waiting: int = 0
    reason: str = ""
    certificate: str = ""
    due: str = ""
