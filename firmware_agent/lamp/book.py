"""A lamp's book: from happenings to event records, hours, and what people must be warned of.

Used by the thread of the agent's cycle alone. What is to be recorded is kept in the lamp's file
until the cycle that recorded it is committed, so a power cut in between repeats an event (with the
same ``cycle``) and never loses one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.clock import boot_id
from firmware_agent.chain import Draft, event_draft
from firmware_agent.lamp.facts import Happening, Measured, Request
from firmware_agent.lamp.kept import load, save
from firmware_agent.lamp.schedule import Due, Timetable, due
from firmware_agent.parts import Cycle

log = logging.getLogger(__name__)

# The hours under way are written down this often.
_SAVE_EVERY_MS = 60_000
HOUR_MS = 3_600_000


class Book:
    """What is known and kept of one lamp."""

    def __init__(self, settings: Mapping[str, Any], zone: str, folder: Path, now_ms: int) -> None:
        """Open the book of a lamp; a cycle that a crash ended is closed in it."""
        self.id: str = settings["id"]
        self._settings = settings
        self._path = folder / f"lamp-{self.id}.json"
        self._timetable = Timetable.of(settings["schedule"], zone)
        self._fingerprint = repr((settings["schedule"], zone))
        self._boot = boot_id()
        self._asked: set[str] = set()
        self._handed = 0
        self._saved_ms: int | None = None
        self._dirty = False
        self.unwritten: str | None = None
        self.kept, self.damage = load(self._path, now_ms)
        self._close_interrupted()

    # --- what happened ---

    def take(self, happening: Happening, cycle: Cycle) -> None:
        """Enter a happening; what people must know of it becomes an event record."""
        kept, facts = self.kept, dict(happening.facts)
        at = cycle.now_ms - (cycle.mono_ms - happening.mono_ms)
        if facts.get("by") == "schedule" and happening.what in {"begun", "refused"}:
            kept.is_done(facts["name"])
            self._asked.discard(facts["name"])
        if happening.what == "begun":
            kept.running = facts | {
                "cycle": f"{self._boot[:8]}-{happening.mono_ms}",
                "boot": self._boot,
                "on_ms": happening.mono_ms,
                "start": at,
                "lasted_ms": 0,
            }
            self._dirty = True
            return
        if happening.what == "cycle":
            started = (kept.running or {}).get("cycle", f"{self._boot[:8]}-{happening.mono_ms}")
            kept.running = None
            self._cycle(facts | {"cycle": started}, at)
            return
        if happening.what == "wiped":
            kept.wiped_at = at
            self._forget("wipe-due")
        elif happening.what == "replaced":
            facts["hours_before"] = kept.total_ms * 1000 // HOUR_MS
            kept.total_ms, kept.replaced_at, kept.low = 0, at, None
            self._forget("hours", "intensity")
        self._say(f"lamp.{happening.what}", happening.mono_ms, facts)

    def lasted(self, lasted_ms: int) -> None:
        """Note how long the cycle under way has lasted."""
        if self.kept.running is not None:
            self.kept.running["lasted_ms"] = lasted_ms

    def _cycle(self, facts: dict[str, Any], end: int) -> None:
        """Enter a cycle that has ended; ``end`` is UTC, as far as it is known."""
        kept, intensity = self.kept, self._settings["intensity"]
        lasted = facts["lasted_ms"]
        kept.total_ms += lasted
        kept.cut = facts["cut"]
        least = facts.get("intensity_min")
        kept.low = least if least is not None and least < intensity["least"] else None
        facts |= {
            "start": end - lasted,
            "end": end,
            "minutes": lasted // 60_000,
            "hours_after": kept.total_ms * 1000 // HOUR_MS,
            "low": kept.low is not None,
        }
        if self._settings["presence"] == "none":
            facts["presence"] = self._settings["presence_reason"]
        self._say("lamp.cycle", None, facts)

    def _close_interrupted(self) -> None:
        """A cycle that was under way when we died ended no earlier than what is known of it."""
        running, self.kept.running = self.kept.running, None
        if running is None:
            return
        cut = "agent-died" if running["boot"] == self._boot else "power-cut"
        facts = {
            key: running[key] for key in ("by", "name", "planned_minutes", "lasted_ms", "cycle")
        }
        self._cycle(facts | {"cut": cut}, running["start"] + running["lasted_ms"])

    # --- the timetable ---

    def scheduled(self, cycle: Cycle) -> Request | None:
        """Return the start that the timetable asks for now; note what was missed."""
        kept, table = self.kept, self._timetable
        if not cycle.synced:
            return None
        if kept.begun_at is None:
            kept.begun_at = cycle.now_ms
            self._dirty = True
        if kept.timetable != self._fingerprint or kept.since is None:
            kept.timetable, kept.since = self._fingerprint, cycle.now_ms
            self._dirty = True
        begins, missed = due(table, cycle.now_ms, kept.since, kept.done)
        for item in missed:
            if item.key not in self._asked:
                self._miss(item)
        if begins is None or begins.key in self._asked:
            return None
        self._asked.add(begins.key)
        left_ms = table.late_by_ms - (cycle.now_ms - begins.at_ms)
        return Request(
            "start", "schedule", begins.key, self._settings["minutes"], cycle.mono_ms + left_ms
        )

    def _miss(self, item: Due) -> None:
        self.kept.is_done(item.key)
        facts = {"by": "schedule", "name": item.key, "why": "missed"}
        self._say("lamp.refused", None, facts)

    # --- warnings ---

    def warnings(self, cycle: Cycle) -> list[str]:
        """Return what people should see to, one line each; each is recorded when it begins."""
        kept, settings = self.kept, self._settings
        found: dict[str, str] = {}
        wiped = kept.wiped_at or kept.begun_at
        if cycle.synced and wiped is not None and cycle.now_ms - wiped >= settings["wipe_every"]:
            found["wipe-due"] = "the weekly wipe with alcohol is due"
        hours = kept.total_ms // HOUR_MS
        if hours >= settings["rated_hours"]:
            found["hours"] = f"the tube has burned {hours} h, rated are {settings['rated_hours']}"
        if kept.low is not None:
            least = settings["intensity"]["least"] if settings["intensity"] else 0
            found["intensity"] = (
                f"{kept.low / 1000:.1f} uW/cm2 is under {least / 1000:.1f}: replace the tube"
            )
        for warning, text in found.items():
            if warning not in kept.warned:
                kept.warned = [*kept.warned, warning]
                self._say("lamp.warning", None, {"warning": warning, "text": text})
        for warning in kept.warned:
            if warning not in found and (warning != "wipe-due" or cycle.synced):
                self._forget(warning)
        if kept.cut:
            found["cut"] = f"the last cycle was cut short: {kept.cut}"
        return list(found.values())

    def _forget(self, *warnings: str) -> None:
        self.kept.warned = [one for one in self.kept.warned if one not in warnings]
        self._dirty = True

    # --- records and file ---

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Return the event records that are not committed yet; they are handed over with this."""
        found = []
        for item in self.kept.unsaid:
            ours = item["boot"] == self._boot and item["mono_ms"] is not None
            mono_ms = min(item["mono_ms"], cycle.mono_ms) if ours else cycle.mono_ms
            found.append(event_draft(mono_ms, item["event"], self.id, item["body"]))
        self._handed = len(found)
        return found

    def committed(self) -> None:
        """What was handed over is in the spool."""
        if self._handed:
            self.kept.unsaid = self.kept.unsaid[self._handed :]
            self._handed = 0
            self._dirty = True

    def save(self, mono_ms: int) -> None:
        """Write the file where something has changed, and each minute while the lamp is on."""
        running = self.kept.running is not None
        late = self._saved_ms is None or mono_ms - self._saved_ms >= _SAVE_EVERY_MS
        if not self._dirty and not (running and late):
            return
        self._saved_ms = mono_ms
        try:
            save(self._path, self.kept)
        except OSError as error:
            # Written again with the next cycle: the mark stays.
            self._dirty = True
            self.unwritten = f"its hours cannot be written: {error.strerror}"
        else:
            self._dirty = False
            self.unwritten = None

    def keep_unseen(self, unseen: int) -> None:
        """Note the openings of the door since somebody was seen."""
        if unseen != self.kept.unseen:
            self.kept.unseen = unseen
            self._dirty = True

    def _say(self, event: str, mono_ms: int | None, body: Mapping[str, Any]) -> None:
        body = {key: value for key, value in body.items() if value is not None}
        log.info(
            "event=%s lamp=%s %s", event, self.id,
            " ".join(f"{key}={value!r}" for key, value in body.items()),
        )  # fmt: skip
        item = {"event": event, "mono_ms": mono_ms, "boot": self._boot, "body": body}
        self.kept.unsaid = [*self.kept.unsaid, item]
        self._dirty = True


def measured(value: int | None, mono_ms: int, above: int | None = None) -> Measured | None:
    """Return a sample as the machine takes it; with ``above``, 1 where it is more and 0 else."""
    if value is None:
        return None
    sample = Measured(value, mono_ms)
    return sample if above is None else replace(sample, value=int(value > above))


def one_line(texts: Sequence[str]) -> str | None:
    """Join warnings into one line; None where there is none."""
    return re.sub(r"\s+", " ", "; ".join(texts)) or None
