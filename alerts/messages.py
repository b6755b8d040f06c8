"""What people are told: one SMS for each happening, in Chinese or English.

Each says which site, which fridge, what is wrong and in which direction, value, limit, since when
and what to do. It is written for somebody who wakes at three in the morning: the worst first, then
what to do, then the rest. A message is never longer than one SMS (70 units in Chinese, 160
characters in English, 70 as well where a name has other letters): sentences are given up from
the least important on, then the point's label, and only then names are cut, in their middle. Site,
fridge, direction and value are never given up.

English is the source; `locale/` has the Chinese, and says how to change either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alerts.composing import N_, fit
from alerts.facts import MessageFacts
from alerts.hub_messages import hub_back, hub_silent, hub_unreachable
from alerts.lamp_messages import lamp, lamp_seen_to
from alerts.wording import Language, Wording


def several(names: Sequence[str], language: Language) -> str:
    """Name one asset, or two, or the first and how many more."""
    if len(names) <= 2:
        return (", " if language == "en" else "、").join(names)
    wording = Wording(language, "UTC", 0)
    return names[0] + wording.count(" and %(n)d more", " and %(n)d more", len(names) - 1)


def compose(facts: MessageFacts) -> str:
    """Return the text of a message; it fits one SMS."""
    if facts.happening in ("opened", "recovered"):
        over = facts.happening == "recovered"
        if facts.side == "silent":
            return readings_back(facts) if over else silence(facts)
        if facts.quantity == "present":
            return mains_back(facts) if over else mains_lost(facts)
        if facts.quantity == "open":
            return door_shut(facts) if over else door_open(facts)
        return recovered(facts) if over else opening(facts)
    others: Mapping[str, Callable[[MessageFacts], str]] = {
        "lost-contact": lost_contact,
        "contact-back": contact_back,
        "foreign-site": foreign,
        "foreign-stream": foreign,
        "own-again": own_again,
        "calibration-overdue": calibration_overdue,
        "lamp": lamp,
        "lamp-seen-to": lamp_seen_to,
        "channel-failing": channel_failing,
        "channel-back": channel_back,
        "hub-silent": hub_silent,
        "hub-unreachable": hub_unreachable,
        "hub-back": hub_back,
    }
    return others[facts.happening](facts)


def opening(facts: MessageFacts) -> str:
    """Tell that a fridge is, or was, too hot or too cold."""
    if facts.learned_at is not None:
        return _late(facts)
    if facts.window_ms is not None:
        core = N_(
            "VACCINE ALARM: %(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s), %(lasting)s in"
            " all within %(window)s."
        )
    else:
        core = N_(
            "VACCINE ALARM: %(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since"
            " %(since)s, %(lasting)s."
        )
    brief = N_("%(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since %(since)s.")
    tiny = N_("%(site)s %(asset)s %(wrong)s %(value)s, %(limit)s")
    hold = _hold(facts, N_("On hold: %(batches)s, %(doses)s."))
    actions = _what_to_do(facts)
    least = actions[-1]
    return fit(
        facts,
        [
            *((core, action, hold) for action in actions),
            *((core, action) for action in actions),
            (brief, least),
            (brief,),
            (tiny,),
        ],
    )


def _what_to_do(facts: MessageFacts) -> tuple[str, ...]:
    """Return what to do with a fridge that is too hot or too cold, from the longest on."""
    least = N_("Check it now.")
    if facts.quantity != "temperature":
        return (least,)
    if facts.side == "below":
        return (
            N_("Check it now. Do not use its vaccines until they are assessed."),
            N_("Check it now, use no vaccine."),
            least,
        )
    return (
        N_("Check door and power now. Move the vaccines if it does not cool."),
        N_("Check door and power now."),
        least,
    )


def _late(facts: MessageFacts) -> str:
    """Tell what was learned only afterwards."""
    over = facts.end is not None
    if over:
        core = N_(
            "VACCINE ALARM, LATE: %(site)s, %(asset)s was %(wrong)s %(since)s to %(end)s, %(worst)s"
            " (%(limit)s); learned at %(learned)s."
        )
        brief = N_(
            "LATE: %(site)s, %(asset)s %(wrong)s %(since)s to %(end)s: %(worst)s (%(limit)s)."
        )
        action = N_("Check which vaccines were in it.")
    else:
        core = N_(
            "VACCINE ALARM, LATE: %(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since"
            " %(since)s; learned at %(learned)s."
        )
        brief = N_("LATE: %(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since %(since)s.")
        action = N_("Check it now.")
    hold = _hold(facts, N_("On hold: %(batches)s, %(doses)s."))
    tiny = N_("%(site)s %(asset)s %(wrong)s %(value)s, %(limit)s, learned late")
    if over:
        tiny = N_("%(site)s %(asset)s was %(wrong)s, %(worst)s, %(limit)s")
    return fit(
        facts, [(core, action, hold), (core, hold), (core, action), (core,), (brief,), (tiny,)]
    )


def recovered(facts: MessageFacts) -> str:
    """Tell that a fridge is inside again, and what it went through."""
    core = N_(
        "RECOVERED: %(site)s, %(asset)s: %(value)s since %(end)s. Was %(wrong)s for %(lasting)s,"
        " %(worst)s (%(limit)s)."
    )
    brief = N_("RECOVERED: %(site)s, %(asset)s: %(value)s. Was %(wrong)s, %(worst)s.")
    hold = _hold(facts, N_("Batches on hold stay so until released."))
    tiny = N_("RECOVERED: %(site)s %(asset)s %(value)s (was %(wrong)s)")
    return fit(facts, [(core, hold), (core,), (brief,), (tiny,)])


def silence(facts: MessageFacts) -> str:
    """Tell that a probe gives no readings, so that nobody knows the temperature."""
    last = N_("Last value %(value)s.") if facts.value is not None else ""
    core = N_(
        "VACCINE ALARM: %(site)s, %(asset)s: NO READINGS since %(since)s, %(lasting)s. Temperature"
        " unknown."
    )
    brief = N_("%(site)s, %(asset)s: NO READINGS since %(since)s.")
    action = N_("Check probe and fridge now.")
    return fit(
        facts,
        [
            (core, last, action, _learned(facts)),
            (core, last, action),
            (core, action),
            (brief, action),
            (brief,),
            (N_("%(site)s %(asset)s: NO READINGS"),),
        ],
    )


def readings_back(facts: MessageFacts) -> str:
    """Tell that a probe gives readings again."""
    now = N_("Now %(value)s.") if facts.value is not None else ""
    core = N_("READINGS BACK: %(site)s, %(asset)s since %(end)s.")
    gap = N_("None for %(lasting)s: what happened then is unknown.")
    tiny = N_("READINGS BACK: %(site)s %(asset)s")
    return fit(facts, [(core, now, gap), (core, now), (core,), (tiny,)])


def mains_lost(facts: MessageFacts) -> str:
    """Tell that a fridge has no mains."""
    core = N_("VACCINE ALARM: %(site)s, %(asset)s: MAINS LOST since %(since)s, %(lasting)s.")
    brief = N_("%(site)s, %(asset)s: MAINS LOST since %(since)s.")
    action = N_("Keep it shut. See to power, or move the vaccines.")
    least = N_("Keep it shut.")
    holds = _should_hold(facts)
    return fit(
        facts,
        [
            (core, _inside_now(facts), holds, action, _learned(facts)),
            (core, _inside_now(facts), holds, action),
            (core, _inside_now(facts), holds, least),
            (core, holds, least),
            (core, action),
            (core, least),
            (brief, least),
            (brief,),
            (N_("%(site)s %(asset)s: MAINS LOST"),),
        ],
    )


def mains_back(facts: MessageFacts) -> str:
    """Tell that a fridge has mains again."""
    core = N_("MAINS BACK: %(site)s, %(asset)s since %(end)s, after %(lasting)s.")
    tiny = N_("MAINS BACK: %(site)s %(asset)s")
    return fit(facts, [(core, _inside_now(facts)), (core,), (tiny,)])


def door_open(facts: MessageFacts) -> str:
    """Tell that a door stands open."""
    core = N_("VACCINE ALARM: %(site)s, %(asset)s: DOOR OPEN since %(since)s, %(lasting)s.")
    brief = N_("%(site)s, %(asset)s: DOOR OPEN since %(since)s.")
    action = N_("Shut it now.")
    return fit(
        facts,
        [
            (core, _inside_now(facts), action, _learned(facts)),
            (core, _inside_now(facts), action),
            (core, action),
            (brief, action),
            (brief,),
            (N_("%(site)s %(asset)s: DOOR OPEN"),),
        ],
    )


def door_shut(facts: MessageFacts) -> str:
    """Tell that the door is shut again."""
    core = N_("DOOR SHUT: %(site)s, %(asset)s since %(end)s, after %(lasting)s.")
    tiny = N_("DOOR SHUT: %(site)s %(asset)s")
    return fit(facts, [(core, _inside_now(facts)), (core,), (tiny,)])


def lost_contact(facts: MessageFacts) -> str:
    """Tell that a device has not been heard, so that nobody knows its fridges' temperatures."""
    last = N_("Last value %(value)s.") if facts.value is not None else ""
    core = N_(
        "VACCINE ALARM: %(site)s, %(asset)s: NO CONTACT since %(since)s, %(lasting)s. Temperature"
        " unknown."
    )
    brief = N_("%(site)s, %(asset)s: NO CONTACT since %(since)s.")
    action = N_("Check power and network, read the display.")
    least = N_("Check power and network.")
    return fit(
        facts,
        [
            (core, last, action),
            (core, last, least),
            (core, action),
            (core, least),
            (brief, action),
            (brief, least),
            (brief,),
            (N_("%(site)s %(asset)s: NO CONTACT"),),
        ],
    )


def contact_back(facts: MessageFacts) -> str:
    """Tell that a device is heard again."""
    core = N_("CONTACT BACK: %(site)s, %(asset)s since %(end)s, after %(lasting)s.")
    rest = N_("Readings kept meanwhile are coming in.")
    tiny = N_("CONTACT BACK: %(site)s %(asset)s")
    return fit(facts, [(core, rest), (core,), (tiny,)])


def foreign(facts: MessageFacts) -> str:
    """Tell that a device speaks for another, so that its readings are not taken."""
    if facts.happening == "foreign-site":
        core = N_(
            "VACCINE ALARM: %(site)s, %(asset)s: device %(device)s speaks for site %(claim)s. Its"
            " readings are NOT TAKEN since %(since)s."
        )
        action = N_("Check its settings.")
    else:
        core = N_(
            "VACCINE ALARM: %(site)s, %(asset)s: device %(device)s sends as device %(claim)s. Its"
            " readings are NOT TAKEN since %(since)s."
        )
        action = N_("Check its settings and card.")
    brief = N_("%(site)s, %(asset)s: READINGS NOT TAKEN since %(since)s.")
    return fit(
        facts,
        [
            (core, action),
            (core,),
            (brief, action),
            (brief,),
            (N_("%(site)s %(asset)s: READINGS NOT TAKEN"),),
        ],
    )


def own_again(facts: MessageFacts) -> str:
    """Tell that a device speaks for itself again, and is heeded."""
    core = N_("READINGS TAKEN AGAIN: %(site)s, %(asset)s since %(end)s, after %(lasting)s.")
    rest = N_("Readings kept meanwhile are coming in.")
    tiny = N_("READINGS TAKEN AGAIN: %(site)s %(asset)s")
    return fit(facts, [(core, rest), (core,), (tiny,)])


def calibration_overdue(facts: MessageFacts) -> str:
    """Tell that a probe's certificate is past its last day; it is no alarm, and has time until day."""
    core = N_(
        "CALIBRATION OVERDUE: %(site)s, %(asset)s, certificate %(certificate)s was due %(due)s."
    )
    brief = N_("CALIBRATION OVERDUE: %(site)s, %(asset)s, due %(due)s.")
    rest = N_("It goes on measuring. Have the probe calibrated.")
    least = N_("Have the probe calibrated.")
    return fit(
        facts,
        [
            (core, rest),
            (core, least),
            (brief, rest),
            (brief, least),
            (brief,),
            (N_("CALIBRATION OVERDUE: %(site)s %(asset)s"),),
        ],
    )


def channel_failing(facts: MessageFacts) -> str:
    """Tell, by another channel, that messages do not get through."""
    waiting = N_("%(waiting)s not sent.") if facts.waiting else ""
    core = N_("VACCINE ALARMS DO NOT GET OUT: SMS failing at %(site)s since %(since)s.")
    action = N_("Check modem, SIM card, credit and aerial.")
    why = N_("Reason: %(reason)s") if facts.reason else ""
    tiny = N_("SMS FAILING: %(site)s")
    return fit(
        facts,
        [
            (core, waiting, action, why),
            (core, waiting, action),
            (core, action),
            (tiny, action),
            (tiny,),
        ],
    )


def channel_back(facts: MessageFacts) -> str:
    """Tell that messages get through again."""
    core = N_("SMS WORKS AGAIN: %(site)s since %(end)s, after %(lasting)s.")
    return fit(facts, [(core,), (N_("SMS WORKS AGAIN: %(site)s"),)])


def _hold(facts: MessageFacts, sentence: str) -> str:
    return sentence if facts.batches else ""


def _inside_now(facts: MessageFacts) -> str:
    return N_("Inside %(temperature)s.") if facts.temperature is not None else ""


def _should_hold(facts: MessageFacts) -> str:
    """Say for how long it should stay inside: the cautious end of the forecast, never more."""
    return N_("Should hold %(holds)s or more.") if facts.holds_minutes is not None else ""


def _learned(facts: MessageFacts) -> str:
    return N_("Learned at %(learned)s.") if facts.learned_at is not None else ""
