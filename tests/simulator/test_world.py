"""The world: files that real drivers read, a story that happens on time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import ScaledClock
from sensors import registry
from sensors.contract import NoDataError, Sample
from sensors.ds18b20.driver import Ds18b20, parse
from sensors.ds18b20.scratchpad import millidegrees
from simulator import command
from simulator.onewire import power_on_text, quantised, w1_text
from simulator.settings import WorldSettings
from simulator.world import World
from tests.sensors.clocks import HandClock

HOUSE = Path(command.__file__).resolve().parents[1]
START = 1_719_792_000_000
MINUTE = 60_000
A1, A2 = "28-0000000000a1", "28-0000000000a2"


def world(root: Path, *story: dict[str, Any], said: list[str] | None = None, **more: Any) -> World:
    """Make two fridges, a household one with a site and a compact one, and a story."""
    settings = WorldSettings.model_validate(
        {
            "root": root,
            "ambient": {"swing_c": 0.0, "weather_c": 0.0},
            "fridges": [
                {"asset": "east-gate/fridge-1", "probe": A1},
                {"asset": "fridge-2", "probe": A2, "model": "compact"},
            ],
            "story": list(story),
            **more,
        }
    )
    return World(settings, START, (said if said is not None else []).append)


def shown(root: Path, probe: str = A1) -> int:
    """Return what the real driver reads, thousandths."""
    sample = Ds18b20(root / "w1", probe).read()
    assert sample.value is not None
    assert sample.quality == "ok"
    return sample.value


def point(root: Path, asset: str, name: str) -> Sample:
    """Return what the simulated driver reads."""
    table = {"kind": "simulated", "path": str(root / "points" / asset / name)}
    return registry.open_probe(table, HandClock()).read()


@given(st.integers(-55 * 16, 125 * 16))
def test_written_text_reads_back(sixteenths: int) -> None:
    """Each temperature a DS18B20 can show comes back through the real driver, checksum and all."""
    text = w1_text(sixteenths)
    milli = abs(sixteenths) * 1000 // 16 * (1 if sixteenths >= 0 else -1)

    assert parse(text) == Sample(milli)
    assert text.endswith(b" t=%d\n" % milli)
    assert text.count(b"\n") == 2


def test_power_on_text_is_the_recorded_one(shared_data: Path) -> None:
    """The glitch is letter for letter what the kernel really returned."""
    recorded = (shared_data / "w1_slave-samples.json").read_text()

    assert power_on_text().decode().replace("\n", "\\n") in recorded


@given(st.floats(-200, 200))
def test_quantised(celsius: float) -> None:
    """A probe shows the nearest sixteenth, and its ends beyond them."""
    sixteenths = quantised(celsius)

    assert -880 <= sixteenths <= 2_000
    if -55 <= celsius <= 125:
        assert abs(sixteenths / 16 - celsius) <= 1 / 32


def test_the_driver_reads_what_the_model_has(tmp_path: Path) -> None:
    """At each step the real driver reads the model's temperature, quantised, noise and all."""
    of = world(tmp_path)
    place = of.places["east-gate/fridge-1"]
    for step in range(1, 1_000):
        of.step_to(START + step * 10_000)
        expected = millidegrees(place.sixteenths.to_bytes(2, "little", signed=True) + b"\0\0\x7f")

        assert shown(tmp_path) == expected
        # 20 mK of noise: five standard deviations and half a step.
        assert abs(expected / 1000 - place.fridge.probe_c) < 0.1 + 1 / 16


def test_without_noise_it_is_the_model_itself(tmp_path: Path) -> None:
    """A probe without noise shows the nearest sixteenth of the model's temperature."""
    of = world(tmp_path, fridges=[{"asset": "f", "probe": A1, "noise": 0}])
    of.step_to(START + 100 * MINUTE)

    assert of.places["f"].sixteenths == quantised(of.places["f"].fridge.probe_c)


def test_how_it_is_stepped_changes_nothing(tmp_path: Path) -> None:
    """Two worlds of one file are the same however often they are asked to go on."""
    story = [
        {"at": "13min", "fridge": "*", "kind": "door_open"},
        {"at": "21min", "fridge": "*", "kind": "door_close"},
    ]
    often, seldom = world(tmp_path / "often", *story), world(tmp_path / "seldom", *story)
    for second in range(0, 3_600, 7):
        often.step_to(START + second * 1_000)
    often.step_to(START + 3_600_000)
    seldom.step_to(START + 3_600_000)

    files = sorted(path.relative_to(tmp_path / "often") for path in (tmp_path / "often").rglob("*"))
    assert len([path for path in files if (tmp_path / "often" / path).is_file()]) == 8
    for path in files:
        if (tmp_path / "often" / path).is_file():
            assert (tmp_path / "often" / path).read_bytes() == (
                tmp_path / "seldom" / path
            ).read_bytes()


def test_seeds_and_fridges_differ(tmp_path: Path) -> None:
    """Two fridges alike, and one fridge with another seed, do not show the very same values."""
    fridges = [{"asset": "a", "probe": A1, "noise": 0.2}, {"asset": "b", "probe": A2, "noise": 0.2}]
    first = world(tmp_path / "1", fridges=fridges)
    second = world(tmp_path / "2", fridges=fridges, seed=7)
    rows = []
    for step in range(50):
        for of in (first, second):
            of.step_to(START + step * 10_000)
        rows.append([*(p.sixteenths for p in first.places.values()), second.places["a"].sixteenths])

    assert len({tuple(column) for column in zip(*rows, strict=True)}) == 3


def test_one_site_one_weather(tmp_path: Path) -> None:
    """Fridges of one site stand in one room; another site has other weather."""
    names = ["east/a", "east/b", "west/a"]
    fridges = [{"asset": name, "probe": f"28-00000000000{n}"} for n, name in enumerate(names)]
    of = world(tmp_path, fridges=fridges, ambient={"weather_c": 3.0})
    of.step_to(START + 60 * MINUTE)
    room = {name: of.places[name].ambient_c for name in names}

    assert room["east/a"] == room["east/b"] != room["west/a"]


class TestStory:
    def test_door(self, tmp_path: Path) -> None:
        """An open door is seen at its contact at once, and at the probe after minutes."""
        said: list[str] = []
        of = world(
            tmp_path,
            {"at": "35min", "fridge": "east-gate/fridge-1", "kind": "door_open"},
            {"at": "75min", "fridge": "east-gate/*", "kind": "door_close"},
            said=said,
        )
        of.step_to(START + 35 * MINUTE - 1)
        assert point(tmp_path, "east-gate/fridge-1", "door") == Sample(0)
        of.step_to(START + 35 * MINUTE)
        assert point(tmp_path, "east-gate/fridge-1", "door") == Sample(1_000)
        assert point(tmp_path, "fridge-2", "door") == Sample(0)
        before = shown(tmp_path)
        of.step_to(START + 60 * MINUTE)
        assert shown(tmp_path) > max(before, 8_000)
        assert shown(tmp_path, A2) < 8_000
        of.step_to(START + 75 * MINUTE)

        assert point(tmp_path, "east-gate/fridge-1", "door") == Sample(0)
        assert said == [
            "2024-07-01T00:35:00+00:00 east-gate/fridge-1: door_open",
            "2024-07-01T01:15:00+00:00 east-gate/*: door_close",
        ]

    def test_mains(self, tmp_path: Path) -> None:
        """Without mains all fridges warm, the compact one first, and cool down afterwards."""
        of = world(
            tmp_path,
            {"at": "1h", "fridge": "*", "kind": "mains_off"},
            {"at": "6h", "fridge": "*", "kind": "mains_on"},
        )
        of.step_to(START + 60 * MINUTE)
        assert point(tmp_path, "fridge-2", "mains") == Sample(0)
        of.step_to(START + 6 * 60 * MINUTE)
        assert 8_000 < shown(tmp_path, A1) < shown(tmp_path, A2)
        assert point(tmp_path, "fridge-2", "mains") == Sample(1_000)
        of.step_to(START + 9 * 60 * MINUTE)
        assert shown(tmp_path, A1) < 8_000

    def test_drift(self, tmp_path: Path) -> None:
        """A drifting thermostat freezes its own fridge and no other."""
        of = world(
            tmp_path,
            {
                "at": "10min",
                "fridge": "fridge-2",
                "kind": "thermostat_drift",
                "to": -3.0,
                "over": "30min",
            },
        )
        of.step_to(START + 4 * 60 * MINUTE)

        assert shown(tmp_path, A2) <= -500
        assert shown(tmp_path, A1) > 2_000

    def test_unplugged(self, tmp_path: Path) -> None:
        """An unplugged probe has no folder; the fridge goes on meanwhile."""
        of = world(
            tmp_path,
            {"at": "10min", "fridge": "fridge-2", "kind": "probe_unplug"},
            {"at": "20min", "fridge": "fridge-2", "kind": "probe_plug"},
        )
        of.step_to(START + 10 * MINUTE)
        with pytest.raises(NoDataError, match="is it plugged in"):
            shown(tmp_path, A2)
        assert shown(tmp_path, A1) > 0
        of.step_to(START + 20 * MINUTE)

        assert shown(tmp_path, A2) > 2_000

    def test_glitch(self, tmp_path: Path) -> None:
        """The power-on value is there for its seconds, is rejected, and is gone."""
        of = world(tmp_path, {"at": "10min", "fridge": "fridge-2", "kind": "power_on_85"})
        checker = registry.checker({"kind": "ds18b20", "id": A2}, "temperature")
        qualities = []
        for step in range(58, 64):
            of.step_to(START + step * 10_000)
            sample = Ds18b20(tmp_path / "w1", A2).read()
            qualities.append(checker.check(sample, step * 10_000).quality)

        assert qualities == ["ok", "ok", "rejected:power-on", "rejected:power-on", "ok", "ok"]

    def test_restock(self, tmp_path: Path) -> None:
        """Warm bottles warm the probe."""
        of = world(
            tmp_path,
            {"at": "1h", "fridge": "fridge-2", "kind": "restock", "litres": 4, "temperature": 25.0},
        )
        of.step_to(START + 60 * MINUTE - 10_000)
        before = shown(tmp_path, A2)
        of.step_to(START + 76 * MINUTE)

        assert shown(tmp_path, A2) > max(before + 1_000, 6_500)

    def test_the_ambient_point(self, tmp_path: Path) -> None:
        """The room's temperature is written to a tenth of a degree."""
        of = world(tmp_path, ambient={"mean_c": 22.36, "swing_c": 0.0, "weather_c": 0.0})
        of.step_to(START + MINUTE)

        assert point(tmp_path, "fridge-2", "ambient") == Sample(22_400)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fridges": []}, "at least 1"),
        ({"story": [{"at": "1h", "fridge": "x", "kind": "door_open"}]}, "'x' is no fridge"),
        ({"story": [{"at": "1h", "fridge": "*", "kind": "door_slam"}]}, "door_open"),
        ({"story": [{"at": 60, "fridge": "*", "kind": "door_open"}]}, "not a duration"),
        (
            {"fridges": [{"asset": "a", "probe": A1}, {"asset": "a", "probe": A2}]},
            "a is given twice",
        ),
        ({"fridges": [{"asset": "a", "probe": A1}, {"asset": "b", "probe": A1}]}, "given twice"),
        ({"fridges": [{"asset": "a", "probe": A1, "figures": {"x": 1}}]}, "`figures.x` is unknown"),
        ({"fridges": [{"asset": "a", "probe": A1, "figures": {"air_j_k": 0}}]}, "air_j_k is 0"),
        ({"fridges": [{"asset": "../a", "probe": A1}]}, "pattern"),
    ],
)
def test_wrong_worlds_are_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    """A wrong world file is refused before anything is written."""
    with pytest.raises(ValueError) as raised:
        world(tmp_path, **change) if "story" not in change else world(tmp_path, *change["story"])

    assert says in str(raised.value)
    assert list(tmp_path.iterdir()) == []


class TestProgram:
    def sample(self, folder: Path) -> Path:
        """Return a copy of the sample world that writes into a folder of the test."""
        text = (HOUSE / "simulator" / "sample.toml").read_text()
        path = folder / "world.toml"
        path.write_text(text.replace("/tmp/coldwatch-world", str(folder / "out")))
        return path

    def test_sample_goes_through(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The sample's whole story happens, and each event is one line on stderr."""
        path = self.sample(tmp_path)
        events = tomllib.loads(path.read_text())["story"]

        assert command.main([str(path), "--once", "13h"]) == 0

        said = capsys.readouterr()
        assert said.out == ""
        assert [line.split(": ")[1].split()[0] for line in said.err.splitlines()] == [
            event["kind"] for event in events
        ]
        assert shown(tmp_path / "out", A1) > 0

    def test_another_root(self, tmp_path: Path) -> None:
        """`--root` writes elsewhere than the file says."""
        assert (
            command.main(
                [str(self.sample(tmp_path)), "--once", "0s", "--root", str(tmp_path / "x")]
            )
            == 0
        )

        assert shown(tmp_path / "x", A1) == pytest.approx(5_000, abs=150)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (None, "world.toml"),
            ("root = 5 5", "world.toml:1"),
            ('root = "x"', "fridges"),
        ],
    )
    def test_a_wrong_file_is_a_usage_error(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, says: str
    ) -> None:
        """A file that cannot be used ends with 2 and a clear line."""
        path = tmp_path / "world.toml"
        if text is not None:
            path.write_text(text)

        assert command.main([str(path)]) == 2

        said = capsys.readouterr()
        assert says in said.err
        assert len(said.err.splitlines()) == 1

    def test_a_wrong_duration(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`--once` needs a unit."""
        assert command.main([str(self.sample(tmp_path)), "--once", "90"]) == 2
        assert "is not a duration" in capsys.readouterr().err

    def test_a_root_that_cannot_be_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A root inside a file is told in one line, not as a traceback."""
        path = self.sample(tmp_path)

        assert command.main([str(path), "--once", "0s", "--root", str(path / "x")]) == 1
        assert "Not a directory" in capsys.readouterr().err

    def start(self, world_file: Path, speed: float) -> subprocess.Popen[str]:
        """Run the program on a clock of its own."""
        clock = ScaledClock(time.time_ns() // 1_000_000, START, speed)
        return subprocess.Popen(
            [sys.executable, "-m", "simulator.world", str(world_file)],
            env=os.environ | {"COLDWATCH_CLOCK": clock.environment()},
            cwd=HOUSE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_it_follows_the_shared_clock(self, tmp_path: Path) -> None:
        """At 600 times the speed the door opens after 2 s, and its file shows it when it is said."""
        with self.start(self.sample(tmp_path), 600.0) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            door = point(tmp_path / "out", "fridge-1", "door")
            process.terminate()
            process.wait(timeout=20)

        assert "fridge-1: door_open" in first
        assert door == Sample(1_000)
        assert process.returncode == 0

    def test_sigterm_ends_it_at_once(self, tmp_path: Path) -> None:
        """It does not first finish its step of a minute."""
        path = self.sample(tmp_path)
        path.write_text(path.read_text().replace('step = "10s"', 'step = "60s"'))
        with self.start(path, 1.0) as process:
            deadline = time.monotonic() + 20
            while not (tmp_path / "out" / "w1" / A2 / "w1_slave").exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            # Its files are there, so its signal handlers are.
            process.send_signal(signal.SIGTERM)

            assert process.wait(timeout=20) == 0
