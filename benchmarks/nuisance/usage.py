"""What people do at a fridge of a vaccination point: its doors of a day, and why so many.

No source gives these figures: they are our judgement of a county's fixed point, put high where in
doubt, for more openings make more noise. Local time, UTC+8.

- Open from Monday to Friday. The two daily checks of the thermometer (08:10 and 16:40) open the
  door for half a minute, as people do who also look at the vials.
- Vaccination mornings on Tuesday and Friday, 08:30 to 11:30: 40 openings of 10 to 30 s, which is
  some 80 children, two to an opening. Wednesday afternoon has 15 more for those who come late.
- On other hours of work 8 openings of 10 to 40 s: somebody looks, or takes a vial for a call.
- A delivery every second Tuesday at 14:00: two openings of 90 to 240 s, and 10 l of vials and
  bottles at 4 to 7 degC out of a cool box.
- Stocktaking on the 28th: three openings of 120 to 240 s, one minute apart.
- A door that was not pushed shut and is found by the next who passes: 8 times a year, evenly over the
  days of work, 5 to 20 min. These are what a door rule is for, and they are counted as noise all the
  same.

Times are whole samples of 10 s, one at least.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

STEP_MS: Final = 10_000
DAY_MS: Final = 86_400_000
UTC_OFFSET_MS: Final = 8 * 3_600_000
DAYS_OF_WORK: Final = 261
FORGOTTEN_A_YEAR: Final = 8
DELIVERED_L: Final = 10.0

Why = Literal["forgotten", "vaccination", "delivery", "stocktaking", "other"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The door stands open from ``begin`` to ``end`` (UTC, ms); ``litres`` are put in at the end.

    Nothing that is simulated goes by ``why``: it is for those who ask what an SMS came from.
    """

    begin: int
    end: int
    litres: float = 0.0
    celsius: float = 5.0
    why: Why = "other"


def midnight_of(at: int) -> int:
    """Return the local midnight before a time, UTC milliseconds."""
    return (at + UTC_OFFSET_MS) // DAY_MS * DAY_MS - UTC_OFFSET_MS


def openings(start: int, end: int, chance: random.Random) -> list[Opening]:
    """Return the openings that begin in [start, end), in order, none within another."""
    found: list[Opening] = []
    midnight = midnight_of(start)
    due = chance.random()
    while midnight < end:
        found += (today := _day(midnight, chance))
        due += FORGOTTEN_A_YEAR / DAYS_OF_WORK if today else 0.0
        if due >= 1:
            due -= 1
            found += _many(midnight, 1, (8 * 60, 16 * 60 + 30), (300, 1_200), chance, "forgotten")
        midnight += DAY_MS
    apart: list[Opening] = []
    for one in sorted(found, key=lambda one: one.begin):
        # Who comes while it stands open does not open it again.
        if start <= one.begin < end and (not apart or one.begin > apart[-1].end):
            apart.append(one)
    return apart


def _day(midnight: int, chance: random.Random) -> list[Opening]:
    """Return the openings of one local day, in no order."""
    date = datetime.fromtimestamp((midnight + UTC_OFFSET_MS) / 1000, UTC)
    if date.weekday() > 4:
        return []
    found = [_one(midnight, clock, 30) for clock in (8 * 60 + 10, 16 * 60 + 40)]
    found += _many(midnight, 8, (8 * 60, 17 * 60), (10, 40), chance)
    if date.weekday() in {1, 4}:
        morning = (8 * 60 + 30, 11 * 60 + 30)
        found += _many(midnight, 40, morning, (10, 30), chance, "vaccination")
    if date.weekday() == 2:
        found += _many(midnight, 15, (14 * 60, 16 * 60), (10, 30), chance, "vaccination")
    if date.weekday() == 1 and date.isocalendar().week % 2 == 0:
        first = _one(midnight, 14 * 60, chance.uniform(90, 240))
        again = _one(midnight, 14 * 60 + 8, chance.uniform(90, 240))
        litres, celsius = DELIVERED_L / 2, chance.uniform(4, 7)
        found += [
            Opening(each.begin, each.end, litres, celsius, "delivery") for each in (first, again)
        ]
    if date.day == 28 or (date.weekday() == 4 and (date + timedelta(2)).day in {28, 29}):
        minute = 15.0 * 60 + 30
        for _ in range(3):
            found.append(_one(midnight, minute, chance.uniform(120, 240), "stocktaking"))
            minute += (found[-1].end - found[-1].begin) / 60_000 + 1
    return found


def _many(
    midnight: int,
    count: int,
    minutes: tuple[float, float],
    seconds: tuple[float, float],
    chance: random.Random,
    why: Why = "other",
) -> list[Opening]:
    return [
        _one(midnight, chance.uniform(*minutes), chance.uniform(*seconds), why)
        for _ in range(count)
    ]


def _one(midnight: int, minute: float, seconds: float, why: Why = "other") -> Opening:
    """Return an opening at a minute of the day, in whole samples."""
    begin = midnight + round(minute * 60_000 / STEP_MS) * STEP_MS
    end = begin + max(1, round(seconds * 1000 / STEP_MS)) * STEP_MS
    return Opening(begin, end, why=why)
