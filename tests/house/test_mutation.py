"""docs/mutation.md explains mutants of code that is there, and of nothing else."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROW = re.compile(r"^\| ((?:alerts|hub)\.[\w.]+) \| `` (.+?) `` \| `` (.+?) `` \| (\S.*) \|$")


def rows(house: Path) -> list[tuple[str, str, str, str]]:
    """Return function, code before, code after and reason of every row of the table."""
    lines = (house / "docs/mutation.md").read_text(encoding="utf-8").splitlines()
    found = [row.groups() for line in lines if (row := ROW.match(line))]
    return [tuple(cell.replace("\\|", "|") for cell in row) for row in found]  # type: ignore[misc]


def source_of(name: str) -> str:
    """Return the source of a function or method given by its dotted name, as one line."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = inspect.getattr_static(found, part)
        found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
        return " ".join(inspect.getsource(found).split())
    raise AssertionError(f"there is no module of {name}")


def test_every_explained_mutant_is_one_of_this_code(house: Path) -> None:
    """A row whose code has changed since explains nothing any more: look at the mutant anew."""
    found = rows(house)

    assert len(found) >= 10
    stale = [f"{name}: {before}" for name, before, *_ in found if before not in source_of(name)]
    assert stale == []


def test_every_reason_says_something(house: Path) -> None:
    """A mutant that lives is equivalent for a reason."""
    assert [row for row in rows(house) if len(row[3].split()) < 4] == []


def test_only_what_is_there_is_mutated_and_tested(house: Path) -> None:
    """The modules and tests that pyproject.toml names for mutmut exist."""
    mutmut = tomllib.loads((house / "pyproject.toml").read_text())["tool"]["mutmut"]
    names = ("only_mutate", "also_copy", "source_paths", "pytest_add_cli_args_test_selection")

    assert [one for name in names for one in mutmut[name] if not (house / one).exists()] == []


def test_a_mutant_is_spelled_as_a_row(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What mutmut shows becomes what the table has: where, before, after."""
    monkeypatch.syspath_prepend(str(house / "tools"))
    mutants = importlib.import_module("mutants")
    shown = (
        "# alerts.window.xǁSumMachineǁ_lose__mutmut_1: survived\n--- alerts/window.py\n"
        "+++ alerts/window.py\n@@ -1,2 +1,2 @@\n def _lose(self):\n-    self.sum -= a | b\n"
        "+    self.sum += a | b\n"
    )
    monkeypatch.setattr(mutants.subprocess, "run", lambda *_, **__: Shown(shown))
    try:
        row = mutants.row("alerts.window.xǁSumMachineǁ_lose__mutmut_1")
    finally:
        sys.modules.pop("mutants")

    assert row == (
        "| alerts.window.SumMachine._lose | `` self.sum -= a \\| b `` | `` self.sum += a \\| b `` |"
    )


class Shown:
    """What a program that has ended said."""

    def __init__(self, stdout: str) -> None:
        self.stdout = stdout
