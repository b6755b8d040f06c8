"""Mutation testing: run mutmut, and hold what survives against docs/mutation.md.

    make mutants                          all of it: hours on two cores; goes on where it was stopped
    make mutants ARGS="'alerts.window*'"  one module

A mutant that lives is printed as a row of the table in docs/mutation.md. Where that row stands there
already, with its reason, it is explained; any other makes this command fail. What was not run to
the end is said, and is no success either.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
EXPLAINED = HOUSE / "docs/mutation.md"
MUTMUT = [sys.executable, "-m", "mutmut"]
# alerts.window.xǁSumMachineǁdue__mutmut_3, hub.notices.x_owe__mutmut_1
_NAME = re.compile(r"^(?P<module>[\w.]+)\.x(?:ǁ(?P<cls>\w+?)ǁ|_)(?P<function>\w+?)__mutmut_\d+$")


def main(wanted: list[str]) -> int:
    """Run the mutants that match, or all; return 1 where one lives that nobody has explained."""
    # Below everything else: it is in no hurry, and takes every core for hours.
    done = subprocess.run(["nice", "-n", "19", *MUTMUT, "run", *wanted], check=False)
    if done.returncode != 0:
        return done.returncode
    explained = EXPLAINED.read_text(encoding="utf-8")
    states: Counter[str] = Counter()
    new = []
    for name, state in results():
        if wanted and not any(fnmatch(name, pattern) for pattern in wanted):
            continue
        states[state] += 1
        if state in {"killed", "not checked"}:
            continue
        if (line := row(name)) not in explained:
            new.append(f"{line} {state}")
    print("\n" + ", ".join(f"{count} {state}" for state, count in states.most_common()))
    if new:
        print("\nnot explained in docs/mutation.md:", *new, sep="\n")
    return 1 if new or states["not checked"] else 0


def results() -> list[tuple[str, str]]:
    """Return every mutant with what became of it."""
    command = [*MUTMUT, "results", "--all", "true"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.strip().rpartition(": ") for line in said.splitlines()]
    return [(name, state) for name, _, state in lines if "__mutmut_" in name]


def row(name: str) -> str:
    """Return a mutant as the beginning of a table's row: where it is, what it changed."""
    command = [*MUTMUT, "show", name]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HOUSE)
    return row_of(name, said.stdout.splitlines())


def row_of(name: str, difference: list[str]) -> str:
    """Return the beginning of the row of a mutant that makes this difference."""
    changed = [line for line in difference if re.match(r"[-+](?![-+]{2} )", line)]
    before = _code(line[1:] for line in changed if line.startswith("-"))
    after = _code(line[1:] for line in changed if line.startswith("+"))
    found = _NAME.match(name)
    where = name if found is None else ".".join(filter(None, found.groups()))
    return f"| {where} | {before} | {after} |"


def _code(lines: Iterable[str]) -> str:
    """Spell lines of code on one line, as code, in a cell of a table."""
    text = " ".join(line.strip() for line in lines)
    return f"`` {text} ``".replace("|", "\\|") if text else "(nothing)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
