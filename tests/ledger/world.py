"""A small world for tests of the ledger: a hub's two databases, fridges, readings, excursions."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

import ledger.store  # noqa: F401 - declares the ledger's tables
from alerts.decisions import Decision, excursion_id
from alerts.rules import Rule, Side, Watch
from history.port import StoredRecord
from history.sqlite import SqliteHistory
from journal import watches
from journal.database import read, write
from journal.excursions import ExcursionRow, apply
from ledger.batches import Entered, move, receive
from ledger.holds import Hold, hold_overlapping
from ledger.issues import Attempt, attempt
from ledger.journey import Journey, journey
from tests.support.databases import new_database

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# 2026-03-02 00:00 in Shanghai
START = 1_772_380_800_000

EXPIRY = date(2027, 12, 31)
SITE = "east"
HEAT = Rule("who-pqs/heat", "consecutive", 60 * MINUTE, above=8000, holds=True)
FREEZE = Rule("who-pqs/freeze", "consecutive", 60 * MINUTE, at_or_below=-500, holds=True)


def stream_of(fridge: str) -> str:
    """The stream of the device that watches a fridge."""
    return fridge.encode().hex().ljust(32, "0")[:32]


class World:
    """One hub. Times given to its methods are minutes after `START`."""

    def __init__(self, folder: Path, *, fridges: tuple[str, ...] = ("f1", "f2", "f3")) -> None:
        """Make the databases, and let each fridge have one deciding point, 2 to 8 degC."""
        self.folder = folder
        self.engine = new_database(folder)
        self.history = SqliteHistory(folder / "history.db")
        self._seq: dict[str, int] = {}
        with write(self.engine) as conn:
            for fridge in fridges:
                self.watch(conn, fridge)

    def close(self) -> None:
        """Let go of the files."""
        self.history.close()
        self.engine.dispose()

    @staticmethod
    def watch(conn: Connection, fridge: str) -> None:
        """Let the fridge's center decide, read every minute, holding at most three."""
        series = f"{fridge}/center/temperature"
        watch = Watch(series, MINUTE, 3 * MINUTE, (2000, 8000), True, (HEAT, FREEZE))
        watches.save(
            conn,
            SITE,
            {series: watch},
            device=f"pi-{fridge}",
            at=START,
            stream=stream_of(fridge),
            learned_at=START,
        )

    def readings(
        self,
        fridge: str,
        first: int,
        last: int,
        value: int = 5000,
        *,
        step: int = 1,
        quality: str = "ok",
        point: str = "center",
    ) -> None:
        """Store readings of a fridge every ``step`` minutes from ``first`` to before ``last``."""
        records = []
        for minute in range(first, last, step):
            seq = self._seq[fridge] = self._seq.get(fridge, 0) + 1
            at = START + minute * MINUTE
            body = {
                "kind": "reading",
                "seq": seq,
                "series": f"{fridge}/{point}/temperature",
                "at": at,
                "boot": "b0",
                "mono_ms": minute * MINUTE if minute > 0 else 0,
                "value": value,
                "quality": quality,
                "clock": "synced",
            }
            records.append(StoredRecord(SITE, stream_of(fridge), body, at))
        self.history.append(records)

    def receive(
        self, minute: int, fridge: str = "f1", doses: int = 100, *, lot: str = "A", now: int = 0
    ) -> Entered:
        """Receive doses of MMR, at ``now`` or at once."""
        with write(self.engine) as conn:
            return receive(
                conn,
                product="MMR",
                lot=lot,
                expiry=EXPIRY,
                doses=doses,
                asset=f"{SITE}/{fridge}",
                at=ms(minute),
                now=ms(now or minute),
                actor="Li",
            )

    def move(
        self,
        minute: int,
        source: str,
        target: str,
        doses: int | None = None,
        *,
        lot: str = "A",
        now: int = 0,
    ) -> Entered:
        """Move doses."""
        with write(self.engine) as conn:
            return move(
                conn,
                batch=f"MMR/{lot}",
                source=f"{SITE}/{source}",
                target=f"{SITE}/{target}",
                doses=doses,
                at=ms(minute),
                now=ms(now or minute),
                actor="Li",
            )

    def issue(
        self,
        minute: int,
        fridge: str = "f1",
        doses: int = 1,
        *,
        lot: str | None = "A",
        now: int = 0,
    ) -> Attempt:
        """Try to issue doses; the transaction is committed whatever comes of it."""
        with write(self.engine) as conn:
            return attempt(
                conn,
                self.history,
                batch=f"MMR/{lot}" if lot is not None else None,
                product="MMR" if lot is None else None,
                asset=f"{SITE}/{fridge}",
                doses=doses,
                at=ms(minute),
                now=ms(now or minute),
                actor="Li",
                recipient="township clinic",
            )

    def excursion(
        self,
        start: int,
        end: int | None,
        fridge: str = "f1",
        *,
        now: int,
        side: Side = "above",
        rule: Rule = HEAT,
    ) -> list[Hold]:
        """Let the hub learn of an excursion, open or already over, as it does: in one transaction."""
        opened = decision(fridge, start, rule=rule, side=side)
        with write(self.engine) as conn:
            held = self.apply(conn, opened, now)
            if end is not None:
                closed = dataclasses.replace(
                    opened, happening="closed", reason="first-reading-inside", end=ms(end)
                )
                held += self.apply(conn, closed, now)
        return held

    @staticmethod
    def apply(conn: Connection, step: Decision, now: int) -> list[Hold]:
        """Apply one decision and hold what it reaches."""
        device = f"pi-{step.series.split('/')[0]}"
        row = apply(conn, step, site=SITE, device=device, learned_at=ms(now))
        return hold_overlapping(conn, row, at=ms(now))

    def journey(self, now: int, lot: str = "A") -> Journey:
        """The journey of a lot."""
        with read(self.engine) as conn:
            return journey(conn, self.history, f"MMR/{lot}", now=ms(now))


def ms(minute: int) -> int:
    """A minute after `START` as UTC milliseconds."""
    return START + minute * MINUTE


def decision(fridge: str, start: int, *, rule: Rule = HEAT, side: Side = "above") -> Decision:
    """The opening of an excursion that began in minute ``start``, as the engine decides it."""
    series = f"{fridge}/center/temperature"
    id_ = excursion_id(stream_of(fridge), series, rule.id, start)
    return Decision(
        "opened",
        "held-time-reached",
        id_,
        id_,
        stream_of(fridge),
        series,
        rule,
        side,
        "certain",
        ms(start),
        ms(start) + rule.for_ms,
        None,
        rule.for_ms,
        0,
        9500 if side == "above" else -1200,
        start,
        start + 60,
        9500 if side == "above" else -1200,
    )


def row_of(world: World, step: Decision) -> ExcursionRow | None:
    """The excursion of a decision as the hub knows it."""
    from journal.excursions import get

    with read(world.engine) as conn:
        return get(conn, step.id)
