"""The hub and systemd: READY also without a broker, WATCHDOG only while every loop moves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import SystemClock
from hub.inbox import Inbox
from hub.notices import Outbox
from hub.watchmen import ContactWatch
from protocol.connection import Connection
from tests.support.ports import unused_port
from tests.support.system import HUB

# Twenty times as fast: the slowest loop turns every 5 s of it.
CLOCK = "0,1760000000000,20"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        yield listener


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A hub whose broker is not there."""
    file = tmp_path / "hub.toml"
    text = HUB.format(state=tmp_path / "hub", port=unused_port())
    file.write_text(text + "\n[metrics]\nport = 0\n", encoding="utf-8")
    return file


def test_systemd_hears_the_hub(tmp_path: Path, systemd: socket.socket, settings: Path) -> None:
    """READY though there is no broker, WATCHDOG again and again, STOPPING when it goes."""
    environment = os.environ | {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "600000",
        "COLDWATCH_CLOCK": CLOCK,
    }
    with (tmp_path / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "hub", str(settings)], env=environment, stderr=log
        )
    try:
        said = [systemd.recv(200)]
        while said.count(b"WATCHDOG=1") < 2:
            said.append(systemd.recv(200))
        process.terminate()
        while said[-1] != b"STOPPING=1":
            said.append(systemd.recv(200))
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert said[0] == b"READY=1\nSTATUS=1 sites"
    assert set(said[1:-1]) == {b"WATCHDOG=1"}


# What hangs, and how: the loop is in there and does not come back.
HANGS = {
    "intake": (Inbox, "get"),
    "notices": (Outbox, "round"),
    "watchmen": (ContactWatch, "round"),
    "mqtt": (Connection, "_make_client"),
}


@pytest.mark.parametrize("loop", HANGS)
def test_a_loop_that_hangs_leaves_the_watchdog_unfed(
    tmp_path: Path, settings: Path, loop: str
) -> None:
    """Each of the four: nothing is fed after it has stopped, and so systemd starts us again."""
    place, method = HANGS[loop]
    code = f"""
import sys, threading
from {place.__module__} import {place.__name__}
from coldwatch.cli import main
def hang(*_):
    print("hangs", flush=True)
    threading.Event().wait()
{place.__name__}.{method} = hang
sys.exit(main(["hub", sys.argv[1]]))
"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        environment = os.environ | {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "600000",
            "COLDWATCH_CLOCK": CLOCK,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(settings)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            assert systemd.recv(200).startswith(b"READY=1")
            assert process.stdout.readline() == b"hangs\n"
            fed = _datagrams(systemd, 2.0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    # It may have moved once before it hung; twice would be a lie.
    assert fed.count(b"WATCHDOG=1") <= 1


def _datagrams(listener: socket.socket, seconds: float) -> list[bytes]:
    """Return what comes within the time."""
    said: list[bytes] = []
    listener.settimeout(0.2)
    deadline = SystemClock().mono_ms() + seconds * 1000
    while SystemClock().mono_ms() < deadline:
        try:
            said.append(listener.recv(200))
        except TimeoutError:
            continue
    return said
