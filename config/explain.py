"""What pydantic found wrong with a settings file, said so that a person can put it right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from config import spelling
from config.loading import Problem, SettingsFile
from config.positions import Location
from protocol.topics import NAME_PATTERN

_KEY = re.compile(r"`(\w+)`")
_WORD = re.compile(r"[^\s,;:/\"'`()\[\]]+")

# pydantic's kind of error -> what the value has to be.
_TYPES = {
    "string_type": "text in quotes",
    "path_type": "text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def explain(file: SettingsFile, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Return one problem for each error, with its line, its key and what to write."""
    return [
        _Explained(file, model, detail["loc"], detail).problem()
        for detail in error.errors(include_url=False)
    ]


class _Explained:
    """One error on its way to a problem."""

    def __init__(
        self, file: SettingsFile, model: type[BaseModel], location: Location, detail: Any
    ) -> None:
        self.file = file
        self.root = model
        self.location = location
        self.kind: str = detail["type"]
        self.value = detail["input"]
        self.context: dict[str, Any] = detail.get("ctx", {})
        self.fallback: str = detail["msg"]
        self.model, self.field, self.shape = _along(model, location)
        self.name = next((part for part in reversed(location) if isinstance(part, str)), "")

    def problem(self) -> Problem:
        """Return the problem."""
        message, remedy = self._words()
        return self.file.problem(self.location, message, remedy)

    def _words(self) -> tuple[str, str]:
        if self.kind == "missing":
            return "this setting is missing", self._write()
        if self.kind == "extra_forbidden":
            return self._unknown()
        if self.kind == "value_error":
            return self._own_words(str(self.context["error"]))
        if self.kind == "literal_error":
            return self._choice()
        if self.kind == "string_pattern_mismatch":
            return f"{_shown(self.value)} is not possible here", self._described()
        if self.kind in {"too_short", "string_too_short"}:
            return "this must not be empty", self._write()
        if self.kind in {"too_long", "missing_argument", "unexpected_positional_argument"}:
            return f"{_shown(self.value)} has too many elements or too few", self._write()
        if self.kind in _LIMITS:
            key, words = _LIMITS[self.kind]
            limit = spelling.spell_value(self.context[key], self.shape)
            return f"{_shown(self.value)} is out of range", f"write {words} {limit}"
        if self.kind in _TYPES:
            wanted = _TYPES[self.kind]
            return f"{_shown(self.value)} stands where {wanted} belongs", self._write()
        return f"{_shown(self.value)}: {self.fallback}", self._write()

    def _write(self) -> str:
        """Return an example of the setting as a whole."""
        if self.field is None:
            return f"see the settings of {self.model.__name__} in docs/settings"
        return f"write {spelling.example_setting(self.name, self.field)}"

    def _described(self) -> str:
        if self.context["pattern"] == NAME_PATTERN:
            example = next(iter(self.field.examples or ()), None) if self.field else None
            text = example if isinstance(example, str) else "fridge-1"
            return f'write lower-case letters, digits, -, _ and ., such as "{text}"'
        described = self.field.description if self.field else None
        return f"write {described}" if described else self._write()

    def _unknown(self) -> tuple[str, str]:
        """Find what was meant by an unknown key: a like one here, or the same one elsewhere."""
        known = list(_written(self.model))
        near = difflib.get_close_matches(self.name, known, n=1, cutoff=0.6)
        if near:
            return "there is no such setting", f"write {near[0]} if that is meant"
        for place in _places_of(self.root, self.name):
            return "there is no such setting here", f"{self.name} belongs {place}"
        return "there is no such setting", f"remove it, or write one of: {', '.join(known)}"

    def _choice(self) -> tuple[str, str]:
        choices = [item for item in get_args(self.shape.annotation) if isinstance(item, str)]
        near = difflib.get_close_matches(str(self.value), choices, n=1, cutoff=0.65)
        if near:
            remedy = f"write {spelling.toml(near[0])} if that is meant"
        else:
            remedy = "write " + " or ".join(map(spelling.toml, choices))
        return f"{_shown(self.value)} is none of the choices", remedy

    def _own_words(self, text: str) -> tuple[str, str]:
        """Take the words of a validator of ours: "what is wrong; what to write"."""
        message, _, remedy = text.partition("; ")
        if not isinstance(self.value, dict):
            return message, remedy or self._write()
        # It speaks of a whole table: show the line of the key or value that it names.
        self.location = self._named(message)
        return message, remedy or "change one of the two"

    def _named(self, message: str) -> Location:
        for key in _KEY.findall(message):
            if key in self.value:
                return (*self.location, key)
        words = set(_WORD.findall(message))
        named = [
            location
            for location, item in _texts(self.value, self.location)
            if item in words and location[-1] not in {"kind", "quantity", "language"}
        ]
        return named[-1] if named else self.location


def _shown(value: Any) -> str:
    """Spell a value for a message, cut where it is long."""
    text = "no value" if value is None else spelling.toml(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _texts(value: Any, location: Location) -> Iterator[tuple[Location, str]]:
    """Yield every text in a value with its location, in the order of the file."""
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*location, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*location, index))


def _along(
    model: type[BaseModel], location: Location
) -> tuple[type[BaseModel], FieldInfo | None, spelling.Shape]:
    """Follow a location through the models: the innermost model, its field and that field's shape."""
    field: FieldInfo | None = None
    shape = spelling.Shape(model, ())
    for part in location:
        inner = spelling.inner_model(shape) if isinstance(part, str) else None
        if inner is not None:
            model = inner
            field = _written(model).get(str(part))
            shape = spelling.field_shape(field) if field else spelling.Shape(None, ())
        elif isinstance(part, int) and not spelling.is_table_list(shape):
            shape = _element(shape, part)
    return model, field, shape


def _written(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a table by the names that they have in the file."""
    return {spelling.written_name(name, field): field for name, field in model.model_fields.items()}


def _element(shape: spelling.Shape, index: int) -> spelling.Shape:
    """Return the shape of one element of a list or tuple."""
    parts = get_args(shape.annotation)
    if get_origin(shape.annotation) not in {list, tuple} or not parts:
        return spelling.Shape(None, ())
    return spelling.shape_of(parts[min(index, len(parts) - 1)])


def _places_of(model: type[BaseModel], name: str, way: str = "", place: str = "") -> Iterator[str]:
    """Yield every place of a model that has a setting of this name, the outermost first."""
    if name in model.model_fields:
        yield place or "at the top of the file, above the first [table]"
    for key, field in model.model_fields.items():
        shape = spelling.field_shape(field)
        inner = spelling.inner_model(shape)
        if inner is not None:
            path = f"{way}.{key}" if way else key
            header = f"[[{path}]]" if spelling.is_table_list(shape) else f"[{path}]"
            yield from _places_of(inner, name, path, f"below {header}")
