"""Commands of the hub: a deadline, once, and a stop in any case."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from firmware_agent.orders import Order, OrderError, Orders, parse_order
from protocol.messages import Command, Result

NOW = 1_760_000_000_000
GOOD: dict[str, Any] = {
    "v": 1, "id": "0123456789abcdef", "until": NOW + 60_000, "to": "lamp-1", "do": "lamp.start",
}  # fmt: skip


class Desk:
    """Takes every order, and notes it."""

    def __init__(self, *, synced: bool = True) -> None:
        self.taken: list[Order] = []
        self.orders = Orders({"lamp": self.take}, lambda: NOW, lambda: synced)

    def take(self, order: Order) -> str | None:
        """Note it; one lamp is not there."""
        self.taken.append(order)
        return None if order.to == "lamp-1" else "no-such-lamp"

    def answer(self, **changes: Any) -> tuple[bool, str] | None:
        """Send a command; return the result."""
        result = self.orders.came(json.dumps(GOOD | changes).encode())
        if result is None:
            return None
        body = Result.model_validate_json(result)
        assert (body.id, body.at) == (GOOD["id"], NOW)
        return body.taken, body.why


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, (True, "")),
        ({"until": NOW}, (False, "late")),
        ({"until": NOW - 7_200_000}, (False, "late")),
        ({"until": NOW + 600_001}, (False, "deadline-too-far")),
        ({"do": "lamp.stop", "until": 0}, (True, "")),
        ({"do": "fridge.open"}, (False, "not-here")),
        ({"to": "lamp-9"}, (False, "no-such-lamp")),
    ],
)
def test_what_is_taken(changes: dict[str, Any], answer: tuple[bool, str]) -> None:
    """A start that the broker kept for hours does nothing; a stop is never too late."""
    assert Desk().answer(**changes) == answer


def test_a_part_that_fails_ends_no_uplink() -> None:
    """Whoever asked is told, and the next order is taken."""

    def fails(order: Order) -> str | None:
        raise RuntimeError(order.do)

    desk = Desk()
    desk.orders = Orders({"lamp": fails}, lambda: NOW, lambda: True)
    assert desk.answer() == (False, "failed")


def test_the_same_one_again_does_nothing() -> None:
    """MQTT may deliver twice, and a retained one comes with each connection."""
    desk = Desk()
    assert desk.answer() == (True, "")
    assert desk.answer() is None
    assert len(desk.taken) == 1


def test_without_a_right_clock_no_deadline_is_believed() -> None:
    """But a stop is obeyed."""
    assert Desk(synced=False).answer() == (False, "clock-unsynchronised")
    assert Desk(synced=False).answer(do="lamp.stop") == (True, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"v": True}, {"id": "xyz"}, {"id": None}, {"until": "soon"}, {"until": -1},
        {"to": "../x"}, {"do": "lamp"}, {"name": 5}, {"name": "x" * 81}, {"minutes": 721},
        {"minutes": 1.5},
    ],
)  # fmt: skip
def test_what_is_no_command_is_none_for_the_model_as_well(changes: dict[str, Any]) -> None:
    """The check without pydantic and the published schema are of one mind."""
    payload = json.dumps(GOOD | changes).encode()
    with pytest.raises(OrderError):
        parse_order(payload)
    with pytest.raises(ValidationError):
        Command.model_validate_json(payload)


def test_bytes_that_are_none_are_refused() -> None:
    """One line each."""
    for payload in (b"", b"[]", b"{", b"\xff", b"x" * 20_000):
        with pytest.raises(OrderError):
            parse_order(payload)
    assert Command.model_validate(GOOD).minutes == parse_order(json.dumps(GOOD).encode()).minutes
