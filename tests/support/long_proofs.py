"""A pytest plugin for `make soak`: the hypothesis tests alone, each with many times its examples.

A fault that one example in ten thousand shows passes `make test` for months and is then met in a
fridge. ``COLDWATCH_PROOFS_TIMES`` says how many times (10).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings

TIMES = int(os.environ.get("COLDWATCH_PROOFS_TIMES", "10"))


def longer(base: Any) -> settings:
    """Return the settings with many times the examples, new ones each time."""
    return settings(base, max_examples=TIMES * base.max_examples, derandomize=False)


def prolonged(item: pytest.Item, machines: set[Any]) -> bool:
    """Make a hypothesis test long; tell whether it is one. ``machines``: those that are long already."""
    function: Any = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    if hasattr(function, "hypothesis"):
        base: Any = getattr(function, "_hypothesis_internal_use_settings", None)
        function._hypothesis_internal_use_settings = longer(base or settings.default)
        return True
    machine: Any = getattr(item, "cls", None)
    if not isinstance(getattr(machine, "settings", None), settings):
        return False
    if machine not in machines:
        machines.add(machine)
        machine.settings = longer(machine.settings)
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the hypothesis tests, and make them long."""
    machines: set[Any] = set()
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (kept if prolonged(item, machines) else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept
