"""sd_notify, with a real socket in systemd's place."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.notify import Watchdog, notify


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket that systemd listens on."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield listener


def test_systemd_is_told(systemd: socket.socket) -> None:
    """Each notice is one datagram."""
    notify("READY=1")
    assert systemd.recv(100) == b"READY=1"


def test_the_abstract_namespace_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """An @ in front stands for a NUL."""
    name = f"coldwatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("STOPPING=1")
        assert listener.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, or nobody behind it."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


def test_the_watchdog_is_fed_only_when_every_loop_has_moved(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One loop that hangs, and systemd starts us again."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    dog = Watchdog(frozenset({"cycle", "uplink"}))
    assert dog.every_s == 10.0
    dog.moved("cycle")
    assert not dog.feed(0.0)
    dog.moved("uplink")
    assert dog.feed(1.0)
    assert systemd.recv(100) == b"WATCHDOG=1"
    assert not dog.feed(100.0), "both must move again"
    dog.moved("cycle")
    dog.moved("uplink")
    assert not dog.feed(10.9), "not more often than it is asked for"
    assert dog.feed(11.0)


@pytest.mark.parametrize(("usec", "pid"), [("", None), ("30000000", "1")])
def test_without_a_watchdog_of_ours_nothing_is_fed(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None
) -> None:
    """WATCHDOG_PID may name another process."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    dog = Watchdog(frozenset({"cycle"}))
    dog.moved("cycle")
    assert not dog.feed(1.0)
