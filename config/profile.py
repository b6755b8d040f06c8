"""Profiles: named sets of rules, each figure with its source (config/profiles/*.toml).

A profile is part of the program and not of a site's settings: its figures come from law and
standards, and a site chooses a profile rather than edits one.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from config.base import Name, Section, Text
from config.units import DurationMs, Thousandths, duration_ms

_FOLDER = Path(__file__).parent / "profiles"

# How far a figure can be relied on: read in a primary source, in a secondary one, remembered and
# therefore to be confirmed, or judged by ourselves.
Mark = Literal["S", "S2", "M", "own"]


class ProfileSource(Text):
    """Where a rule's figures come from, in both languages."""

    mark: Annotated[
        Mark,
        Field(
            description="S: primary source; S2: secondary; M: from memory, a value to confirm "
            "against the original; own: our judgement"
        ),
    ]

    @model_validator(mode="after")
    def _remembered_values_say_so(self) -> Self:
        if self.mark == "M" and ("to confirm" not in self.en or "待核对" not in self.zh):
            raise ValueError(
                'a figure from memory (mark "M") says "value to confirm" in English and "待核对" in Chinese'
            )
        return self


class ProfileRule(Section):
    """One rule of a profile, limits as decimals and times with their units."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name
    quantity: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    kind: Literal[
        "consecutive", "cumulative", "instant", "silence", "disagreement", "rate", "stuck"
    ]
    above: Thousandths | None = None
    below: Thousandths | None = None
    at_or_above: Thousandths | None = None
    at_or_below: Thousandths | None = None
    apart: Annotated[
        Thousandths | None,
        Field(description="X of a disagreement between any two points that decide"),
    ] = None
    for_ms: Annotated[
        int, BeforeValidator(duration_ms, json_schema_input_type=str), Field(alias="for", ge=0)
    ] = 0
    within: DurationMs | None = None
    holds: bool
    tells: bool
    ours: Annotated[
        bool, Field(description="the rule is ours and is never reported as that of a standard")
    ] = False
    title: Text
    source: ProfileSource

    @property
    def window(self) -> int | None:
        """W of a cumulative rule, milliseconds."""
        return self.within

    @model_validator(mode="after")
    def _own_rules_say_so(self) -> Self:
        if self.source.mark == "own" and not self.ours:
            raise ValueError(
                f'rule {self.name}: its source is our own judgement; write "ours = true"'
            )
        return self


class ProfileModel(Section):
    """A profile file."""

    title: Text
    beside: Annotated[
        bool, Field(description="it comes beside another profile and says nothing of storage")
    ] = False
    storage: Annotated[
        tuple[Thousandths, Thousandths] | None,
        Field(description="the storage range that exposure uses, both ends inside, degC"),
    ] = None
    rules: Annotated[list[ProfileRule], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_differ_and_range_is_one(self) -> Self:
        if (self.storage is None) != self.beside:
            raise ValueError("a profile has `storage`, and one beside others has none")
        if self.storage is not None and self.storage[0] >= self.storage[1]:
            raise ValueError("`storage` must be [lower, upper]")
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"rule {name} is given twice")
        return self


# In force on every asset, whatever its profiles.
ALWAYS: Final = "equipment"


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that may watch an asset alone, in order."""
    return tuple(name for name in _all_names() if not load_profile(name).beside)


@cache
def beside_names() -> tuple[str, ...]:
    """Return the names of those that an asset may have beside one of :func:`profile_names`."""
    return tuple(name for name in _all_names() if load_profile(name).beside and name != ALWAYS)


@cache
def _all_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def load_profile(name: str) -> ProfileModel:
    """Return the profile ``name``; raise ValueError naming those there are when it is none of them."""
    if name not in _all_names():
        raise ValueError(f"there is no profile {name!r}; there are {', '.join(profile_names())}")
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return ProfileModel.model_validate(tomllib.load(file))
