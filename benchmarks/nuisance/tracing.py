"""What each SMS came from: the doors and defrosts shortly before its excursions began."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.nuisance.judging import Message
from benchmarks.nuisance.places import Samples
from benchmarks.nuisance.usage import Opening, Why
from config.profile import ALWAYS
from journal.excursions import ExcursionRow

# A buffered probe is warmest some minutes after the door is shut; half an hour later it is over.
SOON_MS: Final = 30 * 60_000

Source = Literal[
    "forgotten door", "stocktaking", "delivery", "vaccination", "other door", "defrost", "none"
]  # fmt: skip
# Where an SMS has several, the first one here counts.
_LIKELY: Final[tuple[Source, ...]] = (
    "none", "defrost", "other door", "vaccination", "delivery", "stocktaking", "forgotten door"
)  # fmt: skip
_OF: Final[dict[Why, Source]] = {
    "forgotten": "forgotten door",
    "stocktaking": "stocktaking",
    "delivery": "delivery",
    "vaccination": "vaccination",
    "other": "other door",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """What one SMS came from.

    Attributes:
        source: of all its excursions. Where they have several, the one that is the least like a
            forgotten door, so that no SMS is put down to one too easily.
        doors: the forgotten doors among them.
        equipment: whether a rule about the equipment itself speaks in it.
    """

    source: Source
    doors: frozenset[Opening]
    equipment: bool


def of_equipment(message: Message) -> bool:
    """Whether a rule about the equipment itself speaks in an SMS."""
    rules = {row.rule for row in (*message.opened, *message.recovered)}
    return any(rule.partition("/")[0] == ALWAYS for rule in rules)


class Tracer:
    """Knows the doors and defrosts of some samples."""

    def __init__(self, samples: Samples) -> None:
        self._openings = samples.openings
        self._opened = [one.begin for one in samples.openings]
        self._defrosts = samples.defrosts
        self._begun = [begin for begin, _ in samples.defrosts]

    def trace(self, message: Message) -> Trace:
        """Return what an SMS came from; one that speaks of no excursion came from nothing known."""
        found = [self._of(row) for row in (*message.opened, *message.recovered)]
        sources = {source for source, _ in found} or {"none"}
        return Trace(
            next(source for source in _LIKELY if source in sources),
            frozenset(door for _, door in found if door is not None),
            of_equipment(message),
        )

    def _of(self, row: ExcursionRow) -> tuple[Source, Opening | None]:
        """Return what was before an excursion began, and which door was forgotten.

        Of several doors it is a forgotten one, or else the one that stood open for longest.
        """
        doors = self._openings[: bisect_right(self._opened, row.start)]
        # None stands within another, so that the last ones ended last.
        near = []
        for one in reversed(doors):
            if one.end < row.start - SOON_MS:
                break
            near.append(one)
        forgotten = next((one for one in near if one.why == "forgotten"), None)
        if forgotten is not None:
            return "forgotten door", forgotten
        if near:
            return _OF[max(near, key=lambda one: one.end - one.begin).why], None
        defrosts = self._defrosts[: bisect_right(self._begun, row.start)]
        if defrosts and defrosts[-1][1] >= row.start - SOON_MS:
            return "defrost", None
        return "none", None
