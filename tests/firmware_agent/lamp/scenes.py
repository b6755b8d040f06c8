"""What the lamp's tests are made of: a machine that the test moves through time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from config.lamp import LampSettings
from firmware_agent.lamp.facts import Happening, Inputs, Limits, Outcome, Request, State
from firmware_agent.lamp.machine import step

LIMITS = Limits(
    warning_ms=30_000,
    cool_ms=60_000,
    most_ms=120 * 60_000,
    settle_ms=15_000,
    warm_up_ms=300_000,
    presence_stuck_ms=24 * 3_600_000,
    blind_after=3,
    has_presence=True,
    has_current=False,
)
GOOD = Inputs(closed=True, empty=True)


def start(by: Any = "button", minutes: int = 30, until_ms: int = 10**9, name: str = "") -> Request:
    """Return a request to start."""
    return Request("start", by, name, minutes, until_ms)


STOP = Request("stop", "page", "li")


class Scene:
    """A machine, its time, and all that happened."""

    def __init__(self, limits: Limits = LIMITS, now: int = 1_000) -> None:
        self.limits = limits
        self.now = now
        self.state = State.begin(now)
        self.outcome = Outcome(relay=False, beacon=False, sounder=False, happenings=())
        self.said: list[Happening] = []

    def step(self, inputs: Inputs = GOOD, *requests: Request, after_ms: int = 100) -> Outcome:
        """Go one step."""
        self.now += after_ms
        self.state, self.outcome = step(self.limits, self.state, inputs, requests, self.now)
        self.said += self.outcome.happenings
        return self.outcome

    def run(self, ms: int, inputs: Inputs = GOOD, every_ms: int = 1_000) -> Outcome:
        """Go on for so long."""
        for _ in range(ms // every_ms):
            self.step(inputs, after_ms=every_ms)
        return self.outcome

    def lit(self, **changes: Any) -> Scene:
        """Bring the lamp on."""
        good = replace(GOOD, **changes)
        self.step(good, start())
        self.run(31_000, good)
        assert self.outcome.relay
        return self

    def facts(self, what: str) -> list[dict[str, Any]]:
        """Return what was said of one kind."""
        return [dict(item.facts) for item in self.said if item.what == what]


def lamp_table(**changes: Any) -> dict[str, Any]:
    """Return a checked lamp table as the agent gets it."""
    table: dict[str, Any] = {
        "id": "lamp-1", "relay": {"line": 23}, "pulse": {"line": 24}, "door": {"line": 17},
        "presence": {"line": 27}, "beacon": {"line": 25}, "warning": "5s", "empty_for": "1s",
        "cool_down": "1s",
    }  # fmt: skip
    return section([table | changes])["lamps"][0]


def section(lamps: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the checked section of these lamps."""
    return LampSettings.model_validate({"lamps": list(lamps)}).model_dump(mode="json")
