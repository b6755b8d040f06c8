"""Excursions as people read them: names, the rule with its source, and the batches on hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

from alerts.profiles import source_of
from alerts.rules import OF_VALUES
from console.directory import Directory
from console.models import Excursion, ExcursionList, Name, OwnSms
from history.port import History
from journal import journal
from journal.excursions import (
    CALIBRATION,
    LAMP,
    LOST_CONTACT,
    MISPLACED,
    ExcursionRow,
    listing,
    open_ones,
)
from ledger.store import holds
from protocol.reading import UNITS

PAGE: Final = 50
# So many of the newest are looked through; a county sends some dozens a week.
_OWN_SMS: Final = 500

_OF_HUB_TITLES: Final = {
    LAMP: Name(zh="紫外线灯需要处理", en="the UV lamp needs somebody"),
    CALIBRATION: Name(
        zh="探头校准证书已过有效期", en="the probe's certificate is past its last day"
    ),
    LOST_CONTACT: Name(zh="与设备失去联系", en="no contact with the device"),
    MISPLACED: Name(
        zh="设备冒用其他身份，数据不予接收",
        en="the device speaks for another, its readings are not taken",
    ),
}


def excursion_list(
    conn: Connection,
    history: History,
    directory: Directory,
    *,
    now: int,
    late_after_ms: int,
    only_open: bool = False,
    site: str | None = None,
    page: int = 1,
) -> ExcursionList:
    """Return one page of excursions, newest start first.

    Args:
        conn: any transaction.
        history: the readings, for how far outside open ones have come.
        directory: names.
        now: until when open ones last.
        late_after_ms: learned that long after it opened is late.
        only_open: leave out those that have ended.
        site: only of this site.
        page: from 1.
    """
    if only_open:
        rows = [row for row in open_ones(conn) if site in {None, row.site}]
        rows.sort(key=lambda row: (-row.start, row.id))
    else:
        rows = listing(conn, site=site, limit=page * PAGE + 1)
    first = (page - 1) * PAGE
    shown = described(
        conn, history, directory, rows[first : first + PAGE], now=now, late_after_ms=late_after_ms
    )
    return ExcursionList(excursions=shown, more=len(rows) > first + PAGE)


def described(
    conn: Connection,
    history: History,
    directory: Directory,
    rows: Sequence[ExcursionRow],
    *,
    now: int,
    late_after_ms: int,
) -> list[Excursion]:
    """Return excursions with everything that people ask about them, in the same order."""
    held = _held_batches(conn, [row.id for row in rows])
    own = _own_sms(conn, rows)
    return [
        _described(
            replace(row, extreme=_extreme(history, row, now)),
            directory,
            held.get(row.id, []),
            now=now,
            late_after_ms=late_after_ms,
        ).model_copy(update={"own_sms": own.get(row.id, [])})
        for row in rows
    ]


def _own_sms(conn: Connection, rows: Sequence[ExcursionRow]) -> dict[str, list[OwnSms]]:
    """Return what the devices' own modems sent, by excursion; a device may say a thing twice."""
    found: dict[str, dict[str, OwnSms]] = {}
    shown = {row.id for row in rows}
    newest = journal.entries(conn, types="device.modem.sent", newest_first=True, limit=_OWN_SMS)
    for entry in newest if shown else ():
        said = entry.body["body"]
        to, ids = said.get("to"), said.get("excursions")
        if not isinstance(to, dict) or not isinstance(ids, list):
            continue  # a device may write what it likes
        for id_ in shown.intersection(item for item in ids if isinstance(item, str)):
            found.setdefault(id_, {})[str(said.get("key"))] = OwnSms(
                step=str(said.get("step", "")),
                person=str(to.get("person", "")),
                phone=str(to.get("phone", "")),
                state=str(said.get("state", "")),
                reason=str(said.get("reason", "")),
                text=str(said.get("text", "")),
            )
    return {id_: list(reversed(items.values())) for id_, items in found.items()}


def _extreme(history: History, row: ExcursionRow, now: int) -> int | None:
    """Return the value farthest outside: of an open one until now, not only until it opened."""
    if row.end is not None or row.extreme is None or row.kind not in OF_VALUES:
        return row.extreme
    values = history.samples(row.site, row.series, row.start, now + 1).values
    farthest = max if row.side == "above" else min
    return farthest([row.extreme, *values])


def _described(
    row: ExcursionRow, directory: Directory, batches: list[str], *, now: int, late_after_ms: int
) -> Excursion:
    of_hub = row.kind in _OF_HUB_TITLES
    source = source_of(row.rule)
    title = Name(zh=row.rule, en=row.rule)
    if of_hub:
        title = _OF_HUB_TITLES[row.kind]
    elif source is not None:
        title = Name(**source.title)
    return Excursion(
        id=row.id,
        thread=row.thread,
        site=row.site,
        asset=row.asset,
        asset_name=directory.asset_name(row.asset),
        device=row.device,
        series=row.series,
        point=row.point,
        quantity=row.quantity,
        unit=UNITS.get(row.quantity, ""),
        rule=row.rule,
        profile=row.profile,
        kind=row.kind,
        title=title,
        source=Name(**source.text) if source is not None else None,
        to_confirm=source is not None and source.to_confirm,
        ours=of_hub or (source is not None and source.ours),
        side=row.side,
        certainty=row.certainty,
        holds=row.holds,
        limit=row.limit,
        at_limit=f"at_or_{row.side}" in row.snapshot,
        for_ms=row.snapshot["for_ms"],
        window_ms=row.snapshot.get("window_ms"),
        start=row.start,
        opened=row.opened,
        end=row.end,
        lasted_ms=max(0, (now if row.end is None else row.end) - row.start),
        held_ms=row.held_ms,
        unknown_ms=row.unknown_ms,
        extreme=row.extreme,
        learned_at=row.learned_at,
        late=row.learned_at - row.opened > late_after_ms,
        recovered_at=row.recovered_at,
        batches=batches,
    )


def _held_batches(conn: Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return for each excursion the batches that it put on hold or that had left by then."""
    ids = list(ids)
    if not ids:
        return {}
    query = (
        select(holds.c.cause, holds.c.batch)
        .where(holds.c.cause.in_(ids))
        .distinct()
        .order_by(holds.c.batch)
    )
    found: dict[str, list[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.cause, []).append(row.batch)
    return found
