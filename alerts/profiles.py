"""Rules by profile: from config/profiles/*.toml to what the engine judges by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from alerts.rules import Rule
from config.profile import ProfileRule, load_profile, profile_names

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
    """Return the names of all profiles."""
    return list(profile_names())


@cache
def rules_for(profile: str, quantity: str) -> tuple[Rule, ...]:
    """Return the rules of ``profile`` on series of ``quantity``; none where it has none.

    A rule's id is ``profile/name``. Raises ValueError for a profile that does not exist.
    """
    return tuple(
        Rule(
            id=f"{profile}/{rule.name}",
            kind=rule.kind,
            for_ms=rule.for_ms,
            above=rule.above,
            below=rule.below,
            at_or_above=rule.at_or_above,
            at_or_below=rule.at_or_below,
            window_ms=rule.within,
            holds=rule.holds,
            tells=rule.tells,
        )
        for rule in load_profile(profile).rules
        if rule.quantity == quantity
    )


def storage_of(profile: str) -> tuple[int, int]:
    """Return the storage range of a profile, inclusive, thousandths of degC."""
    return load_profile(profile).storage


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
    if profile not in profile_names():
        return None
    return next((rule for rule in load_profile(profile).rules if rule.name == name), None)
