"""How each alarm stands now: whether somebody sees to it, and what it still lacks."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection

from hub.alarms import Alarm, alarms_open, unexplained
from hub.collecting import answer_holds

# unanswered: open, and nobody's answer holds; answered: open; unexplained: over, heat or freeze
# without a reason and an action; over: nothing is left to do.
Standing = Literal["unanswered", "answered", "unexplained", "over"]


def standing(conn: Connection, alarm: Alarm, now: int) -> Standing:
    """Return how one alarm stands."""
    if alarm.recovered_at is None:
        return "answered" if answer_holds(alarm, now) else "unanswered"
    lacking = {each.id for each in unexplained(conn, alarm.site)}
    return "unexplained" if alarm.id in lacking else "over"


def current(conn: Connection, now: int, site: str | None = None) -> list[tuple[Alarm, Standing]]:
    """Return the alarms that need somebody, of one site or of all.

    Unanswered ones first, the one that has waited longest before the others; then those that are
    answered; then those that are over and to be explained.
    """
    open_ = alarms_open(conn, site)
    found: list[tuple[Alarm, Standing]] = []
    found += [(each, "unanswered") for each in open_ if not answer_holds(each, now)]
    found += [(each, "answered") for each in open_ if answer_holds(each, now)]
    found += [(each, "unexplained") for each in unexplained(conn, site)]
    return found
