"""What an explained configuration is made of, and how a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from coldwatch.explain_words import Say


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
class OwnTelling:
    """Whom the own modem of an agent tells, where the hub has not.

    Attributes:
        device: the agent's.
        after_ms: from when it begins.
        to: names.
    """

    device: str
    after_ms: int
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What follows when something goes wrong.

    Attributes:
        what: in words: ``9 degC``, ``mains lost``.
        rules: ids of the rules that see it.
        sounds_ms: when the panel sounds; None: never.
        opens_ms: when the first rule that tells people sees it; None: no rule does.
        tells: who is told when by the hub.
        holds_ms: when the batches are put on hold; None: never.
        own: who is told by an own modem where the hub has not by then.
        by_day: it waits for the day: told between certain hours only, once, to the first step.
    """

    what: str
    rules: tuple[str, ...]
    sounds_ms: int | None
    opens_ms: int | None
    tells: tuple[Telling, ...]
    holds_ms: int | None
    own: tuple[OwnTelling, ...] = ()
    by_day: bool = False


@dataclass(frozen=True, slots=True)
class AssetExplained:
    """What would happen at one asset; ``known_from`` is where its profiles stand.

    From the agents' files and without any: no agent measures it.
    """

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


def lines(explained: Explained, say: Say) -> Iterator[str]:
    """Yield the explanation as a person reads it."""
    for site in explained.sites:
        by = say("by", escalation=site.escalation) if site.escalation else ""
        yield f"{_named(say, site.name, site.id)}{by}"
        for asset in site.assets:
            yield from _asset_lines(asset, explained.whose, say)
        cases = [case for asset in site.assets for case in asset.cases if case.by_day]
        if any(case.tells or explained.whose == "agent" for case in cases):
            yield f"  {say('by-day')}"
        yield from (f"  {say('duty', line=line)}" for line in site.duty)
        yield from (f"  {say('not-told', line=line)}" for line in site.not_told)
    yield from (say("not-told", line=line) for line in explained.not_told)


def _named(say: Say, name: str, id_: str) -> str:
    return say("named", name=name, id=id_) if name != id_ else id_


def _asset_lines(asset: AssetExplained, whose: str, say: Say) -> Iterator[str]:
    if asset.id:
        rules = "" if asset.cases or asset.known_from == "agent" else say("no-rules")
        if asset.profiles:
            rules = say("watched", profiles=say("and").join(asset.profiles))
            rules += say("assumed") if asset.known_from == "assumed" else ""
        yield f"  {_named(say, asset.name, asset.id)}{rules}"
    for case in asset.cases:
        key = "at" if case.what.endswith(say("degrees", value="").strip()) else "case"
        follows = say.joined(list(_what_follows(case, whose, say)))
        whole = "whole-case" if not asset.id else key
        yield f"    {say(whole, asset=asset.id, what=case.what, follows=follows)}"


def _what_follows(case: Case, whose: str, say: Say) -> Iterator[str]:
    """Yield what follows, worst first: whom SMS reach after how long, sound, hold."""
    told = list((_by_day if case.by_day else _at_any_hour)(case, whose, say))
    yield from told or [say("nobody")]
    if case.sounds_ms is not None:
        yield say("sounds", after=say.after(case.sounds_ms))
    if case.holds_ms is not None:
        yield say("holds", after=say.after(case.holds_ms))


def _at_any_hour(case: Case, whose: str, say: Say) -> Iterator[str]:
    if whose == "agent" and case.opens_ms is not None:
        yield say("hub-tells", after=say.after(case.opens_ms))
    yield from _steps(case.tells, say)
    yield from _own(case.own, whose, say)


def _steps(tells: tuple[Telling, ...], say: Say) -> Iterator[str]:
    for number, telling in enumerate(tells):
        key = "sms-first" if number == 0 else "sms-next"
        text = say(key, to=say.listed(telling.to), after=say.after(telling.after_ms))
        if telling.channels:
            text += say("by-channels", channels=say("then").join(telling.channels))
        if telling.repeat_ms:
            text += say("again", span=say.lasting(telling.repeat_ms))
        yield text


def _by_day(case: Case, whose: str, say: Say) -> Iterator[str]:
    """Yield who hears of what can wait, and when."""
    after = say.behind(case.opens_ms or 0)
    if whose == "agent":
        yield say("day-hub", after=after, hours=say.hours)
    for telling in case.tells[:1]:
        text = say("day-first", after=after, hours=say.hours, to=say.listed(telling.to))
        if telling.channels:
            text += say("by-channels", channels=say("then").join(telling.channels))
        yield text


def _own(tells: tuple[OwnTelling, ...], whose: str, say: Say) -> Iterator[str]:
    key = "sms-own" if whose == "agent" else "sms-own-of"
    for own in tells:
        to, after = say.listed(own.to), say.after(own.after_ms)
        yield say(key, device=own.device, to=to, after=after)
