"""What the settings of all drivers share: the `checks` table, and errors as one clear line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from config.base import Section
from config.units import DurationMs, Thousandths

Off = Literal["off"]


class Checks(Section):
    """What is called suspect, and still judged; a key not given keeps the driver's default."""

    plausible: Annotated[
        tuple[Thousandths, Thousandths] | Off | None,
        Field(description="lowest and highest value this asset can have, both inside, or `off`"),
    ] = None
    stuck_after: Annotated[
        Annotated[DurationMs, Field(gt=0)] | Off | None,
        Field(description="exactly one value for longer than this is `stuck`, or `off`"),
    ] = None
    too_fast_per_min: Annotated[
        Annotated[Thousandths, Field(gt=0)] | Off | None,
        Field(description="a change of more than this per minute is `too-fast`, or `off`"),
    ] = None

    @model_validator(mode="after")
    def _band_in_order(self) -> Self:
        if isinstance(self.plausible, tuple) and self.plausible[0] >= self.plausible[1]:
            raise ValueError("`plausible` must be [lowest, highest]")
        return self


class DriverSettings(Section):
    """The driver table of a point; each driver adds its own keys."""

    kind: str
    checks: Checks = Checks()


def plain(model: type[BaseModel], table: Mapping[str, Any]) -> dict[str, Any]:
    """Check a driver table and return it as plain JSON values; raise ValueError in one line."""
    try:
        return model.model_validate(dict(table)).model_dump(mode="json")
    except ValidationError as error:
        # A union names each of its branches; the first complaint about a key is the useful one.
        complaints: dict[str, str] = {}
        for item in error.errors(include_url=False):
            path = [str(part) for part in item["loc"]]
            inner = len(path) > 1 and path[0] == "checks"
            where = ".".join(path[: 2 if inner else 1]) or "table"
            known = ", ".join(
                name for name in (Checks if inner else model).model_fields if name != "kind"
            )
            complaints.setdefault(where, _what(item["type"], item["msg"], known))
        text = "; ".join(f"{where} {what}" for where, what in complaints.items())
        raise ValueError(f"driver {table.get('kind')}: {text}") from None


def _what(kind: str, message: str, known: str) -> str:
    """Say a pydantic error as a person would."""
    if kind == "extra_forbidden":
        return f"is not a setting here; the settings are {known}"
    if kind == "missing":
        return "is missing"
    return message.removeprefix("Value error, ")
