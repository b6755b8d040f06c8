"""What the hub's books say: its journal, its history, its stock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select

from history.statistics import Exposure
from hub import alarms
from hub.way_tests import Standing, standing
from journal import journal
from journal.database import read
from journal.excursions import OF_HUB, ExcursionRow, listing
from ledger.exposure import Assets
from ledger.store import holds
from tests.stories.agents import StoryAgent
from tests.stories.clockwork import Clockwork, lasting, moment, spelt
from tests.stories.hubs import StoryHub


class Books:
    """For a story to look into; County is made of it."""

    clockwork: Clockwork
    hub: StoryHub | None = None

    @property
    def database(self) -> Engine:
        """The hub's database."""
        assert self.hub is not None
        assert self.hub.hub is not None
        return self.hub.hub.database

    def unexplained(self) -> list[str]:
        """Return the assets whose alarms still lack a reason or an action."""
        with read(self.database) as conn:
            return [each.asset for each in alarms.unexplained(conn)]

    def tests(self) -> Standing:
        """Return how the newest monthly test stands, as status and console show it."""
        assert self.hub is not None
        people = [person.id for person in self.hub.settings.people]
        with read(self.database) as conn:
            return standing(conn, people, self.clockwork.now)

    def exposure(self, fridge: str, start: str, end: str) -> Exposure:
        """Return what the history says that the fridge's stock went through between these times."""
        assert self.hub is not None
        assert self.hub.hub is not None
        asset = f"east-gate/fridge-{fridge.removeprefix('Fridge ')}"
        times = [moment(time, self.clockwork.now) for time in (start, end)]
        with read(self.database) as conn:
            assets = Assets(conn, self.hub.hub.history)
            assets.need(asset, times)
            return assets.between(asset, *times)

    def doses_on_hold(self, lot: str) -> int:
        """Return how many doses of a lot nobody may use."""
        with read(self.database) as conn:
            held = conn.execute(
                select(holds.c.parcel, holds.c.doses).where(
                    holds.c.batch == f"MMR/{lot}", holds.c.issued.is_(False)
                )
            )
            # Two rules may hold the same parcel; its doses are there once.
            return sum({row.parcel: row.doses for row in held}.values())

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
        with read(self.database) as conn:
            return sorted(listing(conn), key=lambda row: (row.start, row.opened))

    def entries(self, type_: str) -> list[journal.Entry]:
        """Return the entries of a type, the oldest first."""
        with read(self.database) as conn:
            return [entry for entry in journal.entries(conn, types=type_) if entry.type == type_]

    def agrees_with(self, name: str, agent: StoryAgent) -> None:
        """Both sides decide the same, for they run the same engine on the same records."""
        if agent.agent is None or not agent.link.connected or agent.agent.uplink.unsent:
            return
        here = set(agent.agent._writer.judge.open)
        there = {
            row.id
            for row in self.excursions()
            if row.device == name and row.end is None and row.kind not in OF_HUB
        }
        assert here == there, f"{name} has {here} open, the hub {there}"
