"""The catalogue: every sentence has its Chinese, and what is compiled is what was written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

KEYWORDS = {"N_": None, "count": (1, 2)}


@pytest.fixture(scope="module")
def folder(house: Path) -> Path:
    """Where the Chinese lies."""
    return house / "alerts" / "locale" / "zh_CN" / "LC_MESSAGES"


@pytest.fixture(scope="module")
def catalog(folder: Path) -> Catalog:
    """The Chinese as it was written."""
    with (folder / "coldwatch.po").open("rb") as file:
        return read_po(file, locale="zh_CN")


def test_every_sentence_and_no_other(house: Path, catalog: Catalog) -> None:
    """The .po has exactly the sentences that the modules mark."""
    found = extract_from_dir(
        str(house / "alerts"), method_map=[("**.py", "python")], keywords=KEYWORDS
    )
    marked = {message for _, _, message, _, _ in found}
    written = {message.id for message in catalog if message.id}

    assert marked == written
    assert len(marked) > 80


def test_all_is_translated(catalog: Catalog) -> None:
    """No sentence lacks its Chinese, and none is marked as uncertain."""
    for message in catalog:
        if message.id:
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            assert all(strings), message.id
            assert not message.fuzzy, message.id
            # A form that is nothing but fields has no words to translate.
            english = message.id[0] if isinstance(message.id, tuple) else message.id
            if re.search("[A-Za-z]", re.sub(r"%\(\w+\)[sd]", "", english)):
                assert re.search(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]", "".join(strings)), (
                    message.id
                )


def test_placeholders_agree(catalog: Catalog) -> None:
    """A translation uses only what its sentence has; Babel's own check finds nothing."""
    assert [error for message in catalog for error in message.check(catalog)] == []


def test_compiled_is_what_was_written(folder: Path, catalog: Catalog) -> None:
    """The committed .mo is made from the committed .po."""
    with (folder / "coldwatch.mo").open("rb") as file:
        compiled = read_mo(file)

    # Not byte by byte: Babel puts the hour of compiling into the header.
    assert _sentences(compiled) == _sentences(catalog)


def _sentences(catalog: Catalog) -> list[str]:
    pairs = [(message.id, message.string) for message in catalog if message.id]
    return sorted(
        repr([part if isinstance(part, str) else list(part) for part in pair]) for pair in pairs
    )
