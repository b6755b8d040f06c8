"""The facts of a message about an excursion, or about sites: what the words are chosen from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from alerts.facts import Happening, MessageFacts, Step
from alerts.facts import Reply as ReplyKind
from alerts.messages import several, several_sites
from config.hub import Person
from hub.known import Known, held, rate_of, should_hold
from journal.excursions import CALIBRATION, LOST_CONTACT, MISPLACED, OF_DEVICE, ExcursionRow


class Facts:
    """Makes facts for one person."""

    def __init__(self, known: Known, late_after_ms: int) -> None:
        """Say of what is learned so much later than it happened that it is late."""
        self._known = known
        self._late_after = late_after_ms

    def sites(self, sites: Sequence[str], person: Person) -> str:
        """Return what a person calls these sites."""
        names = [self._known.site_name(site, person.language) for site in sites]
        return several_sites(names, person.language) if names else ""

    def about(
        self,
        person: Person,
        sites: Sequence[str],
        now: int,
        happening: Happening,
        *,
        missed: str = "",
        reason: str = "",
        reply: ReplyKind = "help",
    ) -> MessageFacts:
        """Return facts that speak of sites and of no excursion."""
        return MessageFacts(
            happening=happening,
            language=person.language,
            zone=self._known.zone(sites),
            site=self.sites(sites, person),
            asset="",
            at=now,
            person=missed,
            reason=reason,
            reply=reply,
        )

    def of(
        self,
        conn: Connection,
        person: Person,
        row: ExcursionRow,
        now: int,
        *,
        rows: Sequence[ExcursionRow] = (),
        happening: Happening | None = None,
        over: bool = False,
        late: bool = False,
        step: Step = "first",
        unanswered: Sequence[str] = (),
        answered_by: str = "",
        answered_at: int | None = None,
        reason: str = "",
        code: str = "",
    ) -> MessageFacts:
        """Return the facts about one excursion, which speaks for the others in ``rows``."""
        language, known = person.language, self._known
        said = happening or _happening(row, over=over)
        late = said == "opened" and step == "first" and (
            late or row.learned_at - row.opened >= self._late_after
        )  # fmt: skip
        names = [known.asset_name(row.site, asset, language) for asset in known.assets(conn, row)]
        batches, doses = held(conn, row, over=said == "recovered")
        value = known.newest(conn, row, now)
        bound, bound_minutes = known.bound(conn, row, value)
        certificates = [
            str(each.snapshot["certificate"]) for each in rows if each.kind == CALIBRATION
        ]
        return MessageFacts(
            happening=said,
            language=language,
            zone=known.zone([row.site]),
            site=known.site_name(row.site, language),
            asset=several(names, language),
            at=now,
            since=row.start,
            lasting_ms=_lasting(row, now),
            kind=row.kind,
            # Of a device that is lost, the newest temperature is what people want to know.
            quantity="temperature" if row.kind in OF_DEVICE else row.quantity,
            side=row.side,
            certainty="possible" if row.certainty == "possible" else "certain",
            value=value,
            limit=row.limit,
            extreme=row.extreme,
            end=row.end,
            window_ms=row.snapshot.get("window_ms"),
            learned_at=row.learned_at if late else None,
            batches=batches,
            doses=doses,
            temperature=known.temperature(conn, row.site, row.asset, now),
            holds_minutes=None if over else _left(should_hold(conn, row), row, now),
            rate=rate_of(row),
            bound=bound,
            bound_minutes=bound_minutes,
            code=code,
            step=step,
            unanswered=tuple(unanswered),
            person=answered_by,
            answered_at=answered_at,
            reason=reason,
            device=row.device,
            claim=str(row.snapshot.get("claim", "")),
            certificate=several(certificates, language) if certificates else "",
            due=str(row.snapshot.get("due", "")),
        )


def first_of(rows: Sequence[ExcursionRow]) -> ExcursionRow:
    """Return the excursion whose code a message about these bears: the one that was opened first."""
    return min(rows, key=lambda row: (row.opened, row.id))


def whole(rows: Sequence[ExcursionRow]) -> ExcursionRow:
    """Return the one that lasted longest: a recovery speaks of all that is over."""
    return max(rows, key=lambda row: (row.end or row.start) - row.start)


def _happening(row: ExcursionRow, *, over: bool) -> Happening:
    if row.kind == LOST_CONTACT:
        return "contact-back" if over else "lost-contact"
    if row.kind == MISPLACED:
        if over:
            return "own-again"
        return "foreign-site" if row.snapshot.get("cause") == "site" else "foreign-stream"
    if row.kind == CALIBRATION and not over:
        return "calibration-overdue"
    return "recovered" if over else "opened"


def _lasting(row: ExcursionRow, now: int) -> int:
    if row.kind == "cumulative":
        return row.held_ms
    return max(0, (row.end if row.end is not None else now) - row.start)


def _left(minutes: int | None, row: ExcursionRow, now: int) -> int | None:
    """Return what is left of a forecast that was made when the mains were lost; none of it: None."""
    if minutes is None:
        return None
    left = minutes - max(0, now - row.start) // 60_000
    return left if left > 0 else None
