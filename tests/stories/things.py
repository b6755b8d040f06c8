"""What a story turns to: a fridge as its probes see it, and a Raspberry Pi."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

from journal import journal, work
from journal.database import write
from ledger.batches import receive
from tests.stories.agents import StoryAgent
from tests.stories.clockwork import MINUTE, lasting, moment

if TYPE_CHECKING:
    from tests.stories.county import County


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

    def warms(self, start: float, *, by: float, for_: str) -> County:
        """Warm up from a value, by so much in each minute."""
        county = self._county
        probe = county.probes[f"{self._asset}/center/temperature"]
        for minute in range(lasting(for_) // MINUTE):
            at = county.clockwork.now + minute * MINUTE
            probe.says(at, round(1000 * (start + by * minute)), 0, None)
        return county

    def receives(self, lot: str, doses: int) -> County:
        """Take doses of MMR in."""
        county = self._county
        with write(county.database) as conn:
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
        with write(county.database) as conn:
            asset = f"east-gate/{self._asset}"
            work.plan(conn, asset, now, moment(until, now), reason, "li", now=now)
        return county

    def is_silent(self, *, for_: str = "", point: str = "center") -> County:
        """Let its probe, or a contact, say nothing."""
        contact = {"mains": "present", "door": "open"}
        return self._says(point, contact.get(point, "temperature"), None, "", for_)

    def door_opens(self, *, for_: str = "") -> County:
        """Open its door."""
        return self._says("door", "open", 1_000, "", for_)

    def loses_mains(self, *, for_: str = "") -> County:
        """Take its mains away."""
        return self._says("mains", "present", 0, "", for_)

    def wears_its_card(self, percent: int) -> County:
        """Let the card of its Raspberry Pi say that so much of its life is used."""
        return self._says("card", "card_worn", percent * 1_000, "", "")

    def _says(self, point: str, quantity: str, value: int | None, every: str, for_: str) -> County:
        county = self._county
        now = county.clockwork.now
        until = now + lasting(for_) if for_ else None
        probe = county.probes[f"{self._asset}/{point}/{quantity}"]
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

    def warns_of_its_lamp(self, warning: str) -> County:
        """Let an event of it come in that says what its UV lamp needs."""
        county = self._county
        now = county.clockwork.now
        body = {"device": "pi-1", "at": now, "body": {"warning": warning}}
        with write(county.database) as conn:
            journal.append(
                conn, at=now, actor="device", type="device.lamp.warning",
                subject="east-gate/lamp-1", body=body,
            )  # fmt: skip
        return county

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
