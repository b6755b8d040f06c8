"""The code by which a person answers an alarm: four digits in each of its messages.

It is reckoned from the excursion's id alone, which agent and hub know alike. So a second SMS, from
the other side or after a restart, bears the same code, and nothing has to be kept or agreed upon.
"""

from __future__ import annotations

from typing import Final

# From 1000 on: nobody loses a leading zero in reading it aloud.
_LEAST: Final = 1000
_CODES: Final = 9000


def code_of(excursion_id: str) -> str:
    """Return the code of an excursion, ``1000`` to ``9999``.

    Two excursions may share one: whoever takes an answer looks only among the alarms of which that
    person was told. Raises ValueError for an id that is no hexadecimal number.
    """
    return str(_LEAST + int(excursion_id, 16) % _CODES)
