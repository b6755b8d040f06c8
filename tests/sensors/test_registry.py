"""The table of drivers, and its errors as one clear line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors import registry
from sensors.contract import RecordedProbe
from tests.sensors.clocks import HandClock

DS18B20 = {"kind": "ds18b20", "id": "28-000000000001"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "driver.kind is None; write one of ds18b20, gpio, replay, simulated"),
        ({"kind": "dht11"}, "driver.kind is 'dht11'; write one of"),
        ({"kind": ["ds18b20"]}, "driver.kind is ['ds18b20']; write one of"),
        ({"kind": "ds18b20"}, "driver ds18b20: id is missing"),
        (DS18B20 | {"id": "28-00000000000A"}, "id '28-00000000000A' is not a DS18B20; write"),
        (DS18B20 | {"id": "10-000000000001"}, "is not a DS18B20"),
        (DS18B20 | {"rot": "/x"}, "rot is not a setting here; the settings are checks, id, root"),
        (
            DS18B20 | {"checks": {"stuck": "6h"}},
            "checks.stuck is not a setting here; the settings are plausible",
        ),
        (DS18B20 | {"checks": {"stuck_after": 6}}, "checks.stuck_after 6 is not a duration; write"),
        (DS18B20 | {"checks": {"stuck_after": "0s"}}, "checks.stuck_after"),
        (
            DS18B20 | {"checks": {"plausible": [8.0, 2.0]}},
            "checks `plausible` must be [lowest, highest]",
        ),
        (DS18B20 | {"checks": "off"}, "checks"),
        ({"kind": "simulated", "path": "/x", "mean": 5.0}, "has `path` and `mean`"),
        ({"kind": "simulated", "period": "0s"}, "period"),
        ({"kind": "simulated", "mean": 5.00001}, "mean 5.00001 is finer than a thousandth"),
        ({"kind": "replay"}, "path is missing"),
        ({"kind": "replay", "path": "x", "zone": "Mars/Base"}, "zone 'Mars/Base' is no time zone"),
        ({"kind": "replay", "path": "x", "pace": 0}, "pace"),
        ({"kind": "replay", "path": "x", "time_column": 1}, "both names or both places"),
        ({"kind": "replay", "path": "x", "epoch": "2024-07-01T00:00:00Z"}, "`epoch` goes with"),
    ],
)
def test_wrong_settings_are_one_clear_line(table: dict[str, Any], says: str) -> None:
    """A wrong driver table is refused in one line that names the key and the remedy."""
    with pytest.raises(ValueError) as raised:
        registry.check_settings(table)

    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_open_checks_as_well() -> None:
    """Nobody gets a probe from settings that were never checked."""
    with pytest.raises(ValueError, match="id is missing"):
        registry.open_probe({"kind": "ds18b20"}, HandClock())


def test_all_complaints_in_one_line() -> None:
    """Two mistakes are both told."""
    with pytest.raises(ValueError, match=r"id is missing; rot is not a setting here"):
        registry.check_settings({"kind": "ds18b20", "rot": 1})


@pytest.mark.parametrize(
    "table",
    [
        DS18B20 | {"checks": {"plausible": [-30, 30.5], "stuck_after": "off"}},
        {"kind": "simulated", "mean": -18, "period": "24h"},
        {
            "kind": "replay",
            "path": "x.csv",
            "pace": 60,
            "epoch": "2024-07-01T00:00:00+08:00",
            "time_unit": "ms",
        },
    ],
)
def test_checked_tables_survive_json(table: dict[str, Any]) -> None:
    """A table checked in another process arrives as JSON and gives the very same settings."""
    plain = registry.checked(table)

    assert registry.checked(json.loads(json.dumps(plain))) == plain


def test_unknown_quantity() -> None:
    """A point whose probe does not measure its quantity is refused before it is opened."""
    with pytest.raises(ValueError, match="ds18b20 does not measure open"):
        registry.check_settings(DS18B20, "open")


def test_only_recordings_can_be_drained() -> None:
    """The sampler can tell a recording from a probe that it must ask."""
    clock = HandClock()

    assert isinstance(registry.open_probe({"kind": "replay", "path": "x"}, clock), RecordedProbe)
    assert not isinstance(registry.open_probe(DS18B20, clock), RecordedProbe)
    assert not isinstance(registry.open_probe({"kind": "simulated"}, clock), RecordedProbe)
