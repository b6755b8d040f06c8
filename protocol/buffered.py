"""A socket for paho that reads ahead and writes in one go.

paho reads a packet in four calls (a byte, the length byte by byte, the rest) and writes each with a
call of its own. Each call gives the interpreter's lock away and has to wait for it, up to
milliseconds where another thread reckons: at a busy hub that came to some 20 ms a message,
whatever the message was. Here a burst of packets costs one read and one write.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final, Protocol

import paho.mqtt.client as mqtt

_CHUNK: Final = 1 << 18
# A slow Pi on a slow line needs some seconds for it.
_HANDSHAKE_S: Final = 20.0
# A broker closes at once when it has read our goodbye.
_LINGER_S: Final = 0.3


class _Socket(Protocol):
    """What is wrapped: a plain socket or one with TLS."""

    def recv(self, size: int, /) -> bytes: ...

    def send(self, data: bytes | bytearray, /) -> int: ...

    def close(self) -> None: ...

    def fileno(self) -> int: ...

    def setblocking(self, flag: bool, /) -> None: ...

    def settimeout(self, value: float | None, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...


class BufferedSocket:
    """Reads ahead into a buffer; keeps what is sent until ``flush``. Used by one thread."""

    def __init__(self, sock: _Socket) -> None:
        self._sock = sock
        self._ahead = b""
        self._at = 0
        self._out = bytearray()
        # What TLS said when it ended: paho keeps it to itself.
        self.trouble: ssl.SSLError | None = None

    def recv(self, size: int) -> bytes:
        """Return what was read ahead, else what has come; raise as the socket does."""
        if self._at == len(self._ahead):
            try:
                data = self._sock.recv(max(size, _CHUNK))
            except ssl.SSLError as error:
                self._note(error)
                raise
            if len(data) <= size:
                return data
            self._ahead, self._at = data, 0
        part = self._ahead[self._at : self._at + size]
        self._at += len(part)
        return part

    def pending(self) -> int:
        """Return how many bytes wait to be taken, of which `select` knows nothing."""
        beneath = getattr(self._sock, "pending", None)
        return len(self._ahead) - self._at + (beneath() if beneath is not None else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Take data to be written at the next ``flush``."""
        self._out += data
        return len(data)

    @property
    def unsent(self) -> int:
        """How many bytes ``flush`` has not handed to the network yet."""
        return len(self._out)

    def flush(self) -> None:
        """Hand on what was sent, as much as the network takes now; raise OSError as the socket does."""
        while self._out:
            try:
                written = self._sock.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._note(error)
                self._last_word()
                raise
            del self._out[:written]

    def _note(self, error: OSError) -> None:
        wants = isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError)
        if isinstance(error, ssl.SSLError) and not wants:
            self.trouble = error

    def _last_word(self) -> None:
        """Hear why the other side hung up while we wrote: its alert may lie there unread."""
        if isinstance(self._sock, ssl.SSLSocket):
            try:
                self._sock.recv(1)
            except ssl.SSLError as error:
                self._note(error)
            except OSError:
                pass

    def close(self) -> None:
        """Hand on what goes at once, such as a last word, and close."""
        try:
            self.flush()
            self._linger()
        except OSError:
            pass
        finally:
            self._sock.close()

    def _linger(self) -> None:
        """Read what still comes until the other side has closed too, for a moment at most.

        Closing with something unread resets the connection: the broker then loses our last word
        and says our will in its place.
        """
        self._sock.shutdown(socket.SHUT_WR)
        self._sock.settimeout(_LINGER_S)
        until = time.monotonic() + _LINGER_S
        while self._sock.recv(_CHUNK) and time.monotonic() < until:
            pass

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass it on."""
        self._sock.setblocking(flag)


class BufferedClient(mqtt.Client):
    """A paho client on a buffered socket.

    ``_create_socket`` is where paho itself puts its WebSocket wrapper; a test fails should it move.
    """

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """Shake hands. paho itself would leave a socket open whose handshake fails."""
        context: ssl.SSLContext | None = self._ssl_context
        assert context is not None
        sock = context.wrap_socket(
            tcp_sock, server_hostname=self._host, do_handshake_on_connect=False
        )
        try:
            sock.settimeout(_HANDSHAKE_S)
            sock.do_handshake()
        except BaseException:
            sock.close()
            raise
        return sock

    def _create_socket(self) -> socket.socket:
        return BufferedSocket(super()._create_socket())  # type: ignore[return-value, arg-type]
