"""What judging and chaining cost: the hub's intake on SQLite, in one process, with and without them.

Left out is only the work: what cannot be judged is told to nobody, and what is not chained joins
anywhere. Broker, generator and network stand apart.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.against_telegraf.processes import ContestantError
from benchmarks.against_telegraf.recording import (
    DEVICES,
    DEVICES_PER_SITE,
    PROBES,
    Recording,
    device_name,
    site_of,
)

LIMIT_S = 180.0
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way through the intake."""

    rate: float
    cpu: float


def measure(folder: Path, recording: Recording, *, judge: bool, chain: bool) -> Cost:
    """Take half of the rounds in, in a process of its own; return readings/s and CPU s per million."""
    folder.mkdir()
    pipe, theirs = _spawn.Pipe()
    process = _spawn.Process(
        target=_main, args=(folder, recording, judge, chain, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not pipe.poll(LIMIT_S):
            raise ContestantError(f"the intake alone was not done within {LIMIT_S:.0f} s")
        answer = pipe.recv()
    except EOFError:
        raise ContestantError("the intake alone failed; its error stands above") from None
    finally:
        process.kill()
        process.join()
    assert isinstance(answer, Cost)
    return answer


def _main(folder: Path, recording: Recording, judge: bool, chain: bool, pipe: Connection) -> None:
    from history.sqlite import SqliteHistory
    from hub.intake import Incoming, Intake
    from hub.limits import BATCH_BYTES, BATCH_MESSAGES
    from journal.database import create_tables, open_database

    database = open_database(folder / "hub.db")
    create_tables(database)
    together = max(1, min(BATCH_MESSAGES, BATCH_BYTES // (recording.size * 200)))
    with contextlib.ExitStack() as stack:
        history = stack.enter_context(closing(SqliteHistory(folder / "history.db")))
        if not judge:
            stack.enter_context(_unjudged())
        if not chain:
            stack.enter_context(_unchained())
        intake = Intake(_settings(folder), database, history, lambda *_: None)

        def take(packets: range) -> None:
            messages = recording.messages(packets)
            while batch := [Incoming(*message, 0) for message in islice(messages, together)]:
                intake.take(batch, 0)

        take(recording.settings)
        # Half of what is sent over the broker says as much.
        rounds = max(1, recording.rounds // 2)
        began, used = time.perf_counter(), time.process_time()
        take(recording.round(0, rounds))
        spent, used = time.perf_counter() - began, time.process_time() - used
        readings = DEVICES * rounds * recording.size
        assert history.count() == readings + DEVICES
    pipe.send(Cost(readings / spent, used / readings * 1e6))


@contextmanager
def _unjudged() -> Iterator[None]:
    """Let engines take nothing in."""
    from alerts.engine import StreamEngine

    with patch.object(StreamEngine, "feed_record", lambda _engine, _body: ()):
        yield


@contextmanager
def _unchained() -> Iterator[None]:
    """Neither spell records for the hash nor hash them, and let every message join.

    A settings record is still spelled: there is one a device.
    """
    import orjson

    import hub.decode
    from hub.streams import Stream

    nothing = bytes(32)
    quick = SimpleNamespace(
        loads=orjson.loads,
        JSONDecodeError=orjson.JSONDecodeError,
        OPT_SORT_KEYS=orjson.OPT_SORT_KEYS,
        dumps=lambda _body, **_options: b"",
    )

    def links(_previous: bytes, spelled: Any) -> list[bytes]:
        return [nothing] * len(list(spelled))

    with (
        patch.object(hub.decode, "links", links),
        patch.object(hub.decode, "orjson", quick),
        patch.object(Stream, "join", lambda *_: "new"),
    ):
        yield


def _settings(folder: Path) -> Any:
    from config.hub import HubSettings

    assets = [
        {"id": f"fridge-{n + 1}", "name": {"zh": "冰箱", "en": "Fridge"}} for n in range(PROBES)
    ]
    sites = [
        {
            "id": site_of(first),
            "name": {"zh": "接种点", "en": "Point"},
            "kind": "fixed",
            "devices": [device_name(first + n) for n in range(DEVICES_PER_SITE)],
            "tell": [],
            "assets": assets,
        }
        for first in range(0, DEVICES, DEVICES_PER_SITE)
    ]
    return HubSettings.model_validate({"state_dir": folder, "sites": sites})
