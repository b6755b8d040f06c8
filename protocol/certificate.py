"""A probe's calibration certificate as a settings record carries it, and whether it still stands.

GSP annex 3 asks for a calibration of each point once a year at least. A certificate is good up to
and including its due day, where its site is; from thirty days before people see it coming.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Standing = Literal["valid", "soon", "overdue"]

SOON_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says.

    Attributes:
        number: as printed on it.
        date: the day of the calibration.
        due: the last day on which it is good.
        points: (reading, correction) in thousandths by rising reading; correction (修正值) =
            reference - reading, so the recorded value is reading + correction.
    """

    number: str
    date: dt.date
    due: dt.date
    points: tuple[tuple[int, int], ...]

    def standing(self, today: dt.date) -> Standing:
        """Say how it is on a day."""
        left = self.left_days(today)
        return "overdue" if left < 0 else "soon" if left <= SOON_DAYS else "valid"

    def left_days(self, today: dt.date) -> int:
        """Return the days to the due day: 0 on it, below 0 once it is overdue."""
        return (self.due - today).days

    def body(self) -> dict[str, Any]:
        """Return its spelling in a settings record."""
        return {
            "certificate": self.number,
            "date": self.date.isoformat(),
            "due": self.due.isoformat(),
            "points": [list(point) for point in self.points],
        }


def certificate_from_body(body: Mapping[str, Any]) -> Certificate:
    """Read the validated body; raises ValueError for a day that is in no calendar."""
    return Certificate(
        body["certificate"],
        dt.date.fromisoformat(body["date"]),
        dt.date.fromisoformat(body["due"]),
        tuple((reading, correction) for reading, correction in body["points"]),
    )


def day_of(at_ms: int, zone: dt.tzinfo | None) -> dt.date:
    """Return the day of an instant in a zone; None is the machine's own."""
    return dt.datetime.fromtimestamp(at_ms / 1000, zone).date()
