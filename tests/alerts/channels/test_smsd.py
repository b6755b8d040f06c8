"""gammu-smsd's configuration, and the one who keeps it alive; the daemon here is a fake program."""

from __future__ import annotations

import configparser
import shutil
import time
from pathlib import Path

import pytest

from alerts.channels import smsd
from alerts.channels.smsd import Smsd, smsd_config, start_smsd, what_is_missing


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a program gammu-smsd that is found first; `sh` and `sleep` stay reachable."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def write(folder: Path, script: str) -> None:
    """Make the fake daemon do something."""
    program = folder / "gammu-smsd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def eventually(happened: object, seconds: float = 5.0) -> bool:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


class TestConfig:
    def test_it_names_its_files(self, tmp_path: Path) -> None:
        """Paths are absolute, for smsd may be started anywhere."""
        text = smsd_config(tmp_path / "modem", tmp_path / "db" / "smsd.db", tmp_path / "smsd.log")

        config = configparser.ConfigParser()
        config.read_string(text)
        assert config["gammu"]["device"] == str(tmp_path / "modem")
        assert config["smsd"]["dbdir"] == f"{tmp_path}/db/"
        assert config["smsd"]["database"] == "smsd.db"
        assert config["smsd"]["logfile"] == str(tmp_path / "smsd.log")
        assert (config["smsd"]["service"], config["smsd"]["driver"]) == ("sql", "sqlite3")

    def test_given_up_before_the_hub_calls_it_failing(self, tmp_path: Path) -> None:
        """With the defaults a refused message is given up well within a minute."""
        config = configparser.ConfigParser()
        config.read_string(smsd_config(tmp_path / "m", tmp_path / "d", tmp_path / "l"))
        tries = int(config["smsd"]["maxretries"]) + 1

        assert tries == 3
        assert tries * int(config["smsd"]["retrytimeout"]) <= 30

    def test_reports_are_said_at_once(self, tmp_path: Path) -> None:
        """Reports are asked for, and come as +CDS: smsd 1.42 reads those it is told of as empty."""
        config = configparser.ConfigParser()
        config.read_string(smsd_config(tmp_path / "m", tmp_path / "d", tmp_path / "l"))

        assert config["gammu"]["atgen_setcnmi"] == ",,,1"
        assert config["smsd"]["deliveryreport"] == "log"


class TestMissing:
    def test_the_program(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Where gammu-smsd is missing, the line to type is given, and nothing is written."""
        monkeypatch.setenv("PATH", str(tmp_path))

        assert what_is_missing() == (
            "gammu-smsd is not installed; as root: apt-get install gammu-smsd libdbd-sqlite3"
        )
        with pytest.raises(RuntimeError, match="apt-get install"):
            start_smsd(tmp_path, tmp_path / "modem", tmp_path / "smsd.db")
        assert list(tmp_path.iterdir()) == []

    def test_the_driver(self, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where only its SQLite driver is missing, that is said."""
        write(fake, "exit 0")
        monkeypatch.setattr(smsd, "_DRIVERS", ("no/such/driver.so",))

        assert "SQLite driver is not installed" in (what_is_missing() or "")


class TestSupervision:
    def test_started_again(self, fake: Path, tmp_path: Path) -> None:
        """A daemon that ends is started again, with more and more time between."""
        write(fake, f"date +%s.%N >> {tmp_path}/starts; echo gone >&2; exit 1")
        log, times = tmp_path / "log", tmp_path / "starts"
        times.touch()

        with Smsd(tmp_path / "smsdrc", log):
            assert eventually(lambda: len(times.read_text().split()) >= 3, 10)

        starts = [float(line) for line in times.read_text().split()]
        assert starts[2] - starts[1] > starts[1] - starts[0] > 0.5
        assert "gone" in log.read_text()

    def test_its_arguments(self, fake: Path, tmp_path: Path) -> None:
        """It gets its configuration, and ends itself when its modem is gone."""
        write(fake, f'echo "$@" > {tmp_path}/arguments; sleep 60')

        with Smsd(tmp_path / "smsdrc", tmp_path / "log"):
            assert eventually((tmp_path / "arguments").exists)
            time.sleep(0.1)

        words = (tmp_path / "arguments").read_text().split()
        assert words == ["--config", str(tmp_path / "smsdrc"), "--max-failures", "2"]

    def test_stopped_by_force(self, fake: Path, tmp_path: Path) -> None:
        """A daemon that ignores SIGTERM, as smsd does while its modem hangs, is gone after 2 s."""
        write(fake, f"trap '' TERM; touch {tmp_path}/up; while :; do sleep 0.1; done")
        daemon = Smsd(tmp_path / "smsdrc", tmp_path / "log")
        with daemon:
            assert eventually((tmp_path / "up").exists)
            began = time.monotonic()

        assert time.monotonic() - began < 4
        assert not (Path("/proc") / str(daemon.pid)).exists()
        assert daemon.starts == 1

    def test_without_setpriv(
        self, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where setpriv is missing it runs all the same."""
        which = shutil.which
        monkeypatch.setattr(
            shutil, "which", lambda name: which(name) if name != "setpriv" else None
        )
        write(fake, f"touch {tmp_path}/up; exec sleep 60")

        with Smsd(tmp_path / "smsdrc", tmp_path / "log"):
            assert eventually((tmp_path / "up").exists)
