"""What the panel beside the fridge shows: light, buzzer, and what is open.

The state is a pure function of what the engine decided and of how the agent is. Where it goes is a
sink's business: a file and the log here, GPIO lines in firmware_agent/panel_lines.py.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from alerts.engine import Thread
from alerts.rules import is_fault
from firmware_agent.downlink import Work
from firmware_agent.judging import Excursion

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far things are, for what tells people; no part of what the panel shows.

    Attributes:
        stream: id of the open stream.
        recorded: its records.
        judged: how many of them the hub has judged, as far as we know.
        listed: every excursion that `told` lists, those that are over among them.
        threads: what is open or has not recovered yet.
        works: planned work on this device's assets.
    """

    stream: str = ""
    recorded: int = 0
    judged: int = 0
    listed: frozenset[str] = frozenset()
    threads: frozenset[Thread] = frozenset()
    works: tuple[Work, ...] = ()


@dataclass(frozen=True, slots=True)
class PanelState:
    """What people see and hear.

    Attributes:
        light: ``outside`` while a value is out of its range for long enough; else ``fault`` while
            a probe is silent or the agent is unwell; else ``inside``.
        sounding: whether the buzzer is on.
        outside_since: UTC of the first reading outside among what is open; None when all is inside.
        excursions: what is open, the oldest first.
        told: ids of those of which the hub has told people.
        unsent: records that the hub has not judged yet.
        problems: what is wrong with the agent itself, one line each.
        progress: for parts that tell people.
    """

    light: Literal["inside", "outside", "fault"]
    sounding: bool
    outside_since: int | None
    excursions: tuple[Excursion, ...]
    told: frozenset[str]
    unsent: int
    problems: tuple[str, ...]
    progress: Progress = field(default=Progress(), compare=False)

    def body(self) -> dict[str, Any]:
        """Spell it as JSON."""
        return {
            "light": self.light,
            "sounding": self.sounding,
            "outside_since": self.outside_since,
            "excursions": [
                item.body() | {"told": item.id in self.told} for item in self.excursions
            ],
            "unsent": self.unsent,
            "problems": list(self.problems),
        }


def panel_state(
    open_: Mapping[str, Excursion], told: frozenset[str], unsent: int, problems: Iterable[str]
) -> PanelState:
    """Return what the panel shows. Every rule about stock sounds here; `tells` is about messages."""
    excursions = tuple(sorted(open_.values(), key=lambda item: (item.start, item.id)))
    outside = [item for item in excursions if not is_fault(item.rule, item.side)]
    problems = tuple(problems)
    light: Literal["inside", "outside", "fault"] = "inside"
    if outside:
        light = "outside"
    elif excursions or problems:
        light = "fault"
    return PanelState(
        light=light,
        sounding=bool(outside),
        outside_since=min((item.start for item in outside), default=None),
        excursions=excursions,
        told=told & frozenset(open_),
        unsent=unsent,
        problems=problems,
    )


class Sink(Protocol):
    """Something that shows a panel state."""

    def show(self, state: PanelState) -> None:
        """Show it; called whenever it has changed. Never raises."""


class StateFile:
    """A file that always holds the state as JSON; replaced as a whole, so never half written."""

    def __init__(self, path: Path) -> None:
        """Write to ``path``, best on a file system in memory (/run)."""
        self._path = path
        self._failed = False

    def show(self, state: PanelState) -> None:
        """Replace the file."""
        draft = self._path.with_name(f".{self._path.name}.new")
        try:
            draft.write_text(json.dumps(state.body()))
            # For whoever looks, whatever the unit's UMask= says.
            draft.chmod(0o644)
            draft.replace(self._path)
        except OSError as error:
            if not self._failed:
                log.warning("panel=unwritten file=%s reason=%r", self._path, str(error))
            self._failed = True
        else:
            self._failed = False


class PanelLog:
    """One line for each excursion that opens or ends, and for each change of light or buzzer."""

    def __init__(self) -> None:
        self._before: dict[str, Excursion] = {}
        self._light = ("inside", False)

    def show(self, state: PanelState) -> None:
        """Log what has changed."""
        now = {item.id: item for item in state.excursions}
        for id_ in now.keys() - self._before.keys():
            item = now[id_]
            log.warning(
                "excursion=opened id=%s series=%s rule=%s side=%s certainty=%s start=%d",
                id_, item.series, item.rule, item.side, item.certainty, item.start,
                extra=_fields("excursion-opened", item),
            )  # fmt: skip
        for id_ in self._before.keys() - now.keys():
            item = self._before[id_]
            log.warning(
                "excursion=closed id=%s series=%s rule=%s", id_, item.series, item.rule,
                extra=_fields("excursion-closed", item),
            )  # fmt: skip
        if (state.light, state.sounding) != self._light:
            log.info("panel=%s sounding=%s", state.light, str(state.sounding).lower())
        self._before = now
        self._light = (state.light, state.sounding)


def _fields(event: str, item: Excursion) -> dict[str, str]:
    return {"event": event, "excursion": item.id, "series": item.series, "rule": item.rule}


class Panel:
    """Shows a state on every sink, when it has changed."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        """Show on these; the first state is shown in any case."""
        self._sinks = list(sinks)
        self.state: PanelState | None = None

    def show(self, state: PanelState) -> None:
        """Show it unless it is what is shown already."""
        if state == self.state:
            return
        self.state = state
        for sink in self._sinks:
            sink.show(state)
