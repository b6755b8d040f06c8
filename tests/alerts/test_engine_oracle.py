from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.rules import Kind, Watch
from protocol.reading import Reading
from tests.alerts.facts import facts_of
from tests.alerts.oracle import Oracle
from tests.alerts.streams import TICK, Case, cases, changes, take
from tests.alerts.timeline import Settings

STREAM = "5" * 32

proof = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def judged(case: Case) -> list[Decision]:
    """Return the engine's decisions on a whole case."""
    engine = StreamEngine(STREAM)
    return [decision for record in case.records for decision in take(engine, record, case)]


@proof
@given(cases())
def test_engine_equals_brute_force(case: Case) -> None:
    """Every excursion that the brute force finds is decided once, with its times, and no other."""
    expected = Oracle(STREAM, case.records, case.watches, TICK).facts()

    assert expected == facts_of(judged(case))


@pytest.mark.parametrize("kind", ["disagreement", "rate", "stuck"])
@settings(proof, max_examples=120)
@given(st.data())
def test_what_doubts_a_probe_equals_brute_force(kind: Kind, data: st.DataObject) -> None:
    """Each kind that compares readings with one another, on streams that have nothing else."""
    case = data.draw(cases([kind]))
    expected = Oracle(STREAM, case.records, case.watches, TICK).facts()

    assert expected == facts_of(judged(case))


@proof
@given(cases())
def test_end_of_a_table_credits_one_interval_to_the_last_reading(case: Case) -> None:
    """finish() opens what the last reading's one interval fulfils, and closes nothing."""
    engine = StreamEngine(STREAM)
    decisions = [decision for record in case.records for decision in take(engine, record, case)]
    last = engine.finish()
    expected = Oracle(STREAM, case.records, case.watches, TICK, finished=True).facts()

    assert expected == facts_of(decisions + last)
    assert {decision.happening for decision in last} <= {"opened", "confirmed"}


@proof
@given(cases())
def test_state_saved_and_loaded_between_any_two_records_decides_the_same(case: Case) -> None:
    """A restart at every point, the state through JSON, changes no decision and no order."""
    engine, again = StreamEngine(STREAM), StreamEngine(STREAM)
    for record in case.records:
        again = StreamEngine.load(STREAM, json.loads(json.dumps(again.dump())))

        assert take(engine, record, case) == take(again, record, case)
    again = StreamEngine.load(STREAM, json.loads(json.dumps(again.dump())))
    assert engine.open_excursions() == again.open_excursions()
    assert engine.finish() == again.finish()


@proof
@given(cases(), st.data())
def test_agent_and_hub_decide_the_same_in_different_batches(
    case: Case, data: st.DataObject
) -> None:
    """An agent that judges each reading at once equals a hub that loads its state for each message."""
    agent = judged(case)
    hub: list[Decision] = []
    saved = StreamEngine(STREAM).dump()
    rest = list(case.records)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        message, rest = rest[:size], rest[size:]
        engine = StreamEngine.load(STREAM, json.loads(json.dumps(saved)))
        for record in message:
            hub += engine.feed_record(as_body(record, case))
        saved = engine.dump()

    assert agent == hub


def as_body(record: Settings | Reading, case: Case) -> dict[str, object]:
    """Spell a record as the wire does."""
    if isinstance(record, Reading):
        return record.body()
    return {
        "kind": "settings",
        "seq": record.seq,
        "at": record.at,
        "boot": record.boot,
        "mono_ms": record.mono_ms,
        "clock": record.clock,
        "version": "0" * 16,
        "series": {name: watch.body() for name, watch in case.watches.items()},
    }


@proof
@given(cases(), st.data())
def test_the_same_settings_again_change_nothing(case: Case, data: st.DataObject) -> None:
    """A settings record that repeats the rules in force decides nothing and loses nothing."""
    at = data.draw(st.integers(0, len(case.records)))
    engine, repeated = StreamEngine(STREAM), StreamEngine(STREAM)
    expected: list[Decision] = []
    got: list[Decision] = []
    for number, record in enumerate(case.records):
        expected += take(engine, record, case)
        got += take(repeated, record, case)
        if number == at and repeated.watches:
            before = record
            again = Settings(before.seq, before.at, before.boot, before.mono_ms, before.clock)
            got += take(repeated, again, case)

    assert expected == got


@proof
@given(cases())
def test_every_opening_has_its_own_id_and_its_own_end(case: Case) -> None:
    """No id opens twice; nothing closes, is confirmed or recovers that had not opened."""
    opened: dict[str, Decision] = {}
    closed: set[str] = set()
    for decision in judged(case):
        if decision.happening == "opened":
            assert decision.id not in opened
            opened[decision.id] = decision
            assert decision.thread in opened
        elif decision.happening == "recovered":
            assert decision.thread in opened
        else:
            assert decision.id in opened
            assert decision.id not in closed
            if decision.happening == "closed":
                closed.add(decision.id)
                assert (decision.start, decision.opened) == (
                    opened[decision.id].start,
                    opened[decision.id].opened,
                )


@proof
@given(changes())
def test_changes_of_settings_survive_a_restart_at_every_point(
    drawn: tuple[Case, dict[int, dict[str, Watch]]],
) -> None:
    """Rules that change while something is under way decide the same with and without restarts."""
    case, changed = drawn
    engine, again = StreamEngine(STREAM), StreamEngine(STREAM)
    open_ones: dict[str, Decision] = {}
    for number, record in enumerate(case.records):
        steps = [(record, case)]
        if number in changed:
            last = Settings(record.seq, record.at, record.boot, record.mono_ms, record.clock)
            steps.append((last, Case(changed[number], [])))
        for step, rules in steps:
            again = StreamEngine.load(STREAM, json.loads(json.dumps(again.dump())))
            brought = take(engine, step, rules)

            assert brought == take(again, step, rules)
            for decision in brought:
                if decision.happening == "opened":
                    open_ones[decision.id] = decision
                elif decision.happening == "closed":
                    # What opened under a rule ends under that rule, once.
                    assert open_ones.pop(decision.id).rule == decision.rule
    assert set(open_ones) == {decision.id for decision in engine.open_excursions()}
