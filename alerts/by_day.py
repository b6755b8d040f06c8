"""What can wait for the day: told by day, to the first step alone, and once.

Nobody is woken for a certificate, a tube to be wiped or a card that wears out, and nobody's superior
hears of it an hour later. The one list of such alarms is here; the hub tells them so
(hub/escalating.py), and the agent's own modem leaves them to it. What is no alarm and waits as well (a
test that nothing confirms, a modem that needs somebody) asks `is_day`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from alerts.escalation import AlarmFacts, Policy, Schedule, schedule

# By the clock on the site's wall.
WAKING_HOURS: Final = range(8, 18)

# The Pi's own health: it has gone on for ten minutes to a day already, the fridge is measured all the
# same, and whoever can do something about it has to come with a part. A battery is not among them: when
# it is empty nobody watches the fridge. Nor is a disagreement: one of the two may be too warm.
_OF_THE_PI: Final = frozenset(
    {"card_worn", "disk_free", "memory_free", "clock_synced", "throttled", "undervoltage"}
)
# Without it nobody hears of lost mains or an open door; but the temperature is measured and told.
_CONTACTS: Final = frozenset({"present", "open"})
# A lamp that cannot be put out burns people; every other fault keeps it off.
_LAMP_AT_ONCE: Final = "relay_welded"


def waits(kind: str, quantity: str, side: str) -> bool:
    """Whether a matter can wait for the day; of ``calibration`` kind or side may say so."""
    if "calibration" in (kind, side):
        return True
    if kind == "lamp":
        return quantity != _LAMP_AT_ONCE
    if kind in {"lost-contact", "misplaced"}:
        return False
    # Stuck is told after twelve hours, of a probe that has looked well all that time.
    return side == "stuck" or quantity in _OF_THE_PI or (side == "silent" and quantity in _CONTACTS)


def is_day(at: int, zone: ZoneInfo) -> bool:
    """Whether something that can wait may be told at this instant."""
    return _morning(at, zone) == at


def by_day(
    policy: Policy, facts: AlarmFacts, zone: ZoneInfo, now: int, *, silent: bool = False
) -> Schedule:
    """Say what must have been told by ``now`` of an alarm that can wait, as `schedule` does of others.

    Only the first step, without repeats. What falls due by night is due in the morning, or when
    something is open again; what is over by then is told to nobody. An answer starts no half hour, as
    there is nothing that it has to stop. ``silent``: of a contact that gives no readings nobody hears
    by day either when it is over as soon as it is learned: so it is after each time without power.
    """
    once = (replace(policy[0], after_ms=0, repeat_ms=None),)
    found = schedule(once, replace(facts, late_ms=0, answers=()), now)
    over = facts.recovered_at
    moved = [
        replace(each, at=at)
        for each in found.due
        if (at := _moved(each.at, facts, zone, silent=silent)) is not None
        and (over is None or at <= over)
    ]
    later = [each.at for each in moved if each.at > now]
    if found.next_at is not None:
        later.append(found.next_at)
    return Schedule(tuple(each for each in moved if each.at <= now), min(later, default=None))


def _moved(at: int, facts: AlarmFacts, zone: ZoneInfo, *, silent: bool) -> int | None:
    """Return when something that falls due then is told; None: nothing is open, as far as is known."""
    if is_day(at, zone) and not silent:
        return at
    while True:
        at = _morning(at, zone)
        inside = [span for span in facts.inside if span.begin <= at]
        if not inside or (inside[-1].end is not None and inside[-1].end <= at):
            return at
        if inside[-1].end is None:
            return None
        at = inside[-1].end


def _morning(at: int, zone: ZoneInfo) -> int:
    """Return this instant, or where it is none of the waking hours the beginning of the next ones."""
    local = dt.datetime.fromtimestamp(at / 1000, zone)
    if local.hour in WAKING_HOURS:
        return at
    day = local.date() + dt.timedelta(days=local.hour >= WAKING_HOURS.stop)
    morning = dt.datetime.combine(day, dt.time(WAKING_HOURS.start), zone)
    return int(morning.timestamp() * 1000)
