"""A pytest plugin for mutation testing: every hypothesis test with few examples, the same ones each time.

Thousands of mutants are each judged by these tests; a mutant that only the thousandth example kills
is listed as a survivor, and looked at. Used by `make mutants` alone (`-p tests.support.quick_proofs`).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("COLDWATCH_MUTANTS_EXAMPLES", "30"))


def quick_settings(function: Any) -> settings:
    """Return the settings of a hypothesis test, made quick."""
    base = getattr(function, "_hypothesis_internal_use_settings", None) or settings.default
    return settings(
        base,
        max_examples=min(EXAMPLES, base.max_examples),
        derandomize=True,
        database=None,
        deadline=None,
        # A mutant only has to be seen to fail; nobody reads its smallest example.
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Replace the settings that a test brought, as `@settings` itself leaves them on the function."""
    for item in items:
        function = getattr(item, "obj", None)
        function = getattr(function, "__func__", function)
        if function is not None and hasattr(function, "hypothesis"):
            function._hypothesis_internal_use_settings = quick_settings(function)
