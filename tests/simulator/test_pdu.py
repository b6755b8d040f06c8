"""PDUs: vectors from other implementations, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import pdu

HOLA = "0001000B914316565811F9000004E8373B0C"
NI_HAO = "07914400000000F01100099121436587F90008F40A4E16754C60A8597DFF01"

numbers = st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True)
gsm7 = st.text(alphabet=st.sampled_from("abcXYZ019 @£ñΩ€[]{}~\n"), min_size=1, max_size=70)


class TestSeptets:
    @pytest.mark.parametrize(
        ("text", "octets"), [("Hello World!", "C8329BFD065DDF72363904"), ("hola", "E8373B0C")]
    )
    def test_vectors(self, text: str, octets: str) -> None:
        """Packing agrees with other implementations, both ways."""
        codes = pdu.gsm7_codes(text)

        assert pdu.pack(codes).hex().upper() == octets
        assert pdu.unpack(bytes.fromhex(octets), len(codes)) == codes

    @given(gsm7, st.integers(0, 12))
    def test_round_trip_behind_a_header(self, text: str, header: int) -> None:
        """Septets come back from behind a header of any length, which stays whole."""
        codes = pdu.gsm7_codes(text)
        octets = pdu.pack(codes, bytes(range(1, header + 1)))
        length = -(-header * 8 // 7) + len(codes)

        assert pdu.unpack(octets, length, header) == codes
        assert octets[:header] == bytes(range(1, header + 1))
        assert pdu.gsm7_text(codes) == text

    def test_a_lone_escape_is_a_space(self) -> None:
        """An escape that lost its character shows as a space, as on a telephone."""
        assert pdu.gsm7_text([0x41, 0x1B]) == "A "

    def test_what_the_alphabet_lacks(self) -> None:
        """A degree sign has no code."""
        with pytest.raises(pdu.PduError, match="°"):
            pdu.gsm7_codes("9°C")


class TestSubmit:
    def test_gsm7_vector(self) -> None:
        """A full PDU in the 7-bit alphabet, both ways."""
        submit = pdu.Submit("+34616585119", "hola", "gsm7")

        assert pdu.decode_submit(bytes.fromhex(HOLA)) == submit
        assert pdu.encode_submit(submit).hex().upper() == HOLA

    def test_ucs2_vector(self) -> None:
        """A full PDU in UCS-2 with service centre and a validity of 52 weeks, both ways."""
        submit = pdu.Submit("+123456789", "世界您好！", "ucs2", validity=244)

        assert pdu.decode_submit(bytes.fromhex(NI_HAO)) == submit
        assert pdu.encode_submit(submit, "+44000000000").hex().upper() == NI_HAO
        assert pdu.tpdu_length(bytes.fromhex(NI_HAO)) == len(NI_HAO) // 2 - 8

    @given(
        numbers,
        st.one_of(
            gsm7.map(lambda text: (text, "gsm7")),
            st.text(alphabet="中文℃😀x", min_size=1, max_size=30).map(lambda t: (t, "ucs2")),
            st.binary(min_size=1, max_size=100).map(lambda data: (data.hex().upper(), "8bit")),
        ),
        st.none()
        | st.builds(pdu.Part, st.integers(0, 255), st.integers(1, 255), st.integers(1, 255))
        | st.builds(pdu.Part, st.integers(256, 65535), st.integers(1, 255), st.integers(1, 255)),
        st.none() | st.integers(0, 255),
        st.booleans(),
    )
    def test_round_trip(
        self,
        to: str,
        text: tuple[str, pdu.Coding],
        part: pdu.Part | None,
        validity: int | None,
        report: bool,
    ) -> None:
        """Whatever is written is read again: three codings, both references, with and without."""
        submit = pdu.Submit(to, *text, part, validity, report)

        assert pdu.decode_submit(pdu.encode_submit(submit, "+8613800100500")) == submit

    def test_headers_as_others_write_them(self) -> None:
        """Concatenation is 050003 RR NN SS with an 8-bit reference, 060804 RRRR NN SS with 16."""
        assert pdu.concatenation(bytes.fromhex("0003CA0201")) == pdu.Part(0xCA, 2, 1)
        assert pdu.concatenation(bytes.fromhex("080401800402")) == pdu.Part(0x180, 4, 2)
        assert pdu.concatenation(bytes.fromhex("0504158A0000")) is None
        assert pdu.concatenation(bytes.fromhex("0504158A00000003CA0201")) == pdu.Part(0xCA, 2, 1)

    @pytest.mark.parametrize("length", range(len(HOLA) // 2))
    def test_cut_off_anywhere(self, length: int) -> None:
        """A PDU that ends too early is refused, wherever it ends."""
        with pytest.raises(pdu.PduError):
            pdu.decode_submit(bytes.fromhex(HOLA)[:length])

    def test_not_a_submit(self) -> None:
        """An SMS-DELIVER is no SMS-SUBMIT."""
        deliver = pdu.encode_deliver("+861", "x", datetime.now(UTC), "+8613800100500")
        with pytest.raises(pdu.PduError, match="SMS-SUBMIT"):
            pdu.decode_submit(deliver)


class TestDeliver:
    def test_gsm7(self) -> None:
        """An SMS from China at 14:05:09 summer 2024 has its stamp in swapped digits, zone +8 h."""
        at = datetime(2024, 7, 1, 14, 5, 9, tzinfo=timezone(timedelta(hours=8)))

        octets = pdu.encode_deliver("+34616585119", "hola", at, "+44000000000")

        assert octets.hex().upper() == (
            "07914400000000F0040B914316565811F900004270104150902304E8373B0C"
        )

    def test_ucs2_west_of_greenwich(self) -> None:
        """Chinese makes it UCS-2, and a zone behind UTC has its sign bit."""
        at = datetime(2024, 7, 1, 14, 5, 9, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))

        octets = pdu.encode_deliver("10086", "好", at, "+44000000000")

        assert octets.hex().upper().endswith("05810180F600084270104150904902597D")

    def test_too_long(self) -> None:
        """The simulated sender sends one SMS and no more."""
        with pytest.raises(pdu.PduError, match="71 characters"):
            pdu.encode_deliver("+861", "中" * 71, datetime.now(UTC), "+861")

    def test_no_number(self) -> None:
        """A sender that is no number is refused."""
        with pytest.raises(pdu.PduError, match="'x' is not a number"):
            pdu.encode_deliver("x", "a", datetime.now(UTC), "+861")


@pytest.mark.parametrize(
    ("dcs", "coding"),
    [
        (0x00, "gsm7"), (0x04, "8bit"), (0x08, "ucs2"), (0x10, "gsm7"), (0x18, "ucs2"),
        (0x19, "ucs2"), (0xC8, "gsm7"), (0xE0, "ucs2"), (0xF0, "gsm7"), (0xF4, "8bit"),
        (0xF5, "8bit"),
    ],
)  # fmt: skip
def test_data_coding_schemes(dcs: int, coding: str) -> None:
    """Each group of TS 23.038 section 4 names its alphabet."""
    assert pdu.coding_of(dcs) == coding


class TestReport:
    def test_a_vector(self) -> None:
        """As python-messaging reads it (its test_decoding_delivery_status_report): 24, to 50131."""
        at = datetime(2010, 9, 28, 14, 56, tzinfo=timezone(timedelta(hours=1)))

        octets = pdu.encode_report(24, "50131", at, 0x00, "+353857000057")

        assert octets.hex().upper() == (
            "0791538375000075061805810531F1019082416500400190824165004000"
        )


class TestSeveralParts:
    @pytest.mark.parametrize(
        ("text", "count"),
        [("x" * 160, 1), ("x" * 161, 2), ("x" * 307, 3), ("€" * 153, 3), ("中" * 70, 1),
         ("中" * 71, 2), ("中" * 66 + "😀好好好", 2), ("中" * 134, 2), ("中" * 135, 3)],
        ids=range(9),
    )  # fmt: skip
    def test_how_many(self, text: str, count: int) -> None:
        """As many as the standard says; an escape and a pair stay whole."""
        at = datetime(2024, 7, 1, tzinfo=UTC)

        parts = pdu.encode_delivers("+861", text, at, "+861", 7)

        assert len(parts) == count
        assert all((b"\x05\x00\x03\x07" in part) is (count > 1) for part in parts)
        assert all(pdu.tpdu_length(part) <= 160 for part in parts)
