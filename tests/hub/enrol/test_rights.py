"""Acceptance 3 of the agent as a device: who is refused by a real mosquitto, and what a device may."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from firmware_agent.enrolment import make_request
from hub.enrol.ca import make_ca, sign_device
from protocol.connection import Address, Connection
from protocol.tls import Tls
from tests.support.mosquitto import Mosquitto
from tests.support.tls import County

RECORDS = "coldwatch/1/east-gate/{}/records"
DAY_MS = 86_400_000


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    """A hub with a broker that runs."""
    if Mosquitto.program() is None:
        reason = "mosquitto is not installed; as root: apt-get install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    one = County(tmp_path)
    one.start()
    yield one
    one.close()


def until(what: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Peer:
    """A connection, and everything that came of it."""

    def __init__(self, county: County, tls: Tls | None, topics: list[str], protocol: str = "5"):
        self.got: list[tuple[str, bytes]] = []
        self.delivered: list[int] = []
        self.refused: list[tuple[int, str]] = []
        self.connection = Connection(
            f"peer-{id(self)}",
            Address("127.0.0.1", county.broker.port, protocol, tls=tls),
            topics,
            on_message=lambda topic, payload, _: self.got.append((topic, payload)),
            on_connected=lambda: None,
            on_delivered=self.delivered.append,
            on_refused=lambda mid, why: self.refused.append((mid, why)),
        )
        self.connection.start()

    def connected(self) -> Peer:
        """Wait for the connection and the subscriptions."""
        assert self.connection.wait_connected(10), self.connection.tls_trouble
        time.sleep(0.2)
        return self

    def publish(self, topic: str, payload: bytes = b"x", **more: Any) -> str:
        """Publish; return what the broker answered."""
        mid = self.connection.publish(topic, payload, **more)
        until(lambda: mid in self.delivered or any(each[0] == mid for each in self.refused))
        return next((why for n, why in self.refused if n == mid), "ok")


@pytest.fixture
def peer(county: County) -> Iterator[Callable[..., Peer]]:
    """Makes connections that end with the test."""
    peers: list[Peer] = []

    def make(tls: Tls | None, topics: list[str] | None = None, protocol: str = "5") -> Peer:
        peers.append(Peer(county, tls, topics or [], protocol))
        return peers[-1]

    yield make
    for each in peers:
        each.connection.stop()


Make = Callable[..., Peer]


def refused(county: County, tls: Tls, peer: Make, why: str) -> None:
    """See that a connection does not come about, and that the reason is told.

    Now and then the broker has hung up before its reason was read; the next try hears it.
    """
    one = peer(tls)
    until(lambda: why in one.connection.tls_trouble or one.connection.connected, 20)
    assert not one.connection.connected


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_device_is_let_in_and_may_do_its_own(county: County, peer: Make, protocol: str) -> None:
    """What it must be able to do, with both versions of MQTT."""
    mine = "coldwatch/1/east-gate/pi-1/"
    hub = peer(county.hub_tls, ["coldwatch/+/+/+/records", "coldwatch/+/+/+/status"]).connected()
    leaves = ["received", "told", "settings", "command"]
    device = peer(county.give("pi-1"), [mine + leaf for leaf in leaves], protocol).connected()
    assert device.publish(mine + "records") == "ok"
    assert device.publish(mine + "status", retain=True) == "ok"
    for leaf in leaves:
        assert hub.publish(mine + leaf, leaf.encode()) == "ok"
    until(lambda: len(hub.got) == 2 and len(device.got) == 4)


def test_without_a_certificate_nobody_is_let_in(county: County, tmp_path: Path) -> None:
    """TLS asks for one: neither in the clear nor with TLS alone does anybody come in."""
    context = ssl.create_default_context(cafile=county.hub_tls.ca_file)
    raw = socket.create_connection(("127.0.0.1", county.broker.port))
    answer = b""
    # Under TLS 1.3 the refusal comes after the handshake, as an alert or with the end.
    with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls, suppress(OSError):
        tls.send(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x1e\x00\x02me")
        answer = tls.recv(10)
    assert answer == b""
    until(lambda: county.broker.lines("peer did not return a certificate") == 1)


def test_in_the_clear_nobody_is_let_in(county: County, peer: Make) -> None:
    """A client that speaks no TLS gets no answer."""
    one = peer(None)
    assert not one.connection.wait_connected(2)


def test_a_foreign_certificate_is_refused(county: County, peer: Make, tmp_path: Path) -> None:
    """One of another CA with the very same name; and a device does not speak to a foreign broker."""
    now = county.clock.now_ms()
    foreign = make_ca(tmp_path / "foreign", "coldwatch hub CA", None, now)
    key, request = make_request("pi-1")
    pem = sign_device(foreign, request, "pi-1:1", 30, now).public_bytes(Encoding.PEM)
    tls = county.keep("foreign-pi", key + pem, county.office.ca.pem)
    refused(county, tls, peer, "does not know the CA")
    other = county.keep("pi-of-another", key + pem, foreign.pem)
    refused(county, other, peer, "is it our hub?")


def test_an_expired_certificate_is_refused(county: County, peer: Make) -> None:
    """It says so, and what to do."""
    now = county.clock.now_ms()
    key, request = make_request("pi-1")
    pem = sign_device(county.office.ca, request, "pi-1:1", 30, now - 31 * DAY_MS).public_bytes(
        Encoding.PEM
    )
    tls = county.keep("old", key + pem, county.office.ca.pem)
    refused(county, tls, peer, "has expired; enrol")


def test_a_revoked_certificate_is_refused(county: County, peer: Make) -> None:
    """And the others are not; also when lists follow each other within one second."""
    one, two, three = (county.give(device) for device in ("pi-1", "pi-2", "pi-3"))
    peer(one).connected()
    seen = county.broker.lines("Reloading config")
    county.office.revoke("pi-2", "stolen", "li")
    county.office.revoke("pi-1", "stolen", "li")
    county.has_reloaded(seen + 0)
    refused(county, one, peer, "was revoked")
    refused(county, two, peer, "was revoked")
    assert peer(three).connected().publish("coldwatch/1/clinic/pi-3/records") == "ok"


def test_a_revoked_device_that_is_connected_has_no_right_left(county: County, peer: Make) -> None:
    """Mosquitto keeps its session; nothing goes through it in either direction any more."""
    hub = peer(county.hub_tls, ["coldwatch/+/+/+/records"]).connected()
    mine = "coldwatch/1/east-gate/pi-1/"
    device = peer(county.give("pi-1"), [mine + "told"]).connected()
    assert device.publish(mine + "records", b"before") == "ok"
    assert hub.publish(mine + "told", b"before") == "ok"
    until(lambda: len(hub.got) == 1 and len(device.got) == 1)
    seen = county.broker.lines("Reloading config")
    county.office.revoke("pi-1", "stolen", "li")
    county.has_reloaded(seen)
    assert device.connection.connected
    assert device.publish(mine + "records", b"after") == "Not authorized"
    hub.publish(mine + "told", b"after")
    time.sleep(0.5)
    assert [payload for _, payload in hub.got] == [b"before"]
    assert [payload for _, payload in device.got] == [b"before"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_no_device_speaks_or_listens_for_another(county: County, peer: Make, protocol: str) -> None:
    """Not for its neighbour, not for another site, not as the hub, and not by a wide filter."""
    hub = peer(county.hub_tls, ["coldwatch/#"]).connected()
    others = ["coldwatch/1/east-gate/pi-2/", "coldwatch/1/clinic/pi-1/", "coldwatch/1/clinic/pi-3/"]
    down = ["received", "told", "settings", "command"]
    listens = ["#", "coldwatch/#", "coldwatch/1/+/+/records", "$SYS/#"]
    listens += [other + leaf for other in others for leaf in [*down, "records", "status"]]
    device = peer(county.give("pi-1"), listens, protocol).connected()
    other = peer(county.give("pi-2"), ["coldwatch/1/east-gate/pi-2/told"]).connected()
    forbidden = [each + leaf for each in others for leaf in ["records", "status", "result", *down]]
    forbidden += ["coldwatch/1/east-gate/pi-1/" + leaf for leaf in down]
    forbidden += ["coldwatch/1/east-gate/pi-1/records/x", "coldwatch/2/east-gate/pi-1/records", "a"]
    for topic in forbidden:
        answer = device.publish(topic, b"forged")
        # 3.1.1 has no way to say no: the broker confirms and drops it.
        assert answer == ("Not authorized" if protocol == "5" else "ok"), topic
    assert hub.publish("coldwatch/1/east-gate/pi-2/told", b"for pi-2") == "ok"
    assert other.publish("coldwatch/1/east-gate/pi-2/records", b"of pi-2") == "ok"
    assert device.publish("coldwatch/1/east-gate/pi-1/records", b"mine") == "ok"
    until(lambda: b"mine" in [payload for _, payload in hub.got])
    until(lambda: bool(other.got))
    assert {payload for _, payload in hub.got} <= {b"mine", b"of pi-2"}
    assert device.got == []


def test_a_retained_lie_is_none(county: County, peer: Make) -> None:
    """A will or a retained message on another's topic does not stay behind."""
    device = peer(county.give("pi-1")).connected()
    device.publish("coldwatch/1/clinic/pi-3/status", b"lie", retain=True)
    hub = peer(county.hub_tls, ["coldwatch/+/+/+/status"]).connected()
    time.sleep(0.3)
    assert hub.got == []
