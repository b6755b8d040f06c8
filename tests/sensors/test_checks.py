"""The checks between what a probe said and what is recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import registry
from sensors.checks import HOLE_MS, Checker
from sensors.contract import Limits, Range, Sample, Spec

SPEC = Spec(
    "test",
    {"temperature": Range(-55_000, 125_000, step=63), "open": Range(0, 1_000, step=1_000)},
    least_spacing_ms=750,
    may_decide=True,
    source="test",
    power_on=(85_000,),
)
MINUTE = 60_000
HOUR = 60 * MINUTE


def checker(
    plausible: tuple[int, int] | None = None, stuck: int | None = None, fast: int | None = None
) -> Checker:
    """Return the checks of a temperature with these limits and no others."""
    return Checker(SPEC, Limits(plausible, stuck, fast), "temperature")


def qualities(of: Checker, values: list[tuple[int, int]]) -> list[str]:
    """Return the quality of each (monotonic ms, value)."""
    return [of.check(Sample(value), mono).quality for mono, value in values]


class TestRejected:
    @pytest.mark.parametrize(
        ("value", "quality"),
        [
            (85_000, "rejected:power-on"),
            (84_937, "ok"),
            (85_062, "ok"),
            (-55_000, "ok"),
            (-55_001, "rejected:out-of-range"),
            (125_000, "ok"),
            (125_001, "rejected:out-of-range"),
        ],
    )
    def test_limits_are_exact(self, value: int, quality: str) -> None:
        """Exactly 85.000 is the register after power-on; the data sheet's ends are inside."""
        assert checker().check(Sample(value), 0) == Sample(value, quality)

    @pytest.mark.parametrize("reason", ["crc", "all-zero", "power-on"])
    def test_what_the_driver_rejected_stays(self, reason: str) -> None:
        """A driver's reason is more precise than any limit: 127.9 stays `power-on`."""
        said = Sample(127_937, f"rejected:{reason}")

        assert checker(plausible=(0, 10)).check(said, 0) is said

    def test_rejected_before_suspect(self) -> None:
        """A value that is out of range and implausible is out of range."""
        assert (
            checker(plausible=(0, 10)).check(Sample(200_000), 0).quality == "rejected:out-of-range"
        )

    def test_no_value_cannot_be_ok(self) -> None:
        """A driver that gives no value and calls it ok is wrong, and hears it."""
        with pytest.raises(ValueError, match="cannot be ok"):
            checker().check(Sample(None), 0)

    def test_raw_is_judged_where_calibration_moved_the_value(self) -> None:
        """The data sheet's range is about what the probe said, before calibration."""
        said = Sample(125_300, raw=124_900)

        assert checker().check(said, 0) is said

    def test_a_glitch_leaves_no_trace(self) -> None:
        """85.000 between two good values makes neither of them too fast nor ends a stuck run."""
        of = checker(stuck=20_000, fast=10_000)
        values = [(0, 5_000), (10_000, 85_000), (20_000, 5_000), (30_000, 5_000)]

        assert qualities(of, values) == ["ok", "rejected:power-on", "ok", "suspect:stuck"]


class TestImplausible:
    @pytest.mark.parametrize(
        ("value", "quality"),
        [
            (-30_000, "ok"),
            (-30_001, "suspect:implausible"),
            (50_000, "ok"),
            (50_001, "suspect:implausible"),
        ],
    )
    def test_band_is_inclusive(self, value: int, quality: str) -> None:
        """The ends of the plausible band are plausible; the value is kept."""
        assert checker(plausible=(-30_000, 50_000)).check(Sample(value), 0) == Sample(
            value, quality
        )


class TestStuck:
    def test_longer_than_and_not_at(self) -> None:
        """One value for exactly the time is not yet stuck; a moment more is."""
        of = checker(stuck=2 * MINUTE)
        values = [(0, 5_000), (MINUTE, 5_000), (2 * MINUTE, 5_000), (2 * MINUTE + 1, 5_000)]

        assert qualities(of, values) == ["ok", "ok", "ok", "suspect:stuck"]

    def test_the_least_change_ends_it(self) -> None:
        """One step of the probe is life."""
        of = checker(stuck=MINUTE)
        values = [(0, 5_000), (2 * MINUTE, 5_000), (3 * MINUTE, 5_062), (4 * MINUTE, 5_062)]

        assert qualities(of, values) == ["ok", "suspect:stuck", "ok", "ok"]

    def test_a_hole_begins_a_new_run(self) -> None:
        """Equal values with a long pause between them prove nothing, however many there are."""
        of = checker(stuck=HOUR)
        apart = [(n * (HOLE_MS + 1), 5_000) for n in range(10)]
        assert set(qualities(of, apart)) == {"ok"}

        of = checker(stuck=HOUR)
        close = [(n * HOLE_MS, 5_000) for n in range(6)]
        assert qualities(of, close) == ["ok"] * 5 + ["suspect:stuck"]

    def test_a_clock_that_goes_back_begins_a_new_run(self) -> None:
        """Monotonic time goes back only with a new boot; the run is counted from there."""
        of = checker(stuck=MINUTE)
        values = [(10 * MINUTE, 5_000), (0, 5_000), (MINUTE, 5_000), (MINUTE + 1, 5_000)]

        assert qualities(of, values) == ["ok", "ok", "ok", "suspect:stuck"]


class TestTooFast:
    def test_only_the_spike_is_suspect(self) -> None:
        """The good value after a spike is compared with the one before the spike."""
        of = checker(fast=10_000)
        values = [(0, 5_000), (10_000, 30_000), (20_000, 5_062)]

        assert qualities(of, values) == ["ok", "suspect:too-fast", "ok"]

    def test_a_true_step_becomes_believable(self) -> None:
        """A probe carried into a room 20 K warmer is believed after two minutes."""
        of = checker(fast=10_000)
        values = [(0, 5_000), *((n * 30_000, 25_000) for n in range(1, 6))]

        assert qualities(of, values) == ["ok"] + ["suspect:too-fast"] * 3 + ["ok", "ok"]

    def test_one_step_of_the_probe_is_always_allowed(self) -> None:
        """A probe read every second moves by its own step without being suspect."""
        of = checker(fast=1_000)

        assert qualities(of, [(0, 5_000), (1_000, 5_063), (2_000, 5_144)]) == [
            "ok",
            "ok",
            "suspect:too-fast",
        ]

    def test_after_a_pause_the_change_has_had_its_time(self) -> None:
        """20 K after an hour without readings is no leap."""
        assert qualities(checker(fast=10_000), [(0, 5_000), (HOUR, 25_000)]) == ["ok", "ok"]

    def test_two_values_at_one_time(self) -> None:
        """Two values at one time cannot both be right; nothing is divided by zero."""
        assert qualities(checker(fast=10_000), [(0, 5_000), (0, 9_000)]) == [
            "ok",
            "suspect:too-fast",
        ]


def test_one_quality_of_several() -> None:
    """Implausible comes before stuck, and stuck before too fast."""
    of = checker(plausible=(0, 8_000), stuck=MINUTE, fast=1_000)
    values = [(0, 5_000), (1_000, 9_000), (62_000, 9_000), (63_000, 7_900)]

    assert qualities(of, values) == ["ok"] + ["suspect:implausible"] * 2 + ["suspect:too-fast"]
    assert qualities(of, [(63_000 + MINUTE + 1, 7_900)]) == ["suspect:stuck"]


class TestSpacing:
    def test_not_sooner_than_the_probe_can(self) -> None:
        """A probe is due once its least spacing has passed since a read began."""
        of = checker()
        assert of.due(1_000)

        of.asked(1_000)

        assert not of.due(1_749)
        assert of.due(1_750)

    def test_a_new_boot_does_not_wait(self) -> None:
        """Monotonic time that went back says nothing about the last read."""
        of = checker()
        of.asked(1_000_000)

        assert of.due(500)


def test_a_quantity_that_is_not_measured() -> None:
    """A DS18B20 cannot measure a door; the message names what it can."""
    with pytest.raises(ValueError, match="ds18b20 does not measure open; it measures temperature"):
        registry.checker({"kind": "ds18b20", "id": "28-000000000001"}, "open")


def test_doors_are_never_stuck() -> None:
    """A door that stays shut for a week is a good door."""
    of = registry.checker({"kind": "simulated", "path": "/nowhere"}, "open")

    assert {of.check(Sample(0), hour * HOUR // 10).quality for hour in range(1_700)} == {"ok"}


def test_ds18b20_defaults() -> None:
    """The defaults that the README prints: 10 K a minute, 6 h, -50 to 60 degC."""
    of = registry.checker({"kind": "ds18b20", "id": "28-000000000001"}, "temperature")
    minutes = [(minute * MINUTE, 5_000) for minute in range(6 * 60 + 2)]

    assert qualities(of, minutes) == ["ok"] * 361 + ["suspect:stuck"]
    assert qualities(of, [(362 * MINUTE, 15_100)]) == ["suspect:too-fast"]
    assert qualities(of, [(400 * MINUTE, 60_001)]) == ["suspect:implausible"]


def test_settings_change_the_defaults() -> None:
    """Each check can be set or switched off; others keep the driver's default."""
    table = {
        "kind": "ds18b20",
        "id": "28-000000000001",
        "checks": {"stuck_after": "off", "plausible": [-20.0, 30.0]},
    }
    of = registry.checker(table, "temperature")
    hours = [(n * 10 * MINUTE, 5_000) for n in range(100)]

    assert set(qualities(of, hours)) == {"ok"}
    assert qualities(of, [(1_000 * MINUTE, 30_001)]) == ["suspect:implausible"]
    assert qualities(of, [(1_001 * MINUTE, 5_000)]) == ["suspect:too-fast"]


@given(
    st.lists(
        st.tuples(st.integers(0, 20 * MINUTE), st.integers(-60_000, 130_000)),
        min_size=1,
        max_size=40,
    )
)
def test_stuck_and_too_fast_against_a_plain_search(steps: list[tuple[int, int]]) -> None:
    """The state machine says what looking back over the whole history says."""
    of = checker(stuck=HOUR, fast=10_000)
    history: list[tuple[int, int, bool]] = []
    mono = 0
    for pause, coarse in steps:
        mono += pause
        value = coarse // 20_000 * 20_000  # few different values, so that runs happen
        said = of.check(Sample(value), mono).quality
        if value in SPEC.power_on or not -55_000 <= value <= 125_000:
            assert said.startswith("rejected")
            continue
        believed = [(at, was) for at, was, good in history if good]
        fast = bool(believed) and (
            (abs(value - believed[-1][1]) - 63) / 1000 > 10 * (mono - believed[-1][0]) / MINUTE
        )
        first = mono
        for at, was, _good in reversed(history):
            if was != value or first - at > HOLE_MS:
                break
            first = at
        stuck = mono - first > HOUR
        history.append((mono, value, not fast))
        assert said == ("suspect:stuck" if stuck else "suspect:too-fast" if fast else "ok")
