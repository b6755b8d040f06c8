"""Rules: what counts as an excursion. The engine judges by these, agent and hub alike.

A rule is data. It comes from a profile (config/profiles/*.toml, each figure with its source)
and travels in the stream as part of a settings record, so that both sides judge by the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from protocol.certificate import Certificate, certificate_from_body

Kind = Literal["consecutive", "cumulative", "instant", "silence", "disagreement", "rate", "stuck"]
Side = Literal["above", "below", "silent", "apart", "stuck"]
Certainty = Literal["certain", "possible"]

KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))
# These look at the value itself: what lies outside of their limits is outside.
OF_VALUES: Final[frozenset[str]] = frozenset({"consecutive", "cumulative", "instant"})
# These doubt a probe or foresee; a batch is never put on hold for a doubt.
NEVER_HOLD: Final[frozenset[str]] = frozenset({"disagreement", "rate", "stuck"})


_OPTIONAL: Final = (
    "above", "below", "at_or_above", "at_or_below", "window_ms", "apart", "other",
)  # fmt: skip
# Of a series, in the order of the fields.
_REASONS: Final = ("storage_reason", "max_gap_reason", "rules_reason")


# Profiles whose rules are about the equipment, or about what may come: no stock is out of range by
# them, so the panel shows a fault. A test compares them with those that say `beside` of themselves;
# the agent's main process reads no profile.
ABOUT_EQUIPMENT: Final[frozenset[str]] = frozenset({"equipment", "early"})


def is_fault(rule_id: str, side: str) -> bool:
    """Whether an excursion speaks of a probe, or of the equipment, and of nothing out of range."""
    return side in ("silent", "apart", "stuck") or rule_id.partition("/")[0] in ABOUT_EQUIPMENT


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on one series. Limits are thousandths of the quantity's unit, times milliseconds.

    The limits of a ``rate`` are thousandths a minute: warming is above a positive one, cooling
    below a negative one.

    Attributes:
        id: ``profile/name``, unique among the rules of a series; of a disagreement
            ``profile/name/point``, the other point's name behind it.
        kind: how outside time becomes an excursion (design.md, "Excursions, exactly").
        above: outside is a value above this one (8000: 8.0 is inside).
        below: outside is a value below this one.
        at_or_above: as ``above``, but the limit itself is outside already.
        at_or_below: as ``below``, but the limit itself is outside already (WHO FRZE: -500).
        for_ms: D; an excursion opens when it is reached exactly. Unused by ``instant``.
        window_ms: W of a cumulative rule.
        apart: X of a disagreement: more than this between the two points is outside.
        other: the series of the second point of a disagreement; of the same stream.
        holds: whether its excursions put batches on hold; never by one of NEVER_HOLD.
        tells: whether people are told (else panel and record only).
        reason: why the site made it looser than its profile does; empty where it did not.
    """

    id: str
    kind: Kind
    for_ms: int
    above: int | None = None
    below: int | None = None
    at_or_above: int | None = None
    at_or_below: int | None = None
    window_ms: int | None = None
    holds: bool = False
    tells: bool = True
    apart: int | None = None
    other: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be judged."""
        if self.above is not None and self.at_or_above is not None:
            raise ValueError(f"rule {self.id}: give `above` or `at_or_above`, not both")
        if self.below is not None and self.at_or_below is not None:
            raise ValueError(f"rule {self.id}: give `below` or `at_or_below`, not both")
        limited = self.kind in OF_VALUES or self.kind == "rate"
        if limited and self.high is None and self.low is None:
            raise ValueError(f"rule {self.id}: it has no limit")
        pair = self.kind == "disagreement"
        if pair != (self.apart is not None) or pair != (self.other is not None):
            raise ValueError(
                f"rule {self.id}: a disagreement, and no other, has `apart` and `other`"
            )
        if self.apart is not None and self.apart < 0:
            raise ValueError(f"rule {self.id}: `apart` is below 0")
        if self.kind in NEVER_HOLD:
            self._refuse_what_a_doubt_cannot_have()
        if self.high is not None and self.low is not None and self.low > self.high:
            raise ValueError(f"rule {self.id}: the lower limit is above the upper one")
        if (self.kind == "cumulative") != (self.window_ms is not None):
            raise ValueError(f"rule {self.id}: a cumulative rule, and no other, has a window")
        if self.window_ms is not None and self.window_ms < self.for_ms:
            raise ValueError(f"rule {self.id}: D cannot be reached within a shorter window")
        if self.kind != "instant" and self.for_ms <= 0:
            raise ValueError(f"rule {self.id}: D must be positive")

    def _refuse_what_a_doubt_cannot_have(self) -> None:
        if self.holds:
            raise ValueError(f"rule {self.id}: a rule of kind {self.kind} holds nothing")
        if self.kind == "rate":
            if (self.above or 0) < 0 or (self.below or 0) > 0:
                raise ValueError(f"rule {self.id}: warming is above 0, cooling below 0")
            if self.at_or_above is not None or self.at_or_below is not None:
                raise ValueError(f"rule {self.id}: a rate has `above`, `below` or both")
        elif self.high is not None or self.low is not None:
            raise ValueError(f"rule {self.id}: a rule of kind {self.kind} has no limit of values")

    @property
    def high(self) -> int | None:
        """The highest value that is not outside above; of a rate, the highest rate."""
        return self.at_or_above - 1 if self.at_or_above is not None else self.above

    @property
    def low(self) -> int | None:
        """The lowest value that is not outside below; of a rate, the lowest rate."""
        return self.at_or_below + 1 if self.at_or_below is not None else self.below

    @property
    def window(self) -> int | None:
        """W of a cumulative rule, milliseconds."""
        return self.window_ms

    def limit(self, side: Side) -> int | None:
        """Return the limit as it is printed, thousandths; None where the side has none."""
        if side == "above":
            return self.at_or_above if self.at_or_above is not None else self.above
        if side == "below":
            return self.at_or_below if self.at_or_below is not None else self.below
        return self.apart if side == "apart" else None

    def body(self) -> dict[str, Any]:
        """Return its spelling in a settings record."""
        body: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "for_ms": self.for_ms,
            "holds": self.holds,
            "tells": self.tells,
        }
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value is not None:
                body[name] = value
        if self.reason:
            body["reason"] = self.reason
        return body


@dataclass(frozen=True, slots=True)
class Watch:
    """How one series is judged.

    Attributes:
        series: ``asset/point/quantity``.
        interval_ms: the recording interval: how long a reading holds when the next is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        storage: the asset's storage range, inclusive at both ends, thousandths; exposure uses it.
        decides: whether the point speaks for the asset's stock.
        rules: the rules on this series.
        certificate: of its probe, where it has one; no rule looks at it.
        storage_reason: why the site made the range wider than its profiles do; empty where it did not.
        max_gap_reason: why ``max_gap_ms`` is longer than three intervals; empty where it is not.
        rules_reason: why fewer or looser rules than before were to watch it; empty: nobody said.
    """

    series: str
    interval_ms: int
    max_gap_ms: int
    storage: tuple[int, int] | None
    decides: bool
    rules: tuple[Rule, ...]
    certificate: Certificate | None = None
    storage_reason: str = ""
    max_gap_reason: str = ""
    rules_reason: str = ""

    def body(self) -> dict[str, Any]:
        """Return its spelling in a settings record."""
        body: dict[str, Any] = {
            "interval_ms": self.interval_ms,
            "max_gap_ms": self.max_gap_ms,
            "decides": self.decides,
            "rules": [rule.body() for rule in self.rules],
        }
        if self.storage is not None:
            body["storage"] = list(self.storage)
        for name in _REASONS:
            if reason := getattr(self, name):
                body[name] = reason
        if self.certificate is not None:
            body["calibration"] = self.certificate.body()
        return body


_RULE_FIELDS = frozenset(Rule.__dataclass_fields__)


def watches_from_record(body: Mapping[str, Any]) -> dict[str, Watch]:
    """Read the validated body of a settings record.

    Fields of a later version are ignored, and so are rules of a kind that this version does not
    know: the others are judged. Raises ValueError for a rule that cannot be judged.
    """
    watches = {}
    for series, item in body["series"].items():
        storage, calibration = item.get("storage"), item.get("calibration")
        watches[series] = Watch(
            series,
            item["interval_ms"],
            item["max_gap_ms"],
            (storage[0], storage[1]) if storage is not None else None,
            item["decides"],
            tuple(
                _rule(series, rule, body["series"])
                for rule in item["rules"]
                if rule["kind"] in KINDS
            ),
            certificate_from_body(calibration) if calibration is not None else None,
            *(item.get(name, "") for name in _REASONS),
        )
    return watches


def _rule(series: str, body: Mapping[str, Any], known: Mapping[str, Any]) -> Rule:
    rule = Rule(**{key: value for key, value in body.items() if key in _RULE_FIELDS})
    if rule.other is not None and (rule.other == series or rule.other not in known):
        raise ValueError(f"rule {rule.id}: {rule.other} is no other series of these settings")
    return rule
