"""A real PostgreSQL for tests: a cluster of its own, on loopback, with a password, as nobody."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from config.database import DatabaseSettings
from tests.support.ports import unused_port

# What makes a test's cluster quick: no test cuts the power.
_SETTINGS = (
    "-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
    "-c", "listen_addresses=127.0.0.1", "-c", "log_min_messages=warning",
)  # fmt: skip


@cache
def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, of version 15 or newer."""
    found = [
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal() and (folder / "initdb").exists()
    ]
    on_path = shutil.which("initdb")
    if not found and on_path:
        said = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True)
        number = re.search(r"(\d+)", said.stdout)
        found = [(int(number[1]) if number else 0, Path(on_path).resolve().parent)]
    version, newest = max(found, default=(0, None))
    return newest if version >= 15 else None


def require() -> Path:
    """Return the programs' folder; without it the test is skipped, and fails in CI."""
    folder = programs()
    if folder is None:
        reason = "PostgreSQL is not installed; as root: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


class Postgres:
    """One cluster. PostgreSQL refuses to run as root, so then it runs as nobody."""

    user = "coldwatch"
    password = "a password, of a test"

    def __init__(self) -> None:
        """Nothing runs before :meth:`start`."""
        self.programs = require()
        self.port = unused_port()
        # pytest's own folders let nobody else through.
        self.folder = Path(tempfile.mkdtemp(prefix="coldwatch-pg-"))
        self.password_file = self.folder / "password"
        self.password_file.write_text(self.password + "\n")
        self._schemas = 0
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self.folder, self.password_file):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._run(
            "initdb", "--pgdata", str(self.folder / "data"), "--username", self.user,
            "--pwfile", str(self.password_file), "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        done: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
        answer = done(
            [self.programs / program, *arguments], capture_output=True, text=True, check=False,
            cwd=self.folder, env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, **self._as,
        )  # fmt: skip
        if answer.returncode:
            raise RuntimeError(f"{program}: {answer.stderr or answer.stdout}{self._log()}")

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-2000:] if log.exists() else ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = " ".join(
            [*(f"'{word}'" for word in _SETTINGS), f"-p {self.port} -k '{self.folder}'"]
        )
        # pg_ctl's own pipes would be kept open by the server.
        log = str(self.folder / "log")
        with (self.folder / "ctl").open("wb") as out:
            subprocess.run(
                [
                    self.programs / "pg_ctl", "start", "--wait", "--pgdata",
                    str(self.folder / "data"), "--log", log, "-o", options,
                ],
                stdout=out, stderr=out, check=True, cwd=self.folder,
                env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, **self._as,
            )  # type: ignore[call-overload]  # fmt: skip

    def stop(self, how: str = "immediate") -> None:
        """End it: ``immediate`` as a crash would, ``fast`` in order."""
        pgdata = str(self.folder / "data")
        self._run("pg_ctl", "stop", "--wait", "--pgdata", pgdata, "--mode", how)

    def remove(self) -> None:
        """End it and take its folder away."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        for _ in range(50):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.02)

    def settings(self, schema: str = "") -> DatabaseSettings:
        """Return settings of a schema that is made now and is empty; "": the database as it is."""
        options = ""
        if schema:
            self.run_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            options = f"?options=-csearch_path%3D{schema}"
        return DatabaseSettings(
            url=f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres{options}",
            password_file=self.password_file,
        )

    def run_sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as a program that knows nothing of ours; return its rows."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password,
            dbname="postgres", autocommit=True,
        ) as connection:  # fmt: skip
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []
