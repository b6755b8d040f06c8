"""What is told of the way itself: hub, channels, and people who cannot be reached."""

from __future__ import annotations

from alerts.composing import fit
from alerts.facts import MessageFacts
from alerts.wording import N_


def hub_silent(facts: MessageFacts) -> str:
    """Tell that the hub gives no sign of life, so that it tells nobody of anything."""
    return fit(
        facts,
        {
            "core": (
                N_(
                    "NO VACCINE ALARMS: the hub of %(site)s is SILENT since %(since)s, %(lasting)s."
                ),
                N_("HUB SILENT: %(site)s."),
            ),
            "action": (
                N_("Start it again; until then read the displays of the fridges."),
                N_("Start it again."),
                "",
            ),
        },
        ("action", "core"),
    )


def hub_unreachable(facts: MessageFacts) -> str:
    """Tell that the broker cannot be reached, so that nobody knows how the hub is."""
    return fit(
        facts,
        {
            "core": (
                N_(
                    "VACCINE ALARMS NOT WATCHED: the hub of %(site)s CANNOT BE REACHED since"
                    " %(since)s, %(lasting)s."
                ),
                N_("HUB CANNOT BE REACHED: %(site)s."),
            ),
            "action": (N_("Check network, broker and power there."), ""),
        },
        ("action", "core"),
    )


def hub_back(facts: MessageFacts) -> str:
    """Tell that the hub gives signs of life again."""
    core = N_("HUB BACK: %(site)s since %(end)s, after %(lasting)s.")
    return fit(facts, {"core": (core, N_("HUB BACK: %(site)s."))})


def channel_failing(facts: MessageFacts) -> str:
    """Tell, by another channel, that messages do not get through."""
    core: tuple[str, ...] = (
        N_("VACCINE ALARMS DO NOT GET OUT: SMS failing at %(site)s since %(since)s."),
        N_("SMS FAILING: %(site)s."),
    )
    if facts.instead:
        core = (
            N_(
                "%(site)s: alarms do not get out by %(channel)s since %(since)s; %(instead)s is used"
                " instead."
            ),
            N_("%(site)s: %(channel)s FAILS; %(instead)s is used instead."),
        )
    return fit(
        facts,
        {
            "core": core,
            "waiting": (N_("%(waiting)s not sent."), "") if facts.waiting else (),
            "action": (N_("Check modem, SIM card, credit and aerial."), ""),
            "why": (N_("Reason: %(reason)s"), "") if facts.reason else (),
        },
        ("why", "waiting", "core", "core", "action"),
    )


def channel_back(facts: MessageFacts) -> str:
    """Tell that messages get through again."""
    core: tuple[str, ...] = (
        N_("SMS WORKS AGAIN: %(site)s since %(end)s, after %(lasting)s."),
        N_("SMS WORKS AGAIN: %(site)s."),
    )
    if facts.channel:
        core = (N_("%(site)s: alarms get out by %(channel)s again since %(end)s."), core[-1])
    return fit(facts, {"core": core})


def person_unreachable(facts: MessageFacts) -> str:
    """Tell that somebody cannot be told of anything, so that the next alarm is not the first sign."""
    return fit(
        facts,
        {
            "core": (
                N_("VACCINE ALARMS of %(site)s DO NOT REACH %(person)s: %(reason)s."),
                N_("%(site)s: alarms DO NOT REACH %(person)s."),
            ),
            "action": (
                N_("Check modem, SIM card, credit and aerial.")
                if facts.reason == _NO_WAY_OUT
                else N_("Check the telephone number, and whether the phone is on."),
                "",
            ),
        },
        ("action", "core"),
    )


# Why somebody could not be told; channels say it in these words, or in their own.
_NO_WAY_OUT = N_("no way out")
REASONS = (N_("number refused"), N_("no delivery report"), N_("not delivered"), _NO_WAY_OUT)
