"""Each vector of the standards stands in a test case, and the papers tell who may decide.

(That every folder has its papers, and is in the registry, is held by test_drivers.py.)
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sensors import registry
from sensors.ds18b20.crc import crc8

SENSORS = Path(registry.__file__).parent
# standards.md 8.1: bytes 0 and 1 of the data sheet's table, and their value in thousandths.
DS18B20 = {
    "d007": 125_000,
    "5005": 85_000,
    "9101": 25_062,
    "a200": 10_125,
    "0800": 500,
    "0000": 0,
    "f8ff": -500,
    "5eff": -10_125,
    "6ffe": -25_062,
    "90fc": -55_000,
}
# Likewise, its further vectors: nine bytes, and the quality that is recorded.
DS18B20_PADS = {
    "72014b467fff0e1057": "ok",
    "000000000000000000": "rejected:all-zero",
    "ffffffffffffffffff": "rejected:crc",
    "50054b467fff0c101c": "rejected:power-on",
}
# standards.md 8.2: frame -> temperature and humidity in thousandths.
DHT22 = {
    "028c015fee": (35_100, 65_200),
    "028c806573": (-10_100, 65_200),
    "022080aa4c": (-17_000, 54_400),
    "01c20032f5": (5_000, 45_000),
    "022b001441": (2_000, 55_500),
    "02590050ab": (8_000, 60_100),
    "03e780056f": (-500, 99_900),
    "01f4819006": (-40_000, 50_000),
}
KINDS = sorted(registry.DRIVERS)


def expected(case: Path) -> dict[str, object]:
    """Return what a case expects."""
    read: dict[str, object] = json.loads((case / "expected.json").read_text())
    return read


def pads() -> list[tuple[str, dict[str, object]]]:
    """Return the nine bytes of every DS18B20 case whose file has such, and what it expects."""
    found = []
    for file in sorted((SENSORS / "ds18b20/testcases").glob("*/bus/28-*/w1_slave")):
        digits = file.read_bytes().partition(b" :")[0].replace(b" ", b"").decode("latin-1")
        if re.fullmatch("[0-9a-f]{18}", digits):
            found.append((digits, expected(file.parents[2])))
    return found


@pytest.mark.parametrize(("code", "value"), DS18B20.items())
def test_the_ds18b20_table_stands_in_cases(code: str, value: int) -> None:
    """Every row of the data sheet's table, with a right checksum."""
    good = {
        says.get("value")
        for digits, says in pads()
        if digits.startswith(code)
        and any(bytes.fromhex(digits))
        and not crc8(bytes.fromhex(digits))
    }

    assert value in good


@pytest.mark.parametrize(("pad", "quality"), DS18B20_PADS.items())
def test_the_ds18b20_traps_stand_in_cases(pad: str, quality: str) -> None:
    """The canonical sample, a shorted bus, nobody there, the power-on value."""
    assert quality in {says.get("quality") for digits, says in pads() if digits == pad}


def test_the_ds18b20_without_bytes_stand_in_cases() -> None:
    """An empty file, a probe that is gone, a t= that contradicts the bytes."""
    names = {case.name for case in (SENSORS / "ds18b20/testcases").iterdir()}

    assert {
        "empty",
        "unplugged",
        "no-bus",
        "t-lies",
        "no-power-127",
        "minus-one-sixteenth",
    } <= names


@pytest.mark.parametrize(("frame", "values"), DHT22.items())
def test_the_dht22_vectors_stand_in_cases(frame: str, values: tuple[int, int]) -> None:
    """Each frame twice: once for each quantity."""
    cases = [
        expected(file.parent)
        for file in (SENSORS / "dht22/testcases").glob("*/said")
        if file.read_text().strip() == frame
    ]

    assert {(case["quantity"], case["value"], case["quality"]) for case in cases} == {
        ("temperature", values[0], "ok"),
        ("humidity", values[1], "ok"),
    }


def test_the_clone_stands_in_cases() -> None:
    """0x0FFF, which read as the data sheet says would be 409.5 degC."""
    (case,) = [
        file.parent
        for file in (SENSORS / "dht22/testcases").glob("*-t/said")
        if file.read_text()[4:8] == "0fff"
    ]

    assert expected(case)["value"] == -100


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_says_whether_it_may_decide(kind: str) -> None:
    """Whoever buys a probe reads it there before the agent refuses it."""
    text = (SENSORS / kind / "README.md").read_text().lower()

    assert "may decide" in text or "decide about vaccine" in text


def test_the_list_of_probes_is_whole() -> None:
    """sensors/README.md leads to each driver."""
    listed = re.findall(
        r"^\| \[(\w+)\]\(\1/README\.md\)", (SENSORS / "README.md").read_text(), re.MULTILINE
    )

    assert sorted(listed) == KINDS
