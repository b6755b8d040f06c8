"""The value column: decimals of any spelling become integer thousandths of a degree Celsius."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from alerts.table.refusals import RowError, quoted

Unit = Literal["degC", "degF", "mdegC"]

# A minus may be the typographic one (U+2212); a decimal comma is as good as a point, because the
# cell is already cut out and no temperature has thousands to group.
_NUMBER: Final = re.compile(
    r"([+-]?(?:\d+(?:\.\d*|,\d+)?|[.,]\d+)(?:[eE][+-]?\d{1,4})?)\s*(\D{1,3})?"
)
_MARKS: Final = {"C": "degC", "°C": "degC", "℃": "degC", "F": "degF", "°F": "degF", "℉": "degF"}
# Nothing is colder; and no thermometer that watches vaccine shows more than 1000 degC.
_COLDEST: Final = -273_150
_HOTTEST: Final = 1_000_000


class Values:
    """Reads the cells of the value column.

    Thousandths come from the decimal text itself, never from a binary fraction: 8.0005 is rounded
    half to even (8.000), and ``rounded`` then says that the table is finer than we judge.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.rounded = False

    def read(self, text: str) -> int:
        """Return thousandths of degC; raise RowError where the cell holds none."""
        text = text.strip().strip('"').strip()
        if not text:
            raise RowError("blank")
        match = _NUMBER.fullmatch(text.replace("\u2212", "-"))
        if match is None or (match[2] is not None and match[2].strip() not in _MARKS):
            raise RowError("not-a-number", quoted(text))
        if match[2] is not None and _MARKS[match[2].strip()] != self.unit:
            raise RowError("other-unit", quoted(text))
        number = Decimal(match[1].replace(",", "."))
        if number.adjusted() > 9:
            raise RowError("no-temperature", quoted(text))
        value = self._thousandths(number)
        if not _COLDEST <= value <= _HOTTEST:
            raise RowError("no-temperature", quoted(text))
        return value

    def _thousandths(self, number: Decimal) -> int:
        if self.unit == "mdegC":
            exact = number
        elif self.unit == "degC":
            exact = number.scaleb(3)
        else:
            exact = (number - 32) * 5000 / 9
        value = exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        # Fahrenheit hardly ever is a whole number of thousandths: nothing to remark.
        if value != exact and self.unit != "degF":
            self.rounded = True
        return int(value)
