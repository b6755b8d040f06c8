"""What the tests of installation share: one Debian in which agent and hub are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.systemd.machine import HOUSE, INSTALL, Machine, Make, debian, wheels, why_not


@pytest.fixture(scope="session")
def base() -> Path:
    """Debian's own files. CI fails where a machine cannot be made; elsewhere it is told and skipped."""
    if reason := why_not():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return debian()


@pytest.fixture(scope="session")
def machines(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Make machines, over Debian or over what another one is; all are taken away at the end."""
    folder = tmp_path_factory.mktemp("machines")
    numbers = count(1)
    made: list[Machine] = []

    def make(like: Machine | None = None) -> Machine:
        below = [base] if like is None else like.layers
        machine = Machine(folder / f"{os.getpid()}-{next(numbers)}", below)
        made.append(machine)
        return machine

    yield make
    for machine in reversed(made):
        machine.destroy()


@pytest.fixture(scope="session")
def package(base: Path) -> Path:
    """coldwatch-hub.deb, made by `make deb`, or one that COLDWATCH_HUB_DEB names."""
    if given := os.environ.get("COLDWATCH_HUB_DEB"):
        return Path(given)
    shutil.rmtree(HOUSE / "dist", ignore_errors=True)
    done = subprocess.run(
        ["make", "-s", "deb", "ROLE=hub"],
        cwd=HOUSE, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (HOUSE / "dist").glob("coldwatch-hub_*.deb")
    return made


@pytest.fixture(scope="session")
def wheelhouse(base: Path) -> Path:
    """The agent's Python packages, for machines without a network."""
    return wheels("agent.txt")


@pytest.fixture(scope="session")
def installed(machines: Make, package: Path, wheelhouse: Path) -> Machine:
    """A machine that is off: the agent came by `make install`, the hub by its package."""
    machine = machines()
    machine.boot((HOUSE, "/src"), (wheelhouse, "/wheels"), (package.parent, "/dist"))
    (machine.root / "said").write_text(
        machine.run(INSTALL).stdout + machine.run(f"dpkg -i /dist/{package.name}").stdout
    )
    machine.poweroff()
    return machine
