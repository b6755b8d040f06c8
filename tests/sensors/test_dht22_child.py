"""The child process of a DHT22: what it says where it cannot work, and who keeps it alive or kills it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors import registry
from sensors.contract import ProbeError, ProbeFaultError, ProbeTransientError, Sample
from sensors.dht22 import child, supervisor
from sensors.dht22.driver import Dht22
from sensors.shared import Devices
from tests.sensors.clocks import HandClock

FIVE = "01c20032f5"
EIGHT = "02590050ab"


class Standin:
    """A device whose child is simulator/dht22.py, and the file that says what the chip does."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "said"
        self.device = Dht22(["-m", "simulator.dht22", str(self.file)])

    def holds(self, text: str) -> None:
        """Have the chip do this from now on."""
        self.file.write_text(text)

    def temperature(self) -> int | None:
        """Measure."""
        return self.device.measure()["temperature"].value

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self.device.child.pid is not None
        return self.device.child.pid


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    """A device that reads 5 degC."""
    made = Standin(tmp_path)
    made.holds(FIVE)
    yield made
    made.device.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a second where the real ones are of six."""
    monkeypatch.setattr(supervisor, "ANSWER_S", 1.0)
    monkeypatch.setattr(supervisor, "LEAST_REST_S", 0.05)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; one that waits for its parent counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait at most ten seconds."""
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def until_it_reads(standin: Standin) -> int | None:
    """Read until there is a value: rests between two starts are over soon."""
    until = time.monotonic() + 20
    while True:
        try:
            return standin.temperature()
        except ProbeError:
            assert time.monotonic() < until
            time.sleep(0.05)


class TestSupervision:
    def test_one_process_measures_for_all_its_life(self, standin: Standin) -> None:
        """It is started with the first read and kept; every read is a new measurement."""
        assert standin.device.child.pid is None
        assert standin.temperature() == 5_000
        first = standin.pid
        standin.holds(EIGHT)
        assert standin.temperature() == 8_000
        assert standin.pid == first

    def test_a_failed_measurement_is_one_failed_read(self, standin: Standin) -> None:
        """Everyday life of a DHT22: the process stays."""
        standin.temperature()
        first = standin.pid
        standin.file.unlink()
        with pytest.raises(ProbeTransientError, match="check wiring"):
            standin.temperature()
        standin.holds(EIGHT)
        assert standin.temperature() == 8_000
        assert standin.pid == first

    @pytest.mark.parametrize(
        ("fault", "says"),
        [
            ("hang", "its process hung and was killed"),
            ("crash", "its process ended"),
            ("garbage", "its process said nonsense and was killed"),
            ("endless", "its process said nonsense and was killed"),
            ('"frame"', "its process said nonsense and was killed"),
        ],
    )
    @pytest.mark.usefixtures("impatient")
    def test_whatever_it_does_it_is_replaced(self, standin: Standin, fault: str, says: str) -> None:
        """One failed read with its reason; the process is gone for good; another one reads on."""
        assert until_it_reads(standin) == 5_000
        first = standin.pid
        standin.holds(fault)
        begun = time.monotonic()
        with pytest.raises(ProbeTransientError, match=says):
            standin.temperature()
        assert time.monotonic() - begun < 5
        wait_for(lambda: is_gone(first))
        standin.holds(EIGHT)
        assert until_it_reads(standin) == 8_000
        assert standin.pid != first

    @pytest.mark.usefixtures("impatient")
    def test_a_process_killed_by_somebody_else_is_replaced(self, standin: Standin) -> None:
        """The kernel's out-of-memory killer, for one."""
        until_it_reads(standin)
        os.kill(standin.pid, signal.SIGKILL)
        with pytest.raises(ProbeTransientError, match="ended"):
            standin.temperature()
        assert until_it_reads(standin) == 5_000

    @pytest.mark.usefixtures("impatient")
    def test_a_process_that_does_not_terminate_is_killed(self, standin: Standin) -> None:
        """Blinka replaces the handler of SIGTERM; SIGKILL asks nobody. Here it is stopped, too."""
        until_it_reads(standin)
        first = standin.pid
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(ProbeTransientError, match="hung"):
            standin.temperature()
        assert is_gone(first)

    def test_a_slow_start_is_waited_for_and_no_hang(
        self, standin: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A Pi Zero takes ten seconds to import Blinka: reads fail in time, the process is kept."""
        monkeypatch.setattr(supervisor, "ANSWER_S", 0.3)
        standin.holds("slow")
        for _ in range(3):
            with pytest.raises(ProbeTransientError, match="still starting"):
                standin.temperature()
        first = standin.pid
        standin.holds(FIVE)
        assert until_it_reads(standin) == 5_000
        assert standin.pid == first

    def test_a_start_that_never_ends_is_a_hang(
        self, standin: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a minute, here after half a second, it is begun anew."""
        monkeypatch.setattr(supervisor, "ANSWER_S", 0.3)
        monkeypatch.setattr(supervisor, "START_S", 0.5)
        standin.holds("slow")
        with pytest.raises(ProbeTransientError, match="still starting"):
            standin.temperature()
        with pytest.raises(ProbeTransientError, match="hung and was killed"):
            standin.temperature()
        assert standin.device.child.pid is None

    def test_a_loop_of_crashes_rests_longer_each_time(
        self, standin: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Starting Python every ten seconds for weeks would be a load of its own. The text stays."""
        monkeypatch.setattr(supervisor, "LEAST_REST_S", 5.0)
        now = [1_000.0]
        standin.device = Dht22(["-c", "raise SystemExit(3)"])
        rests, texts = [], set()
        real = time.monotonic
        monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0] + real() / 1e6)
        begun_at = now[0]
        for _ in range(300):
            with pytest.raises(ProbeTransientError) as raised:
                standin.device.measure()
            texts.add(str(raised.value))
            if standin.device.child._not_before_s > now[0] + 0.5:
                rests.append(round(standin.device.child._not_before_s - now[0]))
                now[0] = standin.device.child._not_before_s
            now[0] += 1.0
            if len(rests) == 6:
                break
        assert rests == [5, 10, 20, 40, 60, 60]
        assert len(texts) == 1
        assert now[0] > begun_at

    def test_a_fault_is_told_and_found_mended(self, standin: Standin) -> None:
        """Whoever installs the library need not start the agent again."""
        standin.holds("fault adafruit_dht is not installed; install coldwatch[pi]")
        with pytest.raises(ProbeFaultError, match=r"install coldwatch\[pi\]"):
            standin.temperature()
        with pytest.raises(ProbeFaultError, match=r"install coldwatch\[pi\]"):
            standin.temperature()
        standin.holds(FIVE)
        assert until_it_reads(standin) == 5_000

    def test_closing_ends_it(self, standin: Standin) -> None:
        """And closing again does no harm; a closed one is not started again."""
        standin.temperature()
        first = standin.pid
        standin.device.close()
        standin.device.close()
        assert is_gone(first)
        with pytest.raises(ProbeTransientError, match="closed"):
            standin.temperature()

    def test_it_ends_with_an_agent_that_was_killed(self, tmp_path: Path) -> None:
        """SIGKILL leaves no time to close anything: its stdin ends, and so does it."""
        (tmp_path / "said").write_text(FIVE)
        code = (
            "import sys, time\n"
            "from sensors.dht22.driver import Dht22\n"
            f"device = Dht22(['-m', 'simulator.dht22', {str(tmp_path / 'said')!r}])\n"
            "device.measure()\n"
            "print(device.child.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert not is_gone(pid)
            parent.kill()
        wait_for(lambda: is_gone(pid))


def test_both_series_of_a_chip_share_its_measurements(tmp_path: Path) -> None:
    """One process, one measurement a cycle, two quantities."""
    (tmp_path / "said").write_text(FIVE)
    table = {"kind": "dht22", "standin": str(tmp_path / "said")}
    clock, devices = HandClock(), Devices()
    warm = registry.open_probe(table, clock, "temperature", devices)
    wet = registry.open_probe(
        table | {"checks": {"stuck_after": "off"}}, clock, "humidity", devices
    )

    assert warm.read() == Sample(5_000)
    (tmp_path / "said").write_text(EIGHT)
    assert wet.read() == Sample(45_000)
    clock.pass_ms(3_000)
    assert (wet.read(), warm.read()) == (Sample(60_100), Sample(8_000))
    warm.close()
    wet.close()


def test_it_may_never_decide() -> None:
    """Whatever the settings say: it speaks for the room, and for no vaccine."""
    reason = registry.unfit({"kind": "dht22", "pin": 4})

    assert reason is not None
    assert "not accurate enough" in reason


@pytest.mark.parametrize(
    "table", [{}, {"pin": 4, "standin": "/x"}, {"pin": 28}, {"pin": -1}, {"pin": "D4"}]
)
def test_wrong_settings_are_one_line(table: dict[str, Any]) -> None:
    """A line by its BCM number, and nothing else."""
    with pytest.raises(ValueError, match="driver dht22") as raised:
        registry.check_settings({"kind": "dht22", **table})

    assert "\n" not in str(raised.value)


def run(*arguments: str) -> list[dict[str, Any]]:
    """Run the real child with nothing to do; return what it said."""
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestRealChild:
    def test_on_a_machine_without_gpio_it_says_so_and_nothing_else(self) -> None:
        """With the real library: Blinka's warnings do not get among the answers."""
        (said,) = run("-m", "sensors.dht22.child", "4")

        assert "board" in said["fault"] or "library" in said["fault"]

    def test_a_missing_library_names_the_package(self) -> None:
        """What is missing, and what to install."""
        code = (
            "import sys\n"
            "sys.modules['adafruit_dht'] = None\n"
            "sys.argv = ['child', '4']\n"
            "from sensors.dht22.child import main\n"
            "main()\n"
        )
        assert run("-c", code) == [
            {"fault": "adafruit_dht is not installed; install coldwatch[pi]"}
        ]

    def test_the_agent_never_imports_the_library(self) -> None:
        """Its ``pulseio`` would take the agent's SIGTERM away."""
        code = (
            "import sys, sensors.dht22.driver, sensors.dht22.child\n"
            "print(sorted({'adafruit_dht', 'pulseio', 'board', 'adafruit_blinka'} & set(sys.modules)))"
        )
        assert run("-c", code) == [[]]

    def test_a_measurement_that_hangs_ends_the_process(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even where nobody is left to kill it: the alarm is set for each measurement, and taken back."""
        alarms: list[int] = []
        monkeypatch.setattr("signal.alarm", alarms.append)

        class Silent:
            temperature = humidity = 0.0

            def measure(self) -> None:
                raise RuntimeError("DHT sensor not found, check wiring")

        said: list[dict[str, Any]] = []
        child.serve(4, ["\n"], said.append, lambda _: Silent())
        assert alarms == [20, 0]
        assert said == [{"ready": True}, {"transient": "DHT sensor not found, check wiring"}]

    def test_a_line_that_cannot_be_used_is_a_fault(self) -> None:
        """Another program holds the line: trying again does not help."""

        class Busy:
            temperature = humidity = 0.0

            def measure(self) -> None:
                raise OSError(16, "Device or resource busy")

        assert child.answer(Busy()) == {
            "fault": "the line cannot be used: [Errno 16] Device or resource busy"
        }
