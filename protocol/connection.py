"""One MQTT connection that comes back by itself, for agent and hub alike.

Every connection gets a fresh paho client: paho re-sends what it still holds without its in-flight
limit after a reconnect, and nothing here needs that, because what was not confirmed end to end is
sent again from the spool (design.md, "The way of a reading", decision 2). Nothing is queued while
there is no connection.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from protocol.buffered import BufferedClient, BufferedSocket
from protocol.tls import Tls, TlsError, client_context, explain

log = logging.getLogger(__name__)

_Waits = BufferedSocket | socket.socket

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 60.0
# Packets taken before what they are answered with is written: mosquitto has 20 of QoS 1 under way.
_BURST = 64
# A broker that takes the connection and then says nothing is none.
_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us, retained, when the connection breaks."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and how to show it who we are; without ``tls`` in the clear."""

    host: str
    port: int
    protocol: str = "5"
    keepalive_s: int = 30
    tls: Tls | None = None


class Connection:
    """Keeps one connection to the broker.

    ``on_message(topic, payload, retained)``, ``on_connected()``, ``on_lost()``,
    ``on_delivered(mid)`` and ``on_refused(mid, why)`` are called on the network thread and must be
    quick. A callback that raises is logged and ends nothing: paho's own thread would die of it.
    ``on_turn()`` is called with each turn of that thread, connected or not: it tells a watchdog
    that the thread lives. ``retained``: the broker had kept it from before. What is published while
    we listen is not, whatever its sender asked for: we do without MQTT 5's "retain as published".

    Only the network thread touches the socket. paho 2 takes a packet out of its queue while it
    writes it, without a lock: were ``publish`` to write from its caller's thread, as paho does
    beside ``loop_forever``, another packet could be written into the middle of a long one.
    """

    def __init__(
        self,
        client_id: str,
        address: Address,
        subscriptions: Sequence[str],
        *,
        on_message: Callable[[str, bytes, bool], None],
        on_connected: Callable[[], None],
        on_delivered: Callable[[int], None] | None = None,
        on_refused: Callable[[int, str], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        on_turn: Callable[[], None] | None = None,
        will: Will | None = None,
        longest_delay_s: float = _LONGEST_DELAY_S,
    ) -> None:
        self._client_id = client_id
        self._address = address
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_delivered = on_delivered
        self._on_refused = on_refused
        self._on_lost = on_lost
        self._on_turn = on_turn
        self._will = will
        self._longest_delay_s = longest_delay_s
        self._client: mqtt.Client | None = None
        self._stopping = threading.Event()
        self._again = threading.Event()
        self._connected = threading.Event()
        # What keeps TLS from coming about, in one line; "" since the last good connection.
        self.tls_trouble = ""
        self._told_down = False
        self._told_refused = False
        self._told_topic = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and our subscriptions were asked for."""
        return self._connected.is_set()

    def start(self) -> None:
        """Begin connecting, in a thread of its own."""
        self._thread.start()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait for a connection; tell whether there is one."""
        return self._connected.wait(timeout_s)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> int | None:
        """Hand a message to the broker; return its id, or None without a connection.

        An id means nothing but that it is on its way: what matters is confirmed by the hub.
        """
        client = self._client
        if client is None or not self._connected.is_set():
            return None
        info = client.publish(topic, payload, qos=qos, retain=retain)
        return info.mid if info.rc == mqtt.MQTT_ERR_SUCCESS else None

    def stop(self, timeout_s: float = 1.0) -> None:
        """Disconnect in order and end the thread, as far as that goes within the time.

        What was published before goes out first.
        """
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._close_wake()

    def reconnect(self) -> None:
        """Leave in order and come back at once, with the files of the certificate read anew."""
        self._again.set()
        self._wake()

    def drop(self) -> None:
        """Cut the connection as a broken link would, for tests and the demo; it comes back."""
        client = self._client
        sock = client.socket() if client is not None else None
        if sock is not None:
            sock.close()

    # --- the thread ---

    def _run(self) -> None:
        try:
            self._stay_connected()
        finally:
            self._close_wake()

    def _stay_connected(self) -> None:
        delay = _FIRST_DELAY_S
        while not self._stopping.is_set():
            self._turned()
            self._again.clear()
            trouble: OSError | None = None
            try:
                client = self._make_client()
                client.connect(self._address.host, self._address.port, self._address.keepalive_s)
                self._client = client
                trouble = self._serve(client)
            except OSError as error:
                self._say_failed(error)
            finally:
                was_connected = self._connected.is_set()
                self._connected.clear()
                self._client = None
            if self._stopping.is_set():
                return
            if was_connected:
                delay = _FIRST_DELAY_S
                if self._on_lost is not None:
                    self._guarded(self._on_lost)
                if self._again.is_set():
                    continue
                if trouble is None:
                    self._say_down("the connection was lost")
            if trouble is not None:
                self._say_failed(trouble)
            # Full jitter: forty agents must not come back to a restarted broker in one moment.
            self._stopping.wait(random.uniform(0.2, 1.0) * delay)
            delay = min(delay * 2, self._longest_delay_s)

    def _serve(self, client: mqtt.Client) -> OSError | None:
        """Read and write until the connection ends; return what ended it where TLS knows more."""
        begun = time.monotonic()
        leaving = False
        while isinstance(sock := client.socket(), BufferedSocket):
            self._turned()
            if not leaving and (self._stopping.is_set() or self._again.is_set()):
                leaving = True
                client.disconnect()
            try:
                writing: list[_Waits] = [sock] if client.want_write() or sock.unsent else []
                # Of what was read ahead `select` knows nothing.
                patience = 0.0 if sock.pending() else 1.0
                reading: list[_Waits] = [sock, self._wake_reader]
                readable, _, _ = select.select(reading, writing, [], patience)
            except (OSError, ValueError):  # closed under our feet, by `drop` or by paho
                return sock.trouble
            if self._wake_reader in readable:
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
            if (sock in readable or patience == 0.0) and not self._read(client, sock):
                return sock.trouble
            if client.want_write() and client.loop_write() != mqtt.MQTT_ERR_SUCCESS:
                return sock.trouble
            try:
                sock.flush()
            except OSError:
                return sock.trouble
            if client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
                return None
            if not self._connected.is_set() and time.monotonic() - begun > _ANSWER_WITHIN_S:
                self._say_down("it takes connections but does not answer")
                return None
        return None

    def _turned(self) -> None:
        if self._on_turn is not None:
            self._on_turn()

    def _read(self, client: mqtt.Client, sock: BufferedSocket) -> bool:
        """Take the packets that have come, a burst at most; tell whether the connection goes on."""
        for _ in range(_BURST):
            if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                return False
            if client.socket() is not sock or not sock.pending():
                return True
        return True

    def _wants_to_write(self, *_: Any) -> None:
        # The network thread looks by itself before it waits again.
        if threading.get_ident() != self._thread.ident:
            self._wake()

    def _wake(self) -> None:
        """Make the network thread look for something to write."""
        with contextlib.suppress(OSError):  # full: it will wake all the same
            self._wake_writer.send(b"w")

    def _close_wake(self) -> None:
        self._wake_reader.close()
        self._wake_writer.close()

    def _make_client(self) -> mqtt.Client:
        version5 = self._address.protocol == "5"
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=mqtt.MQTTv5 if version5 else mqtt.MQTTv311,
            clean_session=None if version5 else True,
            reconnect_on_failure=False,
        )
        if self._address.tls is not None:
            # Made for each connection: a renewed certificate counts from the next one on.
            client.tls_set_context(client_context(self._address.tls))
        client.connect_timeout = 5.0
        client.suppress_exceptions = True
        client.max_inflight_messages_set(100)
        client.enable_logger(log.getChild("paho"))
        client.on_connect = self._connect_answer
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_register_write = self._wants_to_write
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        return client

    def _connect_answer(
        self,
        client: mqtt.Client,
        _user: Any,
        _flags: Any,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._say_down(f"the broker refused us: {code}")
            return
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        self._connected.set()
        self._told_down = False
        self.tls_trouble = ""
        host, port = self._address.host, self._address.port
        fields = {"event": "broker-connected", "broker": f"{host}:{port}"}
        log.info("connected to the broker at %s:%d", host, port, extra=fields)
        self._guarded(self._on_connected)

    def _message(self, _client: mqtt.Client, _user: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            if not self._told_topic:
                self._told_topic = True
                log.warning("messages on topics that are not UTF-8 are ignored")
            return
        self._guarded(self._on_message, topic, bytes(message.payload), bool(message.retain))

    def _published(
        self,
        _client: mqtt.Client,
        _user: Any,
        mid: int,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            # paho counts a refused QoS 1 message as published; the reason code is the only sign.
            if not self._told_refused:
                self._told_refused = True
                fields = {"event": "broker-refuses", "reason": str(code)}
                log.warning("the broker refuses what we publish: %s", code, extra=fields)
            if self._on_refused is not None:
                self._guarded(self._on_refused, mid, str(code))
            return
        self._told_refused = False
        if self._on_delivered is not None:
            self._guarded(self._on_delivered, mid)

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:
            log.exception("a callback of the MQTT connection failed")

    def _say_failed(self, error: OSError) -> None:
        """Say what is wrong; of TLS each trouble by itself, for each has a remedy of its own."""
        why = explain(error)
        if isinstance(error, ssl.SSLError | TlsError):
            if self.tls_trouble != why:
                self._told_down = False
            self.tls_trouble = why
        self._say_down(why)

    def _say_down(self, why: str) -> None:
        if not self._told_down and not self._stopping.is_set():
            self._told_down = True
            host, port = self._address.host, self._address.port
            fields = {"event": "broker-lost", "broker": f"{host}:{port}", "reason": why}
            log.warning("no connection to the broker at %s:%d: %s", host, port, why, extra=fields)
