"""How long a fridge holds without mains: fitted to simulated fridges, and checked for honesty."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.forecast import Forecast, WarmUp, fit, forecast, minutes_to
from simulator.fridge import Fridge, Model

MINUTE = 60_000
LIMIT = 8_000


def newton(
    tau_ms: int, room: int, start: int, minutes: int, noise: random.Random | None = None
) -> list[tuple[int, int]]:
    """Return one sample a minute of Newton's law, as a DS18B20 shows it: in steps of 1/16 K."""
    from math import exp

    samples = []
    for n in range(minutes + 1):
        value = room - (room - start) * exp(-n * MINUTE / tau_ms)
        if noise is not None:
            value += noise.gauss(0, 40)
        samples.append((n * MINUTE, round(value / 62.5) * 125 // 2))
    return samples


@pytest.mark.parametrize("tau_h", [3, 10, 30])
def test_a_known_time_constant_is_found(tau_h: int) -> None:
    """Within some per cent, through steps of a sixteenth of a degree, noise, a gap and a spike."""
    samples = newton(tau_h * 60 * MINUTE, 24_000, 4_000, 40 + 20 * tau_h, random.Random(1))
    del samples[10:20]
    samples[25] = (samples[25][0], 85_000)
    warm_up = fit(samples, 24_000)
    assert warm_up is not None
    assert warm_up.tau_ms == pytest.approx(tau_h * 60 * MINUTE, rel=0.12)


@pytest.mark.parametrize(
    "samples",
    [
        [],
        newton(36_000_000, 24_000, 4_000, 5),
        newton(3_600_000_000, 24_000, 4_000, 120),
        [(n * MINUTE, 8_000 - 50 * n) for n in range(60)],
        [(n * MINUTE, 5_000) for n in range(60)],
    ],
    ids=["none", "too short", "hardly any rise", "cooling", "level"],
)
def test_what_teaches_nothing(samples: list[tuple[int, int]]) -> None:
    """Too short, too small, or no warm-up: no time constant is made of it."""
    assert fit(samples, 24_000) is None


def test_a_plateau_is_not_taken_for_a_promise() -> None:
    """Two hours at the melting point, then quick: the quick part counts."""
    flat = [(n * MINUTE, 4_000 + n) for n in range(120)]
    quick = [(t + 120 * MINUTE, v) for t, v in newton(5_400_000, 25_000, 4_120, 30)]
    warm_up = fit(flat + quick, 25_000)
    assert warm_up is not None
    promised = forecast([warm_up], 4_000, LIMIT, 25_000)
    assert promised is not None
    assert promised.minutes_low <= 20


def test_without_an_earlier_warm_up_nobody_knows() -> None:
    """No figure is invented."""
    assert forecast([], 5_000, LIMIT) is None


def test_one_short_warm_up_promises_little() -> None:
    """Never more than four times what was seen."""
    found = forecast([WarmUp(100 * 3_600_000, 25_000, True, 20 * MINUTE)], 4_000, LIMIT, 25_000)
    assert found is not None
    assert found.minutes_low == 80


def test_who_is_outside_already_has_no_time_left() -> None:
    """Zero, not a negative figure and not an error."""
    assert forecast([WarmUp(1, 25_000, True, 1)], 8_000, LIMIT) == Forecast(0, 0, 0, 1)


taus = st.lists(st.integers(600_000, 200 * 3_600_000), min_size=1, max_size=15)


@given(taus, st.integers(-20_000, 7_999), st.integers(1, 3_000), st.integers(-10_000, 50_000))
def test_colder_holds_longer_and_the_order_is_kept(
    taus_ms: list[int], now: int, colder: int, room: int
) -> None:
    """Monotone in the temperature; low, likely, high; whole minutes."""
    warm_ups = [WarmUp(tau, 25_000, True, 86_400_000) for tau in taus_ms]
    one = forecast(warm_ups, now, LIMIT, room)
    other = forecast(warm_ups, now - colder, LIMIT, room)
    assert one is not None
    assert other is not None
    assert other.minutes_low >= one.minutes_low
    assert other.minutes_likely >= one.minutes_likely
    assert 0 <= one.minutes_low <= one.minutes_likely <= one.minutes_high


def outage(
    model: Model, room_c: float, rng: random.Random, longest_h: float
) -> tuple[list[tuple[int, int]], float]:
    """Cool a fridge down, cut its mains at a random moment; return samples and minutes to 8 degC.

    The samples end when mains come back, at 8 degC or after ``longest_h``.
    """
    fridge = Fridge(model)
    fridge.step(8 * 3600.0, room_c, door_open=False, mains_on=True)
    fridge.step(rng.uniform(0, 7_200), room_c, door_open=False, mains_on=True)
    samples: list[tuple[int, int]] = []
    minute = 0
    while minute < 72 * 60:
        shown = round((fridge.probe_c + rng.gauss(0, 0.03)) * 16) * 125 // 2
        if minute <= longest_h * 60:
            samples.append((minute * MINUTE, shown))
        if fridge.probe_c >= 8.0:
            return samples, float(minute)
        fridge.step(60.0, room_c, door_open=False, mains_on=False)
        minute += 1
    return samples, float(minute)


def coverage(number: int, *, measured: bool, seed: int) -> tuple[float, float, float]:
    """Return the shares of outages inside the interval, before its low end, and its mean width.

    Each is another fridge: heat leak, load and setpoint differ; between its outages the load
    changes by up to a third, and the room by some degrees.
    """
    rng = random.Random(seed)
    inside = early = known = 0
    width = 0.0
    for _ in range(number):
        leak, load = rng.uniform(0.6, 1.6), rng.uniform(0.4, 2.5)
        model = replace(
            Model(),
            wall_w_k=0.6 * leak, load_wall_w_k=0.1 * leak, load_j_k=45_000 * load,
            setpoint_c=rng.uniform(4.0, 5.5), hysteresis_k=rng.uniform(0.5, 1.0),
        )  # fmt: skip
        room = rng.uniform(18, 30)
        warm_ups = []
        for _ in range(rng.randint(1, 4)):
            then = replace(model, load_j_k=model.load_j_k * rng.uniform(0.75, 1.33))
            room_then = room + rng.uniform(-3, 3)
            samples, _minutes = outage(then, room_then, rng, rng.uniform(0.75, 4))
            warm_up = fit(samples, round(room_then * 1000) if measured else None)
            if warm_up is not None:
                warm_ups.append(warm_up)
        now = replace(model, load_j_k=model.load_j_k * rng.uniform(0.75, 1.33))
        samples, truth = outage(now, room, rng, 99)
        ambient = round(room * 1000) if measured else None
        found = forecast(warm_ups, samples[0][1], LIMIT, ambient)
        if found is None or truth == 0:
            continue
        known += 1
        early += truth < found.minutes_low
        inside += found.minutes_low <= truth <= found.minutes_high
        width += found.minutes_high / max(1, found.minutes_low)
    return inside / known, early / known, width / known


@pytest.mark.parametrize("measured", [True, False], ids=["room measured", "room unknown"])
def test_nine_in_ten_fall_into_the_interval(
    measured: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the low end, which is what people are told, is hardly ever too long."""
    inside, early, width = coverage(40, measured=measured, seed=7)
    with capsys.disabled():
        print(
            f"\n40 outages: {inside:.0%} inside, {early:.0%} earlier; high is {width:.1f} times low"
        )
    assert inside >= 0.75
    assert early <= 0.15


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("measured", [True, False], ids=["room measured", "room unknown"])
def test_the_interval_is_calibrated(measured: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Over five hundred fridges."""
    inside, early, width = coverage(500, measured=measured, seed=11)
    with capsys.disabled():
        print(
            f"\n500 outages: {inside:.1%} inside, {early:.1%} earlier; high is {width:.1f} times low"
        )
    assert 0.85 <= inside
    assert early <= 0.08


@pytest.mark.parametrize(
    ("limit", "now", "rate", "minutes"),
    [
        (8_000, 6_000, 200, 10),
        (8_000, 6_050, 200, 9),
        (8_000, 7_999, 200, 0),
        (8_000, 8_000, 200, None),
        (8_000, 9_000, 200, None),
        (8_000, 6_000, -200, None),
        (8_000, 6_000, 0, None),
        (2_000, 2_900, -150, 6),
        (2_000, 1_900, -150, None),
        (8_000, 6_000, 1, None),
    ],
)
def test_the_time_to_a_limit_by_rate(limit: int, now: int, rate: int, minutes: int | None) -> None:
    """Rounded down, so rather too soon; nothing where it goes the other way, is there, or is far."""
    assert minutes_to(limit, now, rate) == minutes


@given(st.integers(-40_000, 40_000), st.integers(-40_000, 40_000), st.integers(-5_000, 5_000))
def test_nobody_is_promised_more_than_the_rate_gives(limit: int, now: int, rate: int) -> None:
    """After the minutes that are told the value has not passed the limit, and one later it has."""
    minutes = minutes_to(limit, now, rate)
    if minutes is None:
        return
    side = 1 if rate > 0 else -1
    assert side * (now + minutes * rate) <= side * limit
    assert side * (now + (minutes + 1) * rate) > side * limit
