"""Whether settings of the hub loosen who is told: held against what the journal has as in force.

A hub that starts may start by night, with nobody there, and one that does not run tells nobody of
anything. So it is not refused: the entry says in which way people are told later, beside who said
why (`coldwatch journal enter`, or `coldwatch hub --because`); where nobody did, so does the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from config.hub import HubSettings
from config.loosening_chain import Told, later

# As in config/hub.py, where a file says nothing.
_LOST_AFTER = HubSettings.model_fields["lost_contact_after"].default

Declared = Mapping[tuple[Any, str], Mapping[str, Any]]


def loosened(before: Declared, now: Declared) -> dict[tuple[str, str], list[str]]:
    """Return in which ways what is declared tells people later than what was in force.

    Both as `journal.directory.declared` returns them. The keys are what would be entered: a site
    whose people are told later, or the setting `lost_contact_after`. A site that was not there, or
    is there no more, is no loosening.
    """
    found: dict[tuple[str, str], list[str]] = {}
    sites = [key for key in now if key[0] == "site" and key in before]
    for key in sites:
        if ways := later(_chain(before, key), _chain(now, key)):
            found["site", key[1]] = ways
    was, new = (_value(each, "lost_contact_after", _LOST_AFTER) for each in (before, now))
    if sites and new > was:
        way = f"a silent device is told after {new // 1000} s instead of {was // 1000} s"
        found["setting", "lost_contact_after"] = [way]
    return found


def said(found: Mapping[tuple[str, str], Iterable[str]]) -> str:
    """Return it in one line."""
    return "; ".join(f"{subject}: {', '.join(ways)}" for (_, subject), ways in found.items())


def _chain(declared: Declared, site: tuple[Any, str]) -> list[Told]:
    body = declared[site]
    if body.get("escalation") is None:
        return [Told(0, tuple(body.get("tell", ())))]
    chains = _value(declared, "escalations", [])
    steps: list[dict[str, Any]] = next(
        (each["steps"] for each in chains if each["id"] == body["escalation"]), []
    )
    return [Told(step.get("after", 0), tuple(step["to"]), step.get("repeat")) for step in steps]


def _value(declared: Declared, name: str, default: Any) -> Any:
    return declared.get(("setting", name), {}).get("value", default)
