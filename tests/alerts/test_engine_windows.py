"""Sums over a moving window: what belongs to them, when they are over, and what is kept of them.

Each of these turned a mutant red that all other tests let live (docs/mutation.md).
"""

from __future__ import annotations

from dataclasses import replace

from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, Story, brief, minute_of

COLD = Rule("t/sum", "cumulative", 12 * MINUTE, below=2_000, window_ms=60 * MINUTE)
# Its window is hardly longer than D: the sum falls soon after the cold has ended.
SHORT = Rule("t/sum", "cumulative", 12 * MINUTE, below=2_000, window_ms=13 * MINUTE)
FULL = Rule("t/sum", "cumulative", 5 * MINUTE, below=2_000, window_ms=5 * MINUTE)


def kept(story: Story) -> object:
    """Return what a saved state holds of the rule; None where nothing is under way."""
    machines = story.engine.dump_state()["series"][CENTER].get("machines", {})
    return machines.get("t/sum:below")


class TestWhatBelongsToIt:
    def test_the_limit_itself_is_inside(self) -> None:
        """Below 2 degC is summed; exactly 2 degC is storage, however long, behind a cold minute too."""
        story = Story(COLD)
        story.read(0, 1)

        assert story.hold(1, 30, 2) == []
        assert story.engine.finish() == []

    def test_a_cold_reading_replaced_at_once_by_a_colder_one_is_its_start(self) -> None:
        """Two readings of one instant, both too cold: the first of them was the first outside."""
        story = Story(FULL)
        first = story.seq + 1
        story.read(0, -3)
        (opened,) = story.hold(0, 5, -4)

        assert opened.first_seq == first
        assert opened.extreme == -4_000

    def test_a_shorter_d_that_is_full_already_opens_at_the_last_reading(self) -> None:
        """Eight minutes are in the window when D becomes five; the door's record shows it at once."""
        story = Story(COLD)
        story.hold(0, 8, 1)
        story.settings(8, {CENTER: replace(story.watch, rules=(replace(COLD, for_ms=5 * MINUTE),))})

        (opened,) = story.read(8.5, 0, series="fridge-1/door/open")
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 8)
        assert opened.held_ms == 8 * MINUTE


class TestWhenItIsOver:
    def test_ten_minutes_inside_are_told_behind_its_end(self) -> None:
        """The sum has fallen after a minute; that all is well takes ten."""
        story = Story(SHORT)
        story.hold(0, 12, 1)
        story.hold(13, 22, 5)
        assert story.told("closed") == [("sum", "below")]
        assert story.told("recovered") == []

        assert brief(story.read(23, 5)) == [("recovered", "sum", "below")]

    def test_it_ends_where_the_sum_falls_though_no_reading_came_then(self) -> None:
        """The reading behind that minute shows it, and the end is the minute itself."""
        story = Story(COLD)
        story.hold(0, 13, 1)
        story.hold(14, 61.5, 5, step=2.5)
        assert story.told("closed") == []

        closed, _ = story.read(63.5, 5)
        assert minute_of(closed.end) == 62


class TestWhatIsKept:
    def test_a_long_freeze_is_kept_as_one_block(self) -> None:
        """A saved state does not grow with every reading of it."""
        story = Story(COLD)
        story.hold(0, 5, 1)
        short = len(str(kept(story)))
        story.hold(6, 11, 1)

        assert len(str(kept(story))) <= short + 3

    def test_what_has_left_the_window_is_forgotten(self) -> None:
        """Five cold minutes are nothing an hour after their end, and until then they are kept."""
        story = Story(COLD)
        story.hold(0, 4, 1)
        story.hold(5, 64, 5)
        assert kept(story) is not None

        story.read(65, 5)
        assert kept(story) is None
