"""Whether a device's settings watch less strictly than those before: marked in the journal.

A figure looser than its profile's is refused without a reason when the settings are read
(config/changes.py). What is looser than it was only (another profile, a point that decides no more,
a stricter figure taken back) is a site's right; it is not refused, for an agent that does not run
watches nothing, but it does not go unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.rules import Rule, Watch
from config.loosening import gone, looser
from protocol.reading import decimal


def loosened(before: Mapping[str, Watch], after: Mapping[str, Watch]) -> dict[str, dict[str, Any]]:
    """Return by series in which ways it is watched less strictly, and why as far as somebody said.

    A series that is measured no more is not in it: the settings themselves show that. The reason is
    the rule's own, or what was written anew; one that stands there from before explains nothing new.
    """
    found = {}
    for series in before.keys() & after.keys():
        was, now = before[series], after[series]
        if ways := list(_ways(was, now, after)):
            found[series] = {"ways": ways, "because": _because(was, now)}
    return dict(sorted(found.items()))


def _ways(was: Watch, now: Watch, after: Mapping[str, Watch]) -> Iterator[str]:
    theirs = {rule.id: rule for rule in now.rules}
    for rule in was.rules:
        if rule.id in theirs and (ways := looser(rule, theirs[rule.id])):
            yield f"{rule.id}: {', '.join(ways)}"
    for rule in gone(was.rules, now.rules):
        if not _turned(was.series, rule, after):
            yield f"without {rule.id}"
    if was.decides and not now.decides:
        yield "it decides no more"
    if now.max_gap_ms > was.max_gap_ms:
        yield f"`max_gap` is {now.max_gap_ms // 1000} s instead of {was.max_gap_ms // 1000} s"
    yield from _range(was.storage, now.storage)


def _range(was: tuple[int, int] | None, now: tuple[int, int] | None) -> Iterator[str]:
    """Say that less of what is measured counts as outside the storage range."""
    if was is None:
        return
    if now is None:
        yield "`storage` is gone"
    elif now[0] < was[0] or now[1] > was[1]:
        old, new = (" to ".join(map(decimal, each)) for each in (was, now))
        yield f"`storage` is {new} instead of {old}"


def _turned(series: str, rule: Rule, after: Mapping[str, Watch]) -> bool:
    """Whether the other point of a disagreement compares the two now, as strictly."""
    other = after.get(rule.other or "")
    return other is not None and any(
        each.kind == rule.kind and each.other == series and not looser(rule, each)
        for each in other.rules
    )


def _because(was: Watch, now: Watch) -> str:
    """Return every reason that is new, in one line."""
    old = {was.rules_reason, was.max_gap_reason, was.storage_reason, ""}
    old |= {rule.reason for rule in was.rules}
    new = [now.rules_reason, now.max_gap_reason, now.storage_reason]
    new += [rule.reason for rule in now.rules]
    return "; ".join(dict.fromkeys(each for each in new if each.strip() and each not in old))
