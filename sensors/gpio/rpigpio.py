"""Lines through the module RPi.GPIO: up to the Pi 4; or rpi-lgpio, which has its name, on any.

Lines are read when they are asked for, and never by edges: RPi.GPIO cannot add edge detection on
kernels from 6.6 on (raspberrypi/linux issue 6037).

rpi-lgpio keeps a pipe `.lgd-nfy*` in the current folder, which a service may not write to
(joan2937/lg issue 22). The environment variable LG_WD names another folder; it is set here to the
one for temporary files unless somebody set it before.
"""

from __future__ import annotations

import os
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from sensors.gpio.port import GpioError, Pull

if TYPE_CHECKING:
    from types import ModuleType


def prepare() -> None:
    """Let rpi-lgpio write where it may; to be called before the module is imported."""
    os.environ.setdefault("LG_WD", tempfile.gettempdir())


def library_name(module: ModuleType) -> str:
    """Return which of the two it is. rpi-lgpio is a package, RPi.GPIO's is a compiled module."""
    is_lgpio = hasattr(module, "lgpio")
    return f"{'rpi-lgpio' if is_lgpio else 'RPi.GPIO'}-{getattr(module, 'VERSION', '?')}"


class RpiGpioPort:
    """Lines by their BCM numbers."""

    def __init__(self, module: ModuleType) -> None:
        """Use the module; it is told that lines are named by BCM numbers."""
        self._gpio: Any = module
        self._lock = threading.Lock()
        self._inputs: set[int] = set()
        self._outputs: dict[int, bool] = {}
        try:
            # It warns of lines that are not inputs when it starts, as after a crash of ours.
            module.setwarnings(False)
            module.setmode(module.BCM)
        except (RuntimeError, ValueError, OSError) as error:
            raise GpioError(f"RPi.GPIO cannot be used here: {_one_line(error)}") from None

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """See GpioPort."""
        gpio = self._gpio
        how = {"up": gpio.PUD_UP, "down": gpio.PUD_DOWN, "none": gpio.PUD_OFF}[pull]
        with self._lock:
            self._do(line, "cannot be claimed", gpio.setup, line, gpio.IN, pull_up_down=how)
            self._outputs.pop(line, None)
            self._inputs.add(line)

    def claim_output(self, line: int, *, level: bool) -> None:
        """See GpioPort. The module writes the level before the direction."""
        gpio = self._gpio
        with self._lock:
            self._do(line, "cannot be claimed", gpio.setup, line, gpio.OUT, initial=int(level))
            self._inputs.discard(line)
            self._outputs[line] = level

    def read(self, line: int) -> bool:
        """See GpioPort."""
        with self._lock:
            if line not in self._inputs and line not in self._outputs:
                raise GpioError(f"GPIO line {line} was not claimed")
            return bool(self._do(line, "cannot be read", self._gpio.input, line))

    def write(self, line: int, *, level: bool) -> None:
        """See GpioPort."""
        with self._lock:
            if line not in self._outputs:
                raise GpioError(f"GPIO line {line} was not claimed as an output")
            self._do(line, "cannot be written", self._gpio.output, line, int(level))

    def close(self) -> None:
        """See GpioPort.

        The module's `cleanup` makes an input of a line and switches its pull off. That is right
        for inputs. An output would float, so it stays an output at the level it was claimed with.
        """
        with self._lock:
            outputs, self._outputs = self._outputs, {}
            inputs, self._inputs = self._inputs, set()
            for line, level in outputs.items():
                self._do(line, "cannot be given back", self._gpio.output, line, int(level))
            for line in inputs:
                self._do(line, "cannot be given back", self._gpio.cleanup, line)

    def _do(self, line: int, what: str, call: Any, *values: Any, **named: Any) -> Any:
        try:
            return call(*values, **named)
        except Exception as error:  # noqa: BLE001 - lgpio's own error is nothing nearer
            raise GpioError(f"GPIO line {line} {what}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
