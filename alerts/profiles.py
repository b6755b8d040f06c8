"""Rules by profile: from config/profiles/*.toml to what the engine judges by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from alerts.rules import Rule
from config.profile import ALWAYS, ProfileRule, beside_names, load_profile, profile_names
from protocol.reading import split_series

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class RuleSource:
    """What a report prints beside a rule.

    Attributes:
        title: what people call the rule, by language.
        text: where its figures come from, by language.
        mark: ``S`` primary source, ``S2`` secondary, ``M`` to be confirmed, ``own`` our judgement.
        ours: the rule is ours: never to be reported as WHO's, GSP's or CDC's.
    """

    title: dict[Language, str]
    text: dict[Language, str]
    mark: str
    ours: bool

    @property
    def to_confirm(self) -> bool:
        """Whether the figure comes from memory and must be confirmed against the original."""
        return self.mark == "M"


def names() -> list[str]:
    """Return the names of the profiles that may watch an asset alone."""
    return list(profile_names())


def all_names() -> list[str]:
    """Return the names of all profiles; the one that is always in force comes last."""
    return [*profile_names(), *beside_names(), ALWAYS]


@cache
def rules_for(profile: str, quantity: str) -> tuple[Rule, ...]:
    """Return the rules of ``profile`` on series of ``quantity``; none where it has none.

    A rule's id is ``profile/name``. Raises ValueError for a profile that does not exist.
    Disagreements are not among them: they need two points (:func:`disagreements`).
    """
    return tuple(
        _rule(f"{profile}/{rule.name}", rule)
        for rule in load_profile(profile).rules
        if rule.quantity == quantity and rule.kind != "disagreement"
    )


def disagreements(profile: str, quantity: str, others: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules of ``profile`` that compare a point with each of these series.

    A rule's id is ``profile/name/point``, with the other point's name.
    """
    return tuple(
        _rule(f"{profile}/{rule.name}/{split_series(other)[1]}", rule, other)
        for rule in load_profile(profile).rules
        if rule.quantity == quantity and rule.kind == "disagreement"
        for other in others
    )


def _rule(id_: str, rule: ProfileRule, other: str | None = None) -> Rule:
    return Rule(
        id=id_,
        kind=rule.kind,
        for_ms=rule.for_ms,
        above=rule.above,
        below=rule.below,
        at_or_above=rule.at_or_above,
        at_or_below=rule.at_or_below,
        window_ms=rule.within,
        holds=rule.holds,
        tells=rule.tells,
        apart=rule.apart,
        other=other,
    )


def storage_of(profile: str) -> tuple[int, int]:
    """Return the storage range of one of :func:`names`, inclusive, thousandths of degC."""
    storage = load_profile(profile).storage
    assert storage is not None, profile
    return storage


def title_of(profile: str, language: Language) -> str:
    """Return what people call a profile."""
    title = load_profile(profile).title
    return title.zh if language == "zh" else title.en


def source_of(rule_id: str) -> RuleSource | None:
    """Return where a rule comes from; None for a rule that no profile of this version has.

    A record may bear a rule of a later or an earlier version: that is no fault of the reader.
    """
    rule = _profile_rule(rule_id)
    if rule is None:
        return None
    return RuleSource(
        title={"zh": rule.title.zh, "en": rule.title.en},
        text={"zh": rule.source.zh, "en": rule.source.en},
        mark=rule.source.mark,
        ours=rule.ours,
    )


def _profile_rule(rule_id: str) -> ProfileRule | None:
    profile, _, name = rule_id.partition("/")
    if profile not in all_names():
        return None
    # Of a disagreement the other point's name stands behind it.
    name = name.partition("/")[0]
    return next((rule for rule in load_profile(profile).rules if rule.name == name), None)
