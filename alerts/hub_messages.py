"""What is told of the way itself: hub, channels, and people who cannot be reached."""

from __future__ import annotations

from typing import Final

from alerts.composing import Said, fit
from alerts.facts import MessageFacts, Way
from alerts.wording import N_, Wording, shorten

# Of a channel, in the shortest forms.
_SHORT_NAME: Final = 12


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


def channel_poor(facts: MessageFacts) -> str:
    """Tell of ways that still work, by day, while there is time to see to them."""
    wording = Wording(facts.language, facts.zone, facts.at)
    rows = named_ways(facts, wording)
    wrong = {way.wrong for way in facts.ways}
    actions = [
        text
        for need, text in (
            ("credit", N_("Top up the card.")),
            ("signal", N_("Move the modem or its aerial.")),
        )
        if need in wrong
    ]
    return fit(
        facts,
        {
            "head": (
                N_("%(site)s: vaccine alarms still get out, but see to this:"),
                N_("%(site)s:"),
            ),
            "ways": tuple(Said(wording.ended(row)) for row in rows),
            "action": (Said(wording.joint.join(wording.text(text) for text in actions)), ""),
        },
        ("head", *["ways"] * len(rows), "action"),
    )


def named_ways(facts: MessageFacts, wording: Wording) -> list[str]:
    """Return the ways that are not well, from all of them to one with its name cut and how many more."""
    said = [_way(wording, way) for way in facts.ways]
    rows = [wording.enumerated(said)]
    for short in (0, _SHORT_NAME):
        rows.append(wording.enumerated([_way(wording, facts.ways[0], short)], len(said) - 1))
    return list(dict.fromkeys(rows))


def _way(wording: Wording, way: Way, short: int = 0) -> str:
    text = {
        "dead": N_("%(channel)s FAILS"),
        "signal": N_("%(channel)s signal weak"),
        "credit": N_("%(channel)s credit low"),
        "other": N_("%(channel)s needs a look"),
    }[way.wrong]
    name = wording.name(way.channel) or wording.text(N_("SMS"))
    cut = shorten(name, short, wording.gap, keep_end=False) if short else name
    return wording.text(text) % {"channel": cut}


def person_unreachable(facts: MessageFacts) -> str:
    """Tell that somebody cannot be told of anything, so that the next alarm is not the first sign."""
    full = N_("VACCINE ALARMS of %(site)s DO NOT REACH %(person)s: %(reason)s.")
    return fit(
        facts,
        {
            "core": (
                *((full,) if facts.reason else ()),
                N_("%(site)s: alarms DO NOT REACH %(person)s."),
                N_("%(site)s: alarms DO NOT REACH %(first)s."),
            ),
            "action": (
                N_("Check modem, SIM card, credit and aerial.")
                if facts.reason == _NO_WAY_OUT
                else N_("Check the telephone number, and whether the phone is on."),
                "",
            ),
        },
        ("action", "core", "core"),
    )


# Why somebody could not be told; channels say it in these words, or in their own.
_NO_WAY_OUT = N_("no way out")
REASONS = (N_("number refused"), N_("no delivery report"), N_("not delivered"), _NO_WAY_OUT)
