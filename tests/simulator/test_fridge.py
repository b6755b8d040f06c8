"""The thermal model: what physics says, and what a vaccine fridge is known to do."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.ambient import Ambient
from simulator.fridge import COMPACT, HOUSEHOLD, MODELS, Fridge, Model

HOUR = 3_600.0
kinds = pytest.mark.parametrize("model", [HOUSEHOLD, COMPACT], ids=list(MODELS))


def settled(model: Model, ambient_c: float, hours: float = 6.0) -> Fridge:
    """Return a fridge that has run undisturbed for a while."""
    fridge = Fridge(model)
    fridge.step(hours * HOUR, ambient_c, door_open=False, mains_on=True)
    return fridge


def probe(
    fridge: Fridge,
    hours: float,
    ambient_c: float,
    *,
    door_open: bool = False,
    mains_on: bool = True,
) -> Iterator[float]:
    """Yield what the probe shows after each 10 s."""
    for _step in range(int(hours * HOUR / 10)):
        fridge.step(10, ambient_c, door_open, mains_on)
        yield fridge.probe_c


def phases(model: Model, ambient_c: float) -> list[Fridge]:
    """Return copies of one fridge at twelve places of its cycle."""
    fridge = settled(model, ambient_c)
    places = []
    for _place in range(12):
        places.append(copy.copy(fridge))
        fridge.step(300, ambient_c, door_open=False, mains_on=True)
    return places


@kinds
@pytest.mark.parametrize("ambient_c", [12.0, 24.0, 38.0])
def test_holds_two_to_eight(model: Model, ambient_c: float) -> None:
    """Undisturbed, from a cold room to a hot one, the probe stays inside 2 to 8 and cycles."""
    shown = list(probe(settled(model, ambient_c), 24, ambient_c))

    assert min(shown) > 2.5
    assert max(shown) < 7.5
    assert 0.8 < max(shown) - min(shown) < 2.6


@kinds
def test_the_compressor_cycles(model: Model) -> None:
    """The compressor starts one to three times an hour at 30 degC and rests 3 min between."""
    fridge = settled(model, 30.0)
    runs: list[tuple[bool, int]] = []
    for _step in range(24 * 360):
        fridge.step(10, 30.0, door_open=False, mains_on=True)
        if runs and runs[-1][0] == fridge.running:
            runs[-1] = (fridge.running, runs[-1][1] + 10)
        else:
            runs.append((fridge.running, 10))
    on = [seconds for running, seconds in runs[1:-1] if running]
    off = [seconds for running, seconds in runs[1:-1] if not running]

    assert 24 <= len(on) <= 72
    assert min(off) >= 180
    assert 0.1 < sum(on) / (sum(on) + sum(off)) < 0.5


@kinds
def test_a_short_mains_cut_makes_the_compressor_rest(model: Model) -> None:
    """After a cut of 10 s in mid-run the compressor stands for 3 min before it starts again."""
    fridge = settled(model, 30.0)
    fridge.step(HOUR / 2, 30.0, door_open=True, mains_on=True)
    states = [fridge.running]
    for seconds, mains_on in ((10, False), (170, True), (10, True)):
        fridge.step(seconds, 30.0, door_open=True, mains_on=mains_on)
        states.append(fridge.running)

    assert states == [True, False, False, True]


def test_the_pump_never_heats() -> None:
    """Where it is too cold for the refrigerant, the compressor pumps nothing, not backwards."""
    fridge = Fridge(HOUSEHOLD, -70.0)
    fridge.drift(-100.0)
    before_j = fridge.heat_j
    fridge.step(HOUR, -70.0, door_open=False, mains_on=True)

    assert fridge.running
    assert fridge.heat_j == pytest.approx(before_j)


@kinds
def test_an_open_door_warms_the_probe(model: Model) -> None:
    """Wide open in a room of 24 degC, the probe passes 8 within 8 to 18 min, wherever it began."""
    for fridge in phases(model, 24.0):
        shown = list(probe(fridge, 0.5, 24.0, door_open=True))
        passed = next(n for n, value in enumerate(shown) if value > 8.0) / 6

        assert 8 <= passed <= 18
        assert shown[-1] > shown[0] + 2


@kinds
def test_a_closed_door_cools_again(model: Model) -> None:
    """After half an hour of open door the fridge is back below 8 within an hour."""
    fridge = settled(model, 24.0)
    assert max(probe(fridge, 0.5, 24.0, door_open=True)) > 8.0

    assert list(probe(fridge, 1.0, 24.0))[-1] < 8.0


@pytest.mark.parametrize(
    ("model", "least", "most"), [(HOUSEHOLD, 2.0, 4.5), (COMPACT, 0.8, 2.0)], ids=list(MODELS)
)
def test_a_mains_cut_takes_hours(model: Model, least: float, most: float) -> None:
    """Without mains at 24 degC the probe passes 8 after the hours that the README names."""
    for fridge in phases(model, 24.0):
        shown = list(probe(fridge, 6, 24.0, mains_on=False))
        passed = next(n for n, value in enumerate(shown) if value > 8.0) / 360

        assert least <= passed <= most


@kinds
def test_a_drifting_thermostat_freezes(model: Model) -> None:
    """A thermostat that wanders to -3 brings the probe below -0.5 within hours, and keeps it."""
    fridge = settled(model, 24.0)
    fridge.drift(-3.0, over_s=HOUR)
    shown = list(probe(fridge, 12, 24.0))
    frozen = next(n for n, value in enumerate(shown) if value <= -0.5)

    assert 0.5 <= frozen / 360 <= 4
    assert max(shown[frozen + 360 :]) < -0.5
    assert fridge.setpoint_c == pytest.approx(-3.0)


def test_a_drift_is_even() -> None:
    """Half-way through its time the thermostat is half-way; at once is at once."""
    fridge = Fridge()
    fridge.drift(-3.0, over_s=HOUR)
    fridge.step(HOUR / 2, 24.0, door_open=False, mains_on=True)
    assert fridge.setpoint_c == pytest.approx(1.0)

    fridge.drift(4.0)
    assert fridge.setpoint_c == 4.0


def test_warm_load() -> None:
    """Warm bottles warm the load as mixing does, and the fridge cools them down again."""
    fridge = settled(HOUSEHOLD, 24.0)
    before_c, before_j_k = fridge.load_c, fridge.load_j_k
    fridge.restock(15.0, 25.0)

    assert fridge.load_c == pytest.approx(
        (before_c * before_j_k + 25.0 * 62_790.0) / (before_j_k + 62_790.0)
    )
    shown = list(probe(fridge, 12, 24.0))
    warmest, hours = max((value, n / 360) for n, value in enumerate(shown))
    # The compressor fights it: warmer than the cycle's own peak for a while, then as before.
    assert 6.2 < warmest < 20.0
    assert hours < 1
    assert shown[-1] < 6.2


conditions = st.lists(
    st.tuples(st.floats(0.1, 4 * HOUR), st.floats(-30, 50), st.booleans(), st.booleans()),
    min_size=1,
    max_size=30,
)


@given(st.sampled_from([HOUSEHOLD, COMPACT]), conditions, st.floats(-20, 40))
def test_always_finite_and_between(
    model: Model, steps: list[tuple[float, float, bool, bool]], start_c: float
) -> None:
    """Whatever is done to it, no temperature is NaN nor leaves what room and compressor allow."""
    fridge = Fridge(model, start_c)
    hottest = max(start_c, *(ambient for _dt, ambient, _door, _mains in steps))
    for dt_s, ambient_c, door_open, mains_on in steps:
        fridge.step(dt_s, ambient_c, door_open, mains_on)
        for value in (fridge.evaporator_c, fridge.air_c, fridge.load_c, fridge.probe_c):
            assert math.isfinite(value)
            # The pump gives nothing below -60 degC: 1 - 0.02 x 50 = 0.
            assert -61 < value <= hottest + 1e-9


@given(st.sampled_from([HOUSEHOLD, COMPACT]), st.floats(9, 45), st.booleans())
def test_without_mains_it_warms_steadily(model: Model, ambient_c: float, door_open: bool) -> None:
    """Without mains the heat inside only grows, and never beyond the room's."""
    fridge = settled(model, ambient_c)
    room_j = ambient_c * (model.evaporator_j_k + model.air_j_k + model.load_j_k)
    heat_j = fridge.heat_j
    for _step in range(60):
        fridge.step(600, ambient_c, door_open, mains_on=False)
        assert heat_j < fridge.heat_j < room_j
        heat_j = fridge.heat_j
    assert not fridge.running


@given(st.sampled_from([HOUSEHOLD, COMPACT]), st.floats(-5, 30), st.floats(-5, 30))
def test_heat_is_kept_in_a_sealed_box(model: Model, first_c: float, room_c: float) -> None:
    """With perfect walls and no mains, no heat comes or goes, however it moves inside."""
    fridge = Fridge(
        Model(
            evaporator_j_k=model.evaporator_j_k,
            air_j_k=model.air_j_k,
            load_j_k=model.load_j_k,
            wall_w_k=0.0,
            load_wall_w_k=0.0,
        ),
        first_c,
    )
    fridge.load_c = room_c
    before_j = fridge.heat_j
    fridge.step(12 * HOUR, 99.0, door_open=False, mains_on=False)

    assert fridge.heat_j == pytest.approx(before_j, abs=0.01)
    assert fridge.air_c == pytest.approx(fridge.load_c, abs=0.2)
    assert fridge.evaporator_c == pytest.approx(fridge.air_c, abs=0.2)


def test_heat_through_the_wall_is_what_the_figures_say() -> None:
    """One step at 20 K takes in 20 K x (0.6 + 0.1) W/K x 10 s = 140 J, and open 9.4 W/K more."""
    for door_open, joules in ((False, 140.0), (True, 140.0 + 20 * 9.4 * 10)):
        fridge = Fridge(HOUSEHOLD, 5.0)
        before_j = fridge.heat_j
        fridge.step(10, 25.0, door_open, mains_on=False)

        assert fridge.heat_j - before_j == pytest.approx(joules)


def test_shorter_steps_change_little() -> None:
    """A day in steps of 1 s and in steps of 10 s differ by less than a probe's step."""
    fine, coarse = Fridge(), Fridge()
    for _hour in range(3):
        for _second in range(3_600):
            fine.step(1, 24.0, door_open=False, mains_on=False)
        coarse.step(3_600, 24.0, door_open=False, mains_on=False)

        assert fine.probe_c == pytest.approx(coarse.probe_c, abs=0.01)


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        ({"air_j_k": 0.0}, "air_j_k is 0.0; write a positive number"),
        ({"wall_w_k": -1.0}, "wall_w_k is -1.0"),
        ({"load_j_k": math.nan}, "load_j_k must be a finite number"),
        ({"air_j_k": 50.0}, "too fast for steps of 10 s"),
        ({"probe_s": 1.0}, "too fast for steps of 10 s"),
    ],
)
def test_impossible_figures(figures: dict[str, float], says: str) -> None:
    """Figures that could not be stepped stably are refused by name."""
    with pytest.raises(ValueError) as raised:
        Model(**figures)

    assert says in str(raised.value)


class TestAmbient:
    def test_warmest_in_the_afternoon(self) -> None:
        """Without weather the day swings around its mean, warmest at 15:00 of the place."""
        ambient = Ambient(mean_c=20.0, swing_c=5.0, weather_c=0.0, utc_offset_h=8.0)
        midnight_utc = 1_719_792_000_000

        assert ambient.at(midnight_utc + 7 * 3_600_000) == pytest.approx(25.0)
        assert ambient.at(midnight_utc + 19 * 3_600_000) == pytest.approx(15.0)

    @given(st.integers(0, 7_258_118_400_000), st.integers(0, 100))
    def test_a_function_of_the_time(self, now_ms: int, seed: int) -> None:
        """The same time gives the same temperature in every process, within its bounds."""
        value = Ambient(seed=seed).at(now_ms)

        assert value == Ambient(seed=seed).at(now_ms)
        assert 19.0 <= value <= 29.0

    def test_seeds_differ(self) -> None:
        """Two places do not have one weather."""
        assert Ambient(seed=1).at(0) != Ambient(seed=2).at(0)
