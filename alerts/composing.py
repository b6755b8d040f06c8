"""Fitting a message into one SMS: the ladder of its forms, and what their fields hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from alerts.facts import MessageFacts
from alerts.rules import Certainty, Side
from alerts.segments import fits_one
from alerts.wording import Wording, shorten

_SHORTEST_NAME: Final = 6


def N_(message: str) -> str:  # noqa: N802 - the name that catalogue tools look for
    """Mark a sentence for the catalogue."""
    return message


# What is wrong, by quantity, side and certainty; other quantities are just too high or too low.
_WRONG: Final[Mapping[tuple[str, Side, Certainty], str]] = {
    ("temperature", "above", "certain"): N_("TOO HOT"),
    ("temperature", "above", "possible"): N_("POSSIBLY TOO HOT"),
    ("temperature", "below", "certain"): N_("TOO COLD"),
    ("temperature", "below", "possible"): N_("POSSIBLY TOO COLD"),
    ("humidity", "above", "certain"): N_("TOO HUMID"),
    ("humidity", "above", "possible"): N_("POSSIBLY TOO HUMID"),
    ("humidity", "below", "certain"): N_("TOO DRY"),
    ("humidity", "below", "possible"): N_("POSSIBLY TOO DRY"),
    ("", "above", "certain"): N_("READS TOO HIGH"),
    ("", "above", "possible"): N_("POSSIBLY READS TOO HIGH"),
    ("", "below", "certain"): N_("READS TOO LOW"),
    ("", "below", "possible"): N_("POSSIBLY READS TOO LOW"),
}


def _wrong(facts: MessageFacts) -> str:
    quantity = facts.quantity if facts.quantity in ("temperature", "humidity") else ""
    return _WRONG.get((quantity, facts.side, facts.certainty), N_("READS WRONG"))


def _outside(facts: MessageFacts) -> int | None:
    """Return the newest value if it is outside, else the extreme.

    The reading that completes a run may itself be inside again: "TOO HOT: 7.5C" helps nobody.
    """
    value, limit = facts.value, facts.limit
    if facts.happening != "opened" or facts.side == "silent" or limit is None:
        return value
    if value is None or (value <= limit if facts.side == "above" else value >= limit):
        return facts.extreme if facts.extreme is not None else value
    return value


def _fields(facts: MessageFacts, wording: Wording) -> dict[str, str]:
    """Return every field that a sentence may hold."""

    def value(number: int | None) -> str:
        if number is None:
            return wording.text(N_("in range")) if facts.happening == "recovered" else "?"
        return wording.value(number, facts.limit, facts.quantity)

    def clock(at: int | None) -> str:
        return "?" if at is None else wording.clock(at)

    below = facts.side == "below"
    worst = N_("lowest %(value)s") if below else N_("highest %(value)s")
    limit = N_("min %(value)s") if below else N_("max %(value)s")
    extreme = facts.extreme if facts.extreme is not None else facts.value
    return {
        "wrong": wording.text(_wrong(facts)),
        "value": value(_outside(facts)),
        "worst": wording.text(worst) % {"value": value(extreme)},
        "limit": wording.text(limit) % {"value": wording.limit(facts.limit or 0, facts.quantity)},
        "temperature": wording.value(facts.temperature or 0, None, "temperature"),
        "since": clock(facts.since),
        "end": clock(facts.end),
        "learned": clock(facts.learned_at),
        "lasting": wording.lasting(facts.lasting_ms),
        "window": wording.lasting(facts.window_ms or 0),
        "batches": wording.count("%(n)d batch", "%(n)d batches", facts.batches),
        "doses": wording.count("%(n)d dose", "%(n)d doses", facts.doses),
        "holds": wording.lasting((facts.holds_minutes or 0) * 60_000),
        "device": wording.name(facts.device),
        "claim": wording.name(facts.claim),
        "waiting": wording.count("%(n)d message", "%(n)d messages", facts.waiting),
        "reason": wording.name(facts.reason),
        "certificate": wording.name(facts.certificate),
        "due": facts.due,
    }


def fit(facts: MessageFacts, ladder: Sequence[tuple[str, ...]]) -> str:
    """Return the first form that fits one SMS; the last one with its names cut where none does."""
    wording = Wording(facts.language, facts.zone, facts.at)
    fields = _fields(facts, wording)
    site, asset = wording.name(facts.site), wording.name(facts.asset)

    def render(form: tuple[str, ...], site: str, asset: str) -> str:
        values = fields | {"site": site, "asset": asset}
        sentences = [wording.text(sentence) % values for sentence in form if sentence]
        return wording.joint.join(sentences)

    place = asset
    if facts.point:
        place = wording.text(N_("%(asset)s (%(point)s)")) % {
            "asset": asset,
            "point": wording.name(facts.point),
        }
    for form in ladder:
        if fits_one(text := render(form, site, place)):
            return text
    least = ladder[-1]
    site_length, asset_length = len(site), len(asset)
    while not fits_one(text := render(least, site, asset)):
        if max(site_length, asset_length) <= _SHORTEST_NAME:
            break
        if site_length >= asset_length:
            site_length -= 1
        else:
            asset_length -= 1
        site = shorten(wording.name(facts.site), site_length, wording.gap, keep_end=False)
        asset = shorten(wording.name(facts.asset), asset_length, wording.gap, keep_end=True)
    return text
