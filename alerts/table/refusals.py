"""Why a row of a table is set aside, in both languages."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Language = Literal["zh", "en"]

_WHY: Final[dict[str, tuple[str, str]]] = {
    "short-row": ("缺少列：该行只有 {} 列", "the row has only {} cells"),
    "no-time": ("时间为空", "the time is blank"),
    "bad-time": (
        "时间 {} 不是 ISO 8601，也不是 Unix 时间",
        "the time {} is neither ISO 8601 nor epoch seconds or milliseconds",
    ),
    "far-time": ("时间 {} 不在 1970 至 2200 年之间", "the time {} is not between 1970 and 2200"),
    "blank": ("数值为空", "the value is blank"),
    "not-a-number": ("数值 {} 不是数字", "the value {} is not a number"),
    "other-unit": (
        "数值 {} 的单位与 --unit 不符",
        "the value {} bears another unit than --unit says",
    ),
    "no-temperature": (
        "数值 {} 不可能是温度（-273.15～1000℃ 之外）",
        "the value {} is no temperature: outside -273.15 to 1000 degC",
    ),
}
# What a report quotes of a cell: enough to find it, not a whole binary file.
_QUOTED: Final = 40


class RowError(ValueError):
    """A row cannot be read; ``code`` says why and ``shown`` what stood there."""

    def __init__(self, code: str, shown: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.shown = shown


class Refusal(NamedTuple):
    """A row that was set aside: its line number from 1, the reason's code, what stood there."""

    line: int
    code: str
    shown: str

    def why(self, language: Language) -> str:
        """Return the reason as a person reads it."""
        zh, en = _WHY[self.code]
        return (zh if language == "zh" else en).format(self.shown)


def quoted(text: str) -> str:
    """Return a cell for a report: in quotes, control characters spelled out, not endlessly long."""
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")
