"""A device as the hub sees it: streams, records, chain and messages, without an agent."""

from __future__ import annotations

import json
from typing import Any

from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link

FRIDGE = "fridge-1/center/temperature"
MINUTE = 60_000
START = 1_763_856_000_000

RULES = [
    {"id": "test/out", "kind": "consecutive", "for_ms": 10 * MINUTE, "above": 8_000,
     "below": 2_000, "holds": True, "tells": True},
    {"id": "test/silence", "kind": "silence", "for_ms": 15 * MINUTE, "holds": False, "tells": True},
]  # fmt: skip


class Sender:
    """Makes the records of one stream in order and keeps them all."""

    def __init__(self, stream: str = "a" * 32, boot: str = "b" * 32) -> None:
        self.stream = stream
        self.boot = boot
        self.bodies: list[dict[str, Any]] = []
        self.hashes = [genesis(stream)]

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Append any body; seq and hash follow."""
        body["seq"] = len(self.bodies) + 1
        self.bodies.append(body)
        self.hashes.append(link(self.hashes[-1], canonical_bytes(body)))
        return body

    def settings(
        self,
        minute: float = 0,
        rules: list[dict[str, Any]] | None = None,
        series: str = FRIDGE,
        **more: Any,
    ) -> dict[str, Any]:
        """Append a settings record with these rules on one series; ``more`` is said of it too."""
        watch = {
            "interval_ms": MINUTE,
            "max_gap_ms": 3 * MINUTE,
            "storage": [2_000, 8_000],
            "decides": True,
            "rules": RULES if rules is None else rules,
        } | more
        return self.add(
            {
                "kind": "settings",
                **self._when(minute),
                "version": "0" * 16,
                "series": {series: watch},
            }
        )

    def reading(
        self,
        minute: float,
        value: int | None,
        quality: str = "ok",
        series: str = FRIDGE,
        **more: Any,
    ) -> dict[str, Any]:
        """Append a reading at ``minute`` from the start."""
        return self.add(
            {"kind": "reading", **self._when(minute), "series": series, "value": value,
             "quality": quality} | more
        )  # fmt: skip

    def event(
        self, minute: float, event: str, subject: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Append an event record at ``minute`` from the start."""
        return self.add(
            {"kind": "event", **self._when(minute), "event": event, "subject": subject, "body": body}
        )  # fmt: skip

    def _when(self, minute: float) -> dict[str, Any]:
        offset = int(minute * MINUTE)
        return {"at": START + offset, "boot": self.boot, "mono_ms": offset, "clock": "synced"}

    def message(self, first: int = 1, last: int | None = None) -> bytes:
        """Return the records message with these seqs."""
        last = len(self.bodies) if last is None else last
        return json.dumps(
            {"v": 1, "stream": self.stream, "prev": self.hashes[first - 1].hex(),
             "records": self.bodies[first - 1 : last]}
        ).encode()  # fmt: skip

    def gap(self, first: int, last: int, reason: str = "dropped after 35 days") -> bytes:
        """Return the message that says that these are no longer there."""
        return json.dumps(
            {"v": 1, "stream": self.stream, "prev": self.hashes[first - 1].hex(),
             "gap": {"first": first, "last": last, "h": self.hashes[last].hex(), "reason": reason}}
        ).encode()  # fmt: skip
