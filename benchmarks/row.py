"""One line of the table of figures."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A measured figure beside the one that design.md asks for; ``target`` is empty where none."""

    what: str
    figure: float
    unit: str
    target: str
