"""Whether a hub runs on a state directory, and where it answers: a file that is locked while it does.

The kernel lets go of the lock however the hub ends, so a hub that was killed is never taken for one
that runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

FILE: Final = "hub.running"

# Somebody who just looks holds the lock for some microseconds.
_TRIES: Final = 20
_BETWEEN_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that runs: its process, since when (UTC ms), and where it answers; None for nowhere."""

    pid: int
    since: int
    url: str | None


class Presence:
    """Held by the one hub of a state directory. Raises OSError where that cannot be written."""

    def __init__(self, state_dir: Path, since: int, url: str | None) -> None:
        """Take the lock and leave word."""
        self._file = (state_dir / FILE).open("a+", encoding="utf-8")
        try:
            for tries in range(_TRIES, 0, -1):
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if tries == 1:
                        raise
                    time.sleep(_BETWEEN_S)
            self._file.truncate(0)
            self._file.write(json.dumps({"pid": os.getpid(), "since": since, "url": url}) + "\n")
            self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def running(state_dir: Path) -> Running | None:
    """Return the hub that runs on this state directory; None where none does.

    Raises OSError where the directory may not be looked into.
    """
    try:
        file = (state_dir / FILE).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return None
        text = file.read()
    try:
        return Running(**json.loads(text))
    except (ValueError, TypeError):
        # Locked and not yet written: it is just starting.
        return Running(0, 0, None)
