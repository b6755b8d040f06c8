"""Who makes the broker read its files again: root himself, and for the service the path unit."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from config.enrolment import EnrolmentSettings
from hub.enrol import broker

HOUSE = Path(__file__).resolve().parents[3]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that writes down what it was asked, and answers what the file `state` holds."""
    program = tmp_path / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat {tmp_path}/state\nexit $(cat {tmp_path}/exit)\n'
    )
    program.chmod(0o755)
    (tmp_path / "state").write_text("")
    (tmp_path / "exit").write_text("0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_root_asks_systemd(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a broker that is not running is no trouble: it reads everything when it starts."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    broker.reload(EnrolmentSettings().broker_reload)
    assert (asked / "asked").read_text() == "try-reload-or-restart mosquitto.service\n"
    (asked / "exit").write_text("5")
    with pytest.raises(broker.ReloadError, match="write: sudo systemctl try-reload-or-restart"):
        broker.reload(EnrolmentSettings().broker_reload)


@pytest.mark.parametrize("state", ["active", ""], ids=["active", "cannot be asked"])
def test_the_service_need_not_be_root(
    asked: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A device is given its next certificate by a user who may not reload mosquitto."""
    monkeypatch.setattr(os, "geteuid", lambda: 999)
    (asked / "state").write_text(state)
    (asked / "exit").write_text("0" if state else "1")
    broker.reload(EnrolmentSettings().broker_reload)
    assert (asked / "asked").read_text() == "is-active coldwatch-broker.path\n"


def test_a_path_unit_that_is_off_is_told(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to write."""
    monkeypatch.setattr(os, "geteuid", lambda: 999)
    (asked / "state").write_text("inactive")
    (asked / "exit").write_text("3")
    with pytest.raises(broker.ReloadError, match="enable --now coldwatch-broker"):
        broker.reload(EnrolmentSettings().broker_reload)


def test_the_units_fit_to_it() -> None:
    """The service brings the path unit along, which looks at each file that is written."""
    service = (HOUSE / "systemd/coldwatch-enroll.service").read_text()
    assert "\nWants=coldwatch-broker.path\n" in service
    path = (HOUSE / "systemd/coldwatch-broker.path").read_text()
    watched = set(re.findall(r"(?m)^PathChanged=/var/lib/coldwatch-hub/broker/(.+)$", path))
    assert watched == {broker.RIGHTS_FILE, broker.CRL_FILE, broker.SERVER_FILE}


def test_the_hub_does_not_see_the_key_of_the_ca() -> None:
    """They have one user: what keeps them apart is the unit."""
    for name in ("hub", "smsd"):
        unit = (HOUSE / f"systemd/coldwatch-{name}.service").read_text()
        line = next(line for line in unit.splitlines() if line.startswith("InaccessiblePaths="))
        assert f"-/var/lib/coldwatch-hub/{broker.CA_FOLDER}" in line
