"""The demo's account: what was recorded against what the history has, excursions, SMS and holds."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from coldwatch.demo.processes import DemoError
from coldwatch.demo.spools import Recorded, recorded
from history.opening import open_to_read
from hub.tables import alarm_turns, devices, notices, quarantine, sms, streams
from journal.database import open_database, read
from journal.excursions import ExcursionRow, listing
from ledger import holds
from protocol.reading import decimal

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Account:
    """What the run came to. Counts are of readings; ``sampled`` of reads of a probe."""

    sampled: int
    recorded: int
    in_history: int
    missing: int
    duplicates: int
    changed: int
    quarantined: int
    excursions: list[dict[str, Any]] = field(default_factory=list)
    sms: list[dict[str, str]] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def nothing_lost(self) -> bool:
        """Whether every reading is in the history, once and unchanged."""
        return not (self.missing or self.duplicates or self.changed)

    def with_messages(self, messages: list[dict[str, str]], hub: Path) -> Account:
        """Return the account with excursions, SMS and holds as they are now."""
        database = open_database(hub / "hub.db", read_only=True)
        with read(database) as conn:
            found = [_excursion(row) for row in reversed(listing(conn))]
            held = [
                {"batch": hold.batch, "asset": str(hold.place), "doses": hold.doses}
                for hold in holds.listing(conn)
                if not hold.issued
            ]
        database.dispose()
        return replace(self, excursions=found, sms=messages, holds=_once(held))

    def as_json(self) -> dict[str, Any]:
        """Return the summary as the issue of this command gives it."""
        return {
            "sampled": self.sampled,
            "recorded": self.recorded,
            "in_history": self.in_history,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "changed": self.changed,
            "quarantined": self.quarantined,
            "excursions": self.excursions,
            "sms": self.sms,
            "holds": self.holds,
        }

    def as_text(self) -> str:
        """Return the summary for people."""
        lost = f"{self.missing} missing, {self.duplicates} twice, {self.changed} changed"
        lines = [
            "",
            f"{self.recorded} readings recorded ({self.sampled} sampled)",
            f"{self.in_history} in the history: {lost}",
            f"{len(self.excursions)} excursions, {len(self.sms)} SMS sent, {len(self.holds)} holds",
        ]
        for hold in self.holds:
            lines.append(f"  on hold: {hold['doses']} doses of {hold['batch']} in {hold['asset']}")
        return "\n".join(lines)


def _once(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop repeats: two rules may hold the same doses."""
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())


def _excursion(row: ExcursionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "site": row.site,
        "asset": row.asset,
        "series": row.series,
        "rule": row.rule,
        "kind": row.kind,
        "side": row.side,
        "certainty": row.certainty,
        "start": _iso(row.start),
        "opened": _iso(row.opened),
        "end": _iso(row.end) if row.end is not None else None,
        "extreme": float(decimal(row.extreme)) if row.extreme is not None else None,
        "learned": _iso(row.learned_at),
        "told": row.tells,
        "holds": row.holds,
    }


def _iso(at: int) -> str:
    return dt.datetime.fromtimestamp(at / 1000, ZONE).isoformat(timespec="seconds")


def account(hub: Path, spools: dict[str, Path], timeout_s: float, now_ms: int) -> Account:
    """Compare what the spools hold now with the history, once the hub has stored that far.

    Raises DemoError when the hub does not get there in time.
    """
    now = [part for folder in spools.values() for part in recorded(folder)]
    _wait_stored(hub, now, timeout_s)
    sampled = _sampled(hub, now_ms, timeout_s)
    history = open_to_read(hub)
    stored: dict[tuple[str, int], dict[str, Any]] = {}
    times: Counter[tuple[str, str, int]] = Counter()
    twice = 0
    for stream in sorted({part.stream for part in now}):
        for seq, body in history.records(stream):
            twice += (stream, seq) in stored
            stored[stream, seq] = body
            if body["kind"] == "reading":
                times[body["series"] + stream, body["boot"], body["mono_ms"]] += 1
    history.close()
    twice += sum(count - 1 for count in times.values())
    count = missing = changed = 0
    for part in now:
        for seq, body in part.readings.items():
            count += 1
            kept = stored.get((part.stream, seq))
            missing += kept is None
            changed += kept is not None and kept != body
    return Account(
        sampled=sampled,
        recorded=count,
        in_history=count - missing,
        missing=missing,
        duplicates=twice,
        changed=changed,
        quarantined=_quarantined(hub),
    )


def _wait_stored(hub: Path, wanted: list[Recorded], timeout_s: float) -> None:
    database = open_database(hub / "hub.db", read_only=True)
    deadline = time.monotonic() + timeout_s
    while True:
        with read(database) as conn:
            marks = dict(conn.execute(select(streams.c.stream, streams.c.stored_seq)).all())
        behind = [part.stream for part in wanted if marks.get(part.stream, 0) < part.last]
        if not behind:
            database.dispose()
            return
        if time.monotonic() > deadline:
            raise DemoError(
                f"after {timeout_s:.0f} s the hub has not stored all of {len(behind)} streams"
            )
        time.sleep(0.1)


def _sampled(hub: Path, since: int, timeout_s: float) -> int:
    """Return how many samples the agents took, by the first status of each behind ``since``."""
    database = open_database(hub / "hub.db", read_only=True)
    deadline = time.monotonic() + timeout_s
    while True:
        with read(database) as conn:
            found = [json.loads(text) for text in conn.execute(select(devices.c.status)).scalars()]
        if found and all(status.get("at", 0) >= since for status in found):
            database.dispose()
            return sum(int(status["sampled"]) for status in found)
        if time.monotonic() > deadline:
            raise DemoError("an agent says nothing of itself any more")
        time.sleep(0.1)


def _quarantined(hub: Path) -> int:
    database = open_database(hub / "hub.db", read_only=True)
    with read(database) as conn:
        count = conn.execute(select(func.count()).select_from(quarantine)).scalar_one()
    database.dispose()
    return count


def outstanding_sms(hub: Path) -> int:
    """Return how many SMS are owed, waiting or in the modem's queue."""
    database = open_database(hub / "hub.db", read_only=True)
    with read(database) as conn:
        owed = select(func.count()).select_from(notices).where(notices.c.sms.is_(None))
        queued = select(func.count()).select_from(sms).where(sms.c.state.in_(("waiting", "handed")))
        # What has happened to an alarm and was not looked at yet.
        unseen = select(func.count()).select_from(alarm_turns).where(alarm_turns.c.next_at == 0)
        left = sum(conn.execute(each).scalar_one() for each in (owed, queued, unseen))
    database.dispose()
    return left


def readings_arrive(hub: Path, assets: set[str]) -> bool:
    """Tell whether each of these assets (``site/asset``) has a temperature in the history."""
    history = open_to_read(hub)
    seen = {
        f"{site}/{series.split('/')[0]}"
        for site, series in history.latest()
        if series.endswith("/temperature")
    }
    history.close()
    return assets <= seen
