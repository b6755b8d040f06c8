"""Approved templates: gateways in China send no free text, only what was approved beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# What is put where a message has no such piece: a gateway refuses an empty one, and the alarm with it.
_NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Template:
    """One approved template.

    Attributes:
        id: what the gateway calls it.
        params: names of the pieces that fill it, in its order; ``text`` is the whole message.
        happening: which messages it is for; empty for all.
        language: ``zh``, ``en``, or empty for both.
    """

    id: str
    params: tuple[str, ...]
    happening: str = ""
    language: str = ""


def choose(templates: Sequence[Template], params: Mapping[str, str]) -> Template | None:
    """Return the template for a message: of those that fit, the one that says most about it."""
    happening, language = params.get("happening", ""), params.get("language", "")
    fitting = [
        one
        for one in templates
        if one.happening in {"", happening} and one.language in {"", language}
    ]
    return max(fitting, key=lambda one: (bool(one.happening), bool(one.language)), default=None)


def fill(template: Template, text: str, params: Mapping[str, str]) -> dict[str, str]:
    """Return the pieces of a message by their names, in the template's order."""
    pieces = {"text": text, **params}
    return {name: pieces.get(name, "").strip() or _NOTHING for name in template.params}
