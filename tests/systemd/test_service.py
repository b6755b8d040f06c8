"""The agent under a real systemd: killed, stalled, without its broker, rebooted; nothing is missing.

Hub and agent run in one container, as their units say. Completeness is counted from the agent's spool
and the hub's history.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine, Make
from tests.systemd.site import Site

AGENT = "coldwatch-agent"
HUB = "coldwatch-hub"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def site(machines: Make, installed: Machine) -> Iterator[Site]:
    """A site that runs. The tests follow each other on it, and each leaves it running."""
    machine = machines(installed)
    machine.boot()
    site = Site(machine)
    site.start()
    yield site
    machine.poweroff()


def restarts(site: Site, unit: str) -> int:
    """Return how often systemd has started a unit again."""
    return int(site.machine.show(unit, "NRestarts"))


def test_both_are_ready_and_run_as_their_own_users(site: Site) -> None:
    """READY reached systemd, the state is what the panel says, and nobody is root."""
    machine = site.machine
    for unit, user in ((AGENT, "coldwatch-agent"), (HUB, "coldwatch-hub")):
        assert machine.show(unit, "ActiveState") == "active"
        assert machine.run(f"ps -o user:20= -p {site.pid(unit)}").stdout.strip() == user
    assert "recorded" in machine.show(AGENT, "StatusText")
    assert site.panel()["light"]
    owner = machine.run("stat -c '%U %a' /var/lib/coldwatch /var/lib/coldwatch-hub").stdout
    assert owner.split() == ["coldwatch-agent", "750", "coldwatch-hub", "711"]
    # The pages, which the hub starts, answer too.
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/').status)"
    machine.wait(
        "the pages answer",
        lambda: machine.run(f'python3 -c "{ask}"', check=False).stdout.strip() == "200",
    )


def test_killed_it_comes_back_with_all_that_it_had(site: Site) -> None:
    """SIGKILL, twice: systemd starts it again, the same stream goes on."""
    for _ in range(2):
        before, pid = restarts(site, AGENT), site.pid(AGENT)
        site.machine.run(f"kill -KILL {pid}")
        site.machine.wait("the agent runs again", lambda: restarts(site, AGENT) > before)  # noqa: B023
        site.check_lamps_off()
        site.wait_for_more(4)
    # RestartSec=5, and the time to start on a machine that is busy.
    site.check_complete(longest_ms=40_000)


def test_the_hub_killed_comes_back(site: Site) -> None:
    """Its pages end with it and come back with it, and the agent sends what was missed."""
    before = restarts(site, HUB)
    site.machine.run(f"kill -KILL {site.pid(HUB)}")
    site.machine.wait("the hub runs again", lambda: restarts(site, HUB) > before)
    site.wait_for_more(4)
    site.check_complete(longest_ms=40_000)


def test_stalled_the_watchdog_bites(site: Site) -> None:
    """SIGSTOP: nothing is fed, systemd ends it and starts it again. The limit is short for the test."""
    machine = site.machine
    machine.run(
        "mkdir -p /run/systemd/system/coldwatch-agent.service.d; "
        "printf '[Service]\\nWatchdogSec=6\\nTimeoutAbortSec=2\\n' "
        "> /run/systemd/system/coldwatch-agent.service.d/short.conf; "
        "systemctl daemon-reload; systemctl restart coldwatch-agent"
    )
    site.wait_for_more(8)
    before = restarts(site, AGENT)
    assert machine.show(AGENT, "Result") == "success", "fed in time while it moves"
    machine.run(f"kill -STOP {site.pid(AGENT)}")
    machine.wait("the watchdog bites", lambda: restarts(site, AGENT) > before)
    journal = machine.run("journalctl -u coldwatch-agent --no-pager").stdout
    assert "Watchdog timeout (limit 6s)!" in journal
    site.check_lamps_off()
    site.wait_for_more(4)
    site.check_complete(longest_ms=60_000)


def test_without_a_broker_it_goes_on_measuring(site: Site) -> None:
    """The broker is away for a while: nothing restarts, nothing is missing in between."""
    machine = site.machine
    before = restarts(site, AGENT), restarts(site, HUB)
    machine.run("systemctl stop mosquitto")
    head = sum(each.last for each in site.spool())
    machine.wait(
        "it records without a broker",
        lambda: sum(each.last for each in site.spool()) >= head + 10,
    )
    machine.run("systemctl start mosquitto")
    site.wait_for_more(14)
    site.check_complete(longest_ms=60_000)
    assert (restarts(site, AGENT), restarts(site, HUB)) == before


def test_rebooted_it_starts_by_itself(site: Site) -> None:
    """The machine is switched off and on: both come by themselves, with the same stream."""
    machine = site.machine
    before = {each.stream: each.last for each in site.spool()}
    machine.poweroff()
    machine.boot()
    machine.wait("the agent is up", lambda: machine.show(AGENT, "ActiveState") == "active")
    assert machine.show(AGENT, "NRestarts") == "0"
    site.check_lamps_off()
    site.wait_for_more(4)
    assert {each.stream for each in site.spool()} == set(before)
    site.check_complete(longest_ms=120_000)


def test_wrong_settings_are_not_tried_again_and_again(site: Site) -> None:
    """Exit code 78: systemd leaves it, and its state says in one line what is wrong."""
    machine = site.machine
    file = machine.root / "etc/coldwatch/agent.toml"
    good = file.read_text()
    file.write_text(good.replace('every = "1s"', 'every = "soon"', 1))
    try:
        machine.run("systemctl restart coldwatch-agent", check=False)
        assert machine.show(AGENT, "ActiveState") == "failed"
        assert machine.show(AGENT, "ExecMainStatus") == "78"
        assert "soon" in machine.run("journalctl -u coldwatch-agent -n 8 --no-pager").stdout
    finally:
        file.write_text(good)
    machine.run("systemctl restart coldwatch-agent")
    site.wait_for_more(2)


def test_the_sandbox_is_there(site: Site) -> None:
    """What the units promise: nothing but the own folders can be written, but probes' files can."""
    machine = site.machine

    def inside(unit: str, command: str) -> str:
        enter = (
            f"nsenter -t {site.pid(unit)} -m -- setpriv --reuid {unit} --regid {unit} --init-groups"
        )
        return machine.run(f"{enter} sh -c '{command}'", check=False).stdout.strip()

    for unit in (AGENT, HUB):
        assert inside(unit, "touch /etc/x /usr/x /var/x 2>/dev/null; ls /etc/x /usr/x /var/x") == ""
        assert inside(unit, "ls /home /root 2>/dev/null") == ""
    mounts = inside(AGENT, "cat /proc/self/mounts")
    rights = {line.split()[1]: line.split()[3].split(",")[0] for line in mounts.splitlines()}
    assert rights["/sys/devices"] == "rw", "1-Wire probes are told there to convert"
    assert rights["/proc/sys"] == "ro"
    groups = machine.run("id -nG coldwatch-agent").stdout.split()
    assert {"gpio", "i2c", "spi"} <= set(groups)


def test_a_credential_reaches_the_hub_and_nobody_else(site: Site) -> None:
    """The token of InfluxDB lies in a file of root's; systemd hands it over."""
    machine = site.machine
    machine.run("umask 077; printf secret > /etc/coldwatch/influx-token")
    machine.run("systemctl restart coldwatch-hub")
    path = "/run/credentials/coldwatch-hub.service/influx-token"
    assert machine.run(f"cat {path}").stdout == "secret"
    other = machine.run(f"setpriv --reuid coldwatch-agent --clear-groups cat {path}", check=False)
    assert other.returncode != 0
    machine.run("rm /etc/coldwatch/influx-token; systemctl restart coldwatch-hub")
    assert machine.run(f"cat {path}").stdout == "none"
