"""A fridge in its room, sampled every 10 s: the physics of simulator/fridge.py and ambient.py.

The fridge, the room and the probe's noise are those of the demo; what is new here is a defrost (the
compressor rests and a heater warms the plate until it stands at 6 degC, twice a day), seasons, and
faults. The demo's fridges are HOUSEHOLD and COMPACT. The freezer and the ultra-cold one are assumptions of the
right size as those are: a chest of 20 kg of frozen load at -22 degC, and an upright one at -78.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from benchmarks.nuisance.usage import DAY_MS, STEP_MS, Opening, midnight_of
from simulator.ambient import Ambient
from simulator.fridge import COMPACT, HOUSEHOLD, Fridge, Model

FREEZER: Final = Model(
    evaporator_j_k=3_000.0, air_j_k=12_000.0, evaporator_w_k=8.0, load_w_k=8.0, wall_w_k=0.5,
    door_w_k=6.0, load_door_w_k=0.3, cooling_w=220.0, cooling_per_k=0.018, setpoint_c=-22.0,
    hysteresis_k=1.5,
)  # fmt: skip
ULTRA_COLD: Final = Model(
    evaporator_j_k=4_000.0, air_j_k=15_000.0, load_j_k=80_000.0, evaporator_w_k=10.0,
    load_w_k=9.0, wall_w_k=0.35, load_wall_w_k=0.05, door_w_k=5.0, load_door_w_k=0.2,
    cooling_w=420.0, cooling_per_k=0.01, setpoint_c=-78.0, hysteresis_k=2.0,
)  # fmt: skip
MODELS: Final = {
    "household": HOUSEHOLD, "compact": COMPACT, "freezer": FREEZER, "ultra-cold": ULTRA_COLD,
}  # fmt: skip

# Where the probe said nothing at all.
NOTHING: Final = -(2**31)
POWER_ON: Final = 85_000
# A household plate's heater, by what it must melt in a quarter of an hour.
HEATER_W: Final = 80.0
DEFROST_EVERY_MS: Final = DAY_MS // 2
DEFROST_LONGEST_MS: Final = 30 * 60_000
DEFROSTED_C: Final = 6.0
NOISE_C: Final = 0.02

Kind = Literal[
    "compressor dead", "door ajar", "door ajar, contact shut", "thermostat warm",
    "thermostat freezing", "mains lost", "probe silent", "probe at power-on", "probe stuck",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What breaks, and when (UTC, ms). ``to_c`` is where a thermostat wanders."""

    kind: Kind
    at: int
    to_c: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the probes say, one sample each 10 s from ``start`` on; thousandths.

    Nobody judges by ``openings`` and ``defrosts`` (from when to when): they are for those who ask
    what an SMS came from.
    """

    start: int
    center: array[int]
    door: bytearray
    mains: bytearray
    openings: Sequence[Opening] = ()
    defrosts: list[tuple[int, int]] = field(default_factory=list)

    def at(self, index: int) -> int:
        """Return the time of a sample, UTC milliseconds."""
        return self.start + index * STEP_MS


@dataclass(frozen=True, slots=True)
class Room:
    """Where it stands: the year's mean, how much warmer July is than that, and the weather's seed."""

    mean_c: float = 23.0
    season_k: float = 4.0
    seed: int = 0

    def ambient(self, midnight: int) -> Ambient:
        """Return the room of one day; warmest in the last week of July."""
        turn = math.cos(2 * math.pi * (midnight / DAY_MS - 207) / 365.25)
        return Ambient(mean_c=self.mean_c + self.season_k * turn, seed=self.seed)


class Place:
    """One fridge in its room; `run` lets time pass and returns what was sampled."""

    def __init__(
        self,
        model: Model,
        room: Room,
        chance: random.Random,
        *,
        noise_c: float = NOISE_C,
        defrosts: bool = True,
    ) -> None:
        self._model = model
        self._fridge = Fridge(model, model.setpoint_c)
        self._room = room
        self._chance = chance
        self._noise_c = noise_c
        self._defrosts_at_all = defrosts
        self._defrosting_since: int | None = None
        self._defrosts: list[tuple[int, int]] = []
        # The first defrost comes when the timer of the factory says so.
        self._next_defrost = 0

    def run(
        self, start: int, end: int, openings: Sequence[Opening], fault: Fault | None = None
    ) -> Samples:
        """Let [start, end) pass. Openings in order; the fault changes what its kind says."""
        made = Samples(start, array("q"), bytearray(), bytearray(), openings)
        self._defrosts = made.defrosts
        self._next_defrost = start + self._chance.randrange(0, DEFROST_EVERY_MS, STEP_MS)
        ambient, ambient_c = self._room.ambient(midnight_of(start)), 0.0
        waiting = list(reversed(openings))
        door_until, stuck = 0, None
        broken: Kind | None = None
        for now in range(start, end, STEP_MS):
            if (now - start) % 60_000 == 0:
                if now == midnight_of(now):
                    ambient = self._room.ambient(now)
                ambient_c = ambient.at(now)
            while waiting and waiting[-1].begin <= now:
                one = waiting.pop()
                door_until = one.end
                if one.litres:
                    # What was issued meanwhile has left at its own temperature.
                    self._fridge.load_j_k = self._model.load_j_k
                    self._fridge.restock(one.litres, one.celsius)
            if fault is not None and broken is None and now >= fault.at:
                broken = fault.kind
                self._break(fault)
            door = now < door_until or broken in {"door ajar", "door ajar, contact shut"}
            mains = broken != "mains lost"
            self._pass(now, ambient_c, door=door, mains=mains, runs=broken != "compressor dead")
            value = self._read()
            if broken == "probe stuck":
                value = stuck = value if stuck is None else stuck
            elif broken == "probe silent":
                value = NOTHING
            elif broken == "probe at power-on":
                value = POWER_ON
            made.center.append(value)
            made.door.append(door and broken != "door ajar, contact shut")
            made.mains.append(mains)
        if self._defrosting_since is not None:
            self._defrosts.append((self._defrosting_since, end))
        return made

    def _break(self, fault: Fault) -> None:
        if fault.kind.startswith("thermostat"):
            self._fridge.drift(fault.to_c, 2 * 3600.0)
        elif fault.kind == "door ajar, contact shut":
            # A gap as wide as a box that stands in it; the magnet is near enough.
            self._fridge.model = replace(self._model, door_w_k=0.8 * self._model.door_w_k)

    def _pass(self, now: int, ambient_c: float, *, door: bool, mains: bool, runs: bool) -> None:
        """Let one step pass; a defrost begins by the clock and ends by the plate."""
        fridge = self._fridge
        if self._defrosts_at_all and now >= self._next_defrost:
            self._next_defrost += DEFROST_EVERY_MS
            self._defrosting_since = now
        since = self._defrosting_since
        if since is not None:
            if fridge.evaporator_c >= DEFROSTED_C or now - since >= DEFROST_LONGEST_MS:
                self._defrosts.append((since, now))
                self._defrosting_since = since = None
            elif mains:
                fridge.evaporator_c += HEATER_W * STEP_MS / 1000 / self._model.evaporator_j_k
        fridge.step(STEP_MS / 1000, ambient_c, door, mains and runs and since is None)

    def _read(self) -> int:
        """Return what a 12-bit probe shows, thousandths."""
        celsius = self._fridge.probe_c + self._chance.gauss(0.0, self._noise_c)
        return math.floor(celsius * 16 + 0.5) * 1000 // 16
