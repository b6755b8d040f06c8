"""The lamps' part of the agent's cycle, and the fast loop that may switch them on.

Two threads. The fast loop reads door and presence ten times a second, decides, writes the relay,
and makes the pulses; nothing that can block is in it. The agent's cycle brings samples, the
timetable and the book, and its own moving is one of the conditions: pulses are made only while
both have moved.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware_agent.lamp.book import Book, measured, one_line
from firmware_agent.lamp.circuit import Circuit
from firmware_agent.lamp.facts import Order as Order_
from firmware_agent.lamp.facts import Request
from firmware_agent.lamp.lines import remember
from sensors.gpio.opening import open_port
from sensors.gpio.port import GpioError, GpioPort

if TYPE_CHECKING:
    from firmware_agent.chain import Draft
    from firmware_agent.orders import Order
    from firmware_agent.panel import PanelState
    from firmware_agent.parts import Context, Cycle

log = logging.getLogger(__name__)

ROUND_S = 0.1
_ORDERS: Mapping[str, Order_] = {
    "start": "start", "stop": "stop", "wiped": "wiped", "replaced": "replaced", "reset": "reset",
}  # fmt: skip
_OPEN_AGAIN_S = 10.0
# A cycle that is late by two has a card or a bus that hangs; nobody then reads or records.
_CYCLES = 3
_LEAST_CYCLE_S = 15.0


class LampPart:
    """All lamps of one agent."""

    def __init__(
        self,
        context: Context,
        opening: Callable[[Mapping[str, Any]], GpioPort] = open_port,
    ) -> None:
        """Read the books; no line is touched before :meth:`start`."""
        plan = context.plan
        self._context = context
        self._opening = opening
        folder = Path(plan.state_dir)
        now_ms, mono_ms = context.clock.now_ms(), context.clock.mono_ms()
        zone = context.settings["zone"]
        tables = context.settings["lamps"]
        self._books = {table["id"]: Book(table, zone, folder, now_ms) for table in tables}
        self._circuits = {
            table["id"]: Circuit(table, mono_ms, self._books[table["id"]].kept.unseen)
            for table in tables
        }
        self._tables = tables
        # Real time: what is beside us (a timer, a person) has no other.
        every_s = plan.every_ms / 1000 / context.clock.speed
        self._cycle_limit_s = max(_LEAST_CYCLE_S, _CYCLES * every_s)
        self._moved_s: float | None = None
        self._port: GpioPort | None = None
        self._ending = threading.Event()
        self._broken: str | None = None
        self._thread = threading.Thread(target=self._run, name="lamp", daemon=True)

    # --- for others ---

    def request(self, lamp: str, request: Request) -> bool:
        """Ask for something; any thread may. False where there is no such lamp.

        A start is void behind ``request.until_ms`` (CLOCK_BOOTTIME), and a stop wins over every
        start that comes in the same round.
        """
        circuit = self._circuits.get(lamp)
        if circuit is None:
            return False
        circuit.requests.append(request)
        return True

    def order(self, order: Order) -> str | None:
        """Take a command of the hub (firmware_agent/orders.py); its deadline was looked at."""
        circuit = self._circuits.get(order.to)
        if circuit is None:
            return "no-such-lamp"
        what = _ORDERS.get(order.do.partition(".")[2])
        if what is None:
            return "no-such-order"
        clock = self._context.clock
        minutes = order.minutes or circuit.settings["minutes"]
        left_ms = max(0, order.until - clock.now_ms())
        until_ms = clock.mono_ms() + left_ms
        circuit.requests.append(Request(what, "command", order.name, minutes, until_ms))
        return None

    # --- the agent's cycle ---

    def start(self) -> None:
        """Begin the fast loop."""
        try:
            remember(Path(self._context.plan.state_dir), self._context.plan.gpio, self._tables)
        except OSError as error:
            log.warning("lamp=lines-not-noted reason=%r", str(error))
        self._thread.start()

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Bring samples and timetable to the lamps, and take home what happened."""
        self._moved_s = time.monotonic()
        drafts = []
        for id_, circuit in self._circuits.items():
            book = self._books[id_]
            self._bring(circuit, cycle)
            request = book.scheduled(cycle)
            if request is not None:
                circuit.requests.append(request)
            while circuit.happenings:
                book.take(circuit.happenings.popleft(), cycle)
            state = circuit.state
            if state.phase == "on":
                book.lasted(max(0, cycle.mono_ms - state.since_ms))
            book.keep_unseen(state.unseen)
            self._tell(circuit, book, cycle)
            drafts += book.drafts(cycle)
            book.save(cycle.mono_ms)
        return drafts

    def show(self, state: PanelState) -> None:  # noqa: ARG002 - only that it comes matters
        """What was handed over is committed."""
        self._moved_s = time.monotonic()
        for book in self._books.values():
            book.committed()
            book.save(self._context.clock.mono_ms())

    def close(self) -> None:
        """Switch everything off."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(0.7)
        self._all_off()
        # What the last round said, such as the end of a cycle, is kept for the next start.
        clock = self._context.clock
        from firmware_agent.parts import Cycle

        cycle = Cycle(clock.now_ms(), clock.mono_ms(), synced=False, taken=())
        for id_, circuit in self._circuits.items():
            while circuit.happenings:
                self._books[id_].take(circuit.happenings.popleft(), cycle)
            self._books[id_].save(cycle.mono_ms)
        if self._port is not None:
            self._port.close()

    def _bring(self, circuit: Circuit, cycle: Cycle) -> None:
        current, intensity = circuit.settings["current"], circuit.settings["intensity"]
        for item in cycle.taken:
            if item.sample.rejected:
                continue
            value, mono_ms = item.sample.value, item.mono_ms
            if current and item.series == current["series"]:
                sample = measured(value, mono_ms, current["flows_above"])
                if sample is not None:
                    circuit.currents.append(sample)
            elif intensity and item.series == intensity["series"]:
                sample = measured(value, mono_ms)
                if sample is not None:
                    circuit.intensities.append(sample)

    def _tell(self, circuit: Circuit, book: Book, cycle: Cycle) -> None:
        health = self._context.health
        faults = sorted(circuit.state.faults) if circuit.claimed else []
        if circuit.button_stuck:
            faults.append("button-stuck")
        texts = [*faults, *(text for text in (book.damage, book.unwritten) if text)]
        health.set(f"lamp {circuit.id}", one_line(texts))
        health.set(f"lamp {circuit.id} warning", one_line(book.warnings(cycle)))
        health.set("lamp", self._broken)

    # --- the fast loop ---

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._context.moved()
                if self._open():
                    self._loop()
        except Exception as error:
            # Without this loop there are no pulses, and so no lamp; but say it.
            log.exception("lamp=failed")
            self._broken = f"the loop failed: {type(error).__name__}: {error}; start the agent anew"
        finally:
            self._all_off()

    def _open(self) -> bool:
        """Open the port and take the lines; where that fails, wait, and tell whether it worked."""
        try:
            self._port = self._opening(self._context.plan.gpio)
            for circuit in self._circuits.values():
                circuit.claim(self._port)
        except GpioError as error:
            if self._broken != str(error):
                log.warning("lamp=no-lines reason=%r", str(error))
            self._broken = str(error)
            if self._port is not None:
                self._port.close()
                self._port = None
            self._ending.wait(_OPEN_AGAIN_S)
            return False
        self._broken = None
        return True

    def _loop(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._ending.wait(ROUND_S)
            self._context.moved()
            read_s = time.monotonic()
            moving = self._cycle_moves(read_s)
            for circuit in self._circuits.values():
                now_ms = self._context.clock.mono_ms()
                circuit.round(now_ms, read_s, moving=moving, stopping=stopping)
                circuit.write(read_s, time.monotonic())
                if circuit.outcome.happenings:
                    self._context.wake()

    def _cycle_moves(self, now_s: float) -> bool:
        return self._moved_s is not None and now_s - self._moved_s <= self._cycle_limit_s

    def _all_off(self) -> None:
        for circuit in self._circuits.values():
            circuit.off()
