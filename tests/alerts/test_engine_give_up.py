"""A probe of which a person says that it is dead or lost: what is open closes, and unknown follows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.engine import StreamEngine
from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, STREAM, Story, brief, minute_of
from tests.alerts.streams import Case, cases, take

SHELF = "fridge-1/shelf/temperature"
WARM = Rule("t/warm", "consecutive", 10 * MINUTE, above=8_000)
INSTANT = Rule("t/instant", "instant", 0, above=8_000)
FREEZE = Rule("t/sum", "cumulative", 12 * MINUTE, at_or_below=-500, window_ms=600 * MINUTE)
STUCK = Rule("t/stuck", "stuck", 60 * MINUTE)
WARMING = Rule("t/warming", "rate", 5 * MINUTE, above=100)
SILENCE = Rule("t/silence", "silence", 15 * MINUTE)


def test_it_ends_where_its_last_reading_ceased_to_hold() -> None:
    """Warm from 0 to 14, then nothing: one interval more is certain, and nothing behind that."""
    story = Story(WARM)
    story.hold(0, 14, 9)
    assert story.engine.unheard_ms(CENTER) == 0
    story.read(40, 5, series=SHELF)
    assert story.engine.unheard_ms(CENTER) == 26 * MINUTE

    (closed,) = story.engine.give_up(CENTER)

    assert (closed.happening, closed.reason) == ("closed", "probe-lost")
    assert (minute_of(closed.start), minute_of(closed.end)) == (0, 15)
    assert (closed.held_ms, closed.unknown_ms) == (15 * MINUTE, 0)
    assert (closed.extreme, closed.value) == (9_000, 9_000)
    assert story.engine.open_excursions() == []
    assert story.engine.threads() == frozenset()
    assert story.engine.unheard_ms(CENTER) is None


def test_a_second_time_closes_nothing() -> None:
    """Nor does it in a series in which nothing was open."""
    story = Story(WARM)
    assert story.engine.give_up(CENTER) == []
    story.hold(0, 14, 9)
    story.engine.give_up(CENTER)

    assert story.engine.give_up(CENTER) == []


def test_what_it_says_after_all_is_another_excursion() -> None:
    """The probe was not dead: as warm as before, it needs its ten minutes anew, in a new thread."""
    story = Story(WARM)
    (first,) = story.hold(0, 14, 9)
    story.engine.give_up(CENTER)

    assert story.hold(60, 69, 9) == []
    (second,) = story.read(70, 9)
    assert (second.happening, minute_of(second.start)) == ("opened", 60)
    assert second.id != first.id
    assert second.thread == second.id


def test_what_had_not_opened_goes_on() -> None:
    """Nine minutes of warmth are forgotten by nobody: unknown time behind them may complete them."""
    story = Story(WARM)
    story.hold(0, 8, 9)
    assert story.engine.give_up(CENTER) == []

    (opened,) = story.read(30, 9)
    assert (opened.certainty, minute_of(opened.start)) == ("possible", 0)


def test_a_recovery_is_awaited_no_more() -> None:
    """Five minutes inside, and then it died: that it has recovered will never be known."""
    story = Story(WARM)
    story.hold(0, 14, 9)
    story.hold(15, 20, 5)
    assert story.engine.threads()

    assert story.engine.give_up(CENTER) == []
    assert story.engine.threads() == frozenset()
    assert story.hold(60, 90, 5) == []


def test_a_window_is_credited_its_last_interval_and_begins_anew() -> None:
    """Thirteen minutes of frost open it; a day's window does not reopen it by what was told already."""
    story = Story(FREEZE)
    story.hold(0, 12, -1)

    (closed,) = story.engine.give_up(CENTER)
    assert (closed.reason, closed.held_ms) == ("probe-lost", 13 * MINUTE)
    assert minute_of(closed.end) == 13

    assert story.hold(60, 71, -1) == []
    (opened,) = story.read(72, -1)
    assert (opened.happening, minute_of(opened.start)) == ("opened", 60)
    assert minute_of(opened.opened) == 72


def test_what_the_last_interval_completes_opens_before_it_closes() -> None:
    """Eleven minutes of frost and the device cut off: the twelfth is certain, and twelve are D."""
    story = Story(FREEZE)
    assert story.hold(0, 11, -1) == []

    opened, closed = story.engine.give_up(CENTER)
    assert [(each.happening, each.id) for each in (opened, closed)] == [
        ("opened", closed.id), ("closed", opened.id),
    ]  # fmt: skip
    assert (minute_of(opened.opened), minute_of(closed.end)) == (12, 12)
    assert (opened.seq, closed.seq) == (story.seq, story.seq)


def test_a_window_that_had_not_opened_is_kept() -> None:
    """Five minutes of frost count in it afterwards as they did before."""
    story = Story(FREEZE)
    story.hold(0, 4, -1)
    assert story.engine.give_up(CENTER) == []

    (opened,) = story.hold(60, 67, -1)
    assert minute_of(opened.start) == 0


def test_every_rule_that_is_open_on_it_closes() -> None:
    """Both are said, in the order of the rules."""
    story = Story(INSTANT, WARM)
    story.hold(0, 14, 9)

    assert brief(story.engine.give_up(CENTER)) == [
        ("closed", "instant", "above"), ("closed", "warm", "above"),
    ]  # fmt: skip


def test_a_rate_ends_where_it_was_known_last() -> None:
    """Readings behind a hole, too few for a rate, prolong nothing."""
    story = Story(WARMING)
    for minute in range(20):
        story.read(minute, 3 + minute / 5)
    assert story.told() == [("warming", "above")]
    story.read(40, 7)

    (closed,) = story.engine.give_up(CENTER)
    assert minute_of(closed.end) == 20


def test_a_silence_stays_open() -> None:
    """It is true, and goes on until the probe speaks or is taken out of the settings."""
    story = Story(WARM, SILENCE)
    story.hold(0, 14, 9)
    story.read(40, 5, series=SHELF)
    assert story.told() == [("warm", "above"), ("silence", "silent")]

    assert brief(story.engine.give_up(CENTER)) == [("closed", "warm", "above")]
    assert [each.rule.kind for each in story.engine.open_excursions()] == ["silence"]
    assert brief(story.read(60, 5)) == [("closed", "silence", "silent")]


def test_the_same_value_after_all_is_not_the_same_run() -> None:
    """A probe that was stuck, was lost, and comes back with that value has an hour again."""
    story = Story(STUCK)
    (first,) = story.hold(0, 70, 5)
    (closed,) = story.engine.give_up(CENTER)
    assert (closed.id, minute_of(closed.end)) == (first.id, 71)

    assert story.hold(200, 259, 5) == []
    (second,) = story.read(260, 5)
    assert (minute_of(second.start), second.id == first.id) == (200, False)


def pair(story: Story) -> None:
    """Let the shelf's probe be compared with the center's, in its rules."""
    apart = Rule("t/apart", "disagreement", 10 * MINUTE, apart=2_000, other=CENTER)
    shelf = replace(story.watch, series=SHELF, rules=(apart,))
    story.settings(0, {CENTER: story.watch, SHELF: shelf})


@pytest.mark.parametrize("lost", [CENTER, SHELF])
def test_a_disagreement_ends_with_either_of_its_probes(lost: str) -> None:
    """Nobody knows any more how far apart the two are; new readings of both begin anew."""
    story = Story()
    pair(story)
    for minute in range(13):
        story.read(minute, 5)
        story.read(minute, 9, series=SHELF)
    assert story.told() == [("apart", "apart")]

    (closed,) = story.engine.give_up(lost)
    assert (closed.reason, closed.extreme) == ("probe-lost", 4_000)
    story.decisions.clear()
    for minute in range(60, 69):
        story.read(minute, 5)
        story.read(minute, 9, series=SHELF)
    assert story.decisions == []
    for minute in range(69, 73):
        story.read(minute, 5)
        story.read(minute, 9, series=SHELF)
    (opened,) = story.decisions
    assert (minute_of(opened.start), minute_of(opened.opened)) == (60, 70)


def test_the_rule_that_was_waiting_takes_over_with_nothing() -> None:
    """The limit was changed while it was open: the dead probe's last value begins no run under it."""
    story = Story(WARM)
    story.hold(0, 14, 9)
    stricter = replace(WARM, above=7_000)
    story.settings(14.5, {CENTER: replace(story.watch, rules=(stricter,))})

    (closed,) = story.engine.give_up(CENTER)
    assert closed.rule == WARM
    assert story.hold(16, 25, 7.5) == []
    (opened,) = story.read(26, 7.5)
    assert (opened.rule, minute_of(opened.start)) == (stricter, 16)


def test_a_rule_that_was_taken_out_is_gone() -> None:
    """It stayed only for the excursion that was open."""
    story = Story(WARM)
    story.hold(0, 14, 9)
    story.settings(14.5, {CENTER: replace(story.watch, rules=())})

    assert len(story.engine.give_up(CENTER)) == 1
    assert story.engine.dump_state()["series"][CENTER].get("machines") is None
    assert story.hold(16, 60, 9) == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.data())
def test_every_excursion_is_one_and_a_restart_changes_nothing(
    case: Case, data: st.DataObject
) -> None:
    """Given up anywhere: no id opens or closes twice, and nothing is open but silences."""
    engine, again = StreamEngine(STREAM), StreamEngine(STREAM)
    where = data.draw(st.integers(0, len(case.records)))
    name = data.draw(st.sampled_from(sorted(case.watches)))
    happened: list[tuple[str, str]] = []
    for place, record in enumerate(case.records):
        if place == where and name in engine.watches:
            closed = engine.give_up(name)
            assert closed == again.give_up(name)
            happened += [(each.happening, each.id) for each in closed]
            left = [each for each in engine.open_excursions() if each.series == name]
            assert {each.rule.kind for each in left} <= {"silence"}
        brought = take(engine, record, case)
        again = StreamEngine.load(STREAM, json.loads(json.dumps(again.dump())))
        assert brought == take(again, record, case)
        happened += [(each.happening, each.id) for each in brought if each.happening != "recovered"]

    assert len(happened) == len(set(happened))
    opened = {id_ for happening, id_ in happened if happening == "opened"}
    assert {id_ for _, id_ in happened} == opened
