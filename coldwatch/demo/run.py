"""The demo's run: start everything, let the story happen, show each SMS, and account for it all."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from alerts.channels.smsd import start_smsd, what_is_missing
from coldwatch.demo import plan
from coldwatch.demo.account import Account, account, outstanding_sms, readings_arrive
from coldwatch.demo.broker import mosquitto_path, start_broker
from coldwatch.demo.link import Link
from coldwatch.demo.processes import DemoError, Processes, free_port, wait_for_port
from config.clock import ScaledClock
from journal.database import create_tables, open_database, write
from ledger.batches import receive

log = logging.getLogger(__name__)

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000
# The modem needs a second for each SMS; a story's last ones may queue.
DRAIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    folder: Path
    speed: float
    seconds: float | None
    console_port: int


class Demo:
    """One run of the demo."""

    def __init__(self, wishes: Wishes, say: Callable[[str], None]) -> None:
        """Prepare; ``say`` shows a line to the user."""
        self._wishes = wishes
        self._say = say
        self._began = time.monotonic()
        real = time.time_ns() // 1_000_000
        # The day began so long ago that it ends now: afterwards the commands, which know only the
        # machine's clock, find its readings in the past and not in the future.
        span = wishes.seconds if wishes.seconds is not None else 240 * 60 / wishes.speed
        start = real - int(span * (wishes.speed - 1) * 1000)
        self._clock = ScaledClock(real, start, wishes.speed)
        self._start = start
        self._folder = wishes.folder
        self._links: dict[str, Link] = {}
        self._events = sorted(plan.LINKS, key=lambda event: event.at_min)
        self._shown = 0
        self.console = ""

    @contextmanager
    def running(self) -> Iterator[Processes]:
        """Start all processes; end them all when the block ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        processes = Processes(self._folder, self._clock.environment())
        with ExitStack() as stack:
            stack.callback(processes.stop)
            port = free_port()
            protocol = start_broker(processes, self._folder, port)
            if mosquitto_path() is None:
                self._say("mosquitto is not installed: a small broker in Python stands in for it")
            self._start_world(processes)
            sms = self._start_modem(processes, stack)
            self._start_hub(processes, port, protocol, sms)
            for site in plan.SITES:
                self._start_agent(processes, stack, site, port, protocol)
            self._receive_stock()
            yield processes

    # --- starting ---

    def _start_world(self, processes: Processes) -> None:
        world = self._folder / "world.toml"
        world.write_text(plan.world_toml(self._folder / "world"), encoding="utf-8")
        processes.python("world", "coldwatch", "simulate", str(world))

    def _start_modem(self, processes: Processes, stack: ExitStack) -> Path | None:
        missing = what_is_missing()
        if missing is not None:
            self._say(f"SMS are only written to the log: {missing}")
            return None
        device = self._folder / "modem"
        processes.python(
            "modem", "simulator.modem", "--link", str(device), "--log", str(self._sms_log())
        )
        deadline = time.monotonic() + 10
        while not device.exists():
            processes.check()
            if time.monotonic() > deadline:
                raise DemoError("the simulated modem did not start")
            time.sleep(0.05)
        database = self._folder / "smsd.db"
        stack.enter_context(start_smsd(self._folder, device, database))
        return database

    def _start_hub(self, processes: Processes, port: int, protocol: str, sms: Path | None) -> None:
        settings = self._folder / "hub.toml"
        console_port = self._wishes.console_port or free_port()
        settings.write_text(
            plan.hub_toml(self.hub_folder, port, protocol, sms, console_port), encoding="utf-8"
        )
        processes.python("hub", "coldwatch", "hub", str(settings))
        wait_for_port(console_port, "the console", 30)
        self.console = f"http://127.0.0.1:{console_port}/"

    def _start_agent(
        self,
        processes: Processes,
        stack: ExitStack,
        site: plan.DemoSite,
        port: int,
        protocol: str,
    ) -> None:
        link = self._links[site.device] = Link("127.0.0.1", port)
        stack.callback(link.close)
        settings = self._folder / f"{site.device}.toml"
        text = plan.agent_toml(
            site, self._folder / site.device, self._folder / "world", link.port, protocol
        )
        settings.write_text(text, encoding="utf-8")
        processes.python(site.device, "coldwatch", "agent", str(settings))

    def _receive_stock(self) -> None:
        """Put the batches into the fridges once each fridge has a reading."""
        assets = {batch.asset for batch in plan.BATCHES}
        deadline = time.monotonic() + 30
        while not readings_arrive(self.hub_folder, assets):
            if time.monotonic() > deadline:
                raise DemoError(f"no readings have come; the logs are in {self._folder / 'log'}")
            time.sleep(0.1)
        database = open_database(self.hub_folder / "hub.db")
        create_tables(database)
        now = self._clock.now_ms()
        today = dt.datetime.fromtimestamp(now / 1000, ZONE).date()
        with write(database) as conn:
            for batch in plan.BATCHES:
                receive(
                    conn,
                    product=batch.product,
                    lot=batch.lot,
                    expiry=today + dt.timedelta(days=batch.expiry_days),
                    doses=batch.doses,
                    asset=batch.asset,
                    now=now,
                    actor="demo",
                )
        database.dispose()

    # --- the story ---

    def play(self, processes: Processes) -> None:
        """Let time pass: cut and mend links, show SMS; until the time is over, or for ever."""
        while True:
            processes.check()
            self._play_links()
            self.show_sms()
            if self._wishes.seconds is not None and self._elapsed() >= self._wishes.seconds:
                return
            time.sleep(0.1)

    def finish(self, processes: Processes) -> Account:
        """Take stock as of now: wait until all that is recorded is stored and all SMS are out."""
        for link in self._links.values():
            link.mend()
        spools = {site.device: self._folder / site.device for site in plan.SITES}
        found = account(self.hub_folder, spools, DRAIN_S, self._clock.now_ms())
        deadline = time.monotonic() + DRAIN_S
        while (left := outstanding_sms(self.hub_folder)) and time.monotonic() < deadline:
            processes.check()
            self.show_sms()
            time.sleep(0.2)
        if left:
            raise DemoError(f"{left} SMS were still waiting after {DRAIN_S:.0f} s")
        self.show_sms()
        return found.with_messages(self.sms(), self.hub_folder)

    def _play_links(self) -> None:
        while self._events and self._minute() >= self._events[0].at_min:
            event = self._events.pop(0)
            link = self._links[event.device]
            if event.up:
                link.mend()
            else:
                link.cut()
            self._say(
                f"{self.stamp()} the link of {event.device} {'is back' if event.up else 'is down'}"
            )

    def show_sms(self) -> None:
        """Print each SMS that the modem has decoded since the last call."""
        messages = self.sms()
        for message in messages[self._shown :]:
            self._say(f"{self.stamp()} SMS to {message['to']}: {message['text']}")
        self._shown = len(messages)

    def sms(self) -> list[dict[str, str]]:
        """Return every SMS that the modem has decoded, oldest first."""
        file = self._sms_log()
        if not file.exists():
            return []
        lines = file.read_text(encoding="utf-8").splitlines()
        return [{key: item[key] for key in ("to", "text")} for item in map(json.loads, lines)]

    # --- small things ---

    @property
    def hub_folder(self) -> Path:
        """Where the hub keeps its databases."""
        return self._folder / "hub"

    @property
    def clock_environment(self) -> str:
        """What COLDWATCH_CLOCK must be for a command to share the demo's time."""
        return self._clock.environment()

    def _sms_log(self) -> Path:
        return self._folder / "sms.jsonl"

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _minute(self) -> float:
        return (self._clock.now_ms() - self._start) / MINUTE

    def stamp(self) -> str:
        """Return the simulated time of day."""
        now = dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, ZONE)
        return now.strftime("%H:%M")


def forget(folder: Path) -> None:
    """Remove what an ended demo left in its own temporary folder."""
    shutil.rmtree(folder, ignore_errors=True)


def to_stderr(text: str) -> None:
    """Show a line on stderr, where --json leaves room for it."""
    print(text, file=sys.stderr, flush=True)
