"""What agent and hub may not do themselves, and ask of systemd by a file: with real path units."""

from __future__ import annotations

import shutil

import pytest

from tests.systemd.machine import HOUSE, Machine, Make

pytestmark = pytest.mark.timeout(300)

AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
ASKING = 'test "$(systemctl is-active {})" = active'


def booted(machines: Make, name: str) -> Machine:
    """Return a Debian in which a path unit of ours waits, before what it waits for is there."""
    machine = machines()
    for kind in ("path", "service"):
        shutil.copy(HOUSE / f"systemd/{name}.{kind}", machine.root / "etc/systemd/system")
    machine.boot()
    machine.run(f"systemctl start {name}.path")
    machine.run(f"{AS_NOBODY} sh -c '{ASKING.format(name + '.path')}'")
    return machine


def test_the_agent_switches_the_pi_off_by_a_file(machines: Make) -> None:
    """Which its user may write; `systemctl poweroff` is refused to it."""
    machine = booted(machines, "coldwatch-poweroff")
    assert machine.run(f"{AS_NOBODY} systemctl poweroff", check=False).returncode != 0
    # As RuntimeDirectory= makes it with each start of the agent.
    machine.run("install -d -o 65534 /run/coldwatch")
    machine.run(f"{AS_NOBODY} touch /run/coldwatch/poweroff")
    assert machine.ended(60)


def test_mosquitto_reads_again_what_enrolment_has_written(machines: Make) -> None:
    """For a user who may not reload it."""
    machine = booted(machines, "coldwatch-broker")
    machine.run("systemctl start mosquitto")
    refused = machine.run(f"{AS_NOBODY} systemctl reload mosquitto", check=False)
    assert refused.returncode != 0
    log = machine.root / "var/log/mosquitto/mosquitto.log"
    folder = "/var/lib/coldwatch-hub/broker"
    machine.run(f"install -d -o 65534 {folder}")
    for n, name in enumerate(("rights", "revoked.pem", "server.pem", "rights"), 1):
        machine.run(f"cd {folder} && echo {n} >.new && mv .new {name}")
        machine.wait(
            f"it reads {name} again",
            lambda n=n: log.read_text().count("Reloading config") >= n,  # type: ignore[misc]
        )
