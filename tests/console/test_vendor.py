"""Files of others that we carry: unchanged, named with version and licence."""

from __future__ import annotations

import hashlib
import re

from console.templating import STATIC

VENDOR = STATIC / "vendor"


def test_each_file_is_the_one_that_is_written_down() -> None:
    """The SHA-256 of every file stands in VERSIONS.md, and its licence beside it."""
    rows = re.findall(
        r"^\| `([^`]+)` \| (\S+) \| ([\d.]+) \| \S+ \(`([^`]+)`\) \| `([0-9a-f]{64})` \|$",
        (VENDOR / "VERSIONS.md").read_text(),
        re.MULTILINE,
    )
    carried = {path.name for path in VENDOR.iterdir() if path.suffix in {".js", ".css"}}
    assert {row[0] for row in rows} == carried
    for name, _package, _version, licence, digest in rows:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
        assert (VENDOR / licence).stat().st_size > 100


def test_the_versions_are_those_in_the_files() -> None:
    """What the files say of themselves is what VERSIONS.md says."""
    versions = (VENDOR / "VERSIONS.md").read_text()
    htmx = re.search(r'version:"([\d.]+)"', (VENDOR / "htmx.min.js").read_text())
    chart = re.search(r"\(v([\d.]+)\)", (VENDOR / "uPlot.iife.min.js").read_text()[:200])
    assert htmx is not None
    assert chart is not None
    assert f"| htmx.org | {htmx[1]} |" in versions
    assert f"| uplot | {chart[1]} |" in versions
