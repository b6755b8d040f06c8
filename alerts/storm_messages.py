"""Storms: one SMS that speaks of several assets or sites, as when a township has no mains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from alerts.alarm_messages import head
from alerts.composing import Said, fit
from alerts.facts import AssetKind, MessageFacts, Trouble
from alerts.fields import wrong
from alerts.troubles import Words, words_of
from alerts.wording import N_, Wording, shorten

_VACCINE: Final = Words("", ())

# Names in the shortest forms.
SHORT: Final = 12
_SHORT: Final = (24, SHORT)

# Names of a row that are said before "and n more".
_MOST_NAMES: Final = 3


def counted(wording: Wording, kind: AssetKind | None, number: int) -> str:
    """Return how many assets of a kind; None: of several kinds."""
    if kind == "fridge":
        return wording.count("%(n)d fridge", "%(n)d fridges", number)
    if kind == "freezer":
        return wording.count("%(n)d freezer", "%(n)d freezers", number)
    if kind == "cool-box":
        return wording.count("%(n)d cool box", "%(n)d cool boxes", number)
    if kind == "room":
        return wording.count("%(n)d room", "%(n)d rooms", number)
    if kind == "lamp":
        return wording.count("%(n)d UV lamp", "%(n)d UV lamps", number)
    return wording.count("%(n)d unit", "%(n)d units", number)


def phrase(wording: Wording, item: Trouble, *, value: bool, site: bool, short: int = 0) -> str:
    """Return one trouble among others: ``Fridge 1 TOO HOT 9.2C``; its name cut where ``short``."""
    words = words_of(item.kind, item.quantity, item.side)
    possible = item.certainty == "possible"
    said = {
        "asset": cut(wording, item.asset, short or len(item.asset), keep_end=True),
        "wrong": wrong(wording, item.kind, item.quantity, item.side, possible=possible),
        "value": "",
    }
    text = N_("%(asset)s %(wrong)s")
    if value and words.shows_value and item.value is not None:
        said["value"] = wording.value(item.value, item.limit, item.quantity)
        text = N_("%(asset)s %(wrong)s %(value)s")
    found = wording.text(text) % said
    if site and item.site:
        place = {"site": wording.name(item.site), "text": found}
        found = wording.text(N_("%(site)s %(text)s")) % place
    return found


def cut(wording: Wording, name: str, length: int, *, keep_end: bool = False) -> str:
    """Return a name, cut in its middle where it is longer."""
    return shorten(wording.name(name), length, wording.gap, keep_end=keep_end)


def storm(facts: MessageFacts) -> str:
    """Tell of several alarms at once; of those that are over where none is open."""
    troubles = facts.troubles or facts.ended
    wording = Wording(facts.language, facts.zone, facts.at)
    kinds: Counter[tuple[str, str, str]] = Counter(
        (item.kind, item.quantity, item.side) for item in _assets(troubles)
    )
    (first, _), *others = kinds.most_common()
    words = words_of(*first) if not others else _VACCINE
    over = not facts.troubles
    core = (
        _mixed(wording, facts, troubles, kinds) if others else _same(wording, troubles, over=over)
    )
    everywhere = (N_("Check all of them now."), "")
    return fit(
        facts,
        {
            "head": (N_("OVER:"),) if over else head(facts, words),
            "core": [Said(form) for form in core],
            "worst": () if over or others else _worst(wording, troubles),
            "action": () if over else (*words.actions, "") if words.actions else everywhere,
            "ended": _ended(wording, facts.ended) if facts.troubles else (),
        },
        (
            "ended",
            "action",
            "core",
            "head",
            "core",
            "core",
            "action",
            "core",
            "core",
            "core",
            "worst",
        ),
    )


def _assets(troubles: Sequence[Trouble]) -> list[Trouble]:
    """Return one trouble for each asset and what is wrong with it, the gravest first."""
    found: dict[tuple[str, str, str], Trouble] = {}
    for item in troubles:
        wrong_ = words_of(item.kind, item.quantity, item.side).wrong
        found.setdefault((item.site, item.asset, wrong_), item)
    return list(found.values())


def _counts(wording: Wording, troubles: Sequence[Trouble]) -> Mapping[str, str]:
    """Return how many assets at how many sites, and since when."""
    kinds = {item.asset_kind for item in troubles}
    kind = kinds.pop() if len(kinds) == 1 else None
    assets = {(item.site, item.asset) for item in troubles}
    sites = list(dict.fromkeys(item.site for item in troubles))
    return {
        "assets": counted(wording, kind, len(assets)),
        "places": wording.count("%(n)d site", "%(n)d sites", len(sites)),
        "site": wording.name(sites[0]),
        "since": wording.clock(min(item.since for item in troubles)),
    }


def _named(wording: Wording, names: Sequence[str], *, sites: bool) -> list[str]:
    """Return a row of names from the fullest to the shortest: three, two, the first and the rest."""
    names = [wording.name(name) for name in names]
    rows = []
    for many in range(min(_MOST_NAMES, len(names)), 0, -1):
        more = len(names) - many
        if not more:
            rows.append(wording.listed(names))
        elif sites:
            rows.append(
                wording.listed(names[:many])
                + wording.count(" and %(n)d more site", " and %(n)d more sites", more)
            )
        else:
            rows.append(
                wording.listed(names[:many])
                + wording.count(" and %(n)d more", " and %(n)d more", more)
            )
    return rows


def _same(wording: Wording, troubles: Sequence[Trouble], *, over: bool) -> list[str]:
    """Return the forms for one thing that is wrong in many places."""
    first = troubles[0]
    possible = all(item.certainty == "possible" for item in troubles)
    said = dict(_counts(wording, troubles))
    said["wrong"] = wrong(wording, first.kind, first.quantity, first.side, possible=possible)
    sites = list(dict.fromkeys(item.site for item in troubles))
    one = len(sites) == 1
    names = list(dict.fromkeys(item.asset for item in troubles)) if one else sites
    if over:
        core = N_("%(site)s: %(wrong)s no more at %(assets)s: %(named)s.")
        least = N_("%(site)s: %(wrong)s no more at %(assets)s.")
        if not one:
            core = N_("%(wrong)s no more at %(places)s, %(assets)s: %(named)s.")
            least = N_("%(wrong)s no more at %(places)s, %(assets)s.")
    elif one:
        core = N_("%(site)s: %(wrong)s at %(assets)s: %(named)s since %(since)s.")
        least = N_("%(site)s: %(wrong)s at %(assets)s since %(since)s.")
    else:
        core = N_("%(wrong)s at %(places)s, %(assets)s: %(named)s since %(since)s.")
        least = N_("%(wrong)s at %(places)s, %(assets)s since %(since)s.")
    rows = _named(wording, names, sites=not one)
    forms = [wording.text(core) % (said | {"named": row}) for row in rows]
    lengths = (len(said["site"]), *_SHORT)
    short = [wording.text(least) % (said | {"site": cut(wording, sites[0], n)}) for n in lengths]
    tiny = N_("%(site)s: %(wrong)s at %(assets)s.")
    return [*forms, *short, wording.text(tiny) % (said | {"site": cut(wording, sites[0], SHORT)})]


def _mixed(
    wording: Wording,
    facts: MessageFacts,
    troubles: Sequence[Trouble],
    kinds: Mapping[tuple[str, str, str], int],
) -> list[str]:
    """Return the forms for several things that are wrong."""
    said = dict(_counts(wording, troubles))
    tally: Counter[str] = Counter()
    for (kind, quantity, side), number in kinds.items():
        tally[wrong(wording, kind, quantity, side)] += number
    alone = len({(item.site, item.asset) for item in troubles}) == 1
    asset = troubles[0].asset
    if alone:
        # No storm at all: a fridge that is warm because its door stands open is named as ever.
        said["assets"] = wording.name(asset)
        said["tally"] = wording.listed([text for text, _ in tally.most_common()])
    else:
        said["tally"] = wording.listed(
            [
                wording.text(N_("%(wrong)s %(number)s")) % {"wrong": text, "number": str(number)}
                for text, number in tally.most_common()
            ]
        )
    sites = list(dict.fromkeys(item.site for item in troubles))
    where = [said["site"]]
    if len(sites) > 1:
        rows = _named(wording, sites, sites=True)
        where = [
            *(wording.text(N_("%(places)s (%(named)s)")) % (said | {"named": row}) for row in rows),
            said["places"],
        ]
    core = N_("%(where)s, %(assets)s: %(tally)s since %(since)s.")
    if not facts.troubles:
        core = N_("%(where)s, %(assets)s: %(tally)s no more.")
    forms = [wording.text(core) % (said | {"where": row}) for row in where]
    place = cut(wording, sites[0], _SHORT[-1]) if len(sites) == 1 else said["places"]
    if alone:
        named = {"where": place, "assets": cut(wording, asset, SHORT, keep_end=True)}
        forms.append(wording.text(core) % (said | named))
        if facts.troubles:
            # How warm it is is said before names are whole.
            valued = said | {"where": where[0], "tally": wording.listed(_valued(wording, troubles))}
            forms = [wording.text(core) % each for each in (valued, valued | named)] + forms
        said |= named
    return [
        *forms,
        wording.text(N_("%(where)s: ALARMS at %(assets)s.")) % (said | {"where": place}),
    ]


def _valued(wording: Wording, troubles: Sequence[Trouble]) -> list[str]:
    """Return each thing that is wrong with one asset, with its value where that says something."""
    rows: dict[str, str] = {}
    for item in troubles:
        words = words_of(item.kind, item.quantity, item.side)
        possible = item.certainty == "possible"
        text = wrong(wording, item.kind, item.quantity, item.side, possible=possible)
        if words.shows_value and item.value is not None:
            value = wording.value(item.value, item.limit, item.quantity)
            text = wording.text(N_("%(wrong)s %(value)s")) % {"wrong": text, "value": value}
        rows.setdefault(words.wrong, text)
    return list(rows.values())


def _worst(wording: Wording, troubles: Sequence[Trouble]) -> Sequence[str]:
    """Say the value farthest outside, of troubles that have values."""
    known = [item for item in troubles if item.value is not None and item.limit is not None]
    first = troubles[0]
    if not known or not words_of(first.kind, first.quantity, first.side).shows_value:
        return ()
    pick = min if first.side == "below" else max
    worst = pick(known, key=lambda item: item.value or 0)
    assert worst.value is not None
    assert worst.limit is not None
    below = first.side == "below"
    limit = wording.limit(worst.limit, first.quantity)
    value = wording.value(worst.value, worst.limit, first.quantity)
    text = wording.text(N_("Worst %(value)s (%(limit)s).")) % {
        "value": value,
        "limit": wording.text(N_("min %(value)s") if below else N_("max %(value)s"))
        % {"value": limit},
    }
    return (Said(text), "")


def _ended(wording: Wording, ended: Sequence[Trouble]) -> Sequence[str]:
    """Say how many are over meanwhile."""
    if not ended:
        return ()
    number = len({(item.site, item.asset) for item in ended})
    return (Said(wording.count("%(n)d other is over.", "%(n)d others are over.", number)), "")
