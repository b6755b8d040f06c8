"""The code that answers an alarm: four digits, the same at agent and hub."""

from __future__ import annotations


def code_of(excursion_id: str) -> str:
    """Return the code of an excursion, "1000" to "9999", from its id (hexadecimal digits).

    Agent and hub reckon it alike, so a second SMS of the same excursion bears the same code.
    """
    return str(1000 + int(excursion_id, 16) % 9000)
