"""Installing, upgrading and taking away: by `make` and by package, with and without luck."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from coldwatch import __version__
from tests.systemd.machine import HOUSE, INSTALL, Machine, Make
from tests.systemd.site import Site

pytestmark = pytest.mark.timeout(900)

SPOOL = "/var/lib/coldwatch/spool.db"


def install(role: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tools/install.sh here, as it is run by make."""
    return subprocess.run(
        ["tools/install.sh", "install", *role.split()],
        cwd=HOUSE, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


class TestRefusals:
    """One line, before anything was done."""

    def test_which_role(self) -> None:
        """Not guessed on a server."""
        done = install("")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("coldwatch: agent or hub? write: make install ROLE=agent")
        assert done.stderr.count("\n") == 1

    def test_unknown_role(self) -> None:
        """Nor is a misspelt one."""
        assert install("agnet").stderr == (
            "coldwatch: unknown ROLE=agnet; write ROLE=agent or ROLE=hub\n"
        )

    def test_root_is_needed(self) -> None:
        """It says what to write."""
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "sh", "tools/install.sh", "install",
             "agent"],
            cwd=HOUSE, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if "Permission denied" in done.stderr:
            pytest.skip("nobody may not read the checkout here")
        assert done.stderr == "coldwatch: this needs root: sudo make install ROLE=agent\n"

    def test_no_python(self, tmp_path: Path) -> None:
        """A Python that is none, or too old."""
        done = install("agent", DESTDIR=str(tmp_path), COLDWATCH_PYTHON="/bin/false")
        assert done.stderr == (
            "coldwatch: /bin/false is no Python 3.11 or newer; "
            "name one: COLDWATCH_PYTHON=/path/to/python3\n"
        )
        assert not list(tmp_path.iterdir())


def test_what_is_said_and_where_things_are(installed: Machine) -> None:
    """A line for each step, the next thing to do last; a sample that only its reader may read."""
    said = (installed.root / "said").read_text().splitlines()
    ours = [line for line in said if line.startswith("coldwatch: ")]
    assert "coldwatch: installed /opt/coldwatch/agent/" + __version__ in ours
    assert ours[-1] == (
        "coldwatch: next: edit /etc/coldwatch/hub.toml, then: systemctl enable --now coldwatch-hub"
    )
    prefix = installed.root / "opt/coldwatch"
    assert (prefix / "agent/current").readlink() == Path(__version__)
    assert (prefix / "hub/current").readlink() == Path(f"{__version__}-1")
    command = installed.root / "usr/local/bin/coldwatch"
    assert str(command.readlink()) == "/opt/coldwatch/hub/current/bin/coldwatch"
    packages = prefix / f"agent/{__version__}/lib/python3.11/site-packages"
    # What serves for installing alone is gone, and the agent has nothing of the hub's.
    assert not [n for n in ("pip", "setuptools", "hatchling", "numpy") if (packages / n).exists()]
    for role in ("agent", "hub"):
        sample = (HOUSE / f"docs/settings/{role}.toml").read_text()
        file = installed.root / f"etc/coldwatch/{role}.toml"
        assert file.read_text() == sample
        assert file.stat().st_mode & 0o777 == 0o640


def test_the_life_of_an_agent_installed_by_make(
    machines: Make, installed: Machine, wheelhouse: Path
) -> None:
    """A failed upgrade, a good one, going away with and without all that it had."""
    machine = machines(installed)
    machine.boot((HOUSE, "/src"), (wheelhouse, "/wheels"))
    site = Site(machine)
    site.start()
    settings = machine.run("sha256sum /etc/coldwatch/agent.toml").stdout
    pid = site.pid("coldwatch-agent")

    failed = machine.run(INSTALL.replace("=/wheels", "=/nowhere"), check=False)
    assert failed.returncode != 0
    assert "what was installed before runs on" in failed.stderr
    assert site.pid("coldwatch-agent") == pid
    assert not (machine.root / "opt/coldwatch/agent/.new").exists()

    said = machine.run(INSTALL).stdout
    assert f"coldwatch-agent runs, coldwatch {__version__}" in said
    assert site.pid("coldwatch-agent") not in {0, pid}
    link = machine.root / "opt/coldwatch/agent/current"
    assert str(link.readlink()) == f"{__version__}-2"
    assert machine.run("sha256sum /etc/coldwatch/agent.toml").stdout == settings
    site.wait_for_more(4)
    site.check_complete(longest_ms=60_000)

    said = machine.run("make -s -C /src uninstall ROLE=agent").stdout
    assert "kept: /var/lib/coldwatch, /etc/coldwatch and the user coldwatch-agent" in said
    assert machine.run("ls /etc/coldwatch/agent.toml " + SPOOL).returncode == 0
    assert not (machine.root / "opt/coldwatch/agent").exists()
    assert machine.run("systemctl cat coldwatch-agent", check=False).returncode != 0
    assert site.pid("coldwatch-hub"), "the hub is left in peace"


def test_purged_nothing_of_the_agent_is_left(machines: Make, installed: Machine) -> None:
    """Spool, settings and user go, because that was asked for; the hub's stay."""
    machine = machines(installed)
    machine.boot((HOUSE, "/src"))
    said = machine.run("make -s -C /src uninstall ROLE=agent PURGE=1").stdout
    assert "deleted /var/lib/coldwatch" in said
    assert "kept" not in said
    left = machine.run("ls -d /etc/coldwatch/agent.toml /var/lib/coldwatch", check=False).stdout
    assert left == ""
    assert machine.run("getent passwd coldwatch-agent", check=False).returncode != 0
    assert (machine.root / "etc/coldwatch/hub.toml").exists()


@pytest.mark.soak
def test_taken_away_and_installed_again_the_stream_goes_on(
    machines: Make, installed: Machine, wheelhouse: Path
) -> None:
    """What was kept is used again, and nothing starts before somebody says so."""
    machine = machines(installed)
    machine.boot((HOUSE, "/src"), (wheelhouse, "/wheels"))
    site = Site(machine)
    site.start()
    machine.run("make -s -C /src uninstall ROLE=agent")
    assert "switched off and stays so" in machine.run(INSTALL).stdout
    machine.run("systemctl enable --now coldwatch-agent")
    site.wait_for_more(4)
    assert len(site.spool()) == 1, "the same stream goes on"
    site.check_complete(longest_ms=300_000)


def test_the_life_of_a_hub_installed_as_a_package(
    machines: Make, installed: Machine, package: Path, tmp_path: Path
) -> None:
    """Upgraded, removed, installed again, purged."""
    newer = next_revision(package, tmp_path)
    machine = machines(installed)
    machine.boot((package.parent, "/dist"), (tmp_path, "/newer"))
    site = Site(machine)
    site.start()
    pid = site.pid("coldwatch-hub")

    said = machine.run(f"dpkg -i /newer/{newer.name}").stdout
    assert f"coldwatch-hub runs, coldwatch {__version__}" in said
    assert site.pid("coldwatch-hub") not in {0, pid}
    assert sorted(path.name for path in (machine.root / "opt/coldwatch/hub").iterdir()) == [
        f"{__version__}-2", "current",
    ]  # fmt: skip
    site.wait_for_more(4)
    site.check_complete(longest_ms=60_000)

    machine.run("dpkg --remove coldwatch-hub")
    assert site.pid("coldwatch-hub") == 0
    assert machine.run("ls /var/lib/coldwatch-hub/history.db /etc/coldwatch/hub.toml")
    assert not (machine.root / "opt/coldwatch/hub").exists()
    assert "agent" in machine.run("readlink /usr/local/bin/coldwatch").stdout

    machine.run(f"dpkg -i /dist/{package.name}; systemctl enable --now coldwatch-hub")
    site.wait_for_more(4)
    site.check_complete(longest_ms=60_000)

    machine.run("dpkg --purge coldwatch-hub")
    left = machine.run("ls -d /var/lib/coldwatch-hub /etc/coldwatch/hub.toml", check=False).stdout
    assert left == ""
    assert (machine.root / "etc/coldwatch/agent.toml").exists()


def next_revision(package: Path, folder: Path) -> Path:
    """Return the same package as revision 2, as another build would make it."""
    old, new = f"{__version__}-1", f"{__version__}-2"
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True, timeout=60)
    hub = tree / "opt/coldwatch/hub"
    (hub / old).rename(hub / new)
    (hub / "current").unlink()
    (hub / "current").symlink_to(new)
    for file in (hub / new / "bin/coldwatch", tree / "DEBIAN/control"):
        file.write_text(file.read_text().replace(old, new))
    made = folder / package.name.replace(old, new)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(made)],
        check=True, timeout=120, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return made
