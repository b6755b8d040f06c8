"""What the agent's tests are made of: a clock that the test moves, plans, samples, stored streams."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerts.engine import StreamEngine
from alerts.rules import Rule, Watch
from firmware_agent.chain import Draft, reading_draft, settings_draft
from firmware_agent.plan import Plan, ProbePlan
from firmware_agent.spool_file import FILE
from firmware_agent.stamping import Stamp
from protocol.chain import genesis, link
from sensors.contract import Sample
from sensors.registry import checked

SERIES = "fridge-1/center/temperature"
BOOT = "b" * 32
START_MS = 1_760_000_000_000

RULES = (
    Rule("test/at-limit", "instant", 0, at_or_above=8_000, at_or_below=2_000),
    Rule("test/warm", "consecutive", 180_000, above=8_000, below=2_000, holds=True),
    Rule("test/freeze-sum", "cumulative", 240_000, at_or_below=-500, window_ms=3_600_000),
    Rule("test/silence", "silence", 900_000),
)


class HandClock:
    """A clock that stands still until the test moves it."""

    speed = 1.0

    def __init__(self, now_ms: int = START_MS, mono_ms: int = 50_000) -> None:
        self.now = now_ms
        self.mono = mono_ms
        self.synced = True

    def now_ms(self) -> int:
        """Return what the test has set."""
        return self.now

    def mono_ms(self) -> int:
        """Return what the test has set."""
        return self.mono

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Let the time pass at once."""
        self.pass_ms(int(timeout_ms))
        return event.is_set()

    def pass_ms(self, ms: int) -> None:
        """Move both clocks on."""
        self.now += ms
        self.mono += ms

    def stamp(self, *, final: bool | None = None) -> Stamp:
        """Return a stamp made now."""
        return Stamp(self.now - self.mono, self.synced, self.synced if final is None else final)


def watch(series: str = SERIES, rules: tuple[Rule, ...] = RULES) -> Watch:
    """Return a 2 to 8 fridge, recorded every minute."""
    return Watch(series, 60_000, 180_000, (2_000, 8_000), decides=True, rules=rules)


def table(*series: str) -> dict[str, Any]:
    """Return the table of a settings record."""
    return {name: watch(name).body() for name in series or (SERIES,)}


def settings(mono_ms: int, version: str = "0123456789abcdef") -> Draft:
    """Return a settings record for the one series."""
    return settings_draft(mono_ms, version, table())


def reading(mono_ms: int, value: int | None = 5_000, quality: str = "ok") -> Draft:
    """Return a reading of the one series."""
    return reading_draft(SERIES, mono_ms, Sample(value, quality))


def make_plan(folder: Path, port: int = 1, **changes: Any) -> Plan:
    """Return a plan with one simulated probe, read and recorded five times a second."""
    plan = Plan(
        site="east-gate",
        device="pi-1",
        state_dir=str(folder),
        host="127.0.0.1",
        port=port,
        protocol="5",
        keepalive_s=10,
        every_ms=200,
        trust_clock=True,
        keep_ms=35 * 86_400_000,
        window=2_000,
        resend_after_ms=1_000,
        state_file=None,
        probes=(ProbePlan(SERIES, checked({"kind": "simulated"})),),
        series={SERIES: table()[SERIES] | {"interval_ms": 200}},
        version="0123456789abcdef",
    )
    return replace(plan, **changes)


def stored_bodies(folder: Path) -> dict[str, list[Mapping[str, Any]]]:
    """Read a spool as a stranger would, check that each chain is whole, and return its bodies."""
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    db.execute("BEGIN")  # one moment of it, whoever writes meanwhile
    found = {}
    for n, id_, head, head_h, dropped, dropped_h in db.execute(
        "SELECT n, id, head, head_h, dropped, dropped_h FROM streams"
    ).fetchall():
        rows = db.execute(
            "SELECT seq, body, h FROM records WHERE stream = ? ORDER BY seq", (n,)
        ).fetchall()
        assert [seq for seq, _, _ in rows] == list(range(dropped + 1, dropped + 1 + len(rows)))
        h = dropped_h if dropped else genesis(id_)
        for seq, body, own in rows:
            if seq <= head:
                h = link(h, body)
                assert h == own
            else:
                assert own is None
        assert head_h == h
        found[id_] = [json.loads(body) for _, body, _ in rows]
    db.close()
    return found


def judged_by_engine(stream: str, bodies: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the state of an engine that was fed these records alone."""
    engine = StreamEngine(stream)
    for body in bodies:
        engine.feed_record(body)
    return engine.dump_state()
