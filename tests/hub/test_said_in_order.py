"""What is retained is the newest that was said, whichever of the hub's threads was quicker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from hub.service import Hub
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that is not started."""
    made = Hub(hub_settings(tmp_path), SystemClock(), Recorder())
    yield made
    made.connection.stop()
    made._shield.close()
    made.history.close()
    made.database.dispose()


class Reading:
    """Says how often it was asked; the first who asks then loses the processor for a while."""

    def __init__(self) -> None:
        self.asked = 0
        self.first_has_read = threading.Event()
        self.second_is_through = threading.Event()

    def __call__(self, *_: Any) -> Any:
        """Return what is known now."""
        self.asked += 1
        known = self.asked
        if known == 1:
            self.first_has_read.set()
            self.second_is_through.wait(0.3)
        return known


@pytest.mark.parametrize("leaf", ["received", "told"])
def test_what_was_read_first_does_not_go_out_last(
    hub: Hub, leaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network thread answers a new connection while intake, or the notices, say the same."""
    reading, said = Reading(), list[int]()

    def publish(_topic: str, payload: bytes, **_more: object) -> None:
        message = json.loads(payload)
        said.append(message["streams"] if leaf == "received" else message)

    monkeypatch.setattr(hub._intake, "marks", reading)
    monkeypatch.setattr("hub.service.told_message", lambda *_: b"%d" % reading())
    monkeypatch.setattr(hub.connection, "publish", publish)
    say: Callable[[str], None] = getattr(hub, f"_publish_{leaf}")

    first = threading.Thread(target=say, args=("pi-1",))
    first.start()
    assert reading.first_has_read.wait(5)
    say("pi-1")
    reading.second_is_through.set()
    first.join(5)

    assert said == [1, 2]
