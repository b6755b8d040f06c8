"""The simulated probe."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import registry
from sensors.contract import NoDataError, ProbeTransientError, Sample
from tests.sensors.clocks import HandClock

TIMES = st.integers(0, 7_258_118_400_000)


def value_at(now_ms: int, **settings: Any) -> int:
    """Return what a formula says at a time."""
    table = {"kind": "simulated", **settings}
    value = registry.open_probe(table, HandClock(now_ms)).read().value
    assert value is not None
    return value


@given(TIMES)
def test_same_time_same_value(now_ms: int) -> None:
    """Two probes with one seed agree at every time, so a test knows what was sent."""
    assert value_at(now_ms, seed=3) == value_at(now_ms, seed=3)


@given(TIMES)
def test_within_its_bounds(now_ms: int) -> None:
    """No value is further from the mean than amplitude and noise together, rounded."""
    assert abs(value_at(now_ms, mean=5, amplitude=1, noise=0.1) - 5_000) <= 1_101


def test_noise_differs_with_seed_and_time() -> None:
    """The noise is spread over its range, and another seed gives other noise."""
    flat = {"amplitude": 0, "noise": 1}
    values = [value_at(n * 10_000, **flat, seed=1) for n in range(1_000)]
    others = [value_at(n * 10_000, **flat, seed=2) for n in range(1_000)]

    assert min(values) < 4_050
    assert max(values) > 5_950
    assert abs(sum(values) / 1_000 - 5_000) < 100
    assert sum(a == b for a, b in zip(values, others, strict=True)) < 20


def test_a_file_replaced_while_it_is_read(tmp_path: Path) -> None:
    """A file that its writer replaces atomically is always read whole."""
    path = tmp_path / "value"
    path.write_text("-12345")
    probe = registry.open_probe({"kind": "simulated", "path": str(path)}, HandClock())
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            fresh = tmp_path / "fresh"
            fresh.write_text(("-12345", "1")[number % 2])
            fresh.replace(path)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    seen = {probe.read() for _ in range(2_000)}
    stop.set()
    writer.join()

    assert seen <= {Sample(-12_345), Sample(1)}
    assert seen


def test_unplugged_and_back(tmp_path: Path) -> None:
    """The file goes and comes; a folder in its place is a failed read."""
    path = tmp_path / "value"
    probe = registry.open_probe({"kind": "simulated", "path": str(path)}, HandClock())
    with pytest.raises(NoDataError, match="unplugged"):
        probe.read()
    path.mkdir()
    with pytest.raises(ProbeTransientError, match="Is a directory"):
        probe.read()
    path.rmdir()
    path.write_text("5000\n")

    assert probe.read() == Sample(5_000)
