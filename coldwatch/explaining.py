"""What a configuration would do: who is told of what after how long, and what nobody is told of.

Worked out from the rules of each asset's profiles and the site's escalation, by the same reading of
both as hub and agent have. The hub's file names its sites' assets; their profiles and probes are in
the agents' files. So an asset's profiles are taken from the agent's file where one is given, else
from the hub's, and where neither has them they are assumed, and that is said.

Times are milliseconds from when it begins, temperatures thousandths of a degree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from alerts.profiles import rules_for, storage_of
from alerts.rules import OF_VALUES, Rule
from alerts.troubles import words_of
from alerts.wording import Wording
from config.agent import AgentSettings, Asset
from config.escalation import DAYS, Duty, EscalationStep, fewest, on_duty
from config.hub import HubSettings, Site, SiteAsset
from config.profile import ALWAYS, load_profile
from firmware_agent.modem_steps import HUB_FIRST_MS, MAINS_FIRST_MS
from firmware_agent.settings import watches
from protocol.reading import decimal, split_series

ASSUMED: Final = "cn-gsp"
_EN: Final = Wording("en", "UTC", 0)
_DAY_MINUTES: Final = 24 * 60
_MAINS: Final = words_of("consecutive", "present", "below").wrong.lower()
_TEMPERATURE: Final = "temperature"


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
        for what, rules in _cases(_measured_rules(agent, asset), asset.storage):
            told = _earliest(rule for rule in rules if rule.tells)
            # Lost mains cannot wait: the site's router is without mains as well.
            wait = MAINS_FIRST_MS if what == _MAINS else HUB_FIRST_MS
            own = (Telling(told + wait, tuple(people)),) if people and told is not None else ()
            cases.append(_case(what, rules, own, held=_decides(asset)))
        name, profiles = names.get(asset.id, asset.id), tuple(asset.profiles)
        assets.append(AssetExplained(asset.id, name, profiles, "agent", tuple(_joined(cases))))
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
            _case(
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
            rules = _measured_rules(self._agents[asset.id], measured)
        elif asset.profiles:
            profiles, known_from = asset.profiles, "hub"
            rules, storage = _profile_rules(profiles), _storage(profiles)
        elif asset.kind in {"lamp", "room"}:
            return AssetExplained(asset.id, asset.name.en, (), "assumed", ())
        else:
            profiles, known_from = [ASSUMED if asset.kind != "freezer" else "freezer"], "assumed"
            rules, storage = _profile_rules(profiles), _storage(profiles)
        cases = []
        for what, seen in _cases(rules, storage):
            told = _earliest(rule for rule in seen if rule.tells)
            tells = () if told is None else self._tells(told)
            held = measured is None or _decides(measured)
            cases.append(_case(what, seen, tells, held=held))
        return AssetExplained(
            asset.id, asset.name.en, tuple(profiles), known_from, tuple(_joined(cases))
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


def _measured_rules(agent: AgentSettings, asset: Asset) -> dict[str, list[Rule]]:
    """Return the rules on an agent's asset by quantity, as its site has changed them."""
    found: dict[str, dict[str, Rule]] = {}
    for series, watch in watches(agent).items():
        name, _, quantity = split_series(series)
        if name == asset.id:
            mine = found.setdefault(quantity, {})
            mine.update({rule.id: rule for rule in watch.rules if rule.id not in mine})
    return {quantity: list(rules.values()) for quantity, rules in found.items()}


def _profile_rules(profiles: Sequence[str]) -> dict[str, list[Rule]]:
    """Return the rules of profiles by quantity, whatever of it is measured."""
    quantities = {rule.quantity for name in profiles for rule in load_profile(name).rules}
    always = rules_for(ALWAYS, _TEMPERATURE)
    found = {
        quantity: [rule for name in profiles for rule in rules_for(name, quantity)]
        for quantity in sorted(quantities)
    }
    return found | {_TEMPERATURE: [*found.get(_TEMPERATURE, ()), *always]}


def _cases(
    rules: Mapping[str, Sequence[Rule]], storage: tuple[int, int]
) -> Iterator[tuple[str, list[Rule]]]:
    """Yield what may go wrong with the rules that see it, temperature first."""
    heat = rules.get(_TEMPERATURE, [])
    for value in _temperatures(heat, storage):
        seen = [rule for rule in heat if rule.kind in OF_VALUES and _outside(rule, value)]
        if seen:
            yield f"{decimal(value).removesuffix('.0')} degC", seen
    for quantity in sorted(rules, key=lambda each: (each != _TEMPERATURE, each)):
        found: dict[str, list[Rule]] = {}
        for rule in rules[quantity]:
            if quantity == _TEMPERATURE and rule.kind in OF_VALUES:
                continue
            for side in _sides(rule):
                found.setdefault(words_of(rule.kind, quantity, side).wrong.lower(), []).append(rule)
        yield from found.items()


def _temperatures(rules: Sequence[Rule], storage: tuple[int, int]) -> Iterator[int]:
    """Yield a degree above the range, a degree below it, and one that freezes where a rule says so."""
    yield storage[1] + 1_000
    yield storage[0] - 1_000
    lows = [rule.low for rule in rules if rule.low is not None and rule.kind in OF_VALUES]
    if lows and min(lows) <= storage[0] - 1_000:
        yield (min(lows) // 1_000) * 1_000 - 1_000


def _storage(profiles: Sequence[str]) -> tuple[int, int]:
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


def _earliest(rules: Iterable[Rule]) -> int | None:
    return min((_delay(rule) for rule in rules), default=None)


def _case(
    what: str, rules: Sequence[Rule], tells: tuple[Telling, ...], *, held: bool = True
) -> Case:
    return Case(
        what,
        tuple(dict.fromkeys(rule.id for rule in rules)),
        # Every rule sounds; `tells` is about messages to people (firmware_agent/panel.py).
        _earliest(rules),
        _earliest(rule for rule in rules if rule.tells),
        tells,
        _earliest(rule for rule in rules if rule.holds) if held else None,
    )


def _decides(asset: Asset) -> bool:
    return any(point.decides for point in asset.points)


def _joined(cases: Iterable[Case]) -> Iterator[Case]:
    """Join those of which the same follows."""
    found: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        found.setdefault((case.opens_ms, case.sounds_ms, case.tells, case.holds_ms), []).append(
            case
        )
    for same in found.values():
        first = same[0]
        what = " or ".join(case.what for case in same)
        rules = tuple(dict.fromkeys(rule for case in same for rule in case.rules))
        yield replace(first, what=what, rules=rules)


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
        if not _decides(asset):
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
