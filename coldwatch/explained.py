"""What an explained configuration is made of, and how a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from alerts.wording import Wording

_EN: Final = Wording("en", "UTC", 0)


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told at one step.

    Attributes:
        after_ms: from when it begins.
        to: names, each with its role behind it where a role is told.
        repeat_ms: told again so often until somebody answers; None: once.
        channels: ids, in the order in which they are tried; empty: the hub's own order.
    """

    after_ms: int
    to: tuple[str, ...]
    repeat_ms: int | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """What follows when something goes wrong.

    Attributes:
        what: in words: ``9 degC``, ``mains lost``.
        rules: ids of the rules that see it.
        sounds_ms: when the panel sounds; None: never.
        opens_ms: when the first rule that tells people sees it; None: no rule does.
        tells: who is told when; of an agent, by its own modem where the hub has not told by then.
        holds_ms: when the batches are put on hold; None: never.
    """

    what: str
    rules: tuple[str, ...]
    sounds_ms: int | None
    opens_ms: int | None
    tells: tuple[Telling, ...]
    holds_ms: int | None


@dataclass(frozen=True, slots=True)
class AssetExplained:
    """What would happen at one asset; ``known_from`` is where its profiles stand."""

    id: str
    name: str
    profiles: tuple[str, ...]
    known_from: Literal["agent", "hub", "assumed"]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class SiteExplained:
    """What would happen at one site.

    Attributes:
        id: of the site.
        name: in English.
        escalation: its id; empty where the site only has `tell`.
        duty: the roster, a line for each role.
        assets: of the site.
        not_told: what nobody would be told of, or not everybody who should; a sentence each.
    """

    id: str
    name: str
    escalation: str
    duty: tuple[str, ...]
    assets: tuple[AssetExplained, ...]
    not_told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a settings file would do."""

    whose: Literal["hub", "agent"]
    sites: tuple[SiteExplained, ...]
    not_told: tuple[str, ...] = field(default=())


def lines(explained: Explained) -> Iterator[str]:
    """Yield the explanation as a person reads it."""
    for site in explained.sites:
        named = f"{site.name} ({site.id})" if site.name != site.id else site.id
        by = f", escalation {site.escalation}" if site.escalation else ""
        yield f"{named}{by}"
        for asset in site.assets:
            yield from _asset_lines(asset, explained.whose)
        yield from (f"  on duty as {line}" for line in site.duty)
        yield from (f"  NOT TOLD: {line}" for line in site.not_told)
    yield from (f"NOT TOLD: {line}" for line in explained.not_told)


def _asset_lines(asset: AssetExplained, whose: str) -> Iterator[str]:
    if asset.id:
        assumed = ", assumed: give the agent's file with --agent to be sure"
        rules = ": no rules known; give the agent's file with --agent"
        if asset.profiles:
            rules = f": {' and '.join(asset.profiles)}"
            rules += assumed if asset.known_from == "assumed" else ""
        name = f"{asset.name} ({asset.id})" if asset.name != asset.id else asset.id
        yield f"  {name}{rules}"
    for case in asset.cases:
        at = "at " if case.what.endswith("degC") else ""
        label = f"{asset.id} {at}" if asset.id else ""
        yield f"    {label}{case.what}: {'; '.join(_what_follows(case, whose))}"


def _what_follows(case: Case, whose: str) -> Iterator[str]:
    """Yield what follows, worst first: whom SMS reach after how long, sound, hold."""
    if whose == "agent" and case.opens_ms is not None:
        yield f"the hub tells people {_after(case.opens_ms)}"
    for number, telling in enumerate(case.tells):
        again = (
            f", again every {_EN.lasting(telling.repeat_ms)} until somebody answers"
            if telling.repeat_ms
            else ""
        )
        sms = "SMS to " if number == 0 else "to "
        if whose == "agent":
            sms = "where it has not, SMS by the own modem to "
        by = f" by {', then '.join(telling.channels)}" if telling.channels else ""
        yield f"{sms}{', '.join(telling.to)} {_after(telling.after_ms)}{by}{again}"
    if case.opens_ms is None and case.rules:
        yield "nobody is told"
    if case.sounds_ms is not None:
        yield f"sounds {_after(case.sounds_ms)}"
    if case.holds_ms is not None:
        yield f"batches on hold {_after(case.holds_ms)}"


def _after(ms: int) -> str:
    return "at once" if ms == 0 else f"after {_EN.lasting(ms)}"
