"""What a site changes in the rules of its profiles: it may tighten them, and loosen one with a reason.

The figures of a profile come from law and standards. A looser one is a decision of the site: its
reason travels with the rule in the settings record, and the hub enters both in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from config.base import Section
from config.loosening import looser
from config.profile import ALWAYS, ProfileRule, beside_names, load_profile, profile_names
from config.units import DurationMs, Thousandths
from protocol.reading import decimal

# Limits that are tighter when they are lower, and those that are when they are higher.
_UPPER: Final = ("above", "at_or_above", "apart")
_LOWER: Final = ("below", "at_or_below")


class RuleChange(Section):
    """One rule of a profile, as this site has it."""

    id: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*$",
            description="profile/name: docs/rules.md has them all",
            examples=["cn-gsp/out-of-range"],
        ),
    ]
    delay: Annotated[
        DurationMs | None, Field(description="D: an excursion when it lasts this long")
    ] = None
    above: Thousandths | None = None
    below: Thousandths | None = None
    at_or_above: Thousandths | None = None
    at_or_below: Thousandths | None = None
    apart: Thousandths | None = None
    reason: Annotated[
        str, Field(max_length=200, description="why it is looser; it stands in the journal")
    ] = ""

    def limits(self) -> dict[str, int]:
        """Return the limits that are changed, by their names."""
        given = {name: getattr(self, name) for name in (*_UPPER, *_LOWER)}
        return {name: value for name, value in given.items() if value is not None}


def refuse_unknown_or_looser(changes: Sequence[RuleChange], profiles: Sequence[str]) -> None:
    """Raise ValueError, "what is wrong; what to write", for a change that cannot be made."""
    ids = [change.id for change in changes]
    for change in changes:
        if ids.count(change.id) > 1:
            raise ValueError(f"rule {change.id} is changed twice; leave one of the two out")
        rules = _rules(change.id, profiles)
        for rule in rules:
            _refuse_what_cannot_be(change, rule)
        looser = next((words for rule in rules if (words := _looser(change, rule))), "")
        if looser and not change.reason.strip():
            raise ValueError(
                f"{change.id} would be looser than its profile: {looser}; "
                'write `reason = "…"`, which the journal keeps, or a tighter figure'
            )


def refuse_wider_storage(storage: tuple[int, int], profiles: Sequence[str], reason: str) -> None:
    """Raise ValueError for a storage range that is none, or without a reason wider than a profile's."""
    if storage[0] >= storage[1]:
        raise ValueError("`storage` is not [lower, upper]; write for example [2.0, 8.0]")
    for name in profiles:
        theirs = load_profile(name).storage if name in profile_names() else None
        if theirs is None or reason.strip():
            continue
        low, high = theirs
        if storage[0] < low or storage[1] > high:
            raise ValueError(
                f"`storage` [{decimal(storage[0])}, {decimal(storage[1])}] is wider than {name} has it, "
                f"[{decimal(low)}, {decimal(high)}]; write a range within, or "
                '`storage_reason = "…"`, which the journal keeps'
            )


def _rules(id_: str, profiles: Sequence[str]) -> list[ProfileRule]:
    profile, _, name = id_.partition("/")
    known = [
        each
        for each in dict.fromkeys([*profiles, ALWAYS])
        if each in (*profile_names(), *beside_names(), ALWAYS)
    ]
    if profile not in known:
        raise ValueError(f"{id_} is no rule of this asset; its profiles are {', '.join(known)}")
    rules = [rule for rule in load_profile(profile).rules if rule.name == name]
    if not rules:
        names = ", ".join(rule.name for rule in load_profile(profile).rules)
        raise ValueError(f"{id_} does not exist; {profile} has {names}")
    return rules


def _refuse_what_cannot_be(change: RuleChange, rule: ProfileRule) -> None:
    given = change.limits()
    for name in given:
        if getattr(rule, name) is None:
            has = [each for each in (*_UPPER, *_LOWER) if getattr(rule, each) is not None]
            raise ValueError(f"{change.id} has no `{name}`; it has {', '.join(has) or 'no limit'}")
    limit = {name: given.get(name, getattr(rule, name)) for name in (*_UPPER, *_LOWER)}
    high = limit["above"] if limit["above"] is not None else limit["at_or_above"]
    low = limit["below"] if limit["below"] is not None else limit["at_or_below"]
    if high is not None and low is not None and low >= high:
        raise ValueError(f"{change.id}: the lower limit is not below the upper one; change one")
    if change.delay is None:
        return
    if rule.kind == "instant" or change.delay == 0:
        raise ValueError(f"{change.id}: `delay` is not possible here; leave it out")
    if rule.within is not None and change.delay > rule.within:
        raise ValueError(f"{change.id}: `delay` is longer than its window; write a shorter one")


def _looser(change: RuleChange, rule: ProfileRule) -> str:
    """Return in which way it is looser than the profile; empty where it is not."""
    given = change.limits() | ({} if change.delay is None else {"for_ms": change.delay})
    return next(iter(looser(rule, rule.model_copy(update=given))), "")
