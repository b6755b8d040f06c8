"""Logs: one line an event to stderr, which systemd puts into the journal; as text or as JSON.

A line is written when something changes, never while nothing does: :class:`State` sees to that.
What a program may want to search for goes into fields (``extra=``): ``event`` names what happened,
beside it ``device``, ``site``, ``reason`` and so on. Text shows the message, JSON both.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Final, Literal, TextIO, get_args

Form = Literal["text", "json"]

ENVIRONMENT: Final = "COLDWATCH_LOG"
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _ToStderr(logging.StreamHandler[TextIO]):
    """Our handler, to be known again when the settings have been read."""


def log_to_stderr(form: Form = "text", level: int = logging.INFO) -> None:
    """Send the program's log to stderr; the network library's own chatter only from warnings on.

    Called once before the settings are read and once with what they say. COLDWATCH_LOG goes before
    the settings. Raises ValueError where that says neither text nor json.
    """
    wanted = os.environ.get(ENVIRONMENT) or form
    if wanted not in get_args(Form):
        raise ValueError(f"{ENVIRONMENT} is {wanted!r}; write text or json, or leave it out")
    root = logging.getLogger()
    ours = next((each for each in root.handlers if isinstance(each, _ToStderr)), None)
    if ours is None and not root.handlers:
        ours = _ToStderr(sys.stderr)
        root.addHandler(ours)
        root.setLevel(level)
    # Where somebody else (a test) listens already, it is theirs to say how.
    if ours is not None:
        ours.setFormatter(_json() if wanted == "json" else logging.Formatter(FORMAT))
    logging.getLogger("protocol.connection.paho").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    """Return what spells a record as one line of JSON, its fields beside the message."""
    # Three megabytes, and only for whoever asks for JSON.
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "part", "exc_info": "exception"},
        timestamp="time",
        json_ensure_ascii=False,
    )


class State:
    """One thing that is well or not: a line when that changes, and none while it lasts.

    ``bad`` and ``good`` are the event's name and the message of either line; the reason follows
    the bad one. Fields given here go along with both.
    """

    def __init__(
        self, log: logging.Logger, bad: tuple[str, str], good: tuple[str, str], **fields: object
    ) -> None:
        """Begin well, as nothing has been heard to the contrary."""
        self._log = log
        self._bad = bad
        self._good = good
        self._fields = fields
        self.reason = ""
        # When it became so; None while it is as it began.
        self.since: int | None = None

    @property
    def well(self) -> bool:
        """Whether it is."""
        return not self.reason

    def set(self, reason: str, at: int | None = None) -> bool:
        """Note why it is bad, or with an empty reason that it is well; tell whether that is news.

        Another reason for what is bad already is kept, and is no news. ``at``: the caller's clock.
        """
        news = bool(reason) != bool(self.reason)
        self.reason = reason
        if not news:
            return False
        self.since = at
        event, text = self._bad if reason else self._good
        fields = self._fields | {"event": event}
        if reason:
            self._log.warning("%s: %s", text, reason, extra=fields | {"reason": reason})
        else:
            self._log.warning(text, extra=fields)
        return True
