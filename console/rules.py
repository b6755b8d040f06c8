"""The rules that watch an asset now, each with its source, as the newest settings record has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from alerts.profiles import source_of
from alerts.rules import Rule, Watch, watches_from_record
from console.models import Name, RuleInForce
from journal.journal import entries
from journal.watches import RECORDED, WatchRow
from protocol.reading import UNITS, split_series


def rules_in_force(conn: Connection, watches: Sequence[WatchRow]) -> list[RuleInForce]:
    """Return the rules on these series; the points that decide first."""
    found = []
    for row in sorted(watches, key=lambda row: (not row.decides, row.series)):
        watch = _watch(conn, row)
        if watch is not None:
            found += [_rule(row.series, rule) for rule in watch.rules]
    return found


def _watch(conn: Connection, row: WatchRow) -> Watch | None:
    """Return what the settings record behind a row says of its series."""
    for body in _settings(conn, row):
        if body["stream"] == row.stream and body["at"] == row.since:
            return watches_from_record(body).get(row.series)
    return None


def _settings(conn: Connection, row: WatchRow) -> Iterator[dict[str, object]]:
    subject = f"{row.site}/{row.device}"
    for entry in entries(conn, types=RECORDED, subject=subject, newest_first=True):
        yield entry.body


def _rule(series: str, rule: Rule) -> RuleInForce:
    source = source_of(rule.id)
    return RuleInForce(
        id=rule.id,
        series=series,
        title=Name(**source.title) if source is not None else Name(zh=rule.id, en=rule.id),
        source=Name(**source.text) if source is not None else None,
        to_confirm=source is not None and source.to_confirm,
        ours=source is not None and source.ours,
        kind=rule.kind,
        above=rule.above,
        below=rule.below,
        at_or_above=rule.at_or_above,
        at_or_below=rule.at_or_below,
        for_ms=rule.for_ms,
        window_ms=rule.window_ms,
        apart=rule.apart,
        loosened=rule.reason,
        unit=UNITS.get(split_series(series)[2], ""),
        holds=rule.holds,
        tells=rule.tells,
    )
