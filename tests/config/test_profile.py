from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.rules import ABOUT_EQUIPMENT
from config.profile import ALWAYS, ProfileModel, beside_names, load_profile, profile_names


def test_the_five_profiles_are_there() -> None:
    """The profiles of the design exist under their names."""
    assert profile_names() == ("cdc-vfc", "cn-gsp", "freezer", "ultra-cold", "who-pqs")


def test_what_comes_beside_is_known_to_the_panel() -> None:
    """The agent's main process reads no profile: it has their names."""
    assert {ALWAYS, *beside_names()} == ABOUT_EQUIPMENT


def test_a_profile_beside_others_says_nothing_of_stock() -> None:
    """It has no storage range, and holds nothing."""
    for name in ABOUT_EQUIPMENT:
        profile = load_profile(name)
        assert profile.storage is None
        assert not any(rule.holds for rule in profile.rules)


@pytest.mark.parametrize("name", [*profile_names(), *beside_names(), ALWAYS])
def test_every_rule_says_where_it_comes_from(name: str) -> None:
    """Each rule has a title and a source in both languages, and a mark that tells how sure it is."""
    profile = load_profile(name)

    assert profile.title.zh
    assert profile.title.en
    for rule in profile.rules:
        assert rule.title.zh
        assert rule.title.en
        assert rule.source.zh
        assert rule.source.en


def test_a_profile_that_does_not_exist_is_told_with_those_that_do() -> None:
    """A misspelt profile gets one clear line."""
    with pytest.raises(ValueError, match="there is no profile 'who'; there are cdc-vfc, cn-gsp"):
        load_profile("who")


class TestModel:
    def text(self, house: Path) -> dict[str, Any]:
        """Return a profile file as TOML reads it."""
        return tomllib.loads((house / "config/profiles/ultra-cold.toml").read_text("utf-8"))

    def test_a_remembered_figure_says_that_it_is_to_be_confirmed(self, house: Path) -> None:
        """A source marked M that does not say so in both languages is refused."""
        body = self.text(house)
        body["rules"][0]["source"] = {"mark": "M", "zh": "限值", "en": "limit"}

        with pytest.raises(ValidationError, match="value to confirm"):
            ProfileModel.model_validate(body)

    def test_our_own_judgement_is_marked_as_ours(self, house: Path) -> None:
        """A rule of ours cannot pass for a standard's."""
        body = self.text(house)
        rule = next(rule for rule in body["rules"] if rule["source"]["mark"] == "own")
        del rule["ours"]

        with pytest.raises(ValidationError, match="ours = true"):
            ProfileModel.model_validate(body)

    def test_two_rules_of_one_name_are_refused(self, house: Path) -> None:
        """A rule's id is profile/name: it must be unique."""
        body = self.text(house)
        body["rules"].append(body["rules"][0])

        with pytest.raises(ValidationError, match="given twice"):
            ProfileModel.model_validate(body)

    def test_a_range_the_wrong_way_round_is_refused(self, house: Path) -> None:
        """The lower end stands first."""
        body = self.text(house)
        body["storage"] = [-60.0, -90.0]

        with pytest.raises(ValidationError, match="lower, upper"):
            ProfileModel.model_validate(body)
