"""The AT conversation of a GSM modem in PDU mode, bytes in and bytes out.

Part of the simulator. It answers what gammu-smsd asks (3GPP TS 27.007 and 27.005); a command
that it does not know gets ERROR, as from a modem that lacks it, and is kept in `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from simulator.pdu import PduError, tpdu_length

SMSC: Final = "+8613800100500"
_CTRL_Z: Final = 0x1A
_ESCAPE: Final = 0x1B
_INVALID_PDU: Final = 304
_INVALID_INDEX: Final = 321
_MEMORY_SIZE: Final = 20

# What is asked and does not change, and its answer; "" is a bare OK.
_FIXED: Final = {
    "": "",
    "Z": "",
    "+CMEE=1": "",
    "+CMEE=2": "",
    "+CGMI": "coldwatch simulator",
    "+CGMM": "SIMULATED",
    "+CGMR": "1.0",
    "+CGSN": "356938035643809",
    "+CIMI": "460001234567890",
    "+CPIN?": "+CPIN: READY",
    "+CSQ": "+CSQ: 20,0",
    "+CBC": "+CBC: 0,100",
    "+CGATT?": "+CGATT: 1",
    "+CREG?": '+CREG: 2,1,"1A2B","3C4D"',
    "+CGREG?": '+CGREG: 2,1,"1A2B","3C4D"',
    "+COPS?": '+COPS: 0,2,"46000"',
    "+CSCA?": f'+CSCA: "{SMSC}",145',
    "+CMGF=0": "",
    "+CMGF?": "+CMGF: 0",
    "+CMGF=?": "+CMGF: (0)",
    "+CSMS?": "+CSMS: 0,1,1,1",
    "+CPMS=?": '+CPMS: ("SM"),("SM"),("SM")',
    "+CNMI=?": "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)",
    "+CSCS=?": '+CSCS: ("GSM","UCS2")',
    "+CSCS?": '+CSCS: "GSM"',
}
_ACCEPTED: Final = re.compile(
    r"\+(CREG|CGREG|CSCS|CNMI|CSCA|COPS|CUSD|CMMS|CSMS|CFUN)=[^?]*$|[&E][F01]?$|E[01]$"
)


class CmsError(Exception):
    """The network or the card refused a message (TS 27.005 3.2.5)."""

    def __init__(self, code: int) -> None:
        """Keep the code."""
        super().__init__(f"+CMS ERROR: {code}")
        self.code = code


class AnswerLostError(Exception):
    """The message went out, but the modem never says so."""


class Network(Protocol):
    """What lies behind the modem."""

    def send(self, pdu: bytes) -> int:
        """Take an SMS-SUBMIT and return its reference; raise CmsError, PduError or AnswerLostError."""


class Dialog:
    """One conversation; all but the card ends with the modem's power."""

    def __init__(self, network: Network, card: dict[int, bytes] | None = None) -> None:
        """Begin with echo on; ``card`` holds the messages that came in, by place."""
        self.unknown: list[str] = []
        self.card: dict[int, bytes] = {} if card is None else card
        self._network = network
        self._line = bytearray()
        self._echo = True
        self._awaited: int | None = None  # the length of the PDU that AT+CMGS announced
        self._commands: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (re.compile(r"\+CMGS=(\d+)$"), self._begin_pdu),
            (re.compile(r"\+CPMS(\?|=.*)$"), self._memory),
            (re.compile(r"\+CMGL=[0-4]$"), self._list),
            (re.compile(r"\+CMGR=(\d+)$"), self._read),
            (re.compile(r"\+CMGD=(\d+)(?:,[0-4])?$"), self._delete),
        )

    def feed(self, data: bytes) -> bytes:
        """Take what the computer wrote and return what the modem says."""
        said = bytearray()
        for byte in data:
            if self._awaited is not None:
                said += self._feed_pdu(byte)
            elif byte == ord("\r"):
                if self._echo:
                    said += self._line + b"\r"
                said += self._command(self._line.decode("ascii", "replace").strip())
                self._line.clear()
            elif byte not in (ord("\n"), _ESCAPE, _CTRL_Z):
                self._line.append(byte)
        return bytes(said)

    def store(self, pdu: bytes) -> bytes:
        """Keep an SMS-DELIVER on the card and return the notice of it; raise CmsError when full."""
        place = next((i for i in range(1, _MEMORY_SIZE + 1) if i not in self.card), None)
        if place is None:
            raise CmsError(322)
        self.card[place] = pdu
        return f'\r\n+CMTI: "SM",{place}\r\n'.encode()

    def _command(self, line: str) -> bytes:
        if not line:
            return b""
        if not line.upper().startswith("AT"):
            return _error()
        body = line[2:]
        if body in ("E0", "E1"):
            self._echo = body == "E1"
        if (fixed := _FIXED.get(body)) is not None:
            return _ok(fixed)
        if _ACCEPTED.match(body):
            return _ok("")
        for pattern, answer in self._commands:
            if match := pattern.match(body):
                try:
                    return answer(match).encode()
                except CmsError as error:
                    return _error(error)
        self.unknown.append(line)
        return _error()

    def _begin_pdu(self, match: re.Match[str]) -> str:
        self._awaited = int(match[1])
        return "\r\n> "

    def _feed_pdu(self, byte: int) -> bytes:
        if byte == _ESCAPE:
            self._awaited = None
            self._line.clear()
            return _ok("")
        if byte != _CTRL_Z:
            self._line.append(byte)
            return b""
        text, awaited = self._line.decode("ascii", "replace").strip(), self._awaited
        self._line.clear()
        self._awaited = None
        try:
            pdu = bytes.fromhex(text)
            if not pdu or tpdu_length(pdu) != awaited:
                return _error(CmsError(_INVALID_PDU))
            return _ok(f"+CMGS: {self._network.send(pdu)}")
        except AnswerLostError:
            return b""
        except CmsError as error:
            return _error(error)
        except (PduError, ValueError):
            return _error(CmsError(_INVALID_PDU))

    def _memory(self, match: re.Match[str]) -> str:
        use = f"{len(self.card)},{_MEMORY_SIZE}"
        if match[1] == "?":
            return _ok("+CPMS: " + ",".join([f'"SM",{use}'] * 3)).decode()
        return _ok("+CPMS: " + ",".join([use] * 3)).decode()

    def _list(self, _: re.Match[str]) -> str:
        lines = [
            f"+CMGL: {place},1,,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}"
            for place, pdu in sorted(self.card.items())
        ]
        return _ok("\r\n".join(lines)).decode()

    def _read(self, match: re.Match[str]) -> str:
        pdu = self._stored(match)
        return _ok(f"+CMGR: 1,,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}").decode()

    def _delete(self, match: re.Match[str]) -> str:
        self._stored(match)
        del self.card[int(match[1])]
        return _ok("").decode()

    def _stored(self, match: re.Match[str]) -> bytes:
        try:
            return self.card[int(match[1])]
        except KeyError:
            raise CmsError(_INVALID_INDEX) from None


def _ok(answer: str) -> bytes:
    return (f"\r\n{answer}\r\n" if answer else "").encode() + b"\r\nOK\r\n"


def _error(error: CmsError | None = None) -> bytes:
    return f"\r\n{error or 'ERROR'}\r\n".encode()
