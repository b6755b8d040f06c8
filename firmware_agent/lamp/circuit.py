"""One lamp's lines: reads them, asks the machine, and writes what it says. For the fast loop alone.

Other threads put requests and samples into its queues, and take the happenings out.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from firmware_agent.lamp.debounce import Settled
from firmware_agent.lamp.facts import (
    Happening,
    Inputs,
    Limits,
    Measured,
    Outcome,
    Request,
    State,
)
from firmware_agent.lamp.machine import step
from firmware_agent.lamp.pulse import Pulse
from firmware_agent.press import Press
from sensors.gpio.port import GpioError, GpioPort

log = logging.getLogger(__name__)

# A level that is right already is written again this often: something else may have moved it.
_REWRITE_S = 1.0


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """Return the machine's limits from a lamp's checked settings."""
    current, intensity = settings["current"], settings["intensity"]
    return Limits(
        warning_ms=settings["warning"],
        cool_ms=settings["cool_down"],
        most_ms=settings["most_minutes"] * 60_000,
        settle_ms=current["settle"] if current else 0,
        warm_up_ms=intensity["warm_up"] if intensity else 0,
        presence_stuck_ms=settings["presence_stuck"],
        blind_after=settings["blind_after"],
        has_presence=settings["presence"] != "none",
        has_current=current is not None,
        stale_ms=current["stale_after"] if current else 0,
    )


def output_lines(settings: Mapping[str, Any]) -> dict[str, tuple[int, bool]]:
    """Return the outputs of a lamp: for each its line, and the level at which it is off."""
    return {
        name: (settings[name]["line"], bool(settings[name]["active_low"]))
        for name in ("relay", "pulse", "beacon", "sounder")
        if settings[name]
    }


class Circuit:
    """One lamp."""

    def __init__(self, settings: Mapping[str, Any], now_ms: int, unseen: int = 0) -> None:
        """Make it ready; no line is touched before :meth:`claim`."""
        self.id: str = settings["id"]
        self.settings = settings
        self.limits = limits_of(settings)
        self.state = State.begin(now_ms, unseen)
        self.outcome = Outcome(relay=False, beacon=False, sounder=False, happenings=())
        self.requests: deque[Request] = deque()
        self.currents: deque[Measured] = deque(maxlen=1)
        self.intensities: deque[Measured] = deque(maxlen=100)
        self.happenings: deque[Happening] = deque()
        self.button_stuck = False
        self._port: GpioPort | None = None
        self._inputs = {
            name: (settings[name]["line"], settings[name]["safe"] == "high")
            for name in ("door", "presence", "mains")
            if isinstance(settings[name], Mapping)
        }
        self._outputs = output_lines(settings)
        self._levels: dict[str, tuple[bool, float]] = {}
        self._door = Settled(settings["door_settle"])
        self._empty = Settled(settings["empty_for"])
        self._press = Press()
        self._press_used = False
        self._pulse = Pulse()
        self._writable = True

    def claim(self, port: GpioPort) -> None:
        """Take the lines; each output begins off. Raises GpioError."""
        for line, off in self._outputs.values():
            port.claim_output(line, level=off)
        for line, safe in self._inputs.values():
            # Pulled to where it is not safe, so that a broken wire is an open door.
            port.claim_input(line, "down" if safe else "up")
        button = self.settings["button"]
        if button is not None:
            port.claim_input(button["line"], "up" if button["pressed"] == "low" else "down")
        self._port = port

    @property
    def claimed(self) -> bool:
        """Whether it has its lines."""
        return self._port is not None

    def round(self, now_ms: int, now_s: float, *, moving: bool, stopping: bool = False) -> None:
        """Look and decide, once, at the monotonic time of the agent's clock and the real one."""
        door, nobody, mains = (self._safe(name) for name in ("door", "presence", "mains"))
        self._button(now_ms)
        requests = [self.requests.popleft() for _ in range(len(self.requests))]
        intensities = [self.intensities.popleft() for _ in range(len(self.intensities))]
        inputs = Inputs(
            closed=self._door.look(now_ms, door),
            empty=self._empty.look(now_ms, nobody) if self.limits.has_presence else True,
            seen=self.limits.has_presence and nobody is False,
            mains=mains if "mains" in self._inputs else True,
            current=self._current(now_ms),
            intensities=tuple(intensities),
            moving=moving and not self._pulse.lapsed(now_s),
            writable=self._writable,
            stopping=stopping,
        )
        self.state, self.outcome = step(self.limits, self.state, inputs, requests, now_ms)
        self.happenings.extend(self.outcome.happenings)

    def write(self, read_s: float, now_s: float) -> None:
        """Write what was decided from inputs that were read at ``read_s``."""
        outcome = self.outcome
        wanted = {
            # The enable goes first when it falls and the pulses are void with it.
            "relay": outcome.relay,
            "pulse": self._pulse.level(outcome.relay, read_s, now_s),
            "beacon": outcome.beacon,
            "sounder": outcome.sounder,
        }
        writable = True
        for name, (line, off) in self._outputs.items():
            if not self._put(name, line, wanted[name] != off, now_s):
                writable = False
        self._writable = writable

    def off(self) -> None:
        """Drive the lines off, whatever the machine says; never raises."""
        self.outcome = Outcome(relay=False, beacon=False, sounder=False, happenings=())
        self._levels.clear()
        for name, (line, off) in self._outputs.items():
            self._put(name, line, off, 0.0)

    # --- lines ---

    def _put(self, name: str, line: int, level: bool, now_s: float) -> bool:
        if self._port is None:
            return True
        before, at_s = self._levels.get(name, (not level, 0.0))
        if before == level and now_s - at_s < _REWRITE_S:
            return True
        try:
            self._port.write(line, level=level)
        except GpioError as error:
            if self._writable:
                log.warning("lamp=%s line=%s unwritable reason=%r", self.id, name, str(error))
            self._levels.pop(name, None)
            return False
        self._levels[name] = (level, now_s)
        return True

    def _safe(self, name: str) -> bool | None:
        """Return whether an input is at its safe level; None where it cannot be read."""
        if name not in self._inputs or self._port is None:
            return None
        line, safe = self._inputs[name]
        try:
            return bool(self._port.read(line) == safe)
        except GpioError:
            return None

    def _button(self, now_ms: int) -> None:
        """Turn presses into requests."""
        settings = self.settings["button"]
        if settings is None or self._port is None:
            return
        try:
            pressed = self._port.read(settings["line"]) == (settings["pressed"] == "high")
        except GpioError:
            pressed = None
        meant = self._press.look(now_ms, pressed)
        self.button_stuck = self._press.stuck(now_ms)
        if meant == "down":
            # Whoever wants it off does not wait for the release.
            self._press_used = self.state.phase in {"warning", "on"}
            if self._press_used:
                self.requests.append(Request("stop", "button"))
        elif meant is not None and not self._press_used:
            minutes = self.settings["minutes"]
            self.requests.append(
                {
                    "short": Request("start", "button", minutes=minutes, until_ms=now_ms),
                    "long": Request("wiped", "button"),
                    "very-long": Request("reset", "button"),
                }[meant]
            )

    def _current(self, now_ms: int) -> Measured | None:
        if not self.currents or now_ms - self.currents[-1].mono_ms > self.limits.stale_ms:
            return None
        return self.currents[-1]
