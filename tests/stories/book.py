"""The book of stories: each is a function whose docstring begins with what it holds."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.stories.county import County

CHAPTERS: Final = ("excursions", "threads", "equipment", "alarms", "ways")

Teller = Callable[[County], None]


@dataclass(frozen=True, slots=True)
class Story:
    """One story of a chapter."""

    chapter: str
    name: str
    tell: Teller

    @property
    def title(self) -> str:
        """What it tells, as a sentence."""
        words = self.name.replace("_", " ")
        return words[0].upper() + words[1:]

    @property
    def holds(self) -> str:
        """The sentence that it holds."""
        return inspect.getdoc(self.tell) or ""


def stories() -> list[Story]:
    """Return all stories, in the order in which they are written."""
    found = []
    for chapter in CHAPTERS:
        module = importlib.import_module(f"tests.stories.{chapter}")
        for name, tell in vars(module).items():
            ours = inspect.isfunction(tell) and tell.__module__ == module.__name__
            if ours and not name.startswith("_"):
                found.append(Story(chapter, name, tell))
    return found
