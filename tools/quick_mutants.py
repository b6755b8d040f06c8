"""The mutants in one process: the assertions of mutmut's run, without a pytest for each.

    python tools/quick_mutants.py                   those of alerts/, about two hours of one core
    python tools/quick_mutants.py window            one module
    python tools/quick_mutants.py "window.*due*"    some of one
    python tools/quick_mutants.py escalating        one of the hub's outbox (or notices)

mutmut makes the mutants and switches between them. Those of the engine are given every example of
tests/alerts/test_engine_examples.py and test_engine_handover.py, and then, one case after the
other, the bodies of the proofs in test_engine_oracle.py, on the same cases for all; those of
escalation and roster the tests of these; those of the hub's outbox its tests that come to the
mutated function (tools/hub_mutants.py). The first assertion that fails ends it. What lives here
and has no row in docs/mutation.md is printed as one, and makes this command fail.
"""

from __future__ import annotations

import difflib
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
from functools import cache
from pathlib import Path
from typing import Any

from mutants import EXPLAINED, row_of

CASES = int(os.environ.get("COLDWATCH_MUTANTS_CASES", "120"))
# A check of an unharmed engine takes a part of a second. A mutant that has one go on for this long,
# by the processor's clock, loops for ever. pytest ends such a test as well, and so sees it
# (pyproject.toml, `timeout`).
LONGEST_S = 5
ENGINE = (
    "test_engine_handover", "test_engine_runs", "test_engine_windows", "test_engine_examples",
    "test_engine_evidence", "test_engine_pairs", "test_engine_pair_settings", "test_engine_rates",
    "test_engine_settings", "test_engine_lookout", "test_engine_give_up",
)  # fmt: skip
TESTS = {
    "series": ENGINE, "runs": ENGINE, "window": ENGINE, "machine": ENGINE, "engine": ENGINE,
    "pair": ENGINE, "rate": ENGINE, "stuck": ENGINE,
    "escalation": ("test_escalation_pauses", "test_escalation"), "roster": ("test_roster",),
}  # fmt: skip
OUTBOX = ("escalating", "notices")
OUTBOX_TESTS = (
    "tests/hub/test_escalating.py",
    "tests/hub/test_notices.py",
    "tests/hub/test_outbox_answers.py",
    "tests/hub/test_outbox_composing.py",
    "tests/hub/test_outbox_due.py",
    "tests/hub/test_poor_ways.py",
    "tests/hub/test_told.py",
)

Check = Callable[[], object]


def main(wanted: list[str]) -> int:
    """Judge the mutants of these modules; return 1 where one lives that nobody has explained."""
    explained = EXPLAINED.read_text(encoding="utf-8")
    make_mutants()
    os.chdir("mutants")
    sys.path.insert(0, str(Path.cwd()))
    from mutmut.mutation.trampoline import set_mutant_under_test

    set_mutant_under_test("")
    states: Counter[str] = Counter()

    def judge(name: str, ask: Callable[[], str]) -> None:
        """Ask for the verdict while this mutant is in force, and say it."""
        set_mutant_under_test(name)
        try:
            state = ask()
        finally:
            set_mutant_under_test("")
        line = ""
        if not state.startswith("killed"):
            line = quick_row(name)
            state = "explained" if line in explained else state
        if line and state != "explained":
            print(f"{name}: {state}\n  {line}", flush=True)
        states[f"{name.split('.')[1]}: {state}"] += 1

    of_hub = [chosen for chosen in wanted if chosen.partition(".")[0] in OUTBOX]
    for chosen in [each for each in wanted or TESTS if each not in of_hub]:
        alone(chosen, judge)
    for chosen in of_hub:
        with_pytest(chosen, judge)
    print(json.dumps(states, indent=1))
    return int(any(key.endswith(": lives") for key in states))


def alone(chosen: str, judge: Callable[[str, Callable[[], str]], None]) -> None:
    """Judge mutants of alerts/ by tests that need no pytest."""
    module = chosen.partition(".")[0]
    signal.signal(signal.SIGVTALRM, too_long)
    checks = checks_of(TESTS[module])
    began = time.monotonic()
    for check in checks:
        check()
    took = time.monotonic() - began
    print(f"{module}: {len(checks)} checks, {took:.1f} s for it as it is", flush=True)
    for name in mutants(f"alerts.{module}"):
        if fnmatch(name, f"alerts.{chosen}*"):
            judge(name, lambda: verdict(checks))


@cache
def checks_of(tests: tuple[str, ...]) -> list[Check]:
    """Return the checks of these files of tests/alerts; those of the engine have the proofs too."""
    return [*examples(tests), *(proofs() if tests == ENGINE else ())]


def with_pytest(chosen: str, judge: Callable[[str, Callable[[], str]], None]) -> None:
    """Judge mutants of the outbox by the tests that come to their function."""
    from hub_mutants import lend, told_by

    module = chosen.partition(".")[0]

    def use(stories: list[Any]) -> None:
        took = sum(story.seconds for story in stories)
        print(f"{module}: {len(stories)} tests, {took:.1f} s for it as it is", flush=True)
        for name in mutants(f"hub.{module}"):
            if fnmatch(name, f"hub.{chosen}*"):
                function = name.partition("__mutmut_")[0]
                reach = [story for story in stories if function in story.reached]
                judge(name, lambda reach=reach: told_by(reach))  # type: ignore[misc]

    lend(OUTBOX_TESTS, use)


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
    return "lives"


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
    return [f"{module}.{key}" for table in tables(module) for key in table if key != "_mutmut_orig"]


def tables(module: str) -> list[dict[str, Any]]:
    """Return mutmut's tables of a module: of each function the original and its mutants."""
    found = vars(importlib.import_module(module)).items()
    return [each for name, each in found if name.startswith("mutants_x") and isinstance(each, dict)]


def quick_row(name: str) -> str:
    """Return the row of a mutant as `mutants.row` does, without six seconds of mutmut for it."""
    module, _, key = name.rpartition(".")
    table = next(table for table in tables(module) if key in table)
    plain = key.partition("__mutmut_")[0].rpartition("ǁ")[2].removeprefix("x_")
    before, after = (
        inspect.getsource(function).replace(function.__name__, plain).splitlines()
        for function in (table["_mutmut_orig"], table[key])
    )
    return row_of(name, list(difflib.unified_diff(before, after, lineterm="", n=0)))


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

    def draw_cases_of(kind: Any) -> None:
        @quiet
        @given(streams.cases([kind]))
        def draw_case(case: Any) -> None:
            drawn.setdefault(kind, []).append(case)

        draw_case()

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
            elif parameters == ["kind", "data"]:
                # A test that draws a case of one kind of rule: it is handed one.
                (kinds,) = (mark.args[1] for mark in test.pytestmark if mark.name == "parametrize")
                for kind in kinds:
                    if kind not in drawn:
                        draw_cases_of(kind)
                    if number < len(drawn[kind]):
                        data = Drawn(drawn[kind][number])
                        yield lambda inner=inner, kind=kind, data=data: inner(kind, data)


class Drawn:
    """What Hypothesis gives a test to draw from, when everything is drawn already."""

    def __init__(self, case: Any) -> None:
        self._case = case

    def draw(self, _: object) -> Any:
        """Return the case."""
        return self._case


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
