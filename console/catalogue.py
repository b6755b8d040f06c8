"""The catalogue of the pages: taken from the sources, kept as console.po, compiled to console.mo.

`python -m console.catalogue` takes new texts in and compiles; it exits 1 and names the texts that
still have no Chinese. (Babel is needed for this only: the pages read the compiled file.)
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from console.language import DOMAIN, LOCALE

FOLDER: Final = Path(__file__).parent
PO: Final = LOCALE / "zh_CN" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO: Final = PO.with_suffix(".mo")

_METHODS: Final = [("templates/**.html", "jinja2"), ("*.py", "python")]
_OPTIONS: Final = {
    "templates/**.html": {
        "trimmed": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
    }
}
_KEYWORDS: Final = {"_": None, "N_": None}


def extracted() -> Catalog:
    """Return every text that the sources mark, with where it stands."""
    found = Catalog(project="coldwatch", charset="utf-8")
    for file, line, message, comments, context in extract_from_dir(
        FOLDER, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        found.add(message, None, [(file, line)], auto_comments=comments, context=context)
    return found


def known() -> Catalog:
    """Return the catalogue as it is kept."""
    if not PO.exists():
        return Catalog(
            locale="zh_CN",
            project="coldwatch",
            header_comment="# The Chinese texts of the console's pages.",
            last_translator="coldwatch",
            language_team="coldwatch",
            msgid_bugs_address="",
            fuzzy=False,
        )
    with PO.open("rb") as source:
        return read_po(source, locale="zh_CN", abort_invalid=True)


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts that have no Chinese, or only a guess."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and (not message.string or message.fuzzy)
    ]


def compiled(catalogue: Catalog) -> bytes:
    """Return the bytes of the .mo file."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def written(catalogue: Catalog) -> bytes:
    """Return the bytes of the .po file."""
    buffer = io.BytesIO()
    # files without their lines: a text that moves is no change of the catalogue
    write_po(
        buffer, catalogue, sort_output=True, ignore_obsolete=True, include_lineno=False, width=100
    )
    return buffer.getvalue()


def main() -> int:
    """Bring both files up to the sources."""
    catalogue = known()
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(written(catalogue))
    MO.write_bytes(compiled(catalogue))
    missing = untranslated(catalogue)
    for text in missing:
        print(f"{PO}: no Chinese for {text!r}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
