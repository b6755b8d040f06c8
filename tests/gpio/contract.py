"""What every way to GPIO lines must do. The adapters' tests inherit it, here and in the rig's kernel.

A rig gives the settings that open the port, and the world at the lines' other end: ``drive`` and
``level`` of simulator/lines.py. Each test opens its shares through ``open_port`` as users do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from sensors.gpio.opening import open_port
from sensors.gpio.port import GpioError, GpioPort

DOOR, MAINS, RELAY, LIGHT = 17, 27, 22, 23
ABSENT = 999


class World(Protocol):
    """The other end of the lines."""

    def drive(self, line: int, *, level: bool) -> None:
        """Put an input at a level."""

    def level(self, line: int) -> bool:
        """Return what an output is driven to."""


@dataclass(frozen=True)
class Rig:
    """One way to lines, and what is at their other end.

    ``keeps``: whether an output goes on being driven once it was given back; in gpio-sim the
    kernel makes an input of it.
    """

    settings: Mapping[str, Any]
    world: World
    keeps: bool = True


Open = Callable[[], GpioPort]


class PortContract:
    """To be inherited with a fixture ``rig``."""

    @pytest.fixture
    def opened(self, rig: Rig) -> Iterator[Open]:
        """Open shares that are closed with the test."""
        with ExitStack() as stack:

            def opened() -> GpioPort:
                port = open_port(rig.settings)
                stack.callback(port.close)
                return port

            yield opened

    def test_a_pull_makes_the_level_of_an_open_contact(self, opened: Open) -> None:
        """Nothing drives the line: pulled up it is high, pulled down low."""
        port = opened()
        port.claim_input(DOOR, "up")
        port.claim_input(MAINS, "down")

        assert (port.read(DOOR), port.read(MAINS)) == (True, False)

    def test_an_input_follows_the_world(self, rig: Rig, opened: Open) -> None:
        """Each change outside is read, either way; other lines stay."""
        port = opened()
        port.claim_input(DOOR, "up")
        port.claim_input(MAINS, "up")

        seen = []
        for level in (False, True, False, False, True):
            rig.world.drive(DOOR, level=level)
            seen.append((port.read(DOOR), port.read(MAINS)))

        assert seen == [(False, True), (True, True), (False, True), (False, True), (True, True)]

    def test_claiming_an_input_again_is_harmless(self, rig: Rig, opened: Open) -> None:
        """The level outside stays what it is."""
        port = opened()
        port.claim_input(DOOR, "up")
        rig.world.drive(DOOR, level=False)
        port.claim_input(DOOR, "up")

        assert port.read(DOOR) is False

    def test_another_pull_is_refused(self, opened: Open) -> None:
        """Two users who want different pulls cannot both be right."""
        port, other = opened(), opened()
        port.claim_input(DOOR, "up")

        with pytest.raises(GpioError, match=r"line 17 .* write the same pull"):
            other.claim_input(DOOR, "down")

    @pytest.mark.parametrize("level", [False, True])
    def test_an_output_begins_as_claimed(self, rig: Rig, opened: Open, level: bool) -> None:
        """The level is there with the claim."""
        port = opened()
        port.claim_output(RELAY, level=level)

        assert rig.world.level(RELAY) is level
        assert port.read(RELAY) is level

    def test_an_output_follows_what_is_written(self, rig: Rig, opened: Open) -> None:
        """Each level arrives outside; the other output stays."""
        port = opened()
        port.claim_output(RELAY, level=False)
        port.claim_output(LIGHT, level=True)

        seen = []
        for level in (True, False, False, True):
            port.write(RELAY, level=level)
            seen.append((rig.world.level(RELAY), rig.world.level(LIGHT), port.read(RELAY)))

        assert seen == [(level, True, level) for level in (True, False, False, True)]

    def test_closing_puts_outputs_back(self, rig: Rig, opened: Open) -> None:
        """The relay that was switched on is off again."""
        port = opened()
        port.claim_output(RELAY, level=False)
        port.write(RELAY, level=True)
        port.close()

        assert rig.world.level(RELAY) is False

    def test_closing_puts_an_output_back_to_high(self, rig: Rig, opened: Open) -> None:
        """A relay that is off at high is put to high, where the chip keeps what was driven last."""
        keeper, port = opened(), opened()
        keeper.claim_input(DOOR, "up")
        port.claim_output(RELAY, level=True)
        port.write(RELAY, level=False)
        port.close()

        # The port stays open for the other share, and with it the line is driven.
        assert rig.world.level(RELAY) is True
        keeper.close()
        assert rig.world.level(RELAY) is True or not rig.keeps

    def test_what_was_given_back_can_be_claimed_as_anything(self, rig: Rig, opened: Open) -> None:
        """An agent that starts again with other settings finds every line free."""
        port = opened()
        port.claim_output(RELAY, level=True)
        port.claim_input(DOOR, "up")
        port.close()
        port = opened()
        port.claim_output(DOOR, level=True)
        port.claim_input(RELAY, "down")
        rig.world.drive(RELAY, level=True)

        assert rig.world.level(DOOR) is True
        assert port.read(RELAY) is True

    def test_one_line_has_several_readers(self, rig: Rig, opened: Open) -> None:
        """The door is a series and an interlock; whoever ends first leaves it to the other."""
        series, interlock = opened(), opened()
        series.claim_input(DOOR, "up")
        interlock.claim_input(DOOR, "up")
        series.close()
        rig.world.drive(DOOR, level=False)

        assert interlock.read(DOOR) is False

    def test_an_output_belongs_to_one(self, rig: Rig, opened: Open) -> None:
        """Nobody else may claim, read or write a relay's line, or end it by closing."""
        lamp, other = opened(), opened()
        lamp.claim_output(RELAY, level=False)
        lamp.write(RELAY, level=True)

        with pytest.raises(GpioError, match="line 22 is an output already"):
            other.claim_output(RELAY, level=False)
        with pytest.raises(GpioError, match="line 22 is an output already"):
            other.claim_input(RELAY)
        with pytest.raises(GpioError, match="line 22 was not claimed as an output"):
            other.write(RELAY, level=False)
        with pytest.raises(GpioError, match="line 22 was not claimed"):
            other.read(RELAY)
        other.close()
        assert rig.world.level(RELAY) is True

    def test_what_was_not_claimed_is_refused(self, opened: Open) -> None:
        """Each refusal is one line with the number."""
        port = opened()
        port.claim_input(DOOR)

        with pytest.raises(GpioError, match=r"^GPIO line 22 was not claimed$"):
            port.read(RELAY)
        with pytest.raises(GpioError, match=r"^GPIO line 17 was not claimed as an output$"):
            port.write(DOOR, level=True)
        with pytest.raises(GpioError, match="line 17 is an input already"):
            port.claim_output(DOOR, level=True)

    def test_after_closing_nothing_goes(self, opened: Open) -> None:
        """A thread that comes late gets an error, and never another user's line."""
        port = opened()
        port.claim_input(DOOR, "up")
        port.close()
        port.close()

        for late in (
            lambda: port.read(DOOR),
            lambda: port.claim_input(DOOR),
            lambda: port.claim_output(RELAY, level=True),
            lambda: port.write(RELAY, level=True),
        ):
            with pytest.raises(GpioError, match="closed"):
                late()

    def test_threads_do_not_disturb_each_other(self, rig: Rig, opened: Open) -> None:
        """A reader of one line and a writer of another see their own levels only."""
        port = opened()
        port.claim_input(DOOR, "up")
        port.claim_output(RELAY, level=False)
        rig.world.drive(DOOR, level=False)
        wrong: list[object] = []

        def reading() -> None:
            wrong.extend(1 for _ in range(200) if port.read(DOOR))

        def writing() -> None:
            for number in range(200):
                port.write(RELAY, level=bool(number % 2))
                if port.read(RELAY) is not bool(number % 2):
                    wrong.append(number)

        threads = [threading.Thread(target=target) for target in (reading, writing)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert wrong == []
        assert rig.world.level(RELAY) is True
