"""Files of the kernel's own drivers: which may decide, and what each error means."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sensors import registry, sysfs
from sensors.contract import (
    NoDataError,
    ProbeError,
    ProbeFaultError,
    ProbeTransientError,
    Sample,
)
from sensors.hwmon.driver import ACCURATE
from tests.sensors.clocks import HandClock


def chip(root: Path, number: int, name: str, **files: str) -> Path:
    """Make a hwmon chip with these files."""
    folder = root / "class/hwmon" / f"hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def named(root: Path, **more: Any) -> dict[str, Any]:
    """Return the table of an SHT3x below this root."""
    return {"kind": "hwmon", "name": "sht3x", "input": "temp1_input", "root": str(root), **more}


def test_a_chip_is_found_whatever_its_number(tmp_path: Path) -> None:
    """After another start hwmon2 is hwmon0; the probe goes on."""
    folder = chip(tmp_path, 2, "sht3x", temp1_input="5000\n")
    probe = registry.open_probe(named(tmp_path), HandClock())
    assert probe.read() == Sample(5_000)

    folder.rename(folder.with_name("hwmon0"))
    chip(tmp_path, 2, "cpu_thermal", temp1_input="48000\n")
    assert probe.read() == Sample(5_000)


def test_a_chip_that_goes_and_comes(tmp_path: Path) -> None:
    """Its driver unloaded, or unplugged: no data; and it comes back by itself."""
    folder = chip(tmp_path, 0, "sht3x", temp1_input="5000\n")
    probe = registry.open_probe(named(tmp_path), HandClock())
    folder.rename(tmp_path / "away")
    with pytest.raises(NoDataError, match="shows no chip sht3x"):
        probe.read()
    (tmp_path / "away").rename(folder)
    assert probe.read() == Sample(5_000)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EIO, ProbeTransientError),
        (errno.ETIMEDOUT, ProbeTransientError),
        (errno.EREMOTEIO, ProbeTransientError),
        (errno.EAGAIN, ProbeTransientError),
        (errno.EINVAL, ProbeTransientError),
        (errno.ENODEV, NoDataError),
        (errno.ENXIO, NoDataError),
        (errno.EACCES, ProbeFaultError),
    ],
)
def test_errors_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ProbeError]
) -> None:
    """EIO is a checksum, ETIMEDOUT a DHT that was not heard: the next read may well succeed."""
    chip(tmp_path, 0, "sht3x", temp1_input="5000\n")
    probe = registry.open_probe(named(tmp_path), HandClock())
    real = sysfs.read

    def refuse(path: Path) -> bytes:
        if path.name == "temp1_input":
            raise OSError(number, os.strerror(number))
        return real(path)

    monkeypatch.setattr(sysfs, "read", refuse)
    with pytest.raises(kind):
        probe.read()


class TestWhoMayDecide:
    @pytest.mark.parametrize("name", ACCURATE)
    def test_a_chip_of_the_list_may(self, tmp_path: Path, name: str) -> None:
        """Named, with the kernel's own scale."""
        assert registry.unfit(named(tmp_path, name=name)) is None

    @pytest.mark.parametrize(
        ("table", "why"),
        [
            ({"name": "dht11@11"}, "not on the list"),
            ({"name": "cpu_thermal"}, "not on the list"),
            ({"name": "max31865"}, "not on the list"),
            ({"scale": 10}, "a scale of its own"),
            ({"scale": 0.999}, "a scale of its own"),
            ({"name": None, "input": None, "path": "/sys/x"}, "may lead to any chip"),
        ],
    )
    def test_others_may_not(self, tmp_path: Path, table: dict[str, Any], why: str) -> None:
        """And it is said why."""
        reason = registry.unfit(named(tmp_path, **table))

        assert reason is not None
        assert why in reason

    def test_a_good_name_finds_no_other_chip(self, tmp_path: Path) -> None:
        """A settings file cannot make a DHT11 an SHT3x: the name is the kernel's."""
        chip(tmp_path, 0, "dht11@11", temp1_input="5000\n")
        probe = registry.open_probe(named(tmp_path), HandClock())

        with pytest.raises(NoDataError, match="shows no chip sht3x"):
            probe.read()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "needs `name` and `input` of a chip, or the `path` of a file"),
        ({"name": "sht3x"}, "`name` and `input` go together"),
        ({"name": "sht3x", "path": "/x", "input": "a"}, "needs `name` and `input`"),
        ({"path": "/x", "index": 0}, "`index` goes with `name`"),
        ({"name": "sht3x", "input": "../../etc/passwd"}, "input"),
        ({"path": "/x", "scale": 0}, "is no scale"),
        ({"path": "/x", "scale": "a"}, "is not a number"),
        ({"path": "/x", "scale": float("nan")}, "is no scale"),
    ],
)
def test_wrong_settings(table: dict[str, Any], says: str) -> None:
    """One line that says what to write."""
    with pytest.raises(ValueError, match="driver hwmon") as raised:
        registry.check_settings({"kind": "hwmon", **table})

    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_scale_is_exact(tmp_path: Path) -> None:
    """0.1 stays a tenth: 35 of them are 3.5 and no 3.5000000000000004."""
    (tmp_path / "file").write_text("35")
    table = {"kind": "hwmon", "path": str(tmp_path / "file"), "scale": 0.1}

    assert registry.open_probe(table, HandClock()).read() == Sample(4)
    assert registry.checked(table)["scale"] == "0.1"
