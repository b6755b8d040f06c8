"""The port to GPIO lines: five methods, behind which every kind of Raspberry Pi looks the same.

A level is electrical: True is high. What it means (a door open, a relay on) is said by whoever
asks, with ``active_low`` in its settings. Lines are named by their BCM number, on every model.
"""

from __future__ import annotations

from typing import Literal, Protocol

Pull = Literal["up", "down", "none"]


class GpioError(Exception):
    """A line cannot be used; the text is one line that says which one, and what to do."""


class GpioPort(Protocol):
    """Lines of one machine. Any thread may call it. Every method raises GpioError."""

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """Make a line an input; claiming the same one again with the same pull is harmless."""

    def claim_output(self, line: int, *, level: bool) -> None:
        """Make a line an output that begins at ``level``, without a pulse at the other one."""

    def read(self, line: int) -> bool:
        """Return the level of a claimed line."""

    def write(self, line: int, *, level: bool) -> None:
        """Set the level of a claimed output."""

    def close(self) -> None:
        """Give all lines back; outputs go to the level that they were claimed with."""
