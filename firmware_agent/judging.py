"""Judging on the spot: the same engine as the hub's, on the same committed records.

Records whose stamp is not final yet are judged at once as well, with a guess for `at`, by a second
engine that started from the first one's state. What it says drives light and buzzer and is
provisional: when the stamps are final, the first engine judges the records as the hub will see
them, and the second one is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from alerts.decisions import Decision
from alerts.engine import StreamEngine, Thread


@dataclass(frozen=True, slots=True)
class Excursion:
    """An excursion as panel, own modem and log need it; fields as in alerts.decisions.Decision."""

    id: str
    thread: str
    series: str
    rule: str
    side: str
    certainty: str
    start: int
    opened: int
    end: int | None
    extreme: int | None
    first_seq: int
    tells: bool

    @classmethod
    def of(cls, decision: Decision) -> Excursion:
        """Return the excursion as it is after this step."""
        return cls(
            decision.id,
            decision.thread,
            decision.series,
            decision.rule.id,
            decision.side,
            decision.certainty,
            decision.start,
            decision.opened,
            decision.end,
            decision.extreme,
            decision.first_seq,
            decision.rule.tells,
        )

    def body(self) -> dict[str, Any]:
        """Spell it as JSON."""
        return asdict(self)


class Judge:
    """The engine of one stream, and what is open by its decisions."""

    def __init__(self, engine: StreamEngine, open_: Iterable[Excursion] = ()) -> None:
        """Go on from an engine's state and the excursions open in it."""
        self.stream = engine.stream
        self._engine = engine
        self._open = {item.id: item for item in open_}
        self._ahead: StreamEngine | None = None
        self._open_ahead: dict[str, Excursion] = {}
        self._changed: dict[str, Excursion] = {}
        self._rules_changed = False

    @classmethod
    def load(
        cls, stream: str, watches: Mapping[str, Any], state: Mapping[str, Any], open_: Iterable[Any]
    ) -> Judge:
        """Go on from what was saved; raise KeyError, TypeError or ValueError for another shape."""
        engine = StreamEngine.load(stream, {"watches": watches, "state": state})
        return cls(engine, [Excursion(**item) for item in open_])

    @property
    def open(self) -> Mapping[str, Excursion]:
        """What is open now, provisional or not, by id."""
        return self._open if self._ahead is None else self._open_ahead

    @property
    def threads(self) -> frozenset[Thread]:
        """What is open or has not recovered yet, provisional or not."""
        return (self._engine if self._ahead is None else self._ahead).threads()

    def final(self, body: Mapping[str, Any]) -> None:
        """Judge a record whose stamp is final."""
        if body["kind"] == "settings":
            self._rules_changed = True
        for decision in self._engine.feed_record(body):
            item = Excursion.of(decision)
            _apply(self._open, decision, item)
            if decision.happening != "recovered":
                self._changed[item.id] = item

    def provisional(self, body: Mapping[str, Any]) -> None:
        """Judge a record whose stamp is a guess; it will come again with its final one."""
        if self._ahead is None:
            self._ahead = StreamEngine.load(self.stream, self._engine.dump())
            self._open_ahead = dict(self._open)
        for decision in self._ahead.feed_record(body):
            _apply(self._open_ahead, decision, Excursion.of(decision))

    def settle(self) -> None:
        """Forget what was provisional: all records have come with their final stamps."""
        self._ahead = None
        self._open_ahead = {}

    # --- saving ---

    def state(self) -> dict[str, Any]:
        """Return the engine's state as JSON."""
        return self._engine.dump_state()

    def watches(self) -> dict[str, Any] | None:
        """Return the rules in force, None where they have not changed since :meth:`saved`."""
        return self._engine.dump_watches() if self._rules_changed else None

    def changed(self) -> list[tuple[str, bool, dict[str, Any]]]:
        """Return id, whether it is open, and body of what has changed since :meth:`saved`."""
        return [(id_, id_ in self._open, item.body()) for id_, item in self._changed.items()]

    def saved(self) -> None:
        """Note that all of it is committed."""
        self._changed.clear()
        self._rules_changed = False


def _apply(open_: dict[str, Excursion], decision: Decision, item: Excursion) -> None:
    if decision.happening in ("opened", "confirmed"):
        open_[item.id] = item
    elif decision.happening == "closed":
        open_.pop(item.id, None)
