"""The hub's database in PostgreSQL 15 or newer: how it is opened, what its errors mean, its guards.

All programs of one hub write one after the other: `journal.database.write` takes an advisory lock
first. Behind it nobody else writes before the commit, and each statement sees all that was
committed before (READ COMMITTED): what SQLite's one write lock gives. So positions in the journal
have no holes, and no transaction fails because another one ran beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url

from config.database import DatabaseSettings
from journal.base import DatabaseError, Trouble
from journal.modes import BEGIN, DEFERRED, IMMEDIATE, NAME
from protocol.tls import in_credentials

OLDEST: Final = 150_000

# How long to wait for the lock of whoever writes, and how long a program that hangs may keep it.
_LOCK_MS: Final = 5000
_HUNG_MS: Final = 60_000

# Two numbers make the key: "cold", and the schema, so that two hubs may share one database.
_LOCK: Final = (
    f"SET LOCAL idle_in_transaction_session_timeout = {_HUNG_MS};"
    "SELECT pg_advisory_xact_lock(1668246628, hashtext(current_schema()))"
)

# A server that vanishes without a word is given up after half a minute.
_ALIVE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "coldwatch",
}

_GUARD: Final = "coldwatch_refuse"
_REFUSE: Final = (
    "BEGIN RAISE integrity_constraint_violation"
    " USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END"
)

# SQLSTATE, or its class (postgresql.org/docs/15/errcodes-appendix.html), that a person can do
# something about.
_TROUBLES: Final[dict[str, tuple[Trouble, str]]] = {
    "08": ("unreachable", "the connection was lost"),
    "25006": ("read-only", "it may only be read; is this a standby?"),
    "28": ("unreachable", "it refuses the user or the password; see [database] in the settings"),
    "40001": ("locked", "two programs got in each other's way; try again"),
    "40P01": ("locked", "two programs got in each other's way; try again"),
    "42501": ("read-only", "its user lacks the right to do this; make coldwatch's user the owner"),
    "53100": ("full", "the server's disk is full; make room"),
    "53": ("unreachable", "the server has no room for one more connection or its memory"),
    "55P03": ("locked", "another program has kept it locked for 5 s; try again"),
    "57014": ("locked", "the server stopped a statement that took too long; try again"),
    "57": ("unreachable", "the server is going down or coming up"),
    "58": ("i/o", "the server's disk reports an error; see its log"),
    "XX001": ("corrupt", "it is damaged; restore the last backup"),
    "XX002": ("corrupt", "an index is damaged; see the server's log, and REINDEX"),
    "F0": ("unreachable", "the server's settings cannot be read; see its log"),
}


def engine_of(settings: DatabaseSettings, *, read_only: bool) -> Engine:
    """Return an engine of a database that exists; its tables need not."""
    assert settings.url is not None
    url = make_url(settings.url).set(drivername="postgresql+psycopg")
    start = [f"-c lock_timeout={_LOCK_MS}", "-c timezone=UTC"]
    given = url.query.get("options", ())
    words = [given] if isinstance(given, str) else list(given)
    arguments = {**_ALIVE, "options": " ".join([*words, *start])}
    engine = create_engine(
        url.difference_update_query(["options"]),
        connect_args=arguments,
        pool_size=8,
        max_overflow=64,
        # A server that was started again is noticed before the transaction, not in it.
        pool_pre_ping=True,
        execution_options={NAME: str(settings)},
    )

    @event.listens_for(engine, "do_connect")
    def _connecting(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        # Read for each connection: a password that is changed is taken without a restart.
        if settings.password_file is not None:
            parameters["password"] = _password(settings.password_file)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # A commit that was answered survives a power cut, whatever the server's own settings say.
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begun(conn: Connection) -> None:
        if conn.get_execution_options().get(BEGIN) == IMMEDIATE:
            # SQLAlchemy begins it as one that may write, whatever the connection's default is.
            conn.exec_driver_sql("SET TRANSACTION READ ONLY" if read_only else _LOCK)

    return engine


def _password(file: Path) -> str:
    path = in_credentials(file)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DatabaseError(
            "cannot-open", f"{path}: the database's password cannot be read ({why})"
        ) from None


def options(mode: str) -> dict[str, Any]:
    """Return what a transaction is begun with: a reader has one snapshot and cannot write."""
    if mode == DEFERRED:
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}


def trouble_of(cause: BaseException | None) -> tuple[Trouble, str] | None:
    """Return what a person can do about an error of the driver; None for our own mistakes."""
    state = getattr(cause, "sqlstate", "")
    for key in (state, state[:2]) if state else ():
        if key in _TROUBLES:
            return _TROUBLES[key]
    if not state and type(cause).__name__ in _WITHOUT_STATE:
        # Libpq's own words, without an SQLSTATE: no connection could be made, or it broke.
        first = str(cause).strip().partition("\n")[0]
        return "unreachable", f"{first or 'no answer'}; see [database] in the settings"
    return None


# By name: the driver is only there where it is needed.
_WITHOUT_STATE: Final = frozenset({"OperationalError", "ConnectionTimeout", "InterfaceError"})


def version(conn: Connection) -> int:
    """Return the version of the tables; 0 where there are none. Refuse an old server."""
    running = conn.exec_driver_sql("SHOW server_version_num").scalar_one()
    coding = conn.exec_driver_sql("SHOW server_encoding").scalar_one()
    name = conn.get_execution_options()[NAME]
    if int(running) < OLDEST:
        raise DatabaseError("cannot-open", f"{name}: this needs PostgreSQL 15 or newer")
    if coding != "UTF8":
        raise DatabaseError(
            "cannot-open", f"{name}: its encoding is {coding}; create it with ENCODING 'UTF8'"
        )
    if "alembic_version" not in tables(conn):
        return 0
    number = conn.exec_driver_sql("SELECT max(version_num) FROM alembic_version").scalar()
    return int(number or 0)


def set_version(_conn: Connection, _number: int) -> None:
    """Write nothing more: Alembic's own table has it."""


def tables(conn: Connection) -> set[str]:
    """Return the names of the tables that there are."""
    names = conn.exec_driver_sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    return set(names.scalars())


_TRIGGERS: Final = """
SELECT t.tgname AS name, pg_get_triggerdef(t.oid, true) AS sql
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
  AND t.tgenabled = 'A' AND p.prosrc = %s
"""


def triggers(conn: Connection) -> dict[str, str]:
    """Return the guards that work: always enabled, with the function that refuses."""
    rows = conn.exec_driver_sql(_TRIGGERS, (_REFUSE,))
    return {row.name: row.sql for row in rows}


def guards_of(table: Table) -> dict[str, str]:
    """Return the triggers that an append-only table must have, as PostgreSQL spells them."""
    occasions = {
        "update": f"BEFORE UPDATE ON {table.name} FOR EACH ROW",
        "delete": f"BEFORE DELETE ON {table.name} FOR EACH ROW",
        "truncate": f"BEFORE TRUNCATE ON {table.name} FOR EACH STATEMENT",
    }
    return {
        f"guard_{table.name}_{name}": f"CREATE TRIGGER guard_{table.name}_{name} {occasion} "
        f"EXECUTE FUNCTION {_GUARD}()"
        for name, occasion in occasions.items()
    }


def make_guard(conn: Connection, table: Table, name: str, sql: str) -> None:
    """Make a trigger and its function anew."""
    conn.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {_GUARD}() RETURNS trigger LANGUAGE plpgsql AS $${_REFUSE}$$"
    )
    conn.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table.name}")
    conn.exec_driver_sql(sql)
    # Also for a session that calls itself a replica.
    conn.exec_driver_sql(f"ALTER TABLE {table.name} ENABLE ALWAYS TRIGGER {name}")
