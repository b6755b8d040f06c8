"""The time column: ISO 8601 with and without offset, epoch seconds and milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from alerts.table.refusals import RowError, quoted

Epoch = Literal["auto", "s", "ms"]

# ISO 8601, extended; `/` and `.` in a date that begins with the year, and one-digit fields, are
# what spreadsheets make of it. A date that begins with day or month is refused: 05/06 is two days.
_ISO: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?"
    r"\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+]?\d{1,2})?")
_PLAIN: Final = re.compile(r"\d+(?:\.\d*)?(?:[eE][+]?\d{1,2})?")
# 20200115040554: as an epoch it would lie beyond 2200 in either unit, so it is no epoch.
_COMPACT: Final = re.compile(r"(\d{8})(\d{6})")
# Beyond this a number of seconds would be the year 5138, and one of milliseconds is 1973.
_MILLISECONDS_FROM: Final = 100_000_000_000
# What cannot be a time of day that a logger met: before 1970, or from here on.
YEAR_2200_MS: Final = 7_258_118_400_000
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_HOUR_MS: Final = 3_600_000
# Milliseconds of the year 2200 have 13 digits; a number of 20 is certainly none.
_DIGITS: Final = 20
# Fractions of a second hardly ever come twice; they shall not fill the memory either.
_REMEMBERED: Final = 100_000


class Stamps:
    """Reads the cells of the time column, and remembers hours so that a million rows take a second.

    Attributes:
        hours: UTC milliseconds of the first thirteen characters ("2020-05-05T09").
        rests: milliseconds of what follows them (":21:56+0200"), its offset taken off. A stamp
            that both know is their sum; any other goes to :meth:`read`.
        naive: whether a stamp without an offset was seen, which ``zone`` then decided.
        factor: milliseconds in the unit of epoch numbers; 0 until it is known.
    """

    def __init__(self, zone: tzinfo, epoch: Epoch = "auto") -> None:
        self.zone = zone
        self.hours: dict[str, int] = {}
        self.rests: dict[str, int] = {}
        self.naive = False
        self.factor = {"auto": 0, "s": 1000, "ms": 1}[epoch]
        self._with_offset: bool | None = None

    def choose_epoch(self, sample: Iterable[str]) -> None:
        """Decide by most of a sample of cells whether epoch numbers are seconds or milliseconds.

        One table has one unit. A single odd row (a logger that began at 0) decides nothing.
        """
        if self.factor:
            return
        sizes = [abs(Decimal(text)) for text in sample if _PLAIN.fullmatch(text)]
        if sizes:
            many = sum(size >= _MILLISECONDS_FROM for size in sizes)
            self.factor = 1 if 2 * many > len(sizes) else 1000

    def read(self, text: str, last: int = 0) -> int:
        """Return UTC milliseconds; raise RowError where the cell holds no time.

        ``last`` is the time of the row before: it tells the two passes of an hour apart that
        clocks go through twice.
        """
        text = text.strip().strip('"').strip()
        if not text:
            raise RowError("no-time")
        match = _ISO.fullmatch(text)
        at = self._iso(match, text, last) if match is not None else self._other(text, last)
        if not 0 <= at < YEAR_2200_MS:
            raise RowError("far-time", quoted(text))
        return at

    def _iso(self, match: re.Match[str], text: str, last: int) -> int:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            # 24:00 is the end of the day (ISO 8601-1, 4.3.8.3 of 2004).
            whole = datetime(int(year), int(month), int(day), tzinfo=UTC)
        except ValueError:
            raise RowError("bad-time", quoted(text)) from None
        h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
        ms = (int(fraction.ljust(9, "0")) + 500_000) // 1_000_000 if fraction else 0
        if m > 59 or s > 59 or h > 24 or (h == 24 and (m or s or ms)):
            raise RowError("bad-time", quoted(text))
        base = (whole.toordinal() - _EPOCH_DAY) * 24 * _HOUR_MS + h * _HOUR_MS
        rest = (m * 60 + s) * 1000 + ms
        if zone is None:
            self.naive = True
            at = self._local(base + rest, last)
            self._remember(text, base, rest, with_offset=False)
            return at
        offset = _offset_ms(zone)
        if offset is None:
            raise RowError("bad-time", quoted(text))
        self._remember(text, base, rest - offset, with_offset=True)
        return base + rest - offset

    def _other(self, text: str, last: int) -> int:
        """Read epoch numbers and the basic format (20200115T040554Z)."""
        compact = _COMPACT.fullmatch(text)
        if compact is not None:
            text = f"{compact[1]}T{compact[2]}"
        elif _NUMBER.fullmatch(text):
            number = Decimal(text.replace(",", "."))
            if number.adjusted() > _DIGITS:
                raise RowError("far-time", quoted(text))
            if not self.factor:
                self.factor = 1 if abs(number) >= _MILLISECONDS_FROM else 1000
            return int((number * self.factor).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
        try:
            stamp = datetime.fromisoformat(text)
        except ValueError:
            raise RowError("bad-time", quoted(text)) from None
        wall = stamp.replace(tzinfo=UTC)
        ms = round((wall - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
        offset = stamp.utcoffset()
        if offset is None:
            self.naive = True
            return self._local(ms, last)
        return ms - round(offset / timedelta(milliseconds=1))

    def _local(self, wall: int, last: int) -> int:
        """Return UTC of a wall clock time in the zone; in an hour that comes twice, what fits."""
        early, late = (wall - self._shift(wall, fold) for fold in (0, 1))
        return late if early < last <= late else early

    def _shift(self, wall: int, fold: int) -> int:
        """Return the zone's offset at a wall clock time, milliseconds."""
        naive = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall)
        offset = naive.replace(tzinfo=self.zone, fold=fold).utcoffset()
        return round(offset / timedelta(milliseconds=1)) if offset is not None else 0

    def _remember(self, text: str, base: int, rest: int, *, with_offset: bool) -> None:
        """Keep the two halves of a stamp, where the same halves always mean the same."""
        if text[13:14] != ":" or text[4] != "-" or text[7] != "-" or text[11:13] == "24":
            return
        if self._with_offset is not with_offset:
            # A table has the one or the other; one that changes is read without the shortcut.
            self._with_offset = with_offset
            self.hours.clear()
            self.rests.clear()
        if not with_offset:
            shifts = {
                self._shift(base + part, fold) for part in (0, _HOUR_MS - 1) for fold in (0, 1)
            }
            if len(shifts) > 1:
                return
            base -= shifts.pop()
        if len(self.rests) > _REMEMBERED:
            self.rests.clear()
        # Two days from either end no offset and no minute leaves 1970 to 2200.
        if 48 * _HOUR_MS < base < YEAR_2200_MS - 48 * _HOUR_MS:
            self.hours[text[:13]] = base
            self.rests[text[13:]] = rest


def _offset_ms(text: str) -> int | None:
    if text in {"Z", "z"}:
        return 0
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    h, m = int(hours), int(minutes or 0)
    if h > 23 or m > 59:
        return None
    return (-1 if sign == "-" else 1) * (h * 60 + m) * 60_000
