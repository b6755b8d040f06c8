"""A fridge that stands still, and whether `equipment/stuck` takes its living probe for a dead one.

An ice-lined one: its liner is ice that neither melts nor is frozen in these weeks, and no compressor
is heard inside. What is left of the room's day and night depends on its walls. No such fridge has
been measured: the model is an assumption, and what it shows is where the rule's figure ends.

The probe's noise decides too. 0.02 K is that of the year's table. Four real DS18B20 in still rooms (shared
data, 15,540 samples, one each 5 s) jitter as 0.003 K would, or less: within calm 5 minutes their codes
deviate by 6 to 10 mK (root mean square); with noise of 0.003 K they would by 10.6, with 0.02 by 27.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.nuisance.exposure import Witness
from benchmarks.nuisance.judging import CENTER, PEOPLE, judge, watches_of
from benchmarks.nuisance.places import NOISE_C, Place, Room
from benchmarks.nuisance.tracing import of_equipment
from benchmarks.nuisance.usage import DAY_MS, openings
from benchmarks.nuisance.year import START
from simulator.fridge import HOUSEHOLD, Model

PROFILE: Final = "cn-gsp"
STILL_DAYS: Final = 28
REAL_NOISE_C: Final = 0.003
# Heat leak of its walls, W/K: as the household one's, half of it, a quarter.
WALLS: Final = (0.6, 0.3, 0.15)
LINER: Final = replace(
    HOUSEHOLD, setpoint_c=4.0, cooling_w=0.0, evaporator_j_k=30_000_000.0, evaporator_w_k=20.0
)


@dataclass(frozen=True, slots=True)
class Still:
    """What became of some weeks.

    Attributes:
        wall_w_k: the heat leak of its walls.
        noise_c: the probe's noise.
        used: whether the doors of a point were opened, forgotten ones left out; else it was shut.
        still_ms: the longest time for which the probe showed one and the same value.
        cried: SMS to each person that a living probe is stuck.
        other: further SMS to each person.
    """

    wall_w_k: float
    noise_c: float
    used: bool
    still_ms: int
    cried: int
    other: int


def ice_lined(wall_w_k: float) -> Model:
    """Return the ice-lined fridge with these walls."""
    return replace(LINER, wall_w_k=wall_w_k, load_wall_w_k=wall_w_k / 6)


def stood(wall_w_k: float, noise_c: float, seed: int, *, used: bool, days: int) -> Still:
    """Let so many days pass and count who cries wolf."""
    end = START + days * DAY_MS
    doors = openings(START, end, random.Random(f"{seed} doors")) if used else []
    doors = [one for one in doors if one.why != "forgotten"]
    room = Room(season_k=0.0, seed=seed)
    place = Place(
        ice_lined(wall_w_k), room, random.Random(f"{seed} still"), noise_c=noise_c, defrosts=False
    )
    samples = place.run(START, end, doors)
    watches = watches_of(PROFILE)
    witness = Witness(watches[CENTER])
    mine = [one for one in judge(samples, watches, witness).messages if one.person == PEOPLE[0]]
    cried = sum(map(of_equipment, mine))
    return Still(wall_w_k, noise_c, used, witness.still_ms(), cried, len(mine) - cried)


def all_stood(seed: int) -> Iterator[Still]:
    """Yield every line of the table."""
    for noise_c in (NOISE_C, REAL_NOISE_C):
        for wall_w_k in WALLS:
            for used in (True, False):
                yield stood(wall_w_k, noise_c, seed, used=used, days=STILL_DAYS)
