"""Records that are no readings: what settings, reboots and the end of a table do to what is under way.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerts.decisions import Decision, excursion_id
from alerts.engine import StreamEngine, Thread
from alerts.profiles import rules_for
from alerts.rules import Rule, Watch
from protocol.reading import Reading
from tests.alerts.pairs import Pair
from tests.alerts.story import CENTER, MINUTE, START, STREAM, Story, brief, minute_of

UPPER = "fridge-1/upper/temperature"
DOOR = "fridge-1/door/open"
WARM = Rule("t/warm", "consecutive", 10 * MINUTE, above=8_000)
STUCK = Rule("t/stuck", "stuck", 60 * MINUTE)
*_, SILENCE = rules_for("who-pqs", "temperature")


class TestClockOfSettings:
    @pytest.mark.parametrize(("clock", "told"), [("synced", "certain"), ("estimated", "possible")])
    @pytest.mark.parametrize("boot", ["b", "c"])
    def test_settings_beside_a_reboot_tell_whether_the_clock_is_known(
        self, boot: str, clock: str, told: str
    ) -> None:
        """They may be the last record before it or the first behind it; a guessed time is unknown."""
        story = Story(WARM)
        story.hold(0, 8, 9)
        story.seq += 1
        story.engine.feed_settings(
            seq=story.seq,
            at=START + 9 * MINUTE,
            boot=boot,
            mono_ms=9 * MINUTE,
            clock=clock,
            watches={CENTER: story.watch},
        )
        (opened,) = story.boot("d", 10.5, 9)

        assert opened.certainty == told

    def test_settings_take_no_time(self) -> None:
        """They stand at the instant of the record before them: what is in time stays in time."""
        story = Story(SILENCE)
        story.read(1, 5)
        story.settings(1, {CENTER: story.watch})
        story.settings(1, {CENTER: story.watch})

        assert story.read(16, 5) == []

    def test_settings_that_show_how_late_it_is_are_the_evidence(self) -> None:
        """A series has been silent for an hour; the record that says so by its time is named."""
        story = Story(SILENCE)
        story.read(1, 5)
        (opened,) = story.settings(61, {CENTER: story.watch})

        assert brief([opened]) == [("opened", "silence", "silent")]
        assert (opened.seq, opened.value, minute_of(opened.opened)) == (story.seq, None, 16)


class TestRulesThatGo:
    def test_an_open_excursion_runs_to_its_end_though_its_rule_is_gone(self) -> None:
        """It closes with the first reading inside; then nothing judges any more."""
        story = Story(WARM)
        story.hold(0, 11, 9)
        assert story.settings(11.5, {CENTER: replace(story.watch, rules=())}) == []
        assert story.hold(12, 20, 9) == []

        assert brief(story.read(21, 5)) == [("closed", "warm", "above")]
        assert story.hold(22, 60, 9) == []
        assert story.engine.threads() == frozenset()

    def test_so_does_a_disagreement_while_the_other_point_is_there(self) -> None:
        """Only where that one goes as well there is nothing to compare with."""
        story = Pair()
        story.both(0, 60, 5, 12)
        assert story.judge_by(60.5) == []
        story.both(61, 70, 5, 12)

        (closed,) = story.both(71, 72, 5, 6)
        assert (closed.reason, minute_of(closed.end)) == ("points-agree-again", 71)

    def test_a_silence_that_nobody_watches_for_is_over(self) -> None:
        """It would stay open for as long as the probe is dead."""
        story = Story(SILENCE)
        story.read(1, 5)
        story.read(30, 0, series=DOOR)
        (closed,) = story.settings(31, {CENTER: replace(story.watch, rules=())})

        assert (closed.reason, closed.seq, minute_of(closed.end)) == ("rule-changed", story.seq, 31)

    def test_where_nothing_is_watched_readings_bring_nothing(self) -> None:
        """A device that has no settings yet, and one whose last series has gone."""
        story = Story(WARM)
        story.settings(1, {})

        assert story.read(2, 9) == []
        assert StreamEngine(STREAM).feed(Reading(1, CENTER, START, "b", 0, 9_000)) == []


class TestRecordsOfTheWire:
    def test_a_hub_that_gets_bodies_decides_as_the_agent_does_on_readings(self) -> None:
        """Kinds, values, qualities and clocks are read as they are written; nothing else is judged."""
        story = Story(WARM)
        at = [START + minute * MINUTE for minute in range(12)]
        records: list[Reading | dict[str, Any]] = [
            self.settings(1, START, "b", 0, "synced", story.watch),
            {"kind": "of-a-later-version"},
            *(Reading(2 + m, CENTER, at[m], "b", m * MINUTE, 9_000) for m in range(8)),
            # Neither of these two is judged; a suspect one is.
            Reading(10, CENTER, at[8], "b", 8 * MINUTE, 5_000, "rejected:crc"),
            Reading(11, CENTER, at[8], "b", 8 * MINUTE, None, "rejected:no-answer"),
            Reading(12, CENTER, at[8], "b", 8 * MINUTE, 9_500, "suspect:stuck"),
            # Two minutes and a half by a clock that is guessed.
            self.settings(13, at[10], "c", 7, "estimated", story.watch),
            Reading(14, CENTER, at[10] + MINUTE // 2, "c", 7 + MINUTE // 2, 9_000),
        ]
        agent, hub = StreamEngine(STREAM), StreamEngine(STREAM)
        for record in records:
            brought = self.agent_takes(agent, record, story.watch)
            body = record.body() if isinstance(record, Reading) else record
            assert hub.feed_record(body) == brought
            assert hub.dump() == agent.dump()

        (opened,) = brought
        assert (opened.certainty, opened.unknown_ms) == ("possible", MINUTE)

    def settings(
        self, seq: int, at: int, boot: str, mono_ms: int, clock: str, watch: Watch
    ) -> dict[str, Any]:
        """Spell a settings record."""
        fields = {"seq": seq, "at": at, "boot": boot, "mono_ms": mono_ms, "clock": clock}
        return {"kind": "settings", "version": "0" * 16, "series": {CENTER: watch.body()}} | fields

    def agent_takes(
        self, agent: StreamEngine, record: Reading | dict[str, Any], watch: Watch
    ) -> list[Decision]:
        """Feed an engine as an agent does, which has no bodies."""
        if isinstance(record, Reading):
            return agent.feed(record)
        if record["kind"] != "settings":
            return []
        names = ("seq", "at", "boot", "mono_ms", "clock")
        return agent.feed_settings(
            **{name: record[name] for name in names}, watches={CENTER: watch}
        )


class TestReboots:
    def test_a_clock_that_stood_still_is_known_and_one_that_went_back_takes_no_time(self) -> None:
        """Off for less than the clock shows is no doubt; going back is one, and no time passes."""
        story = Story(SILENCE)
        story.read(1, 5)
        story.boot("c", 1, 5)
        story.boot("d", 0.5, 5)
        assert story.engine.feed(Reading(9, CENTER, START + 930_000, "d", 930_007, 5_000)) == []

        warm = Story(WARM)
        warm.hold(0, 8, 9)
        warm.boot("c", 8, 9)
        assert [d.certainty for d in warm.boot("c", 10.5, 9)] == ["certain"]

    def test_each_doubtful_reboot_is_a_doubt(self) -> None:
        """Behind the second one as well nobody knows how long it was off."""
        story = Story(WARM)
        story.boot("c", 1, 5, "estimated")
        for minute in range(2, 10):
            story.boot("c", minute, 9, "estimated")
        (opened,) = story.boot("d", 12, 9, "estimated")

        assert (opened.certainty, opened.unknown_ms) == ("possible", 2 * MINUTE)

    def test_a_probe_that_shows_the_same_behind_a_doubtful_reboot_is_possibly_stuck(self) -> None:
        """How long it was off is not known: the hour is made of unknown time too."""
        story = Story(STUCK)
        story.hold(0, 20, 5)
        for minute in range(23, 60):
            assert story.boot("c", minute, 5, "estimated") == []
        (opened,) = story.boot("c", 60, 5, "estimated")

        assert (opened.certainty, opened.unknown_ms) == ("possible", 2 * MINUTE)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 60)


def test_settings_behind_a_restart_are_judged_under_the_stream_s_name() -> None:
    """Agent and hub know an excursion by a hash of it, whichever of them has been restarted."""
    story = Story()
    story.engine = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))
    story.settings(0, {CENTER: replace(story.watch, rules=(WARM,))})
    story.hold(0, 10, 9)

    (opened,) = story.decisions
    assert opened.stream == STREAM
    assert opened.id == excursion_id(STREAM, CENTER, "t/warm", opened.first_seq)


class TestEndOfATable:
    def test_the_last_reading_is_the_evidence(self) -> None:
        """finish() opens what its one interval fulfils, and names it; its value holds on."""
        story = Story(WARM)
        story.hold(0, 9, 9)
        (opened,) = story.engine.finish()

        assert (opened.seq, opened.value) == (story.seq, None)
        assert minute_of(opened.opened) == 10

    def test_every_rule_has_its_say(self) -> None:
        """Two rules are fulfilled by the last interval, and both are told."""
        story = Story(WARM, replace(WARM, id="t/warmer", above=8_500))
        story.hold(0, 9, 9)

        assert [d.rule.id for d in story.engine.finish()] == ["t/warm", "t/warmer"]

    def test_a_silence_is_none_where_the_table_ends(self) -> None:
        """Behind its last reading nothing is known, and nothing is silent."""
        story = Story(replace(SILENCE, for_ms=1))
        story.read(0, 5)

        assert story.engine.finish() == []


def test_threads_say_what_is_not_over_and_what_it_is_about() -> None:
    """Open or not recovered: series, rule, side and the id under which people know it."""
    story = Story(WARM, series=CENTER)
    both = {CENTER: story.watch, UPPER: replace(story.watch, series=UPPER)}
    story.settings(0, both)
    assert story.engine.threads() == frozenset()

    story.hold(0, 11, 9)
    (opened,) = story.decisions
    known = {Thread(opened.id, CENTER, "t/warm", "above")}
    assert story.engine.threads() == known
    story.hold(12, 21, 5)
    assert story.engine.threads() == known
    story.read(22, 5)
    assert story.engine.threads() == frozenset()
