"""An agent of a story: the real one (firmware_agent.agent.Agent), turned by hand.

What its cycle does is its own code: checks, recording, spool, stamps, chain, engine, panel, sending
window, own modem. Of the test are the probes, which say what the story says, and the threads, which
are not started: the story gives uplink and teller their turns.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.agent import AgentSettings
from firmware_agent import settings as agent_settings
from firmware_agent.agent import Agent
from firmware_agent.modem import ModemPart
from firmware_agent.modem_steps import View, due_ms, waiting
from firmware_agent.panel_lines import ROUND_S, PanelLinesPart
from firmware_agent.parts import Context
from firmware_agent.plan import Plan
from firmware_agent.sampler import Taken
from protocol.reading import split_series
from sensors.contract import Sample
from sensors.registry import checker
from simulator.lines import Lines
from tests.stories.broker import Link
from tests.stories.clockwork import MINUTE, NEVER, SECOND, Clockwork, StoryClock
from tests.stories.phones import Modem

BUZZER, BUTTON = 6, 13
CALM_MS = 20 * MINUTE


@dataclass(frozen=True, slots=True)
class Said:
    """What a probe says from a time on: a value (None: nothing), at most every so often.

    ``calm``: a fridge that is well runs up and down a little; one that never does is stuck.
    """

    from_ms: int
    value: int | None
    every_ms: int = 0
    calm: bool = False


class Probe:
    """What one probe says, over the whole story."""

    def __init__(self, begins: int, value: int) -> None:
        self._said = [Said(begins, value, calm=abs(value) > 1_000)]
        self._asked_ms = 0

    def says(self, from_ms: int, value: int | None, every_ms: int, until_ms: int | None) -> None:
        """Say this from a time on, and what it says now again afterwards."""
        before = self._at(from_ms)
        self._said = [each for each in self._said if each.from_ms < from_ms]
        self._said.append(Said(from_ms, value, every_ms))
        if until_ms is not None:
            self._said.append(replace(before, from_ms=until_ms))

    def read(self, now: int) -> int | None:
        """Return what it says now, or None where it says nothing."""
        said = self._at(now)
        if said.every_ms:
            if (now - said.from_ms) // said.every_ms == (self._asked_ms - said.from_ms) // (
                said.every_ms
            ) and self._asked_ms >= said.from_ms:
                return None
            self._asked_ms = now
        if said.calm and said.value is not None:
            return said.value + (20 if now // CALM_MS % 2 else 0)
        return said.value

    def _at(self, now: int) -> Said:
        place = bisect.bisect_right(self._said, now, key=lambda each: each.from_ms)
        return self._said[max(0, place - 1)]


class StorySampler:
    """In the place of firmware_agent.sampler.Sampler: asks the story, checks as the real one."""

    def __init__(self, plan: Plan, probes: Mapping[str, Probe], clockwork: Clockwork) -> None:
        self._probes = probes
        self._clockwork = clockwork
        self._checkers = {
            each.series: checker(each.driver, split_series(each.series)[2]) for each in plan.probes
        }
        self.clock = StoryClock(clockwork)

    def cycle(self, *_: Any) -> list[Taken]:
        """Read every probe."""
        mono_ms = self.clock.mono_ms()
        found = []
        for series, check in self._checkers.items():
            value = self._probes[series].read(self._clockwork.now)
            if value is not None:
                found.append(Taken(series, mono_ms, check.check(Sample(value), mono_ms)))
        return found

    def close(self) -> None:
        """Nothing is open."""


class StoryModemPart(ModemPart):
    """The part `modem`, whose alarm clock for lost mains is the story's and no timer's."""

    wake_ms = NEVER

    def _wake_for_mains(self, view: View) -> None:
        times = [
            due_ms(item, view.seen[item.id], view) - view.now_ms
            for item in waiting(view)
            if split_series(item.series)[2] == "present" and item.id in view.seen
        ]
        left = [ms for ms in times if ms > 0]
        self.wake_ms = self._context.clock.now_ms() + min(left) + 50 if left else NEVER


class StoryAgent:
    """One Raspberry Pi with its fridges."""

    def __init__(
        self,
        clockwork: Clockwork,
        settings: Mapping[str, Any],
        probes: Mapping[str, Probe],
        modem: Modem | None = None,
    ) -> None:
        self._clockwork = clockwork
        self._probes = probes
        self._modem = modem
        self._every_ms = 0
        self._boots = 0
        self._panel: PanelLinesPart
        self._lines: Lines | None = None
        self.settings = dict(settings)
        self.clock = StoryClock(clockwork)
        self.synchronised = True
        self.agent: Agent | None = None
        self.part: StoryModemPart | None = None
        self._cycle_ms = self._teller_ms = self._uplink_ms = NEVER
        self.uplink_every_ms = MINUTE
        self.boot()

    @property
    def link(self) -> Link:
        """Its connection to the broker."""
        assert self.agent is not None
        connection: Any = self.agent.uplink._connection
        return connection

    # --- its life ---

    def boot(self, *, wall_ms: int | None = None) -> None:
        """Start, with the clocks of a Pi that has just been switched on."""
        self._boots += 1
        self.clock.booted = self._clockwork.now - 20 * SECOND
        if wall_ms is not None:
            self.clock.off_ms = wall_ms - self._clockwork.now
        self.start()

    def start(self) -> None:
        """Start the program."""
        model = AgentSettings.model_validate(self.settings)
        plan = agent_settings._plan(model)
        parts, plan = plan.parts, replace(plan, parts={})
        boot = f"{self._boots:032x}"
        agent = Agent(plan, self.clock, synchronised=lambda: self.synchronised, boot=boot)
        sampler = StorySampler(plan, self._probes, self._clockwork)
        sampler.clock = self.clock
        vars(agent)["_sampler"] = sampler
        self._lines = None
        if "panel_lines" in parts:
            context = Context(parts["panel_lines"], plan, self.clock, agent.health, agent.wake)
            self._panel = PanelLinesPart(context)
            self._lines = Lines(Path(plan.gpio["folder"]))
            self._lines.drive(BUTTON, level=True)
            self._panel._open()
            vars(agent)["_parts"] = [("panel_lines", self._panel)]
        if self._modem is not None:
            context = Context(parts["modem"], plan, self.clock, agent.health, agent.wake)
            self.part = StoryModemPart(context, self._modem, boot)
            vars(agent)["_parts"] = [*agent._parts, ("modem", self.part)]
        agent._writer.start(agent._stamp(), self.clock.now_ms())
        agent.uplink._connection.start()
        self.agent = agent
        self._every_ms = plan.every_ms
        self._cycle_ms = self._clockwork.now
        self._teller_ms = self._uplink_ms = self._clockwork.now

    def die(self) -> None:
        """Lose power, or be killed: nothing is said and nothing is saved any more."""
        if self.agent is None:
            return
        self.link.die()
        if self._lines is not None:
            self._panel.close()
        self.agent._keeping.close()
        self.agent = self.part = None

    # --- its panel, which goes by real time: a second of it ---

    def presses(self) -> None:
        """Press the button, and let go of it."""
        assert self._lines is not None
        now_s = time.monotonic()
        for pressed in (False, True, True, False):
            self._lines.drive(BUTTON, level=not pressed)
            now_s += ROUND_S
            self._panel._round(now_s)

    @property
    def buzzes(self) -> bool:
        """Whether the buzzer is heard within a second."""
        assert self._lines is not None
        heard, now_s = False, time.monotonic()
        for n in range(21):
            self._panel._round(now_s + n * ROUND_S)
            heard = heard or self._lines.level(BUZZER)
        return heard

    # --- the actor ---

    def due_ms(self) -> int:
        """Return when cycle, uplink or teller have something to do."""
        if self.agent is None:
            return NEVER
        if self.agent.uplink._wake.is_set() or self.agent._woken.is_set():
            return self._clockwork.now
        due = min(self._cycle_ms, self._uplink_ms)
        if self.part is not None:
            news = self.part._teller._news.is_set()
            due = min(due, self._clockwork.now if news else self._teller_ms, self._mains_ms())
        return due

    def turn(self) -> None:
        """Do it."""
        agent, now = self.agent, self._clockwork.now
        assert agent is not None
        if now >= self._cycle_ms or agent._woken.is_set() or now >= self._mains_ms():
            agent._woken.clear()
            agent._cycle()
            while self._cycle_ms <= now:
                self._cycle_ms += self._every_ms
        if agent.uplink._wake.is_set() or now >= self._uplink_ms:
            # Its loop goes round once a second; what it says unasked it says once a minute.
            self._uplink_ms = now + self.uplink_every_ms
            agent.uplink._wake.clear()
            agent.uplink._round()
        if self.part is not None:
            teller = self.part._teller
            if now >= self._teller_ms or teller._news.is_set():
                teller._news.clear()
                self._teller_ms = now + int(1000 * teller.round(self.clock.monotonic()))

    def _mains_ms(self) -> int:
        part = self.part
        if part is None or part.wake_ms == NEVER:
            return NEVER
        return part.wake_ms - self.clock.off_ms
