"""Storing a batch: what one stream has against the history blocks no other stream."""

from __future__ import annotations

import logging

from history.port import History, RecordDiffersError, StoredRecord

log = logging.getLogger(__name__)


def store(history: History, records: list[StoredRecord]) -> list[str]:
    """Append records durably; return the streams of which none were stored, for they differ.

    The chain is checked before, so a stream differs where both sides lost the same range: a hub
    killed between history and marks, and a card that lost what it had confirmed. Such a stream's
    `stored` stands still, and people find the entry.

    Raises HistoryUnavailableError where the store cannot take anything now.
    """
    try:
        history.append(records)
    except RecordDiffersError:
        by_stream: dict[str, list[StoredRecord]] = {}
        for record in records:
            by_stream.setdefault(record.stream, []).append(record)
        return [name for name, mine in by_stream.items() if not _taken(history, mine)]
    return []


def _taken(history: History, records: list[StoredRecord]) -> bool:
    try:
        history.append(records)
    except RecordDiffersError as error:
        log.warning("nothing more of this stream is stored: %s", error)
        return False
    return True
