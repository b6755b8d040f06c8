"""What a configuration would do: who is told of what after how long, and what nobody is told of.

Worked out from the rules of each asset's profiles and the site's escalation, by the same reading of
both as hub and agent have. The hub's file names its sites' assets; their profiles and probes are in
the agents' files. So an asset's profiles are taken from the agent's file where one is given, else
from the hub's, and where neither has them they are assumed, and that is said.

Times are milliseconds from when it begins, temperatures thousandths of a degree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from coldwatch.cases import (
    ASSUMED,
    MAINS,
    case_of,
    cases_of,
    decides,
    earliest,
    joined,
    measured_rules,
    profile_rules,
    storage_range,
)
from coldwatch.explained import AssetExplained, Explained, SiteExplained, Telling
from config.agent import AgentSettings, Asset
from config.escalation import DAYS, Duty, EscalationStep, fewest, on_duty
from config.hub import HubSettings, Site, SiteAsset
from config.profile import load_profile
from firmware_agent.modem_steps import HUB_FIRST_MS, MAINS_FIRST_MS

_DAY_MINUTES: Final = 24 * 60


def explain_hub(hub: HubSettings, agents: Sequence[AgentSettings] = ()) -> Explained:
    """Return what a hub with these settings would do, with what the agents' files add."""
    by_device = {(agent.site, agent.device): agent for agent in agents}
    sites = []
    for site in hub.sites:
        here = [by_device[site.id, each] for each in site.devices if (site.id, each) in by_device]
        sites.append(_Site(hub, site, here).explained())
    return Explained("hub", tuple(sites), tuple(_hub_lacks(hub, agents)))


def explain_agent(agent: AgentSettings) -> Explained:
    """Return what an agent would do by itself, whoever the hub tells."""
    people = [person.name for person in agent.modem.tell] if agent.modem is not None else []
    names = {item.id: item.name.en for item in agent.modem.assets} if agent.modem else {}
    assets = []
    for asset in agent.assets:
        cases = []
        for what, rules in cases_of(measured_rules(agent, asset), asset.storage):
            told = earliest(rule for rule in rules if rule.tells)
            # Lost mains cannot wait: the site's router is without mains as well.
            wait = MAINS_FIRST_MS if what == MAINS else HUB_FIRST_MS
            own = (Telling(told + wait, tuple(people)),) if people and told is not None else ()
            cases.append(case_of(what, rules, own, held=decides(asset)))
        name, profiles = names.get(asset.id, asset.id), tuple(asset.profiles)
        assets.append(AssetExplained(asset.id, name, profiles, "agent", tuple(joined(cases))))
    lacks = []
    if agent.modem is None:
        lacks.append(
            "this agent has no modem of its own ([modem]): while the hub or the network is away, "
            "nobody gets an SMS"
        )
    lacks += _not_measured(agent.assets)
    site = SiteExplained(agent.site, agent.site, "", (), tuple(assets), tuple(lacks))
    return Explained("agent", (site,))


class _Site:
    """One site on its way to what is said of it."""

    def __init__(self, hub: HubSettings, site: Site, agents: Sequence[AgentSettings]) -> None:
        self._hub, self._site = hub, site
        self._people = {person.id: person for person in hub.people}
        self._measured = {asset.id: asset for agent in agents for asset in agent.assets}
        self._agents = {asset.id: agent for agent in agents for asset in agent.assets}
        chains = {each.id: each.steps for each in hub.escalations}
        self._steps = [EscalationStep(to=site.tell)] if site.tell else []
        if site.escalation is not None:
            self._steps = list(chains[site.escalation])
        self._roles = {each.role for each in site.duty}

    def explained(self) -> SiteExplained:
        """Return it."""
        site = self._site
        devices = [
            case_of(
                f"nothing heard from {device}",
                (),
                self._tells(self._hub.lost_contact_after),
            )
            for device in site.devices
        ]
        assets = [self._asset(asset) for asset in site.assets]
        whole = AssetExplained("", "the devices", (), "hub", tuple(devices))
        return SiteExplained(
            site.id,
            site.name.en,
            site.escalation or "",
            tuple(self._duty()),
            (*assets, whole),
            tuple(self._lacks()),
        )

    def _asset(self, asset: SiteAsset) -> AssetExplained:
        measured = self._measured.get(asset.id)
        known_from: Literal["agent", "hub", "assumed"]
        if measured is not None:
            profiles, storage, known_from = measured.profiles, measured.storage, "agent"
            rules = measured_rules(self._agents[asset.id], measured)
        elif asset.profiles:
            profiles, known_from = asset.profiles, "hub"
            rules, storage = profile_rules(profiles), storage_range(profiles)
        elif asset.kind in {"lamp", "room"}:
            return AssetExplained(asset.id, asset.name.en, (), "assumed", ())
        else:
            profiles, known_from = [ASSUMED if asset.kind != "freezer" else "freezer"], "assumed"
            rules, storage = profile_rules(profiles), storage_range(profiles)
        cases = []
        for what, seen in cases_of(rules, storage):
            told = earliest(rule for rule in seen if rule.tells)
            tells = () if told is None else self._tells(told)
            held = measured is None or decides(measured)
            cases.append(case_of(what, seen, tells, held=held))
        return AssetExplained(
            asset.id, asset.name.en, tuple(profiles), known_from, tuple(joined(cases))
        )

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
            yield f"{' or '.join(self._name(person) for person in people)} ({name})"

    def _name(self, person: str) -> str:
        known = self._people.get(person)
        return known.name if known is not None else person

    def _duty(self) -> Iterator[str]:
        for role in dict.fromkeys(each.role for each in self._site.duty):
            turns = [
                f"{self._name(each.person)} {_days(each)} {_clock(each.from_)} to {_clock(each.until)}"
                + (f", else {self._name(each.stand_in)}" if each.stand_in else "")
                for each in self._site.duty
                if each.role == role
            ]
            yield f"{role}: {'; '.join(turns)}"

    def _lacks(self) -> Iterator[str]:
        """Yield what nobody is told of."""
        site = self._site
        if not self._steps:
            yield "nobody is told of anything: `tell` is empty and no escalation is named"
            return
        numbers = {person.id: person.phone for person in self._hub.people}
        first = self._steps[0].to
        count, weekday, minute = fewest(first, site.duty, numbers)
        if count == 1:
            turns = not self._roles.isdisjoint(first)
            when = f" ({DAYS[weekday]} {_clock(minute)})" if turns else ""
            yield f"a single person is told first{when}: whoever sleeps through it is the only one"
        for step in self._steps:
            yield from self._gaps(step.to)
        if len(self._steps) == 1:
            yield "nobody else is told when nobody answers: there is a single step"
            if self._steps[0].repeat is None:
                yield "nobody is told a second time: the step has no `repeat`"
        for profile in sorted({name for asset in self._profiles() for name in asset}):
            if short := self._hub.short_of(site, profile):
                yield short.partition("; ")[0]
        yield from _not_measured(self._measured.values())

    def _gaps(self, to: Sequence[str]) -> Iterator[str]:
        """Yield when nobody has a role of a step, and who is told then."""
        others = [self._name(name) for name in to if name not in self._roles]
        instead = (
            f"only {' and '.join(others)} of that step" if others else "the next step's people"
        )
        for role in to:
            gaps = list(_gaps(self._site.duty, role)) if role in self._roles else []
            if gaps:
                verb = "is" if len(others) == 1 else "are"
                yield f"nobody is {role} {', '.join(gaps)}: {instead} {verb} told then"

    def _profiles(self) -> Iterator[Sequence[str]]:
        for asset in self._site.assets:
            measured = self._measured.get(asset.id)
            yield measured.profiles if measured is not None else asset.profiles


def _gaps(duty: Sequence[Duty], role: str) -> Iterator[str]:
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
        until = _clock(end % _DAY_MINUTES) if same else _moment(end % week)
        yield f"{_moment(begin)} to {until}"


def _moment(minute: int) -> str:
    return f"{DAYS[minute // _DAY_MINUTES]} {_clock(minute % _DAY_MINUTES)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days(duty: Duty) -> str:
    if len(duty.days) == len(DAYS):
        return "daily"
    return ",".join(day for day in DAYS if day in duty.days)


def _not_measured(assets: Iterable[Asset]) -> Iterator[str]:
    """Yield what a profile has rules for and nobody measures."""
    said: Mapping[str, str] = {
        "present": "its mains are not measured: nobody is told that they are lost",
        "open": "its door is not measured: nobody is told that it stands open",
    }
    for asset in assets:
        measured = {point.quantity for point in asset.points}
        watched = {rule.quantity for name in asset.profiles for rule in load_profile(name).rules}
        for quantity, text in said.items():
            if quantity in watched and quantity not in measured:
                yield f"{asset.id}: {text}"
        if not decides(asset):
            yield (
                f"{asset.id}: no point decides, so nobody is told that it is too hot or too cold, and"
                " its batches are never put on hold"
            )


def _hub_lacks(hub: HubSettings, agents: Sequence[AgentSettings]) -> Iterator[str]:
    """Yield what nobody is told of at any site."""
    ways = [channel for channel in hub.all_channels() if channel.kind != "log"]
    if not ways:
        yield "nobody gets an SMS: they are only written into the log (set up [[channels]])"
    elif len(ways) == 1:
        yield f"when {ways[0].id} fails nobody is told: it is the only way out of this hub"
    if ways and not any(channel.kind == "gammu-smsd" for channel in ways):
        yield "nobody can answer by SMS: only a modem takes them in, and the console"
    if not any(site.all_well is not None for site in hub.sites):
        yield "nobody is told each day that all is well (`all_well`): silence may be safety or not"
    if hub.way_test is None:
        yield "the way of the alarms is never tested (`way_test`)"
    known = {device for site in hub.sites for device in site.devices}
    for agent in agents:
        if agent.device not in known:
            yield f"{agent.device} of {agent.site} is no device of this hub: its readings are not taken"
