"""What a message needs beyond the excursion: names in the person's language, values, holds, forecasts."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, select

from alerts.by_day import waits
from alerts.codes import code_of
from alerts.facts import AssetKind, AssetState, Span, Trouble
from alerts.forecast import minutes_to
from alerts.troubles import words_of
from alerts.wording import Language
from config.hub import Site
from hub.newest import Newest
from journal import journal
from journal.excursions import CALIBRATION, LAMP, OF_DEVICE, ExcursionRow, excursions
from journal.watches import WatchRow, deciding, watches
from ledger.store import holds

# An event and the excursion that it speaks of begin with the same reading.
_SAME_LOSS_MS: Final = 60_000


class Known:
    """Names and values, as one person reads them."""

    def __init__(self, sites: Sequence[Site], newest: Newest) -> None:
        self._sites = {site.id: site for site in sites}
        self._newest = newest

    def site(self, site: str) -> Site:
        """Return a site; raise KeyError for one that is no longer in the settings."""
        return self._sites[site]

    def site_name(self, site: str, language: Language) -> str:
        """Return what people call a site; its id where the settings no longer have it."""
        known = self._sites.get(site)
        return str(getattr(known.name, language)) if known is not None else site

    def zone(self, sites: Iterable[str]) -> str:
        """Return the time zone of the first of these sites."""
        return next((self._sites[site].zone for site in sites if site in self._sites), "UTC")

    def assets(self, conn: Connection, row: ExcursionRow) -> list[str]:
        """Return the ids of the assets that an excursion is about; of a device all of its own."""
        site = self._sites.get(row.site)
        if row.kind not in OF_DEVICE:
            return [row.asset.removeprefix(f"{row.site}/")]
        mine = (watches.c.site == row.site) & (watches.c.device == row.device)
        found = conn.execute(select(watches.c.asset).where(mine).distinct()).scalars()
        assets = sorted(item.removeprefix(f"{row.site}/") for item in found)
        return assets or ([asset.id for asset in site.assets] if site is not None else [row.device])

    def asset_name(self, site: str, asset: str, language: Language) -> str:
        """Return what people call an asset; its id where the settings do not have it."""
        known = self._sites.get(site)
        names = {item.id: item.name for item in known.assets} if known is not None else {}
        return str(getattr(names[asset], language)) if asset in names else asset

    def asset_kind(self, site: str, asset: str) -> AssetKind:
        """Return what an asset is."""
        known = self._sites.get(site)
        kinds = {item.id: item.kind for item in known.assets} if known is not None else {}
        return kinds.get(asset, "fridge")

    # --- values ---

    def newest(self, conn: Connection, row: ExcursionRow, now: int) -> int | None:
        """Return the newest value of what an excursion is about; of a device its first fridge's."""
        if row.side == "apart":
            return self.apart(row, now)
        if row.kind not in OF_DEVICE:
            return self._newest.value(row.site, row.series, now)
        mine = (watches.c.site == row.site) & (watches.c.device == row.device) & watches.c.decides
        series = conn.execute(select(watches.c.series).where(mine).order_by(watches.c.series))
        first = series.scalars().first()
        return self._newest.value(row.site, first, now) if first is not None else None

    def temperature(self, conn: Connection, site: str, asset: str, now: int) -> int | None:
        """Return the newest temperature of ``site/asset``."""
        query = select(watches.c.series).where(watches.c.asset == asset, watches.c.decides)
        first = conn.execute(query.order_by(watches.c.series)).scalars().first()
        return self._newest.value(site, first, now) if first is not None else None

    def bound(
        self, conn: Connection, row: ExcursionRow, value: int | None
    ) -> tuple[int | None, int | None]:
        """Return the limit that a fridge is coming to, and in how many minutes by its rate.

        The highest rate that was found: rather too soon than too late. Where it is outside already
        nothing is forecast.
        """
        if row.kind != "rate" or value is None:
            return None, None
        rows = [each for each in deciding(conn, row.asset) if each.storage_high is not None]
        limits = [each.storage_high if row.side == "above" else each.storage_low for each in rows]
        known = [limit for limit in limits if limit is not None]
        if not known:
            return None, None
        bound = min(known) if row.side == "above" else max(known)
        minutes = minutes_to(bound, value, rate_of(row) or 0)
        return (bound, minutes) if minutes is not None else (None, None)

    def apart(self, row: ExcursionRow, now: int) -> int | None:
        """Return by how much two probes differ now; None where one of them says nothing."""
        other = row.snapshot.get("other")
        if not isinstance(other, str):
            return None
        one = self._newest.value(row.site, row.series, now)
        two = self._newest.value(row.site, other, now)
        return abs(one - two) if one is not None and two is not None else None

    # --- several at once ---

    def troubles(
        self, conn: Connection, rows: Iterable[ExcursionRow], language: Language, now: int
    ) -> tuple[Trouble, ...]:
        """Return what is wrong at each asset, the gravest first; once for each asset and matter."""
        found: dict[tuple[str, str, str], Trouble] = {}
        for row in sorted(rows, key=severity):
            for asset in self.assets(conn, row):
                wrong = words_of(row.kind, row.quantity, row.side).wrong
                found.setdefault(
                    (row.site, asset, wrong), self._trouble(conn, row, asset, language, now)
                )
        return tuple(found.values())

    def _trouble(
        self, conn: Connection, row: ExcursionRow, asset: str, language: Language, now: int
    ) -> Trouble:
        value = self.newest(conn, row, now) if row.kind not in OF_DEVICE else None
        return Trouble(
            site=self.site_name(row.site, language),
            asset=self.asset_name(row.site, asset, language),
            asset_kind=self.asset_kind(row.site, asset),
            kind=row.kind,
            quantity=row.quantity,
            side=row.side,
            certainty="possible" if row.certainty == "possible" else "certain",
            value=outside(row, value),
            limit=row.limit,
            since=row.start,
            code=code_of(row.id),
        )

    def states(
        self,
        conn: Connection,
        sites: Sequence[str],
        open_: Sequence[ExcursionRow],
        language: Language,
        now: int,
    ) -> tuple[tuple[AssetState, ...], tuple[Span, ...]]:
        """Return how each asset is, the gravest first, and what those of each kind measure now."""
        troubled: dict[tuple[str, str], Trouble] = {}
        for trouble in self.troubles(conn, open_, language, now):
            troubled.setdefault((trouble.site, trouble.asset), trouble)
        states, spans = [], _Spans()
        for site in sites:
            for asset in self._sites[site].assets if site in self._sites else ():
                name = (self.site_name(site, language), str(getattr(asset.name, language)))
                series = self._deciding(conn, site, asset.id)
                reading = self._newest.reading(site, series[0].series, now) if series else None
                if not series and name not in troubled:
                    continue  # a lamp, or one that no device watches yet
                if reading is not None:
                    spans.add(asset.kind, reading[1], reading[1])
                at, value = reading if reading is not None else (None, None)
                states.append(AssetState(*name, value, at, troubled.get(name)))
        order = list(troubled)
        states.sort(key=lambda state: order.index((state.site, state.asset))
                    if (state.site, state.asset) in troubled else len(order))  # fmt: skip
        return tuple(states), spans.all()

    def spans(
        self,
        conn: Connection,
        sites: Sequence[str],
        start: int,
        end: int,
        *,
        without: Container[tuple[str, str]] = (),
    ) -> tuple[tuple[Span, ...], list[tuple[str, str]]]:
        """Return what each kind of asset measured in a time, and the assets without any reading.

        Where the history cannot say it now, nothing is said of what was measured; an asset of which
        intake has seen a reading in that time is then not without one. ``without`` are assets, as
        (site, asset), that are spoken of elsewhere.
        """
        spans, unknown, complete = _Spans(), [], True
        for site in sites:
            for asset in self._sites[site].assets if site in self._sites else ():
                if (site, asset.id) in without:
                    continue
                series = self._deciding(conn, site, asset.id)
                known = [self._newest.span(site, row.series, start, end) for row in series]
                values = [each for each in known if each is not None]
                if values:
                    lowest = min(low for low, _ in values)
                    spans.add(asset.kind, lowest, max(high for _, high in values))
                elif any(self._seen(site, row.series, start, end) for row in series):
                    complete = False
                elif series or asset.kind != "lamp":
                    unknown.append((site, asset.id))
        return spans.all() if complete else (), unknown

    def _seen(self, site: str, series: str, start: int, end: int) -> bool:
        reading = self._newest.reading(site, series, end)
        return reading is not None and reading[0] >= start

    @staticmethod
    def _deciding(conn: Connection, site: str, asset: str) -> list[WatchRow]:
        rows = deciding(conn, f"{site}/{asset}")
        return [row for row in rows if row.series.endswith("/temperature")]


class _Spans:
    """Adds up what the assets of each kind measured."""

    def __init__(self) -> None:
        self._found: dict[AssetKind, Span] = {}

    def add(self, kind: AssetKind, lowest: int, highest: int) -> None:
        """Count one more asset."""
        known = self._found.get(kind, Span(kind, 0, lowest, highest))
        self._found[kind] = Span(
            kind, known.count + 1, min(known.lowest, lowest), max(known.highest, highest)
        )

    def all(self) -> tuple[Span, ...]:
        """Return the spans, fridges first."""
        return tuple(sorted(self._found.values(), key=lambda span: span.asset_kind != "fridge"))


# What people look at first, in a message that speaks of several things.
_ORDER: Final = ("temperature", "present", "open")


def severity(row: ExcursionRow) -> tuple[bool, int, bool, int, str]:
    """Sort excursions of several assets: temperature, mains, silence, door, the rest; then by age."""
    rank = _ORDER.index(row.quantity) if row.quantity in _ORDER else len(_ORDER)
    if row.kind in {*OF_DEVICE, "silence", "disagreement", "stuck", "rate"}:
        rank = 1
    if row.kind == CALIBRATION or waits(row.kind, row.quantity, row.side):
        rank = len(_ORDER) + 1
    if row.kind == LAMP:
        # A lamp that cannot be put out burns people; one to be wiped can wait for everything else.
        rank = -1 if row.quantity == "relay_welded" else len(_ORDER) + 1
    return (rank >= 0 and not row.holds, rank, row.certainty == "possible", row.opened, row.asset)


def gravity(row: ExcursionRow) -> tuple[bool, bool, int, str]:
    """Sort excursions of one alarm: one that holds batches, a certain one, the earliest."""
    return (not row.holds, row.certainty == "possible", row.opened, row.id)


def outside(row: ExcursionRow, value: int | None) -> int | None:
    """Return the newest value if it is outside, else the one farthest outside."""
    if row.limit is None or row.kind == "rate":
        return value
    if value is None or (value >= row.limit if row.side == "below" else value <= row.limit):
        return row.extreme if row.extreme is not None else value
    return value


def rate_of(row: ExcursionRow) -> int | None:
    """Return the change in a minute that a rate rule has found, thousandths."""
    if row.kind != "rate":
        return None
    return row.extreme if row.extreme is not None else row.limit


def should_hold(conn: Connection, row: ExcursionRow) -> int | None:
    """Return for how long the asset should stay inside without mains, as its agent has forecast.

    The cautious end, in minutes; None where the agent knows nothing of one of its fridges.
    """
    if row.quantity != "present" or row.kind == "silence":
        return None
    subject = f"{row.site}/{row.series}"
    newest = journal.entries(
        conn, types="device.power.mains-lost", subject=subject, newest_first=True, limit=1
    )
    entry = next(newest, None)
    if entry is None or entry.body["at"] < row.start - _SAME_LOSS_MS:
        return None
    holds_ = entry.body["body"].get("holds")
    found = []
    for item in holds_ if isinstance(holds_, list) else ():
        minutes = item.get("minutes_low") if isinstance(item, dict) else None
        if type(minutes) is not int or minutes < 0:
            return None
        found.append(minutes)
    return min(found, default=None)


def held(conn: Connection, row: ExcursionRow, *, over: bool) -> tuple[int, int]:
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
    query = select(holds.c.batch, holds.c.parcel, holds.c.doses).where(
        mine, holds.c.issued.is_(False)
    )
    # Two rules may hold the same parcel; its doses are there once.
    parcels = {(item.batch, item.parcel): item.doses for item in conn.execute(query)}
    return len({batch for batch, _ in parcels}), sum(parcels.values())
