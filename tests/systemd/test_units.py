"""The units as files: systemd has nothing to say about them, and what they may do is little."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port, wait_until_it_answers
from tests.systemd.machine import HOUSE, Machine, Make

UNITS = sorted((HOUSE / "systemd").glob("*.service"))
SCRIPTS = ["systemd/service.sh", *(f"tools/{path.name}" for path in (HOUSE / "tools").glob("*.sh"))]


def need(program: str, package: str) -> None:
    """Fail in CI, skip elsewhere, where a program is missing."""
    if shutil.which(program) is None:
        reason = f"{program} is missing; as root: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_exposure_is_low(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze security` at 2.0 or better, of every unit."""
    need("systemd-analyze", "systemd")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("@ROLE@", "hub"))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(copy)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    assert "Overall exposure level" in done.stdout


@pytest.mark.timeout(900)
def test_verify_is_silent(machines: Make, installed: Machine) -> None:
    """On Debian 12's systemd 252, of the units as they were installed, and of sysusers and tmpfiles."""
    machine = machines(installed)
    machine.boot()
    units = machine.run(
        "ls /usr/local/lib/systemd/system/coldwatch-*.* /usr/lib/systemd/system/coldwatch-*.*"
    ).stdout.split()
    assert len(units) == 5 + 5
    done = machine.run(f"systemd-analyze verify {' '.join(units)}")
    assert (done.stdout, done.stderr) == ("", "")
    rules = machine.run("udevadm test /sys/class/net/lo 2>&1").stdout
    assert "60-coldwatch.rules" in rules
    assert not [line for line in rules.splitlines() if "60-coldwatch.rules:" in line], rules


def test_no_setting_stands_twice_or_without_a_reason() -> None:
    """A unit says each thing once, but for lists; and a comment stands in each group of lines."""
    lists = {"DeviceAllow", "SystemCallFilter", "Environment", "PathChanged", "ReadWritePaths"}
    for unit in UNITS:
        keys = re.findall(r"(?m)^([A-Z]\w+)=", unit.read_text())
        twice = {key for key in keys if keys.count(key) > 1} - lists
        assert not twice, (unit.name, twice)


def test_the_agent_waits_for_no_network() -> None:
    """Nothing that needs a network may stand before the start of the agent."""
    for name in ("coldwatch-agent", "coldwatch-watch", "coldwatch-hub"):
        lines = re.findall(
            r"(?m)^(?:After|Wants|Requires|BindsTo|Requisite)=(.*)$",
            (HOUSE / "systemd" / f"{name}.service").read_text(),
        )
        assert lines
        assert not {"time-sync.target", "network-online.target"} & set(" ".join(lines).split())


def test_the_samples_of_the_modem_are_those_of_the_code() -> None:
    """smsd-agent.conf and smsd-hub.conf say what `smsd_config` says, and why is written there."""
    from alerts.channels.smsd import smsd_config
    from alerts.channels.smsd_prepare import database_of, read_config

    for role, state in (("agent", "coldwatch"), ("hub", "coldwatch-hub")):
        file = HOUSE / "systemd" / f"smsd-{role}.conf"
        database = Path(f"/var/lib/{state}/smsd.db")
        text = smsd_config(Path("/dev/ttyUSB0"), database, Path("/log"))
        kept = [line for line in file.read_text().splitlines(keepends=True) if line[0] != "#"]
        assert "".join(kept) == text.replace("logfile = /log", "logfile = stderr")
        assert database_of(file, read_config(file)) == database


def test_mosquitto_takes_the_limits(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The file is included as it is; a word that mosquitto did not know would end it."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    shutil.copy(HOUSE / "systemd/mosquitto/coldwatch-limits.conf", folder)
    # As `coldwatch enroll init` writes it, a listener of its own and a limit once more.
    port = unused_port()
    (folder / "coldwatch.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmessage_size_limit 2000000\n"
    )
    main = tmp_path / "main.conf"
    main.write_text(f"user root\nlog_dest stderr\ninclude_dir {folder}\n")
    program = Mosquitto.program()
    assert program
    with (tmp_path / "log").open("wb") as log:
        broker = subprocess.Popen([program, "-c", str(main)], stderr=log)
    try:
        assert wait_until_it_answers("127.0.0.1", port), (tmp_path / "log").read_text()
    finally:
        broker.terminate()
        broker.wait(20)
    said = (tmp_path / "log").read_text()
    assert "Error" not in said, said
    warnings = [line for line in said.splitlines() if "Warning" in line]
    assert all("run as root" in line for line in warnings), said


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    """Of none of our shell scripts."""
    need("shellcheck", "shellcheck")
    done = subprocess.run(
        ["shellcheck", script], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""


def test_the_agent_may_reach_what_its_drivers_open() -> None:
    """Each device that a driver names, by unit, group and udev rule; vcgencmd's among them."""
    unit = (HOUSE / "systemd/coldwatch-agent.service").read_text()
    users = (HOUSE / "systemd/agent.sysusers").read_text()
    rules = (HOUSE / "systemd/coldwatch.udev").read_text()
    for allowed, group, node in (
        ("char-gpiochip", "gpio", 'KERNEL=="gpiochip*"'),
        ("/dev/gpiomem", "gpio", 'KERNEL=="gpiomem"'),
        ("char-i2c", "i2c", 'SUBSYSTEM=="i2c-dev"'),
        ("char-spi", "spi", 'SUBSYSTEM=="spidev"'),
        ("/dev/vcio", "video", 'KERNEL=="vcio"'),
    ):
        assert f"\nDeviceAllow={allowed} rw\n" in unit
        assert f"\nm coldwatch-agent {group}\n" in users
        assert re.search(rf'(?m)^.*{re.escape(node)}.* GROUP="{group}"', rules), node


def test_what_the_settings_offer_for_switching_off_is_what_systemd_waits_for() -> None:
    """The agent itself may not: its command only touches a file, which it may write."""
    from config.power import PowerSettings

    examples = PowerSettings.model_fields["poweroff"].examples
    assert examples
    touch, file = examples[0]
    assert touch == "touch"
    path = (HOUSE / "systemd/coldwatch-poweroff.path").read_text()
    assert f"\nPathChanged={file}\n" in path
    agent = (HOUSE / "systemd/coldwatch-agent.service").read_text()
    assert "\nWants=coldwatch-poweroff.path\n" in agent
    assert f"\nRuntimeDirectory={Path(file).parent.name}\n" in agent
