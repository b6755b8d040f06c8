"""The hub's heartbeat: a hub that hangs must not look alive."""

from __future__ import annotations

from hub.heart import EVERY_MS, Heart
from protocol.messages import Heartbeat
from tests.firmware_agent.worlds import HandClock


def test_it_beats_every_thirty_seconds_while_every_loop_moves() -> None:
    """A loop that stands still takes the heartbeat with it."""
    clock = HandClock()
    heart = Heart(clock, ("intake", "notices"))
    assert not heart.due()
    heart.moved("intake")
    assert not heart.due()
    heart.moved("notices")
    assert heart.due()
    heart.beat("")
    heart.moved("intake")
    heart.moved("notices")
    assert not heart.due()
    clock.pass_ms(EVERY_MS)
    assert heart.due()
    heart.beat("")
    clock.pass_ms(10 * EVERY_MS)
    heart.moved("notices")
    assert not heart.due()


def test_a_new_connection_is_given_one_at_once() -> None:
    """Its broker may have forgotten the last one."""
    heart = Heart(HandClock(), ("intake",))
    heart.moved("intake")
    heart.beat("")
    heart.moved("intake")
    assert not heart.due()
    heart.asked()
    assert heart.due()


def test_the_message_is_what_the_wire_says() -> None:
    """Each differs from the one before, by its time."""
    clock = HandClock()
    heart = Heart(clock, ())
    first = heart.beat("no network")
    clock.pass_ms(1)
    second = heart.beat("")
    assert Heartbeat.model_validate_json(first).failing == "no network"
    assert Heartbeat.model_validate_json(second).since == clock.now_ms() - 1
    assert first != second
