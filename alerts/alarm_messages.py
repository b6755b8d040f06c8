"""Alarms: something is wrong, and somebody has to answer for it.

One form for all of them: what is wrong, what follows from it, what to do. Why this person is told
now (nobody has answered, planned work is over, another could not be told) stands at its head.
"""

from __future__ import annotations

from collections.abc import Sequence

from alerts.composing import fit
from alerts.facts import MessageFacts
from alerts.troubles import Words, words_of
from alerts.wording import N_

# Without a value: a contact, a silence.
_PLAIN = (
    N_("%(site)s, %(asset)s: %(wrong)s since %(since)s, %(lasting)s."),
    N_("%(site)s, %(asset)s: %(wrong)s since %(since)s."),
    N_("%(site)s %(asset)s: %(wrong)s."),
)
_VALUED = (
    N_("%(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since %(since)s, %(lasting)s."),
    N_("%(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s) since %(since)s."),
    N_("%(site)s %(asset)s %(wrong)s %(value)s, %(limit)s."),
    N_("%(site)s %(asset)s %(wrong)s, %(value)s."),
)
_SUMMED = (
    N_(
        "%(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s), %(lasting)s in all within"
        " %(window)s."
    ),
    N_("%(site)s, %(asset)s %(wrong)s: %(value)s (%(limit)s), %(lasting)s in all."),
    *_VALUED[2:],
)
_CHANGING = (
    N_("%(site)s, %(asset)s %(wrong)s: %(value)s, %(rate)s a minute since %(since)s."),
    N_("%(site)s, %(asset)s %(wrong)s: %(value)s, %(rate)s a minute."),
    N_("%(site)s %(asset)s %(wrong)s %(value)s."),
)
_APART = (
    N_("%(site)s, %(asset)s: %(wrong)s by %(value)s (%(limit)s) since %(since)s, %(lasting)s."),
    N_("%(site)s, %(asset)s: %(wrong)s by %(value)s (%(limit)s) since %(since)s."),
    N_("%(site)s %(asset)s: %(wrong)s by %(value)s."),
)
_STUCK = (
    N_("%(site)s, %(asset)s: %(wrong)s at %(value)s since %(since)s, %(lasting)s."),
    N_("%(site)s, %(asset)s: %(wrong)s at %(value)s since %(since)s."),
    N_("%(site)s %(asset)s: %(wrong)s at %(value)s."),
)


def alarm(facts: MessageFacts) -> str:
    """Tell that something is wrong and goes on."""
    words = words_of(facts.kind, facts.quantity, facts.side)
    core = _core(facts, words)
    if facts.learned_at is not None:
        # Of what is learned late, when is more than for how long.
        core = (core[1], *core[1:])
    return fit(
        facts,
        {
            "head": head(facts, words),
            "core": core,
            "learned": _learned(facts),
            "result": (words.result, ""),
            "last": _last(facts, words),
            "inside": _inside(facts, words),
            "forecast": _forecast(facts),
            "action": _padded(words.actions),
            "hold": hold(facts),
        },
    )


def head(facts: MessageFacts, words: Words) -> Sequence[str]:
    """Say why this person is told now, from the fullest form on."""
    if facts.happening == "unreachable":
        return (
            N_("%(person)s could not be told (%(reason)s), you are instead:"),
            N_("%(person)s could not be told, you are instead:"),
            N_("Instead of %(person)s:"),
            "",
        )
    if facts.happening == "work-over":
        return (N_("PLANNED WORK IS OVER, STILL WRONG:"), N_("WORK OVER:"))
    if facts.step == "repeat":
        return (N_("VACCINE ALARM AGAIN:"), N_("AGAIN:")) if _vaccine(words) else (N_("AGAIN:"),)
    if facts.step == "escalated":
        names = (N_("NOT ANSWERED by %(unanswered)s:"),) if facts.unanswered else ()
        return (*names, N_("NOT ANSWERED:"))
    if facts.step == "resumed":
        names = (N_("STILL OPEN, %(person)s answered %(answered)s:"),) if facts.person else ()
        return (*names, N_("STILL OPEN:"))
    if facts.learned_at is not None and words.shows_value:
        return (N_("VACCINE ALARM, LATE:"), N_("LATE:"))
    if words.about == "danger":
        return (N_("DANGER, UV LAMP:"), N_("DANGER:"))
    if words.about == "lamp":
        return (N_("UV LAMP:"), "")
    if words.about == "monitor":
        return (N_("VACCINE MONITOR:"), N_("MONITOR:"))
    return (N_("VACCINE ALARM:"), "")


def _vaccine(words: Words) -> bool:
    return words.about == "vaccine"


def _core(facts: MessageFacts, words: Words) -> Sequence[str]:
    if not words.shows_value:
        return _PLAIN
    if facts.kind == "rate":
        if facts.rate is None:
            return (
                N_("%(site)s, %(asset)s %(wrong)s: %(value)s since %(since)s."),
                _CHANGING[-1],
            )
        return _CHANGING
    if facts.side == "apart":
        return _APART
    if facts.side == "stuck":
        return _STUCK
    if facts.limit is None:
        return _PLAIN
    return _SUMMED if facts.window_ms is not None else _VALUED


def _last(facts: MessageFacts, words: Words) -> Sequence[str]:
    """Say the last value before nobody knew it any more."""
    unknown = words.wrong in (N_("NO READINGS"), N_("NO CONTACT"))
    return (N_("Last value %(value)s."), "") if unknown and facts.value is not None else ()


def _inside(facts: MessageFacts, words: Words) -> Sequence[str]:
    return inside_now(facts) if words.wrong in (N_("MAINS LOST"), N_("DOOR OPEN")) else ()


def inside_now(facts: MessageFacts) -> tuple[str, ...]:
    """Say how it is inside, for those who would otherwise open it to look."""
    return (N_("Inside %(temperature)s."), "") if facts.temperature is not None else ()


def _forecast(facts: MessageFacts) -> Sequence[str]:
    """Say for how long it stays inside: the cautious end of what is known, never more."""
    if facts.holds_minutes is not None:
        return (N_("Should hold %(holds)s or more."), "")
    if facts.bound_minutes is not None and facts.bound is not None:
        return (N_("%(bound)s in %(within)s at this rate."), "")
    return ()


def hold(facts: MessageFacts) -> Sequence[str]:
    """Say which stock nobody may use."""
    return (N_("On hold: %(batches)s, %(doses)s."), "") if facts.batches else ()


def _learned(facts: MessageFacts) -> Sequence[str]:
    return (N_("Learned at %(learned)s."), "") if facts.learned_at is not None else ()


def _padded(actions: Sequence[str]) -> Sequence[str]:
    """Return three forms and nothing: an only form is not given up before others' shorter ones."""
    return (*(actions[min(n, len(actions) - 1)] for n in range(3)), "")


def late(facts: MessageFacts) -> str:
    """Tell what was learned only when it was over."""
    words = words_of(facts.kind, facts.quantity, facts.side)
    core: Sequence[str]
    # A difference, a rate and a value that stands still are not what it went through.
    valued = facts.side in {"above", "below"} and facts.kind != "rate"
    valued = valued and words.shows_value and facts.limit is not None
    if valued:
        core = (
            N_(
                "%(site)s, %(asset)s was %(wrong)s %(since)s to %(end)s, %(worst)s (%(limit)s);"
                " learned at %(learned)s."
            ),
            N_("%(site)s, %(asset)s was %(wrong)s %(since)s to %(end)s, %(worst)s (%(limit)s)."),
            N_("%(site)s %(asset)s was %(wrong)s, %(worst)s, %(limit)s."),
            N_("%(site)s %(asset)s was %(wrong)s, %(worst)s."),
        )
    else:
        core = (
            N_("%(site)s, %(asset)s: %(wrong)s %(since)s to %(end)s; learned at %(learned)s."),
            N_("%(site)s, %(asset)s: %(wrong)s %(since)s to %(end)s."),
            N_("%(site)s %(asset)s: was %(wrong)s."),
        )
    stock = valued and words.about == "vaccine"
    action = (N_("Check which vaccines were in it."), "") if stock else ()
    heads: Sequence[str] = (N_("VACCINE ALARM, LATE:"), N_("LATE:"))
    if facts.step != "first" or facts.happening != "opened":
        heads = head(facts, words)
    return fit(
        facts,
        {"head": heads, "core": core, "action": action, "hold": hold(facts)},
        ("action", "core", "head", "hold"),
    )


def foreign(facts: MessageFacts) -> str:
    """Tell that a device speaks for another, so that its readings are not taken."""
    actions: Sequence[str] = (N_("Check its settings."),)
    if facts.happening == "foreign-site":
        core = N_(
            "%(site)s, %(asset)s: device %(device)s speaks for site %(claim)s. Its readings are NOT"
            " TAKEN since %(since)s."
        )
    else:
        core = N_(
            "%(site)s, %(asset)s: device %(device)s sends as %(claim)s. Its readings are NOT"
            " TAKEN since %(since)s."
        )
        actions = (N_("Check settings and card."), N_("Check its settings."))
    words = words_of("misplaced", "", "silent")
    # The plain forms name what is wrong by its kind.
    forms = (core, N_("%(site)s, %(asset)s: READINGS NOT TAKEN since %(since)s."))
    return fit(
        facts,
        {
            "head": head(facts, words),
            "core": (*forms, N_("%(site)s %(asset)s: READINGS NOT TAKEN.")),
            "action": _padded(actions),
        },
        ("action", "head", "action", "core", "action", "core"),
    )


def calibration_overdue(facts: MessageFacts) -> str:
    """Tell that a probe's certificate is past its last day; it is no alarm, and has time until day."""
    heads: Sequence[str] = ()
    if facts.step != "first" or facts.happening != "calibration-overdue":
        heads = head(facts, words_of("calibration", "", "silent"))
    return fit(
        facts,
        {
            "head": heads,
            "core": (
                N_(
                    "CALIBRATION OVERDUE: %(site)s, %(asset)s, certificate %(certificate)s was due"
                    " %(due)s."
                ),
                N_("CALIBRATION OVERDUE: %(site)s, %(asset)s, due %(due)s."),
                N_("CALIBRATION OVERDUE: %(site)s %(asset)s."),
            ),
            "action": (
                N_("It goes on measuring. Have the probe calibrated."),
                N_("Have the probe calibrated."),
                "",
            ),
        },
        ("action", "core", "action", "core"),
    )
