"""The channel `log`: messages are only written to the log, for a trial without a modem."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from alerts.channels.contract import NO_PARAMS, Outcome

logger = logging.getLogger(__name__)


class LogChannel:
    """Writes each message to the log once and calls it sent.

    It knows its keys for as long as the process lives; after a restart an unfinished message is
    logged again, which disturbs nobody.
    """

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Log a message whose key is new."""
        del params
        if key not in self._sent:
            logger.warning("message to %s (not sent, for the channel is `log`): %s", to, text)
            self._sent[key] = time.time_ns() // 1_000_000

    def outcome(self, key: str) -> Outcome | None:
        """Return ``sent`` for every known key."""
        at_ms = self._sent.get(key)
        return None if at_ms is None else Outcome("sent", "written to the log only", at_ms)
