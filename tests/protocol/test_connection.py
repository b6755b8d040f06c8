"""The connection on a real broker: who writes to the socket, and what comes of a refusal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from protocol.connection import Address, Connection
from tests.support import mosquitto as broker_settings
from tests.support.mosquitto import Mosquitto


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def connect(
    port: int, subscriptions: list[str], protocol: str = "5", **callbacks: Any
) -> Connection:
    """Return a connection that is there."""
    connection = Connection(
        f"test-{threading.get_ident()}-{subscriptions}",
        Address("127.0.0.1", port, protocol),
        subscriptions,
        on_message=callbacks.pop("on_message", lambda *_: None),
        on_connected=lambda: None,
        **callbacks,
    )
    connection.start()
    assert connection.wait_connected(5)
    time.sleep(0.2)  # the broker has the subscriptions by then
    return connection


def test_only_the_network_thread_writes(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were two threads to write, a packet could land in the middle of a longer one."""
    got: list[bytes] = []
    down = connect(mosquitto.port, ["up"], on_message=lambda _, payload, __: got.append(payload))
    up = connect(mosquitto.port, [])
    writers = set()
    client = up._client
    assert client is not None
    send = client._sock_send

    def watched(data: bytes) -> int:
        writers.add(threading.current_thread().name)
        return send(data)

    monkeypatch.setattr(client, "_sock_send", watched)
    sent = [bytes([n]) * 150_000 for n in range(40)]
    for payload in sent:
        assert up.publish("up", payload) is not None
    wait_for(lambda: len(got) == len(sent))
    assert got == sent
    assert writers == {"mqtt"}
    up.stop()
    down.stop()


def test_what_was_published_before_a_stop_goes_out(mosquitto: Mosquitto) -> None:
    """An agent's last word is not cut off by its own good-bye."""
    got: list[bytes] = []
    down = connect(mosquitto.port, ["up"], on_message=lambda _, payload, __: got.append(payload))
    up = connect(mosquitto.port, [])
    up.publish("up", b"x" * 500_000)
    up.stop()
    wait_for(lambda: [len(payload) for payload in got] == [500_000])
    down.stop()


def test_a_refused_message_is_told_as_such(
    mosquitto: Mosquitto, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paho itself would call it published."""
    rights = tmp_path / "rights"
    rights.write_text("topic write allowed\n")
    rights.chmod(0o600)
    with_rights = f"{broker_settings.SETTINGS}acl_file {rights}\n"
    monkeypatch.setattr(broker_settings, "SETTINGS", with_rights)
    mosquitto.stop()
    mosquitto.start()
    delivered: list[int] = []
    refused: list[tuple[int, str]] = []
    up = connect(
        mosquitto.port,
        [],
        on_delivered=delivered.append,
        on_refused=lambda mid, why: refused.append((mid, why)),
    )
    good, bad = up.publish("allowed", b"1"), up.publish("forbidden", b"2")
    wait_for(lambda: len(delivered) + len(refused) == 2)
    assert delivered == [good]
    assert refused == [(bad, "Not authorized")]
    up.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_the_broker_has_kept_is_told_from_what_comes(
    mosquitto: Mosquitto, protocol: str
) -> None:
    """Kept is what was there before we came; what is published now is not, though it is retained."""
    first, second = [list[tuple[bytes, bool]]() for _ in range(2)]

    def into(got: list[tuple[bytes, bool]]) -> Callable[[str, bytes, bool], None]:
        return lambda _, payload, retained: got.append((payload, retained))

    here = connect(mosquitto.port, ["up"], protocol, on_message=into(first))
    up = connect(mosquitto.port, [])
    up.publish("up", b"online", retain=True)
    wait_for(lambda: len(first) == 1)
    there = connect(mosquitto.port, ["up", "#"], protocol, on_message=into(second))
    wait_for(lambda: len(second) >= 1)
    kept = len(second)
    up.publish("up", b"online", retain=True)
    wait_for(lambda: len(first) == 2 and len(second) > kept)
    here.drop()
    wait_for(lambda: len(first) == 3)

    assert first == [(b"online", False), (b"online", False), (b"online", True)]
    assert second[:kept] == [(b"online", True)] * kept
    assert set(second[kept:]) == {(b"online", False)}
    for each in (here, there, up):
        each.stop()
