"""What is retained is the newest that was said, whichever of the hub's threads was quicker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from hub.handing import hand_out
from hub.notices import Progress
from hub.service import Hub
from journal.database import DatabaseError, write
from tests.hub.test_notices import Recorder
from tests.stories.hubs import Bell, Turnstile
from tests.support.county import hub_settings


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that is not started."""
    made = Hub(hub_settings(tmp_path), SystemClock(), Recorder())
    yield made
    made.connection.stop()
    made._shield.close()
    made.history.close()
    made.database.dispose()


class Reading:
    """Says how often it was asked; the first who asks then loses the processor for a while."""

    def __init__(self) -> None:
        self.asked = 0
        self.first_has_read = threading.Event()
        self.second_is_through = threading.Event()

    def __call__(self, *_: Any) -> Any:
        """Return what is known now."""
        self.asked += 1
        known = self.asked
        if known == 1:
            self.first_has_read.set()
            self.second_is_through.wait(0.3)
        return known


@pytest.mark.parametrize("leaf", ["received", "told"])
def test_what_was_read_first_does_not_go_out_last(
    hub: Hub, leaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network thread answers a new connection while intake, or the notices, say the same."""
    reading, said = Reading(), list[int]()

    def publish(_topic: str, payload: bytes, **_more: object) -> None:
        message = json.loads(payload)
        said.append(message["streams"] if leaf == "received" else message)

    monkeypatch.setattr(hub._intake, "marks", reading)
    monkeypatch.setattr("hub.service.told_message", lambda *_: b"%d" % reading())
    monkeypatch.setattr(hub.connection, "publish", publish)
    say: Callable[[str], None] = getattr(hub, f"_publish_{leaf}")

    first = threading.Thread(target=say, args=("pi-1",))
    first.start()
    assert reading.first_has_read.wait(5)
    say("pi-1")
    reading.second_is_through.set()
    first.join(5)

    assert said == [1, 2]


def test_settings_go_out_on_a_new_connection_though_they_just_went_out_on_the_old_one(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchmen say them as the connection changes; what the broker had retained may be lost."""
    with write(hub.database) as conn:
        hand_out(conn, "pi-1", "", actor="li", reason="", now=1)
    said, forgotten, noted = list[str](), threading.Event(), threading.Event()
    network = threading.Thread(target=hub._answer_all, name="network")

    def publish(name: str, _payload: bytes, **_more: object) -> int:
        by = threading.current_thread().name
        if name.endswith("/settings"):
            said.append(by)
            if by != "network":
                network.start()
                forgotten.wait(0.3)
        elif not forgotten.is_set():
            # The network thread is behind its first step, and has not come to the settings.
            forgotten.set()
            noted.wait(5)
        return 1

    monkeypatch.setattr(hub.connection, "publish", publish)
    hub._publish_settings()
    noted.set()
    network.join(5)

    assert said == [threading.current_thread().name, "network"]


def test_a_device_that_could_not_be_told_is_not_forgotten_while_the_others_are(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network thread notes it just as the notices thread takes the list."""

    class Slow(set[str]):
        def add(self, device: str) -> None:
            adding.set()
            taken.wait(0.3)
            super().add(device)

    def told_message(*_: object) -> bytes:
        if threading.current_thread().name == "network":
            raise DatabaseError("hub.db", "the server is away")
        return b"{}"

    said: list[str] = []
    adding, taken = threading.Event(), threading.Event()
    inside = vars(hub)
    inside["_untold"], inside["_stop"], inside["_owed"] = Slow(), (turnstile := Turnstile()), Bell()
    monkeypatch.setattr("hub.service.told_message", told_message)
    monkeypatch.setattr(hub.connection, "publish", lambda name, *_, **__: said.append(name))

    network = threading.Thread(target=hub._publish_told, args=("pi-1",), name="network")
    network.start()
    assert adding.wait(5)
    for _ in range(2):
        turnstile.once()
        hub._notices_loop()
        taken.set()
        network.join(5)

    assert [name.rpartition("/")[2] for name in said] == ["told"]


def test_of_a_device_that_left_the_settings_nothing_is_said(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SMS of its excursion that is sent only now ends no thread, and with it the hub."""
    said: list[str] = []
    monkeypatch.setattr(hub.connection, "publish", lambda name, *_, **__: said.append(name))
    monkeypatch.setattr(hub._outbox, "round", lambda _: Progress(told=frozenset({"gone", "pi-1"})))
    inside = vars(hub)
    inside["_stop"], inside["_owed"] = (turnstile := Turnstile()), Bell()

    turnstile.once()
    hub._notices_loop()
    hub._publish_received("gone")

    assert [name.split("/")[3] for name in said] == ["pi-1"]
