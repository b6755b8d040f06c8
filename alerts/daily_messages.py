"""What is told although nothing happened, so that silence is never mistaken for safety."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.composing import Said, fit
from alerts.facts import MessageFacts
from alerts.hub_messages import named_ways
from alerts.storm_messages import SHORT, counted, phrase
from alerts.wording import N_, Wording, several_people, shorten


def all_well(facts: MessageFacts) -> str:
    """Tell once a day how a site is: that all is well, with what was measured, or what is open.

    Nothing is called well while a way out is dead or needs somebody: the next alarm may not leave.
    """
    wording = Wording(facts.language, facts.zone, facts.at)
    spans = measured(facts, wording)
    unexplained = (N_("%(unexplained)s."), "") if facts.unexplained else ()
    ways = [Said(row) for row in named_ways(facts, wording)] if facts.ways else []
    if facts.troubles:
        rest = wording.text(N_("The others: %(spans)s.")) % {"spans": spans} if spans else ""
        return fit(
            facts,
            {
                "head": (N_("NOT ALL WELL at %(site)s:"),),
                "open": tuple(_open(facts, wording)),
                "ways": tuple(Said(wording.ended(row)) for row in ways),
                "rest": (Said(rest), "") if rest else (),
                "unexplained": unexplained,
            },
            ("unexplained", "rest", *["ways"] * len(ways)),
        )
    if ways:
        rest = wording.text(N_("Measured: %(spans)s.")) % {"spans": spans} if spans else ""
        return fit(
            facts,
            {
                "head": (N_("NOT ALL WELL at %(site)s:"),),
                "ways": tuple(Said(wording.ended(row)) for row in ways),
                "rest": (Said(rest), "") if rest else (),
                "alarms": (N_("%(alarms)s meanwhile, over."), "") if facts.alarms else (),
                "unexplained": unexplained,
            },
            ("unexplained", "alarms", "rest", *["ways"] * len(ways)),
        )
    core = N_("ALL WELL at %(site)s: %(spans)s in the last %(lasting)s.")
    values = {"site": wording.name(facts.site), "lasting": wording.lasting(facts.lasting_ms)}
    full = Said(wording.text(core) % (values | {"spans": spans}))
    return fit(
        facts,
        {
            "core": (*((full,) if spans else ()), N_("ALL WELL at %(site)s.")),
            "alarms": (N_("%(alarms)s meanwhile, over."), "") if facts.alarms else (),
            "unexplained": unexplained,
        },
        ("unexplained", "alarms", "core"),
    )


def measured(facts: MessageFacts, wording: Wording) -> str:
    """Return what each kind of asset measured: ``6 fridges 2.9 to 6.1C, 1 freezer -24 to -19C``."""
    parts = [
        wording.text(N_("%(assets)s %(lowest)s to %(highest)s"))
        % {
            "assets": counted(wording, span.asset_kind, span.count),
            "lowest": wording.value(span.lowest, None, "temperature"),
            "highest": wording.value(span.highest, None, "temperature"),
        }
        for span in facts.spans
    ]
    return wording.listed(parts)


def _open(facts: MessageFacts, wording: Wording) -> Iterator[Said]:
    """Yield what is open, from all of it to the gravest alone and how many more."""
    sites = len({item.site for item in facts.troubles}) > 1
    # A list that is cut keeps one value at least: the worst of the worst.
    for values in (True, False):
        parts = [phrase(wording, item, value=values, site=sites) for item in facts.troubles]
        for many in range(len(parts), 0, -1):
            yield Said(wording.ended(wording.enumerated(parts[:many], len(parts) - many)))
    first = phrase(wording, facts.troubles[0], value=False, site=False, short=SHORT)
    yield Said(wording.ended(wording.enumerated([first], len(facts.troubles) - 1)))
    if facts.ways:
        number = len(facts.troubles)
        yield Said(wording.ended(wording.count("%(n)d alarm open", "%(n)d alarms open", number)))


def way_test(facts: MessageFacts) -> str:
    """Tell that the way of the alarms works; it asks for nothing."""
    return fit(
        facts,
        {
            "core": (
                N_("TEST, no action needed: vaccine alarms of %(site)s reach this phone."),
                N_("TEST, no action: %(site)s."),
            ),
            "rest": (N_("The next test comes in a month."), ""),
        },
        ("rest", "core"),
    )


def unconfirmed(facts: MessageFacts) -> str:
    """Tell of whom nobody knows that the monthly test arrived; nothing says that it did not."""
    wording = Wording(facts.language, facts.zone, facts.at)
    names = [wording.name(name) for name in facts.unanswered]
    rows = [several_people(names, facts.language, most) for most in range(len(names), 0, -1)]
    for first in names[:1]:
        # Given up last of all, behind the order below.
        cut = shorten(first, SHORT, wording.gap, keep_end=False)
        rows.append(several_people([cut, *names[1:]], facts.language, 1))
    head = N_("%(site)s: nothing confirms that the monthly TEST reached:")
    if facts.channel:
        head = N_("%(site)s: nothing confirms that the TEST by %(channel)s reached:")
    return fit(
        facts,
        {
            "head": (head, N_("%(site)s: TEST NOT CONFIRMED:")),
            "people": tuple(Said(wording.ended(row)) for row in rows),
            "action": (
                N_("Ask whether it came; alarms go the same way."),
                N_("Ask whether it came."),
                "",
            ),
        },
        ("action", "head", *["people"] * (len(names) - 1), "action"),
    )
