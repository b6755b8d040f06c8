"""A folder of files in place of lines, for trials and tests. No hardware.

The layout is that of the kernel's gpio-sim, a folder for each line:

    <folder>/17/pull     what the world outside does to the line: `pull-up` or `pull-down`
    <folder>/17/value    the level that we drive an output to: `1` or `0`

simulator/lines.py plays the world outside. A `pull` that is already there when an input is claimed
stays: it is a switch that somebody has set. Where there is none, the claim's own pull makes it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from sensors.gpio.port import GpioError, Pull

_LEVELS: Final = {"pull-up": True, "pull-down": False}


class FolderPort:
    """Lines that are files."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``; it is made with the first line that is claimed."""
        self._folder = folder
        self._lock = threading.Lock()
        self._inputs: set[int] = set()
        self._outputs: dict[int, bool] = {}

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """See GpioPort."""
        with self._lock:
            self._outputs.pop(line, None)
            if not self._file(line, "pull").exists():
                self._put(line, "pull", "pull-up" if pull == "up" else "pull-down")
            self._inputs.add(line)

    def claim_output(self, line: int, *, level: bool) -> None:
        """See GpioPort."""
        with self._lock:
            self._put(line, "value", str(int(level)))
            self._inputs.discard(line)
            self._outputs[line] = level

    def read(self, line: int) -> bool:
        """See GpioPort."""
        with self._lock:
            if line in self._outputs:
                return self._get(line, "value") == "1"
            if line not in self._inputs:
                raise GpioError(f"GPIO line {line} was not claimed")
            text = self._get(line, "pull")
        level = _LEVELS.get(text)
        if level is None:
            raise GpioError(
                f"{self._file(line, 'pull')} holds {text[:20]!r}; write pull-up or pull-down"
            )
        return level

    def write(self, line: int, *, level: bool) -> None:
        """See GpioPort."""
        with self._lock:
            if line not in self._outputs:
                raise GpioError(f"GPIO line {line} was not claimed as an output")
            self._put(line, "value", str(int(level)))

    def close(self) -> None:
        """See GpioPort."""
        with self._lock:
            outputs, self._outputs = self._outputs, {}
            self._inputs.clear()
            for line, level in outputs.items():
                self._put(line, "value", str(int(level)))

    def _file(self, line: int, name: str) -> Path:
        return self._folder / str(line) / name

    def _get(self, line: int, name: str) -> str:
        path = self._file(line, name)
        try:
            return path.read_text(errors="replace").strip()
        except OSError as error:
            raise GpioError(f"{path} cannot be read: {error.strerror}") from None

    def _put(self, line: int, name: str, text: str) -> None:
        """Write a file whole: who reads it meanwhile sees the old text or the new one."""
        path = self._file(line, name)
        part = path.with_name(f".{name}-new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(f"{text}\n")
            part.replace(path)
        except OSError as error:
            raise GpioError(f"{path} cannot be written: {error.strerror}") from None
