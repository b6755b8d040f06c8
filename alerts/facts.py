"""What a message to people is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from alerts.rules import Certainty
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
    "unreachable",
    "work-over",
    "answered",
    "storm",
    "all-well",
    "way-test",
    "unconfirmed",
    "reply",
    "channel-failing",
    "channel-back",
    "channel-poor",
    "hub-silent",
    "hub-unreachable",
    "hub-back",
]
# Why somebody is told: the first time; again, because nobody has answered; because those before
# have not answered; again, because it goes on although somebody has answered, or has become worse.
Step = Literal["first", "repeat", "escalated", "resumed"]
Reply = Literal["acknowledged", "state", "unknown-code", "help"]
AssetKind = Literal["fridge", "freezer", "cool-box", "room", "lamp"]

# A value that is older than this is shown with its time.
STALE_MS: Final = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, in a message that speaks of several.

    Attributes:
        site: the site's name in the person's language.
        asset: the asset's name.
        asset_kind: what it is.
        kind: of the rule, or one of the hub's own watches (``lost-contact`` …).
        quantity: of the series.
        side: of the rule.
        certainty: ``possible`` where unknown time made it so.
        value: the newest value, or the worst one; thousandths.
        limit: of the rule, on its side; thousandths.
        since: when it began, UTC milliseconds.
        code: to answer with; empty where there is nothing to answer.
    """

    site: str
    asset: str
    asset_kind: AssetKind = "fridge"
    kind: str = "consecutive"
    quantity: str = "temperature"
    side: str = "above"
    certainty: Certainty = "certain"
    value: int | None = None
    limit: int | None = None
    since: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class AssetState:
    """How one asset is now.

    Attributes:
        site: the site's name in the person's language.
        asset: the asset's name.
        value: the newest value of the point that decides, thousandths; None where nobody knows.
        at: when that was read, UTC milliseconds.
        trouble: the gravest thing that is open at it; None where nothing is.
        quantity: of the value.
    """

    site: str
    asset: str
    value: int | None = None
    at: int | None = None
    trouble: Trouble | None = None
    quantity: str = "temperature"


@dataclass(frozen=True, slots=True)
class Span:
    """What the assets of one kind measured in a time: lowest and highest value, thousandths."""

    asset_kind: AssetKind
    count: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Way:
    """A way out that is not as it should be.

    Attributes:
        channel: its id, where there are several; else empty.
        wrong: ``dead``: nothing leaves by it; ``signal`` is weak or ``credit`` low; ``other``:
            somebody should see to it.
    """

    channel: str
    wrong: Literal["dead", "signal", "credit", "other"]


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What a message is made of. Times are UTC milliseconds, values integer thousandths.

    Attributes:
        happening: what is told; with ``kind``, ``quantity`` and ``side`` it decides the words.
        language: the person's.
        zone: IANA name of the site's zone.
        site: its name in the person's language; of several sites `several_sites` of them.
        asset: the asset's name; for a lost contact those of the device's assets (`several`).
        at: when the message is written.
        since: when it began: the first reading outside, the last one before a silence.
        lasting_ms: how long it has lasted, or did; of a cumulative rule the sum in its window; of
            ``all-well`` the time it speaks of.
        kind: of the rule; empty where quantity and side say all.
        quantity: of the series: ``present`` is mains, ``open`` is a door.
        point: label of the measuring place, where the asset has several; else empty.
        side: of the rule.
        certainty: ``possible`` where unknown time made it so.
        value: the newest value; of a silence the last one before it; of ``apart`` the newest
            difference.
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
        rate: of a rate rule, the change in a minute.
        bound: the limit that a warming fridge is coming to, or a cooling one.
        bound_minutes: in how many minutes at least; None where nobody knows.
        code: to answer with; empty where there is nothing to answer.
        step: why this person is told now.
        unanswered: names of those who were told before and have not answered; of ``unconfirmed``
            those of whom nobody knows that the test arrived, and of ``unreachable`` without an
            asset all who could not be told.
        person: who could not be told, or who answers for it.
        answered_at: when that person answered.
        device: the device's name, for messages about a device.
        claim: the site that it speaks for, or the device whose stream it uses.
        waiting: messages that a failing channel has not sent.
        channel: name of a channel, where there are several.
        instead: name of the one that is used instead.
        reason: why it fails, or why somebody could not be told.
        certificate: number of a certificate that is overdue, or of several.
        due: its last good day, ``2027-03-01``.
        troubles: what is open, the gravest first, where a message speaks of several things.
        ended: what is over, in such a message.
        states: how each asset is, the gravest first.
        spans: what each kind of asset measured.
        ways: ways out that are dead or need somebody.
        alarms: how many alarms there were in that time, all over by now.
        unexplained: how many excursions still lack a reason.
        reply: what the person's own SMS is answered with.
    """

    happening: Happening
    language: Language
    zone: str
    site: str
    asset: str
    at: int
    since: int = 0
    lasting_ms: int = 0
    kind: str = ""
    quantity: str = "temperature"
    point: str = ""
    side: str = "above"
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
    rate: int | None = None
    bound: int | None = None
    bound_minutes: int | None = None
    code: str = ""
    step: Step = "first"
    unanswered: tuple[str, ...] = ()
    person: str = ""
    answered_at: int | None = None
    device: str = ""
    claim: str = ""
    waiting: int = 0
    channel: str = ""
    instead: str = ""
    reason: str = ""
    certificate: str = ""
    due: str = ""
    troubles: tuple[Trouble, ...] = ()
    ended: tuple[Trouble, ...] = ()
    states: tuple[AssetState, ...] = ()
    spans: tuple[Span, ...] = ()
    ways: tuple[Way, ...] = ()
    alarms: int = 0
    unexplained: int = 0
    reply: Reply = "help"
