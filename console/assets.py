"""One asset as it is now: its state in one word, since when, and the day behind it.

The state is that of the worst deciding point: outside goes before silence, silence before inside
(docs: "Excursions, exactly"). A value too old to say anything about now is never inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from console.directory import Directory
from console.excursions import described
from console.models import AssetNow, PointNow, Shares, State
from console.points import DAY_MS, DOOR, MAINS, column, point_now, switch_now
from console.runs import Held, above, below, union, unknown
from console.shares import shares_of
from console.snapshot import Snapshot
from console.trace import trace_of
from console.weeks import Weeks
from history.port import History
from journal.excursions import LOST_CONTACT
from journal.watches import WatchRow
from ledger.exposure import Assets
from protocol.certificate import day_of

# From worst to best: trouble stands first.
ORDER: Final[tuple[State, ...]] = ("both", "above", "below", "lost", "silent", "none", "inside")


@dataclass(frozen=True, slots=True)
class Limits:
    """After how long things count as lost or late, milliseconds."""

    lost_contact_after_ms: int
    late_after_ms: int


def asset_now(
    view: Snapshot, directory: Directory, key: str, limits: Limits, weeks: Weeks
) -> AssetNow:
    """Return one asset, ``site/asset``, as it is now."""
    site, _, name = key.partition("/")
    watches = {watch.series: watch for watch in view.watches.get(key, [])}
    series = sorted(view.latest.get(key, {}).keys() | watches.keys())
    all_series = [(each, watches.get(each)) for each in series]
    device_names = sorted({watch.device for watch in watches.values()})
    lost = {device for device in device_names if is_lost(view, site, device, limits)}
    today = day_of(view.now, directory.zone(site))
    points = [
        point_now(
            view, site, each, watch, lost=watch is not None and watch.device in lost, today=today
        )
        for each, watch in all_series
        if not each.endswith((f"/{DOOR}", f"/{MAINS}"))
    ]
    deciding = [point for point in points if point.decides]
    begins = first_reading(view.history, site, [point.series for point in deciding])
    # a system of this morning has a chart of this morning, and not one that is mostly blank
    start = view.now - DAY_MS
    if begins is not None and begins < view.now:
        start = max(start, begins)
    columns = [
        column(view, site, point.series, watches[point.series], start, view.now)
        for point in deciding
    ]
    low, high = storage_range(list(watches.values()))
    state = _state(deciding, lost=any(point.device in lost for point in deciding))
    heard = [view.heard[device] for device in device_names if device in view.heard]
    day, week = _shares(view, weeks, key, begins)
    return AssetNow(
        key=key,
        site=site,
        id=name,
        name=directory.asset_name(key),
        kind=directory.kinds.get(key, "fridge"),
        configured=key in directory.assets,
        state=state,
        since=_since(state, deciding, columns, low, high, begins),
        heard_at=max(heard, default=None),
        behind=not lost and _behind(view, list(watches.values())),
        storage_low=low,
        storage_high=high,
        points=deciding,
        others=[point for point in points if not point.decides],
        door=switch_now(view, site, DOOR, all_series, lost=lost),
        mains=switch_now(view, site, MAINS, all_series, lost=lost),
        day=day,
        week=week,
        excursions=described(
            view.conn,
            view.history,
            directory,
            view.excursions.get(key, []),
            now=view.now,
            late_after_ms=limits.late_after_ms,
        ),
        trace=trace_of(columns),
    )


def _behind(view: Snapshot, watches: Sequence[WatchRow]) -> bool:
    """Whether the newest record of all its devices is older than any reading may hold."""
    reached = [view.reached[w.device] for w in watches if w.device in view.reached]
    return bool(reached) and view.now - max(reached) > max(w.max_gap_ms for w in watches)


def is_lost(view: Snapshot, site: str, device: str, limits: Limits) -> bool:
    """Whether nothing comes from a device, by the hub's word or by the clock.

    By the clock as well, for a hub that is down finds nobody lost.
    """
    told = view.excursions.get(f"{site}/{device}", [])
    heard = view.heard.get(device)
    silent = heard is not None and view.now - heard > limits.lost_contact_after_ms
    return silent or any(row.kind == LOST_CONTACT for row in told)


def storage_range(watches: Sequence[WatchRow]) -> tuple[int | None, int | None]:
    """Return the range that is inside for every deciding point: the narrowest."""
    low = [w.storage_low for w in watches if w.decides and w.storage_low is not None]
    high = [w.storage_high for w in watches if w.decides and w.storage_high is not None]
    return max(low, default=None), min(high, default=None)


def _state(deciding: Sequence[PointNow], *, lost: bool) -> State:
    if all(point.at is None for point in deciding):
        return "none"
    if any(point.state is None and not point.stale for point in deciding):
        return "none"  # without a storage range nobody knows what inside is
    states = {point.state for point in deciding}
    if "above" in states or "below" in states:
        return "both" if {"above", "below"} <= states else "above" if "above" in states else "below"
    if lost:
        return "lost"
    return "silent" if any(point.stale for point in deciding) else "inside"


def _since(
    state: State,
    deciding: Sequence[PointNow],
    columns: Sequence[Held],
    low: int | None,
    high: int | None,
    begins: int | None,
) -> int | None:
    """Return since when the asset has been in its state; None for more than a day, or unknown."""
    if state in {"silent", "lost"}:
        return min((p.at for p in deciding if p.stale and p.at is not None), default=None)
    if state == "none" or not columns:
        return None
    too_hot, too_cold = [above(c, high) for c in columns], [below(c, low) for c in columns]
    if state == "inside":
        trouble = union([*too_hot, *too_cold, *(unknown(c) for c in columns)])
        # the stretch behind the newest reading is no trouble yet: it is not stale
        ended = [end for _, end in trouble if end < columns[0].end]
        return ended[-1] if ended else _known_start(columns, begins)
    sides = (
        [too_hot] if state == "above" else [too_cold] if state == "below" else [too_hot, too_cold]
    )
    begun = max((stretches[-1][0] for side in sides if (stretches := union(side))), default=None)
    if begun is None or begun > columns[0].start:
        return begun
    return _known_start(columns, begins)


def _known_start(columns: Sequence[Held], begins: int | None) -> int | None:
    """Return where the columns start if that is the first reading ever; else it began earlier."""
    return begins if columns[0].start == begins else None


def first_reading(history: History, site: str, series: Sequence[str]) -> int | None:
    """Return the time of the first reading ever of any of these series."""
    firsts = [history.first_from(site, each, 0) for each in series]
    return min((first.reading.at for first in firsts if first is not None), default=None)


def _shares(
    view: Snapshot, weeks: Weeks, key: str, begins: int | None
) -> tuple[Shares | None, Shares | None]:
    """Return how the last day and the last week were spent, no further back than readings reach."""
    if begins is None or begins >= view.now:
        return None, None
    start = max(begins, view.now - DAY_MS)
    assets = Assets(view.conn, view.history)
    assets.need(key, [start, view.now])
    day = shares_of(assets.between(key, start, view.now))
    if start == begins:
        return day, day
    return day, weeks.shares(view.conn, view.history, key, begins=begins, now=view.now)
