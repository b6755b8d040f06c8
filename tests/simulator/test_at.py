"""The AT conversation, without a device."""

from __future__ import annotations

import pytest

from simulator.at import AnswerLostError, CmsError, Dialog
from simulator.pdu import Submit, decode_submit, encode_submit

PDU = encode_submit(Submit("+8613800000001", "hola", "gsm7"))
HEX = PDU.hex().upper().encode()


class Network:
    """Takes everything, or raises what it is given."""

    def __init__(self) -> None:
        self.sent: list[Submit] = []
        self.error: Exception | None = None

    def send(self, pdu: bytes) -> int:
        """Take an SMS."""
        if self.error is not None:
            raise self.error
        self.sent.append(decode_submit(pdu))
        return len(self.sent)


@pytest.fixture
def network() -> Network:
    """A network that takes everything."""
    return Network()


@pytest.fixture
def dialog(network: Network) -> Dialog:
    """A conversation with echo off."""
    dialog = Dialog(network)
    dialog.feed(b"ATE0\r")
    return dialog


def test_echo(network: Network) -> None:
    """A modem repeats what it hears until ATE0, that line included."""
    dialog = Dialog(network)

    assert dialog.feed(b"AT\r") == b"AT\r\r\nOK\r\n"
    assert dialog.feed(b"ATE0\r") == b"ATE0\r\r\nOK\r\n"
    assert dialog.feed(b"AT\r") == b"\r\nOK\r\n"
    assert dialog.feed(b"ATE1\r") == b"\r\nOK\r\n"
    assert dialog.feed(b"AT\r") == b"AT\r\r\nOK\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"AT+CREG?", b'+CREG: 2,1,"1A2B","3C4D"'),
        (b"AT+CGATT?", b"+CGATT: 1"),
        (b"AT+CSQ", b"+CSQ: 20,0"),
        (b"AT+CSCA?", b'+CSCA: "+8613800100500",145'),
        (b"AT+CPIN?", b"+CPIN: READY"),
        (b'AT+CPMS="SM","SM"', b"+CPMS: 0,20,0,20,0,20"),
        (b"AT+CPMS?", b'+CPMS: "SM",0,20,"SM",0,20,"SM",0,20'),
    ],
)
def test_answers(dialog: Dialog, command: bytes, answer: bytes) -> None:
    """What gammu-smsd asks of a modem has its answer."""
    assert dialog.feed(command + b"\r") == b"\r\n" + answer + b"\r\n\r\nOK\r\n"


@pytest.mark.parametrize("command", [b"AT+CMGF=0", b"AT+CNMI=2,1,0,2,0", b"ATZ", b'AT+CSCS="GSM"'])
def test_settings(dialog: Dialog, command: bytes) -> None:
    """Settings are taken."""
    assert dialog.feed(command + b"\r") == b"\r\nOK\r\n"


@pytest.mark.parametrize("command", [b"AT+NOSUCH=1", b"AT+CMGF=1", b"hello"])
def test_what_it_cannot(dialog: Dialog, command: bytes) -> None:
    """An unknown command gets ERROR, and so does text mode, which this modem lacks."""
    assert dialog.feed(command + b"\r") == b"\r\nERROR\r\n"


def test_unknown_commands_are_kept(dialog: Dialog) -> None:
    """Whoever maintains the simulator can see what was asked in vain."""
    dialog.feed(b"AT+NOSUCH=1\r")

    assert dialog.unknown == ["AT+NOSUCH=1"]


class TestSending:
    def command(self, length: int | None = None) -> bytes:
        """AT+CMGS with the right length, unless another is given."""
        return f"AT+CMGS={len(PDU) - 1 if length is None else length}\r".encode()

    def test_prompt_pdu_reference(self, dialog: Dialog, network: Network) -> None:
        """AT+CMGS gets a prompt, and the PDU with ^Z a reference, byte by byte as well."""
        assert dialog.feed(self.command()) == b"\r\n> "
        assert dialog.feed(HEX) == b""
        assert dialog.feed(b"\x1a") == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
        said = b"".join(dialog.feed(bytes([byte])) for byte in self.command() + HEX + b"\x1a")
        assert said.endswith(b"+CMGS: 2\r\n\r\nOK\r\n")
        assert [submit.text for submit in network.sent] == ["hola", "hola"]

    def test_escape_ends_it(self, dialog: Dialog, network: Network) -> None:
        """Escape instead of ^Z sends nothing, and commands work again."""
        dialog.feed(self.command() + HEX)

        assert dialog.feed(b"\x1b") == b"\r\nOK\r\n"
        assert dialog.feed(b"AT\r") == b"\r\nOK\r\n"
        assert network.sent == []

    @pytest.mark.parametrize(
        ("length", "text"), [(3, HEX), (None, b"nonsense"), (None, HEX[:-2]), (None, b"")]
    )
    def test_a_bad_pdu(self, dialog: Dialog, length: int | None, text: bytes) -> None:
        """A PDU that is not what AT+CMGS announced, or none at all, is CMS error 304."""
        dialog.feed(self.command(length))

        assert dialog.feed(text + b"\x1a") == b"\r\n+CMS ERROR: 304\r\n"

    def test_refused(self, dialog: Dialog, network: Network) -> None:
        """The network's refusal reaches the computer with its code."""
        network.error = CmsError(21)

        assert dialog.feed(self.command() + HEX + b"\x1a") == b"\r\n> \r\n+CMS ERROR: 21\r\n"

    def test_the_answer_lost(self, dialog: Dialog, network: Network) -> None:
        """A swallowed answer is silence, and the next command is heard."""
        network.error = AnswerLostError()

        assert dialog.feed(self.command() + HEX + b"\x1a") == b"\r\n> "
        assert dialog.feed(b"AT\r") == b"\r\nOK\r\n"


class TestReceiving:
    def test_store_list_read_delete(self, dialog: Dialog) -> None:
        """What comes in is announced, counted, listed, read and deleted."""
        assert dialog.store(b"\x00\x04\x01") == b'\r\n+CMTI: "SM",1\r\n'
        dialog.store(b"\x00\x04\x02")

        assert dialog.feed(b"AT+CPMS?\r").startswith(b'\r\n+CPMS: "SM",2,20')
        assert dialog.feed(b"AT+CMGL=4\r") == (
            b"\r\n+CMGL: 1,1,,2\r\n000401\r\n+CMGL: 2,1,,2\r\n000402\r\n\r\nOK\r\n"
        )
        assert dialog.feed(b"AT+CMGR=2\r") == b"\r\n+CMGR: 1,,2\r\n000402\r\n\r\nOK\r\n"
        assert dialog.feed(b"AT+CMGD=2\r") == b"\r\nOK\r\n"
        assert dialog.feed(b"AT+CMGR=2\r") == b"\r\n+CMS ERROR: 321\r\n"
        assert dialog.store(b"\x00\x04\x03") == b'\r\n+CMTI: "SM",2\r\n'

    def test_a_full_card(self, dialog: Dialog) -> None:
        """A card has twenty places; the next message is CMS error 322."""
        for _ in range(20):
            dialog.store(b"\x00\x04\x01")
        with pytest.raises(CmsError, match="322"):
            dialog.store(b"\x00\x04\x01")


class TestReports:
    REPORT = b"\x00\x06\x07\x05\x81"

    def test_nobody_asked(self, dialog: Dialog) -> None:
        """Until AT+CNMI asks for reports they are lost."""
        assert dialog.report(self.REPORT) == b""

    def test_said_at_once(self, dialog: Dialog) -> None:
        """With 1 as its fourth figure the report itself is said."""
        dialog.feed(b"AT+CNMI=2,1,0,1,0\r")

        assert dialog.report(self.REPORT) == b"\r\n+CDS: 4\r\n0006070581\r\n"

    def test_kept_and_told_of(self, dialog: Dialog) -> None:
        """With 2 it lies in a memory of its own, which AT+CPMS chooses, apart from the card."""
        dialog.feed(b"AT+CNMI=2,1,0,2,0\r")
        dialog.store(b"\x00\x04\x01")

        assert dialog.report(self.REPORT) == b'\r\n+CDSI: "SR",1\r\n'
        assert dialog.feed(b'AT+CPMS="SR"\r') == b"\r\n+CPMS: 1,20,1,20,1,20\r\n\r\nOK\r\n"
        assert b"0006070581" in dialog.feed(b"AT+CMGR=1\r")
        dialog.feed(b"AT+CMGD=1\r")
        dialog.feed(b'AT+CPMS="SM"\r')
        assert b"000401" in dialog.feed(b"AT+CMGR=1\r")
        assert dialog.reports == {}

    def test_a_full_memory_loses_them(self, dialog: Dialog) -> None:
        """As on a real one; nothing is said of it."""
        dialog.feed(b"AT+CNMI=2,1,0,2,0\r")
        said = [dialog.report(self.REPORT) for _ in range(21)]

        assert said[19] == b'\r\n+CDSI: "SR",20\r\n'
        assert said[20] == b""


def test_signal(dialog: Dialog) -> None:
    """The signal is as strong as it was told to be."""
    dialog.signal = 3

    assert dialog.feed(b"AT+CSQ\r") == b"\r\n+CSQ: 3,0\r\n\r\nOK\r\n"


def test_services(dialog: Dialog) -> None:
    """The operator answers the codes that it has, and says of others that it has none."""
    dialog.services["*100#"] = "Balance 12.34"

    assert dialog.feed(b'AT+CUSD=1,"*100#",15\r') == (
        b'\r\nOK\r\n\r\n+CUSD: 0,"Balance 12.34",15\r\n'
    )
    assert dialog.feed(b'AT+CUSD=1,"*999#"\r') == b"\r\nOK\r\n\r\n+CUSD: 4\r\n"
    assert dialog.feed(b"AT+CUSD=1\r") == b"\r\nOK\r\n"
