"""What is over: a fridge is inside again, mains and readings are back."""

from __future__ import annotations

from alerts.alarm_messages import inside_now
from alerts.composing import fit
from alerts.facts import MessageFacts
from alerts.troubles import words_of
from alerts.wording import N_


def over(facts: MessageFacts) -> str:
    """Tell that an excursion is over."""
    if facts.kind == "lamp" and facts.quantity == "relay_welded":
        return _over(facts, N_("UV LAMP IS OUT: %(site)s, %(asset)s since %(end)s."),
                     N_("UV LAMP IS OUT: %(site)s %(asset)s."))  # fmt: skip
    if facts.side == "silent" and facts.kind not in {"calibration", "lamp"}:
        if facts.quantity == "present":
            return _over(facts, N_("MAINS INPUT READ AGAIN: %(site)s, %(asset)s since %(end)s."),
                         N_("MAINS INPUT READ AGAIN: %(site)s %(asset)s."))  # fmt: skip
        if facts.quantity == "open":
            return _over(facts, N_("DOOR CONTACT READ AGAIN: %(site)s, %(asset)s since %(end)s."),
                         N_("DOOR CONTACT READ AGAIN: %(site)s %(asset)s."))  # fmt: skip
        return _readings_back(facts)
    if facts.side == "apart":
        return _over(facts, N_("PROBES AGREE AGAIN: %(site)s, %(asset)s since %(end)s."),
                     N_("PROBES AGREE AGAIN: %(site)s %(asset)s."))  # fmt: skip
    if facts.side == "stuck":
        return _over(facts, N_("READING MOVES AGAIN: %(site)s, %(asset)s since %(end)s."),
                     N_("READING MOVES AGAIN: %(site)s %(asset)s."))  # fmt: skip
    if facts.quantity == "present":
        return fit(
            facts,
            {
                "core": (
                    N_("MAINS BACK: %(site)s, %(asset)s since %(end)s, after %(lasting)s."),
                    N_("MAINS BACK: %(site)s %(asset)s."),
                ),
                "inside": inside_now(facts),
            },
            ("inside",),
        )
    if facts.quantity == "open":
        return fit(
            facts,
            {
                "core": (
                    N_("DOOR SHUT: %(site)s, %(asset)s since %(end)s, after %(lasting)s."),
                    N_("DOOR SHUT: %(site)s %(asset)s."),
                ),
                "inside": inside_now(facts),
            },
            ("inside",),
        )
    return _recovered(facts)


def _recovered(facts: MessageFacts) -> str:
    """Tell that a fridge is inside again, and what it went through."""
    words = words_of(facts.kind, facts.quantity, facts.side)
    if not words.shows_value or facts.limit is None or facts.kind == "rate":
        return _over(
            facts,
            N_("RECOVERED: %(site)s, %(asset)s since %(end)s. Was %(wrong)s for %(lasting)s."),
            N_("RECOVERED: %(site)s %(asset)s (was %(wrong)s)."),
        )
    core = (
        N_(
            "RECOVERED: %(site)s, %(asset)s: %(value)s since %(end)s. Was %(wrong)s for"
            " %(lasting)s, %(worst)s (%(limit)s)."
        ),
        N_("RECOVERED: %(site)s, %(asset)s: %(value)s. Was %(wrong)s, %(worst)s."),
        N_("RECOVERED: %(site)s %(asset)s %(value)s (was %(wrong)s)."),
    )
    held = (N_("Batches on hold stay so until released."), N_("Batches stay on hold."), "")
    slots = {"core": core, "hold": held if facts.batches else ()}
    return fit(facts, slots, ("hold", "core", "hold", "core"))


def _readings_back(facts: MessageFacts) -> str:
    """Tell that a probe gives readings again."""
    return fit(
        facts,
        {
            "core": (
                N_("READINGS BACK: %(site)s, %(asset)s since %(end)s."),
                N_("READINGS BACK: %(site)s %(asset)s."),
            ),
            "now": _now(facts),
            "gap": (N_("None for %(lasting)s: what happened then is unknown."), ""),
        },
        ("gap", "now"),
    )


def _over(facts: MessageFacts, core: str, tiny: str) -> str:
    return fit(facts, {"core": (core, tiny), "now": _now(facts)}, ("now",))


def _now(facts: MessageFacts) -> tuple[str, ...]:
    """Say the newest value; a difference is none."""
    if facts.side == "apart":
        return inside_now(facts)
    shows = facts.value is not None and facts.quantity in ("temperature", "humidity")
    return (N_("Now %(value)s."), "") if shows else ()


def contact_back(facts: MessageFacts) -> str:
    """Tell that a device is heard again."""
    return _coming_in(
        facts,
        N_("CONTACT BACK: %(site)s, %(asset)s since %(end)s, after %(lasting)s."),
        N_("CONTACT BACK: %(site)s %(asset)s."),
    )


def own_again(facts: MessageFacts) -> str:
    """Tell that a device speaks for itself again, and is heeded."""
    return _coming_in(
        facts,
        N_("READINGS TAKEN AGAIN: %(site)s, %(asset)s since %(end)s, after %(lasting)s."),
        N_("READINGS TAKEN AGAIN: %(site)s %(asset)s."),
    )


def _coming_in(facts: MessageFacts, core: str, tiny: str) -> str:
    rest = (N_("Readings kept meanwhile are coming in."), "")
    return fit(facts, {"core": (core, tiny), "rest": rest}, ("rest",))
