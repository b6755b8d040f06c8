"""From samples to SMS: the agent's recording rule, the engine, the journal and the real outbox.

Nothing here reckons for itself what people get: a record goes to the engine as a body off the wire,
each decision to the journal and to `owe` as hub/intake.py does it, and hub/notices.py makes the SMS.
Left out are the wire and the history store, which decide nothing. A test holds the SMS equal to
those of a real intake on a day with everything in it.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select

from alerts.channels.contract import Outcome
from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.profiles import storage_of
from alerts.rules import Rule, Watch, watches_from_record
from benchmarks.nuisance.places import NOTHING, Samples
from benchmarks.nuisance.usage import STEP_MS
from config.hub import HubSettings, Person
from firmware_agent.recording import Recorder
from firmware_agent.settings import read_plan
from hub.notices import JOINED_MS, Outbox, owe
from hub.said import Matter
from hub.tables import alarm_turns
from journal.database import create_tables, open_database, read, write
from journal.excursions import ExcursionRow, apply
from sensors.checks import Checker
from sensors.contract import Range, Sample, Spec
from sensors.ds18b20.driver import SPEC as DS18B20

SITE: Final = "east-gate"
DEVICE: Final = "pi-1"
STREAM: Final = "a" * 32
CENTER, DOOR, MAINS = (
    "fridge-1/center/temperature", "fridge-1/door/open", "fridge-1/mains/present",
)  # fmt: skip
PEOPLE: Final = ("li", "wang", "chen")
MINUTE: Final = 60_000
# What is joined with others follows within this time of the last thing that happened; nothing else
# does, for people are told once (`tell`, no escalation) and nobody has to answer.
_QUIET_AFTER_MS: Final = 2 * MINUTE

_AGENT: Final = """
site = "{site}"
device = "{device}"
[[assets]]
id = "fridge-1"
storage = [{low}, {high}]
profiles = ["{profile}"]
points = [
  {{ name = "center", decides = true, driver = {{ kind = "simulated" }} }},
  {{ name = "door", quantity = "open", driver = {{ kind = "simulated" }} }},
  {{ name = "mains", quantity = "present", driver = {{ kind = "simulated" }} }},
]
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS as one person gets it.

    Attributes:
        at: when it was made, UTC milliseconds.
        person: to whom.
        opened: the excursions that it says have opened.
        recovered: those that it says are over.
    """

    at: int
    person: str
    opened: tuple[ExcursionRow, ...]
    recovered: tuple[ExcursionRow, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of samples under one profile: the SMS and every decision, in order."""

    records: int
    messages: tuple[Message, ...]
    decisions: tuple[Decision, ...]


@cache
def watches_of(profile: str) -> dict[str, Watch]:
    """Return the watches of a fridge under a profile, as an agent makes them of its settings file."""
    low, high = storage_of(profile)
    text = _AGENT.format(
        site=SITE, device=DEVICE, profile=profile, low=low / 1000, high=high / 1000
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "agent.toml"
        file.write_text(text, encoding="utf-8")
        return watches_from_record({"series": read_plan(file).series})


def with_rules(watches: dict[str, Watch], series: str, rules: Sequence[Rule]) -> dict[str, Watch]:
    """Return the same watches with other rules on one series."""
    old = watches[series]
    fresh = Watch(
        series, old.interval_ms, old.max_gap_ms, old.storage, old.decides, tuple(rules),
        old.certificate,
    )  # fmt: skip
    return watches | {series: fresh}


@lru_cache(maxsize=1)
def checked(samples: Samples) -> Sequence[Sample | None]:
    """Return what the probe's checks make of each sample at the centre; None where it said nothing.

    The last answer is kept: several profiles judge the same samples one after the other.
    """
    spec = DS18B20
    coldest = min((value for value in samples.center if value != NOTHING), default=0)
    if coldest < spec.ranges["temperature"].low:
        # What is colder has another probe; its checks are the same but for the range.
        spec = Spec(
            spec.kind, {"temperature": Range(-200_000, 125_000, 63)}, spec.least_spacing_ms,
            spec.may_decide, spec.source, spec.power_on,
        )  # fmt: skip
    limits = spec.ranges["temperature"].limits
    checker = Checker(spec, limits, "temperature")
    return [
        None if value == NOTHING else checker.check(Sample(value), samples.at(index))
        for index, value in enumerate(samples.center)
    ]


def records(samples: Samples, watches: dict[str, Watch]) -> Iterator[dict[str, Any]]:
    """Yield the bodies of what the agent would record, the settings record first."""
    seq = 1
    head = {"boot": "b" * 32, "clock": "synced"}
    series = {name: watch.body() for name, watch in watches.items()}
    yield {
        "kind": "settings", "seq": seq, "at": samples.start, "mono_ms": 0, "version": "0" * 16,
        "series": series, **head,
    }  # fmt: skip
    recorders = {name: Recorder(watch, STEP_MS) for name, watch in watches.items()}
    switch = (Sample(0), Sample(1_000))
    columns: tuple[tuple[str, Iterator[Sample | None]], ...] = (
        (CENTER, iter(checked(samples))),
        (DOOR, (switch[value] for value in samples.door)),
        (MAINS, (switch[value] for value in samples.mains)),
    )
    for index in range(len(samples.center)):
        mono_ms = index * STEP_MS
        for name, column in columns:
            sample = next(column)
            if sample is None or not recorders[name].wanted(sample, mono_ms):
                continue
            seq += 1
            yield {
                "kind": "reading", "seq": seq, "series": name, "at": samples.start + mono_ms,
                "mono_ms": mono_ms, "value": sample.value, "quality": sample.quality, **head,
            }  # fmt: skip


def judge(
    samples: Samples,
    watches: dict[str, Watch],
    witness: Callable[[dict[str, Any]], None] | None = None,
    until: Callable[[Message], bool] | None = None,
) -> Judged:
    """Record, judge and tell; return what people got.

    ``witness`` is shown every record's body. It ends early behind a message for which ``until``
    is true.
    """
    engine = StreamEngine(STREAM)
    decided: list[Decision] = []
    count = 0
    with office() as hub:
        for body in records(samples, watches):
            count += 1
            if witness is not None:
                witness(body)
            now = body["at"]
            if decisions := engine.feed_record(body):
                decided += decisions
                hub.decided(decisions, now)
            if decisions or now >= hub.next_round:
                hub.round(now)
            if until is not None and hub.messages and any(map(until, hub.messages)):
                break
        # What is joined with others goes out a little later.
        hub.round(samples.at(len(samples.center)) + MINUTE)
        return Judged(count, tuple(hub.messages), tuple(decided))


def hub_settings(folder: Path) -> HubSettings:
    """Return a hub with one site, one fridge, and three people who are told together."""
    return HubSettings.model_validate(
        {
            "state_dir": folder,
            "console": {"enabled": False},
            "people": [
                {"id": name, "name": name, "phone": f"+861390000000{number}"}
                for number, name in enumerate(PEOPLE)
            ],
            "sites": [
                {
                    "id": SITE,
                    "name": {"zh": "东门接种点", "en": "East Gate"},
                    "kind": "fixed",
                    "devices": [DEVICE],
                    "tell": list(PEOPLE),
                    "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
                }
            ],
        }
    )


class Office:
    """The hub's journal and outbox, without its threads."""

    def __init__(self, folder: Path) -> None:
        self._settings = hub_settings(folder)
        (folder / "hub.db").write_bytes(_empty_database())
        self._database = open_database(folder / "hub.db")
        self._outbox = Outbox(self._settings, self._database, _Sent(), self._words)
        self.messages: list[Message] = []
        self.next_round = 1 << 62
        self._last = 0

    def decided(self, decisions: Sequence[Decision], now: int) -> None:
        """Enter decisions and note who is owed what, in one transaction, as intake does."""
        self._last = now
        with write(self._database) as conn:
            for decision in decisions:
                row = apply(conn, decision, site=SITE, device=DEVICE, learned_at=now)
                owe(conn, self._settings.sites[0], decision.happening, row, now)

    def round(self, now: int) -> None:
        """Let the outbox look; again half a minute later, while something may follow, or when it is due."""
        self._outbox.round(now)
        self.next_round = now + JOINED_MS
        if now - self._last >= _QUIET_AFTER_MS:
            # What waits for the day.
            with read(self._database) as conn:
                due = conn.execute(select(func.min(alarm_turns.c.next_at))).scalar()
            self.next_round = 1 << 62 if due is None else max(due, self.next_round)

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def _words(self, _conn: Connection, person: Person, matters: Sequence[Matter], now: int) -> str:
        opened = tuple(row for matter in matters for row in matter.opened)
        recovered = tuple(row for matter in matters for row in matter.recovered)
        self.messages.append(Message(now, person.id, opened, recovered))
        return f"{person.id} {now}"


@cache
def _empty_database() -> bytes:
    """Return a hub's database with nothing in it: made once, for making it takes a while."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hub.db"
        database = open_database(file)
        create_tables(database)
        database.dispose()
        with closing(sqlite3.connect(file)) as conn:
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes()


@contextmanager
def office() -> Iterator[Office]:
    """Give a hub in a folder of its own, in memory where the machine has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        made = Office(Path(folder))
        try:
            yield made
        finally:
            made.close()


class _Sent:
    """A channel whose every message is sent at once: what it takes is counted, not delayed."""

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] | None = None) -> None:
        """Take it."""

    def outcome(self, key: str) -> Outcome:  # noqa: ARG002 - the contract
        """Say that it was sent."""
        return Outcome("sent")
