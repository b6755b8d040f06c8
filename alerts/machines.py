"""Which machine judges which kind of rule."""

from __future__ import annotations

from typing import Final

from alerts.machine import Machine
from alerts.pair import PairMachine
from alerts.rate import RateMachine
from alerts.rules import Kind, Rule, Side, Watch
from alerts.runs import RunMachine, SilenceMachine
from alerts.stuck import StuckMachine
from alerts.window import SumMachine

_KINDS: Final[dict[Kind, type[Machine]]] = {
    "consecutive": RunMachine,
    "instant": RunMachine,
    "silence": SilenceMachine,
    "cumulative": SumMachine,
    "disagreement": PairMachine,
    "rate": RateMachine,
    "stuck": StuckMachine,
}


def machine_for(rule: Rule, side: Side, stream: str, watch: Watch) -> Machine:
    """Return a fresh machine for one side of a rule on the series of ``watch``."""
    return _KINDS[rule.kind](rule, side, stream, watch)
