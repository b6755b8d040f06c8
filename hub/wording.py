"""From an excursion to the facts of its message: names in the person's language, newest values, holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, select

from alerts.facts import Happening, MessageFacts
from alerts.messages import compose, several
from config.hub import HubSettings, Person, Site
from hub.lamps import AT_ONCE
from hub.newest import Newest
from journal import journal
from journal.excursions import (
    CALIBRATION,
    LAMP,
    LOST_CONTACT,
    MISPLACED,
    OF_DEVICE,
    ExcursionRow,
    excursions,
)
from journal.watches import watches
from ledger.store import holds

# An event and the excursion that it speaks of begin with the same reading.
_SAME_LOSS_MS: Final = 60_000


class Wording:
    """Words an SMS for one person about one asset and side."""

    def __init__(self, settings: HubSettings, newest: Newest) -> None:
        self._sites = {site.id: site for site in settings.sites}
        self._late_after = settings.late_after
        self._newest_values = newest

    def text(
        self,
        conn: Connection,
        person: Person,
        opened: list[ExcursionRow],
        recovered: list[ExcursionRow],
        now: int,
    ) -> str:
        """Return the text for what this person has to learn now.

        Where several rules opened at once, the gravest speaks: one that holds batches, a certain
        one, the earliest. What has opened and recovered since is told as something past.
        """
        if opened and opened[0].kind == CALIBRATION:
            return compose(self._overdue(person, opened, now))
        if opened:
            row = min(opened, key=_gravity)
            late = bool(recovered) or row.learned_at - row.opened >= self._late_after
        else:
            row, late = _whole(recovered), False
        happening = "opened" if opened else "recovered"
        if row.kind == LOST_CONTACT:
            happening = "lost-contact" if opened else "contact-back"
        elif row.kind == MISPLACED:
            happening = f"foreign-{row.snapshot['cause']}" if opened else "own-again"
        elif row.kind == LAMP:
            happening = "lamp" if opened else "lamp-seen-to"
            facts = self._facts(conn, person, row, happening, late=late, now=now)
            return compose(replace(facts, reason=row.snapshot["cause"]))
        return compose(self._facts(conn, person, row, happening, late=late, now=now))

    def _overdue(self, person: Person, rows: list[ExcursionRow], now: int) -> MessageFacts:
        """Return the facts about certificates that are overdue at one asset."""
        row = min(rows, key=lambda each: (each.start, each.series))
        site, language = self._sites[row.site], person.language
        return MessageFacts(
            happening="calibration-overdue",
            language=language,
            zone=site.zone,
            site=getattr(site.name, language),
            asset=self._asset_name(site, row, language),
            at=now,
            since=row.start,
            lasting_ms=_lasting(row, now),
            due=row.snapshot["due"],
            certificate=several([each.snapshot["certificate"] for each in rows], language),
        )

    def _facts(
        self,
        conn: Connection,
        person: Person,
        row: ExcursionRow,
        happening: Any,
        *,
        late: bool,
        now: int,
    ) -> MessageFacts:
        site = self._sites[row.site]
        language = person.language
        batches, doses = _held(conn, row, over=happening == "recovered")
        said: Happening = happening
        return MessageFacts(
            happening=said,
            language=language,
            zone=site.zone,
            site=getattr(site.name, language),
            asset=self._asset(conn, site, row, language),
            at=now,
            since=row.start,
            lasting_ms=_lasting(row, now),
            # Of a device that is lost, the newest temperature is what people want to know.
            quantity="temperature" if row.kind in OF_DEVICE else row.quantity,
            side=_side(row),
            certainty="possible" if row.certainty == "possible" else "certain",
            value=self._newest(conn, row, now),
            limit=row.limit,
            extreme=row.extreme,
            end=row.end,
            window_ms=row.snapshot.get("window_ms"),
            learned_at=row.learned_at if late else None,
            device=row.device,
            claim=row.snapshot.get("claim", ""),
            batches=batches,
            doses=doses,
            temperature=self._temperature(conn, row.site, row.asset, now),
            holds_minutes=_should_hold(conn, row) if happening == "opened" else None,
        )

    def _asset(self, conn: Connection, site: Site, row: ExcursionRow, language: str) -> str:
        if row.kind not in OF_DEVICE:
            return self._asset_name(site, row, language)
        names = {asset.id: getattr(asset.name, language) for asset in site.assets}
        mine = (watches.c.site == site.id) & (watches.c.device == row.device)
        found = conn.execute(select(watches.c.asset).where(mine).distinct()).scalars()
        assets = sorted(item.removeprefix(f"{site.id}/") for item in found) or list(names)
        return several(
            [str(names.get(asset, asset)) for asset in assets], "en" if language == "en" else "zh"
        )

    @staticmethod
    def _asset_name(site: Site, row: ExcursionRow, language: str) -> str:
        names = {asset.id: getattr(asset.name, language) for asset in site.assets}
        asset = row.asset.removeprefix(f"{site.id}/")
        return str(names.get(asset, asset))

    def _newest(self, conn: Connection, row: ExcursionRow, now: int) -> int | None:
        if row.kind not in OF_DEVICE:
            return self._newest_values.value(row.site, row.series, now)
        mine = (watches.c.site == row.site) & (watches.c.device == row.device) & watches.c.decides
        series = conn.execute(select(watches.c.series).where(mine).order_by(watches.c.series))
        first = series.scalars().first()
        return self._newest_values.value(row.site, first, now) if first is not None else None

    def _temperature(self, conn: Connection, site: str, asset: str, now: int) -> int | None:
        query = select(watches.c.series).where(watches.c.asset == asset, watches.c.decides)
        first = conn.execute(query.order_by(watches.c.series)).scalars().first()
        return self._newest_values.value(site, first, now) if first is not None else None


def _should_hold(conn: Connection, row: ExcursionRow) -> int | None:
    """Return for how long the asset should stay inside without mains, as its agent has forecast.

    The cautious end, in minutes; None where the agent knows nothing of one of its fridges.
    """
    if row.quantity != "present":
        return None
    subject = f"{row.site}/{row.series}"
    newest = journal.entries(
        conn, types="device.power.mains-lost", subject=subject, newest_first=True, limit=1
    )
    entry = next(newest, None)
    if entry is None or entry.body["at"] < row.start - _SAME_LOSS_MS:
        return None
    holds = entry.body["body"].get("holds")
    found = []
    for item in holds if isinstance(holds, list) else ():
        minutes = item.get("minutes_low") if isinstance(item, dict) else None
        if type(minutes) is not int or minutes < 0:
            return None
        found.append(minutes)
    return min(found, default=None)


def _gravity(row: ExcursionRow) -> tuple[bool, bool, bool, int]:
    # A lamp that cannot be put out before one that wants to be wiped.
    harmless = row.kind == LAMP and row.snapshot["cause"] not in AT_ONCE
    return (harmless, not row.holds, row.certainty == "possible", row.opened)


def _whole(rows: list[ExcursionRow]) -> ExcursionRow:
    """Return the one that lasted longest: a recovery speaks of all that is over."""
    return max(rows, key=lambda row: (row.end or row.start) - row.start)


def _side(row: ExcursionRow) -> Any:
    return row.side


def _lasting(row: ExcursionRow, now: int) -> int:
    if row.kind == "cumulative":
        return row.held_ms
    return max(0, (row.end if row.end is not None else now) - row.start)


def _held(conn: Connection, row: ExcursionRow, *, over: bool) -> tuple[int, int]:
    """Return how many batches, and doses of them, this excursion holds.

    When it is over, those count that any rule held on this side meanwhile.
    """
    causes = select(excursions.c.id).where(
        excursions.c.site == row.site,
        excursions.c.series == row.series,
        excursions.c.side == row.side,
        excursions.c.start >= row.start,
    )
    mine = holds.c.cause.in_(causes) if over else holds.c.cause == row.id
    held = select(holds.c.batch, holds.c.parcel, holds.c.doses).where(
        mine, holds.c.issued.is_(False)
    )
    # Two rules may hold the same parcel; its doses are there once.
    parcels = {(item.batch, item.parcel): item.doses for item in conn.execute(held)}
    return len({batch for batch, _ in parcels}), sum(parcels.values())
