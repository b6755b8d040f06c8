"""Which samples become records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import Rule, Watch
from firmware_agent.recording import Bounds, Recorder
from sensors.contract import Sample
from tests.firmware_agent.worlds import SERIES, watch

EVERY = 10_000
QUALITIES = ("ok", "suspect:stuck", "rejected:crc")

samples = st.builds(
    lambda value, quality: Sample(None if quality == "rejected:crc" else value, quality),
    st.sampled_from([1_999, 2_000, 2_001, 5_000, 7_999, 8_000, 8_001]),
    st.sampled_from(QUALITIES),
)


def recorded(of: Watch, taken: list[tuple[int, Sample]]) -> list[bool]:
    """Return for each sample whether it was recorded."""
    recorder = Recorder(of, EVERY)
    return [recorder.wanted(sample, mono) for mono, sample in taken]


def test_bounds_are_the_narrowest_of_storage_range_and_rules() -> None:
    """A limit that is outside already (`at_or_above`) counts as one thousandth lower."""
    assert Bounds(2_001, 7_999) == Bounds.of(watch())
    only_storage = Watch(SERIES, 60_000, 180_000, (2_000, 8_000), decides=True, rules=())
    assert Bounds(2_000, 8_000) == Bounds.of(only_storage)
    silent = Watch(SERIES, 60_000, 180_000, None, decides=False, rules=(Rule("a/b", "silence", 1),))
    assert Bounds(None, None) == Bounds.of(silent)


@given(st.lists(samples, max_size=60))
def test_what_could_matter_is_recorded_and_nothing_else_between_the_minutes(
    given_samples: list[Sample],
) -> None:
    """Against a plain reading of the design, over samples exactly on their times."""
    taken = [(1_000 + i * EVERY, sample) for i, sample in enumerate(given_samples)]

    expected = []
    for i, sample in enumerate(given_samples):
        valid_before = [item.value for item in given_samples[:i] if item.value is not None]
        back = bool(valid_before) and not 2_001 <= valid_before[-1] <= 7_999
        reasons = [
            i % 6 == 0,
            i == 0 or sample.quality != given_samples[i - 1].quality,
            sample.value is not None and not 2_001 <= sample.value <= 7_999,
            sample.value is not None and back,
        ]
        expected.append(any(reasons))

    assert expected == recorded(watch(), taken)


@given(st.lists(st.tuples(st.integers(-4_000, 4_000), st.booleans()), max_size=80))
def test_late_and_missing_samples_never_leave_an_interval_unrecorded(
    steps: list[tuple[int, bool]],
) -> None:
    """What is not recorded has a record less than one interval before it, however times jitter."""
    taken = [
        (100_000 + i * EVERY + jitter, Sample(5_000))
        for i, (jitter, missing) in enumerate(steps)
        if not missing
    ]
    last = None
    for (mono, _), kept in zip(taken, recorded(watch(), taken), strict=True):
        if kept:
            last = mono
        else:
            assert last is not None
            assert mono - last < 60_000


@given(st.lists(st.integers(-2_000, 2_000), min_size=100, max_size=100))
def test_jitter_does_not_change_how_much_is_recorded(jitter: list[int]) -> None:
    """The recording slots keep to their grid: 100 samples of 10 s are 17 records, give or take one."""
    taken = [(100_000 + i * EVERY + j, Sample(5_000)) for i, j in enumerate(jitter)]
    assert abs(17 - sum(recorded(watch(), taken))) <= 1


def test_a_switch_is_recorded_at_every_change() -> None:
    """A door that opens between two minutes is recorded when it opens and when it closes."""
    door = Watch("fridge-1/door/open", 60_000, 180_000, None, decides=False, rules=())
    taken = [(i * EVERY, Sample(value)) for i, value in enumerate([0, 0, 1_000, 1_000, 0, 0, 0])]
    assert [True, False, True, False, True, False, True] == recorded(door, taken)


def test_a_recording_interval_of_one_sample_records_all() -> None:
    """`record_every` equal to `every` leaves nothing out."""
    fast = Watch(SERIES, EVERY, 3 * EVERY, None, decides=False, rules=())
    assert all(recorded(fast, [(i * EVERY, Sample(5_000)) for i in range(50)]))
