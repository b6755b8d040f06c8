"""What the engine remembers of one series, and which of its rules a reading concerns."""

from __future__ import annotations

from alerts.machine import NEVER, Machine, Moment, sides
from alerts.pair import Follower
from alerts.rules import Watch
from alerts.stuck import StuckMachine


class Series:
    """What the engine remembers of one series: the last valid reading and the machines on it."""

    __slots__ = (
        "busy", "due", "followers", "high", "last", "low", "machines", "patience", "same",
        "still_gap_ms", "still_ms", "stills", "watch",
    )  # fmt: skip

    def __init__(self, watch: Watch, since: Moment) -> None:
        self.watch = watch
        self.machines: dict[str, Machine] = {}
        # The last valid reading; before the first one, the settings record that named the series.
        self.last = since
        # The first of the readings that have had the newest value.
        self.same = since
        # Machines of other series that compare this one with theirs.
        self.followers: list[Follower] = []
        self.settle()

    def arrange(self) -> None:
        """Put the machines in the order of their rules, old ones behind by name.

        The order of decisions on one record is thereby the same after a restart.
        """
        order = [f"{rule.id}:{side}" for rule in self.watch.rules for side in sides(rule)]
        order += sorted(self.machines.keys() - order)
        self.machines = {key: self.machines[key] for key in order if key in self.machines}

    def settle(self) -> None:
        """Work out anew which machines are busy and when time alone would decide something."""
        busy: list[Machine | Follower] = list(self.followers)
        stills: list[StuckMachine] = []
        low, high, patience = -NEVER, NEVER, NEVER
        for machine in self.machines.values():
            if isinstance(machine, StuckMachine):
                stills.append(machine)
            if not machine.quiet:
                busy.append(machine)
                continue
            low, high = max(low, machine.low), min(high, machine.high)
            patience = min(patience, machine.patience)
        # The machines that every reading concerns; how long after a reading time alone would decide
        # something for a quiet one; and the machines that look for a value that never changes.
        self.busy, self.patience, self.stills = busy, patience, stills
        # How long one value may last before those are told of it. One that has a run under way is
        # busy, and told of everything anyway.
        waiting = [machine.patience_ms for machine in stills if machine.quiet]
        self.still_ms = min(waiting, default=NEVER)
        # Between two equal readings farther apart than this there may have been anything.
        self.still_gap_ms = self.watch.max_gap_ms if waiting else NEVER
        # Between these limits no quiet machine wakes up.
        self.low, self.high = low, high
        self.look_ahead()

    def look_ahead(self) -> None:
        """Work out when time alone would decide something, the same machines being busy."""
        last = self.last
        due = last.t + self.patience
        for machine in self.busy:
            due = min(due, machine.due(last))
        self.due = due
