"""The buffered socket: whatever comes in whatever pieces goes on unchanged, in few calls."""

from __future__ import annotations

import random
import select
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.buffered import BufferedClient, BufferedSocket


@pytest.fixture
def pair() -> tuple[BufferedSocket, socket.socket]:
    """A buffered end and a plain one."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return BufferedSocket(ours), theirs


class Scripted:
    """A socket that has these pieces, and takes so many bytes at each call."""

    def __init__(self, pieces: list[bytes], takes: list[int]) -> None:
        self.pieces = pieces
        self.takes = takes
        self.taken = b""

    def recv(self, size: int) -> bytes:
        """Return the next piece, as much of it as is asked for."""
        if not self.pieces:
            raise BlockingIOError
        piece, self.pieces[0] = self.pieces[0][:size], self.pieces[0][size:]
        if not self.pieces[0]:
            self.pieces.pop(0)
        return piece

    def send(self, data: bytes | bytearray) -> int:
        """Take some of it."""
        if not self.takes:
            raise BlockingIOError
        count = self.takes.pop(0)
        self.taken += bytes(data[:count])
        return min(count, len(data))


@given(
    st.lists(st.binary(min_size=1, max_size=400), max_size=12),
    st.lists(st.integers(1, 300), min_size=1, max_size=200),
)
def test_what_comes_goes_on_in_order(pieces: list[bytes], sizes: list[int]) -> None:
    """However the network cuts it and however much paho asks for: the same bytes, none twice."""
    whole = b"".join(pieces)
    sock = BufferedSocket(Scripted(list(pieces), []))  # type: ignore[arg-type]
    found = b""
    for size in sizes * 20:
        try:
            part = sock.recv(size)
        except BlockingIOError:
            break
        assert 0 < len(part) <= size
        found += part

    assert whole.startswith(found)
    assert found == whole or sock.pending() or len(found) >= sum(sizes)


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(1, 60), max_size=40))
def test_what_is_sent_goes_out_in_order(parts: list[bytes], takes: list[int]) -> None:
    """However little the network takes at a time: nothing is lost, doubled or put elsewhere."""
    script = Scripted([], takes)
    sock = BufferedSocket(script)  # type: ignore[arg-type]
    for part in parts:
        assert sock.send(part) == len(part)
        sock.flush()
    script.takes = [10_000]
    sock.flush()

    assert script.taken == b"".join(parts)
    assert sock.unsent == 0


def test_an_end_is_an_end(pair: tuple[BufferedSocket, socket.socket]) -> None:
    """What came before the other side closed is read first, then the end."""
    ours, theirs = pair
    theirs.send(b"abc")
    theirs.close()
    assert select.select([ours], [], [], 1)[0] == [ours]

    assert [ours.recv(1) for _ in range(4)] == [b"a", b"b", b"c", b""]
    ours.close()


def test_a_last_word_goes_out_with_close(pair: tuple[BufferedSocket, socket.socket]) -> None:
    """A DISCONNECT that paho sends just before it closes is not left in the buffer."""
    ours, theirs = pair
    ours.send(b"\xe0\x00")
    ours.close()

    assert theirs.recv(10) == b"\xe0\x00"
    theirs.close()


def test_much_at_once_both_ways(pair: tuple[BufferedSocket, socket.socket]) -> None:
    """A megabyte through a real socket with a slow reader comes out as it went in."""
    ours, theirs = pair
    data = random.Random(1).randbytes(1_000_000)
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(theirs.recv(10_000))

    thread = threading.Thread(target=read)
    thread.start()
    ours.send(data)
    while ours.unsent:
        select.select([], [ours], [], 1)
        ours.flush()
    thread.join(10)
    ours.close()
    theirs.close()

    assert bytes(got) == data


def test_paho_takes_the_buffered_socket(free_port: int) -> None:
    """Paho still makes its socket where we put ours; an update that moves it turns this red."""
    with socket.create_server(("127.0.0.1", free_port)):
        from paho.mqtt.enums import CallbackAPIVersion

        client = BufferedClient(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", free_port)

        assert isinstance(client.socket(), BufferedSocket)
        client.disconnect()
        sock = client.socket()
        if sock is not None:
            sock.close()


def test_the_last_word_arrives_though_something_was_left_unread() -> None:
    """A connection closed with unread data in hand is reset, and the other side loses the rest."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    heard: list[bytes] = []

    def broker() -> None:
        theirs.sendall(b"received " * 100)
        time.sleep(0.1)
        while data := theirs.recv(4096):
            heard.append(data)
        theirs.close()

    thread = threading.Thread(target=broker)
    thread.start()
    time.sleep(0.05)
    sock = BufferedSocket(ours)
    sock.send(b"offline, battery empty")
    sock.close()
    thread.join(5)
    assert b"".join(heard) == b"offline, battery empty"
