"""Whether the lamp may be on: a pure function of state, inputs, requests and time.

It knows no line and no thread. The relay is on in one phase only, and at the end of each step that
phase is checked again against everything that must be true: no way through the steps above can
leave it on when one condition fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from firmware_agent.lamp.facts import (
    Happening,
    Inputs,
    Limits,
    Outcome,
    Request,
    Running,
    State,
)

# Seen by a person who must look into it before the lamp goes on again.
_LATCHING = frozenset({"relay-welded", "lamp-dark", "lines-unwritable"})
# A loose contact must not fill the journal: one fault is told once in this time.
_TELL_AGAIN_MS = 600_000


def step(
    limits: Limits, state: State, inputs: Inputs, requests: Iterable[Request], now: int
) -> tuple[State, Outcome]:
    """Return the next state and what is to be done; ``now`` never goes back."""
    work = _Step(limits, state, inputs, now)
    work.observe()
    work.find_faults()
    # A stop wins over every start that came with it, whatever the order.
    asked = sorted(requests, key=lambda request: request.order != "stop")
    stopped = False
    for request in asked:
        if request.order == "stop":
            work.stop(request)
            stopped = True
    work.obey()
    for request in asked:
        if request.order == "start":
            work.start(request, stopped=stopped)
        elif request.order != "stop":
            work.note(request)
    work.retry()
    return work.done()


def hindrance(state: State, inputs: Inputs) -> str | None:
    """Return the first reason why the lamp may not be on now; None where there is none."""
    if inputs.stopping:
        return "agent-stops"
    if not inputs.moving:
        return "agent-stalled"
    if state.faults:
        return min(state.faults)
    if inputs.closed is not True:
        return "door-open"
    if inputs.empty is not True:
        return "somebody-there"
    if inputs.mains is not True:
        return "no-mains"
    return None


class _Step:
    """One step under way; ``state`` is replaced as it goes on."""

    def __init__(self, limits: Limits, state: State, inputs: Inputs, now: int) -> None:
        self.limits = limits
        self.state = state
        self.inputs = inputs
        self.now = now
        self.happenings: list[Happening] = []

    def observe(self) -> None:
        """Count the openings of the door, and for how long somebody is seen."""
        state, inputs = self.state, self.inputs
        unseen = state.unseen
        if self.limits.has_presence and inputs.closed is False and state.was_closed is True:
            unseen += 1
        since = None
        if inputs.seen:
            unseen = 0
            since = self.now if state.seen_since_ms is None else state.seen_since_ms
        was = state.was_closed if inputs.closed is None else inputs.closed
        # Ten times a second on a small Pi: a state that is the same is not made anew.
        if (unseen, since, was) != (state.unseen, state.seen_since_ms, state.was_closed):
            self.state = replace(state, unseen=unseen, seen_since_ms=since, was_closed=was)

    def find_faults(self) -> None:
        """Compare what is seen with what should be; what is new is told."""
        state, now = self.state, self.now
        found = self._present() | state.latched
        if not found and not state.faults:
            return
        told = dict(state.told)
        for fault in sorted(found):
            news = fault not in state.faults or fault not in told
            # The first sample of a probe takes a while; until then it is unknown and not a fault.
            early = fault == "current-unreadable" and now - state.begun_ms < self.limits.stale_ms
            recent = fault in told and now - told[fault] < _TELL_AGAIN_MS
            if news and not early and not recent:
                told[fault] = now
                self._say("fault", fault=fault, phase=state.phase)
        self.state = replace(state, faults=found, latched=found & _LATCHING, told=told)

    def _present(self) -> frozenset[str]:
        limits, state, inputs, now = self.limits, self.state, self.inputs, self.now
        found = set()
        if inputs.closed is None:
            found.add("door-unreadable")
        if inputs.empty is None:
            found.add("presence-unreadable")
        if inputs.mains is None:
            found.add("mains-unreadable")
        if not inputs.writable:
            found.add("lines-unwritable")
        if state.seen_since_ms is not None and now - state.seen_since_ms > limits.presence_stuck_ms:
            found.add("presence-stuck")
        if state.unseen >= limits.blind_after:
            found.add("presence-blind")
        current = inputs.current
        if limits.has_current and current is None:
            found.add("current-unreadable")
        if current is not None and state.phase == "on":
            # A sample from before the lamp had time to strike proves nothing.
            if current.value == 0 and current.mono_ms >= state.since_ms + limits.settle_ms:
                found.add("lamp-dark")
        elif (
            current is not None
            and current.value
            and (current.mono_ms >= state.off_ms + limits.settle_ms)
        ):
            found.add("relay-welded")
        return frozenset(found)

    def stop(self, request: Request) -> None:
        """End whatever is on, announced or waiting."""
        state = self.state
        if state.phase == "on":
            self._end("stopped", request)
        elif state.phase == "warning" and state.running is not None:
            self._refuse(state.running.request, "stopped")
            self._enter_off()
        if self.state.waiting is not None:
            self._refuse(self.state.waiting, "stopped")
            self.state = replace(self.state, waiting=None)

    def obey(self) -> None:
        """Go where inputs and time lead."""
        state, limits, now = self.state, self.limits, self.now
        why = hindrance(state, self.inputs)
        running = state.running
        if state.phase == "on" and running is not None:
            self._measure(running)
            lit = now - state.since_ms
            if why is not None:
                self._end(why)
            elif lit >= min(running.request.minutes * 60_000, limits.most_ms):
                self._end(None)
        elif state.phase == "warning" and running is not None:
            if why is not None:
                self._enter_off()
                self._put_off(running.request, why)
            elif now - state.since_ms >= limits.warning_ms:
                self.state = replace(
                    state, phase="on", since_ms=now, running=replace(running, on_ms=now)
                )
                asked = running.request
                self._say("begun", by=asked.by, name=asked.name, planned_minutes=asked.minutes)
        elif state.phase == "cooling" and now - state.since_ms >= limits.cool_ms:
            self._enter_off()

    def start(self, request: Request, *, stopped: bool) -> None:
        """Begin a cycle, or say why not."""
        state = self.state
        if stopped:
            self._refuse(request, "stopped")
        elif self.now > request.until_ms:
            self._refuse(request, "late")
        elif not 0 < request.minutes * 60_000 <= self.limits.most_ms:
            self._refuse(request, "too-long")
        elif state.phase in {"warning", "on"} or (request.by == "schedule" and state.waiting):
            self._refuse(request, "running")
        else:
            why = self._why_not()
            if why is None:
                # The room gets its cycle; a scheduled one that waited for the same is done with,
                # and says so, or a restart would ask for it again.
                if state.waiting is not None:
                    self._refuse(state.waiting, "running")
                self.state = replace(state, waiting=None)
                self._announce(request)
            else:
                self._put_off(request, why)

    def retry(self) -> None:
        """Try a scheduled start again that was hindered; give it up when it is too late."""
        waiting = self.state.waiting
        if waiting is None:
            return
        why = self._why_not()
        if self.now > waiting.until_ms or self.inputs.stopping:
            self.state = replace(self.state, waiting=None)
            self._refuse(waiting, why or "late")
        elif why is None:
            self.state = replace(self.state, waiting=None)
            self._announce(waiting)

    def note(self, request: Request) -> None:
        """Record what a person did to the lamp."""
        if request.order in {"reset", "replaced"}:
            # What is still wrong is found again by the next step.
            present = self._present()
            self.state = replace(self.state, latched=frozenset(), faults=present)
            self.state = replace(self.state, latched=present & _LATCHING)
            if request.order == "reset":
                self.state = replace(self.state, unseen=0)
            # Whoever ends the alarm by this must know what it does not end.
            still = ",".join(sorted(present & _LATCHING))
            facts = {"still": still} if still else {}
            self._say(request.order, by=request.by, name=request.name, **facts)
        else:
            self._say(request.order, by=request.by, name=request.name)

    def done(self) -> tuple[State, Outcome]:
        """Return the outcome; whether the lamp may be on is asked once more, from the inputs alone."""
        why = hindrance(self.state, self.inputs)
        if self.state.phase == "on" and why is not None:
            # A reset looked for faults anew, and found one behind our back.
            self._end(why)
        state = self.state
        relay = state.phase == "on"
        welded = "relay-welded" in state.faults
        beacon = state.phase in {"warning", "on"} or welded
        sounder = state.phase == "warning" or welded
        return state, Outcome(relay, beacon, sounder, tuple(self.happenings))

    # --- small steps ---

    def _why_not(self) -> str | None:
        cooling = "cooling" if self.state.phase == "cooling" else None
        return hindrance(self.state, self.inputs) or cooling

    def _announce(self, request: Request) -> None:
        self.state = replace(
            self.state, phase="warning", since_ms=self.now, running=Running(request)
        )

    def _put_off(self, request: Request, why: str) -> None:
        """Keep a scheduled start for later; refuse one that a person asked for, who can ask again."""
        if request.by == "schedule" and self.now <= request.until_ms and why != "agent-stops":
            self.state = replace(self.state, waiting=request)
        else:
            self._refuse(request, why)

    def _refuse(self, request: Request, why: str) -> None:
        self._say("refused", by=request.by, name=request.name, why=why)

    def _enter_off(self) -> None:
        self.state = replace(self.state, phase="off", since_ms=self.now, running=None)

    def _end(self, cut: str | None, by: Request | None = None) -> None:
        """End the cycle that is on, and say how it went."""
        state = self.state
        running = state.running
        assert running is not None
        facts: dict[str, str | int | None] = {
            "by": running.request.by,
            "name": running.request.name,
            "planned_minutes": running.request.minutes,
            "lasted_ms": self.now - state.since_ms,
            "cut": cut or "",
        }
        if by is not None:
            facts |= {"stopped_by": by.by, "stopped_name": by.name}
        if running.count:
            facts |= {
                "intensity_min": running.least,
                "intensity_mean": running.total // running.count,
            }
        self._say("cycle", **facts)
        self.state = replace(
            state, phase="cooling", since_ms=self.now, off_ms=self.now, running=None
        )

    def _measure(self, running: Running) -> None:
        """Take in the intensities behind the warm-up."""
        from_ms = self.state.since_ms + self.limits.warm_up_ms
        for sample in self.inputs.intensities:
            if sample.mono_ms >= from_ms:
                least = sample.value if running.least is None else min(running.least, sample.value)
                running = replace(
                    running,
                    least=least,
                    total=running.total + sample.value,
                    count=running.count + 1,
                )
        self.state = replace(self.state, running=running)

    def _say(self, what: str, **facts: str | int | None) -> None:
        self.happenings.append(Happening(what, self.now, facts))
