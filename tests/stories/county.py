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

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from alerts.segments import split
from config.hub import HubSettings
from firmware_agent import uplink, watch
from hub import service
from hub.alarms import acknowledge, by_code, explain
from journal import journal
from journal.database import read, write
from tests.stories.agents import Probe, StoryAgent
from tests.stories.books import Books
from tests.stories.broker import Broker, Flapping
from tests.stories.clockwork import SECOND, Clockwork, StoryClock, lasting, moment, spelt
from tests.stories.hubs import Cupboard, StoryHub
from tests.stories.phones import HubKilledError, Modem, Sms
from tests.stories.settings import CENTER, LANGUAGES, PHONES, Point, agent_table, hub_table
from tests.stories.spoken import in_language
from tests.stories.things import Device, Fridge
from tests.stories.watchers import StoryWatcher

# One before the modem has a message, one behind that.
KILLS: Final = 2


class County(Books):
    """A hub, its sites, its people, and the story's pen.

    ``hub_is_killed``: between all steps of the story, behind every batch that brought an excursion,
    and in the midst of handing over the first messages, before or behind the modem's taking one.
    """

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, *, hub_is_killed: bool = False
    ) -> None:
        self._folder = folder
        self._hub_is_killed = hub_is_killed
        self._patch = patch
        self._phones: list[Sms] = []
        self._agents: dict[str, StoryAgent] = {}
        self.probes: dict[str, Probe] = {}
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
        sampling: str = "1min",
        record_every: str = "1min",
        fridges: int = 2,
        devices: int = 1,
        points: Sequence[Point] = (CENTER,),
        rules: Sequence[dict[str, Any]] = (),
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
        ``killed_seldom``: for storms; then only while it hands its first messages over.
        ``rules``: of the profiles, that its agents make tighter or looser.
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
        for module in (service, uplink):
            patch.setattr(module, "time", StoryClock(self.clockwork))
        for way in ways:
            self._add_modem(way).on_submit = self._submitting
        table = hub_table(
            self._folder / "hub", fridges, devices, steps, dict(site or {}), hub_settings
        )
        settings = HubSettings.model_validate(table)
        channels = {way.replace("hub's ", ""): self._modems[way] for way in ways}
        self.hub = StoryHub(self.clockwork, settings, channels)
        self.hub.killed_behind_everything = self._hub_is_killed and not killed_seldom
        if hub_looks_every:
            self.hub.looks_every(lasting(hub_looks_every))
        self.clockwork.actors.append(self.hub)
        self.hub.start()
        pace = {"every": sampling, "record_every": record_every}
        for each in table["sites"]:
            folder = self._folder / each["devices"][0]
            of_agent = agent_table(
                folder,
                each,
                profiles,
                points,
                pace,
                rules=rules,
                own_modem=own_modem,
                panel=panel,
            )
            self._add_agent(each, points, of_agent)
        if hub_looks_every:
            for agent in self._agents.values():
                agent.uplink_every_ms = lasting(hub_looks_every)
        return self

    def _add_modem(self, name: str) -> Modem:
        modem = Modem(self.clockwork, name, self._phones)
        self._modems[name] = modem
        self.clockwork.actors.append(modem)
        return modem

    def _add_agent(self, site: dict[str, Any], points: Sequence[Point], table: Any) -> None:
        device = site["devices"][0]
        probes = {
            f"{asset['id']}/{point.name}/{point.quantity}": Probe(self.clockwork.now, point.value)
            for asset in site["assets"]
            for point in points
        }
        self.probes |= probes
        modem = self._add_modem(f"{device}'s modem") if "modem" in table else None
        self._agents[device] = StoryAgent(self.clockwork, table, probes, modem)
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
        if not self._hub_is_killed or key in self._submitted or len(self._submitted) >= KILLS:
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

    def broker_loses_power(self) -> County:
        """Take the broker away: it speaks no will, and what it had retained is on its disk."""
        self.broker.loses_power()
        return self

    def broker_has_power_again(self) -> County:
        """Let it begin anew."""
        self.broker.has_power_again()
        return self

    def broker_flaps(self, *, every: str) -> County:
        """Let it lose its power for a moment, from now on that often."""
        self.clockwork.actors.append(Flapping(self.clockwork, self.broker, lasting(every)))
        return self

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

    def answers(self, name: str, text: str = "", *, by: str = "hub's modem") -> County:
        """Let somebody answer the newest alarm that they were told of."""
        code = self.code(name)
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

    def answers_on_the_page(self, name: str) -> County:
        """Let somebody answer at the console."""
        with write(self.database) as conn:
            (known,) = by_code(conn, name.lower(), self.code(name), self.clockwork.now)
            acknowledge(conn, known.id, person=name.lower(), way="console", now=self.clockwork.now)
        return self._hub_hears()

    def explains_on_the_page(self, name: str, reason: Any, action: str) -> County:
        """Let somebody say at the console why it came and what was done."""
        with write(self.database) as conn:
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
                with read(self.database) as conn:
                    assert not list(journal.verify(conn))
                for name, agent in self._agents.items():
                    self.agrees_with(name, agent)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of every file."""
        for agent in self._agents.values():
            agent.die()
        if self.hub is not None:
            self.hub.die()
        if self.watcher is not None:
            self.watcher.die()
