"""An I2C and SPI bus on a Unix socket, with stand-in chips (`simulator/chips.py`) at it.

    python -m simulator.chip_bus /tmp/bus --sht3x 0x44=room --max31865 fridge --ads1115 0x48=lamp

The socket's path goes into a probe's settings as `bus` (`sensors/bus_elsewhere.py` has the bytes).
`room`, `fridge` and `lamp` are files of thousandths, as `coldwatch simulate` writes them: `room` a
temperature and, in `room.humidity`, a humidity; `fridge` a temperature; `lamp.0` to `lamp.3` volts.
They are read at each conversion; where one is missing, the chip is unplugged. One bus has one
MAX31865: another one has a bus of its own.
"""

from __future__ import annotations

import argparse
import errno
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sensors.bus_elsewhere import SPI
from simulator.chips import Ads1115, Chip, Max31865, Sht3x, Source, nack

_TICK_S = 0.1
_MOST_BYTES = 4096


class Bus:
    """Serves chips on a Unix socket from a thread of its own, until it is closed."""

    def __init__(self, path: Path, chips: Mapping[int, Chip]) -> None:
        """Serve chips by their I2C address; the SPI chip, of which there is one, has ``SPI``."""
        self._chips = chips
        self._path = path
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._socket.settimeout(_TICK_S)
        self._thread = threading.Thread(target=self._accept, name="chips", daemon=True)
        # One transfer at a time: a bus is one, and a chip has no lock.
        self._wires = threading.Lock()

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; the socket is taken away."""
        self._closed.set()
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(TimeoutError):
                caller, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, suppress(ConnectionError):
            while request := caller.recv(_MOST_BYTES):
                try:
                    with self._wires:
                        answer = b"\x00" + self._answer(request)
                except OSError as error:
                    answer = bytes([error.errno or errno.EIO])
                caller.send(answer)

    def _answer(self, request: bytes) -> bytes:
        chip = self._chips.get(request[1])
        if chip is None:
            raise nack()
        if request[:1] == b"W":
            chip.write(request[2:])
            return b""
        if request[:1] == b"R":
            return chip.read(request[2])
        return chip.transfer(request[2:])


def from_file(path: Path) -> Source:
    """Return a source that reads a file of thousandths; unplugged while there is none."""

    def read() -> int | None:
        try:
            return int(path.read_text())
        except (OSError, ValueError):
            return None

    return read


def _chips(arguments: argparse.Namespace) -> dict[int, Chip]:
    found: dict[int, Chip] = {}
    for address, path in arguments.sht3x:
        wet = from_file(path.with_name(f"{path.name}.humidity"))
        found[address] = Sht3x(from_file(path), wet, shtc3=address == 0x70)
    for address, path in arguments.ads1115:
        inputs = {i: from_file(path.with_name(f"{path.name}.{i}")) for i in range(4)}
        found[address] = Ads1115(inputs)
    if arguments.max31865 is not None:
        found[SPI] = Max31865(from_file(arguments.max31865), arguments.reference_ohm)
    return found


def _at(text: str) -> tuple[int, Path]:
    address, _, path = text.partition("=")
    return int(address, 0), Path(path)


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("socket", type=Path, help="where the bus appears")
    parser.add_argument("--sht3x", type=_at, action="append", default=[], help="ADDRESS=FILE")
    parser.add_argument("--ads1115", type=_at, action="append", default=[], help="ADDRESS=FILE")
    parser.add_argument("--max31865", type=Path, help="FILE")
    parser.add_argument("--reference-ohm", type=float, default=430.0, help="of the MAX31865")
    arguments = parser.parse_args()
    with Bus(arguments.socket, _chips(arguments)):
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    raise SystemExit(main())
