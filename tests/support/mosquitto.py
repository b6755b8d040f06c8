"""A real mosquitto for tests: started by the test, on loopback, with its own settings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.ports import unused_port, wait_until_it_answers

# Nothing is kept and nothing is limited but the size of one message: what survives, survives
# because of the agent's spool and the hub's marks, and never because of the broker.
SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
message_size_limit 2000000
log_dest file {log}
log_type error
log_type warning
log_type notice
{user}"""


class Mosquitto:
    """One broker process and what is needed to reach it.

    Attributes:
        host: always 127.0.0.1.
        port: stays the same over stop and start, as that of a real broker does.
        log: its log file, for the message of a failing test.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, port: int) -> None:
        """Write the settings into ``folder``; nothing runs before :meth:`start`."""
        self.port = port
        self.folder = folder
        self.log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        """Return the path of mosquitto; Debian keeps it where only root's PATH looks."""
        return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers.

        Another process may take the port between finding it and listening on it. On the first
        start another one is taken then; later ones must be the same, and fail aloud.
        """
        first = self._process is None
        for _ in range(5 if first else 1):
            self._start_once()
            if wait_until_it_answers(self.host, self.port) and self.running:
                return
            self.kill()
            if first:
                self.port = unused_port()
        text = self.log.read_text() if self.log.exists() else "(no log)"
        raise RuntimeError(f"mosquitto did not come up on port {self.port}: {text}")

    def settings(self) -> str:
        """Return its configuration."""
        # As root it would become user mosquitto, who may not write into the test's folder.
        return SETTINGS.format(port=self.port, log=self.log, user="user root\n")

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def _start_once(self) -> None:
        program = self.program()
        if program is None:
            raise RuntimeError("mosquitto is not installed; as root: apt-get install mosquitto")
        settings = self.folder / "mosquitto.conf"
        settings.write_text(self.settings())
        self._process = subprocess.Popen(
            [program, "-c", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, seconds: float = 5.0) -> None:
        """Ask it to end (SIGTERM) and wait; harmless when it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL); harmless when it is not running."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
