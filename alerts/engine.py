"""The excursion engine: (state, record) -> (state, decisions), the same in agent and hub.

It is fed the committed records of one stream in their order and nothing else: no clock, no
settings but those in the stream, nothing sent. Equal records give equal decisions, whatever the
batches they come in and wherever the state was saved and loaded in between. The rules are those
of design.md, "Excursions, exactly"; the state machines of one rule on one side are in
alerts/runs.py, window.py, rate.py, stuck.py and pair.py.

Time. ``t`` is the stream's own time in milliseconds: within one boot it follows the monotonic
clock, so a step of the wall clock makes and hides nothing; between boots it follows ``at``, and
where either side of a reboot is only estimated, a reading of the earlier boot holds for one
interval at most and the rest is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from alerts.decisions import Decision
from alerts.machine import NEVER, Machine, Moment, sides
from alerts.machines import machine_for
from alerts.pair import Follower, PairMachine
from alerts.rules import Rule, Side, Watch, watches_from_record
from alerts.series import Series
from protocol.reading import SYNCED, Reading

# What a NamedTuple's own constructor does, without its detour: one is made of every reading.
_new: Final = tuple.__new__


class Thread(NamedTuple):
    """Excursions of one rule that people see as one: the first one's id, and what it is about."""

    id: str
    series: str
    rule: str
    side: Side


class StreamEngine:
    """Judges one stream. It owns its state; ``dump`` and ``load`` move that state through JSON."""

    __slots__ = (
        "_at", "_boot", "_due", "_epoch", "_mono", "_series", "_synced", "_t", "stream", "watches",
    )  # fmt: skip

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.watches: dict[str, Watch] = {}
        self._series: dict[str, Series] = {}
        self._t = 0
        self._epoch = 0
        self._boot = ""
        self._mono = 0
        self._at = 0
        self._synced = True
        self._due = NEVER

    # --- records -------------------------------------------------------------------------

    def feed(self, reading: Reading) -> list[Decision]:
        """Judge one reading; see :meth:`judge`."""
        return self.judge(
            reading.seq,
            reading.series,
            reading.at,
            reading.boot,
            reading.mono_ms,
            reading.value if reading.judged else None,
            synced=reading.clock == SYNCED,
        )

    def judge(
        self,
        seq: int,
        series: str,
        at: int,
        boot: str,
        mono_ms: int,
        value: int | None,
        *,
        synced: bool,
    ) -> list[Decision]:
        """Judge one reading given by its fields; ``value`` is None where it may not be judged.

        Returns the decisions it brings, in the order in which they came about. A series that no
        settings record has named is not judged, but its time counts for the others.
        """
        if boot == self._boot:
            if mono_ms > self._mono:
                self._t += mono_ms - self._mono
                self._mono = mono_ms
            self._at = at
            self._synced = synced
        else:
            self._reboot(at, boot, mono_ms, synced=synced)
        t = self._t
        decisions: list[Decision] = []
        if t >= self._due:
            self._advance(t, seq, decisions)
        state = self._series.get(series)
        if value is None or state is None:
            return decisions
        now = _new(Moment, (t, at, seq, value, self._epoch, True))
        woken = not state.low <= value <= state.high
        last = state.last
        if value != last.value or not last.valid:
            state.same = now
        elif (
            t - state.same.t >= state.still_ms
            or t - last.t > state.still_gap_ms
            or (last.epoch != self._epoch and state.stills)
        ):
            woken = True
        if not woken and not state.busy:
            # Nothing is under way and nothing is outside: only the reading itself is remembered.
            # What time alone would decide only moves further away by it.
            state.last = now
            return decisions
        if self._valid(state, now, decisions, woken=woken):
            state.settle()
        else:
            state.look_ahead()
        self._due = min(self._due, state.due)
        if state.followers:
            self._follow(state, now)
        return decisions

    def feed_settings(
        self,
        *,
        seq: int,
        at: int,
        boot: str,
        mono_ms: int,
        clock: str,
        watches: Mapping[str, Watch],
    ) -> list[Decision]:
        """Take the rules of a settings record into force from here on.

        An open excursion keeps the rule it opened under until it closes. A run that is not open
        yet is carried over where its last reading is outside under the new limits as well.
        """
        synced = clock == SYNCED
        if boot == self._boot:
            self._t += max(0, mono_ms - self._mono)
            self._mono = max(mono_ms, self._mono)
            self._at, self._synced = at, synced
        else:
            self._reboot(at, boot, mono_ms, synced=synced)
        now = Moment(self._t, at, seq, 0, self._epoch, valid=False)
        decisions: list[Decision] = []
        self._advance(self._t, seq, decisions)
        for name in [name for name in self._series if name not in watches]:
            for machine in self._series.pop(name).machines.values():
                decisions += machine.abandon(now)
        for name, watch in watches.items():
            state = self._series.get(name)
            if state is None:
                state = self._series[name] = Series(watch, now)
            else:
                state.watch = watch
            self._adopt(state, watches, now, decisions)
            state.settle()
        self.watches = dict(watches)
        self._link()
        return decisions

    def feed_record(self, body: Mapping[str, Any]) -> list[Decision]:
        """Judge one validated record body of any kind; kinds that bear no rule bring nothing."""
        if body["kind"] == "reading":
            value = body["value"]
            if value is not None and body["quality"].startswith("rejected"):
                value = None
            return self.judge(
                body["seq"],
                body["series"],
                body["at"],
                body["boot"],
                body["mono_ms"],
                value,
                synced=body["clock"] == SYNCED,
            )
        if body["kind"] == "settings":
            return self.feed_settings(
                seq=body["seq"],
                at=body["at"],
                boot=body["boot"],
                mono_ms=body["mono_ms"],
                clock=body["clock"],
                watches=watches_from_record(body),
            )
        return []

    def finish(self) -> list[Decision]:
        """End a table: the last reading of each series holds for one interval. Closes nothing."""
        decisions: list[Decision] = []
        for state in self._series.values():
            until = state.last.t + state.watch.interval_ms
            for machine in state.machines.values():
                if machine.outside_now:
                    decisions += machine.advance(until, state.last, state.last.seq)
        return decisions

    def unheard_ms(self, series: str) -> int | None:
        """Return how long a series has had no valid reading, on its stream's own time; None: unknown."""
        state = self._series.get(series)
        return self._t - state.last.t if state is not None and state.last.valid else None

    def give_up(self, series: str) -> list[Decision]:
        """Close what is open in a series of which a person says that its probe is dead or lost.

        It ends where the last reading's certain hold of one interval does; the time after that is
        unknown (design.md, "Excursions, exactly"). A silence stays open: that is true, and goes on.
        What the probe says after all begins anew. No record brings this about, but a person, so
        only the hub's engine knows of it.
        """
        state = self._series[series]
        decisions = []
        for name, home in self._series.items():
            for key, machine in list(home.machines.items()):
                mine = series in {name, machine.rule.other}
                if not mine or machine.rule.kind == "silence":
                    continue
                decisions += machine.give_up(home.last)
                if machine.retired:
                    del home.machines[key]
                    if machine.successor is not None:
                        heir = self._machine(home, machine.successor, machine.side)
                        home.machines[key] = heir
                    home.arrange()
        state.last = state.last._replace(valid=False)
        self._link()
        return decisions

    def open_excursions(self) -> list[Decision]:
        """Return every open excursion as it stands, the last reading holding for one interval.

        Call it behind :meth:`finish`, for a table that ends while something is open.
        """
        return [
            machine.as_it_stands(state.last)
            for state in self._series.values()
            for machine in state.machines.values()
            if machine.open
        ]

    def threads(self) -> frozenset[Thread]:
        """Return what is open or has not recovered since; what people have been told is not over."""
        return frozenset(
            Thread(machine.thread, name, machine.rule.id, machine.side)
            for name, state in self._series.items()
            for machine in state.machines.values()
            if machine.thread
        )

    # --- time ----------------------------------------------------------------------------

    def _reboot(self, at: int, boot: str, mono_ms: int, *, synced: bool) -> None:
        """Carry the stream's time over a reboot by the wall clock, where that can be trusted."""
        if self._boot:
            self._t += max(0, at - self._at)
            # A clock that went back while it was off says nothing of how long that was.
            if at < self._at or not (synced and self._synced):
                self._epoch += 1
        self._boot, self._mono, self._at, self._synced = boot, mono_ms, at, synced

    def _advance(self, t: int, seq: int, decisions: list[Decision]) -> None:
        """Decide what falls due by time alone, in every series of the stream."""
        for state in self._series.values():
            if t >= state.due:
                for machine in state.machines.values():
                    decisions += machine.advance(t, state.last, seq)
                # What has ended gives way at once: a saved state does not say that it was to.
                self._replace_retired(state, state.last)
                state.settle()
        self._due = min((state.due for state in self._series.values()), default=NEVER)

    def _valid(self, state: Series, now: Moment, decisions: list[Decision], *, woken: bool) -> bool:
        """Give the machines the new reading and how long the one before it held.

        Returns whether other machines may be busy afterwards. Quiet ones are only told of a
        reading that wakes one of them up.
        """
        last, watch = state.last, state.watch
        spent = now.t - last.t
        whole = spent <= watch.max_gap_ms and now.epoch == last.epoch
        held = spent if whole else min(spent, watch.interval_ms)
        changed = woken
        for still in state.stills:
            still.same = state.same
        concerned: Iterable[Machine | Follower] = state.busy
        if woken:
            concerned = (*state.machines.values(), *state.followers)
        for machine in concerned:
            decisions += machine.reading(last, now, held, spent - held, whole=whole)
            if machine.quiet or machine.retired:
                changed = True
        state.last = now
        if changed:
            self._replace_retired(state, now)
        return changed

    def _follow(self, state: Series, now: Moment) -> None:
        """Bring the series up to date that compare this one with theirs."""
        for follower in state.followers:
            home = self._series[follower.home]
            if follower.pair.retired:
                self._replace_retired(home, now)
                home.settle()
            home.due = min(home.due, follower.pair.due(home.last))
            self._due = min(self._due, home.due)

    def _link(self) -> None:
        """Let each series know which machines of other ones compare it with theirs."""
        for state in self._series.values():
            state.followers = []
        for name, state in sorted(self._series.items()):
            for machine in state.machines.values():
                if isinstance(machine, PairMachine) and machine.rule.other in self._series:
                    other = self._series[machine.rule.other]
                    machine.other_interval_ms = other.watch.interval_ms
                    machine.other_gap_ms = other.watch.max_gap_ms
                    other.followers.append(Follower(machine, name))
        for state in self._series.values():
            state.settle()
        self._due = min((state.due for state in self._series.values()), default=NEVER)

    def _replace_retired(self, state: Series, now: Moment) -> None:
        """Let the rules now in force take over where an older one has closed its excursion."""
        for key in [key for key, machine in state.machines.items() if machine.retired]:
            machine = state.machines.pop(key)
            if machine.successor is not None:
                heir = self._machine(state, machine.successor, machine.side)
                machine.bequeath_thread(heir, now)
                state.machines[key] = heir
                state.arrange()
            if isinstance(machine, PairMachine):
                self._link()

    def _adopt(
        self, state: Series, named: Mapping[str, Watch], now: Moment, out: list[Decision]
    ) -> None:
        """Put machines for the rules of a series in place, carrying over what is under way."""
        rules = _judged(state.watch, named)
        wanted = {f"{rule.id}:{side}": (rule, side) for rule in rules for side in sides(rule)}
        for machine in state.machines.values():
            # How long a reading holds is the series' matter and no rule's, an old one's neither.
            machine.interval_ms = state.watch.interval_ms
            machine.gap_ms = state.watch.max_gap_ms
        for key in [key for key in state.machines if key not in wanted]:
            machine = state.machines[key]
            other = machine.rule.other
            if machine.rule.kind == "silence" or (other is not None and other not in named):
                out += machine.abandon(now)
            if machine.open:
                machine.retire(None)
            else:
                del state.machines[key]
        machines = {}
        for key, (rule, side) in wanted.items():
            old = state.machines.pop(key, None)
            heir = self._machine(state, rule, side)
            if old is None:
                heir.join(state.last)
                machines[key] = heir
            else:
                machines[key] = old.give_way(heir, state.last)
        state.machines |= machines
        state.arrange()

    def _machine(self, state: Series, rule: Rule, side: Side) -> Machine:
        return machine_for(rule, side, self.stream, state.watch)

    # --- saving --------------------------------------------------------------------------

    def dump_watches(self) -> dict[str, Any]:
        """Return the rules in force; they change with settings records only."""
        return {name: watch.body() for name, watch in self.watches.items()}

    def dump_state(self) -> dict[str, Any]:
        """Return all that changes from reading to reading, as a JSON object."""
        series: dict[str, Any] = {}
        for name, state in self._series.items():
            item: dict[str, Any] = {"last": state.last.dump()}
            if state.stills:
                item["same"] = state.same.dump()
            busy = {
                key: saved for key, machine in state.machines.items() if (saved := machine.dump())
            }
            if busy:
                item["machines"] = busy
            series[name] = item
        return {
            "t": self._t,
            "epoch": self._epoch,
            "boot": self._boot,
            "mono": self._mono,
            "at": self._at,
            "synced": self._synced,
            "series": series,
        }

    def dump(self) -> dict[str, Any]:
        """Return the whole state as a JSON object."""
        return {"watches": self.dump_watches(), "state": self.dump_state()}

    @classmethod
    def load(cls, stream: str, saved: Mapping[str, Any]) -> StreamEngine:
        """Rebuild an engine from what ``dump`` returned."""
        engine = cls(stream)
        engine.watches = watches_from_record({"series": saved["watches"]})
        state = saved["state"]
        engine._t, engine._epoch = state["t"], state["epoch"]
        engine._boot, engine._mono = state["boot"], state["mono"]
        engine._at, engine._synced = state["at"], state["synced"]
        for name, item in state["series"].items():
            watch = engine.watches[name]
            series = engine._series[name] = Series(watch, Moment.load(item["last"]))
            if "same" in item:
                series.same = Moment.load(item["same"])
            series.machines = {
                f"{rule.id}:{side}": machine_for(rule, side, stream, watch)
                for rule in _judged(watch, engine.watches)
                for side in sides(rule)
            }
            for key, busy in item.get("machines", {}).items():
                if "rule" in busy:
                    # A rule that is no longer in force, still holding its open excursion.
                    old = Rule(**busy["rule"])
                    side = next(side for side in sides(old) if key == f"{old.id}:{side}")
                    series.machines[key] = machine_for(old, side, stream, watch)
                series.machines[key].load(busy)
            series.arrange()
        engine._link()
        return engine


def _judged(watch: Watch, named: Mapping[str, Watch]) -> tuple[Rule, ...]:
    """Return the rules of a series that can be judged: a disagreement needs its other series."""
    return tuple(rule for rule in watch.rules if rule.other is None or rule.other in named)
