"""`coldwatch history export`: to a file, whole or not at all; or as CSV to standard output."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, get_args

from history.export import Export, Format, exported, readings_of
from history.port import History, StreamReading

# A person who waits longer than this wants to see that something moves.
_QUIET_S: Final = 2.0
_EVERY: Final = 20_000


class SavingError(Exception):
    """The file cannot be written; the text says why and what to do."""


def format_of(given: str | None, output: Path | None) -> Format:
    """Return the format that is asked for, or that of the file's name; CSV for standard output."""
    names: tuple[Format, ...] = get_args(Format)
    wanted = given or ("csv" if output is None else output.suffix.lower().removeprefix("."))
    for name in names:
        if wanted == name:
            if output is None and name != "csv":
                raise SavingError(f"--format {name} needs a file: add -o readings.{name}")
            return name
    raise SavingError(f"-o {output}: no format by that name; add --format {', '.join(names)}")


def span(history: History, site: str, series: Sequence[str]) -> tuple[int, int]:
    """Return the times of the first and the last reading of series that have some."""
    newest = history.latest(site)
    last = max(newest[site, name].reading.at for name in series)
    firsts = [next(history.readings(site, name, 0, last + 1)).reading.at for name in series]
    return min(firsts), last


class Counter:
    """Counts readings on their way, and shows how far it is where a person watches."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.readings = 0
        self._shown = False

    def through(self, readings: Iterator[StreamReading], export: Export) -> Iterator[StreamReading]:
        """Yield what comes, counted."""
        begun = time.monotonic()
        watched = sys.stderr.isatty()
        for item in readings:
            self.readings += 1
            if watched and not self.readings % _EVERY and time.monotonic() - begun > _QUIET_S:
                self._show(item, export)
            yield item
        if self._shown:
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)

    def _show(self, item: StreamReading, export: Export) -> None:
        self._shown = True
        done = export.series.index(item.reading.series)
        done_of_this = (item.reading.at - export.start) / (export.end - export.start)
        percent = int((done + done_of_this) / len(export.series) * 100)
        print(f"\r{percent:3d} %  {self.readings:,}", end="", file=sys.stderr, flush=True)


def save(history: History, export: Export, format_: Format, output: Path, *, force: bool) -> int:
    """Write a file and return how many readings it has; an export that ends early leaves none.

    Raises:
        SavingError: there is such a file already, or it cannot be written.
    """
    if output.exists() and not force:
        raise SavingError(f"{output}: there is such a file; --force replaces it")
    counter = Counter()
    readings = counter.through(readings_of(history, export), export)
    try:
        number, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise SavingError(f"{output}: {error.strerror or error}") from None
    unfinished = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            for block in exported(readings, export, format_, output.parent):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(output)
    except OSError as error:
        raise SavingError(f"{output}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return counter.readings


def pour(history: History, export: Export) -> int:
    """Write CSV to standard output and return how many readings it had."""
    counter = Counter()
    readings = counter.through(readings_of(history, export), export)
    for block in exported(readings, export, "csv"):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    return counter.readings


def _umask() -> int:
    """Return what new files may not allow; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
