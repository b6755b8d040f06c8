"""The duty roster: who a role is at an instant, in the site's zone.

By the clock on the site's wall: where that goes back an hour, a duty until 03:00 lasts an hour
longer, and where it jumps, an hour less. There is nobody whose duty begins in the skipped hour
and would be missed: from the jump on it is in force.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from alerts.escalation import Policy
from config.escalation import Duty, on_duty


def people_of(names: Sequence[str], duty: Sequence[Duty], at: int, zone: ZoneInfo) -> list[str]:
    """Return the people behind roles and people, each once, in order.

    Args:
        names: of a step: roles of the roster, or ids of people.
        duty: the site's roster.
        at: UTC milliseconds.
        zone: of the site.
    """
    weekday, minute = _local(at, zone)
    roles = {each.role for each in duty}
    found: list[str] = []
    for name in names:
        found += on_duty(duty, name, weekday, minute) if name in roles else [name]
    return list(dict.fromkeys(found))


def people_of_step(
    policy: Policy, index: int, duty: Sequence[Duty], at: int, zone: ZoneInfo
) -> list[str]:
    """Return who is told in a step: where nobody is on duty, those of the next step; none of any."""
    for step in policy[index:]:
        if found := people_of(step.to, duty, at, zone):
            return found
    return []


def next_to_tell(
    policy: Policy,
    duty: Sequence[Duty],
    at: int,
    zone: ZoneInfo,
    *,
    unreachable: str,
    told: frozenset[str],
) -> str | None:
    """Return who is told instead of a person who cannot be reached, and was not told yet.

    First the person's stand-ins, then the others of the step that names the person, from there on,
    then the following steps; None: everybody has been told.
    """
    weekday, minute = _local(at, zone)
    mine = [each for each in duty if each.person == unreachable and each.stand_in is not None]
    mine.sort(key=lambda each: not each.covers(weekday, minute))
    line = [each.stand_in for each in mine if each.stand_in is not None]
    steps = [people_of(step.to, duty, at, zone) for step in policy]
    here = next((index for index, each in enumerate(steps) if unreachable in each), 0)
    if steps and unreachable in steps[here]:
        place = steps[here].index(unreachable)
        line += steps[here][place + 1 :] + steps[here][:place]
    elif steps:
        line += steps[here]
    for each in steps[here + 1 :]:
        line += each
    return next((one for one in line if one != unreachable and one not in told), None)


def _local(at: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return weekday (0: Monday) and minute of the day there."""
    local = dt.datetime.fromtimestamp(at / 1000, zone)
    return local.weekday(), local.hour * 60 + local.minute
