"""Answers to a person's own SMS, and what the others learn of it."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.composing import Said, fit
from alerts.daily_messages import measured
from alerts.facts import STALE_MS, AssetState, MessageFacts
from alerts.storm_messages import SHORT, cut, phrase
from alerts.wording import N_, Wording


def answered(facts: MessageFacts) -> str:
    """Tell the others that somebody answers for it."""
    return fit(
        facts,
        {
            "core": (
                N_("%(person)s answers for it: %(site)s, %(asset)s %(wrong)s since %(since)s."),
                N_("%(person)s answers for %(site)s, %(asset)s (%(wrong)s)."),
                N_("%(person)s answers: %(site)s %(asset)s (%(wrong)s)."),
            ),
            "rest": (N_("You need do nothing now."), ""),
        },
        ("rest", "core", "core"),
    )


def reply(facts: MessageFacts) -> str:
    """Answer a person's own SMS."""
    if facts.reply == "acknowledged":
        return _acknowledged(facts)
    if facts.reply == "state":
        return _state(facts)
    if facts.reply == "unknown-code":
        return _unknown_code(facts)
    return fit(facts, {"core": (_HELP, N_("Send an alarm's code, or ? for the state."))})


_HELP = N_(
    "Send the 4 digits of an alarm to answer for it, with its reason if you know it (4831 door), or"
    " ? for the state of your site."
)


def _acknowledged(facts: MessageFacts) -> str:
    """Say that the answer has come, and what follows from it."""
    if facts.person:
        return fit(
            facts,
            {
                "core": (
                    N_(
                        "%(person)s answered already at %(answered)s for %(site)s, %(asset)s"
                        " %(wrong)s."
                    ),
                    N_("%(person)s answered already: %(site)s, %(asset)s (%(wrong)s)."),
                    N_("%(person)s answered already: %(site)s %(asset)s."),
                ),
            },
        )
    if facts.end is not None:
        return fit(
            facts,
            {
                "core": (
                    N_("NOTED: %(site)s, %(asset)s %(wrong)s is over since %(end)s."),
                    N_("NOTED: %(site)s %(asset)s, it is over."),
                ),
                "rest": (N_("Send the code with its reason, or give it at the console."), "")
                if facts.unexplained
                else (),
            },
            ("rest", "core"),
        )
    return fit(
        facts,
        {
            "core": (
                N_("NOTED at %(at)s: you answer for %(site)s, %(asset)s %(wrong)s."),
                N_("NOTED: you answer for %(site)s, %(asset)s (%(wrong)s)."),
                N_("NOTED: yours is %(site)s %(asset)s."),
            ),
            "last": (N_("Now %(value)s."), "") if facts.value is not None else (),
            "rest": (
                N_("If it goes on for 30 min, all are told again."),
                N_("All are told again after 30 min."),
                "",
            ),
        },
        ("rest", "last", "rest", "core", "core"),
    )


def _state(facts: MessageFacts) -> str:
    """Say how a site is: what is open first, then each asset's newest value."""
    wording = Wording(facts.language, facts.zone, facts.at)
    return fit(
        facts,
        {
            "head": (N_("%(site)s at %(at)s:"), N_("%(site)s:")),
            "states": tuple(_states(facts, wording)),
        },
    )


def _states(facts: MessageFacts, wording: Wording) -> Iterator[Said]:
    """Yield the states from all of them to the gravest alone; what is left out is counted."""
    states = facts.states
    sites = len({state.site for state in states}) > 1
    if not states:
        yield Said(wording.text(N_("no fridge is set up here.")))
        return
    parts = [_one(wording, state, facts.at, site=sites) for state in states]
    spans = measured(facts, wording)
    for many in range(len(parts), 0, -1):
        said = parts[:many]
        left_out = states[many:]
        if left_out and spans and all(state.trouble is None for state in left_out):
            rest = wording.text(N_("%(spans)s in all")) % {"spans": spans}
            yield Said(wording.ended(wording.enumerated([*said, rest])))
        yield Said(wording.ended(wording.enumerated(said, len(left_out))))
    first = _one(wording, states[0], facts.at, site=False, short=SHORT)
    yield Said(wording.ended(wording.enumerated([first], len(states) - 1)))


def _one(wording: Wording, state: AssetState, now: int, *, site: bool, short: int = 0) -> str:
    """Return how one asset is: ``Fridge 2 4.1C``, with the time of a value that is old."""
    item = state.trouble
    if item is not None:
        return phrase(wording, item, value=True, site=site, short=short)
    said = {"asset": cut(wording, state.asset, short or len(state.asset)), "value": "", "at": ""}
    if state.value is None:
        text = N_("%(asset)s unknown")
    else:
        said["value"] = wording.value(state.value, None, state.quantity)
        text = N_("%(asset)s %(value)s")
        if state.at is not None and now - state.at > STALE_MS:
            said["at"] = wording.clock(state.at)
            text = N_("%(asset)s %(value)s at %(at)s")
    found = wording.text(text) % said
    if site and state.site:
        place = {"site": wording.name(state.site), "text": found}
        found = wording.text(N_("%(site)s %(text)s")) % place
    return found


def _unknown_code(facts: MessageFacts) -> str:
    """Say that no such alarm is open, and which are."""
    wording = Wording(facts.language, facts.zone, facts.at)
    return fit(
        facts,
        {
            "core": (N_("No alarm of yours has that code."),),
            "open": (*_codes(facts, wording), "") if facts.troubles else (
                N_("Nothing is open."),
                "",
            ),
            "help": (N_("Send ? for the state."), ""),
        },
        ("help",),
    )  # fmt: skip


def _codes(facts: MessageFacts, wording: Wording) -> Iterator[Said]:
    """Yield the codes of what is open, from all of them to the gravest alone."""
    sites = len({item.site for item in facts.troubles}) > 1
    parts = [
        f"{item.code} {phrase(wording, item, value=False, site=sites)}" for item in facts.troubles
    ]
    for many in range(len(parts), 0, -1):
        row = wording.enumerated(parts[:many], len(parts) - many)
        yield Said(wording.text(N_("Open: %(row)s.")) % {"row": row})
