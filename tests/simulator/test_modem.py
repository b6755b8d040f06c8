"""The simulated modem on its pty: what it takes, what it logs, how it fails."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from simulator.modem import Message, Modem, Report
from simulator.modem_control import Control
from simulator.pdu import Part, Submit, encode_submit

NUMBER = "+8613800000001"


class Computer:
    """The other end of the line: writes commands, reads answers."""

    def __init__(self, device: Path) -> None:
        self.end = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.end)

    def close(self) -> None:
        """Let go of the device."""
        os.close(self.end)

    def read(self, seconds: float) -> bytes:
        """Return what comes until the modem has been quiet for 0.03 s, or the time is over."""
        heard = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.end], [], [], 0.03 if heard else left)[0]:
                break
            heard += os.read(self.end, 4096)
        return heard

    def say(self, text: bytes, seconds: float = 2.0) -> bytes:
        """Write, and return the answer."""
        os.write(self.end, text)
        return self.read(seconds)

    def send(self, submit: Submit) -> bytes:
        """Send one SMS and return what the modem says of it."""
        pdu = encode_submit(submit)
        assert b"> " in self.say(f"AT+CMGS={len(pdu) - 1}\r".encode())
        return self.say(pdu.hex().encode() + b"\x1a")


@pytest.fixture
def told() -> list[Message]:
    """What the modem has told of."""
    return []


@pytest.fixture
def modem(tmp_path: Path, told: list[Message]) -> Iterator[Modem]:
    """A modem with a log."""
    with Modem(tmp_path / "modem", tmp_path / "messages.jsonl", told.append) as modem:
        yield modem


@pytest.fixture
def computer(modem: Modem, tmp_path: Path) -> Iterator[Computer]:
    """A computer at the modem, echo off."""
    computer = Computer(tmp_path / "modem")
    computer.say(b"ATE0\r")
    yield computer
    computer.close()


class TestMessages:
    def test_one_part(
        self, modem: Modem, computer: Computer, told: list[Message], tmp_path: Path
    ) -> None:
        """A message is decoded, told, kept and logged with the real time, as one JSON line."""
        assert b"+CMGS: 1" in computer.send(Submit(NUMBER, "温度过高 9.2℃", "ucs2"))

        (message,) = modem.messages
        assert (message.to, message.text, message.parts, message.coding) == (
            NUMBER, "温度过高 9.2℃", 1, "ucs2",
        )  # fmt: skip
        assert told == [message]
        (line,) = (tmp_path / "messages.jsonl").read_text("utf-8").splitlines()
        assert json.loads(line) == {
            "at": message.at, "to": NUMBER, "text": "温度过高 9.2℃", "parts": 1, "coding": "ucs2",
        }  # fmt: skip

    @pytest.mark.parametrize("reference", [7, 0x1234], ids=["8-bit", "16-bit"])
    def test_several_parts_in_any_order(
        self, modem: Modem, computer: Computer, reference: int
    ) -> None:
        """Parts are put together by their numbers, per telephone and reference."""
        for to, number, text in (
            (NUMBER, 2, "two "), ("+4930", 1, "other "), (NUMBER, 3, "three"), (NUMBER, 1, "one "),
        ):  # fmt: skip
            computer.send(Submit(to, text, "gsm7", Part(reference, 3, number)))

        assert [(m.to, m.text, m.parts) for m in modem.messages] == [(NUMBER, "one two three", 3)]
        assert len(modem.submits) == 4

    def test_a_part_sent_twice_shows(self, modem: Modem, computer: Computer) -> None:
        """The list of single SMS is as long as what went over the air."""
        for _ in range(2):
            computer.send(Submit(NUMBER, "again", "gsm7"))

        assert len(modem.submits) == len(modem.messages) == 2


class TestFaults:
    def test_refuse_next(self, modem: Modem, computer: Computer) -> None:
        """The next two are refused with the code, and the third is sent."""
        modem.refuse(2, 38)

        answers = [computer.send(Submit(NUMBER, text, "gsm7")) for text in "abc"]

        assert [b"+CMS ERROR: 38" in answer for answer in answers] == [True, True, False]
        assert [message.text for message in modem.messages] == ["c"]

    def test_refuse_a_number_until_healed(self, modem: Modem, computer: Computer) -> None:
        """Only numbers that match are refused, and they are until the modem is healed."""
        modem.refuse(to="999$", code=21)
        for to in ("+8613800000999", NUMBER, "+8613800000999"):
            computer.send(Submit(to, "x", "gsm7"))
        modem.heal()
        computer.send(Submit("+8613800000999", "healed", "gsm7"))

        assert [message.text for message in modem.messages] == ["x", "healed"]

    def test_stall(self, modem: Modem, computer: Computer) -> None:
        """A hanging modem answers nothing, and what it was told meanwhile is lost."""
        modem.stall(0.6)

        assert computer.say(b"AT\r", 0.4) == b""
        time.sleep(0.4)
        assert computer.read(0.2) == b""
        assert computer.say(b"AT\r") == b"\r\nOK\r\n"

    def test_swallow(self, modem: Modem, computer: Computer) -> None:
        """A swallowed answer leaves the computer in doubt though the message went out."""
        modem.swallow()
        pdu = encode_submit(Submit(NUMBER, "in doubt", "gsm7"))
        computer.say(f"AT+CMGS={len(pdu) - 1}\r".encode())

        assert computer.say(pdu.hex().encode() + b"\x1a", 0.4) == b""
        assert [message.text for message in modem.messages] == ["in doubt"]

    def test_vanish(self, modem: Modem, computer: Computer, tmp_path: Path) -> None:
        """The device goes, its user gets errors, and it comes back under the same link."""
        link = tmp_path / "modem"
        modem.vanish(0.4)

        assert not link.exists()
        time.sleep(0.1)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(computer.end, b"AT\r")
        deadline = time.monotonic() + 5
        while not link.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        again = Computer(link)
        assert again.say(b"AT\r") == b"AT\r\r\nOK\r\n"
        again.close()


class TestAnswers:
    def test_deliver(self, modem: Modem, computer: Computer) -> None:
        """An SMS that comes in is announced and lies on the card."""
        modem.deliver(NUMBER, "收到")

        assert b'+CMTI: "SM",1' in computer.read(2)
        assert b"02597D" not in computer.say(b"AT+CMGL=4\r")
        assert b"0465365230" in computer.say(b"AT+CMGL=4\r")

    def test_answer(self, modem: Modem, computer: Computer) -> None:
        """Whoever was told to answer does so, and others do not."""
        modem.answer("0001$", "OK 1234")
        computer.send(Submit("+8613800000002", "x", "gsm7"))
        assert b"CMGL" not in computer.say(b"AT+CMGL=4\r").replace(b"AT+CMGL", b"")

        computer.send(Submit(NUMBER, "x", "gsm7"))

        assert b"+CMGL: 1,1,," in computer.say(b"AT+CMGL=4\r")

    def test_the_card_survives_the_modem(
        self, modem: Modem, computer: Computer, tmp_path: Path
    ) -> None:
        """What lies on the card is still there when the modem was unplugged."""
        modem.deliver(NUMBER, "x")
        modem.vanish(0.0)
        deadline = time.monotonic() + 5
        while not (tmp_path / "modem").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        again = Computer(tmp_path / "modem")
        assert b"+CMGL: 1,1,," in again.say(b"AT+CMGL=4\r")
        again.close()

    def test_a_full_card_is_told(self, modem: Modem, computer: Computer) -> None:
        """The twenty-first message finds no place, and whoever delivers it learns so."""
        for _ in range(20):
            modem.deliver(NUMBER, "x")
        with pytest.raises(ValueError, match="card is full"):
            modem.deliver(NUMBER, "x")

    def test_a_long_one(self, modem: Modem, computer: Computer) -> None:
        """It comes in parts; those that are left out come later, or never."""
        modem.deliver(NUMBER, "中" * 71, parts=[2])

        listed = computer.say(b"AT+CMGL=4\r") + computer.read(0.3)
        assert b"05000301" in listed
        assert listed.count(b"+CMGL: ") == 1
        with pytest.raises(ValueError, match="has 2 parts"):
            modem.deliver(NUMBER, "中" * 71, parts=[3])


class TestReports:
    REPORTED = Submit(NUMBER, "x", "gsm7", report=True)

    @pytest.mark.parametrize(
        ("status", "octet"), [("delivered", b"00\r"), ("pending", b"30\r"), ("failed", b"46\r")]
    )
    def test_the_network_reports(
        self, modem: Modem, computer: Computer, status: Report, octet: bytes
    ) -> None:
        """Of a message that asked for it, with its reference; the last octet says how it went."""
        computer.say(b"AT+CNMI=2,1,0,1,0\r")
        modem.report(status, after=0.0)

        said = computer.send(self.REPORTED) + computer.read(2)

        assert b"+CDS: 26\r\n" in said
        assert octet in said.split(b"+CDS: 26\r\n")[1]

    def test_nobody_asked(self, modem: Modem, computer: Computer) -> None:
        """Of others it says nothing, nor where it was told to be silent."""
        computer.say(b"AT+CNMI=2,1,0,1,0\r")
        modem.report("delivered", after=0.0)
        said = computer.send(Submit(NUMBER, "x", "gsm7"))
        modem.report("none", "1$", after=0.0)
        said += computer.send(self.REPORTED) + computer.read(0.3)

        assert b"+CDS" not in said
        with pytest.raises(ValueError, match="a status is one of"):
            modem.report("lost")  # type: ignore[arg-type]  # no such word


class TestControl:
    @pytest.fixture
    def ask(self, modem: Modem, tmp_path: Path) -> Iterator[TextIO]:
        """A connection to the control socket."""
        with (
            Control(modem, tmp_path / "control"),
            socket.socket(socket.AF_UNIX) as end,
        ):
            end.connect(str(tmp_path / "control"))
            with end.makefile("rw", encoding="utf-8") as file:
                yield file

    def order(self, ask: TextIO, text: str) -> dict[str, object]:
        """Order something and return the answer."""
        ask.write(text + "\n")
        ask.flush()
        answer: dict[str, object] = json.loads(ask.readline())
        return answer

    def test_orders(self, modem: Modem, computer: Computer, ask: TextIO) -> None:
        """What is ordered happens before the answer comes."""
        assert self.order(ask, '{"do": "refuse", "count": 1, "code": 42}') == {"ok": True}
        assert b"+CMS ERROR: 42" in computer.send(Submit(NUMBER, "x", "gsm7"))
        assert self.order(ask, '{"do": "deliver", "sender": "10086", "text": "hi"}') == {"ok": True}
        assert b"+CMTI" in computer.read(2)
        assert self.order(ask, '{"do": "refuse", "to": "1$", "code": 21}') == {"ok": True}
        assert b"+CMS ERROR: 21" in computer.send(Submit(NUMBER, "x", "gsm7"))
        assert self.order(ask, '{"do": "fade", "signal": 3}') == {"ok": True}
        assert b"+CSQ: 3,0" in computer.say(b"AT+CSQ\r")
        service = '{"do": "service", "code": "*100#", "answer": "1.00"}'
        assert self.order(ask, service) == {"ok": True}
        assert b'+CUSD: 0,"1.00",15' in computer.say(b'AT+CUSD=1,"*100#",15\r')
        report = '{"do": "report", "status": "failed", "to": "1$", "after": 0.5}'
        assert self.order(ask, report) == {"ok": True}
        assert self.order(ask, '{"do": "heal"}') == {"ok": True}
        assert b"+CSQ: 20,0" in computer.say(b"AT+CSQ\r")
        assert b"+CMGS" in computer.send(Submit(NUMBER, "x", "gsm7"))

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("nonsense", "not a JSON object"),
            ("[]", '"do" must be one of'),
            ('{"do": "explode"}', '"do" must be one of'),
            ('{"do": "stall"}', '"stall" needs "seconds"'),
            ('{"do": "stall", "seconds": "5"}', '"seconds" of "stall" is of the wrong type'),
            ('{"do": "stall", "seconds": true}', '"seconds" of "stall" is of the wrong type'),
            ('{"do": "heal", "now": 1}', '"heal" takes no "now"'),
            ('{"do": "refuse", "to": "("}', "no regular expression"),
            ('{"do": "deliver", "sender": "x", "text": "y"}', "'x' is not a number"),
            ('{"do": "report", "status": "lost"}', "a status is one of"),
        ],
    )
    def test_bad_orders(self, ask: TextIO, text: str, why: str) -> None:
        """A bad order gets one line that says what is wrong, and the next one is obeyed."""
        assert why in str(self.order(ask, text)["error"])
        assert self.order(ask, '{"do": "heal"}') == {"ok": True}


def test_the_program(tmp_path: Path, house: Path) -> None:
    """It runs by itself: prints what is sent, obeys its socket, and leaves nothing behind."""
    link, control, log = tmp_path / "modem", tmp_path / "control", tmp_path / "log"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "simulator.modem",
            "--link",
            link,
            "--control",
            control,
            "--log",
            log,
        ],
        cwd=house,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 10
    while not (link.exists() and control.exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    computer = Computer(link)
    computer.send(Submit(NUMBER, "温度过高", "ucs2"))
    computer.close()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=5)

    assert out == f"SMS to {NUMBER}: 温度过高\n"
    assert process.returncode == 0
    assert json.loads(log.read_text("utf-8"))["text"] == "温度过高"
    assert not link.exists()
    assert not control.exists()
