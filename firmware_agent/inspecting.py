"""`coldwatch agent AGENT.toml --inspect`: what the spool holds, read only, while the agent runs too.

It reads one moment of the file, checks its pages and follows every stream's chain of hashes, which
takes some seconds for a month of records. Nothing is written, and the agent waits for nothing.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmware_agent.spool import GONE
from firmware_agent.spool_file import FILE, VERSION
from protocol.chain import genesis, link

EX_OK = 0
DAMAGED = 1
EX_IOERR = 74
# So many damaged records are named; more of them are counted.
MOST_NAMED = 20


def inspect(folder: Path, *, as_json: bool) -> int:
    """Print what the spool in ``folder`` holds; return 0, 1 where it is damaged, 74 where unreadable."""
    path = folder / FILE
    try:
        found = examine(path)
    except (OSError, sqlite3.Error, ValueError) as error:
        print(f"coldwatch agent: {path}: {error}", file=sys.stderr)
        return EX_IOERR
    print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines(found)))
    return EX_OK if found["well"] else DAMAGED


def examine(path: Path) -> dict[str, Any]:
    """Return everything about a spool, as JSON; times in UTC milliseconds.

    Raises OSError where there is none, sqlite3.Error where it is no database or badly damaged.
    """
    if not path.exists():
        raise OSError("there is no spool; the agent has not recorded anything here yet")
    with closing(_open(path)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise OSError(f"layout {version}, this coldwatch reads layout {VERSION}")
        db.execute("BEGIN")  # one moment of it, whoever writes meanwhile
        health = [row[0] for row in db.execute("PRAGMA quick_check(5)")]
        streams = [_stream(db, row) for row in db.execute("SELECT * FROM streams ORDER BY n")]
        meta = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
        open_ = [
            json.loads(body)
            for (body,) in db.execute("SELECT body FROM excursions WHERE open ORDER BY rowid")
        ]
    whole = health == ["ok"]
    return {
        "file": str(path),
        "bytes": sum(
            beside.stat().st_size
            for suffix in ("", "-wal")
            if (beside := path.with_name(path.name + suffix)).exists()
        ),
        "well": whole and not any(stream["damaged"]["count"] for stream in streams),
        "file_check": "ok" if whole else health,
        "streams": streams,
        "excursions_open": open_,
        "settings_version": meta.get("settings-version"),
        "told": len(meta.get("told") or ()),
        "set_aside": sorted(
            str(item)
            for item in path.parent.glob(f"{path.name}.corrupt-*")
            if not item.name.endswith(("-wal", "-shm"))
        ),
    }


def _open(path: Path) -> sqlite3.Connection:
    # Without a journal beside it nobody has it open, and no file need be made to read it.
    journal = path.with_name(path.name + "-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'' if journal else '&immutable=1'}"
    db = sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def _stream(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """Return what is kept of a stream, having followed its chain."""
    head, judged, stored, dropped = row["head"], row["judged"], row["stored"], row["dropped"]
    h = row["dropped_h"] if dropped else genesis(row["id"])
    seq, records, pending = dropped, 0, 0
    first_at = last_at = None
    damaged: list[int] = []
    lost: list[list[int]] = []
    kept = db.execute(
        "SELECT seq, kind, at, body, h FROM records WHERE stream = ? ORDER BY seq", (row["n"],)
    )
    for record in kept:
        if record["h"] is None:
            pending += 1
            seq = record["seq"]
            continue
        if record["kind"] == GONE:
            lost.append([seq + 1, record["seq"]])
        else:
            if record["seq"] != seq + 1 or link(h, record["body"]) != record["h"]:
                damaged.append(record["seq"])
            records += 1
            last_at = record["at"]
            first_at = last_at if first_at is None else first_at
        seq, h = record["seq"], record["h"]
    if seq - pending != head or h != row["head_h"]:
        damaged.append(head)
    return {
        "stream": row["id"],
        "open": not row["closed"],
        "created": row["created"],
        "first": dropped + 1,
        "last": seq,
        "records": records,
        "first_at": first_at,
        "last_at": last_at,
        "judged": judged,
        "stored": stored,
        # Of a stream that was left, the hub may have more than we do.
        "unsent": max(0, head - judged),
        "pending": pending,
        "lost": lost,
        "damaged": {"count": len(damaged), "records": damaged[:MOST_NAMED]},
        "h": row["head_h"].hex(),
    }


# --- for people ---


def lines(found: dict[str, Any]) -> list[str]:
    """Say it in lines: first whether all is well, then the details."""
    size = found["bytes"] / 1_000_000
    unsent = sum(stream["unsent"] for stream in found["streams"])
    said = [
        f"{'WELL' if found['well'] else 'DAMAGED'}  {found['file']}, {size:.1f} MB",
        f"  records not at the hub yet: {unsent:,}",
        f"  excursions open: {len(found['excursions_open'])}",
    ]
    said += [
        f"    {item['series']}  {item['side']}, rule {item['rule']}, since {_time(item['start'])},"
        f" {item['certainty']}"
        for item in found["excursions_open"]
    ]
    if found["file_check"] != "ok":
        said.append(f"  the file itself is damaged: {'; '.join(found['file_check'])}")
        said.append(
            "  keep a copy, replace the card; the agent begins a new file at its next start"
        )
    for file in found["set_aside"]:
        said.append(f"  an earlier damaged file is kept as {file}")
    for stream in found["streams"]:
        said += ["", *_stream_lines(stream)]
    return said


def _stream_lines(stream: dict[str, Any]) -> list[str]:
    state = "goes on" if stream["open"] else "was left; another one goes on"
    said = [f"stream {stream['stream']}  {state}, begun {_time(stream['created'])}"]
    if stream["records"]:
        said.append(
            f"  {stream['records']:,} records, numbers {stream['first']:,} to {stream['last']:,},"
            f" from {_time(stream['first_at'])} to {_time(stream['last_at'])}"
        )
    else:
        said.append("  no records with a final time")
    said.append(
        f"  the hub has judged up to {stream['judged']:,} and stored up to {stream['stored']:,};"
        f" not there yet: {stream['unsent']:,}"
    )
    if stream["pending"]:
        said.append(f"  waiting for the clock to be right: {stream['pending']:,}")
    for first, last in stream["lost"]:
        said.append(f"  lost, for disk and memory had no room: {first:,} to {last:,}")
    damaged = stream["damaged"]
    if damaged["count"]:
        named = ", ".join(map(str, damaged["records"]))
        more = " ..." if damaged["count"] > len(damaged["records"]) else ""
        said.append(f"  DAMAGED, bytes that do not match their hash: {named}{more}")
    else:
        said.append(f"  chain of hashes: whole, ends with {stream['h'][:16]}")
    return said


def _time(ms: int) -> str:
    """Spell a time in the zone of this machine."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M %z")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
