"""The words of the agent's own modem: the hub's catalogue, with what an agent knows.

An agent knows no batches; everything else is said as the hub says it, and with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.codes import code_of
from alerts.facts import MessageFacts, Trouble
from alerts.forecast import minutes_to
from alerts.messages import compose
from alerts.rules import Rule
from firmware_agent.judging import Excursion
from firmware_agent.modem_steps import Step
from protocol.reading import split_series


class Words:
    """Makes the text of a step in a person's language."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        series: Mapping[str, Any],
        rules: Mapping[str, Mapping[str, Rule]],
    ) -> None:
        """Take the names from the part's settings, and from the plan which points decide."""
        self._site: Mapping[str, str] = settings["site_name"]
        self._zone: str = settings["zone"]
        self._assets = {item["id"]: item["name"] for item in settings["assets"]}
        self._rules = rules
        self._deciding = {
            asset: name
            for name in sorted(series, reverse=True)
            for asset, _point, quantity in [split_series(name)]
            if quantity == "temperature" and series[name]["decides"]
        }
        self._storage = {
            name: (body["storage"][0], body["storage"][1])
            for name, body in series.items()
            if body.get("storage") is not None
        }

    def text(
        self,
        step: Step,
        language: Any,
        newest: Mapping[str, int],
        now_ms: int,
        holds_minutes: int | None = None,
        open_: Sequence[Excursion] = (),
    ) -> str:
        """Return what a person reads.

        ``newest`` holds the newest value of each series, ``open_`` everything that is open: an
        alarm bears the code of the excursion that began it, even where that was told before.
        """
        if step.opened:
            code = code_of(_first(step.opened[0], [*step.opened, *open_]).id)
            # Of each alarm the gravest, as in the step: what is joined must be said, for the code
            # of the first answers all that the text speaks of.
            matters = {split_series(item.series)[2]: item for item in reversed(step.opened)}
            if len(matters) > 1:
                chief = [item for item in step.opened if item in matters.values()]
                return compose(self._several(chief, language, newest, now_ms, code))
            return compose(
                self._opened(step.opened[0], language, newest, now_ms, holds_minutes, code)
            )
        first = step.over[0]
        ends = [item.end for item in step.over if item.end is not None]
        end = max(ends, default=now_ms)
        rule = self._rules.get(first.series, {}).get(first.rule)
        side: Any = first.side
        return compose(
            MessageFacts(
                happening="recovered",
                kind=rule.kind if rule is not None else "",
                lasting_ms=max(0, end - first.since),
                since=first.since,
                side=side,
                limit=rule.limit(side) if rule is not None else None,
                extreme=first.extreme,
                end=end,
                **self._common(first.series, language, newest, now_ms),
            )
        )

    def _opened(
        self,
        item: Excursion,
        language: Any,
        newest: Mapping[str, int],
        now_ms: int,
        holds_minutes: int | None,
        code: str,
    ) -> MessageFacts:
        rule = self._rules.get(item.series, {}).get(item.rule)
        side: Any = item.side
        window_ms = rule.window_ms if rule is not None else None
        kind: str = rule.kind if rule is not None else ""
        rate = item.extreme if kind == "rate" else None
        bound, minutes = self._bound(item, rate, newest)
        common = self._common(item.series, language, newest, now_ms)
        if item.side == "apart":
            common["value"] = self._apart(rule, item.series, newest)
        return MessageFacts(
            happening="opened",
            kind=kind,
            code=code,
            rate=rate,
            bound=bound,
            bound_minutes=minutes,
            # Of a window we know the rule's sum alone, which has been reached.
            lasting_ms=rule.for_ms
            if rule is not None and window_ms is not None
            else max(0, now_ms - item.start),
            since=item.start,
            side=side,
            certainty="possible" if item.certainty == "possible" else "certain",
            limit=rule.limit(side) if rule is not None else None,
            extreme=item.extreme,
            window_ms=window_ms,
            holds_minutes=holds_minutes,
            **common,
        )

    def _several(
        self,
        items: Sequence[Excursion],
        language: Any,
        newest: Mapping[str, int],
        now_ms: int,
        code: str,
    ) -> MessageFacts:
        """Return the facts of several alarms of one asset: too hot, and its door stands open."""
        common = self._common(items[0].series, language, newest, now_ms)
        return MessageFacts(
            happening="storm",
            language=language,
            zone=self._zone,
            site=common["site"],
            asset="",
            at=now_ms,
            since=min(item.start for item in items),
            code=code,
            troubles=tuple(
                self._trouble(item, common["site"], common["asset"], newest) for item in items
            ),
        )

    def _trouble(
        self, item: Excursion, site: str, asset: str, newest: Mapping[str, int]
    ) -> Trouble:
        rule = self._rules.get(item.series, {}).get(item.rule)
        side: Any = item.side
        limit = rule.limit(side) if rule is not None else None
        value = newest.get(item.series)
        if item.side == "apart":
            value = self._apart(rule, item.series, newest)
        elif limit is not None and rule is not None and rule.kind != "rate":
            # The reading that completes a run may itself be inside again.
            inside = value is None or (value >= limit if side == "below" else value <= limit)
            value = item.extreme if inside and item.extreme is not None else value
        return Trouble(
            site=site,
            asset=asset,
            kind=rule.kind if rule is not None else "",
            quantity=split_series(item.series)[2],
            side=side,
            certainty="possible" if item.certainty == "possible" else "certain",
            value=value,
            limit=limit,
            since=item.start,
        )

    def _bound(
        self, item: Excursion, rate: int | None, newest: Mapping[str, int]
    ) -> tuple[int | None, int | None]:
        """Return the limit that a fridge is coming to, and when at least, as `time_to` reckons it."""
        storage = self._storage.get(item.series)
        value = newest.get(item.series)
        if rate is None or storage is None or value is None:
            return None, None
        bound = storage[1] if item.side == "above" else storage[0]
        return bound, minutes_to(bound, value, rate)

    @staticmethod
    def _apart(rule: Rule | None, series: str, newest: Mapping[str, int]) -> int | None:
        """Return by how much two probes differ now; None where one of them says nothing."""
        other = rule.other if rule is not None else None
        one, two = newest.get(series), newest.get(other or "")
        return abs(one - two) if one is not None and two is not None else None

    def _common(
        self, series: str, language: Any, newest: Mapping[str, int], now_ms: int
    ) -> dict[str, Any]:
        asset, _point, quantity = split_series(series)
        return {
            "language": language,
            "zone": self._zone,
            "site": self._site[language],
            "asset": self._assets.get(asset, {}).get(language, asset),
            "at": now_ms,
            "quantity": quantity,
            "value": newest.get(series),
            "temperature": newest.get(self._deciding.get(asset, "")),
        }


def _first(item: Excursion, known: Sequence[Excursion]) -> Excursion:
    """Return what began the alarm of this excursion: the first of its asset, quantity and side."""
    asset, _point, quantity = split_series(item.series)
    same = [
        each
        for each in known
        if each.tells
        and each.side == item.side
        and split_series(each.series)[::2] == (asset, quantity)
    ]
    return min(same, key=lambda each: (each.opened, each.id), default=item)
