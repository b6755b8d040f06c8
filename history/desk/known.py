"""What the hub knows of a series: whether it exists, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from config.database import begun
from history.export import SeriesRule
from history.port import History

if TYPE_CHECKING:
    from journal.watches import WatchRow


class UnknownNameError(ValueError):
    """There is no such site or series; the text names those that are near."""


def check_site(history: History, site: str) -> None:
    """Raise UnknownNameError where a site has no series."""
    if not history.series(site):
        sites = {of_site for of_site, _ in history.latest()}
        raise UnknownNameError(_there_is_no(f"site {site!r}", site, sites, "no site has readings"))


def check_series(history: History, site: str, series: Iterable[str]) -> None:
    """Raise UnknownNameError where a site lacks one of these series."""
    check_site(history, site)
    there = history.series(site)
    for name in series:
        if name not in there:
            raise UnknownNameError(_there_is_no(f"series {name!r} at {site}", name, there, ""))


def _there_is_no(what: str, name: str, there: Iterable[str], nothing: str) -> str:
    import difflib

    names = sorted(there)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"there is no {what}; did you mean {' or '.join(near)}?"
    if not names:
        return f"there is no {what}: {nothing}; check --state-dir"
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return f"there is no {what}; there are {shown}"


def rules_known(state_dir: Path, site: str | None = None) -> dict[tuple[str, str], SeriesRule]:
    """Return how each (site, series) is judged now; empty where no hub has run here.

    Of two devices that claim one series the one that was set up last counts. Raises DatabaseError
    where the hub's database cannot be read.
    """
    if not begun(state_dir):
        return {}
    from sqlalchemy import select

    from journal.database import has_tables, open_database, read
    from journal.place import find
    from journal.watches import WatchRow, watches

    engine = open_database(find(state_dir), read_only=True)
    try:
        if not has_tables(engine, watches):
            return {}
        query = select(*(watches.c[field.name] for field in fields(WatchRow)))
        if site is not None:
            query = query.where(watches.c.site == site)
        with read(engine) as conn:
            rows = conn.execute(query.order_by(watches.c.series, watches.c.since))
            found = [WatchRow(**row._mapping) for row in rows]  # noqa: SLF001 - its public name
    finally:
        engine.dispose()
    return {(row.site, row.series): _rule(row) for row in found}


def _rule(row: WatchRow) -> SeriesRule:
    return SeriesRule(
        row.series, row.storage_low, row.storage_high, row.interval_ms, row.max_gap_ms
    )
