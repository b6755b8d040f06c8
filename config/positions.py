"""Where each key stands in a TOML text: its line, for a message that a person can act on.

`tomllib` gives values without places. This scanner walks a text that tomllib has already accepted,
so it may trust the grammar (TOML 1.0) and only keeps count of lines.
"""

from __future__ import annotations

import re

# The way to a value, as pydantic spells it: ("assets", 0, "points", 1, "name").
Location = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
# Between the elements of an array: white space, line ends, comments and the commas themselves.
_BETWEEN = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = (
    # The long ones first; up to two quotes may stand right before the closing three.
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\])*"'),
    re.compile(r"'[^']*'"),
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_SHORT_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[Location, int]:
    """Return the line, from 1, of every table, key and array element of a valid TOML text."""
    return _Scanner(text).run()


def line_of(lines: dict[Location, int], location: Location) -> int:
    """Return the line of ``location`` or of the nearest thing around it; 1 for the whole file."""
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return 1


class _Scanner:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Location, int] = {}
        self.counts: dict[Location, int] = {}
        self._line = 1
        self._counted_to = 0

    def run(self) -> dict[Location, int]:
        table: Location = ()
        while self._skip(_BETWEEN):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Step over what ``pattern`` matches; tell whether any text is left."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return self.at < len(self.text)

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def _mark(self, location: Location) -> None:
        """Note the present line as that of ``location``, unless it has one already."""
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        self.lines.setdefault(location, self._line)

    def _key(self) -> list[str]:
        """Read a key of one or more parts and stop right behind it."""
        parts = [self._key_part()]
        while True:
            self._skip(_BLANK)
            if self.text[self.at] != ".":
                return parts
            self.at += 1
            self._skip(_BLANK)
            parts.append(self._key_part())

    def _key_part(self) -> str:
        for pattern in _STRINGS[2:]:
            if (quoted := self._take(pattern)) is not None:
                return _unescape(quoted[1:-1]) if quoted[0] == '"' else quoted[1:-1]
        return self._take(_BARE_KEY) or ""

    def _header(self) -> Location:
        """Read ``[table]`` or ``[[array of tables]]`` and return where its keys belong."""
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        self._skip(_BLANK)
        location: Location = ()
        for part in self._key():
            # In [[a.b]] under [[a]], `a` means the newest element of a.
            if location in self.counts:
                location += (self.counts[location] - 1,)
            location += (part,)
            self._mark(location)
        if many:
            self.counts[location] = self.counts.get(location, 0) + 1
        if location in self.counts:
            location += (self.counts[location] - 1,)
            self._mark(location)
        self.at += 2 if many else 1
        return location

    def _pair(self, table: Location) -> None:
        location = table
        for part in self._key():
            location += (part,)
            self._mark(location)
        self.at += 1  # the equals sign; _key has stepped over the blanks before it
        self._skip(_BLANK)
        self._value(location)

    def _value(self, location: Location) -> None:
        first = self.text[self.at]
        if first in "\"'":
            for pattern in _STRINGS:
                if self._take(pattern) is not None:
                    return
        elif first == "[":
            self.at += 1
            index = 0
            while self._skip(_BETWEEN) and self.text[self.at] != "]":
                self._mark((*location, index))
                self._value((*location, index))
                index += 1
            self.at += 1
        elif first == "{":
            self.at += 1
            while self._skip(_BETWEEN) and self.text[self.at] != "}":
                self._pair(location)
            self.at += 1
        else:
            self._take(_SCALAR)


def _unescape(text: str) -> str:
    """Resolve the escapes of a basic string."""

    def one(match: re.Match[str]) -> str:
        if code := match[1] or match[2]:
            return chr(int(code, 16))
        return _SHORT_ESCAPES.get(match[3], match[3])

    return _ESCAPE.sub(one, text)
