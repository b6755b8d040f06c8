"""What may go wrong with an asset, and which of its rules see it after how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from alerts.by_day import waits
from alerts.profiles import rules_for, storage_of
from alerts.rules import OF_VALUES, Rule
from alerts.troubles import words_of
from coldwatch.explain_words import Say
from coldwatch.explained import Case, OwnTelling, Telling
from config.agent import AgentSettings, Asset
from config.profile import ALWAYS, load_profile
from firmware_agent.settings import watches
from protocol.reading import decimal, split_series

# What an asset is taken for where nothing says which profile watches it.
ASSUMED: Final = "cn-gsp"
_TEMPERATURE: Final = "temperature"


class Seen(NamedTuple):
    """What may go wrong, in words; the rules that see it; whether it waits for the day."""

    what: str
    rules: list[Rule]
    by_day: bool = False
    mains: bool = False


def measured_rules(agent: AgentSettings, asset: Asset) -> dict[str, list[Rule]]:
    """Return the rules on an agent's asset by quantity, as its site has changed them."""
    found: dict[str, dict[str, Rule]] = {}
    for series, watch in watches(agent).items():
        name, _, quantity = split_series(series)
        if name == asset.id:
            mine = found.setdefault(quantity, {})
            mine.update({rule.id: rule for rule in watch.rules if rule.id not in mine})
    return {quantity: list(rules.values()) for quantity, rules in found.items()}


def profile_rules(profiles: Sequence[str]) -> dict[str, list[Rule]]:
    """Return the rules of profiles by quantity, whatever of it is measured."""
    quantities = {rule.quantity for name in profiles for rule in load_profile(name).rules}
    always = rules_for(ALWAYS, _TEMPERATURE)
    found = {
        quantity: [rule for name in profiles for rule in rules_for(name, quantity)]
        for quantity in sorted(quantities)
    }
    return found | {_TEMPERATURE: [*found.get(_TEMPERATURE, ()), *always]}


def cases_of(
    rules: Mapping[str, Sequence[Rule]], storage: tuple[int, int], say: Say
) -> Iterator[Seen]:
    """Yield what may go wrong with the rules that see it, temperature first."""
    heat = rules.get(_TEMPERATURE, [])
    for value in _temperatures(heat, storage):
        seen = [rule for rule in heat if rule.kind in OF_VALUES and _outside(rule, value)]
        if seen:
            yield Seen(say("degrees", value=decimal(value).removesuffix(".0")), seen)
    for quantity in sorted(rules, key=lambda each: (each != _TEMPERATURE, each)):
        found: dict[str, Seen] = {}
        for rule in rules[quantity]:
            if quantity == _TEMPERATURE and rule.kind in OF_VALUES:
                continue
            for side in _sides(rule):
                what = say.text(words_of(rule.kind, quantity, side).wrong).lower()
                by_day = waits(rule.kind, quantity, side)
                new = Seen(what, [], by_day, (quantity, side) == ("present", "below"))
                found.setdefault(what, new).rules.append(rule)
        yield from found.values()


def _temperatures(rules: Sequence[Rule], storage: tuple[int, int]) -> Iterator[int]:
    """Yield a degree above the range, a degree below it, and one that freezes where a rule says so."""
    yield storage[1] + 1_000
    yield storage[0] - 1_000
    lows = [rule.low for rule in rules if rule.low is not None and rule.kind in OF_VALUES]
    if lows and min(lows) <= storage[0] - 1_000:
        yield (min(lows) // 1_000) * 1_000 - 1_000


def storage_range(profiles: Sequence[str]) -> tuple[int, int]:
    """Return the storage range of the first profile that has one: some only come beside others."""
    return next(
        storage_of(name) for name in (*profiles, ASSUMED) if load_profile(name).storage is not None
    )


def _outside(rule: Rule, value: int) -> bool:
    return (rule.high is not None and value > rule.high) or (
        rule.low is not None and value < rule.low
    )


def _sides(rule: Rule) -> list[str]:
    sides = {"silence": ["silent"], "disagreement": ["apart"], "stuck": ["stuck"]}
    own = sides.get(str(rule.kind))
    if own is not None:
        return own
    high = ["above"] if rule.high is not None else []
    return high + (["below"] if rule.low is not None else [])


def _delay(rule: Rule) -> int:
    """Return when a rule opens, of something that goes on without a break."""
    return 0 if rule.kind == "instant" else rule.for_ms


def earliest(rules: Iterable[Rule]) -> int | None:
    """Return when the first of these rules opens; None where there is none."""
    return min((_delay(rule) for rule in rules), default=None)


def case_of(
    what: str,
    rules: Sequence[Rule],
    tells: tuple[Telling, ...],
    own: tuple[OwnTelling, ...] = (),
    *,
    held: bool = True,
    by_day: bool = False,
) -> Case:
    """Return what follows where these rules see it; batches are held only by a point that decides."""
    if by_day:
        # As alerts/by_day.py has it: without repeats, whatever `after` the first step has.
        opens = earliest(rule for rule in rules if rule.tells) or 0
        tells = tuple(replace(each, after_ms=opens, repeat_ms=None) for each in tells[:1])
    return Case(
        what,
        tuple(dict.fromkeys(rule.id for rule in rules)),
        # Every rule sounds; `tells` is about messages to people (firmware_agent/panel.py).
        earliest(rules),
        earliest(rule for rule in rules if rule.tells),
        tells,
        earliest(rule for rule in rules if rule.holds) if held else None,
        own,
        by_day,
    )


def decides(asset: Asset) -> bool:
    """Whether a point of this asset speaks for its stock."""
    return any(point.decides for point in asset.points)


def joined(cases: Iterable[Case], say: Say) -> Iterator[Case]:
    """Join those of which the same follows."""
    found: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        follows = (case.opens_ms, case.sounds_ms, case.tells, case.holds_ms, case.own, case.by_day)
        found.setdefault(follows, []).append(case)
    for same in found.values():
        first = same[0]
        what = say("or").join(case.what for case in same)
        rules = tuple(dict.fromkeys(rule for case in same for rule in case.rules))
        yield replace(first, what=what, rules=rules)
