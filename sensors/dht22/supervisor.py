"""Keeps the child process: starts it, asks it, kills it when it hangs, and starts it again."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sensors.contract import ProbeFaultError, ProbeTransientError

# Real seconds: hardware does not run faster with a demo's clock.
# Spacing and measurement take 3 s at most.
ANSWER_S = 6.0
# Importing Blinka takes ten seconds on a Pi Zero with a cold card; one read waits no longer than
# ANSWER_S for it, so that nothing counts as hung meanwhile.
START_S = 60.0
# Waiting before a process that did no good is started again; doubled each time, up to this.
LEAST_REST_S = 1.0
MOST_REST_S = 60.0
_LONGEST_LINE: Final = 4_096
_HOUSE: Final = Path(__file__).resolve().parents[2]


class Child:
    """One child process at a time. Not thread-safe, but for ``close``."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Run the Python interpreter with these arguments; nothing is started yet."""
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._heard = b""
        self._begun_s = 0.0
        self._rest_s = LEAST_REST_S
        self._not_before_s = 0.0
        self._why: ProbeFaultError | ProbeTransientError | None = None
        self._closed = False
        self._ending = threading.Lock()

    def ask(self) -> bytes:
        """Return the frame of a new measurement; blocks for ANSWER_S at most.

        Raises ProbeTransientError, and ProbeFaultError where a person must do something. Texts do
        not change from one read to the next while the cause is the same.
        """
        until = time.monotonic() + ANSWER_S
        process = self._alive()
        try:
            if not self._ready:
                self._wait_until_ready(until)
            assert process.stdin is not None
            process.stdin.write(b"\n")
            said = self._line(until)
        except (TimeoutError, EOFError, OSError, ValueError) as error:
            raise self._lose(error) from error
        if "fault" in said:
            self._end()
            raise self._because(ProbeFaultError(str(said["fault"])))
        self._rest_s = LEAST_REST_S
        self._why = None
        if "transient" in said:
            raise ProbeTransientError(str(said["transient"]))
        try:
            return bytes.fromhex(said["frame"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._lose(error) from error

    def close(self) -> None:
        """End the process; any thread may call it, more than once."""
        self._closed = True
        self._end()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._process is None else self._process.pid

    def _alive(self) -> subprocess.Popen[bytes]:
        """Return the process; start one where there is none and it is time."""
        if self._process is not None:
            return self._process
        if self._why is not None and time.monotonic() < self._not_before_s:
            raise type(self._why)(str(self._why))
        with self._ending:
            if self._closed:
                raise ProbeTransientError("the probe is closed")
            # Our own modules, and none from the folder that we happen to stand in (-P).
            paths = [str(_HOUSE), *filter(None, sys.path)]
            self._process = subprocess.Popen(
                [sys.executable, "-P", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            )
        self._ready = False
        self._heard = b""
        self._begun_s = time.monotonic()
        return self._process

    def _wait_until_ready(self, until: float) -> None:
        try:
            said = self._line(until)
        except TimeoutError:
            if time.monotonic() - self._begun_s >= START_S:
                raise
            # Until it has done some good, why the last one is gone is the better news.
            why = self._why or ProbeTransientError("its process is still starting")
            raise type(why)(str(why)) from None
        if "fault" in said:
            self._end()
            raise self._because(ProbeFaultError(str(said["fault"])))
        if "ready" not in said:
            raise ValueError(said)
        self._ready = True

    def _line(self, until: float) -> dict[str, Any]:
        """Return the next line as JSON; raise TimeoutError, EOFError, OSError or ValueError."""
        process = self._process
        if process is None or process.stdout is None:
            raise EOFError
        pipe = process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while b"\n" not in self._heard:
            if len(self._heard) > _LONGEST_LINE:
                raise ValueError("a line without end")
            left_ms = max(0.0, until - time.monotonic()) * 1000
            if not poll.poll(left_ms):
                raise TimeoutError
            more = os.read(pipe, _LONGEST_LINE)
            if not more:
                raise EOFError
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError(said)
        return said

    def _lose(self, error: Exception) -> ProbeFaultError | ProbeTransientError:
        """Kill the process and say why."""
        self._end()
        if isinstance(error, TimeoutError):
            what = "hung and was killed"
        elif isinstance(error, (EOFError, OSError)):
            what = "ended"
        else:
            what = "said nonsense and was killed"
        return self._because(ProbeTransientError(f"its process {what}; another one is started"))

    def _because(
        self, why: ProbeFaultError | ProbeTransientError
    ) -> ProbeFaultError | ProbeTransientError:
        """Note why the process is gone and how long to rest; longer each time."""
        self._why = why
        self._not_before_s = time.monotonic() + self._rest_s
        self._rest_s = min(2 * self._rest_s, MOST_REST_S)
        return why

    def _end(self) -> None:
        with self._ending:
            process, self._process = self._process, None
        if process is None:
            return
        # SIGTERM would do nothing where Blinka has replaced the handler; the kernel takes the line.
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
