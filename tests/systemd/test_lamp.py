"""A UV lamp's relay is off after every end of the agent: what the unit's ExecStopPost= is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine, Make
from tests.systemd.site import RELAY, Site

pytest.importorskip("firmware_agent.lamp.lines", reason="lamps are not built yet")
pytestmark = pytest.mark.timeout(900)

# A folder stands in for the lines. It lies in the state folder, for the test looks at it while no
# agent runs.
LAMP = f"""
[gpio]
adapter = "folder"
folder = "/var/lib/coldwatch/gpio"
[[lamp.lamps]]
id = "lamp-1"
relay = {{ line = {RELAY} }}
pulse = {{ line = 24 }}
door = {{ line = 17 }}
presence = {{ line = 27 }}
beacon = {{ line = 25 }}
"""


@pytest.fixture(scope="module")
def site(machines: Make, installed: Machine) -> Iterator[Site]:
    """A site whose agent has a lamp. It starts again late, so that one can look in between."""
    machine = machines(installed)
    machine.boot()
    machine.run(
        "mkdir -p /run/systemd/system/coldwatch-agent.service.d; "
        "printf '[Service]\\nRestartSec=20\\nWatchdogSec=6\\nTimeoutAbortSec=2\\n' "
        "> /run/systemd/system/coldwatch-agent.service.d/short.conf; systemctl daemon-reload"
    )
    site = Site(machine, more=LAMP, relays=(RELAY,))
    site.start()
    yield site
    machine.poweroff()


@pytest.mark.parametrize("end", ["KILL", "STOP", "TERM"])
def test_however_the_agent_ends_the_relay_is_off(site: Site, end: str) -> None:
    """The lamp is on, and the agent is killed, stalled or told to go: systemd releases the relay."""
    machine = site.machine
    machine.wait("the agent runs", lambda: machine.show("coldwatch-agent", "SubState") == "running")
    site.wait_for_more(2)
    value = site.relay_file(RELAY)
    pid = site.pid("coldwatch-agent")
    # Stalled first, so that it is not the agent that puts it off again.
    machine.run(f"kill -STOP {pid}; echo 1 > {value}")
    machine.run({"KILL": f"kill -KILL {pid}", "STOP": "true", "TERM": f"kill -CONT {pid}"}[end])
    if end == "TERM":
        machine.run("systemctl stop coldwatch-agent")
    machine.wait(
        "the agent has ended",
        lambda: machine.show("coldwatch-agent", "SubState") in {"auto-restart", "dead"},
    )
    site.check_lamps_off()
    machine.run("systemctl start coldwatch-agent")
