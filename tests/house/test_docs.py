"""What the documents name is there, and both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coldwatch import cli

HOUSE = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "docs/decisions", "sensors")
    for path in (HOUSE / folder).glob("*.md")
)
# In map.md a name without a folder is that of a file beside the one named before it.
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|md))`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """A link to a file or folder of ours leads to one."""
    for link in _LINK.findall(document.read_text(encoding="utf-8")):
        if not link.startswith("../../"):  # the host's own pages, in the changelog
            assert (document.parent / link).exists(), link


@pytest.mark.parametrize("name", ["docs/map.md", "docs/invariants.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    """The map and its like name files that exist; one that was renamed turns this red."""
    text = (HOUSE / name).read_text(encoding="utf-8")
    everything = {path.name for path in HOUSE.glob("*/**/*.py")} | {
        path.name for path in HOUSE.glob("*.md")
    }

    for path in _PATH.findall(text):
        if "/" in path:
            assert (HOUSE / path).exists(), path
        elif path != "utils.py":  # named as what there must not be
            assert path in everything or (HOUSE / path).exists(), path


def test_both_readmes_show_the_same() -> None:
    """Chinese and English are equal: the same commands, sections, links and pictures, in order."""
    english, chinese = (
        (HOUSE / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )

    def commands(text: str) -> list[str]:
        return [line.split("#")[0].rstrip() for line in re.findall(r"(?m)^    (.+)$", text)]

    def shape(text: str) -> list[str]:
        return re.findall(r"(?m)^(#+|- \*\*|!\[)", text)

    def links(text: str) -> list[str]:
        found = _LINK.findall(text) + re.findall(r'src="([^"]+)"', text)
        assert all((HOUSE / link).exists() for link in found)
        # A picture of a page in the other language is the same picture, and so is a page.
        return [
            re.sub(r"[-.](en|zh)(?=\.(png|md)$)", "", link)
            for link in found
            if not link.startswith("README")
        ]

    assert commands(english) == commands(chinese)
    assert shape(english) == shape(chinese)
    assert links(english) == links(chinese)


def test_the_readme_names_only_subcommands_that_there_are() -> None:
    """Every `coldwatch something` in the documents is a subcommand, or said to be not yet built."""
    later = {"verify"}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"(?:`|bin/)coldwatch ([a-z]+)", text):
            assert name in cli.SUBCOMMANDS or name in later, (document, name)
            if name in later and document.name.startswith("README"):
                pytest.fail(f"{document.name} promises {name}")


def test_every_profile_that_there_is_can_be_found_in_the_changelog() -> None:
    """What the changelog says of the profiles is what config/profiles holds."""
    text = (HOUSE / "CHANGELOG.md").read_text(encoding="utf-8")

    for path in (HOUSE / "config" / "profiles").glob("*.toml"):
        assert f"`{path.stem}`" in text
