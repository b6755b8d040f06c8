"""gammu-smsd itself: its configuration, and keeping it alive in the demo and in tests.

On a machine that stays, systemd does the latter, with Restart=always and the same
`--max-failures`: smsd 1.42 then ends itself when its modem is gone, where it would otherwise sleep
for 30 s between two tries. It ignores SIGTERM for up to 20 s while its modem hangs.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from alerts.channels.smsd_schema import prepare_database

logger = logging.getLogger(__name__)

INSTALL_LINE: Final = "as root: apt-get install gammu-smsd libdbd-sqlite3"
_DRIVERS: Final = ("*/dbd/libdbdsqlite3.so", "dbd/libdbdsqlite3.so")
_MAX_FAILURES: Final = "2"
_TERMINATE_S: Final = 2.0
_RESTART_S: Final = 0.5
_SLOWEST_RESTART_S: Final = 5.0
# smsd gives libdbi no timeout, so its SQLite waits for no lock: a write that meets ours makes it
# connect anew, and where that was the UPDATE of a delivery report, crash over the result that it
# had freed (1.42, signal 11). These are its own queries, each with the timeout before: the first
# runs when a modem is found, the other every 30 s, so also after smsd has connected anew. libdbi wants
# as many columns of both statements, hence RETURNING, and a table behind FROM, hence the comment.
_WAIT: Final = "PRAGMA busy_timeout = 20000"
_QUERIES: Final = {
    "delete_phone": f"{_WAIT}; DELETE FROM phones WHERE IMEI = %I RETURNING 0",
    "refresh_phone_status": f"{_WAIT} /* FROM phones */; UPDATE phones SET"
    " TimeOut = datetime('now', '+10 seconds', 'localtime'), Battery = %1, Signal = %2,"
    " NetCode = %O, NetName = %M WHERE IMEI = %I RETURNING 0",
}


def smsd_config(
    device: Path,
    database: Path,
    log: Path,
    *,
    retry_after_s: int = 10,
    retries: int = 2,
    send_timeout_s: int = 15,
    debug: bool = False,
) -> str:
    """Return the text of a gammu-smsdrc for a modem, tuned so that an alarm goes out at once.

    A refused message is tried ``retries`` + 1 times, ``retry_after_s`` apart, and given up one
    more such time later: with the defaults after 30 s, before the hub's 60 s have passed.
    ``send_timeout_s`` is how long the network may take to answer for one SMS; an answer that
    comes later is taken for a failure, and the person gets the message twice.
    """
    settings: dict[str, str | int] = {
        "service": "sql",
        "driver": "sqlite3",
        "dbdir": f"{database.parent.absolute()}/",
        "database": database.name,
        "logfile": str(log.absolute()),
        "debuglevel": 255 if debug else 0,
        # How long a message lies until smsd looks: one second, the finest that smsd knows.
        "commtimeout": 1,
        "loopsleep": 1,
        "sendtimeout": send_timeout_s,
        "maxretries": retries,
        "retrytimeout": retry_after_s,
        # Only this question makes smsd 1.42 notice that its modem is gone. Without it smsd tries
        # to read for ever, without a pause, at 14 MB of log a second.
        "checksecurity": 1,
        # Asked before every SMS otherwise, each with a turn to the modem.
        "checkbattery": 0,
        "checknetwork": 0,
        # So does this one, 60 ms of a real modem's; without it nobody would see the signal fade.
        "checksignal": 1,
        "receivefrequency": 5,
        # How often it shows in `phones` that it lives.
        "statusfrequency": 30,
        "deliveryreport": "log",
        # Whether a report belongs to a message is also decided by the centre's clock and zone.
        "deliveryreportdelay": 86_400,
        # An answer of which a part does not come is read after this time without it.
        "multiparttimeout": 120,
    }
    # The fourth: reports are said at once. By itself gammu has them kept and told of (+CDSI), and
    # smsd 1.42 then reads an empty one: "Failed to find SMS for TPMR=0, Number=".
    lines = [
        "[gammu]", f"device = {device.absolute()}", "connection = at115200",
        "atgen_setcnmi = ,,,1", "", "[smsd]",
    ]  # fmt: skip
    lines += [f"{name} = {value}" for name, value in settings.items()]
    lines += ["", "[sql]"]
    lines += [f"{name} = {query}" for name, query in _QUERIES.items()]
    return "\n".join(lines) + "\n"


def what_is_missing() -> str | None:
    """Return what to install so that gammu-smsd runs here, or None where all is there."""
    if shutil.which("gammu-smsd") is None:
        return f"gammu-smsd is not installed; {INSTALL_LINE}"
    if not any(any(Path("/usr/lib").glob(pattern)) for pattern in _DRIVERS):
        return f"gammu-smsd's SQLite driver is not installed; {INSTALL_LINE}"
    return None


class Smsd:
    """A gammu-smsd that is started again whenever it ends, until it is stopped."""

    def __init__(self, config: Path, log: Path) -> None:
        self._command = ["gammu-smsd", "--config", str(config), "--max-failures", _MAX_FAILURES]
        if shutil.which("setpriv"):
            # It must not outlive us, not even when we are killed.
            self._command[:0] = ["setpriv", "--pdeathsig", "KILL"]
        self._log = log
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="gammu-smsd", daemon=True)
        self.starts = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process that runs now, or ran last; None before the first."""
        return self._process.pid if self._process is not None else None

    def stop(self) -> None:
        """End it: politely, and after two seconds by force."""
        self._stopping.set()
        self._thread.join()

    def kill(self) -> None:
        """Kill it as a power cut would; it is started again. For tests."""
        if self._process is not None:
            self._process.kill()

    def _supervise(self) -> None:
        pause = _RESTART_S
        while not self._stopping.is_set():
            with self._log.open("ab") as log:
                environment = os.environ | {"LC_ALL": "C.UTF-8"}
                self._process = subprocess.Popen(
                    self._command, stdout=log, stderr=log, env=environment
                )
            self.starts += 1
            began = time.monotonic()
            while not self._stopping.wait(0.1) and self._process.poll() is None:
                pass
            if self._process.poll() is None:
                break
            pause = (
                _RESTART_S if time.monotonic() - began > 30 else min(2 * pause, _SLOWEST_RESTART_S)
            )
            logger.warning(
                "gammu-smsd ended with %d; it starts again in %.1f s",
                self._process.returncode,
                pause,
            )
            self._stopping.wait(pause)
        self._end()

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_TERMINATE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_smsd(folder: Path, device: Path, database: Path, config: str | None = None) -> Smsd:
    """Make the database, write ``smsdrc`` into a folder, and return the daemon, not yet begun.

    Use it as a context manager. ``config`` is the text of `smsd_config` unless given.

    Raises:
        RuntimeError: gammu-smsd or its driver is not installed; the text says what to type.
        DatabaseUnusableError: the database cannot be used.
    """
    if missing := what_is_missing():
        raise RuntimeError(missing)
    prepare_database(database)
    log = folder / "smsd.log"
    path = folder / "smsdrc"
    path.write_text(config or smsd_config(device, database, log), encoding="utf-8")
    return Smsd(path, log)
