"""The channel `log`."""

from __future__ import annotations

import logging
import time

import pytest

from alerts.channels.log import LogChannel


def test_each_message_once(caplog: pytest.LogCaptureFixture) -> None:
    """A message is written once with its number, and counts as sent."""
    channel = LogChannel()
    assert channel.outcome("k") is None

    with caplog.at_level(logging.WARNING):
        channel.submit("k", "+861", "温度过高")
        channel.submit("k", "+861", "温度过高")

    assert [record.getMessage() for record in caplog.records] == [
        "message to +861 (not sent, for the channel is `log`): 温度过高"
    ]
    outcome = channel.outcome("k")
    assert outcome is not None
    assert outcome.state == "sent"
    assert outcome.at_ms is not None
    assert abs(outcome.at_ms - time.time() * 1000) < 10_000
