"""Write docs/rules.md: every profile and rule with its source, and other systems' cases beside ours.

`python tools/rules.py` writes the page, `--check` only tells whether it is up to date. The cases lie
in ../shared/data and are not committed; without them the table that the page has is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

from alerts.decisions import Decision  # noqa: E402 - the checkout's, whatever is installed
from alerts.engine import StreamEngine  # noqa: E402
from alerts.profiles import all_names  # noqa: E402
from alerts.rules import Rule, Watch  # noqa: E402
from config.profile import ALWAYS, ProfileModel, ProfileRule, load_profile  # noqa: E402
from config.units import thousandths  # noqa: E402
from protocol.reading import UNITS, Reading, decimal  # noqa: E402

PAGE = HOUSE / "docs" / "rules.md"
CASES = HOUSE.parent / "shared" / "data" / "other-systems-excursion-cases.json"
BEGIN, END = "<!-- cases: begin -->", "<!-- cases: end -->"

HEAD = """\
# Rules

Made by `make docs` from `config/profiles/*.toml`. An asset names its profiles; each makes its own excursions. `equipment` is always
in force.

Marks: **S** read in a primary source, **S2** in a secondary one, **M** from memory, a value to confirm against the original before
anyone relies on it, **own** our own judgement. A rule that is *ours* is never reported as a standard's.

## How each kind is judged

A reading holds until the next one of its series, if that comes within `max_gap` (default three recording intervals); if not, it
holds for one interval and the rest is **unknown**: never counted as inside, never as exposure, always shown. Suspect readings are
judged as all others, rejected ones by nobody. A clock that steps makes and hides nothing, nor does a restart.

| kind | is fulfilled when | starts at | ends |
|---|---|---|---|
| consecutive | held time outside, on one side, without inside between, reaches D (exactly D counts) | the first outside reading | with the first inside reading |
| instant | one reading outside is confirmed by the next | the first outside reading | with the first inside reading |
| cumulative | held time outside within the last W reaches D | the first outside reading still in W | when the sum falls below D |
| silence | no valid reading for longer than D, on the stream's own time | the last valid reading | with the next valid reading |
| disagreement | two points of one asset, both known, are more than X apart for D | the reading that brought them apart | with the reading that brings them together |
| rate | the change over five minutes is faster than X a minute for D | the reading at which it first was | with the first reading at which it is slower |
| stuck | exactly one value for D, in at least two readings | the first of them | with the first reading of another value |

Unknown time between two outside readings (disagreement: between two stretches apart; stuck: between two equal readings) suspends the
run and does not end it. When held plus unknown time reaches D before held time alone does, the excursion is **possible**: told like a
certain one, and certain as soon as readings prove it. Unknown time is not summed in a window. Recovery is told after ten minutes known
to be inside of both limits; what opens before continues the thread. Disagreement, rate and stuck never put a batch on hold.

A disagreement is judged at the lower of two marks: as far as it is settled what each of its two series held. Both must come in one
device's stream. Two points of one asset on two devices are not compared: which of two streams is ahead would have to be part of what
is judged, and agent and hub could not decide alike.

## What a site may change

`[[assets.rules]]` in the agent's settings: the `id` of a rule below, `delay` instead of its D, its limits by their own names. A tighter
figure is free; a looser one is refused without a `reason`. Both travel in the settings record, and the hub enters them in the journal
(`settings.recorded`). What watches less strictly than before stands behind that (`settings.loosened`), with the reason as far as
somebody gave one.

## What the hub watches by itself

| what | told | source |
|---|---|---|
| lost contact | nothing from a device for `lost_contact_after` on the hub's clock | own |
| a device speaks for another | at once | own |
| calibration due | once, the morning after the certificate's last day | GSP appendix 3: each point once a year at least (S2) |
| UV lamp that cannot be put out (`relay-welded`) | at once, by night as well; over when somebody has looked into it | own: UV-C burns eyes and skin |
| UV lamp dark, or its relay line cannot be driven | by day | own |
| UV intensity under 70 uW/cm2 in a cycle | by day, until a cycle reaches it or the tube is replaced | WS/T 367-2012 annex C.6 (S2) |
| UV lamp past its rated hours (1000 unless set) | by day, until the tube is replaced; a reminder, what counts is intensity | WS/T 367-2012 annex C.6: at least 1000 h (S2) |
| weekly wipe of a UV lamp due | by day, until it is wiped | WS/T 367-2012 annex C.6 (S2) |

The intensity is no rule on its series: a lamp that is off reads nothing, so only its cycles can be judged.
"""


def page(cases: str) -> str:
    """Return the page, ``cases`` being its table of other systems' cases."""
    lines = [HEAD]
    for name in all_names():
        lines += _profile(name, load_profile(name))
    lines += ["## Other systems' cases beside ours\n", CASES_HEAD, BEGIN, cases, END]
    return "\n".join(lines) + "\n"


def _profile(name: str, profile: ProfileModel) -> Iterator[str]:
    always = ", always in force" if name == ALWAYS else ", beside another" if profile.beside else ""
    yield f"## Profile `{name}`{always}\n"
    yield f"{profile.title.en} / {profile.title.zh}"
    if profile.storage is not None:
        low, high = (decimal(end) for end in profile.storage)
        yield f"\nStorage range {low} to {high} degC, both ends inside."
    yield "\n| rule | quantity | fulfilled by | holds batches | tells | source | mark |"
    yield "|---|---|---|---|---|---|---|"
    for rule in profile.rules:
        ours = " *ours*" if rule.ours else ""
        source = f"{rule.source.en}<br>{rule.source.zh}"
        yield (
            f"| `{name}/{rule.name}` {rule.title.en} / {rule.title.zh} | {rule.quantity} "
            f"| {rule.kind}: {figures(rule)} | {_yes(rule.holds)} | {_yes(rule.tells)} "
            f"| {source} | {rule.source.mark}{ours} |"
        )
    yield ""


def _yes(what: bool) -> str:
    return "yes" if what else "no"


def figures(rule: ProfileRule) -> str:
    """Return the figures of a rule in the words of design.md."""
    unit = UNITS.get(rule.quantity, "")
    unit = "" if unit == "0/1" else f" {unit}"
    per = " a minute" if rule.kind == "rate" else ""
    limits = [
        f"{word} {decimal(value)}{unit}{per}"
        for word, value in (
            ("below", rule.below),
            ("at or below", rule.at_or_below),
            ("above", rule.above),
            ("at or above", rule.at_or_above),
            ("apart by more than", rule.apart),
        )
        if value is not None
    ]
    text = " or ".join(limits) or {"stuck": "one value"}.get(rule.kind, "no reading")
    if rule.kind == "instant":
        return f"{text}, in two readings running"
    if rule.within is not None:
        return f"{text}, {span(rule.for_ms)} in all within {span(rule.within)}"
    return f"{text} for {span(rule.for_ms)}"


def span(ms: int) -> str:
    """Return a duration in its largest whole unit."""
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms % size == 0 and ms >= size:
            return f"{ms // size} {unit}"
    return f"{ms} ms"


# --- other systems' cases ---

CASES_HEAD = """\
Other systems print none of their conventions; these are what their own tests expect, as facts, judged by our engine. Theirs are
spelt `config: start to end` in their own time units (`t`, or minutes of the hour), ours likewise. Not every expectation is about
excursions: some ask a single function of theirs; we answer with what our engine does of the same readings.

Their limit includes (`min 8` alarms at 8.0), a config is outside from its limit to its other end, its duration counts from the
first to the **last outside reading**, and an excursion needs two readings. Ours: a reading **holds**, so time counts until the next
one. Their seconds are recorded each second here (`interval` 1 s, `max_gap` 3 s), their minutes each minute (3 min).
"""

HOLDS = (
    "a reading holds until the next one: the time up to the reading inside is outside as well, and one "
    "outside reading is enough where it holds for D"
)
LAST = "the end is the first inside reading and not the last outside one, so it has lasted longer"
# Why ours differs, for the cases in which it does.
WHY: Mapping[str, str] = {
    "cc-run-broken-by-in-range": HOLDS,
    "cc-one-in-range-in-run": HOLDS,
    "ts-sample": LAST,
}


def cases_table(document: Mapping[str, Any]) -> str:
    """Return the table of the cases, each with our answer as the engine gives it."""
    lines = ["| case | family | theirs | ours | why |", "|---|---|---|---|---|"]
    whole: Mapping[str, Any] = {}
    for case in document["cases"]:
        # One case asks of the readings of the one before it.
        whole = case if isinstance(case["readings"], list) else whole
        theirs, ours = _theirs(case["expected"]), _ours(case, whole)
        why = "the same" if theirs == ours else WHY[case["id"]]
        lines.append(f"| {case['id']} | {case['family']} | {theirs} | {ours} | {why} |")
    return "\n".join(lines)


def _theirs(expected: Mapping[str, Any]) -> str:
    """Spell what another system expects as briefly as ours."""
    if "breaches" in expected:
        found = [
            (each["config"], _time(each["start"]), _time(each["end"]))
            for each in expected["breaches"]
        ]
        return _spans(found)
    if "would_create" in expected:
        return f"opens {expected.get('config', 'a')}" if expected["would_create"] else "none"
    if "open_breach_would_close" in expected:
        return "closes" if expected["open_breach_would_close"] else "goes on"
    if "reading_could_be_in_breach" in expected:
        return "outside" if expected["reading_could_be_in_breach"] else "inside"
    return f"keeps {', '.join(expected['breaches_kept'])}"


def _ours(case: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """Return what our engine makes of a case, asked as the other system asks."""
    expected, watch = case["expected"], _watch(whole)
    if "reading_could_be_in_breach" in expected:
        value = thousandths(whole["readings"][0]["c"])
        return "outside" if any(_outside(rule, value) for rule in watch.rules) else "inside"
    readings = [(_ms(each["t"]), thousandths(each["c"])) for each in whole["readings"]]
    if "open_breach_would_close" in expected:
        # Two outside readings before, so that an excursion is open when the one in question comes.
        before = [(-2_000, 10_000), (-1_000, 10_000)]
        closed = any(one.happening == "closed" for one in judged(watch, before + readings))
        return "closes" if closed else "goes on"
    found = _excursions(judged(watch, readings))
    if "would_create" in expected:
        return f"opens {', '.join(one.rule.id for one in found)}" if found else "none"
    if "breaches_kept" in expected:
        # An excursion is one thing from start to end: what overlaps the window is kept whole.
        begin, end = (_ms(each) for each in case["config"]["window"])
        kept = [one for one in found if one.start < end and (one.end is None or one.end > begin)]
        return f"keeps {', '.join(one.rule.id for one in kept)}"
    return _spans(
        [(one.rule.id, _ours_at(case, one.start), _ours_at(case, one.end)) for one in found]
    )


def _watch(case: Mapping[str, Any]) -> Watch:
    """Return how a case's readings are judged: their configs as rules of ours."""
    rules = []
    for config in case["config"]:
        # Without a duration they ask of one reading, with 0 of an open one: any D serves.
        for_ms = config.get("duration_ms") or 1_000
        if "safe_min_c" in config:
            limits: dict[str, Any] = {"below": thousandths(config["safe_min_c"])}
        elif "safe_max_c" in config:
            limits = {"above": thousandths(config["safe_max_c"])}
        else:
            limits = {"at_or_above": thousandths(config["min_c"])}
        rules.append(Rule(config["id"], "consecutive", for_ms, **limits))
    interval = 60_000 if isinstance(case["readings"][0]["t"], str) else 1_000
    return Watch(SERIES, interval, 3 * interval, None, decides=True, rules=tuple(rules))


SERIES = "fridge/center/temperature"


def judged(watch: Watch, readings: list[tuple[int, int]]) -> list[Decision]:
    """Return what the engine decides of (time, value), as of a table: the last one holds an interval."""
    engine = StreamEngine("0" * 32)
    first = readings[0][0]
    decisions = engine.feed_settings(
        seq=1, at=first, boot="b", mono_ms=0, clock="synced", watches={SERIES: watch}
    )
    for seq, (at, value) in enumerate(readings, 2):
        decisions += engine.feed(Reading(seq, SERIES, at, "b", at - first, value))
    return decisions + engine.finish()


def _excursions(decisions: list[Decision]) -> list[Decision]:
    """Return each excursion as it stood last, by its start."""
    last = {one.id: one for one in decisions if one.happening != "recovered"}
    return sorted(last.values(), key=lambda one: one.start)


def _outside(rule: Rule, value: int) -> bool:
    return (rule.high is not None and value > rule.high) or (
        rule.low is not None and value < rule.low
    )


def _ms(t: str | int) -> int:
    if isinstance(t, int):
        return t * 1_000
    return int(datetime.fromisoformat(f"{t}+00:00").timestamp() * 1_000)


def _time(t: str | int | None) -> str:
    """Spell a time of theirs: seconds as they are, of a stamp hour and minute."""
    return "still open" if t is None else str(t)[11:16] if isinstance(t, str) else str(t)


def _ours_at(case: Mapping[str, Any], at: int | None) -> str:
    stamped = isinstance(case["readings"][0]["t"], str)
    if at is None or not stamped:
        return _time(None if at is None else at // 1_000)
    return f"{datetime.fromtimestamp(at / 1_000, UTC):%H:%M}"


def _spans(found: list[tuple[str, str, str]]) -> str:
    return "; ".join(f"{name}: {start} to {end}" for name, start, end in found) or "none"


def kept_table() -> str:
    """Return the table that the page has now; empty where it has none."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return text.partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]


def current_table() -> str:
    """Return the table as the engine gives it, or the one that is there where the cases are absent."""
    if not CASES.exists():
        return kept_table()
    return cases_table(json.loads(CASES.read_text(encoding="utf-8")))


def main() -> int:
    """Write the page, or with --check tell whether the written one is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    text = page(current_table())
    if parser.parse_args().check:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE} is not what the profiles give; write: make docs", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
