"""Words between `journal.database` and its two kinds: how a transaction is begun, what is told of it."""

from __future__ import annotations

from typing import Final

# Keys of SQLAlchemy's execution options.
BEGIN: Final = "coldwatch_begin"
NAME: Final = "coldwatch_path"

IMMEDIATE: Final = "IMMEDIATE"
DEFERRED: Final = "DEFERRED"
