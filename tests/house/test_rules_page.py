"""docs/rules.md says what the profiles hold, and what the engine makes of other systems' cases."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from alerts.profiles import all_names, names
from config.profile import load_profile


@pytest.fixture(scope="module")
def rules(house: Path) -> ModuleType:
    """The tool that writes the page."""
    spec = importlib.util.spec_from_file_location("rules_tool", house / "tools" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rules_tool"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(rules: ModuleType) -> None:
    """`make docs` would write the very same page."""
    assert rules.PAGE.read_text("utf-8") == rules.page(rules.kept_table())


def test_every_rule_stands_there_with_its_figures_source_and_mark(rules: ModuleType) -> None:
    """No profile and no rule is left out."""
    rows = {
        line.split("`")[1]: line
        for line in rules.PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    }
    wanted = {
        f"{name}/{rule.name}": rule for name in all_names() for rule in load_profile(name).rules
    }

    assert set(names()) < set(all_names())
    assert rows.keys() == wanted.keys()
    for id_, rule in wanted.items():
        assert rules.figures(rule) in rows[id_]
        assert rule.source.en in rows[id_]
        assert rule.source.zh in rows[id_]
        assert f"| {rule.source.mark}" in rows[id_]


def test_the_cases_are_what_the_engine_makes_of_them_today(rules: ModuleType) -> None:
    """Each case is judged anew; the printed table is that answer, and each difference has its reason."""
    if not rules.CASES.exists():
        pytest.skip(f"{rules.CASES} is not here; it is not part of the project")
    document = json.loads(rules.CASES.read_text("utf-8"))

    assert rules.cases_table(document) == rules.kept_table()
    assert rules.kept_table().count("\n") == len(document["cases"]) + 1


def test_a_case_that_comes_to_differ_needs_a_reason(rules: ModuleType) -> None:
    """A difference without its reason is an error and no empty cell."""
    case = {
        "id": "new", "family": "f", "readings": [{"t": 0, "c": 10}, {"t": 1, "c": 10}],
        "config": [{"id": "a", "min_c": 8, "max_c": 999, "duration_ms": 1_000}],
        "expected": {"would_create": False},
    }  # fmt: skip

    with pytest.raises(KeyError, match="new"):
        rules.cases_table({"cases": [case]})
