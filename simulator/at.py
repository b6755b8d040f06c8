"""The AT conversation of a GSM modem in PDU mode, bytes in and bytes out.

Part of the simulator. It answers what gammu-smsd asks (3GPP TS 27.007 and 27.005); a command
that it does not know gets ERROR, as from a modem that lacks it, and is kept in `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from simulator.pdu import PduError, tpdu_length

SMSC: Final = "+8613800100500"
_CTRL_Z: Final = 0x1A
_ESCAPE: Final = 0x1B
_INVALID_PDU: Final = 304
_INVALID_INDEX: Final = 321
_MEMORY_FULL: Final = 322
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
    "+CPMS=?": '+CPMS: ("SM","SR"),("SM"),("SM")',
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
        # TS 27.007 8.5: 0 to 31, 99 for not known.
        self.signal = 20
        # What the operator's services answer, by their USSD codes.
        self.services: dict[str, str] = {}
        # Status reports that wait to be read (the memory "SR"), and what becomes of new ones
        # (TS 27.005 3.4.1, <ds>): 0 they are lost, 1 they are said, 2 they are kept and told of.
        self.reports: dict[int, bytes] = {}
        self.report_route = 0
        self._memories = {"SM": self.card, "SR": self.reports}
        self._memory_name = "SM"
        self._network = network
        self._line = bytearray()
        self._echo = True
        self._awaited: int | None = None  # the length of the PDU that AT+CMGS announced
        self._commands: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (re.compile(r"\+CMGS=(\d+)$"), self._begin_pdu),
            (re.compile(r"\+CSQ$"), self._signal),
            (re.compile(r"\+CNMI=(\d(?:,\d){0,4})$"), self._route),
            (re.compile(r'\+CUSD=1,"([^"]*)"(?:,\d+)?$'), self._ask_service),
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
        return f'\r\n+CMTI: "SM",{_put(self.card, pdu)}\r\n'.encode()

    def report(self, pdu: bytes) -> bytes:
        """Take an SMS-STATUS-REPORT and return what is said of it, as the computer has asked."""
        if self.report_route == 1:
            return f"\r\n+CDS: {tpdu_length(pdu)}\r\n{pdu.hex().upper()}\r\n".encode()
        if self.report_route == 2:
            with suppress(CmsError):  # full: lost, as on a real one
                return f'\r\n+CDSI: "SR",{_put(self.reports, pdu)}\r\n'.encode()
        return b""

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
        for pattern, answer in self._commands:
            if match := pattern.match(body):
                try:
                    return answer(match).encode()
                except CmsError as error:
                    return _error(error)
        if _ACCEPTED.match(body):
            return _ok("")
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

    def _signal(self, _: re.Match[str]) -> str:
        return _ok(f"+CSQ: {self.signal},0").decode()

    def _route(self, match: re.Match[str]) -> str:
        fields = match[1].split(",")
        self.report_route = int(fields[3]) if len(fields) > 3 else self.report_route
        return _ok("").decode()

    def _ask_service(self, match: re.Match[str]) -> str:
        """Answer a USSD code (TS 27.007 7.15); 4: the network has no such service."""
        answer = self.services.get(match[1])
        said = "4" if answer is None else f'0,"{answer}",15'
        return f"{_ok('').decode()}\r\n+CUSD: {said}\r\n"

    def _memory(self, match: re.Match[str]) -> str:
        if (name := re.match(r'="(SM|SR)"', match[1])) is not None:
            self._memory_name = name[1]
        use = {name: f"{len(held)},{_MEMORY_SIZE}" for name, held in self._memories.items()}
        current = use[self._memory_name]
        if match[1] == "?":
            first = f'"{self._memory_name}",{current}'
            return _ok(f'+CPMS: {first},"SM",{use["SM"]},"SM",{use["SM"]}').decode()
        return _ok(f"+CPMS: {current},{use['SM']},{use['SM']}").decode()

    @property
    def _held(self) -> dict[int, bytes]:
        """The memory that is read from and deleted from."""
        return self._memories[self._memory_name]

    def _list(self, _: re.Match[str]) -> str:
        lines = [
            f"+CMGL: {place},1,,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}"
            for place, pdu in sorted(self._held.items())
        ]
        return _ok("\r\n".join(lines)).decode()

    def _read(self, match: re.Match[str]) -> str:
        pdu = self._stored(match)
        return _ok(f"+CMGR: 1,,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}").decode()

    def _delete(self, match: re.Match[str]) -> str:
        self._stored(match)
        del self._held[int(match[1])]
        return _ok("").decode()

    def _stored(self, match: re.Match[str]) -> bytes:
        try:
            return self._held[int(match[1])]
        except KeyError:
            raise CmsError(_INVALID_INDEX) from None


def _put(memory: dict[int, bytes], pdu: bytes) -> int:
    """Put a message into the first place that is free; raise CmsError where none is."""
    place = next((i for i in range(1, _MEMORY_SIZE + 1) if i not in memory), None)
    if place is None:
        raise CmsError(_MEMORY_FULL)
    memory[place] = pdu
    return place


def _ok(answer: str) -> bytes:
    return (f"\r\n{answer}\r\n" if answer else "").encode() + b"\r\nOK\r\n"


def _error(error: CmsError | None = None) -> bytes:
    return f"\r\n{error or 'ERROR'}\r\n".encode()
