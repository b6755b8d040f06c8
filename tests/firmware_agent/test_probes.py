"""`coldwatch agent --probes`: an engineer at a fridge finds out which probe is which."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.clock import SystemClock
from sensors import sysfs
from sensors.contract import ProbeError
from sensors.ds18b20.listing import Found, as_text, listing
from simulator.onewire import power_on_text, w1_text
from simulator.w1_kernel import Chip, W1Kernel

SETTINGS = """
site = "east-gate"
device = "pi-1"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
driver = {{ kind = "ds18b20", id = "28-000000000001", root = "{root}" }}
[[assets.points]]
name = "upper"
driver = {{ kind = "ds18b20", id = "28-00000000000f", root = "{root}" }}
[[assets.points]]
name = "lower"
driver = {{ kind = "simulated" }}
"""


def agent(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``coldwatch agent``."""
    return subprocess.run(
        [sys.executable, "-m", "coldwatch", "agent", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def bus(tmp_path: Path) -> Path:
    """A bus of plain files: a good probe that is named, one nobody named, one just powered, a foreigner."""
    texts = {
        "28-000000000001": w1_text(80),
        "28-000000000002": w1_text(580),
        "28-000000000003": power_on_text(),
        "10-000000000004": b"",
    }
    for probe_id, text in texts.items():
        folder = tmp_path / "bus" / probe_id
        folder.mkdir(parents=True)
        (folder / "w1_slave").write_bytes(text)
    (tmp_path / "bus" / "w1_bus_master1").mkdir()
    (tmp_path / "bus" / "28-000000000002" / "ext_power").write_text("0\n")
    (tmp_path / "bus" / "28-000000000002" / "resolution").write_text("12\n")
    return tmp_path / "bus"


def test_the_probe_in_the_hand_is_seen(bus: Path, tmp_path: Path) -> None:
    """Every probe with its value, what the settings call it, and those that are not there."""
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS.format(root=bus))
    done = agent("--probes", file)

    assert done.stderr == ""
    assert done.returncode == 1
    table, why = done.stdout.splitlines()[:6], done.stdout.splitlines()[6:]
    assert [line.split() for line in table] == [
        ["id", "degC", "quality", "bit", "power", "series"],
        ["10-000000000004", "-", "-", "-", "-", "-"],
        ["28-000000000001", "5.0", "ok", "-", "-", "fridge-1/center/temperature"],
        ["28-000000000002", "36.25", "ok", "12", "parasite", "-"],
        ["28-000000000003", "85.0", "rejected:power-on", "-", "-", "-"],
        ["28-00000000000f", "-", "-", "-", "-", "fridge-1/upper/temperature"],
    ]
    assert why[0] == "10-000000000004: family 10 is no DS18B20 (28)"
    assert "28-00000000000f is not on the bus; is it plugged in?" in why[1]


def test_as_json(bus: Path, tmp_path: Path) -> None:
    """The same for a program."""
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS.format(root=bus))
    found = {item["id"]: item for item in json.loads(agent("--probes", "--json", file).stdout)}

    assert found["28-000000000002"] == {
        "id": "28-000000000002",
        "series": None,
        "value": 36250,
        "quality": "ok",
        "resolution": 12,
        "power": "parasite",
        "problem": None,
    }
    assert found["28-00000000000f"]["value"] is None


def test_without_a_bus(tmp_path: Path) -> None:
    """It says what to write into the Pi's configuration, in one line."""
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS.format(root=tmp_path / "none"))
    done = agent("--probes", file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "dtoverlay=w1-gpio" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name the agent's settings"),
        (("--inspect",), "name the agent's settings"),
        (("--release-lamps",), "name the agent's settings"),
        (("--json", "x.toml"), "--json goes with --probes or --inspect"),
        (
            ("--probes", "--inspect", "x.toml"),
            "--probes, --inspect and --release-lamps go one at a time",
        ),
        (
            ("--release-lamps", "--inspect", "x.toml"),
            "--probes, --inspect and --release-lamps go one at a time",
        ),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    """And exit code 2."""
    done = agent(*arguments)

    assert done.returncode == 2
    assert done.stderr == f"coldwatch agent: {says}\n"


def test_wrong_settings_are_told(tmp_path: Path) -> None:
    """As when the agent is started."""
    file = tmp_path / "agent.toml"
    file.write_text("site = 1\n")

    assert agent("--probes", file).returncode == 78


def test_a_full_bus_is_read_with_one_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight probes are listed as fast as one."""
    kernel = W1Kernel(tmp_path)
    for n in range(8):
        kernel.plug(f"28-00000000000{n}", Chip(sixteenths=80 + n))
    monkeypatch.setattr(sysfs, "read", kernel.read)
    monkeypatch.setattr(sysfs, "write", kernel.write)
    found = listing(kernel.devices, {}, SystemClock())

    assert [item.value for item in found] == [(80 + n) * 1000 // 16 for n in range(8)]
    assert kernel.triggers == 1


def test_an_empty_bus_says_where_to_look(tmp_path: Path) -> None:
    """An empty list would leave the engineer alone."""
    assert "look at plug" in as_text(listing(tmp_path, {}, SystemClock()))
    with pytest.raises(ProbeError):
        listing(tmp_path / "none", {}, SystemClock())


def test_found_is_spelt_whole() -> None:
    """What a program reads has every field, whether known or not."""
    assert set(Found("28-1", None).body()) == set(Found.__slots__)
