"""What `coldwatch watch` tells: the hub is silent, cannot be reached, or is back."""

from __future__ import annotations

from alerts.composing import N_, fit
from alerts.facts import MessageFacts


def hub_silent(facts: MessageFacts) -> str:
    """Tell that the hub gives no sign of life, so that it tells nobody of anything."""
    core = N_("NO VACCINE ALARMS: the hub of %(site)s is SILENT since %(since)s, %(lasting)s.")
    action = N_("Start it again; until then read the displays of the fridges.")
    least = N_("Start it again.")
    tiny = N_("HUB SILENT: %(site)s")
    return fit(facts, [(core, action), (core, least), (core,), (tiny, least), (tiny,)])


def hub_unreachable(facts: MessageFacts) -> str:
    """Tell that the broker cannot be reached, so that nobody knows how the hub is."""
    core = N_(
        "VACCINE ALARMS NOT WATCHED: the hub of %(site)s CANNOT BE REACHED since %(since)s,"
        " %(lasting)s."
    )
    action = N_("Check network, broker and power there.")
    tiny = N_("HUB CANNOT BE REACHED: %(site)s")
    return fit(facts, [(core, action), (core,), (tiny, action), (tiny,)])


def hub_back(facts: MessageFacts) -> str:
    """Tell that the hub gives signs of life again."""
    core = N_("HUB BACK: %(site)s since %(end)s, after %(lasting)s.")
    return fit(facts, [(core,), (N_("HUB BACK: %(site)s"),)])
