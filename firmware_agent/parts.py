"""What an agent may have beside probes and uplink: lamp, panel lines, modem, power.

Each part is a settings section of the same name, and a class that takes part in the cycle. The
agent knows none of them by name; a part that is not set up is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from config.clock import Clock
from firmware_agent.chain import Draft
from firmware_agent.health import Health
from firmware_agent.orders import Order
from firmware_agent.sampler import Taken

if TYPE_CHECKING:
    from firmware_agent.panel import PanelState
    from firmware_agent.plan import Plan


def _nobody(_: Sequence[str]) -> None:
    """End nothing."""


def _unwatched() -> None:
    """Nobody waits for that loop."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a part is made from.

    Attributes:
        settings: its own section, checked, as plain JSON values.
        plan: the agent's whole plan.
        clock: the one clock.
        health: where a part says what is wrong with it.
        wake: makes the next cycle begin at once; any thread may call it.
        end: ends the agent in order and then runs a command; for a battery that is empty.
        moved: a part with a loop of its own (LOOPING) calls it in each round, at least every 10 s;
            else systemd's watchdog is not fed.
    """

    settings: Mapping[str, Any]
    plan: Plan
    clock: Clock
    health: Health
    wake: Callable[[], None]
    end: Callable[[Sequence[str]], None] = _nobody
    moved: Callable[[], None] = _unwatched


@dataclass(frozen=True, slots=True)
class Cycle:
    """What there is to know while the records of a cycle are gathered.

    Attributes:
        now_ms: UTC, milliseconds; a guess while the clock is not right.
        mono_ms: CLOCK_BOOTTIME, milliseconds.
        synced: whether the system clock is right.
        taken: the samples of this cycle in time order, those that are not recorded among them.
    """

    now_ms: int
    mono_ms: int
    synced: bool
    taken: Sequence[Taken]


class Part(Protocol):
    """Something that takes part in the agent's cycle. No call may block for long or raise."""

    def start(self) -> None:
        """Begin: threads and lines. Called once, before the first cycle."""

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Return what is to be recorded with this cycle; they are committed with it."""

    def show(self, state: PanelState) -> None:
        """See what is open, told, unsent and wrong; called after the commit of each cycle."""

    def close(self) -> None:
        """End, and leave every line as it is safe. Called once; it takes no longer than 1 s."""


def _modem(context: Context) -> Part:
    from firmware_agent.modem import ModemPart

    return ModemPart(context)


def _power(context: Context) -> Part:
    from firmware_agent.power import PowerPart

    return PowerPart(context)


def _lamp(context: Context) -> Part:
    from firmware_agent.lamp.part import LampPart

    return LampPart(context)


def _panel_lines(context: Context) -> Part:
    from firmware_agent.panel_lines import PanelLinesPart

    return PanelLinesPart(context)


@runtime_checkable
class Orderly(Protocol):
    """A part that takes commands of the hub: those whose ``do`` begins with its section's name."""

    def order(self, order: Order) -> str | None:
        """Obey, or return why not in one word. Called by the uplink's thread."""


# Section of the settings -> its part. Each is imported only where its section is given.
PARTS: dict[str, Callable[[Context], Part]] = {
    "lamp": _lamp,
    "modem": _modem,
    "panel_lines": _panel_lines,
    "power": _power,
}

# Those with a loop of their own, which the watchdog waits for.
LOOPING = frozenset({"lamp", "modem", "panel_lines"})


def make_parts(
    plan: Plan,
    clock: Clock,
    health: Health,
    wake: Callable[[], None],
    end: Callable[[Sequence[str]], None] = _nobody,
    moved: Callable[[str], None] = lambda _: None,
) -> list[tuple[str, Part]]:
    """Return the parts that are set up, each with its name; nothing is started."""
    return [
        (name, PARTS[name](Context(settings, plan, clock, health, wake, end, partial(moved, name))))
        for name, settings in plan.parts.items()
    ]
