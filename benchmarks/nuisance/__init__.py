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

from benchmarks.nuisance.failures import (
    GROUPS,
    PROFILES,
    Case,
    Found,
    cases,
    detected,
    spread,
    without,
)
from benchmarks.nuisance.judging import watches_of
from benchmarks.nuisance.places import Samples
from benchmarks.nuisance.still import PROFILE as STILL_PROFILE
from benchmarks.nuisance.still import STILL_DAYS, all_stood
from benchmarks.nuisance.year import TRIED, WATCHED, YEAR_DAYS, Figures, figures, sampled, told
from config.profile import ALWAYS

EACH: Final = 20
SEED: Final = 1


def report() -> Iterator[str]:
    """Yield all tables, line by line."""
    yield from _years()
    yield ""
    yield from _failures()
    yield ""
    yield from _still()


def in_force(profile: str) -> list[str]:
    """Return the rules about the equipment that an agent puts in force beside a profile."""
    rules = [rule.id for watch in watches_of(profile).values() for rule in watch.rules]
    return [rule for rule in rules if rule.partition("/")[0] == ALWAYS]


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
        left_out = {model: pool.submit(_left_out, model) for model in models}
        for model in models:
            for profile, made in plain[model].result():
                yield _year(model, profile, made, "")
        yield "With one rule changed:"
        for what, model, profile, made in tried.result():
            yield _year(model, profile, made, f"; {what}")
    yield (
        "As one: SMS a month if a fridge were one matter, its door and its warmth told together and"
        " their end once."
    )
    yield (
        "Exposure, in whole milliseconds, is the same by the history, by the engine and by the sum"
        " over all samples, in every line; else there would be no line."
    )
    yield ""
    yield "What they came from: SMS a year to each, by what was there up to half an hour before"
    yield (
        f"{'fridge':10} {'profile':10} {'doors':>5} {'defrosts':>8} {'SMS':>4} {'forgotten door':>14}"
        f" {'stocktaking':>11} {'delivery':>8} {'vaccination':>11} {'other door':>10}"
        f" {'defrost':>7} {'none':>4} {ALWAYS:>9} {'left out':>8} {'still':>6}"
    )
    for model in models:
        rest = dict(left_out[model].result())
        for profile, made in plain[model].result():
            yield _sources(model, profile, made, rest[profile])
    beside = {rule for _, profile in WATCHED for rule in in_force(profile)}
    yield (
        f"In force beside each profile, by the agent's own settings: {', '.join(sorted(beside))}"
        f" (the other rules of {ALWAYS} need a battery, a Pi's own figures or a second probe)."
    )
    yield (
        "Forgotten door: SMS, and how many such doors brought any, of how many. Left out: SMS of the"
        " same year without its forgotten doors."
    )
    yield f"Still: the longest that the probe showed one value; {ALWAYS}/stuck waits for 12 h."


def _watched(model: str) -> list[tuple[str, Figures]]:
    """Return the figures of one fridge under its profiles; runs in a process of its own."""
    samples = sampled(model, YEAR_DAYS, SEED)
    return [(profile, figures(samples, profile)) for fridge, profile in WATCHED if fridge == model]


def _left_out(model: str) -> list[tuple[str, int]]:
    """Return the SMS to each without the forgotten doors; runs in a process of its own."""
    samples = sampled(model, YEAR_DAYS, SEED, forgotten=False)
    return [
        (profile, len(told(samples, profile))) for fridge, profile in WATCHED if fridge == model
    ]


def _tried() -> list[tuple[str, str, str, Figures]]:
    """Return the figures of other rules; runs in a process of its own."""
    samples: dict[str, Samples] = {}
    found = []
    for what, model, profile, change in TRIED:
        if model not in samples:
            samples = {model: sampled(model, YEAR_DAYS, SEED)}
        found.append((what, model, profile, figures(samples[model], profile, change)))
    return found


def _year(model: str, profile: str, made: Figures, more: str) -> str:
    rules = ", ".join(f"{rule.partition('/')[2]} {count}" for rule, count in _most(made.by_rule))
    return (
        f"{model:10} {profile:10} {made.a_month:9.2f} {made.as_one / made.months:6.2f} {made.opened:7} {made.recovered:5}"
        f" {made.counted.below_ms / 3.6e6:10.2f} {made.counted.above_ms / 3.6e6:10.2f}"
        f" {_time(made.longest_ms):>8}  {rules or 'nothing'}{more}"
    )


def _sources(model: str, profile: str, made: Figures, rest: int) -> str:
    by = made.sources
    forgotten = f"{by['forgotten door']} ({made.doors}/{made.forgotten})"
    return (
        f"{model:10} {profile:10} {made.openings:5} {made.defrosts:8} {made.messages:4}"
        f" {forgotten:>14} {by['stocktaking']:11} {by['delivery']:8} {by['vaccination']:11}"
        f" {by['other door']:10} {by['defrost']:7} {by['none']:4}"
        f" {made.equipment:9} {rest:8} {_time(made.still_ms):>6}"
    )


def _failures() -> Iterator[str]:
    _say(f"{EACH * len(GROUPS)} failures")
    yield f"{EACH * len(GROUPS)} failures: time to the first SMS (least, middle, greatest)"
    yield (
        f"{'failure':20} {'profile':8} {'told':>7} {'without':>7}  {'after the failure':26}"
        f" {'beyond its own delay':26}  first told by (its own delay)"
    )
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for lines in pool.map(_group, GROUPS):
            yield from lines
    beside = {rule for profile in PROFILES for rule in in_force(profile)}
    yield (
        "Without: SMS to each in the same hours of the same fridges where nothing fails. In force"
        f" beside each profile: {', '.join(sorted(beside))}."
    )


def _still() -> Iterator[str]:
    _say("fridges that stand still")
    yield (
        f"An ice-lined fridge that stands still, {STILL_DAYS} days under {STILL_PROFILE}: SMS to each"
        " that its living probe is stuck"
    )
    yield f"{'walls W/K':>9} {'noise K':>7} {'door':6} {'still':>6} {'stuck':>5} {'other':>5}"
    for made in all_stood(SEED):
        door = "in use" if made.used else "shut"
        yield (
            f"{made.wall_w_k:9} {made.noise_c:7} {door:6} {_time(made.still_ms):>6} {made.cried:5}"
            f" {made.other:5}"
        )


def _group(group: str) -> list[str]:
    """Return the lines of one kind of failure; runs in a process of its own."""
    found: dict[str, list[tuple[Case, Found | None]]] = {profile: [] for profile in PROFILES}
    noise = dict.fromkeys(PROFILES, 0)
    for case in cases(group, EACH, SEED):
        for profile in PROFILES:
            noise[profile] += len(without(case, profile))
        for profile in PROFILES:
            found[profile].append((case, detected(case, profile)))
    return [_line(group, profile, told, noise[profile]) for profile, told in found.items()]


def _line(group: str, profile: str, told: list[tuple[Case, Found | None]], noise: int) -> str:
    found = [one for _, one in told if one is not None]
    line = f"{group:20} {profile:8} {len(found):3}/{len(told):<3} {noise:7}"
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
