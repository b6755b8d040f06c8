"""What is in force on this device, and that nothing loosens it without a reason.

Settings that would loosen it without one are refused where a person waits for the answer:
`coldwatch check` on the device, and what the hub hands out. At a start nobody may be waiting (a file
was changed last week, and now the power is back), and an agent that does not run watches nothing:
so it starts, the stricter rules stay in force, and `status`, panel and log say so.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from alerts.rules import Rule, Watch, watches_from_record
from config.agent import AgentSettings, Asset, series_name
from config.loading import Problem, SettingsFile
from config.loosening import gone, looser
from config.profile import ALWAYS
from firmware_agent.spool_file import FILE, read_only
from firmware_agent.stream import WATCHES

log = logging.getLogger(__name__)

_REMEDY: Final = (
    'keep what is in force, or write `rules_reason = "…"` in this asset, which the journal keeps'
)


@dataclass(frozen=True, slots=True)
class Loosening:
    """A rule in force that would be looser, or gone, and nobody said why.

    Attributes:
        number: of the asset in the settings, from 0.
        was: how the series is watched.
        rule: as it is in force.
        words: in which way; empty where it would be gone.
    """

    number: int
    was: Watch
    rule: Rule
    words: str = ""


def watches_in_force(state_dir: Path) -> dict[str, Watch]:
    """Return by what this device judges, or did last; nothing where that cannot be known."""
    path = state_dir / FILE
    try:
        if not path.exists():
            return {}
        with closing(read_only(path)) as db:
            query = "SELECT value FROM meta WHERE key = ?"
            row = db.execute(query, (WATCHES,)).fetchone()
        found = json.loads(row[0]) if row is not None else None
        return watches_from_record({"series": found}) if found else {}
    except (OSError, sqlite3.Error, KeyError, TypeError, ValueError, AttributeError) as error:
        # A damaged spool is told elsewhere, and keeps no agent from starting.
        log.warning("in-force=unknown reason=%r", str(error))
        return {}


def loosenings(
    before: Mapping[str, Watch], after: Mapping[str, Watch], settings: AgentSettings
) -> list[Loosening]:
    """Return what of the rules in force these settings would loosen without a reason.

    ``after`` is what they come to. A figure that is the profile's, then and now, changes with the
    program and not by the site; so does a rule that its profile has no more. Series that are no
    longer measured are no matter of rules (`coldwatch check --explain` says what nobody measures).
    """
    return [
        each
        for number, asset in enumerate(settings.assets)
        if not asset.rules_reason.strip()
        for point in asset.points
        if (name := series_name(asset, point)) in before
        for each in _on_series(number, asset, before[name], after)
    ]


def _on_series(
    number: int, asset: Asset, was: Watch, after: Mapping[str, Watch]
) -> Iterator[Loosening]:
    now = after[was.series]
    theirs = {rule.id: rule for rule in now.rules}
    for rule in was.rules:
        new = theirs.get(rule.id)
        # The profile's figure may change with the program; the site's own changes with the site.
        if new is None or new.reason.strip() or not (rule.changed or new.changed):
            continue
        if ways := looser(rule, new):
            yield Loosening(number, was, rule, ", ".join(ways))
    named = {*asset.profiles, ALWAYS}
    for rule in gone(was.rules, now.rules):
        if rule.other is not None:
            # Two that decide are compared once, at whichever stands first in the file.
            theirs_too = after.get(rule.other)
            if theirs_too is None or (now.decides and theirs_too.decides):
                continue
        elif rule.id.partition("/")[0] in named and now.decides == was.decides and not rule.changed:
            continue
        yield Loosening(number, was, rule)


def problems_of(file: SettingsFile, found: list[Loosening]) -> list[Problem]:
    """Return one line for each asset that would be watched less strictly: what, where, what to do."""
    return [
        file.problem(("assets", number), _said(found, number), _REMEDY)
        for number in dict.fromkeys(each.number for each in found)
    ]


def _said(found: list[Loosening], number: int) -> str:
    mine = [each for each in found if each.number == number]
    asset = mine[0].was.series.partition("/")[0]
    absent = dict.fromkeys(_named(each) for each in mine if not each.words)
    ways = dict.fromkeys(f"{_named(each)}: {each.words}" for each in mine if each.words)
    parts = [*ways, *([f"without {', '.join(absent)}"] if absent else [])]
    return f"{asset} would be watched less strictly than it is: {', and '.join(parts)}"


def _named(each: Loosening) -> str:
    point = each.was.series.split("/")[1]
    return f"{each.rule.id} ({point})"


def kept(after: Mapping[str, Watch], found: list[Loosening]) -> dict[str, Watch]:
    """Return what is to be in force when these rules stay as they are."""
    strict = dict(after)
    for each in found:
        watch = strict[each.was.series]
        others = [rule for rule in watch.rules if rule.id != each.rule.id]
        decides = watch.decides or each.was.decides
        strict[watch.series] = replace(watch, rules=(*others, each.rule), decides=decides)
    return strict
