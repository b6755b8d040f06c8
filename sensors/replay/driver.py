"""Plays back a recording, each row once, with its own time and exact value.

It is a RecordedProbe (sensors/contract.py): the rows are handed out as they fall due, and nothing
is made up between them, so a hole in the recording stays a hole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors.contract import NoDataError, ProbeFaultError, Range, Sample, Spec
from sensors.replay.table import Layout, Table, read_table

if TYPE_CHECKING:
    from config.clock import Clock

_ANY: Final = Range(low=-1_000_000_000, high=1_000_000_000, step=1)

SPEC: Final = Spec(
    kind="replay",
    # What recorded it is not known, so nothing is out of its range and nothing suspect by
    # itself; the `checks` table of the settings may say more.
    ranges={
        "temperature": Range(low=-273_150, high=2_000_000, step=1),
        "humidity": Range(low=0, high=100_000, step=1),
        "open": Range(low=0, high=1_000, step=1_000),
        "present": Range(low=0, high=1_000, step=1_000),
        "occupied": Range(low=0, high=1_000, step=1_000),
        "on": Range(low=0, high=1_000, step=1_000),
        "voltage": _ANY,
        "current": _ANY,
        "charge": Range(low=0, high=100_000, step=1),
        "intensity": _ANY,
    },
    least_spacing_ms=0,
    may_decide=True,
    source="the recording: nothing is known of its probe",
)

# One piece of a long recording: its commit stays well under a second on an SD card.
AT_MOST: Final = 5_000


class Replay:
    """One column of a recorded table."""

    __slots__ = (
        "_begun_mono_ms",
        "_begun_ms",
        "_clock",
        "_given",
        "_hole_ms",
        "_settings",
        "_table",
        "_times",
    )

    def __init__(self, settings: Mapping[str, Any], clock: Clock) -> None:
        """Play the recording of checked settings; the table is read at the first question."""
        self._settings = settings
        self._clock = clock
        self._table: Table | None = None
        self._times: list[int] = []
        self._given = 0
        self._begun_ms = 0
        self._begun_mono_ms = 0
        self._hole_ms = 0

    def read(self) -> Sample:
        """Return the newest row that has fallen due; raise NoDataError in a hole."""
        table = self._loaded()
        now = self._recorded_now(self._clock.now_ms())
        last = self._due(now) - 1
        if last < 0:
            raise NoDataError("the recording has not begun")
        at, value = table.rows[last]
        if now is not None and now - at > self._hole_ms:
            raise NoDataError(f"the recording has no row for {(now - at) // 1000} s")
        return Sample(value)

    def drain(self, now_ms: int) -> list[tuple[int, Sample]]:
        """Return the rows that fell due since the last call, at most AT_MOST of them."""
        table = self._loaded()
        end = min(self._due(self._recorded_now(now_ms)), self._given + AT_MOST)
        moved = self._moved_ms()
        rows = [(at + moved, Sample(value)) for at, value in table.rows[self._given : end]]
        self._given = max(self._given, end)
        return rows

    def mono_ms(self, at_ms: int) -> int:
        """Return the monotonic time of a row that was given with this time."""
        self._loaded()
        first = self._times[0] if self._times else 0
        return self._begun_mono_ms + at_ms - self._moved_ms() - first

    @property
    def finished(self) -> bool:
        """Whether the last row has been given."""
        return self._table is not None and self._given >= len(self._table.rows)

    @property
    def refused(self) -> list[tuple[int, str]]:
        """The lines of the table that gave no row, each with the reason."""
        return self._loaded().refused

    def close(self) -> None:
        """Nothing is open."""

    def _loaded(self) -> Table:
        """Read the table when it is first needed; the replay begins then."""
        if self._table is not None:
            return self._table
        of = self._settings
        epoch = of["epoch"]
        layout = Layout(
            of["time_column"],
            of["value_column"],
            of["time_unit"],
            of["zone"],
            0 if epoch is None else round(datetime.fromisoformat(epoch).timestamp() * 1000),
            of["unit"] == "milli",
        )
        try:
            table = read_table(Path(of["path"]), layout)
        except OSError as error:
            raise ProbeFaultError(
                f"{of['path']}: {error.strerror}; write a table's path"
            ) from error
        except ValueError as error:
            raise ProbeFaultError(str(error)) from None
        if not table.rows:
            why = f": line {table.refused[0][0]} {table.refused[0][1]}" if table.refused else ""
            raise ProbeFaultError(f"{of['path']} has no row that can be read{why}")
        self._times = [at for at, _value in table.rows]
        self._hole_ms = of["hole"] if of["hole"] is not None else 3 * table.spacing_ms
        self._begun_ms = self._clock.now_ms()
        self._begun_mono_ms = self._clock.mono_ms()
        self._table = table
        return table

    def _recorded_now(self, now_ms: int) -> int | None:
        """Return where in the recording's own time we are; None: everything is due."""
        pace = self._settings["pace"]
        if pace == "as-fast-as-possible":
            return None
        speed = 1 if pace == "own" else pace
        return self._times[0] + int((now_ms - self._begun_ms) * speed)

    def _due(self, recorded_now: int | None) -> int:
        """Return how many rows have fallen due."""
        return len(self._times) if recorded_now is None else bisect_right(self._times, recorded_now)

    def _moved_ms(self) -> int:
        """Return what is added to the recording's times: only its own pace is moved to now."""
        return self._begun_ms - self._times[0] if self._settings["pace"] == "own" else 0


def open_probe(settings: Mapping[str, Any], clock: Clock) -> Replay:
    """Make a probe from checked settings."""
    return Replay(settings, clock)
