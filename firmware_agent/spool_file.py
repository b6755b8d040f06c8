"""The spool's file: opened, found whole or damaged, or stood in for by a database in memory.

WAL, synchronous FULL, one transaction for each cycle. FULL and not NORMAL: on a power cut NORMAL
lost up to 803 committed records where FULL lost none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from pathlib import Path

FILE = "spool.db"
VERSION = 1

_SCHEMA = """
CREATE TABLE streams (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0,   -- 1: another stream goes on in its place
    head INTEGER NOT NULL DEFAULT 0,     -- the last record whose stamp is final
    head_h BLOB NOT NULL,
    head_at INTEGER, head_boot TEXT, head_mono_ms INTEGER,
    judged INTEGER NOT NULL DEFAULT 0,   -- how far the hub has judged and stored
    stored INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,  -- records up to here are no longer kept
    dropped_h BLOB NOT NULL
);
CREATE TABLE records (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,                  -- 'gone': this one and those missing before it are lost
    boot TEXT NOT NULL,
    mono_ms INTEGER NOT NULL,
    body BLOB NOT NULL,                  -- canonical; `at` in it is a guess while the column is NULL
    at INTEGER,
    h BLOB,
    PRIMARY KEY (stream, seq)
) WITHOUT ROWID;
CREATE TABLE excursions (id TEXT PRIMARY KEY, stream INTEGER NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

# What a disk says that is full, read-only or dying: it may take again later.
_DISK_CODES = ("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
# As much as a small commit needs beside the file.
_LEAST_FREE = 16_384
_DISK_ERRNOS = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file and make sure that it is whole and can be written.

    Raises sqlite3.OperationalError where the disk does not let us, another sqlite3.DatabaseError
    where the file is damaged, and OSError where it is of a later version.
    """
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # Small steps back into the file: a long checkpoint would make one cycle late.
        db.execute("PRAGMA wal_autocheckpoint = 200")
        db.execute("PRAGMA journal_size_limit = 4000000")
        db.execute("PRAGMA cache_size = -512")
        answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise OSError(f"was made by a later coldwatch (layout {version}, ours is {VERSION})")
        if version == 0:
            _make_tables(db)
        # A disk that lets itself be opened may still take nothing.
        db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', 'true')")
    except BaseException:
        db.close()
        raise
    return db


def must_take(path: Path) -> None:
    """Raise OSError where the disk beside a file that is there takes nothing.

    To find a file whole takes a Pi Zero most of a minute for a month of records. A disk that is full
    is asked again and again, between two cycles of the agent, and must say no sooner.
    """
    if not path.exists():
        return
    beside = path.with_name(f".{path.name}.takes")
    try:
        with beside.open("wb") as file:
            file.write(bytes(_LEAST_FREE))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def connect_memory(address: str) -> sqlite3.Connection:
    """Open the database in memory of this address (:func:`memory_address`), making its tables."""
    db = connect_reader(address)
    _make_tables(db)
    return db


def memory_address() -> str:
    """Return an address under which the threads of this process share a database in memory."""
    return f"file:/coldwatch-{secrets.token_hex(8)}?vfs=memdb"


def connect_reader(address: str) -> sqlite3.Connection:
    """Open another connection to a spool by its address."""
    db = sqlite3.connect(
        address, uri=True, timeout=5, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA cache_size = -512")
    return db


def of_the_disk(error: OSError | sqlite3.Error, path: Path) -> bool:
    """Tell whether an error is the disk's, so that it may go away, and not one of the settings."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        if not name.startswith(_DISK_CODES):
            return False
    elif error.errno not in _DISK_ERRNOS:
        return False
    return not _forbidden(path)


def _forbidden(path: Path) -> bool:
    """Tell whether this user may not write there, while the file system would let others."""
    try:
        read_only = bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError as error:
        return error.errno not in _DISK_ERRNOS | {errno.ENOENT}
    if read_only:
        return False
    rights = os.access(path.parent, os.W_OK | os.X_OK)
    return not rights or (path.exists() and not os.access(path, os.R_OK | os.W_OK))


def put_aside(path: Path, now_ms: int) -> Path:
    """Rename a damaged file together with its journal."""
    target = path.with_name(f"{path.name}.corrupt-{now_ms}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    return target


def last_stream(path: Path) -> tuple[str, int]:
    """Return id and last record of the newest stream of a damaged file, as far as it can be read."""
    with contextlib.suppress(sqlite3.Error):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        with contextlib.closing(db):
            row = db.execute("SELECT id, head FROM streams ORDER BY n DESC LIMIT 1").fetchone()
            if row and isinstance(row[0], str) and isinstance(row[1], int):
                return row[0], row[1]
    return "", 0


def _make_tables(db: sqlite3.Connection) -> None:
    db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
