"""Fitting a message into one SMS: what is given up for that, in which order, and what never is.

A message is made of slots, in the order in which they are read. Each has its forms, from the
fullest to the least, which may be nothing. While the text is too long, the slot whose turn it is
gives up one form; when it fits, what was given up last is taken back where there is room after
all. Where even the least forms are too long the point's label goes, and then names are cut in their
middle. The code to answer with is no slot: it always stands, and always last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from alerts.facts import MessageFacts
from alerts.fields import fields
from alerts.segments import fits_one
from alerts.wording import N_, Wording, shorten

Slots = Mapping[str, Sequence[str]]

_SHORTEST_NAME: Final = 6


class Said(str):
    """A form that is in the person's language already and needs no catalogue."""

    __slots__ = ()


# The order of an alarm: whose turn it is to give up. Wrong, and what to do, go last.
GIVE_UP: Final = (
    "action", "core", "last", "head", "action", "learned", "result", "inside", "hold", "forecast",
    "head", "core", "action", "head",
)  # fmt: skip


def fit(facts: MessageFacts, slots: Slots, give_up: Sequence[str] = GIVE_UP) -> str:
    """Return the fullest text that fits one SMS; the least one with its names cut where none does."""
    message = _Message(facts, slots)
    for point in (facts.point, "") if facts.point else ("",):
        text = message.fitting(give_up, point)
        if text is not None:
            return text
    return message.cut()


class _Message:
    """The forms of one message."""

    def __init__(self, facts: MessageFacts, slots: Slots) -> None:
        self._facts = facts
        self._slots = {name: list(forms) for name, forms in slots.items() if forms}
        self._wording = Wording(facts.language, facts.zone, facts.at)
        self._fields = fields(facts, self._wording)
        self._site = self._wording.name(facts.site)
        self._asset = self._wording.name(facts.asset)
        self._people = {key: self._fields[key] for key in ("person", "first")}

    def fitting(self, give_up: Sequence[str], point: str) -> str | None:
        """Return the fullest text that fits; None where not even the least one does."""
        place = self._asset
        if point:
            place = self._wording.text(N_("%(asset)s (%(point)s)")) % {
                "asset": self._asset,
                "point": self._wording.name(point),
            }
        level = dict.fromkeys(self._slots, 0)
        given: list[str] = []
        # Whatever the order leaves out is given up in the end, from the last slot on.
        rest = [name for name, forms in self._slots.items() for _ in forms[1:]]
        for name in (*give_up, *reversed(rest)):
            if fits_one(self._render(level, self._site, place)):
                break
            if name in level and level[name] < len(self._slots[name]) - 1:
                level[name] += 1
                given.append(name)
        if not fits_one(text := self._render(level, self._site, place)):
            return None
        for name in reversed(given):
            fuller = level | {name: level[name] - 1}
            if level[name] and fits_one(better := self._render(fuller, self._site, place)):
                level, text = fuller, better
        return text

    def cut(self) -> str:
        """Return the least text with its names cut."""
        level = {name: len(forms) - 1 for name, forms in self._slots.items()}
        site, asset = self._site, self._asset
        people: Mapping[str, str] = self._people
        length = {"site": len(site), "asset": len(asset)}
        length["people"] = max(len(each) for each in people.values())
        gap = self._wording.gap
        while not fits_one(text := self._render(level, site, asset, people)):
            longest = max(length, key=lambda name: length[name])
            if length[longest] <= _SHORTEST_NAME:
                break
            length[longest] -= 1
            site = shorten(self._site, length["site"], gap, keep_end=False)
            asset = shorten(self._asset, length["asset"], gap, keep_end=True)
            people = {
                key: shorten(each, length["people"], gap, keep_end=False)
                for key, each in self._people.items()
            }
        return text

    def _render(
        self,
        level: Mapping[str, int],
        site: str,
        asset: str,
        people: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        values = self._fields | {"site": site, "asset": asset} | dict(people)
        forms = [self._slots[name][at] for name, at in level.items()]
        if self._facts.code:
            # One code answers every alarm of an SMS that speaks of several (hub/alarms.py).
            several = self._facts.happening == "storm"
            forms.append(N_("Answer %(code)s for all.") if several else N_("Answer %(code)s."))
        said = [
            form if isinstance(form, Said) else self._wording.text(form) % values
            for form in forms
            if form
        ]
        return self._wording.joint.join(part for part in said if part)
