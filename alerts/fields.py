"""What the fields of a sentence hold, in the person's language: values, times, names, counts."""

from __future__ import annotations

from alerts.facts import MessageFacts
from alerts.troubles import words_of
from alerts.wording import N_, Wording, several_people


def wrong(wording: Wording, kind: str, quantity: str, side: str, *, possible: bool = False) -> str:
    """Return what is wrong, in words."""
    text = wording.text(words_of(kind, quantity, side).wrong)
    return wording.text(N_("POSSIBLY %(wrong)s")) % {"wrong": text} if possible else text


def _outside(facts: MessageFacts) -> int | None:
    """Return the newest value if it is outside, else the extreme.

    The reading that completes a run may itself be inside again: "TOO HOT: 7.5C" helps nobody.
    """
    value, limit = facts.value, facts.limit
    if facts.happening == "recovered" or facts.kind == "rate" or limit is None:
        return value
    if value is None or (value >= limit if facts.side == "below" else value <= limit):
        return facts.extreme if facts.extreme is not None else value
    return value


def fields(facts: MessageFacts, wording: Wording) -> dict[str, str]:
    """Return every field that a sentence may hold, but site and asset."""

    def value(number: int | None) -> str:
        if number is None:
            return wording.text(N_("in range")) if facts.happening == "recovered" else "?"
        return wording.value(number, facts.limit, facts.quantity)

    def clock(at: int | None) -> str:
        return "?" if at is None else wording.clock(at)

    unanswered = [wording.name(name) for name in facts.unanswered]

    def minutes(number: int | None) -> str:
        return wording.lasting((number or 0) * 60_000)

    below = facts.side == "below"
    worst = N_("lowest %(value)s") if below else N_("highest %(value)s")
    limit = N_("min %(value)s") if below else N_("max %(value)s")
    extreme = facts.extreme if facts.extreme is not None else facts.value
    return {
        "wrong": wrong(
            wording,
            facts.kind,
            facts.quantity,
            facts.side,
            possible=facts.certainty == "possible",
        ),
        "value": value(_outside(facts)),
        "worst": wording.text(worst) % {"value": value(extreme)},
        "limit": wording.text(limit) % {"value": wording.limit(facts.limit or 0, facts.quantity)},
        "rate": wording.value(abs(facts.rate or 0), None, facts.quantity),
        "bound": wording.limit(facts.bound or 0, facts.quantity),
        "within": minutes(facts.bound_minutes),
        "temperature": wording.value(facts.temperature or 0, None, "temperature"),
        "since": clock(facts.since),
        "end": clock(facts.end),
        "at": wording.clock(facts.at),
        "learned": clock(facts.learned_at),
        "answered": clock(facts.answered_at),
        "lasting": wording.lasting(facts.lasting_ms),
        "window": wording.lasting(facts.window_ms or 0),
        "batches": wording.count("%(n)d batch", "%(n)d batches", facts.batches),
        "doses": wording.count("%(n)d dose", "%(n)d doses", facts.doses),
        "holds": minutes(facts.holds_minutes),
        "code": facts.code,
        "person": wording.name(facts.person),
        "unanswered": wording.listed(unanswered),
        "first": several_people(unanswered or [wording.name(facts.person)], facts.language, 1),
        "device": wording.name(facts.device),
        "claim": wording.name(facts.claim),
        "waiting": wording.count("%(n)d message", "%(n)d messages", facts.waiting),
        "channel": wording.name(facts.channel),
        "instead": wording.name(facts.instead),
        "reason": wording.text(wording.name(facts.reason)) if facts.reason else "",
        "certificate": wording.name(facts.certificate),
        "due": facts.due,
        "alarms": wording.count("%(n)d alarm", "%(n)d alarms", facts.alarms),
        "unexplained": wording.count(
            "%(n)d alarm lacks a reason", "%(n)d alarms lack a reason", facts.unexplained
        ),
    }
