"""A fridge as three lumps of heat: evaporator, inside air with shelves and walls, load of vials.

    ambient --wall, door--> air <--> load          probe: follows the air late, as in a buffer
                             |
                         evaporator --compressor--> out

Temperatures in degC, heat in J, conductances in W/K, time in s. Nothing is random: the same
steps give the same temperatures on every machine.

Where the figures come from. None is measured on one particular fridge; they are assumptions of the
right size, and what they bring about is what was aimed at and is what the tests hold:

- Heat leak 0.7 W/K: a small household fridge uses about 0.3 kWh a day at 25 degC, which at a
  coefficient of performance near 1.2 is 15 W of heat through 20 K.
- Load 45 kJ/K: about 11 kg of water, vials and the bottles that the CDC's toolkit advises. Inside air
  with liner and shelves 9 kJ/K. Evaporator plate with refrigerant 2.5 kJ/K.
- Compressor 75 W of cooling at -10 degC evaporator, 2 % less for each degree colder.
- Door wide open 9 W/K: some 170 W of room air falling in at 20 K.
- Probe: 8 min time constant, a vial of glycol (CDC toolkit: a buffered probe).

So: a cycle of about an hour of +-1 K at the probe; warm in about 3 h without mains at 24 degC; a wide
open door shows 8 degC after ten to fifteen minutes. Ice and freezing heat are left out: below
0 degC a true load would linger at its freezing point, ours does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Final

# Longer steps are divided: explicit Euler is then stable by a wide margin (see Model).
LONGEST_STEP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Model:
    """The figures of one kind of fridge. Units as in the module's docstring."""

    evaporator_j_k: float = 2_500.0
    air_j_k: float = 9_000.0
    load_j_k: float = 45_000.0
    evaporator_w_k: float = 5.5
    load_w_k: float = 9.0
    wall_w_k: float = 0.6
    load_wall_w_k: float = 0.1
    door_w_k: float = 9.0
    load_door_w_k: float = 0.4
    cooling_w: float = 75.0
    cooling_per_k: float = 0.02
    setpoint_c: float = 5.0
    hysteresis_k: float = 1.0
    rest_s: float = 180.0
    probe_s: float = 480.0

    def __post_init__(self) -> None:
        """Refuse figures with which nothing sensible can be computed."""
        for item in fields(self):
            if not math.isfinite(getattr(self, item.name)):
                raise ValueError(f"{item.name} must be a finite number")
        positive = ("evaporator_j_k", "air_j_k", "load_j_k", "hysteresis_k", "probe_s")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "setpoint_c" and (value < 0 or (value == 0 and item.name in positive)):
                raise ValueError(f"{item.name} is {value}; write a positive number")
        out_of_air = self.evaporator_w_k + self.load_w_k + self.wall_w_k + self.door_w_k
        out_of_load = self.load_w_k + self.load_wall_w_k + self.load_door_w_k
        out_of_evaporator = self.evaporator_w_k + self.cooling_w * self.cooling_per_k
        fastest = max(
            out_of_air / self.air_j_k,
            out_of_load / self.load_j_k,
            out_of_evaporator / self.evaporator_j_k,
            1 / self.probe_s,
        )
        if fastest * LONGEST_STEP_S > 0.5:
            raise ValueError(
                f"a lump changes within {1 / fastest:.0f} s, too fast for steps of "
                f"{LONGEST_STEP_S:.0f} s; write larger heat capacities or smaller conductances"
            )


HOUSEHOLD: Final = Model()
# A small one under a table, lightly loaded: as a mobile point has it. Warm within about an hour.
COMPACT: Final = Model(
    evaporator_j_k=1_500.0,
    air_j_k=5_000.0,
    load_j_k=14_000.0,
    evaporator_w_k=4.0,
    load_w_k=5.0,
    load_wall_w_k=0.05,
    door_w_k=5.5,
    load_door_w_k=0.3,
    cooling_w=55.0,
    hysteresis_k=1.2,
)
MODELS: Final = {"household": HOUSEHOLD, "compact": COMPACT}


@dataclass(slots=True)
class Fridge:
    """One fridge and its state.

    Attributes:
        model: its figures.
        start_c: the temperature of everything in it at the beginning.
        evaporator_c: the evaporator plate.
        air_c: the inside air; the thermostat feels it.
        load_c: the vials.
        probe_c: the buffered probe among them; it takes no heat.
        running: whether the compressor runs.
        setpoint_c: where the thermostat stands, drift included.
        load_j_k: heat capacity of what is in it, restocking included.
    """

    model: Model = HOUSEHOLD
    start_c: float = 5.0
    evaporator_c: float = field(init=False)
    air_c: float = field(init=False)
    load_c: float = field(init=False)
    probe_c: float = field(init=False)
    running: bool = field(init=False, default=False)
    setpoint_c: float = field(init=False)
    load_j_k: float = field(init=False)
    _rested_s: float = field(init=False, default=math.inf)
    _drift_to_c: float = field(init=False)
    _drift_left_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Begin with everything at one temperature and the compressor off."""
        self.evaporator_c = self.air_c = self.load_c = self.probe_c = self.start_c
        self.setpoint_c = self._drift_to_c = self.model.setpoint_c
        self.load_j_k = self.model.load_j_k

    @property
    def heat_j(self) -> float:
        """The heat in the three lumps, relative to 0 degC."""
        return (
            self.evaporator_c * self.model.evaporator_j_k
            + self.air_c * self.model.air_j_k
            + self.load_c * self.load_j_k
        )

    def drift(self, to_c: float, over_s: float = 0.0) -> None:
        """Let the thermostat wander evenly to another setpoint, and stay there."""
        self._drift_to_c, self._drift_left_s = to_c, over_s
        if over_s <= 0:
            self.setpoint_c = to_c

    def restock(self, litres: float, temperature_c: float) -> None:
        """Put in so much water-like load of this temperature."""
        added_j_k = litres * 4_186.0
        together = self.load_j_k + added_j_k
        self.load_c = (self.load_c * self.load_j_k + temperature_c * added_j_k) / together
        self.load_j_k = together

    def step(self, dt_s: float, ambient_c: float, door_open: bool, mains_on: bool) -> None:
        """Let ``dt_s`` pass in a room of ``ambient_c``, door and mains as given all the while."""
        if dt_s <= 0:
            return
        parts = math.ceil(dt_s / LONGEST_STEP_S)
        for _part in range(parts):
            self._drift_on(dt_s / parts)
            self._switch(dt_s / parts, mains_on)
            self._flow(dt_s / parts, ambient_c, door_open)

    def _drift_on(self, dt_s: float) -> None:
        """Move the thermostat on its way."""
        if self._drift_left_s <= 0:
            return
        share = min(1.0, dt_s / self._drift_left_s)
        self.setpoint_c += (self._drift_to_c - self.setpoint_c) * share
        self._drift_left_s -= dt_s

    def _switch(self, dt_s: float, mains_on: bool) -> None:
        """Switch the compressor: by the air's temperature, after a rest, never without mains."""
        model = self.model
        if self.running:
            if not mains_on or self.air_c < self.setpoint_c - model.hysteresis_k:
                self.running = False
                self._rested_s = 0.0
        else:
            self._rested_s += dt_s
            # The rest lets the pressures level out; without it a compressor does not start.
            rested = self._rested_s >= model.rest_s
            warm = self.air_c > self.setpoint_c + model.hysteresis_k
            self.running = mains_on and rested and warm

    def _flow(self, dt_s: float, ambient_c: float, door_open: bool) -> None:
        """Let heat flow for a short time."""
        model = self.model
        wall_w_k, load_wall_w_k = model.wall_w_k, model.load_wall_w_k
        if door_open:
            wall_w_k += model.door_w_k
            load_wall_w_k += model.load_door_w_k
        pumped_w = 0.0
        if self.running:
            colder_k = -10.0 - self.evaporator_c
            pumped_w = max(0.0, model.cooling_w * (1 - model.cooling_per_k * colder_k))
        to_evaporator_w = model.evaporator_w_k * (self.air_c - self.evaporator_c)
        to_load_w = model.load_w_k * (self.air_c - self.load_c)
        into_air_w = wall_w_k * (ambient_c - self.air_c)
        into_load_w = load_wall_w_k * (ambient_c - self.load_c)
        follows_k = self.air_c - self.probe_c
        self.evaporator_c += dt_s * (to_evaporator_w - pumped_w) / model.evaporator_j_k
        self.air_c += dt_s * (into_air_w - to_evaporator_w - to_load_w) / model.air_j_k
        self.load_c += dt_s * (to_load_w + into_load_w) / self.load_j_k
        self.probe_c += dt_s * follows_k / model.probe_s
