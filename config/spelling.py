"""Values as they are written in a settings file: the way back from the models to TOML.

Used for the samples in docs/settings and for the examples in the messages about mistakes.
"""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.units import DURATION_UNITS, DurationMs, Thousandths, TimeOfDay
from protocol.reading import decimal

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Shape(NamedTuple):
    """What a field takes: its type without `Annotated` and `None`, and what else is known of it."""

    annotation: Any
    metadata: tuple[Any, ...]

    @property
    def is_duration(self) -> bool:
        """Whether it is written as ``"10s"`` and kept as milliseconds."""
        return _is(self, DurationMs)

    @property
    def is_time_of_day(self) -> bool:
        """Whether it is written as ``"20:00"`` and kept as minutes."""
        return _is(self, TimeOfDay)

    @property
    def is_decimal(self) -> bool:
        """Whether it is written as ``8.0`` and kept as thousandths."""
        return _is(self, Thousandths)


def _is(shape: Shape, kind: Any) -> bool:
    return kind.__metadata__[0] in shape.metadata


def shape_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> Shape:
    """Return the shape behind an annotation: ``Annotated[X, m] | None`` is X with m."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return shape_of(inner, (*more, *metadata))
    if origin in {Union, types.UnionType}:
        real = [item for item in get_args(annotation) if item is not type(None)]
        if len(real) == 1:
            return shape_of(real[0], metadata)
    return Shape(annotation, metadata)


def field_shape(field: FieldInfo) -> Shape:
    """Return the shape of a model's field."""
    return shape_of(field.annotation, tuple(field.metadata))


def duration_text(ms: int) -> str:
    """Return a duration with the largest unit that spells it without a fraction: ``"90min"``."""
    if ms == 0:
        return "0s"
    unit, size = max(
        ((unit, size) for unit, size in DURATION_UNITS.items() if ms % size == 0),
        key=lambda item: item[1],
    )
    return f"{ms // size}{unit}"


def written_name(name: str, field: FieldInfo) -> str:
    """Return a field's name in the file: `from` is a word of Python's, and yet a good name."""
    return field.alias or name


def toml_key(key: str) -> str:
    """Spell a key in TOML: bare where that is allowed, else quoted."""
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def toml(value: Any) -> str:
    """Spell a plain value in TOML, tables inline."""
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, BaseModel):
        return toml(value.model_dump())
    if value == {}:
        return "{}"
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{toml_key(key)} = {toml(item)}" for key, item in value.items())
            + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


def spell_value(value: Any, shape: Shape) -> str:
    """Spell a checked value as it is written in the file: durations and decimals as text."""
    if shape.is_duration:
        return toml(duration_text(value))
    if shape.is_time_of_day:
        return toml(f"{value // 60:02d}:{value % 60:02d}")
    if shape.is_decimal:
        return decimal(value)
    parts = get_args(shape.annotation)
    if isinstance(value, tuple) and len(parts) == len(value):
        items = (spell_value(item, shape_of(part)) for item, part in zip(value, parts, strict=True))
        return "[" + ", ".join(items) + "]"
    return toml(value)


def example_value(field: FieldInfo) -> str:
    """Return a value that the field would take, as it is written in the file."""
    if field.examples:
        return toml(field.examples[0])
    shape = field_shape(field)
    if not field.is_required() and field.default is not None:
        return spell_value(field.default, shape)
    return _example_of(shape)


def _example_of(shape: Shape) -> str:
    kind = shape.annotation
    if shape.is_duration:
        return '"10s"'
    if shape.is_time_of_day:
        return '"08:00"'
    if shape.is_decimal:
        return "8.0"
    if get_origin(kind) is Literal:
        return toml(get_args(kind)[0])
    if get_origin(kind) in {list, tuple}:
        return f"[{_example_of(shape_of(get_args(kind)[0]))}]"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        parts = [
            f"{written_name(key, item)} = {example_value(item)}"
            for key, item in fields
            if item.is_required()
        ]
        return "{ " + ", ".join(parts) + " }"
    examples: dict[Any, str] = {bool: "true", int: "1", float: "1.0", Path: '"/var/lib/coldwatch"'}
    return examples.get(kind, '"text"')


def is_table(shape: Shape) -> bool:
    """Whether the field is a table of settings: ``[name]``."""
    return isinstance(shape.annotation, type) and issubclass(shape.annotation, BaseModel)


def is_table_list(shape: Shape) -> bool:
    """Whether the field is a list of tables of settings: ``[[name]]``."""
    parts = get_args(shape.annotation)
    return get_origin(shape.annotation) is list and is_table(shape_of(parts[0]))


def inner_model(shape: Shape) -> type[BaseModel] | None:
    """Return the model of a table or of a list of tables."""
    if is_table(shape):
        model: type[BaseModel] = shape.annotation
        return model
    if is_table_list(shape):
        return inner_model(shape_of(get_args(shape.annotation)[0]))
    return None


def example_setting(name: str, field: FieldInfo) -> str:
    """Return what to write for a setting: ``every = "10s"``, ``[mqtt]`` or ``[[assets]]``."""
    shape = field_shape(field)
    if is_table_list(shape) and not field.examples:
        return f"[[{name}]]"
    if is_table(shape) and not field.examples:
        return f"[{name}]"
    return f"{name} = {example_value(field)}"
