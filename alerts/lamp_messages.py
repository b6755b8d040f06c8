"""What people are told of a UV lamp that somebody must see to. `facts.reason` is the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.composing import N_, fit
from alerts.facts import MessageFacts

# What is wrong and what to do, by what the device says (firmware_agent/lamp/).
_WHAT: Final[Mapping[str, str]] = {
    "lamp-dark": N_("UV LAMP: %(site)s, %(asset)s does not burn. Check tube and wiring."),
    "lines-unwritable": N_("UV LAMP: %(site)s, %(asset)s cannot be switched. Check the device."),
    "hours": N_("UV LAMP: %(site)s, %(asset)s is past its rated hours. Measure its intensity."),
    "intensity": N_("UV LAMP: %(site)s, %(asset)s is too weak. Replace the tube."),
    "wipe-due": N_("UV LAMP: %(site)s, %(asset)s: weekly wipe with alcohol is due."),
}


def lamp(facts: MessageFacts) -> str:
    """Tell what is to be done about a UV lamp; of one that cannot be put out, the danger first."""
    if facts.reason == "relay-welded":
        core = N_("DANGER: %(site)s, %(asset)s: UV LAMP CANNOT BE PUT OUT since %(since)s.")
        brief = N_("DANGER: %(site)s %(asset)s: UV LAMP CANNOT BE PUT OUT.")
        action = N_("Stay out. Cut its power outside the room.")
        least = N_("Stay out.")
        return fit(facts, [(core, action), (brief, action), (brief, least), (brief,)])
    tiny = N_("UV LAMP: %(site)s %(asset)s needs somebody.")
    return fit(facts, [(_WHAT[facts.reason],), (tiny,)] if facts.reason in _WHAT else [(tiny,)])


def lamp_seen_to(facts: MessageFacts) -> str:
    """Tell that somebody has looked into a lamp that could not be put out, and that it is dark."""
    core = N_("UV LAMP IS OUT: %(site)s, %(asset)s since %(end)s.")
    return fit(facts, [(core,), (N_("UV LAMP IS OUT: %(site)s %(asset)s"),)])
