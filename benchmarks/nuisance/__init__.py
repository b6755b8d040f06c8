"""No crying wolf: a year of a well-run fridge, and a hundred failures that must all be told.

`python -m benchmarks nuisance`, some minutes. Usage, physics and faults are simulated (usage.py,
places.py); recording, engine, journal and outbox are the product's own (judging.py).
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from typing import Any, Final

from benchmarks.nuisance.failures import GROUPS, PROFILES, Case, Found, cases, detected, spread
from benchmarks.nuisance.places import Samples
from benchmarks.nuisance.year import TRIED, WATCHED, YEAR_DAYS, Figures, figures, sampled

EACH: Final = 20
SEED: Final = 1


def report() -> Iterator[str]:
    """Yield both tables, line by line."""
    yield from _years()
    yield ""
    yield from _failures()


def _years() -> Iterator[str]:
    yield f"A well-run fridge, {YEAR_DAYS} days of 10 s samples: SMS a month to each of three people"
    yield (
        f"{'fridge':10} {'profile':10} {'SMS/month':>9} {'as one':>6} {'opened':>7} {'over':>5}"
        f" {'below h/yr':>10} {'above h/yr':>10} {'longest':>8}  opened by"
    )
    models = [model for model, _ in groupby(WATCHED, key=lambda item: item[0])]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        _say(f"a year of {', '.join(models)}")
        plain = {model: pool.submit(_watched, model) for model in models}
        tried = pool.submit(_tried)
        for model in models:
            yield from plain[model].result()
        yield "With one rule changed:"
        yield from tried.result()
    yield (
        "As one: SMS a month if a fridge were one matter, its door and its warmth told together and"
        " their end once."
    )
    yield (
        "Exposure, in whole milliseconds, is the same by the history, by the engine and by the sum"
        " over all samples, in every line; else there would be no line."
    )


def _watched(model: str) -> list[str]:
    """Return the lines of one fridge; runs in a process of its own."""
    samples = sampled(model, YEAR_DAYS, SEED)
    return [
        _year(model, profile, figures(samples, profile), "")
        for fridge, profile in WATCHED
        if fridge == model
    ]


def _tried() -> list[str]:
    """Return the lines of other rules; runs in a process of its own."""
    samples: dict[str, Samples] = {}
    lines = []
    for what, model, profile, change in TRIED:
        if model not in samples:
            samples = {model: sampled(model, YEAR_DAYS, SEED)}
        lines.append(_year(model, profile, figures(samples[model], profile, change), f"; {what}"))
    return lines


def _year(model: str, profile: str, made: Figures, more: str) -> str:
    rules = ", ".join(f"{rule.partition('/')[2]} {count}" for rule, count in _most(made.by_rule))
    return (
        f"{model:10} {profile:10} {made.a_month:9.2f} {made.as_one / made.months:6.2f} {made.opened:7} {made.recovered:5}"
        f" {made.counted.below_ms / 3.6e6:10.2f} {made.counted.above_ms / 3.6e6:10.2f}"
        f" {_time(made.longest_ms):>8}  {rules or 'nothing'}{more}"
    )


def _failures() -> Iterator[str]:
    _say(f"{EACH * len(GROUPS)} failures")
    yield f"{EACH * len(GROUPS)} failures: time to the first SMS (least, middle, greatest)"
    yield (
        f"{'failure':20} {'profile':8} {'told':>7}  {'after the failure':26}"
        f" {'beyond its own delay':26}  first told by (its own delay)"
    )
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for lines in pool.map(_group, GROUPS):
            yield from lines


def _group(group: str) -> list[str]:
    """Return the lines of one kind of failure; runs in a process of its own."""
    found: dict[str, list[tuple[Case, Found | None]]] = {profile: [] for profile in PROFILES}
    for case in cases(group, EACH, SEED):
        for profile in PROFILES:
            found[profile].append((case, detected(case, profile)))
    return [_line(group, profile, told) for profile, told in found.items()]


def _line(group: str, profile: str, told: list[tuple[Case, Found | None]]) -> str:
    found = [one for _, one in told if one is not None]
    line = f"{group:20} {profile:8} {len(found):3}/{len(told):<3}"
    if found:
        line += f"  {_three([one.after_failure_ms for one in found]):26}"
        line += f" {_three([one.after_start_ms - one.delay_ms for one in found]):26}"
        line += f"  {_rules(found)}"
    missed = Counter(case.fault.kind for case, one in told if one is None)
    if missed:
        line += "; NOT TOLD: " + ", ".join(f"{kind} {count}" for kind, count in missed.items())
    return line


def _rules(found: list[Found]) -> str:
    by_rule = Counter((one.rule.partition("/")[2], one.delay_ms) for one in found)
    return ", ".join(f"{rule} ({_time(delay)}) {n}" for (rule, delay), n in _most(by_rule))


def _most(counted: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))


def _three(times: list[int]) -> str:
    return ", ".join(_time(one) for one in spread(times))


def _time(ms: int) -> str:
    """Spell a duration with two figures that matter."""
    if ms < 60_000:
        return f"{ms / 1000:.0f} s"
    if ms < 3_600_000:
        return f"{ms // 60_000}m{ms % 60_000 // 1000:02}s"
    return f"{ms // 3_600_000}h{ms % 3_600_000 // 60_000:02}m"


def _say(what: str) -> None:
    print(f"nuisance: {what} ...", file=sys.stderr, flush=True)
