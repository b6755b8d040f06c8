"""SMS PDUs as a modem sees them: SMS-SUBMIT going out, SMS-DELIVER coming in.

Part of the simulator, and the oracle of the SMS tests: it shares no table with the product, and
it decodes each part by itself, as a telephone does, so a pair that was cut in two shows.
Sources: 3GPP TS 23.040 (TPDUs, 9.2), 23.038 (alphabets), 27.005 (PDU mode).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Coding = Literal["gsm7", "8bit", "ucs2"]

# TS 23.038 6.2.1: the position in this text is the code.
_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE: Final = 0x1B
# TS 23.038 6.2.1.1: what follows an escape.
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_CODES: Final = {
    **{character: (code,) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{character: (_ESCAPE, code) for code, character in _EXTENSION.items()},
}
_DIGITS: Final = "0123456789*#abc"
_INTERNATIONAL: Final = 0x91
_NATIONAL: Final = 0x81
_ALPHANUMERIC: Final = 0xD0


class PduError(ValueError):
    """The PDU does not read as one; the modem answers +CMS ERROR: 304."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where one SMS stands in a message of several."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Submit:
    """One SMS-SUBMIT.

    Attributes:
        to: the number, with ``+`` where it is international.
        text: decoded by itself, whatever the other parts hold; hexadecimal for 8-bit data.
        coding: the alphabet of the user data.
        part: its place in a message of several parts.
        validity: the relative validity byte (TS 23.040 9.2.3.12.1), if there is one.
        report: whether a status report is asked for.
    """

    to: str
    text: str
    coding: Coding
    part: Part | None = None
    validity: int | None = None
    report: bool = False


def gsm7_codes(text: str) -> list[int]:
    """Return the septets of a text; raise PduError on a character that is not in the alphabet."""
    codes: list[int] = []
    for character in text:
        if character not in _CODES:
            raise PduError(f"{character!r} is not in the GSM 7-bit alphabet")
        codes.extend(_CODES[character])
    return codes


def gsm7_text(codes: list[int]) -> str:
    """Return the text of septets; an escape with nothing behind it is a space, as on a phone."""
    text = []
    stream = iter(codes)
    for code in stream:
        if code == _ESCAPE:
            text.append(_EXTENSION.get(next(stream, -1), " "))
        else:
            text.append(_BASIC[code])
    return "".join(text)


def pack(codes: list[int], header: bytes = b"") -> bytes:
    """Pack septets into octets behind a header, which is filled up to a septet's boundary."""
    start = -(-len(header) * 8 // 7)
    value = int.from_bytes(header, "little")
    for index, code in enumerate(codes, start):
        value |= code << 7 * index
    return value.to_bytes(-(-(start + len(codes)) * 7 // 8), "little")


def unpack(octets: bytes, length: int, header_length: int = 0) -> list[int]:
    """Return the septets behind a header; ``length`` counts all septets, the header's too."""
    value = int.from_bytes(octets, "little")
    start = -(-header_length * 8 // 7)
    return [value >> 7 * index & 0x7F for index in range(start, length)]


def encode_address(number: str) -> bytes:
    """Return type and semi-octets of a number, without its length; raise PduError for no number."""
    if not set(number.removeprefix("+")) <= set(_DIGITS):
        raise PduError(f"{number!r} is not a number")
    kind = _INTERNATIONAL if number.startswith("+") else _NATIONAL
    digits = [_DIGITS.index(digit) for digit in number.removeprefix("+")]
    if len(digits) % 2:
        digits.append(0xF)
    pairs = zip(digits[::2], digits[1::2], strict=True)
    return bytes([kind, *(high << 4 | low for low, high in pairs)])


def decode_address(kind: int, octets: bytes, length: int) -> str:
    """Return the number of ``length`` semi-octets."""
    if kind & 0x70 == _ALPHANUMERIC & 0x70:
        return gsm7_text(unpack(octets, length * 4 // 7))
    digits = [digit for octet in octets for digit in (octet & 0xF, octet >> 4)][:length]
    if any(digit >= len(_DIGITS) for digit in digits):
        raise PduError("the number has a digit that is none")
    sign = "+" if kind & 0x70 == _INTERNATIONAL & 0x70 else ""
    return sign + "".join(_DIGITS[digit] for digit in digits)


def coding_of(dcs: int) -> Coding:
    """Return the alphabet that a data coding scheme names (TS 23.038 section 4)."""
    group = dcs >> 4
    if group <= 0x7:
        alphabets: tuple[Coding, Coding, Coding, Coding] = ("gsm7", "8bit", "ucs2", "gsm7")
        return alphabets[dcs >> 2 & 3]
    if group == 0xE:
        return "ucs2"
    return "8bit" if group == 0xF and dcs & 4 else "gsm7"


def concatenation(header: bytes) -> Part | None:
    """Return the place that a user data header gives, with an 8-bit or 16-bit reference."""
    rest = header
    while len(rest) >= 2:
        identifier, length = rest[0], rest[1]
        body, rest = rest[2 : 2 + length], rest[2 + length :]
        if (identifier, length) in ((0x00, 3), (0x08, 4)) and len(body) == length:
            return Part(int.from_bytes(body[:-2]), body[-2], body[-1])
    return None


def _user_data(dcs: int, length: int, octets: bytes, *, headed: bool) -> tuple[str, Part | None]:
    """Decode user data; ``length`` counts septets or octets, as the alphabet has it."""
    size = octets[0] + 1 if headed else 0
    part = concatenation(octets[1:size]) if headed else None
    coding = coding_of(dcs)
    if coding == "gsm7":
        if len(octets) < -(-length * 7 // 8):
            raise PduError(f"user data of {length} septets is cut off")
        return gsm7_text(unpack(octets, length, size)), part
    if len(octets) < length:
        raise PduError(f"user data of {length} octets is cut off")
    body = octets[size:length]
    if coding == "ucs2":
        return body.decode("utf-16-be", "replace"), part
    return body.hex().upper(), part


class _Octets:
    """Reads a PDU from the front."""

    def __init__(self, octets: bytes) -> None:
        self._rest = octets

    def take(self, count: int) -> bytes:
        """Return the next octets."""
        if len(self._rest) < count:
            raise PduError("the PDU is cut off")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def one(self) -> int:
        """Return the next octet."""
        return self.take(1)[0]

    def rest(self) -> bytes:
        """Return what is left."""
        return self._rest

    def address(self) -> str:
        """Return the address that begins here."""
        length = self.one()
        kind = self.one()
        return decode_address(kind, self.take((length + 1) // 2), length)


def tpdu_length(octets: bytes) -> int:
    """Return the length that AT+CMGS names: without the service centre's address."""
    return len(octets) - 1 - octets[0]


def decode_submit(octets: bytes) -> Submit:
    """Read an SMS-SUBMIT with the service centre's address before it; raise PduError."""
    reader = _Octets(octets)
    reader.take(reader.one())
    first = reader.one()
    if first & 3 != 1:
        raise PduError(f"first octet {first:02X} is not of an SMS-SUBMIT")
    reader.one()  # message reference: the modem gives it
    to = reader.address()
    reader.one()  # protocol identifier
    dcs = reader.one()
    validity = None
    validity_format = first >> 3 & 3
    if validity_format == 2:
        validity = reader.one()
    elif validity_format:
        reader.take(7)
    length = reader.one()
    headed = bool(first & 0x40)
    text, part = _user_data(dcs, length, reader.rest(), headed=headed)
    return Submit(to, text, coding_of(dcs), part, validity, bool(first & 0x20))


def _encode_text(text: str, coding: Coding, header: bytes) -> tuple[int, int, bytes]:
    """Return data coding scheme, length as the alphabet counts it, and the user data."""
    if coding == "gsm7":
        codes = gsm7_codes(text)
        return 0x00, -(-len(header) * 8 // 7) + len(codes), pack(codes, header)
    if coding == "8bit":
        octets = header + bytes.fromhex(text)
        return 0x04, len(octets), octets
    octets = header + text.encode("utf-16-be")
    return 0x08, len(octets), octets


def encode_submit(submit: Submit, smsc: str = "") -> bytes:
    """Write an SMS-SUBMIT; the inverse of `decode_submit`."""
    centre = encode_address(smsc) if smsc else b""
    header = b""
    if submit.part is not None:
        wide = submit.part.reference > 0xFF
        reference = submit.part.reference.to_bytes(2 if wide else 1)
        element = reference + bytes([submit.part.total, submit.part.number])
        header = bytes([len(element) + 2, 0x08 if wide else 0x00, len(element), *element])
    first = 0x01 | (0x10 if submit.validity is not None else 0)
    first |= (0x40 if header else 0) | (0x20 if submit.report else 0)
    dcs, length, data = _encode_text(submit.text, submit.coding, header)
    validity = b"" if submit.validity is None else bytes([submit.validity])
    digits = len(submit.to.removeprefix("+"))
    head = bytes([len(centre), *centre, first, 0, digits, *encode_address(submit.to), 0, dcs])
    return head + validity + bytes([length]) + data


def encode_deliver(sender: str, text: str, at: datetime, smsc: str) -> bytes:
    """Write an SMS-DELIVER of one part in the narrowest alphabet that has all its characters.

    Raises PduError when the text does not fit one SMS.
    """
    (pdu, *more) = encode_delivers(sender, text, at, smsc, 0)
    if more:
        raise PduError(f"{len(text)} characters do not fit one SMS")
    return pdu


def encode_delivers(sender: str, text: str, at: datetime, smsc: str, reference: int) -> list[bytes]:
    """Write a text as one SMS-DELIVER, or as several with this 8-bit reference."""
    coding: Coding = "gsm7" if all(character in _CODES for character in text) else "ucs2"
    parts = _cut(text, coding)
    centre = encode_address(smsc)
    address = bytes([len(sender.removeprefix("+")), *encode_address(sender)])
    found = []
    for number, part in enumerate(parts, start=1):
        header = b"" if len(parts) == 1 else bytes([5, 0, 3, reference, len(parts), number])
        dcs, length, data = _encode_text(part, coding, header)
        first = 0x44 if header else 0x04
        head = bytes([len(centre), *centre, first, *address, 0, dcs])
        found.append(head + bytes([*_timestamp(at), length, *data]))
    return found


def _cut(text: str, coding: Coding) -> list[str]:
    """Cut a text as a telephone does: no character and no escape falls apart."""

    def size(character: str) -> int:
        return len(_CODES[character]) if coding == "gsm7" else len(character.encode("utf-16-be"))

    whole, room = (160, 153) if coding == "gsm7" else (140, 134)
    if sum(map(size, text)) <= whole:
        return [text]
    parts, used = [""], 0
    for character in text:
        if used + size(character) > room:
            parts.append("")
            used = 0
        parts[-1] += character
        used += size(character)
    if len(parts) > 255:
        raise PduError(f"{len(text)} characters do not fit 255 SMS")
    return parts


def encode_report(reference: int, to: str, at: datetime, status: int, smsc: str) -> bytes:
    """Write an SMS-STATUS-REPORT (TS 23.040 9.2.2.3) of a message that was sent at this time.

    ``status`` is TP-ST (9.2.3.15): 0x00 delivered, 0x30 still being tried, 0x46 expired.
    """
    centre = encode_address(smsc)
    address = bytes([len(to.removeprefix("+")), *encode_address(to)])
    stamp = _timestamp(at)
    return bytes([len(centre), *centre, 0x06, reference, *address, *stamp, *stamp, status])


def _timestamp(at: datetime) -> bytes:
    """Return a service centre's time stamp: swapped digits, the zone in quarters of an hour."""
    quarters = int((at.utcoffset() or timedelta()).total_seconds()) // 900
    fields = [at.year % 100, at.month, at.day, at.hour, at.minute, at.second, abs(quarters)]
    octets = [field % 10 << 4 | field // 10 for field in fields]
    if quarters < 0:
        octets[-1] |= 0x08
    return bytes(octets)
