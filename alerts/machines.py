"""Which machine judges which kind of rule."""

from __future__ import annotations

from typing import Final

from alerts.machine import Machine
from alerts.rules import Kind, Rule, Side
from alerts.runs import RunMachine, SilenceMachine
from alerts.window import SumMachine

_KINDS: Final[dict[Kind, type[Machine]]] = {
    "consecutive": RunMachine,
    "instant": RunMachine,
    "silence": SilenceMachine,
    "cumulative": SumMachine,
}


def machine_for(rule: Rule, side: Side, stream: str, series: str, interval_ms: int) -> Machine:
    """Return a fresh machine for one side of a rule."""
    return _KINDS[rule.kind](rule, side, stream, series, interval_ms)
