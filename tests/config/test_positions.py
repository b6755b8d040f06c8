"""Every key of a TOML text is found on its line, however the text is written."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.positions import Location, key_lines, line_of

KEYS = st.sampled_from(
    ["a", "b", "key-1", "k_2", "with space", 'quo"te', "dotted.name", "温度", ""]
)


class _Writer:
    """Writes data as TOML in a style drawn by hypothesis; each number in it is given only once."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.number = 0
        self.lines: list[str] = []

    def leaf(self) -> int:
        self.number += 1
        return 1000 + self.number

    def key(self, name: str) -> str:
        if name.isascii() and name.replace("-", "").replace("_", "").isalnum():
            return name
        style = self.draw(st.sampled_from(["basic", "literal", "escaped"]))
        if style == "literal":
            return f"'{name}'"
        if style == "escaped":
            return '"' + "".join(f"\\u{ord(char):04x}" for char in name) + '"'
        return '"' + name.replace('"', '\\"') + '"'

    def noise(self) -> None:
        """Blank lines, comments and strings over several lines, to be counted and not read."""
        noise = self.draw(
            st.sampled_from(["", "# [not.a.table] # = 9", "   ", "\t# x = 1", None, None, None])
        )
        if noise is not None:
            self.lines.append(noise)

    def scalar(self) -> str:
        number = self.leaf()
        return self.draw(
            st.sampled_from(
                [
                    f"{number}",
                    f'"{number} # ] }} \\" , ="',
                    f"'{number} [ {{ \\'",
                    f'"""{number}\n[x]\n"" \\""""""',
                    f"'''{number}\na = 1\n'''''",
                    f"{number}.5",
                ]
            )
        )

    def value(self, depth: int, *, inline: bool) -> str:
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "table"])) if depth else ""
        if kind == "array":
            glue = ", " if inline else self.draw(st.sampled_from([", ", ",\n  # c ]\n  ", "\n,\n"]))
            items = [
                self.value(depth - 1, inline=inline) for _ in range(self.draw(st.integers(0, 3)))
            ]
            end = self.draw(st.sampled_from(["", ","])) if items and not inline else ""
            return f"[{glue.join(items)}{end}]"
        if kind == "table":
            names = self.draw(st.lists(KEYS, max_size=3, unique=True))
            pairs = [f"{self.key(name)} = {self.value(depth - 1, inline=True)}" for name in names]
            return "{ " + ", ".join(pairs) + " }"
        return self.scalar()

    def table(self, path: list[str], depth: int) -> None:
        names = self.draw(st.lists(KEYS, max_size=5, unique=True))
        later = []
        for name in names:
            kind = self.draw(st.sampled_from(["value", "value", "dotted", "table", "tables"]))
            self.noise()
            if kind == "dotted":
                key = f"{self.key(name)} . {self.key(self.draw(KEYS))}"
                self.lines.append(f" {key}={self.scalar()}")
            elif kind == "value" or not depth:
                self.lines.append(f"{self.key(name)} = {self.value(2, inline=False)} # end")
            else:
                later.append((name, kind))
        for name, kind in later:
            header = " . ".join(map(self.key, [*path, name]))
            for _ in range(1 if kind == "table" else self.draw(st.integers(1, 3))):
                self.noise()
                self.lines.append(f"[{header}]" if kind == "table" else f"[[ {header} ]]")
                self.table([*path, name], depth - 1)


@st.composite
def documents(draw: Any) -> str:
    """TOML texts of every style that the scanner has to walk through."""
    writer = _Writer(draw)
    writer.table([], 2)
    return "\n".join(writer.lines)


def _numbers(value: Any, location: Location = ()) -> list[tuple[Location, str]]:
    """List the unique number of every leaf with its location."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _numbers(item, (*location, key))]
    if isinstance(value, list):
        return [pair for i, item in enumerate(value) for pair in _numbers(item, (*location, i))]
    return [(location, str(value)[:4])]


@given(documents())
def test_every_leaf_is_found_on_the_line_where_its_text_stands(text: str) -> None:
    """The line of each value is the line on which that value is written."""
    lines = key_lines(text)
    rows = text.split("\n")

    for location, number in _numbers(tomllib.loads(text)):
        assert number in rows[lines[location] - 1], (location, text)


@given(documents())
def test_every_table_and_key_has_a_line(text: str) -> None:
    """No key, table or element that tomllib sees is without a line, and none is invented."""

    def walk(value: Any, location: Location) -> set[Location]:
        found = {location} if location else set()
        if isinstance(value, dict):
            for key, item in value.items():
                found |= walk(item, (*location, key))
        if isinstance(value, list):
            for index, item in enumerate(value):
                found |= walk(item, (*location, index))
        return found

    assert walk(tomllib.loads(text), ()) == set(key_lines(text))


def test_a_missing_place_is_shown_at_what_is_around_it() -> None:
    """A key that is not there gets the line of its table, and of the file's head without one."""
    lines = key_lines("a = 1\n\n[[t]]\nx = 1\n[[t]]\ny = 2\n")

    assert line_of(lines, ("t", 1, "x")) == 5
    assert line_of(lines, ("t", 0, "x", "z")) == 4
    assert line_of(lines, ("nowhere",)) == 1
