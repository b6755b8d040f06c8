"""The kernel's interfaces as bytes: numbers as in the headers, errors as lines that say what to do."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sensors import bus, bus_kernel, registry
from sensors.bus_elsewhere import Transcript
from sensors.contract import NoDataError, ProbeFaultError, ProbeTransientError
from tests.sensors.clocks import HandClock

HEADERS = """
#include <linux/i2c-dev.h>
#include <linux/spi/spidev.h>
#include <stddef.h>
#include <stdio.h>
#define AT(field) offsetof(struct spi_ioc_transfer, field)
int main(void) {
    printf("%lu %lu %lu %lu %lu\\n", (unsigned long)I2C_SLAVE, (unsigned long)SPI_IOC_WR_MODE,
        (unsigned long)SPI_IOC_WR_BITS_PER_WORD, (unsigned long)SPI_IOC_WR_MAX_SPEED_HZ,
        (unsigned long)SPI_IOC_MESSAGE(1));
    printf("%zu %zu %zu %zu %zu %zu %zu %zu\\n", sizeof(struct spi_ioc_transfer), AT(tx_buf),
        AT(rx_buf), AT(len), AT(speed_hz), AT(delay_usecs), AT(bits_per_word), AT(cs_change));
    return 0;
}
"""


def test_the_numbers_are_those_of_the_headers(tmp_path: Path) -> None:
    """Compiled from <linux/...>: requests, and where each field of a transfer lies."""
    compiler = shutil.which("cc")
    source = tmp_path / "headers.c"
    source.write_text(HEADERS)
    program = tmp_path / "headers"
    done = None
    if compiler is not None:
        done = subprocess.run(
            [compiler, "-o", program, source], capture_output=True, text=True, check=False
        )
    if done is None or done.returncode != 0:
        assert not os.environ.get("CI"), "CI needs a C compiler and linux-libc-dev"
        pytest.skip("no C compiler with <linux/spi/spidev.h>; apt-get install gcc linux-libc-dev")
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    requests, layout = [int(one) for one in said[:5]], [int(one) for one in said[5:]]

    assert requests == [
        bus_kernel.I2C_SLAVE,
        bus_kernel.SPI_IOC_WR_MODE,
        bus_kernel.SPI_IOC_WR_BITS_PER_WORD,
        bus_kernel.SPI_IOC_WR_MAX_SPEED_HZ,
        bus_kernel.SPI_IOC_MESSAGE_1,
    ]
    packed = bus_kernel.SPI_IOC_TRANSFER.pack(1, 2, 3, 4, 5, 6, 7, 0, 0, 0)
    fields = struct.Struct("=QQIIHBB")
    assert layout == [bus_kernel.SPI_IOC_TRANSFER.size, 0, 8, 16, 20, 24, 26, 27]
    assert fields.unpack_from(packed) == (1, 2, 3, 4, 5, 6, 7)


class Spidev:
    """Stands where fcntl.ioctl is: does to the buffers what the kernel would."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, Any]] = []

    def ioctl(self, _file: int, request: int, argument: Any = 0) -> int:
        """Take a request; a message copies each byte to where it is to be read, one added."""
        self.calls.append((request, argument))
        if request == bus_kernel.SPI_IOC_MESSAGE_1:
            tx, rx, length, *_ = bus_kernel.SPI_IOC_TRANSFER.unpack(argument)
            for at in range(length):
                out = ctypes.c_ubyte.from_address(tx + at).value
                ctypes.c_ubyte.from_address(rx + at).value = (out + 1) & 0xFF
        return 0


def test_a_transfer_goes_through_its_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set up with mode 1, 8 bit and the clock; what is written is what the kernel finds there."""
    kernel = Spidev()
    monkeypatch.setattr(fcntl, "ioctl", kernel.ioctl)
    device = tmp_path / "spidev0.0"
    device.touch()
    port = bus_kernel.KernelSpi(str(device), 1, 1_000_000)

    assert port.transfer(b"\x00\x7f\xff") == b"\x01\x80\x00"
    port.close()
    assert [request for request, _ in kernel.calls[:3]] == [0x40016B01, 0x40016B03, 0x40046B04]
    assert [bytes(argument) for _, argument in kernel.calls[:3]] == [
        b"\x01", b"\x08", (1_000_000).to_bytes(4, sys.byteorder),
    ]  # fmt: skip


def test_i2c_writes_and_reads_whole_transfers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One write and one read of the file each; less than was asked for is an error."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    chosen: list[tuple[int, Any]] = []
    monkeypatch.setattr(fcntl, "ioctl", lambda _file, *rest: chosen.append(rest))
    monkeypatch.setattr(os, "open", lambda *_: os.dup(ours.fileno()))
    port = bus_kernel.KernelI2c("/dev/i2c-1", 0x44)
    theirs.send(b"\x01\x02\x03")
    theirs.send(b"\x01")

    port.write(b"\x24\x00")
    assert theirs.recv(10) == b"\x24\x00"
    assert port.read(3) == b"\x01\x02\x03"
    with pytest.raises(OSError, match="less than"):
        port.read(2)
    port.close()
    assert chosen == [(bus_kernel.I2C_SLAVE, 0x44)]
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOENT, NoDataError, "raspi-config nonint do_i2c 0"),
        (errno.ENOENT, NoDataError, "dtparam=i2c_arm=on"),
        (errno.EACCES, ProbeFaultError, "usermod -aG i2c"),
        (errno.EREMOTEIO, NoDataError, "nothing answers at address 0x45"),
        (errno.EREMOTEIO, NoDataError, "i2cdetect -y 1"),
        (errno.ENXIO, NoDataError, "nothing answers"),
        (errno.ETIMEDOUT, ProbeTransientError, "shorted"),
        (errno.EBUSY, ProbeFaultError, 'kind = "hwmon"'),
        (errno.EIO, ProbeTransientError, "/dev/i2c-1"),
    ],
)
def test_every_error_is_a_line_that_helps(number: int, kind: type[Exception], says: str) -> None:
    """Each errno that a Pi's I2C gives has its meaning and what to do."""
    found = bus.i2c_meaning(OSError(number, os.strerror(number)), "/dev/i2c-1", 0x45)

    assert type(found) is kind
    assert says in str(found)
    assert "\n" not in str(found)


def test_one_conversation_at_a_time(tmp_path: Path) -> None:
    """A second thread waits for the first, also under another name of the same file."""
    transcript = tmp_path / "bus"
    transcript.write_text("repeat\n> 01\n")
    (tmp_path / "link").symlink_to(transcript)
    inside = threading.Event()
    order: list[str] = []

    def second() -> None:
        inside.wait(10)
        with bus.i2c(str(tmp_path / "link"), 0x48):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with bus.i2c(str(transcript), 0x48) as port:
        inside.set()
        port.write(b"\x01")
        time.sleep(0.1)
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]


def test_a_transcript_insists(tmp_path: Path) -> None:
    """What a test case does not expect fails it, and is no error of the probe."""
    file = tmp_path / "bus"
    file.write_text("# hello\n> 24 ..\n< 01 02\n")
    chip = Transcript(str(file))

    chip.write(b"\x24\x99")
    assert chip.read(2) == b"\x01\x02"
    with pytest.raises(AssertionError, match="at its end"):
        chip.read(2)
    with pytest.raises(AssertionError, match="is written"):
        Transcript(str(file)).write(b"\x24")


def test_chips_as_a_program(tmp_path: Path) -> None:
    """The stand-in serves another process, follows its files, and ends when it is told to."""
    room = tmp_path / "room"
    room.write_text("5000")
    (tmp_path / "room.humidity").write_text("45000")
    (tmp_path / "lamp.0").write_text("900")
    path = tmp_path / "bus"
    command = [sys.executable, "-m", "simulator.chip_bus", str(path)]
    command += ["--sht3x", f"0x44={room}", "--max31865", str(room)]
    command += ["--ads1115", f"0x48={tmp_path / 'lamp'}"]
    program = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 30
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        tables = [
            ({"kind": "sht3x", "bus": str(path)}, "humidity"),
            ({"kind": "max31865", "bus": str(path), "wires": 3}, "temperature"),
            ({"kind": "ads1115", "bus": str(path), "channel": "0"}, "voltage"),
        ]
        probes = [registry.open_probe(table, HandClock(), what) for table, what in tables]
        values = [probe.read().value or 0 for probe in probes]
        assert [round(value / 100) for value in values] == [450, 50, 9]

        room.write_text("-20000")
        assert round((probes[1].read().value or 0) / 100) == -200
        room.unlink()
        for probe in probes[:2]:
            with pytest.raises(NoDataError):
                probe.read()
    finally:
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    with pytest.raises(NoDataError, match="there is no"):
        probes[0].read()


def test_reading_chips_loads_no_library() -> None:
    """Neither ctypes nor Blinka: the drivers cost the agent nothing but their own bytes."""
    tables = [
        registry.checked(table)
        for table in (
            {"kind": "sht3x", "bus": "/nowhere"},
            {"kind": "max31865", "bus": "/nowhere", "wires": 3},
            {"kind": "ads1115", "bus": "/nowhere", "channel": "0"},
        )
    ]
    code = (
        "import sys\n"
        "from sensors import registry, contract, bus_kernel\n"
        "from config.clock import SystemClock\n"
        f"for table in {tables!r}:\n"
        "    try:\n"
        "        registry.open_probe(table, SystemClock()).read()\n"
        "    except contract.NoDataError:\n"
        "        pass\n"
        "heavy = {'board', 'busio', 'smbus2', 'spidev', 'ctypes', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(registry.__file__).parents[1])
