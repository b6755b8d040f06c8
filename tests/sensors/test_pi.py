"""The Pi's own health: what the firmware's bits say, and that one missing file costs one series."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import registry
from sensors.contract import (
    NoDataError,
    ProbeError,
    ProbeFaultError,
    ProbeTransientError,
    Sample,
)
from sensors.pi.driver import SPEC, Pi
from sensors.pi.throttled import bits, since
from tests.sensors.clocks import HandClock

ON, OFF = Sample(1_000), Sample(0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0\n", 0),
        ("50005\n", 0x50005),
        ("throttled=0x50005\n", 0x50005),
        ("throttled=0x0\n", 0),
        ("0xe0008", 0xE0008),
    ],
)
def test_both_spellings(text: str, found: int) -> None:
    """The kernel's file has no prefix, vcgencmd has two."""
    assert bits(text) == found


@pytest.mark.parametrize("text", ["", "error=1", "throttled=", "0x", "1 2", "g"])
def test_other_texts_are_refused(text: str) -> None:
    """An error of vcgencmd is no zero: all is well must never be read out of a failure."""
    with pytest.raises(ValueError, match="not what get_throttled says"):
        bits(text)


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        # First look: what happened before is not ours to tell.
        (0x0, None, (False, False)),
        (0x50000, None, (False, False)),
        (0x50005, None, (True, True)),
        # A dip between two looks shows in the history bits alone.
        (0x50000, 0x0, (True, True)),
        (0x10000, 0x0, (True, False)),
        (0x80000, 0x0, (False, True)),
        # The same bit, still set, says nothing new.
        (0x50000, 0x50000, (False, False)),
        (0x50001, 0x50000, (True, False)),
        # Cleared by the kernel and set again: told again.
        (0x0, 0x50000, (False, False)),
        (0x10000, 0x40000, (True, False)),
        (0x2, 0x0, (False, True)),
        (0x8, 0x0, (False, True)),
    ],
)
def test_bits(now: int, before: int | None, found: tuple[bool, bool]) -> None:
    """Every bit, now and since the last look."""
    assert since(now, before) == found


@given(st.integers(0, 0xFFFFF), st.none() | st.integers(0, 0xFFFFF))
def test_what_is_now_is_always_told(now: int, before: int | None) -> None:
    """No history hides the present, and without any bit nothing is wrong."""
    low, slow = since(now, before)

    assert low or not now & 1
    assert slow or not now & 0xE
    if not now:
        assert (low, slow) == (False, False)


def program(path: Path, text: str) -> str:
    """Make a vcgencmd."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def pi(root: Path, vcgencmd: str = "/nowhere/vcgencmd", *, synced: bool = True) -> Pi:
    """Return a Pi whose files are below this root."""
    return Pi(root, root, vcgencmd, lambda: synced)


def test_on_any_linux_what_can_be_told_is_told(tmp_path: Path) -> None:
    """On this machine: memory and disk are real; what is a Pi's alone says that there is none."""
    found = Pi(Path("/"), tmp_path, "/nowhere/vcgencmd").measure()

    assert set(found) == set(SPEC.ranges)
    for quantity in ("memory_free", "disk_free"):
        sample = found[quantity]
        assert isinstance(sample, Sample)
        assert sample.value is not None
        assert 0 < sample.value <= 100_000
    assert found["clock_synced"] in (ON, OFF)
    of = os.statvfs(tmp_path)
    disk = found["disk_free"]
    assert isinstance(disk, Sample)
    assert disk.value is not None
    assert abs(disk.value - of.f_bavail * 100_000 // of.f_blocks) < 5_000


def test_vcgencmd_where_the_kernel_has_no_file(tmp_path: Path) -> None:
    """The program's answer counts like the file's; a dip between two looks is told once."""
    answers = tmp_path / "answer"
    answers.write_text("throttled=0x0")
    device = pi(tmp_path, program(tmp_path / "vcgencmd", f"cat {answers}"))
    seen = []
    for text in ("throttled=0x0", "throttled=0x50000", "throttled=0x50000", "throttled=0x50005"):
        answers.write_text(text)
        seen.append(device.measure()["undervoltage"])

    assert seen == [OFF, ON, OFF, ON]


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        ("exit 255", ProbeFaultError, "group video"),
        ("echo error=1 error_msg=nothing", ProbeTransientError, "not what get_throttled says"),
    ],
)
def test_a_vcgencmd_that_fails_is_no_good_news(
    tmp_path: Path, script: str, kind: type[ProbeError], says: str
) -> None:
    """Both series say why; the others are not touched."""
    found = pi(tmp_path, program(tmp_path / "vcgencmd", script), synced=False).measure()

    for quantity in ("undervoltage", "throttled"):
        error = found[quantity]
        assert isinstance(error, kind)
        assert says in str(error)
    assert found["clock_synced"] == OFF


def test_no_vcgencmd(tmp_path: Path) -> None:
    """It says what to install."""
    error = pi(tmp_path).measure()["throttled"]

    assert isinstance(error, NoDataError)
    assert "raspi-utils" in str(error)


def test_series_of_one_pi_share_a_look_and_fail_alone(tmp_path: Path) -> None:
    """Each series is a probe; a missing file is that series' error and nobody else's."""
    thermal = tmp_path / "sys/class/thermal/thermal_zone0"
    thermal.mkdir(parents=True)
    (thermal / "temp").write_text("48312\n")
    table = {"kind": "pi", "root": str(tmp_path), "disk": str(tmp_path)}

    assert registry.open_probe(table, HandClock(), "core_temperature").read() == Sample(48_312)
    with pytest.raises(NoDataError, match="meminfo is not there"):
        registry.open_probe(table, HandClock(), "memory_free").read()
    with pytest.raises(ValueError, match="pi does not measure temperature"):
        registry.check_settings(table, "temperature")


@pytest.mark.parametrize(
    ("files", "quantity", "expected"),
    [
        ({"b/type": "Battery\n", "b/capacity": "73\n", "a/type": "Mains\n"}, "charge", 73_000),
        ({"a/type": "Mains\n"}, "charge", NoDataError),
        ({"b/type": "Battery\n", "b/capacity": "n/a\n"}, "charge", ProbeTransientError),
        ({"life_time": "0x03 0x08\n"}, "card_worn", 80_000),
        ({"life_time": "0x0b 0x01\n"}, "card_worn", 110_000),
        ({"life_time": "0x00 0x00\n"}, "card_worn", NoDataError),
        ({"life_time": "\n"}, "card_worn", ProbeTransientError),
        ({}, "card_worn", NoDataError),
    ],
)
def test_battery_and_card(
    tmp_path: Path, files: dict[str, str], quantity: str, expected: int | type[ProbeError]
) -> None:
    """The first battery that the kernel knows; the worse of an eMMC's two figures; else why not."""
    for name, text in files.items():
        folder = "sys/block/mmcblk0/device" if name == "life_time" else "sys/class/power_supply"
        file = tmp_path / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    found = pi(tmp_path, "/nowhere/vcgencmd").measure()[quantity]

    if isinstance(expected, int):
        assert found == Sample(expected)
    else:
        assert isinstance(found, expected)
