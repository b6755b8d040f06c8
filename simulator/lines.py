"""The world at the other end of GPIO lines: opens doors, cuts the mains, sees the relay.

For a folder as the adapter `folder` uses it (sensors/gpio/folder.py), and for the files of the
kernel's gpio-sim, whose layout that is.
"""

from __future__ import annotations

from pathlib import Path


class Lines:
    """The lines of one chip, seen from outside. Nothing is checked: a test may do anything."""

    def __init__(self, folder: Path, *, kernel: bool = False) -> None:
        """Use ``folder``; ``kernel``: gpio-sim's, which names a line's folder ``sim_gpio<line>``."""
        self._folder = folder
        self._kernel = kernel

    def drive(self, line: int, *, level: bool) -> None:
        """Put an input at a level."""
        path = self._file(line, "pull")
        text = "pull-up\n" if level else "pull-down\n"
        if self._kernel:
            path.write_text(text)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(".pull-driven")
        part.write_text(text)
        part.replace(path)

    def level(self, line: int) -> bool:
        """Return what an output is driven to; False where nobody drives it."""
        path = self._file(line, "value")
        return path.exists() and path.read_text().strip() == "1"

    def driven(self, line: int) -> bool:
        """Return the level that an input is put at; high where nobody drives it."""
        path = self._file(line, "pull")
        return not path.exists() or path.read_text().strip() != "pull-down"

    def _file(self, line: int, name: str) -> Path:
        return self._folder / (f"sim_gpio{line}" if self._kernel else str(line)) / name
