"""What the engine remembers of one series, and which of its rules a reading concerns."""

from __future__ import annotations

from alerts.machine import NEVER, Machine, Moment, sides
from alerts.rules import Watch


class Series:
    """What the engine remembers of one series: the last valid reading and the machines on it."""

    __slots__ = ("busy", "due", "high", "last", "low", "machines", "patience", "watch")

    def __init__(self, watch: Watch, since: Moment) -> None:
        self.watch = watch
        self.machines: dict[str, Machine] = {}
        # The last valid reading; before the first one, the settings record that named the series.
        self.last = since
        # The machines that every reading concerns, and between which limits no other one wakes up.
        self.busy: list[Machine] = []
        self.low = NEVER
        self.high = -NEVER
        # When time alone would decide something; for quiet machines, how long after a reading.
        self.due = NEVER
        self.patience = NEVER

    def arrange(self) -> None:
        """Put the machines in the order of their rules, old ones behind by name.

        The order of decisions on one record is thereby the same after a restart.
        """
        order = [f"{rule.id}:{side}" for rule in self.watch.rules for side in sides(rule)]
        order += sorted(self.machines.keys() - order)
        self.machines = {key: self.machines[key] for key in order if key in self.machines}

    def settle(self) -> None:
        """Work out anew which machines are busy and when time alone would decide something."""
        busy = []
        low, high, patience = -NEVER, NEVER, NEVER
        for machine in self.machines.values():
            if not machine.quiet:
                busy.append(machine)
                continue
            low, high = max(low, machine.low), min(high, machine.high)
            patience = min(patience, machine.patience)
        self.busy, self.patience = busy, patience
        # Before the first reading every machine is told of what comes.
        self.low, self.high = (low, high) if self.last.valid else (NEVER, -NEVER)
        self.look_ahead()

    def look_ahead(self) -> None:
        """Work out when time alone would decide something, the same machines being busy."""
        last = self.last
        due = last.t + self.patience
        for machine in self.busy:
            due = min(due, machine.due(last))
        self.due = due
