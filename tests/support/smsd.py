"""A real gammu-smsd with the simulated modem and the channel on its database."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from alerts.channels.contract import Outcome
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.channels.smsd import smsd_config, start_smsd, what_is_missing
from simulator.modem import Modem


def needs_smsd() -> None:
    """Fail in CI, and skip elsewhere with the line to type, where gammu-smsd is not installed."""
    missing = what_is_missing()
    if missing is not None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


class Rig:
    """Modem, gammu-smsd and channel in a folder of their own.

    Use it as a context manager; ``retry_after_s`` and ``retries`` as in `smsd_config`.
    """

    def __init__(self, folder: Path, *, retry_after_s: int = 2, retries: int = 5) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        device, database = folder / "modem", folder / "smsd.db"
        config = smsd_config(
            device,
            database,
            folder / "smsd.log",
            retry_after_s=retry_after_s,
            retries=retries,
            send_timeout_s=5,
        )
        self.modem = Modem(device, folder / "messages.jsonl")
        self.smsd = start_smsd(folder, device, database, config)
        self.database = database
        self.channel = GammuSmsd(database)
        self.log = folder / "smsd.log"

    def __enter__(self) -> Self:
        self.modem.__enter__()
        self.smsd.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.smsd.__exit__(kind, error, trace)
        self.modem.__exit__(kind, error, trace)

    def settle(self, *keys: str, within_s: float = 90.0) -> dict[str, Outcome]:
        """Wait until all are sent or refused and return what became of them; fail in time."""
        deadline = time.monotonic() + within_s
        done: dict[str, Outcome] = {}
        while len(done) < len(keys):
            for key in keys:
                outcome = self.channel.outcome(key)
                if outcome is not None and outcome.state in ("sent", "refused"):
                    done[key] = outcome
            assert time.monotonic() < deadline, (
                f"{set(keys) - set(done)} open after {within_s} s; "
                f"smsd says: {self.log.read_text('utf-8', 'replace')[-1500:]}"
            )
            time.sleep(0.1)
        return done

    def texts(self) -> list[str]:
        """Return what people would have read, in its order."""
        return [message.text for message in self.modem.messages]
