"""The mutants of alerts/ in one process: the assertions of mutmut's run, without a pytest for each.

    python tools/quick_mutants.py                   all of them, about two hours of one core
    python tools/quick_mutants.py window            one module
    python tools/quick_mutants.py "window.*due*"    some of one

mutmut makes the mutants and switches between them. Those of the engine are given every example of
tests/alerts/test_engine_examples.py and test_engine_handover.py, and then, one case after the
other, the bodies of the proofs in test_engine_oracle.py, on the same cases for all; those of
escalation and roster the tests of these. The first assertion that fails ends it. What lives here
and has no row in docs/mutation.md is printed as one, and makes this command fail.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mutants import EXPLAINED, row

CASES = int(os.environ.get("COLDWATCH_MUTANTS_CASES", "120"))
# A check of an unharmed engine takes a part of a second. A mutant that has one go on for this long,
# by the processor's clock, loops for ever. pytest ends such a test as well, and so sees it
# (pyproject.toml, `timeout`).
LONGEST_S = 5
ENGINE = (
    "test_engine_handover",
    "test_engine_runs",
    "test_engine_windows",
    "test_engine_examples",
    "test_engine_lookout",
)
TESTS = {
    "series": ENGINE, "runs": ENGINE, "window": ENGINE, "machine": ENGINE, "engine": ENGINE,
    "pair": ENGINE, "rate": ENGINE, "stuck": ENGINE,
    "escalation": ("test_escalation",), "roster": ("test_roster",),
}  # fmt: skip

Check = Callable[[], object]


def main(wanted: list[str]) -> int:
    """Judge the mutants of these modules; return 1 where one lives that nobody has explained."""
    explained = EXPLAINED.read_text(encoding="utf-8")
    make_mutants()
    os.chdir("mutants")
    sys.path.insert(0, str(Path.cwd()))
    from mutmut.mutation.trampoline import set_mutant_under_test

    set_mutant_under_test("")
    signal.signal(signal.SIGVTALRM, too_long)
    states: Counter[str] = Counter()
    checks: dict[tuple[str, ...], list[Check]] = {}
    for chosen in wanted or TESTS:
        module = chosen.partition(".")[0]
        tests = TESTS[module]
        if tests not in checks:
            checks[tests] = [*examples(tests), *(proofs() if tests == ENGINE else ())]
            began = time.monotonic()
            for check in checks[tests]:
                check()
            took = time.monotonic() - began
            print(f"{module}: {len(checks[tests])} checks, {took:.1f} s as it is", flush=True)
        for name in mutants(module):
            if not fnmatch(name, f"alerts.{chosen}*"):
                continue
            set_mutant_under_test(name)
            state = verdict(checks[tests])
            set_mutant_under_test("")
            if state == "survived":
                line = row(name)
                state = "explained" if line in explained else "lives"
                if state == "lives":
                    print(f"{name}: {state}\n  {line}", flush=True)
            states[f"{module}: {state}"] += 1
    print(json.dumps(states, indent=1))
    return int(any(key.endswith(": lives") for key in states))


def verdict(checks: list[Check]) -> str:
    """Return what becomes of the mutant that is in force."""
    try:
        for check in checks:
            signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
            check()
    except TooLong:
        return "killed as endless"
    except BaseException:  # noqa: BLE001 - whatever it is, the mutant is seen
        return "killed"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return "survived"


class TooLong(BaseException):
    """A mutant that does not end."""


def too_long(*_: object) -> None:
    """Stop a mutant."""
    raise TooLong


def make_mutants() -> None:
    """Let mutmut copy the tree into mutants/ and put the mutants in."""
    from mutmut import __main__ as mutmut

    Path("mutants").mkdir(exist_ok=True)
    for name in ("copy_src_dir", "copy_also_copy_files"):
        found = getattr(mutmut, name, None)
        assert found is not None, f"mutmut has no {name}; this was written for 3.8"
        found()
    mutmut.create_mutants(2)


def mutants(module: str) -> list[str]:
    """Return the names of the mutants of a module."""
    found = importlib.import_module(f"alerts.{module}")
    tables = [
        each
        for name, each in vars(found).items()
        if name.startswith("mutants_x") and isinstance(each, dict)
    ]
    return [f"alerts.{module}.{key}" for each in tables for key in each if key != "_mutmut_orig"]


def examples(modules: tuple[str, ...]) -> Iterator[Check]:
    """Yield every test of these modules, each of its parametrised forms by itself."""
    for module in modules:
        found = importlib.import_module(f"tests.alerts.{module}")
        for _, each in inspect.getmembers(found):
            if inspect.isclass(each) and each.__name__.startswith("Test"):
                for name, function in inspect.getmembers(each, inspect.isfunction):
                    if name.startswith("test"):
                        yield from forms(function, each())
            elif inspect.isfunction(each) and each.__name__.startswith("test"):
                yield from forms(quick(each))


def forms(function: Any, *bound: object) -> Iterator[Check]:
    """Yield a test once for each of its parameters' values."""
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    axes = []
    for mark in marks:
        names, values = mark.args
        names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
        axes.append([dict(zip(names, v if len(names) > 1 else (v,), strict=True)) for v in values])
    for chosen in itertools.product(*axes):
        arguments = {key: value for part in chosen for key, value in part.items()}
        yield lambda function=function, arguments=arguments: function(*bound, **arguments)


def quick(function: Any) -> Any:
    """Give a test that draws its examples few of them, and the same ones each time."""
    if hasattr(function, "hypothesis"):
        from tests.support.quick_proofs import quick_settings

        function._hypothesis_internal_use_settings = quick_settings(function)  # noqa: SLF001
    return function


def proofs() -> Iterator[Check]:
    """Yield the bodies of the proofs, on cases drawn once; what the oracle finds is kept."""
    from hypothesis import HealthCheck, Phase, given, settings

    oracle = importlib.import_module("tests.alerts.test_engine_oracle")
    streams = importlib.import_module("tests.alerts.streams")
    drawn: dict[str, list[Any]] = {"cases": [], "changes": []}
    quiet = settings(
        max_examples=CASES, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    @quiet
    @given(streams.cases())
    def draw_cases(case: Any) -> None:
        drawn["cases"].append(case)

    @quiet
    @given(streams.changes())
    def draw_changes(case: Any) -> None:
        drawn["changes"].append(case)

    draw_cases()
    draw_changes()
    oracle.Oracle = remembering(oracle.Oracle)
    tests = [each for name, each in vars(oracle).items() if name.startswith("test")]
    for number in range(CASES):
        for test in tests:
            inner = test.hypothesis.inner_test
            parameters = list(inspect.signature(inner).parameters)
            if len(parameters) == 1:
                kind = "cases" if parameters == ["case"] else "changes"
                if number < len(drawn[kind]):
                    yield lambda inner=inner, case=drawn[kind][number]: inner(case)


def remembering(brute_force: Any) -> Any:
    """Return the brute force with a memory: it is no mutant and says the same each time."""
    known: dict[tuple[int, bool], Any] = {}

    class Remembering:
        def __init__(self, stream: str, records: Any, *rest: Any, finished: bool = False) -> None:
            self._key = (id(records), finished)
            self._made = lambda: brute_force(stream, records, *rest, finished=finished)

        def facts(self) -> Any:
            if self._key not in known:
                known[self._key] = self._made().facts()
            return known[self._key]

    return Remembering


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
