"""Storing a batch: what one stream has against the history blocks no other stream."""

from __future__ import annotations

from dataclasses import dataclass, field

from history.port import RecordDiffersError, RefusedRecord, StoredRecord
from hub.shield import Store


@dataclass(slots=True)
class Storing:
    """What became of a batch beside what is stored now.

    Attributes:
        differs: streams of which nothing was stored, for the history has another body.
        refused: records that the store will never take.
    """

    differs: list[str] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)


def store(history: Store, records: list[StoredRecord]) -> Storing:
    """Append records durably; where one differs, nothing of its stream, and all of the others.

    The chain is checked before, so a stream differs where both sides lost the same range: a hub
    killed between history and marks, and a card that lost what it had confirmed. Such a stream's
    `stored` stands still, and people find the entry.

    Raises HistoryUnavailableError where the store cannot take anything now.
    """
    try:
        return Storing(refused=history.append(records))
    except RecordDiffersError:
        by_stream: dict[str, list[StoredRecord]] = {}
        for record in records:
            by_stream.setdefault(record.stream, []).append(record)
    storing = Storing()
    for name, mine in by_stream.items():
        try:
            storing.refused += history.append(mine)
        except RecordDiffersError:
            storing.differs.append(name)
    return storing
