"""The newest reading of a series, and whether it still says anything about now."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import date
from typing import Final, Literal

from console.models import PointCertificate, PointNow, SwitchNow
from console.runs import Held, held, where
from console.snapshot import Snapshot
from history.port import StreamReading
from history.segments import state_of
from journal.watches import WatchRow
from protocol.reading import OK, SYNCED, UNITS, Reading, split_series

DAY_MS: Final = 86_400_000

# For a series that no settings describe: WHO's largest gap between samples.
_DEFAULT_INTERVAL_MS: Final = 60_000
_DEFAULT_MAX_GAP_MS: Final = 900_000

DOOR: Final = "open"
MAINS: Final = "present"


def point_now(
    view: Snapshot,
    site: str,
    series: str,
    watch: WatchRow | None,
    *,
    lost: bool,
    today: date | None = None,
) -> PointNow:
    """Return the newest reading of a series, and its probe's certificate.

    It is stale when the next one should have come by now, or when its device is ``lost``. ``today``
    is the day at the site, without which its certificate is left out.
    """
    newest = view.latest.get(f"{site}/{series.partition('/')[0]}", {}).get(series)
    valid = _newest_valid(view, site, series, newest)
    at = valid.at if valid is not None else None
    age = max(0, view.now - at) if at is not None else None
    _, gap = holding_rule(watch)
    stale = lost or age is None or age > gap
    _, point, quantity = split_series(series)
    return PointNow(
        series=series,
        point=point,
        quantity=quantity,
        unit=UNITS.get(quantity, ""),
        device=watch.device if watch is not None else "",
        decides=watch is not None and watch.decides,
        value=valid.value if valid is not None else None,
        raw=valid.raw if valid is not None else None,
        certificate=_certificate(view, site, series, today),
        at=at,
        age_ms=age,
        stale=stale,
        estimated=valid is not None and valid.clock != SYNCED,
        ahead=at is not None and at - view.now > gap,
        trouble=_trouble(newest),
        state=None if stale else _state(valid, watch),
    )


def _certificate(
    view: Snapshot, site: str, series: str, today: date | None
) -> PointCertificate | None:
    row = view.certificates.get((site, series))
    if row is None or today is None:
        return None
    certificate = row.certificate
    return PointCertificate(
        number=certificate.number,
        date=certificate.date.isoformat(),
        due=certificate.due.isoformat(),
        standing=certificate.standing(today),
        left_days=certificate.left_days(today),
        points=list(certificate.points),
    )


def _newest_valid(
    view: Snapshot, site: str, series: str, newest: StreamReading | None
) -> Reading | None:
    """Return the newest reading that may be judged, behind which rejected ones may have come."""
    if newest is None or newest.reading.judged:
        return newest.reading if newest is not None else None
    before = view.history.last_before(site, series, newest.reading.at + 1)
    return before.reading if before is not None else None


def _trouble(newest: StreamReading | None) -> str | None:
    if newest is None or newest.reading.quality == OK:
        return None
    return newest.reading.quality


def _state(
    reading: Reading | None, watch: WatchRow | None
) -> Literal["inside", "above", "below"] | None:
    if reading is None or reading.value is None or watch is None:
        return None
    if watch.storage_low is None or watch.storage_high is None:
        return None
    state = state_of(reading.value, watch.storage_low, watch.storage_high)
    return state if state in {"inside", "above", "below"} else None


def holding_rule(watch: WatchRow | None) -> tuple[int, int]:
    """Return interval and longest gap of a series, milliseconds."""
    if watch is None:
        return _DEFAULT_INTERVAL_MS, _DEFAULT_MAX_GAP_MS
    return watch.interval_ms, watch.max_gap_ms


def column(
    view: Snapshot, site: str, series: str, watch: WatchRow | None, start: int, end: int
) -> Held:
    """Return a series over [start, end) as columns."""
    interval, gap = holding_rule(watch)
    return held(
        view.history, site, series, start=start, end=end, interval_ms=interval, max_gap_ms=gap
    )


def switch_now(
    view: Snapshot,
    site: str,
    quantity: str,
    series: Sequence[tuple[str, WatchRow | None]],
    *,
    lost: Container[str],
) -> SwitchNow | None:
    """Return a door (``open``) or the mains (``present``); of several the one to worry about.

    None where the asset has none, or nothing has been read of it. ``lost``: devices that are.
    """
    found = []
    for name, watch in series:
        if not name.endswith(f"/{quantity}"):
            continue
        gone = watch is not None and watch.device in lost
        point = point_now(view, site, name, watch, lost=gone)
        if point.value is None or point.at is None or point.age_ms is None:
            continue
        on = point.value > 0
        recent = column(view, site, name, watch, view.now - DAY_MS, view.now)
        runs = where(recent, (recent.values > 0) == on)
        since = runs[-1][0] if runs and runs[-1][0] > recent.start else None
        found.append(
            SwitchNow(
                series=name,
                on=on,
                since=since,
                at=point.at,
                age_ms=point.age_ms,
                stale=point.stale,
            )
        )
    return min(found, key=lambda switch: switch.on != (quantity == DOOR), default=None)
