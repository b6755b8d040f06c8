"""How settings from the hub are taken over: checked in a short-lived process, tried, kept or refused.

They come into force by an orderly restart of the agent: everything that was recorded is committed,
every line is as it is safe, and the same process begins anew. Nothing else could be proved to leave
no trace of the old ones.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware_agent.chain import Draft, event_draft
from firmware_agent.downlink import DownlinkError, parse_settings
from firmware_agent.handed import Book, Handed, decide
from firmware_agent.health import Health
from firmware_agent.plan import Plan, PlanError, try_settings

log = logging.getLogger(__name__)


class Takeover:
    """Heeds `settings`. ``restart()`` makes the agent end in order and begin anew."""

    def __init__(self, plan: Plan, health: Health, restart: Callable[[], None]) -> None:
        self._plan = plan
        self._health = health
        self._restart = restart
        self._book = Book(Path(plan.state_dir))
        self._busy = threading.Lock()
        # The newest that came while others were being checked: the hub does not say it again.
        self._waiting: deque[Handed] = deque(maxlen=1)
        # Newer ones must not come between seeing which are on trial and keeping them.
        self._on_trial = threading.Lock()
        self._complained = False
        # What is to be recorded with the next cycle.
        self._events: deque[tuple[str, dict[str, Any]]] = deque()
        self._version = plan.handed_version
        self._proved = not plan.trying
        refused = self._book.refused
        self._refused = refused if refused is not None and refused.version > self._version else None
        self._older: str | None = None
        self._tell()

    # --- for the uplink: its loop ---

    def came(self, payload: bytes) -> None:
        """Heed a `settings` message; checking it does not hold the uplink up.

        Of what comes while others are being checked, the newest is next.
        """
        try:
            offered = parse_settings(payload)
        except DownlinkError as error:
            if not self._complained:
                self._complained = True
                log.warning("settings=ignored reason=%r", str(error))
            return
        self._waiting.append(offered)
        self._begin()

    def state(self) -> dict[str, Any]:
        """Return what `status` says of the settings: version in force, and what was refused."""
        found: dict[str, Any] = {"version": self._version}
        refused = self._refused
        if refused is not None:
            found["refused"] = refused._asdict()
        return found

    # --- for the cycle ---

    def drafts(self, mono_ms: int) -> list[Draft]:
        """Return what is to be recorded: settings in force, settings refused."""
        found = []
        while self._events:
            name, body = self._events.popleft()
            found.append(event_draft(mono_ms, name, "settings", body))
        return found

    def cycle_done(self) -> None:
        """Take note of a full cycle: what was on trial is good."""
        if self._proved:
            return
        self._proved = True
        try:
            with self._on_trial:
                kept = self._book.keep(self._version)
        except OSError as error:
            self._health.set("settings", f"version {self._version} cannot be kept: {error}")
            return
        if not kept:
            return  # newer ones are on trial already, and the next start is theirs
        log.info("settings=taken version=%d", self._version)
        self._events.append(("settings.taken", {"version": self._version}))

    # --- the thread of one message ---

    def _begin(self) -> None:
        """Begin with what waits; a thread that is at work begins with it when it is done."""
        if self._waiting and self._busy.acquire(blocking=False):
            threading.Thread(target=self._check, name="settings", daemon=True).start()

    def _check(self) -> None:
        try:
            # One that has just ended may have taken it; who is busy is the only one that takes.
            if self._waiting:
                self._guarded(self._waiting.pop())
        finally:
            self._busy.release()
            self._begin()

    def _guarded(self, offered: Handed) -> None:
        try:
            self._take(offered)
        except OSError as error:
            # Not refused: the card or the checking failed, and the hub's message stays retained.
            text = f"version {offered.version} from the hub could not be taken over: {error}"
            self._health.set("settings", text)

    def _take(self, offered: Handed) -> None:
        book = self._book
        choice = decide(offered, book.good, book.trying, book.refused)
        if choice == "differs":
            why = "this version is known here with another content"
            self._refuse(offered.version, why, ends_trial=False)
        elif choice == "older" and offered.version < self._version:
            self._older = (
                f"the hub hands out version {offered.version} (restored from a backup?), and version "
                f"{self._version} stays in force; hand them out again: coldwatch settings push"
            )
        else:
            self._older = None
        self._tell()
        if choice != "take":
            return
        try:
            try_settings(self._plan.file, offered)
        except PlanError as error:
            self._refuse(offered.version, str(error))
            return
        with self._on_trial:
            book.offer(offered)
        log.info("settings=trying version=%d", offered.version)
        self._restart()

    def _refuse(self, version: int, reason: str, *, ends_trial: bool = True) -> None:
        """Note a refusal, and say it once."""
        if self._refused is not None and self._refused.version == version:
            return
        self._book.refuse(version, reason, ends_trial=ends_trial)
        self._refused = self._book.refused
        self._tell()

    def _tell(self) -> None:
        refused = self._refused
        if refused is None:
            problem = self._older or self._plan.handed_problem
            if self._health.set("settings", problem) and problem is not None:
                log.warning("settings=not-in-force reason=%r", problem)
            return
        first = refused.reason.partition("\n")[0]
        text = f"version {refused.version} from the hub is refused: {first}"
        if self._health.set("settings", text):
            log.warning("settings=refused version=%d reason=%r", refused.version, refused.reason)
            self._events.append(("settings.refused", refused._asdict()))
