"""The agent: everything put together, and the loop that turns it.

    probes -> checks -> recording -> stream (stamp, chain, judge, commit) -> uplink -> broker
                                       |
                                       `-> panel

The cycle runs in the thread that calls :meth:`Agent.run`; each probe has a thread, and the uplink
two. None of them can hold up the cycle.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.rules import watches_from_record
from coldwatch import __version__
from config.clock import Clock, boot_id
from config.kernel_clock import kernel_clock_synchronised
from config.logs import State
from config.notify import Watchdog, notify
from firmware_agent.certificates import Certificates
from firmware_agent.chain import Draft, reading_draft, settings_draft
from firmware_agent.health import Health
from firmware_agent.keeping import Keeping
from firmware_agent.metrics import size_of
from firmware_agent.orders import Orders
from firmware_agent.panel import (
    Panel,
    PanelLog,
    PanelState,
    Progress,
    Sink,
    StateFile,
    panel_state,
)
from firmware_agent.parts import (
    LOOPING,
    Cycle,
    Orderly,
    close_parts,
    make_parts,
    start_parts,
)
from firmware_agent.plan import Plan
from firmware_agent.recording import Recorder
from firmware_agent.renewal import Renewal
from firmware_agent.sampler import Sampler, Schedule, Taken
from firmware_agent.spool_file import FILE
from firmware_agent.stamping import Stamp, Stamper
from firmware_agent.stream import StreamWriter
from firmware_agent.takeover import Takeover
from firmware_agent.uplink import Uplink
from protocol.reading import split_series
from sensors.registry import checker, open_probe
from sensors.shared import Devices

if TYPE_CHECKING:
    from config.loopback import LoopbackPages

log = logging.getLogger(__name__)


class Agent:
    """One agent. Raises SpoolError or sqlite3.Error where its folder cannot be used."""

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        *,
        synchronised: Callable[[], bool] = kernel_clock_synchronised,
        boot: str | None = None,
    ) -> None:
        """Open the spool and make everything ready; nothing is read or connected yet."""
        self._plan = plan
        self._clock = clock
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._failed = False
        self.afterwards: tuple[str, ...] = ()
        self.health = Health()
        self._watchdog = Watchdog(frozenset({"cycle", "uplink"}) | (LOOPING & plan.parts.keys()))
        self._stamper = Stamper((lambda: True) if plan.trust_clock else synchronised)
        self._keeping = Keeping(plan, boot or boot_id(), self.health, clock.now_ms())
        watches = watches_from_record({"series": plan.series})
        self._recorders = {
            series: Recorder(watch, plan.every_ms) for series, watch in watches.items()
        }
        self._sampled = 0
        self._synced = False
        self._unforked = State(
            log,
            ("stream-unforked", "a new stream must begin and cannot"),
            ("stream-forked", "the new stream could begin"),
        )
        devices = Devices()
        quantities = [split_series(probe.series)[2] for probe in plan.probes]
        certificates = {
            series: watch.certificate for series, watch in watches.items() if watch.certificate
        }
        self._certificates = Certificates(certificates, self.health)
        self._sampler = Sampler(
            [
                (
                    probe.series,
                    open_probe(probe.driver, clock, quantity, devices),
                    checker(
                        probe.driver,
                        quantity,
                        certificates[probe.series].points if probe.series in certificates else None,
                    ),
                )
                for probe, quantity in zip(plan.probes, quantities, strict=True)
            ],
            clock,
            self.health,
            plan.every_ms,
            self.wake,
        )
        self._parts = make_parts(
            plan, clock, self.health, self.wake, self.end, self._watchdog.moved
        )
        sinks: list[Sink] = [PanelLog()]
        if plan.state_file is not None:
            sinks.append(StateFile(Path(plan.state_file)))
        self.panel = Panel(sinks)
        # Whether the process shall begin anew once `run` has ended.
        self.restarting = False
        self._takeover = Takeover(plan, self.health, self._restart)
        self.uplink = Uplink(
            plan,
            clock,
            self._keeping.outbox,
            self.health,
            version=__version__,
            told=self._writer.told,
            moved=lambda: self._watchdog.moved("uplink"),
            failed=self._uplink_failed,
            settings=self._takeover,
            orders=Orders(
                {name: part.order for name, part in self._parts if isinstance(part, Orderly)},
                clock.now_ms,
                lambda: self._synced,
            ),
        )
        self._renewal: Renewal | None = None
        if plan.tls is not None:
            self._renewal = Renewal(
                Path(plan.tls.cert_file).parent,
                clock,
                self.health,
                connected=lambda: self.uplink.connected,
                reconnect=self.uplink.reconnect,
            )

    def stop(self) -> None:
        """End as soon as the present step is done. Any thread may call it."""
        self._stop.set()
        self._woken.set()

    def end(self, afterwards: Sequence[str] = ()) -> None:
        """End, and have ``command.py`` run a command when everything is closed."""
        self.afterwards = tuple(afterwards)
        self.stop()

    def wake(self) -> None:
        """Begin the next cycle at once: something happened that must not wait. Any thread may call it."""
        self._woken.set()

    def run(self) -> bool:
        """Run until :meth:`stop`; tell whether that was asked for, and not forced by an error."""
        clock, plan = self._clock, self._plan
        self._writer.start(self._stamp(), clock.now_ms())
        self.uplink.start()
        if self._renewal is not None:
            self._renewal.start()
        self._parts = start_parts(self._parts, self.health)
        # A part that is not there is told, and is no loop that hangs.
        self._watchdog.forget(LOOPING - {name for name, _ in self._parts})
        notify("READY=1")
        log.info(
            "agent=started site=%s device=%s stream=%s recorded=%d series=%d",
            plan.site, plan.device, self._writer.streams[-1].id, self._writer.recorded,
            len(plan.probes),
        )  # fmt: skip
        schedule = Schedule(clock.mono_ms(), plan.every_ms)
        pages = self._serve_figures()
        try:
            while not self._stop.is_set():
                self._woken.clear()
                self._cycle()
                self._takeover.cycle_done()
                self._wait_until(schedule.after(clock.mono_ms()))
        finally:
            if not self.restarting:
                notify("STOPPING=1")
            close_parts(self._parts)
            if pages is not None:
                pages.close()
            if self._renewal is not None:
                self._renewal.stop()
            self.uplink.stop()
            self._sampler.close()
            self._keeping.close()
        log.info("agent=stopped recorded=%d unsent=%d", self._writer.recorded, self.uplink.unsent)
        return not self._failed

    @property
    def _writer(self) -> StreamWriter:
        """What writes now: another one once the disk takes again."""
        return self._keeping.writer

    # --- a cycle ---

    def _cycle(self) -> None:
        """Sample, record, judge, commit, show: the whole way, once."""
        taken = self._sampler.cycle(self._stop, self._woken)
        self._sampled += len(taken)
        stamp = self._stamp()
        now_ms = self._clock.now_ms()
        uplink = self.uplink
        self._keeping.look(stamp, now_ms, self._clock.mono_ms())
        if uplink.fork is not None:
            self._fork(now_ms)
        writer = self._writer
        writer.told = uplink.told
        writer.agreed = uplink.agrees(writer.streams[-1].id)
        uplink.floor(writer.streams[-1].id, writer.floor)
        drafts = self._drafts(taken) + self._of_parts(taken, stamp)
        drafts += self._takeover.drafts(self._clock.mono_ms())
        writer.commit(drafts, stamp, now_ms, uplink.marks)
        uplink.news(writer.streams, writer.recorded, self._sampled)
        self._tell_health()
        self._certificates.look(now_ms, synced=stamp.synced)
        unsent = uplink.unsent
        problems = self.health.problems()
        state = panel_state(writer.judge.open, uplink.told, unsent, problems)
        self.panel.show(state)
        if self._parts:
            progress = Progress(
                writer.streams[-1].id, writer.recorded, writer.recorded - unsent, uplink.told,
                writer.judge.threads, uplink.works,
            )  # fmt: skip
            self._show_parts(replace(state, progress=progress))
        notify(f"STATUS={state.light}; {writer.recorded} recorded, {unsent} unsent")

    def _drafts(self, taken: list[Taken]) -> list[Draft]:
        """Return what of the samples is recorded, the settings in front where they are news."""
        drafts = [
            reading_draft(item.series, item.mono_ms, item.sample, item.at)
            for item in taken
            if item.at is not None or self._recorders[item.series].wanted(item.sample, item.mono_ms)
        ]
        plan = self._plan
        if self.uplink.take_rules_lost() or self._writer.settings_version != plan.version:
            mono_ms = min([self._clock.mono_ms(), *(draft.mono_ms for draft in drafts)])
            drafts.insert(0, settings_draft(mono_ms, plan.version, plan.series))
        return drafts + self._keeping.events(self._clock.mono_ms())

    def _of_parts(self, taken: list[Taken], stamp: Stamp) -> list[Draft]:
        """Return what the parts have to record. A part that fails costs nobody else anything."""
        if not self._parts:
            return []
        cycle = Cycle(self._clock.now_ms(), self._clock.mono_ms(), stamp.synced, taken)
        drafts = []
        for name, part in self._parts:
            try:
                drafts += part.drafts(cycle)
                self.health.set(f"part {name}", None)
            except Exception as error:
                if self.health.set(f"part {name}", f"failed: {type(error).__name__}: {error}"):
                    log.exception("part=failed name=%s", name)
        return drafts

    def _show_parts(self, state: PanelState) -> None:
        for name, part in self._parts:
            try:
                part.show(state)
                self.health.set(f"part {name}, after the commit", None)
            except Exception as error:
                text = f"failed: {type(error).__name__}: {error}"
                if self.health.set(f"part {name}, after the commit", text):
                    log.exception("part=failed name=%s", name)

    def _fork(self, now_ms: int) -> None:
        """Begin a new stream where the hub has another chain than we."""
        fork = self.uplink.fork
        open_stream = self._writer.streams[-1]
        if fork is None or fork.stream != open_stream.id:
            return
        plan = self._plan
        settings = settings_draft(self._clock.mono_ms(), plan.version, plan.series)
        try:
            done = self._keeping.fork(fork.stream, fork.common, fork.why, settings, now_ms)
        except sqlite3.OperationalError as error:
            self._unforked.set(str(error), now_ms)
            return
        self._unforked.set("", now_ms)
        if done:
            new = self._writer.streams[-1].id
            text = f"{fork.why}; {new} goes on behind record {fork.common} of {fork.stream}"
            self.health.set("new stream", text)

    def _stamp(self) -> Stamp:
        clock = self._clock
        connected = self.uplink.connected
        stamp = self._stamper.look(clock.now_ms(), clock.mono_ms(), connected=connected)
        self._synced = stamp.synced
        return stamp

    def _tell_health(self) -> None:
        """Note how spool and clock are; without counts that change in each cycle."""
        writer = self._writer
        problem = writer.problem or self._keeping.without_disk
        if problem is not None:
            problem = f"{problem}; new records are in memory only"
        self.health.set("spool", problem)
        if writer.lost:
            self.health.set("records", f"{writer.lost} were lost: neither disk nor memory had room")
        if damaged := len(self._keeping.outbox.damaged):
            self.health.set("card", f"{damaged} records are damaged on it; replace the card")
        waiting = "is not right yet; records wait for their time" if writer.pending else None
        self.health.set("clock", waiting)

    def _wait_until(self, mono_ms: int) -> None:
        """Wait for the next cycle or until woken, feeding the watchdog meanwhile."""
        clock = self._clock
        while True:
            # Also when woken already: a contact that chatters is no loop that hangs.
            self._watchdog.moved("cycle")
            self._watchdog.feed(time.monotonic())
            if self._woken.is_set():
                return
            left_ms = mono_ms - clock.mono_ms()
            if left_ms <= 0:
                return
            if self._watchdog.every_s is not None:
                left_ms = min(left_ms, int(self._watchdog.every_s * 1000 * clock.speed))
            clock.wait(self._woken, left_ms)

    def _serve_figures(self) -> LoopbackPages | None:
        if self._plan.metrics is None:
            return None
        # Loaded only by whoever asks for figures.
        from firmware_agent.metrics import serve

        return serve(*self._plan.metrics, self.figures)

    def figures(self) -> dict[str, float | dict[str, float]]:
        """Return the figures as they are now (firmware_agent/metrics.py); any thread may ask."""
        writer, uplink, sampler = self._writer, self.uplink, self._sampler
        mono_ms = self._clock.mono_ms()
        newest = sampler.newest_ms()
        return {
            "samples_total": self._sampled,
            "records": writer.recorded,
            "read_failures_total": dict(sampler.failed()),
            "newest_sample_age_seconds": {
                series: (mono_ms - at) / 1000 for series, at in newest.items()
            },
            "spool_rows": sum(stream.head - stream.dropped for stream in writer.streams),
            "spool_bytes": size_of(Path(self._plan.state_dir) / FILE),
            "spool_unwritten_records": (
                writer.recorded if self._keeping.without_disk else len(writer.unwritten)
            ),
            "unsent_records": uplink.unsent,
            "commits_total": writer.commits,
            "window_records": self._plan.window,
            "connected": float(uplink.connected),
            "excursions_open": len(writer.judge.open),
            "clock_synced": float(self._synced),
            "problems": len(self.health.problems()),
        }

    def _restart(self) -> None:
        self.restarting = True
        self.stop()

    def _uplink_failed(self) -> None:
        self._failed = True
        self.stop()
