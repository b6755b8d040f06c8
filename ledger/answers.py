"""The ledger's answers as JSON: times in ISO 8601 with offset, values as decimals, seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from history.statistics import Exposure
from journal.excursions import ExcursionRow
from ledger.batches import Entered
from ledger.holds import Hold
from ledger.journey import Journey
from ledger.phrases import DEFAULT_ZONE, Language
from ledger.stock import BatchOverview
from ledger.verdict import Judged


def movement_json(entered: Entered, zone: ZoneInfo) -> dict[str, Any]:
    """Return a movement as it was entered."""
    movement = entered.movement
    return {
        "entry": movement.position,
        "kind": movement.kind,
        "batch": entered.batch.id,
        "from": str(movement.source) if movement.source is not None else None,
        "to": str(movement.target) if movement.target is not None else None,
        "doses": movement.doses,
        "at": iso(movement.at, zone),
    }


def overview_json(one: BatchOverview, zone: ZoneInfo, language: Language) -> dict[str, Any]:
    """Return one batch of ``coldwatch ledger stock --json``."""
    return {
        "batch": one.batch.id,
        "product": one.batch.product,
        "lot": one.batch.lot,
        "expiry": one.batch.expiry.isoformat(),
        "doses": one.doses,
        "held": one.held,
        "verdict": one.verdict,
        "parcels": [judged_json(judged, zone, language) for judged in one.parcels],
    }


def journey_json(
    found: Journey, *, zone: ZoneInfo = DEFAULT_ZONE, language: Language = "en"
) -> dict[str, Any]:
    """Return the answer of ``coldwatch ledger journey --json``."""
    sum_ = found.way.exposure()
    return {
        "batch": found.batch.id,
        "product": found.batch.product,
        "lot": found.batch.lot,
        "expiry": found.batch.expiry.isoformat(),
        "doses": {
            "received": found.received,
            "in_stock": found.in_stock,
            "issued": found.issued,
            "held": found.held,
        },
        "exposure": _times(sum_),
        **_figures(sum_),
        "fridges": [
            {
                "asset": parcel.place.asset,
                "label": parcel.place.label,
                "parcel": parcel.id,
                "from": iso(parcel.begin.at, zone),
                "to": iso(parcel.end.at, zone) if parcel.end is not None else None,
                "doses": parcel.most,
                **_times(exposure),
                **_figures(exposure),
            }
            for parcel, exposure in found.stays
        ],
        "excursions": [excursion_json(row, zone) for row in found.excursions],
        "holds": [hold_json(hold, zone) for hold in found.holds],
        "parcels": [judged_json(one, zone, language) for one in found.judged],
        "verdict": found.verdict,
        "why": [reason.text(language, zone) for reason in found.why],
    }


def judged_json(one: Judged, zone: ZoneInfo, language: Language) -> dict[str, Any]:
    """Return a parcel with its verdict."""
    return {
        "parcel": one.parcel.id,
        "asset": one.parcel.place.asset,
        "label": one.parcel.place.label,
        "since": iso(one.parcel.begin.at, zone),
        "doses": one.parcel.doses,
        "exposure": _times(one.exposure),
        **_figures(one.exposure),
        "held": one.held,
        "verdict": one.verdict,
        "reasons": [reason.code for reason in one.reasons],
        "why": [reason.text(language, zone) for reason in one.reasons],
    }


def excursion_json(row: ExcursionRow, zone: ZoneInfo) -> dict[str, Any]:
    """Return an excursion as it bears on doses."""
    return {
        "id": row.id,
        "asset": row.asset,
        "point": row.point,
        "rule": row.rule,
        "side": row.side,
        "certainty": row.certainty,
        "holds": row.holds,
        "start": iso(row.start, zone),
        "opened": iso(row.opened, zone),
        "end": iso(row.end, zone) if row.end is not None else None,
        "seconds": _seconds(row.held_ms),
        "unknown_s": _seconds(row.unknown_ms),
        "extreme": row.extreme / 1000 if row.extreme is not None else None,
    }


def hold_json(hold: Hold, zone: ZoneInfo) -> dict[str, Any]:
    """Return a hold as it was entered."""
    body: dict[str, Any] = {
        "batch": hold.batch,
        "parcel": hold.parcel,
        "asset": hold.place.asset,
        "label": hold.place.label,
        "doses": hold.doses,
        "reason": hold.code,
        "excursion": hold.cause if hold.code == "excursion" else None,
        "exposed_in": hold.exposed_asset,
        "since": iso(hold.since.at, zone),
        "entered": iso(hold.at, zone),
        "issued": hold.issued,
    }
    if hold.issued:
        body["recipient"] = hold.recipient
    return body


def iso(at: int, zone: ZoneInfo) -> str:
    """Return a time in ISO 8601 with offset, to the millisecond where there is one."""
    whole, rest = divmod(at, 1000)
    local = datetime.fromtimestamp(whole, zone).replace(microsecond=rest * 1000)
    return local.isoformat(timespec="milliseconds" if rest else "seconds")


def _seconds(duration_ms: int) -> int | float:
    return duration_ms // 1000 if duration_ms % 1000 == 0 else duration_ms / 1000


def _times(exposure: Exposure) -> Mapping[str, int | float]:
    return {
        "inside_s": _seconds(exposure.inside_ms),
        "above_s": _seconds(exposure.above_ms),
        "below_s": _seconds(exposure.below_ms),
        "both_s": _seconds(exposure.both_ms),
        "unknown_s": _seconds(exposure.unknown_ms),
        "pending_s": _seconds(exposure.pending_ms),
    }


def _figures(exposure: Exposure) -> Mapping[str, float | None]:
    def degrees(value: float | None) -> float | None:
        return round(value / 1000, 3) if value is not None else None

    return {
        "min": degrees(exposure.minimum),
        "max": degrees(exposure.maximum),
        "mean": degrees(exposure.mean),
        "mkt": degrees(exposure.mkt),
    }
