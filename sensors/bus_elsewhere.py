"""A chip that is none: behind a socket (a stand-in program), or in a transcript (a test case).

**Socket** (Unix, SOCK_SEQPACKET; ``simulator/chip_bus.py`` serves it). One message for each transfer:

    W address data…     write            R address length     read
    X address data…     SPI transfer     (address is one byte; SPI chips have 0xff)

and one answer: an errno as one byte (0: done), then the bytes that were read.

**Transcript**: a text file, a line for each transfer in the order in which it must come;

    # a comment
    > 24 00                   the driver writes these bytes
    < 49 24 89 80 00 a2       the driver reads, and gets these
    > 80 c2 / 00 00           an SPI transfer: written / read back
    ! 121                     this transfer fails with that errno

``..`` stands for any byte. The last lines may come again without end where they follow a line
``repeat``. A transfer that differs from its line fails the test that runs the case: it raises
AssertionError, which no driver catches.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

SPI: Final = 0xFF
# The longest that a stand-in program may think; a chip needs microseconds.
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 4096


class SocketChip:
    """A chip served by a program; an I2C port and an SPI port."""

    def __init__(self, path: str, address: int) -> None:
        """Connect; raises OSError, so a program that is not there is a bus that is not there."""
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(path)
        except ConnectionRefusedError:
            self._socket.close()
            raise FileNotFoundError(2, os.strerror(2), path) from None
        except OSError:
            self._socket.close()
            raise

    def write(self, data: bytes) -> None:
        """Write in one transfer."""
        self._ask(b"W", data)

    def read(self, length: int) -> bytes:
        """Read in one transfer."""
        return self._ask(b"R", bytes([length]))

    def transfer(self, data: bytes) -> bytes:
        """Write and read under one chip select."""
        return self._ask(b"X", data)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _ask(self, what: bytes, data: bytes) -> bytes:
        self._socket.send(what + bytes([self._address]) + data)
        answer = self._socket.recv(_MOST_BYTES)
        if not answer:
            raise FileNotFoundError(2, os.strerror(2))
        if answer[0]:
            raise OSError(answer[0], os.strerror(answer[0]))
        return answer[1:]


class Transcript:
    """A chip that says what a file says, and insists on what it is told."""

    def __init__(self, path: str) -> None:
        """Begin at the first line."""
        lines = [line.partition("#")[0].strip() for line in Path(path).read_text().splitlines()]
        lines = [line for line in lines if line]
        self._again = lines.index("repeat") if "repeat" in lines else None
        self._lines = [line for line in lines if line != "repeat"]
        self._next = 0

    def write(self, data: bytes) -> None:
        """Compare a write with its line."""
        self._same(self._line(">"), data)

    def read(self, length: int) -> bytes:
        """Return what the line says."""
        data = bytes.fromhex(self._line("<"))
        assert len(data) == length, f"{length} bytes are asked for, the line has {len(data)}"
        return data

    def transfer(self, data: bytes) -> bytes:
        """Compare what is written, and return what the line says is read."""
        out, _, back = self._line(">").partition("/")
        self._same(out, data)
        return bytes.fromhex(back)

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, mark: str) -> str:
        if self._next == len(self._lines) and self._again is not None:
            self._next = self._again
        assert self._next < len(self._lines), "the transcript is at its end"
        line = self._lines[self._next]
        self._next += 1
        if line.startswith("!"):
            number = int(line[1:])
            raise OSError(number, os.strerror(number))
        assert line.startswith(mark), f"the transcript has {line!r} here"
        return line[1:]

    @staticmethod
    def _same(line: str, data: bytes) -> None:
        wanted = line.split()
        told = [f"{byte:02x}" for byte in data]
        same = len(wanted) == len(told) and all(
            one in ("..", other) for one, other in zip(wanted, told, strict=True)
        )
        assert same, f"{' '.join(told)} is written, the transcript has {line.strip()!r}"
