"""The words of the agent's own modem: the hub's catalogue, with what an agent knows.

An agent knows no batches; everything else is said as the hub says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.facts import MessageFacts
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

    def text(
        self,
        step: Step,
        language: Any,
        newest: Mapping[str, int],
        now_ms: int,
        holds_minutes: int | None = None,
    ) -> str:
        """Return what a person reads; ``newest`` holds the newest value of each series."""
        if step.opened:
            return compose(self._opened(step.opened[0], language, newest, now_ms, holds_minutes))
        first = step.over[0]
        ends = [item.end for item in step.over if item.end is not None]
        end = max(ends, default=now_ms)
        rule = self._rules.get(first.series, {}).get(first.rule)
        side: Any = first.side
        return compose(
            MessageFacts(
                happening="recovered",
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
    ) -> MessageFacts:
        rule = self._rules.get(item.series, {}).get(item.rule)
        side: Any = item.side
        window_ms = rule.window_ms if rule is not None else None
        return MessageFacts(
            happening="opened",
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
            **self._common(item.series, language, newest, now_ms),
        )

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
