"""What people are told: one SMS for each happening, in Chinese or English.

Each says which site, which fridge, what is wrong and in which direction, value, limit, since when,
what to do and the code to answer with. It is written for somebody who wakes at three in the morning:
the worst first, then what to do, then the rest. A message is never longer than one SMS (70 units in
Chinese, 160 characters in English, 70 as well where a name has other letters): `composing` says
what is given up for that. Site, fridge, direction, value and code are never given up.

English is the source; `locale/` has the Chinese, and says how to change either. All of them stand
in docs/messages.md, as people get them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from alerts.alarm_messages import alarm, calibration_overdue, foreign, late
from alerts.daily_messages import all_well, unconfirmed, way_test
from alerts.facts import MessageFacts
from alerts.hub_messages import (
    channel_back,
    channel_failing,
    channel_poor,
    hub_back,
    hub_silent,
    hub_unreachable,
    person_unreachable,
)
from alerts.over_messages import contact_back, over, own_again
from alerts.reply_messages import answered, reply
from alerts.storm_messages import storm
from alerts.wording import several, several_sites

__all__ = ["compose", "several", "several_sites"]


def compose(facts: MessageFacts) -> str:
    """Return the text of a message; it fits one SMS."""
    if facts.happening == "lost-contact":
        facts = replace(facts, kind="lost-contact")
    return _COMPOSERS[facts.happening](facts)


def _opened(facts: MessageFacts) -> str:
    """Tell that something is wrong; what was learned late and is over by now is told as past."""
    return late(facts) if facts.learned_at is not None and facts.end is not None else alarm(facts)


def _unreachable(facts: MessageFacts) -> str:
    """Tell that somebody could not be told; where it was of an alarm, tell that alarm instead."""
    return alarm(facts) if facts.asset else person_unreachable(facts)


_COMPOSERS: Mapping[str, Callable[[MessageFacts], str]] = {
    "opened": _opened,
    "recovered": over,
    "lost-contact": alarm,
    "contact-back": contact_back,
    "foreign-site": foreign,
    "foreign-stream": foreign,
    "own-again": own_again,
    "calibration-overdue": calibration_overdue,
    "unreachable": _unreachable,
    "work-over": alarm,
    "answered": answered,
    "storm": storm,
    "all-well": all_well,
    "way-test": way_test,
    "unconfirmed": unconfirmed,
    "reply": reply,
    "channel-failing": channel_failing,
    "channel-back": channel_back,
    "channel-poor": channel_poor,
    "hub-silent": hub_silent,
    "hub-unreachable": hub_unreachable,
    "hub-back": hub_back,
}
