"""The panel on GPIO lines: lights, buzzer and the button that silences it.

A thread plays the patterns and looks at the button; the agent's cycle only says what is so. It
needs no network: what it shows is what the agent's own engine decided.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from firmware_agent.chain import Draft, event_draft
from firmware_agent.press import Press
from firmware_agent.signals import Mute, Unsent, View, levels, sound, view
from sensors.gpio.opening import open_port
from sensors.gpio.port import GpioError, GpioPort

if TYPE_CHECKING:
    from firmware_agent.panel import PanelState
    from firmware_agent.parts import Context, Cycle

log = logging.getLogger(__name__)

ROUND_S = 0.05
_OPEN_AGAIN_S = 10.0
_TRY_S = 1.5
# What the cycle has not said anew for so long is no longer shown as safe.
_CYCLES = 3
_LEAST_STALE_S = 15.0
_OUTPUTS = ("green", "yellow", "red", "light", "buzzer")


class PanelLinesPart:
    """Lights, buzzer and button of one agent."""

    def __init__(
        self,
        context: Context,
        opening: Callable[[Mapping[str, Any]], GpioPort] = open_port,
    ) -> None:
        """Make it ready; no line is touched before :meth:`start`."""
        self._context = context
        self._opening = opening
        settings = context.settings
        self._settings = settings
        self._outputs = {
            name: (settings[name]["line"], bool(settings[name]["active_low"]))
            for name in _OUTPUTS
            if settings[name]
        }
        every_s = context.plan.every_ms / 1000 / context.clock.speed
        self._stale_s = max(_LEAST_STALE_S, _CYCLES * every_s)
        self._unsent = Unsent(settings["unsent_after"])
        # The state, whether unsent, and when that was so in real time; replaced as a whole.
        self._latest: tuple[PanelState, bool, float] | None = None
        self._seen: tuple[float, bool, View] | None = None
        self._mute = Mute()
        self._trying_until_s = 0.0
        self._press = Press()
        self._presses: deque[Draft] = deque()
        self._levels: dict[str, bool] = {}
        self._problem: str | None = None
        self._port: GpioPort | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def drafts(self, cycle: Cycle) -> list[Draft]:  # noqa: ARG002 - presses know their time
        """Return the presses since the last cycle."""
        self._context.health.set("panel lines", self._problem)
        return [self._presses.popleft() for _ in range(len(self._presses))]

    def show(self, state: PanelState) -> None:
        """Play this from now on."""
        unsent = self._unsent.look(self._context.clock.mono_ms(), state.unsent)
        self._latest = (state, unsent, time.monotonic())

    def close(self) -> None:
        """Dark and silent."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(0.5)
        if self._port is not None:
            self._port.close()

    # --- the thread ---

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._context.moved()
                if self._open():
                    while not self._ending.wait(ROUND_S):
                        self._context.moved()
                        self._round(time.monotonic())
        except Exception as error:
            log.exception("panel=failed")
            self._problem = f"the loop failed: {type(error).__name__}: {error}"

    def _open(self) -> bool:
        """Open the port and take the lines; where that fails, wait, and tell whether it worked."""
        try:
            self._port = self._opening(self._context.plan.gpio)
            for line, off in self._outputs.values():
                self._port.claim_output(line, level=off)
            button = self._settings["button"]
            if button is not None:
                low = button["pressed"] == "low"
                self._port.claim_input(button["line"], "up" if low else "down")
        except GpioError as error:
            if self._problem != str(error):
                log.warning("panel=no-lines reason=%r", str(error))
            self._problem = str(error)
            if self._port is not None:
                self._port.close()
                self._port = None
            self._ending.wait(_OPEN_AGAIN_S)
            return False
        self._problem = None
        return True

    def _round(self, now_s: float) -> None:
        """Look at the button, and write what the patterns say."""
        now_ms = self._context.clock.mono_ms()
        seen = self._view(now_s)
        if self._pressed(now_ms):
            self._silence(seen, now_ms, now_s)
        heard = sound(seen, self._mute, now_ms, chirp=self._settings["chirp"])
        trying = now_s < self._trying_until_s
        self._write(levels(seen, heard, int(now_s * 1000), trying=trying))

    def _view(self, now_s: float) -> View:
        latest = self._latest
        if latest is None:
            return View()
        state, unsent, at_s = latest
        stalled = now_s - at_s > self._stale_s
        # Twenty times a second on a small Pi: thought about once for each cycle.
        if self._seen is None or self._seen[:2] != (at_s, stalled):
            self._seen = (at_s, stalled, view(state, unsent=unsent, stalled=stalled))
        return self._seen[2]

    def _pressed(self, now_ms: int) -> bool:
        button = self._settings["button"]
        if button is None or self._port is None:
            return False
        try:
            down = self._port.read(button["line"]) == (button["pressed"] == "high")
        except GpioError as error:
            self._problem = str(error)
            return False
        return self._press.look(now_ms, down) == "down"

    def _silence(self, seen: View, now_ms: int, now_s: float) -> None:
        """Silence what is open now and record that; with nothing to silence, try everything."""
        if not seen.outside and not seen.fault_heard:
            self._trying_until_s = now_s + _TRY_S
            return
        self._mute = Mute(now_ms + self._settings["mute"], seen.outside)
        body = {
            "for_ms": self._settings["mute"],
            "outside": sorted(seen.outside),
            "fault": "fault" in seen.shown,
        }
        self._presses.append(event_draft(now_ms, "panel.mute", "panel", body))
        log.info("panel=muted for_ms=%d outside=%r", body["for_ms"], body["outside"])
        self._context.wake()

    def _write(self, wanted: Mapping[str, bool]) -> None:
        if self._port is None:
            return
        for name, (line, off) in self._outputs.items():
            on = wanted[name]
            if self._levels.get(name) == on:
                continue
            try:
                self._port.write(line, level=on != off)
            except GpioError as error:
                self._levels.pop(name, None)
                self._problem = str(error)
            else:
                self._levels[name] = on
