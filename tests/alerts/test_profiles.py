from __future__ import annotations

import pytest

from alerts import profiles
from alerts.rules import Rule
from config.profile import load_profile
from protocol.reading import UNITS
from sensors.registry import DRIVERS, spec

HOUR = 3_600_000
MINUTE = 60_000


def rule(rule_id: str) -> Rule:
    """Return a rule of any quantity by its id."""
    profile = rule_id.partition("/")[0]
    found = [
        one
        for quantity in ("temperature", "open", "present")
        for one in profiles.rules_for(profile, quantity)
        if one.id == rule_id
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("rule_id", "kind", "limits", "for_ms", "holds"),
    [
        # standards.md 2.1: WHO PQS E006
        ("who-pqs/heat", "consecutive", {"above": 8000}, 10 * HOUR, True),
        ("who-pqs/frze", "consecutive", {"at_or_below": -500}, HOUR, True),
        ("who-pqs/door", "consecutive", {"at_or_above": 1000}, 5 * MINUTE, False),
        ("who-pqs/powr", "consecutive", {"at_or_below": 0}, 24 * HOUR, False),
        # standards.md 1.3: alarm at the limit already
        ("cn-gsp/at-limit", "instant", {"at_or_above": 8000, "at_or_below": 2000}, 0, False),
        (
            "cn-gsp/out-of-range",
            "consecutive",
            {"at_or_above": 8000, "at_or_below": 2000},
            10 * MINUTE,
            False,
        ),
        ("cn-gsp/isolate", "consecutive", {"above": 8000, "below": 2000}, 30 * MINUTE, True),
        ("cn-gsp/mains", "consecutive", {"at_or_below": 0}, 2_000, False),
        # standards.md 3: CDC VFC, freezer, ultra-cold
        ("cdc-vfc/out-of-range", "instant", {"above": 8000, "below": 2000}, 0, True),
        ("freezer/warm", "consecutive", {"above": -15_000}, HOUR, True),
        ("freezer/cold", "consecutive", {"below": -50_000}, HOUR, True),
        ("ultra-cold/warm", "consecutive", {"above": -60_000}, 30 * MINUTE, True),
        ("ultra-cold/cold", "consecutive", {"below": -90_000}, 30 * MINUTE, True),
    ],
)
def test_figures_are_those_of_their_sources(
    rule_id: str, kind: str, limits: dict[str, int], for_ms: int, holds: bool
) -> None:
    """Kind, limits, time and consequence of each rule are those that the standards page gives."""
    found = rule(rule_id)
    names = ("above", "below", "at_or_above", "at_or_below")

    assert limits == {
        name: getattr(found, name) for name in names if getattr(found, name) is not None
    }
    assert (kind, for_ms, holds) == (found.kind, found.for_ms, found.holds)


@pytest.mark.parametrize("name", ["cn-gsp", "who-pqs", "cdc-vfc"])
def test_every_fridge_profile_sums_freezing_and_calls_that_its_own(name: str) -> None:
    """Beside the consecutive rule stands a cumulative freeze rule that holds, marked as ours."""
    found = rule(f"{name}/freeze-sum")
    source = profiles.source_of(found.id)

    assert (found.kind, found.at_or_below, found.for_ms, found.window_ms) == (
        "cumulative",
        -500,
        HOUR,
        24 * HOUR,
    )
    assert found.holds
    assert source is not None
    assert source.ours


@pytest.mark.parametrize("name", profiles.names())
def test_no_profile_lets_a_dead_probe_pass(name: str) -> None:
    """Each profile tells of a temperature series without readings."""
    silence = rule(f"{name}/silence")

    assert silence.kind == "silence"
    assert silence.tells
    assert silence.for_ms <= 30 * MINUTE


@pytest.mark.parametrize("quantity", ["open", "present"])
def test_a_dead_contact_is_told_whatever_profile_an_asset_has(quantity: str) -> None:
    """A mains input or a door contact without readings is told within half an hour, as ours."""
    (silence,) = profiles.rules_for("equipment", quantity)

    assert (silence.kind, silence.tells, silence.holds) == ("silence", True, False)
    assert silence.for_ms <= 30 * MINUTE
    assert _source(silence.id).ours


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_tells_of_lost_mains_at_once(name: str) -> None:
    """Within ten seconds people are told; the rule takes two of them."""
    mains = rule(f"{name}/mains")

    assert (mains.kind, mains.for_ms, mains.tells) == ("consecutive", 2_000, True)


def test_only_what_a_standard_says_is_reported_as_its_own() -> None:
    """The rules that are not marked as ours are exactly those that a source has."""
    standards = {
        one.id
        for name in profiles.names()
        for quantity in ("temperature", "open", "present")
        for one in profiles.rules_for(name, quantity)
        if not _source(one.id).ours
    }

    assert standards == {
        "cn-gsp/at-limit",
        "cn-gsp/out-of-range",
        "cn-gsp/mains",
        "who-pqs/heat",
        "who-pqs/frze",
        "who-pqs/door",
        "who-pqs/powr",
        "cdc-vfc/out-of-range",
    }


def test_remembered_figures_are_to_be_confirmed() -> None:
    """The ultra-cold range is marked M: a report says that it is a value to confirm."""
    assert _source("ultra-cold/warm").to_confirm
    assert not _source("who-pqs/heat").to_confirm


def test_a_rule_of_another_version_has_no_source() -> None:
    """A record may bear a rule that this version does not know: that is no error."""
    assert profiles.source_of("who-pqs/of-2031") is None
    assert profiles.source_of("limits/consecutive") is None


def test_a_quantity_without_rules_has_none() -> None:
    """No profile judges humidity; asking for it is no error."""
    assert profiles.rules_for("who-pqs", "humidity") == ()


def _source(rule_id: str) -> profiles.RuleSource:
    source = profiles.source_of(rule_id)
    assert source is not None
    return source


@pytest.mark.parametrize("name", profiles.all_names())
def test_every_rule_is_on_a_quantity_that_some_driver_measures(name: str) -> None:
    """A rule on what nobody gives would be a promise that nobody keeps."""
    measured = {quantity for kind in DRIVERS for quantity in spec(kind).ranges}

    assert {rule.quantity for rule in load_profile(name).rules} <= measured
    assert measured <= set(UNITS)


def test_rules_that_compare_two_points_bear_the_other_ones_name() -> None:
    """One rule for each other point, and its source is found by its id."""
    others = ["fridge-1/upper/temperature", "fridge-1/lower/temperature"]
    found = profiles.disagreements("equipment", "temperature", others)

    assert [(one.id, one.other) for one in found] == [
        ("equipment/apart/upper", others[0]),
        ("equipment/apart/lower", others[1]),
    ]
    assert _source(found[0].id).ours
    # The longest names there may be still fit what a settings record allows.
    (longest,) = profiles.disagreements("equipment", "temperature", [f"f/{'u' * 63}/temperature"])
    assert len(longest.id) <= 81
