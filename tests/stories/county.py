"""The language of the stories: a small county, what befalls it, and who must be told when.

    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT", "9.2"])
    county.expect_silence(until="03:00")

Everything behind it is real: the agent with its spool and engine (tests/stories/agents.py), the hub
with its intake, its outbox, its watchmen, its databases and its journal (tests/stories/hubs.py). Of
the test are the probes, the broker, the modems and the time, which moves only where a story says so.

A message that no story expects is a failure, as is one that does not come.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from sqlalchemy import Engine, select

from alerts.segments import split
from config.hub import HubSettings
from firmware_agent import uplink, watch
from history.statistics import Exposure
from hub import service
from hub.alarms import acknowledge, by_code, explain, unexplained
from journal import journal, work
from journal.database import read, write
from journal.excursions import OF_HUB, ExcursionRow, listing
from ledger.batches import receive
from ledger.exposure import Assets
from ledger.store import holds
from tests.stories.agents import BUTTON, BUZZER, Probe, StoryAgent, agent_table
from tests.stories.broker import Broker
from tests.stories.clockwork import SECOND, Clockwork, StoryClock, lasting, moment, spelt
from tests.stories.hubs import Cupboard, StoryHub
from tests.stories.phones import HubKilledError, Modem, Sms
from tests.stories.spoken import in_language
from tests.stories.watchers import StoryWatcher

EVERYBODY: Final = ("Li", "Wang", "Amy")

_PEOPLE: Final = (
    ("Li", "Li Na", "zh"),
    ("Wang", "Wang Jun", "zh"),
    ("Amy", "Amy", "en"),
    ("Zhao", "Zhao Min", "zh"),
    ("Chen", "Chen Qiang", "zh"),
    ("Ben", "Ben", "en"),
)
PHONES: Final = {name: f"+861390000000{n}" for n, (name, _, _) in enumerate(_PEOPLE, 1)}
LANGUAGES: Final = {name: language for name, _, language in _PEOPLE}


@dataclass(frozen=True, slots=True)
class Point:
    """One measuring place, and what its probe says before the story begins."""

    name: str
    quantity: str
    value: int
    decides: bool = False
    calibration: dict[str, Any] | None = None

    def table(self) -> dict[str, Any]:
        """Return what stands in agent.toml."""
        driver = {"kind": "simulated"}
        if self.quantity == "temperature":
            driver = {"kind": "ds18b20", "id": "28-0316a2794fff"}
        table = {
            "name": self.name,
            "quantity": self.quantity,
            "decides": self.decides,
            "driver": driver,
        }
        return table | ({"calibration": self.calibration} if self.calibration else {})


CENTER: Final = Point("center", "temperature", 5_000, decides=True)
UPPER: Final = Point("upper", "temperature", 5_000, decides=True)
DOOR: Final = Point("door", "open", 0)
MAINS: Final = Point("mains", "present", 1_000)


class County:
    """A hub, its sites, its people, and the story's pen.

    ``hub_is_killed``: between all steps of the story, behind every batch that brought an excursion,
    and in the midst of handing over each message, before or behind the modem's taking it.
    """

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, *, hub_is_killed: bool = False
    ) -> None:
        self._folder = folder
        self._hub_is_killed = hub_is_killed
        self._patch = patch
        self._phones: list[Sms] = []
        self._agents: dict[str, StoryAgent] = {}
        self._probes: dict[str, Probe] = {}
        self._modems: dict[str, Modem] = {}
        self._submitted: set[str] = set()
        self._restarted_at = 0
        self._killed_seldom = False
        self.broker = Broker()
        self.hub: StoryHub | None = None
        self.watcher: StoryWatcher | None = None

    # --- how it is set up ---

    def begins(
        self,
        at: str = "01:00",
        *,
        profiles: Sequence[str] = ("cn-gsp",),
        sampling: str = "30s",
        record_every: str = "1min",
        fridges: int = 2,
        devices: int = 1,
        points: Sequence[Point] = (CENTER,),
        own_modem: bool = False,
        panel: bool = False,
        ways: Sequence[str] = ("hub's modem",),
        hub_looks_every: str = "",
        killed_seldom: bool = False,
        steps: Sequence[dict[str, Any]] = (),
        site: dict[str, Any] | None = None,
        **hub_settings: Any,
    ) -> County:
        """Begin the story: one site or several, each with a Pi and its fridges, all at 5.0.

        ``hub_looks_every``: for stories of many hours, in which a minute does not matter.
        ``killed_seldom``: for storms; then only while it hands its first message over.
        ``steps``: of the escalation; without them everybody is told once.
        ``site``: more of each [[sites]] of the hub; what else there is, of its settings.
        """
        self.clockwork = Clockwork(at)
        self._killed_seldom = killed_seldom
        patch, broker = self._patch, self.broker
        Cupboard.away = ""
        for module in (service, uplink, watch):
            patch.setattr(module, "Connection", broker.link)
        patch.setattr(service, "Shield", Cupboard)
        patch.setattr(uplink, "time", StoryClock(self.clockwork))
        for way in ways:
            self._add_modem(way).on_submit = self._submitting
        table = self._hub_table(fridges, devices, dict(site or {}), hub_settings)
        if steps:
            table["escalations"] = [{"id": "county", "steps": list(steps)}]
            for each in table["sites"]:
                each["escalation"] = "county"
        settings = HubSettings.model_validate(table)
        channels = {way.replace("hub's ", ""): self._modems[way] for way in ways}
        self.hub = StoryHub(self.clockwork, settings, channels)
        self.hub.killed_behind_everything = self._hub_is_killed and not killed_seldom
        if hub_looks_every:
            self.hub.looks_every(lasting(hub_looks_every))
        self.clockwork.actors.append(self.hub)
        self.hub.start()
        for site in table["sites"]:
            pace = {"every": sampling, "record_every": record_every}
            self._add_agent(site, profiles, pace, points, own_modem=own_modem, panel=panel)
        if hub_looks_every:
            for agent in self._agents.values():
                agent.uplink_every_ms = lasting(hub_looks_every)
        return self

    def _hub_table(
        self, fridges: int, devices: int, of_site: dict[str, Any], more: dict[str, Any]
    ) -> dict[str, Any]:
        sites = [
            {
                "id": f"site-{n}" if n > 1 else "east-gate",
                "name": {"zh": f"{n}号接种点", "en": f"Point {n}"}
                if n > 1
                else {"zh": "东门接种点", "en": "East Gate"},
                "kind": "fixed",
                "devices": [f"pi-{n}"],
                "tell": [name.lower() for name in EVERYBODY],
                "assets": [
                    {"id": f"fridge-{k}", "name": {"zh": f"{k}号冰箱", "en": f"Fridge {k}"}}
                    for k in range((n - 1) * fridges + 1, n * fridges + 1)
                ],
            }
            | of_site
            for n in range(1, devices + 1)
        ]
        people = [
            {"id": name.lower(), "name": full, "phone": PHONES[name], "language": language}
            for name, full, language in _PEOPLE
        ]
        return {
            "state_dir": self._folder / "hub",
            "console": {"enabled": False},
            "metrics": {"enabled": False},
            "people": people,
            "sites": sites,
        } | more

    def _add_modem(self, name: str) -> Modem:
        modem = Modem(self.clockwork, name, self._phones)
        self._modems[name] = modem
        self.clockwork.actors.append(modem)
        return modem

    def _add_agent(
        self,
        site: dict[str, Any],
        profiles: Sequence[str],
        pace: dict[str, str],
        points: Sequence[Point],
        *,
        own_modem: bool,
        panel: bool,
    ) -> None:
        device = site["devices"][0]
        assets, probes = [], {}
        for asset in site["assets"]:
            table = [point.table() for point in points]
            assets.append({"id": asset["id"], "profiles": list(profiles), "points": table})
            for point in points:
                series = f"{asset['id']}/{point.name}/{point.quantity}"
                probes[series] = Probe(self.clockwork.now, point.value)
        sections: dict[str, Any] = {"sampling": pace}
        modem = None
        if own_modem:
            modem = self._add_modem(f"{device}'s modem")
            sections["modem"] = {
                "database": str(self._folder / "unused.db"),
                "site_name": site["name"],
                "tell": [
                    {"id": name.lower(), "name": name, "phone": PHONES[name], "language": language}
                    for name, language in LANGUAGES.items()
                    if name in EVERYBODY
                ],
                "assets": [{"id": each["id"], "name": each["name"]} for each in site["assets"]],
            }
        if panel:
            sections["panel_lines"] = {"buzzer": {"line": BUZZER}, "button": {"line": BUTTON}}
            sections["gpio"] = {"adapter": "folder", "folder": str(self._folder / "lines")}
        self._probes |= probes
        folder = self._folder / device
        agent_settings = agent_table(folder, site["id"], device, assets, **sections)
        self._agents[device] = StoryAgent(self.clockwork, agent_settings, probes, modem)
        self.clockwork.actors.append(self._agents[device])

    def is_watched(self) -> County:
        """Let `coldwatch watch` run on another Pi, with a modem of its own; it tells Amy."""
        modem = self._add_modem("watcher's modem")
        people = [{"id": "amy", "name": "Amy", "phone": PHONES["Amy"], "language": "en"}]
        self.watcher = StoryWatcher(self.clockwork, self._folder / "watch", modem, people)
        self.clockwork.actors.append(self.watcher)
        assert self.hub is not None
        # Its heart beats when it looks after its devices.
        self.hub.watch_ms = 30 * SECOND
        return self

    # --- time ---

    def at(self, time: str) -> County:
        """Let time pass until then."""
        self._step()
        at = moment(time, self.clockwork.now, ahead=True)
        # What is due at that very moment comes behind what the story does then.
        self.clockwork.run_until(at - 1)
        self.clockwork.now = at
        return self

    until = at

    def _step(self) -> None:
        """Between two steps of a story the hub may be killed and begun anew."""
        if not self._hub_is_killed or self._killed_seldom:
            return
        if self._restarted_at == self.clockwork.now:
            return
        self._restarted_at = self.clockwork.now
        if self.hub is not None and self.hub.hub is not None:
            self.hub.restart()

    def _submitting(self, key: str, when: str) -> None:
        """Kill the hub while it hands a message over: before the modem has it, or behind that."""
        if not self._hub_is_killed or key in self._submitted:
            return
        if self._killed_seldom and self._submitted:
            return
        kill = "after" if len(self._submitted) % 2 else "before"
        if when == kill:
            self._submitted.add(key)
            raise HubKilledError

    # --- what befalls it ---

    def fridge(self, name: str) -> Fridge:
        """Turn to a fridge."""
        return Fridge(self, f"fridge-{name.removeprefix('Fridge ')}")

    def device(self, name: str = "pi-1") -> Device:
        """Turn to a Raspberry Pi."""
        return Device(self, self._agents[name])

    def modem(self, name: str = "hub's modem") -> Modem:
        """Turn to a modem."""
        return self._modems[name]

    def hub_dies(self) -> County:
        """Take the hub's power away."""
        assert self.hub is not None
        self.hub.die()
        return self

    def hub_begins(self) -> County:
        """Give it back."""
        assert self.hub is not None
        self.hub.start()
        return self

    def restart_hub(self) -> County:
        """Kill the hub, and begin it anew at once."""
        assert self.hub is not None
        self.hub.restart()
        return self

    def history_is_away(self, why: str = "the disk of the history is full") -> County:
        """Let the history store take nothing."""
        Cupboard.away = why
        return self

    def history_is_back(self) -> County:
        """Let it take records again."""
        Cupboard.away = ""
        return self

    # --- people ---

    def answers(
        self, name: str, text: str = "", *, of: str = "", by: str = "hub's modem"
    ) -> County:
        """Let somebody answer the newest alarm they were told of (or whose code is ``of``'s)."""
        code = self.code(of or name)
        self._modems[by].gets(PHONES[name], f"{code} {text}".strip())
        return self._hub_hears()

    def writes(self, name: str, text: str, *, by: str = "hub's modem") -> County:
        """Let somebody, or a number that nobody knows, send these words."""
        self._modems[by].gets(PHONES.get(name, name), text)
        return self._hub_hears()

    def _hub_hears(self) -> County:
        assert self.hub is not None
        self.hub.looks_now()
        return self

    def answers_on_the_page(self, name: str, of: str = "") -> County:
        """Let somebody answer at the console."""
        with write(self._database) as conn:
            (known,) = by_code(conn, name.lower(), self.code(of or name), self.clockwork.now)
            acknowledge(conn, known.id, person=name.lower(), way="console", now=self.clockwork.now)
        return self._hub_hears()

    def explains_on_the_page(self, name: str, reason: Any, action: str) -> County:
        """Let somebody say at the console why it came and what was done."""
        with write(self._database) as conn:
            (known,) = by_code(conn, name.lower(), self.code(name), self.clockwork.now)
            explain(
                conn, known.id, person=name.lower(), reason=reason, action=action, text="",
                way="console", now=self.clockwork.now,
            )  # fmt: skip
        return self._hub_hears()

    def code(self, name: str) -> str:
        """Return the code in the newest SMS to somebody that has one."""
        for sms in reversed(self._phones):
            found = re.search(r"Answer (\d{4})|回复(\d{4})", sms.text)
            if sms.phone == PHONES[name] and found is not None:
                return found[1] or found[2]
        raise AssertionError(f"{name} has no SMS with a code; {self._account()}")

    def unexplained(self) -> list[str]:
        """Return the assets whose alarms still lack a reason or an action."""
        with read(self._database) as conn:
            return [each.asset for each in unexplained(conn)]

    @property
    def _database(self) -> Engine:
        assert self.hub is not None
        assert self.hub.hub is not None
        return self.hub.hub.database

    # --- what must follow ---

    def expect_sms(
        self,
        *,
        to: str | Iterable[str],
        between: tuple[str, str],
        says: Sequence[str] = (),
        by: str = "",
    ) -> list[str]:
        """Expect one message to each of them between these times; return what they say."""
        self._step()
        first, last = (moment(time, self.clockwork.now) for time in between)
        self.clockwork.run_until(last)
        return [
            self._expect(name, first, last, says, by)
            for name in ((to,) if isinstance(to, str) else to)
        ]

    def _expect(self, name: str, first: int, last: int, says: Sequence[str], by: str) -> str:
        words = [in_language(word, LANGUAGES[name]) for word in says]
        for sms in self._phones:
            if (
                not sms.met
                and sms.phone == PHONES[name]
                and first <= sms.at <= last
                and all(word in sms.text for word in words)
                and by in ("", sms.way)
            ):
                sms.met = True
                return sms.text
        raise AssertionError(
            f"no SMS to {name} between {spelt(first)} and {spelt(last)} that says {words}"
            + (f" by {by}" if by else "")
            + f"; {self._account()}"
        )

    def expect_silence(self, *, until: str) -> County:
        """Expect no message that was not expected before, from the last step on until then."""
        self.at(until)
        self.expect_nothing_more()
        return self

    def expect_nothing_more(self) -> None:
        """Expect that every message so far was expected."""
        surplus = [str(sms) for sms in self._phones if not sms.met]
        assert not surplus, f"nobody expected {surplus}; {self._account()}"

    def _account(self) -> str:
        lines = [f"  {'expected' if sms.met else 'NOT MET '} {sms}" for sms in self._phones]
        return "all messages:\n" + "\n".join(lines or ["  none"])

    def exposure(self, fridge: str, start: str, end: str) -> Exposure:
        """Return what the history says that the fridge's stock went through between these times."""
        assert self.hub is not None
        assert self.hub.hub is not None
        asset = f"east-gate/fridge-{fridge.removeprefix('Fridge ')}"
        times = [moment(time, self.clockwork.now) for time in (start, end)]
        with read(self.hub.hub.database) as conn:
            assets = Assets(conn, self.hub.hub.history)
            assets.need(asset, times)
            return assets.between(asset, *times)

    def doses_on_hold(self, lot: str) -> int:
        """Return how many doses of a lot nobody may use."""
        with read(self._database) as conn:
            held = conn.execute(
                select(holds.c.parcel, holds.c.doses).where(
                    holds.c.batch == f"MMR/{lot}", holds.c.issued.is_(False)
                )
            )
            # Two rules may hold the same parcel; its doses are there once.
            return sum({parcel: doses for parcel, doses in held}.values())

    def expect_excursion(self, rule: str, **facts: str | None) -> ExcursionRow:
        """Expect exactly one excursion of this rule, with these facts: times, lengths, words."""
        found = [row for row in self.excursions() if row.rule == rule]
        assert len(found) == 1, f"{len(found)} excursions of {rule}: {found}"
        self._facts(found[0], facts)
        return found[0]

    def _facts(self, row: ExcursionRow, facts: dict[str, str | None]) -> None:
        for name, wanted in facts.items():
            if name in ("held", "unknown"):
                have: Any = getattr(row, f"{name}_ms")
                assert wanted is not None
                assert have == lasting(wanted), f"{name}: {have / 60_000} min, not {wanted}"
            elif name in ("start", "opened", "end"):
                have = getattr(row, name)
                if wanted is None or have is None:
                    assert have is wanted, f"{name} is {have and spelt(have)}, not {wanted}"
                else:
                    expected = moment(wanted, have)
                    assert have == expected, f"{name} is {spelt(have)}, not {wanted}"
            else:
                have = getattr(row, name)
                assert have == wanted, f"{name} is {have}, not {wanted}"

    def excursions(self) -> list[ExcursionRow]:
        """Return what the hub's journal has, the oldest first."""
        with read(self._database) as conn:
            return sorted(listing(conn), key=lambda row: (row.start, row.opened))

    def entries(self, type_: str) -> list[journal.Entry]:
        """Return the entries of a type, the oldest first."""
        with read(self._database) as conn:
            return [entry for entry in journal.entries(conn, types=type_) if entry.type == type_]

    def ends(self) -> None:
        """End the story, and hold what every story must hold. Everything is closed.

        No message is left over; each fits one SMS; the journal's chain is whole; and whoever is
        connected has the same excursions open as the hub.
        """
        try:
            self.expect_nothing_more()
            long = [str(sms) for sms in self._phones if len(split(sms.text)) > 1]
            assert not long, f"more than one SMS: {long}"
            if self.hub is not None and self.hub.hub is not None:
                with read(self._database) as conn:
                    assert not list(journal.verify(conn))
                self._agree()
        finally:
            self.close()

    def _agree(self) -> None:
        """Both sides decide the same, for they run the same engine on the same records."""
        rows = self.excursions()
        for name, agent in self._agents.items():
            if agent.agent is None or not agent.link.connected or agent.agent.uplink.unsent:
                continue
            here = set(agent.agent._writer.judge.open)
            there = {row.id for row in rows if row.device == name and row.end is None}
            there = {row.id for row in rows if row.id in there and row.kind not in OF_HUB}
            assert here == there, f"{name} has {here} open, the hub {there}"

    def close(self) -> None:
        """Let go of every file."""
        for agent in self._agents.values():
            agent.die()
        if self.hub is not None:
            self.hub.die()
        if self.watcher is not None:
            self.watcher.die()


class Fridge:
    """One fridge, as its probes see it."""

    def __init__(self, county: County, asset: str) -> None:
        self._county = county
        self._asset = asset

    def reads(
        self, value: float, *, every: str = "", for_: str = "", point: str = "center"
    ) -> County:
        """Be so warm from now on; ``every``: its probe answers no more often than that."""
        return self._says(point, "temperature", round(value * 1000), every, for_)

    def receives(self, lot: str, doses: int) -> County:
        """Take doses of MMR in."""
        county = self._county
        with write(county._database) as conn:
            receive(
                conn,
                product="MMR",
                lot=lot,
                expiry=dt.date(2027, 12, 31),
                doses=doses,
                asset=f"east-gate/{self._asset}",
                now=county.clockwork.now,
                actor="Li",
            )
        return county

    def is_worked_on(self, *, until: str, reason: str = "defrosting") -> County:
        """Let Li announce work on it, from now until then."""
        county = self._county
        now = county.clockwork.now
        with write(county._database) as conn:
            asset = f"east-gate/{self._asset}"
            work.plan(conn, asset, now, moment(until, now), reason, "li", now=now)
        return county

    def is_silent(self, *, for_: str = "", point: str = "center") -> County:
        """Let its probe say nothing."""
        return self._says(point, "temperature", None, "", for_)

    def door_opens(self, *, for_: str = "") -> County:
        """Open its door."""
        return self._says("door", "open", 1_000, "", for_)

    def loses_mains(self, *, for_: str = "") -> County:
        """Take its mains away."""
        return self._says("mains", "present", 0, "", for_)

    def _says(self, point: str, quantity: str, value: int | None, every: str, for_: str) -> County:
        county = self._county
        now = county.clockwork.now
        until = now + lasting(for_) if for_ else None
        probe = county._probes[f"{self._asset}/{point}/{quantity}"]
        probe.says(now, value, lasting(every) if every else 0, until)
        return county


class Device:
    """One Raspberry Pi."""

    def __init__(self, county: County, agent: StoryAgent) -> None:
        self._county = county
        self._agent = agent

    def loses_its_link(self) -> County:
        """Cut it off from the broker."""
        self._agent.link.cut()
        return self._county

    def has_its_link_again(self) -> County:
        """Connect it again."""
        self._agent.link.mend()
        return self._county

    def loses_power(self) -> County:
        """Switch it off."""
        self._agent.die()
        return self._county

    def has_power_again(self, *, clock: Literal["right", "1970"] = "right") -> County:
        """Switch it on; without a clock chip it believes that it is 1970."""
        wall_ms = 60_000 if clock == "1970" else self._county.clockwork.now
        self._agent.synchronised = clock == "right"
        self._agent.boot(wall_ms=wall_ms)
        return self._county

    def learns_the_time(self) -> County:
        """Let its clock be set by the network."""
        self._agent.clock.off_ms = 0
        self._agent.synchronised = True
        return self._county

    def clock_jumps(self, by: str) -> County:
        """Let its wall clock step, ``2h`` forward or ``-2h`` back."""
        sign = -1 if by.startswith("-") else 1
        self._agent.clock.off_ms += sign * lasting(by.removeprefix("-"))
        return self._county

    def is_watched_by(self, *profiles: str) -> County:
        """Give it new settings, in which other profiles watch its fridges; its program starts anew."""
        agent = self._agent
        agent.die()
        for asset in agent.settings["assets"]:
            asset["profiles"] = list(profiles)
        agent.start()
        return self._county

    def has_its_button_pressed(self) -> County:
        """Let somebody press the button beside the fridge."""
        self._agent.presses()
        return self._county

    @property
    def buzzes(self) -> bool:
        """Whether its buzzer is heard."""
        return self._agent.buzzes

    @property
    def sounds(self) -> bool:
        """Whether its buzzer is on."""
        assert self._agent.agent is not None
        state = self._agent.agent.panel.state
        return state is not None and state.sounding

    @property
    def light(self) -> str:
        """What its light shows: ``inside``, ``outside`` or ``fault``."""
        assert self._agent.agent is not None
        state = self._agent.agent.panel.state
        return state.light if state is not None else ""
