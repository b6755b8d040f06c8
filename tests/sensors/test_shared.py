"""One measurement for all series of a device: shared once, never handed out twice, failures too."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from sensors.contract import NoDataError, ProbeTransientError, Sample
from sensors.shared import FRESH_MS, Devices, SharedProbe
from tests.sensors.clocks import HandClock


class Counting:
    """A device whose values count its measurements."""

    def __init__(self) -> None:
        self.measured = 0
        self.closed = 0
        self.fails: Exception | None = None

    def measure(self) -> Mapping[str, Sample]:
        """Count."""
        self.measured += 1
        if self.fails is not None:
            raise self.fails
        return {"temperature": Sample(self.measured), "humidity": Sample(1000 + self.measured)}

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_one_measurement_a_cycle_serves_both_series() -> None:
    """Whoever asks first measures; in the next cycle either may be the first."""
    device, clock, devices = Counting(), HandClock(), Devices()
    warm = devices.probe({"kind": "x", "checks": {}}, "temperature", lambda: device, clock)
    wet = devices.probe({"kind": "x", "checks": {"a": 1}}, "humidity", lambda: device, clock)

    assert (warm.read().value, wet.read().value) == (1, 1001)
    clock.pass_ms(10_000)
    assert (wet.read().value, warm.read().value) == (1002, 2)
    assert device.measured == 2


def test_no_series_gets_a_measurement_twice() -> None:
    """A series that asks again gets a new measurement, however young the last one is."""
    device, clock = Counting(), HandClock()
    probe = Devices().probe({}, "temperature", lambda: device, clock)

    assert [probe.read().value for _ in range(3)] == [1, 2, 3]


def test_an_old_measurement_is_nobodys() -> None:
    """What one series measured in an earlier cycle is not another's now."""
    device, clock, devices = Counting(), HandClock(), Devices()
    warm = devices.probe({}, "temperature", lambda: device, clock)
    wet = devices.probe({}, "humidity", lambda: device, clock)

    warm.read()
    clock.pass_ms(FRESH_MS + 1)

    assert wet.read().value == 1002


def test_a_failure_is_shared_too() -> None:
    """A device that does not answer is asked once a cycle, and every series says why."""
    device, clock, devices = Counting(), HandClock(), Devices()
    device.fails = NoDataError("nobody there")
    warm = devices.probe({}, "temperature", lambda: device, clock)
    wet = devices.probe({}, "humidity", lambda: device, clock)

    for probe in (warm, wet):
        with pytest.raises(NoDataError, match="nobody there"):
            probe.read()
    assert device.measured == 1

    device.fails = None
    assert warm.read().value == 2


def test_other_settings_are_another_device() -> None:
    """Two tables that differ in more than their checks are two devices."""
    one, other, clock, devices = Counting(), Counting(), HandClock(), Devices()
    first = devices.probe({"address": 1}, "temperature", lambda: one, clock)
    second = devices.probe({"address": 2}, "temperature", lambda: other, clock)

    first.read()
    second.read()

    assert (one.measured, other.measured) == (1, 1)


def test_a_quantity_that_did_not_come_is_a_failed_read() -> None:
    """A device may give less than it could; the series that goes without says so."""
    probe = Devices().probe({}, "pressure", Counting, HandClock())

    with pytest.raises(ProbeTransientError, match="pressure"):
        probe.read()


def test_threads_share_as_well() -> None:
    """Two threads that ask at once get one measurement; the second waits for it."""
    begun, go = threading.Event(), threading.Event()

    class Slow(Counting):
        def measure(self) -> Mapping[str, Sample]:
            begun.set()
            assert go.wait(10)
            return super().measure()

    device, clock, devices = Slow(), HandClock(), Devices()
    found: dict[str, int | None] = {}

    def read(quantity: str, probe: SharedProbe) -> None:
        found[quantity] = probe.read().value

    threads = [
        threading.Thread(target=read, args=(each, devices.probe({}, each, lambda: device, clock)))
        for each in ("temperature", "humidity")
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)

    assert found == {"temperature": 1, "humidity": 1001}
    assert device.measured == 1
