"""What people are told of a UV lamp that somebody must see to. `facts.reason` is the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.composing import N_, fit
from alerts.facts import MessageFacts

# What is wrong and what to do, and the same in a word, by what the device says (firmware_agent/lamp/).
_WHAT: Final[Mapping[str, tuple[str, str]]] = {
    "lamp-dark": (
        N_("UV LAMP: %(site)s, %(asset)s DARK. Check tube and wiring."),
        N_("%(site)s %(asset)s: UV LAMP DARK"),
    ),
    "lines-unwritable": (
        N_("UV LAMP: %(site)s, %(asset)s CANNOT BE SWITCHED. Check the device."),
        N_("%(site)s %(asset)s: UV LAMP CANNOT BE SWITCHED"),
    ),
    "hours": (
        N_("UV LAMP: %(site)s, %(asset)s PAST ITS HOURS. Measure its intensity."),
        N_("%(site)s %(asset)s: UV LAMP PAST ITS HOURS"),
    ),
    "intensity": (
        N_("UV LAMP: %(site)s, %(asset)s TOO WEAK. Replace the tube."),
        N_("%(site)s %(asset)s: UV LAMP TOO WEAK"),
    ),
    "wipe-due": (
        N_("UV LAMP: %(site)s, %(asset)s: TO BE WIPED with alcohol, a week has passed."),
        N_("%(site)s %(asset)s: UV LAMP TO BE WIPED"),
    ),
}
_ANYTHING: Final = N_("UV LAMP: %(site)s %(asset)s needs somebody.")


def lamp(facts: MessageFacts) -> str:
    """Tell what is to be done about a UV lamp; of one that cannot be put out, the danger first."""
    if facts.reason == "relay-welded":
        core = N_("DANGER: %(site)s, %(asset)s: UV LAMP CANNOT BE PUT OUT since %(since)s.")
        brief = N_("DANGER: %(site)s %(asset)s: UV LAMP CANNOT BE PUT OUT.")
        action = N_("Stay out. Cut its power outside the room.")
        least = N_("Stay out.")
        return fit(facts, [(core, action), (brief, action), (brief, least), (brief,)])
    return fit(facts, [(form,) for form in _WHAT.get(facts.reason, (_ANYTHING,))])


def lamp_seen_to(facts: MessageFacts) -> str:
    """Tell that somebody has looked into a lamp that could not be put out, and that it is dark."""
    core = N_("UV LAMP IS OUT: %(site)s, %(asset)s since %(end)s.")
    return fit(facts, [(core,), (N_("UV LAMP IS OUT: %(site)s %(asset)s"),)])
