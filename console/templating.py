"""Templates: one environment for each language, with what the pages may call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.directory import Directory
from console.language import LANGUAGES, TAGS, Language, catalogue
from console.show import Show

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"


class Templates:
    """Renders pages."""

    def __init__(self, directory: Directory) -> None:
        """Make the environments; templates are compiled when they are first used."""
        self.shows = {language: Show(language, directory) for language in LANGUAGES}
        self._environments = {
            language: _environment(language, self.shows[language].functions())
            for language in LANGUAGES
        }

    def render(self, template: str, language: Language, **values: object) -> str:
        """Return a page; a name that a template misspells is an error, and no blank."""
        return self._environments[language].get_template(template).render(values)


def _environment(language: Language, functions: dict[str, Callable[..., object]]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(functions)
    environment.globals.update(
        language=language, tag=TAGS[language], tags=TAGS, static=static_address
    )
    return environment


@cache
def static_address(name: str) -> str:
    """Return the address of a file under static/, with its hash: a new version is loaded anew."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
