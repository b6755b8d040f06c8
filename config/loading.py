"""Settings files: read, check, and say what is wrong so that a person can put it right.

Agent, hub and `coldwatch check` all come through :func:`load`. A refused file raises
:class:`SettingsError`, which holds every problem at once: file, line, key, what is wrong and
what to write instead.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.positions import Location, key_lines, line_of

Model = TypeVar("Model", bound=BaseModel)

# A settings file of a whole county is under 100 kB; a gigabyte is a mistake in the path.
MAX_BYTES = 10_000_000

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a settings file.

    Attributes:
        file: the path as it was given.
        line: from 1; None where the file could not be read at all.
        key: such as ``assets[1].points[2].name``, elements counted from 1; None for the file.
        message: what is wrong.
        remedy: what to write.
    """

    file: str
    line: int | None
    key: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        """Spell it as one line: place, key, what is wrong, what to write."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} {self.message}; {self.remedy}"


class SettingsError(ValueError):
    """A settings file that cannot be used; ``str()`` gives one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, in the order of their lines."""
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file that is valid TOML; whether its keys make sense is not known yet."""

    path: Path
    text: str
    data: dict[str, Any]
    _lines: dict[Location, int] = field(default_factory=dict)

    def problem(self, location: Location, message: str, remedy: str) -> Problem:
        """Return a problem with what stands at ``location``, with its line."""
        if not self._lines:
            self._lines.update(key_lines(self.text))
        line = line_of(self._lines, location)
        return Problem(str(self.path), line, spell(location) or None, message, remedy)


def spell(location: Location) -> str:
    """Spell a location as people read it: ``("assets", 0, "id")`` is ``assets[1].id``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            key = part if part.isprintable() and part else repr(part)
            text += f".{key}" if text else key
    return text


def load(path: str | os.PathLike[str], model: type[Model]) -> Model:
    """Return the settings in a TOML file as ``model``; raise SettingsError where they are none."""
    return validate(read(path), model)


def read(path: str | os.PathLike[str]) -> SettingsFile:
    """Read a file and parse it as TOML; raise SettingsError with the line where that fails."""
    where = Path(path)
    return parse(where, _decode(where, _bytes(where)))


def parse(where: Path, text: str) -> SettingsFile:
    """Parse a text as TOML, ``where`` being its name; raise SettingsError with the line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax_problem(where, text, str(error))]) from None
    except RecursionError:
        raise _refused(where, "tables are nested too deeply", "leave the nesting out") from None
    except ValueError:  # an integer of more digits than Python converts
        raise _refused(where, "a number is too long", "write a shorter number") from None
    return SettingsFile(where, text, data)


def validate(file: SettingsFile, model: type[Model]) -> Model:
    """Return the settings of a file as ``model``; raise SettingsError with every problem."""
    if not file.data:
        raise _refused(
            file.path,
            "the file holds no settings",
            f"it needs at least {_required(model)}",
        )
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        from config.explain import explain

        raise SettingsError(explain(file, model, error)) from None


def _required(model: type[BaseModel]) -> str:
    return ", ".join(name for name, item in model.model_fields.items() if item.is_required())


def _refused(path: Path, message: str, remedy: str) -> SettingsError:
    return SettingsError([Problem(str(path), None, None, message, remedy)])


def _bytes(path: Path) -> bytes:
    """Read a file whole; raise SettingsError where it cannot be read or is no settings file."""
    try:
        with path.open("rb") as source:
            content = source.read(MAX_BYTES + 1)
    except FileNotFoundError:
        remedy = "name a settings file that does"
        raise _refused(path, "this file does not exist", remedy) from None
    except IsADirectoryError:
        raise _refused(path, "this is a folder", "name the settings file in it") from None
    except PermissionError:
        remedy = f"let {_user()} read it (chmod, chown)"
        raise _refused(path, "this file may not be read", remedy) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise _refused(path, f"this file cannot be read ({reason})", "name another file") from None
    if len(content) > MAX_BYTES:
        remedy = "name a settings file"
        raise _refused(path, f"more than {MAX_BYTES // 1_000_000} MB are no settings", remedy)
    return content


def _user() -> str:
    """Return the name of the user we run as, or the number where it has no name."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _decode(path: Path, content: bytes) -> str:
    """Decode UTF-8, with or without the mark that some editors put in front."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        problem = Problem(str(path), line, None, message, "save the file as UTF-8")
        raise SettingsError([problem]) from None


# What tomllib says first -> what to write.
_SYNTAX_REMEDIES = (
    ("Expected '=' after a key", 'write key = value, such as site = "east-gate"'),
    ("Invalid value", 'put text into quotes, such as site = "east-gate"'),
    ("Cannot overwrite a value", "this key is there already: keep one of the two"),
    ("Cannot declare", "this table is there already: join the two, or write [[…]] for a list"),
    ("Cannot mutate immutable namespace", "an inline table { … } is complete: add the key inside"),
    ("Expected newline or end of document", "begin a new line for each key"),
    ("Unescaped '\\'", "write \\\\ for \\, or put the text into single quotes"),
    ("Unterminated string", "close the quotes"),
    ("Illegal character", "close the quotes, or remove the character"),
    ("Unclosed array", "close the list with ]"),
    ("Unclosed inline table", "close the table with }"),
    ("Expected ']' at the end of a table", "write [table]"),
    ("Expected ']]' at the end of an array", "write [[table]]"),
    ("Invalid initial character for a key", "write a key of letters, digits, - and _, or quote it"),
    ("Invalid statement", "write key = value, [table], [[table]] or # comment"),
)


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    """Turn tomllib's message, which ends with the place, into a problem."""
    match = _PLACE.search(message)
    line, column = len(text.splitlines()) or 1, ""
    if match:
        message = message[: match.start()]
        if match[1]:
            line, column = int(match[1]), f" (column {match[2]})"
    remedy = next(
        (text for start, text in _SYNTAX_REMEDIES if message.startswith(start)),
        "write it as TOML (toml.io)",
    )
    return Problem(str(path), line, None, f"not TOML: {message}{column}", remedy)
