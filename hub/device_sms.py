"""What the devices' own modems have said to a person: of which excursions one SMS with a code spoke.

An agent that tells by itself may speak of several alarms in one SMS, with the code of the first
(firmware_agent/modem_texts.py). It says so in its entry `device.modem.sent`, field ``said``; earlier
versions spoke of the first alone and have no such field. A device may write what it likes there: it
is heeded for its own site only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from journal import journal

ENTRY: Final = "device.modem.sent"

# So many entries of a site are looked at, the newest first: nobody answers an older one.
_MOST: Final = 200

# The code stands last in every alarm (alerts/composing.py); a fridge's name may have such digits too.
_CODE: Final = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")


def said_with(
    conn: Connection, person: str, code: str, sites: Iterable[str]
) -> set[tuple[str, str]]:
    """Return (site, excursion) of what was said to this person by devices' SMS that bear this code.

    Only what was sent counts: a code that they know from elsewhere answers nothing else.

    Args:
        conn: any transaction.
        person: id of whom they were sent to.
        code: that they bear.
        sites: whose devices' SMS are looked at.
    """
    found: set[tuple[str, str]] = set()
    for site in sites:
        mine = journal.entries(
            conn, types=ENTRY, subject=f"{site}/modem", newest_first=True, limit=_MOST
        )
        for entry in mine:
            body = entry.body.get("body")
            body = body if isinstance(body, dict) else {}
            to, said = body.get("to"), body.get("said")
            if (
                isinstance(to, dict)
                and to.get("person") == person
                and body.get("state") == "sent"
                and isinstance(said, list)
                and _CODE.findall(str(body.get("text", "")))[-1:] == [code]
            ):
                found.update((site, id_) for id_ in said if isinstance(id_, str))
    return found
