"""What a configuration would do: who is told of what after how long, and what nobody is told of.

Worked out from the rules of each asset's profiles and the site's escalation, by the same reading of
both as hub and agent have. The hub's file names its sites' assets; their profiles and probes are in
the agents' files. So an asset's profiles are taken from the agent's file where one is given, else
from the hub's, and where neither has them they are assumed, and that is said.

Times are milliseconds from when it begins, temperatures thousandths of a degree.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from coldwatch.cases import (
    ASSUMED,
    Seen,
    case_of,
    cases_of,
    decides,
    earliest,
    joined,
    measured_rules,
    profile_rules,
    storage_range,
)
from coldwatch.explain_words import Say
from coldwatch.explained import (
    AssetExplained,
    Case,
    Explained,
    OwnTelling,
    SiteExplained,
    Telling,
)
from config.agent import AgentSettings, Asset
from config.base import Text
from config.escalation import DAYS, FIRST_STEP_NUMBERS, Duty, EscalationStep, fewest, on_duty
from config.hub import HubSettings, Site, SiteAsset
from config.phones import number
from config.profile import load_profile
from firmware_agent.modem_steps import HUB_FIRST_MS, MAINS_FIRST_MS

_DAY_MINUTES: Final = 24 * 60


def explain_hub(
    hub: HubSettings, agents: Sequence[AgentSettings] = (), say: Say | None = None
) -> Explained:
    """Return what a hub with these settings would do, with what the agents' files add."""
    say = say or Say("en")
    by_device = {(agent.site, agent.device): agent for agent in agents}
    sites = []
    for site in hub.sites:
        here = [by_device[site.id, each] for each in site.devices if (site.id, each) in by_device]
        # One that says another site is given as well: the hub refuses what it sends.
        complete = {agent.device for agent in agents}.issuperset(site.devices)
        sites.append(_Site(hub, site, here, say, complete=complete).explained())
    return Explained("hub", tuple(sites), tuple(_hub_lacks(hub, agents, say)))


def explain_agent(agent: AgentSettings, say: Say | None = None) -> Explained:
    """Return what an agent would do by itself, whoever the hub tells."""
    say = say or Say("en")
    names = {}
    if agent.modem is not None:
        names = {item.id: _name_in(say, item.name) for item in agent.modem.assets}
    assets = []
    for asset in agent.assets:
        cases = []
        for seen in cases_of(measured_rules(agent, asset), asset.storage, say):
            case = case_of(
                seen.what, seen.rules, (), _own(agent, seen),
                held=decides(asset), by_day=seen.by_day,
            )  # fmt: skip
            cases.append(case)
        if any(point.calibration is not None for point in asset.points):
            cases.append(_by_hub(say("calibration"), (), by_day=True))
        name, profiles = names.get(asset.id, asset.id), tuple(asset.profiles)
        assets.append(AssetExplained(asset.id, name, profiles, "agent", tuple(joined(cases, say))))
    for lamp in agent.lamp.lamps if agent.lamp is not None else ():
        cases = [
            _by_hub(say("lamp-welded"), ()),
            _by_hub(say("lamp-needs"), (), by_day=True),
        ]
        assets.append(
            AssetExplained(lamp.id, names.get(lamp.id, lamp.id), (), "agent", tuple(cases))
        )
    lacks = [say("no-modem")] if agent.modem is None else []
    lamps = {lamp.id for lamp in agent.lamp.lamps} if agent.lamp is not None else set[str]()
    lacks += _not_measured(agent.assets, lamps, say)
    site = SiteExplained(agent.site, agent.site, "", (), tuple(assets), tuple(lacks))
    return Explained("agent", (site,))


def _name_in(say: Say, name: Text) -> str:
    return name.zh if say.language == "zh" else name.en


def _by_hub(what: str, tells: tuple[Telling, ...], *, by_day: bool = False) -> Case:
    """Return what follows of what the hub finds out by no rule: it tells people at once, or by day."""
    return replace(case_of(what, (), tells, by_day=by_day), opens_ms=0)


def _own(agent: AgentSettings, seen: Seen) -> tuple[OwnTelling, ...]:
    """Return whom an agent's own modem tells of something, where there is one."""
    told = earliest(rule for rule in seen.rules if rule.tells)
    # What waits for the day it leaves to the hub, which knows the hour at the site.
    if agent.modem is None or told is None or seen.by_day:
        return ()
    people = tuple(person.name for person in agent.modem.tell)
    # Lost mains cannot wait: the site's router is without mains as well.
    wait = MAINS_FIRST_MS if seen.mains else HUB_FIRST_MS
    return (OwnTelling(agent.device, told + wait, people),)


class _Site:
    """One site on its way to what is said of it."""

    def __init__(
        self,
        hub: HubSettings,
        site: Site,
        agents: Sequence[AgentSettings],
        say: Say,
        *,
        complete: bool,
    ) -> None:
        self._hub, self._site, self._say, self._complete = hub, site, say, complete
        self._people = {person.id: person for person in hub.people}
        self._measured = {asset.id: asset for agent in agents for asset in agent.assets}
        self._agents = {asset.id: agent for agent in agents for asset in agent.assets}
        self._lamps = {
            lamp.id: agent
            for agent in agents
            if agent.lamp is not None
            for lamp in agent.lamp.lamps
        }
        chains = {each.id: each.steps for each in hub.escalations}
        self._steps = [EscalationStep(to=site.tell)] if site.tell else []
        if site.escalation is not None:
            self._steps = list(chains[site.escalation])
        self._roles = {each.role for each in site.duty}

    def explained(self) -> SiteExplained:
        """Return it."""
        site, say = self._site, self._say
        lost = self._tells(self._hub.lost_contact_after)
        devices = [case_of(say("lost-contact", device=each), (), lost) for each in site.devices]
        assets = [self._asset(asset) for asset in (*site.assets, *self._unnamed())]
        # Of an agent whose file is not given, any probe may have a certificate.
        points = [point for asset in self._measured.values() for point in asset.points]
        if not self._complete or any(point.calibration is not None for point in points):
            devices.append(_by_hub(say("calibration"), self._tells(0), by_day=True))
        whole = AssetExplained("", say("devices"), (), "hub", tuple(devices))
        return SiteExplained(
            site.id,
            _name_in(say, site.name),
            site.escalation or "",
            tuple(self._duty()),
            (*assets, whole),
            (*self._lacks(), *self._unmatched()),
        )

    def _unnamed(self) -> Iterator[SiteAsset]:
        """Yield what an agent has and the hub's settings lack: it is told of by its id."""
        named = {asset.id for asset in self._site.assets}
        for id_ in dict.fromkeys((*self._measured, *self._lamps)):
            if id_ not in named:
                kind: Literal["fridge", "lamp"] = "lamp" if id_ in self._lamps else "fridge"
                yield SiteAsset(id=id_, name=Text(zh=id_, en=id_), kind=kind)

    def _unmeasured(self, asset: SiteAsset) -> bool:
        return self._complete and asset.id not in self._measured and asset.id not in self._lamps

    def _unmatched(self) -> Iterator[str]:
        """Yield what the hub's settings have and no agent, and what an agent has and not they."""
        for asset in self._site.assets:
            if self._unmeasured(asset):
                yield self._say(
                    "unswitched" if asset.kind == "lamp" else "unmeasured", asset=asset.id
                )
        for asset in self._unnamed():
            measured, agent = self._measured.get(asset.id), self._lamps.get(asset.id)
            # A Pi's own points need no name: of an asset in the hub's settings vaccine is expected.
            if measured is None or not _of_the_pi(measured):
                device = (agent or self._agents[asset.id]).device
                yield self._say("unnamed", asset=asset.id, device=device)

    def _asset(self, asset: SiteAsset) -> AssetExplained:
        measured, say = self._measured.get(asset.id), self._say
        name = _name_in(say, asset.name)
        known_from: Literal["agent", "hub", "assumed"]
        if measured is not None:
            profiles, storage, known_from = measured.profiles, measured.storage, "agent"
            rules = measured_rules(self._agents[asset.id], measured)
        elif self._unmeasured(asset):
            return AssetExplained(asset.id, name, (), "agent", ())
        elif asset.profiles:
            profiles, known_from = asset.profiles, "hub"
            rules, storage = profile_rules(profiles), storage_range(profiles)
        elif asset.kind == "lamp":
            return AssetExplained(asset.id, name, (), "hub", self._lamp())
        elif asset.kind == "room":
            return AssetExplained(asset.id, name, (), "assumed", ())
        else:
            profiles, known_from = [ASSUMED if asset.kind != "freezer" else "freezer"], "assumed"
            rules, storage = profile_rules(profiles), storage_range(profiles)
        cases = []
        for seen in cases_of(rules, storage, say):
            told = earliest(rule for rule in seen.rules if rule.tells)
            tells = () if told is None else self._tells(told)
            held = measured is None or decides(measured)
            own = _own(self._agents[asset.id], seen) if measured is not None else ()
            cases.append(case_of(seen.what, seen.rules, tells, own, held=held, by_day=seen.by_day))
        # One whose current or UV is measured is switched all the same.
        lamp = self._lamp() if asset.id in self._lamps else ()
        return AssetExplained(
            asset.id, name, tuple(profiles), known_from, (*joined(cases, say), *lamp)
        )

    def _lamp(self) -> tuple[Case, ...]:
        welded = _by_hub(self._say("lamp-welded"), self._tells(0))
        return welded, _by_hub(self._say("lamp-needs"), self._tells(0), by_day=True)

    def _tells(self, opened_ms: int) -> tuple[Telling, ...]:
        """Return who is told of what opens then."""
        return tuple(
            Telling(
                opened_ms + step.after,
                tuple(self._named(step.to)),
                step.repeat,
                tuple(step.channels),
            )
            for step in self._steps
        )

    def _named(self, to: Iterable[str]) -> Iterator[str]:
        for name in to:
            if name not in self._roles:
                yield self._name(name)
                continue
            people = dict.fromkeys(each.person for each in self._site.duty if each.role == name)
            either = self._say("or").join(self._name(person) for person in people)
            yield self._say("named", name=either, id=name)

    def _name(self, person: str) -> str:
        known = self._people.get(person)
        return known.name if known is not None else person

    def _duty(self) -> Iterator[str]:
        say = self._say
        for role in dict.fromkeys(each.role for each in self._site.duty):
            turns = []
            for each in (duty for duty in self._site.duty if duty.role == role):
                begin, end = _clock(each.from_), _clock(each.until)
                person, days = self._name(each.person), _days(each, say)
                turn = say("turn", person=person, days=days, begin=begin, end=end)
                stand_in = self._name(each.stand_in) if each.stand_in else ""
                turns.append(turn + (say("else", person=stand_in) if stand_in else ""))
            yield say("whole-case", what=role, follows=say.joined(turns))

    def _lacks(self) -> Iterator[str]:
        """Yield what nobody is told of."""
        site, say = self._site, self._say
        if not self._steps:
            yield say("no-steps")
            return
        numbers = {person.id: person.phone for person in self._hub.people}
        first = self._steps[0].to
        count, weekday, minute = fewest(first, site.duty, numbers)
        if count == 1:
            turns = not self._roles.isdisjoint(first)
            moment = f"{say.day(weekday, DAYS[weekday])} {_clock(minute)}"
            yield say("single", when=say("when", moment=moment) if turns else "")
        for step in self._steps:
            yield from self._gaps(step.to)
        if len(self._steps) == 1:
            yield say("one-step")
            if self._steps[0].repeat is None:
                yield say("no-repeat")
        for profile in sorted({name for asset in self._profiles() for name in asset}):
            if self._hub.short_of(site, profile):
                yield self._short(profile)
        yield from _not_measured(self._measured.values(), self._lamps, say)

    def _short(self, profile: str) -> str:
        """Say what a profile demands of the first step, and how much of it there is."""
        site, say = self._site, self._say
        numbers = {person.id: number(person.phone) for person in self._hub.people}
        count, weekday, minute = fewest(self._hub.first_step(site), site.duty, numbers)
        moment = f"{say.day(weekday, DAYS[weekday])} {_clock(minute)}"
        return say(
            "short", site=site.id, profile=profile, count=count,
            wanted=FIRST_STEP_NUMBERS[profile],
            when=say("when", moment=moment) if site.duty else "",
        )  # fmt: skip

    def _gaps(self, to: Sequence[str]) -> Iterator[str]:
        """Yield when nobody has a role of a step, and who is told then."""
        say = self._say
        others = [self._name(name) for name in to if name not in self._roles]
        instead = say("only", others=say("and").join(others)) if others else say("next-step")
        for role in to:
            gaps = list(_gaps(self._site.duty, role, say)) if role in self._roles else []
            if gaps:
                verb = "is" if len(others) == 1 else "are"
                yield say("gap", role=role, gaps=say.listed(gaps), instead=instead, verb=verb)

    def _profiles(self) -> Iterator[Sequence[str]]:
        for asset in self._site.assets:
            measured = self._measured.get(asset.id)
            yield measured.profiles if measured is not None else asset.profiles


def _gaps(duty: Sequence[Duty], role: str, say: Say) -> Iterator[str]:
    """Yield from when until when nobody has a role, in a week that goes round."""
    week = 7 * _DAY_MINUTES
    empty = [
        not on_duty(duty, role, minute // _DAY_MINUTES, minute % _DAY_MINUTES)
        for minute in range(week)
    ]
    begins = [n for n, each in enumerate(empty) if each and not empty[n - 1]]
    for begin in begins:
        end = begin
        while empty[end % week]:
            end += 1
        same = begin // _DAY_MINUTES == end // _DAY_MINUTES
        until = _clock(end % _DAY_MINUTES) if same else _moment(end % week, say)
        yield say("until", begin=_moment(begin, say), end=until)


def _moment(minute: int, say: Say) -> str:
    weekday = minute // _DAY_MINUTES
    return f"{say.day(weekday, DAYS[weekday])} {_clock(minute % _DAY_MINUTES)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days(duty: Duty, say: Say) -> str:
    if len(duty.days) == len(DAYS):
        return say("daily")
    return ",".join(say.day(n, day) for n, day in enumerate(DAYS) if day in duty.days)


def _not_measured(assets: Iterable[Asset], lamps: Container[str], say: Say) -> Iterator[str]:
    """Yield what a profile has rules for and nobody measures; a lamp has neither door nor stock."""
    said: Mapping[str, str] = {"present": "no-mains", "open": "no-door"}
    for asset in assets:
        if _of_the_pi(asset) or asset.id in lamps:
            continue
        measured = {point.quantity for point in asset.points}
        watched = {rule.quantity for name in asset.profiles for rule in load_profile(name).rules}
        for quantity, key in said.items():
            if quantity in watched and quantity not in measured:
                yield say(key, asset=asset.id)
        if not decides(asset):
            yield say("no-point", asset=asset.id)


def _of_the_pi(asset: Asset) -> bool:
    """Whether an asset is only the Pi itself: it has no mains, no door and no stock of its own."""
    return all(point.driver.get("kind") == "pi" for point in asset.points)


def _hub_lacks(hub: HubSettings, agents: Sequence[AgentSettings], say: Say) -> Iterator[str]:
    """Yield what nobody is told of at any site."""
    ways = [channel for channel in hub.all_channels() if channel.kind != "log"]
    if not ways:
        yield say("only-log")
    elif len(ways) == 1:
        yield say("one-way", channel=ways[0].id)
    if ways and not any(channel.kind == "gammu-smsd" for channel in ways):
        yield say("no-answers")
    if not any(site.all_well is not None for site in hub.sites):
        yield say("no-all-well")
    if hub.way_test is None:
        yield say("no-test")
    known = {device: site.id for site in hub.sites for device in site.devices}
    for agent in agents:
        right = known.get(agent.device)
        if right is None:
            yield say("stranger", device=agent.device, site=agent.site)
        elif right != agent.site:
            yield say("astray", device=agent.device, site=agent.site, right=right)
