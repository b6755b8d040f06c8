"""How many SMS a text becomes: the boundaries that others got wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import segments
from simulator import pdu


class TestCounts:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("x" * 160, 1),
            ("x" * 161, 2),
            ("x" * 306, 2),
            ("x" * 307, 3),
            ("x" * 459, 3),
            ("x" * 460, 4),
            ("€" * 80, 1),
            ("€" * 153, 3),
            ("€" * 79 + "x", 1),
            ("€" * 79 + "xx", 1),
            ("€" * 79 + "xxx", 2),
            ("", 1),
        ],
    )
    def test_gsm7(self, text: str, parts: int) -> None:
        """GSM 7-bit is 160 septets, or 153 in each of several; an escaped character is two."""
        assert segments.encoding_of(text) == "gsm7"
        assert len(segments.split(text)) == parts

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("中" * 70, 1),
            ("中" * 71, 2),
            ("中" * 134, 2),
            ("中" * 135, 3),
            ("中" * 201, 3),
            ("中" * 202, 4),
            ("😀" * 35, 1),
            ("😀" * 36, 2),
            ("😀" * 66, 2),
            ("😀" * 67, 3),
        ],
    )
    def test_ucs2(self, text: str, parts: int) -> None:
        """UCS-2 is 70 UTF-16 units, or 67 in each of several; an emoji is two and never cut."""
        assert segments.encoding_of(text) == "ucs2"
        assert len(segments.split(text)) == parts

    @pytest.mark.parametrize("character", ["°", "℃", "≤", "→", "’", "…", "`", "ç"])
    def test_one_character_decides(self, character: str) -> None:
        """One character that is not in the alphabet makes the whole text UCS-2."""
        assert segments.encoding_of("9.2C is too warm") == "gsm7"
        assert segments.encoding_of(f"9.2{character}C is too warm") == "ucs2"

    def test_chinese_example(self) -> None:
        """The example alarm has 32 units."""
        text = "【疫苗冰箱】3号冰箱 9.2℃ 超上限8℃已15分钟 请立即处理"

        assert segments.units(text) == 32
        assert segments.fits_one(text)

    def test_no_message_of_256_parts(self) -> None:
        """A text that 255 parts cannot hold is refused."""
        assert len(segments.split("x" * 153 * 255)) == 255
        with pytest.raises(ValueError, match="256 SMS"):
            segments.split("x" * (153 * 255 + 1))


class TestCuts:
    @given(st.text(alphabet=st.sampled_from("ab€[]{}~@ñΩ"), max_size=700))
    def test_gsm7_parts_stand_alone(self, text: str) -> None:
        """Decoded one by one the parts give the text again, and none is longer than it may be."""
        parts = segments.split(text)

        assert text == "".join(pdu.gsm7_text(pdu.gsm7_codes(part)) for part in parts)
        most = 160 if len(parts) == 1 else 153
        assert all(len(pdu.gsm7_codes(part)) <= most for part in parts)

    @given(
        st.text(alphabet=st.sampled_from("中a😀𠮷°"), max_size=300).map(lambda text: text + "中")
    )
    def test_ucs2_parts_stand_alone(self, text: str) -> None:
        """No part begins or ends within a surrogate pair, and none is longer than it may be."""
        parts = segments.split(text)

        assert text == "".join(part.encode("utf-16-be").decode("utf-16-be") for part in parts)
        most = 70 if len(parts) == 1 else 67
        assert all(len(part.encode("utf-16-be")) <= 2 * most for part in parts)

    @given(st.characters())
    def test_the_alphabet_is_that_of_the_modem(self, character: str) -> None:
        """Product and simulator hold the same alphabet, though each has its own table."""
        known = True
        try:
            width = len(pdu.gsm7_codes(character))
        except pdu.PduError:
            known, width = False, 0
        assert (segments.encoding_of(character) == "gsm7") is known
        if known:
            assert segments.units(character) == width

    def test_the_whole_alphabet_is_that_of_the_modem(self) -> None:
        """All of the basic plane agrees, not only what a random test meets."""
        ours = {chr(c) for c in range(0x10000) if segments.encoding_of(chr(c)) == "gsm7"}
        theirs = {c for c in map(chr, range(0x10000)) if _modem_knows(c)}

        assert ours == theirs
        assert len(ours) == 127 + 10  # 128 positions without the escape, and the extension


def _modem_knows(character: str) -> bool:
    try:
        return bool(pdu.gsm7_codes(character))
    except pdu.PduError:
        return False
