"""Stands in for the module RPi.GPIO 0.7.1, which cannot be imported off a Raspberry Pi.

It follows py_gpio.c and common.c of that version for what sensors/gpio/rpigpio.py uses: the
same constants, the same refusals with the same words, and edge detection that fails as it does on
kernels from 6.6 on. Each step of a line is kept, so that a test can see a pulse.
"""

from __future__ import annotations

import types
import warnings
from dataclasses import dataclass, field

BOARD, BCM = 10, 11
OUT, IN = 0, 1
LOW, HIGH = 0, 1
PUD_OFF, PUD_DOWN, PUD_UP = 20, 21, 22
RISING, FALLING, BOTH = 31, 32, 33
VERSION = "0.7.1"

# common.c: GPIO numbers of the BCM chips.
_LINES = 54
# gpio_direction in py_gpio.c of a line that this program has not set up.
_UNSET = -1


@dataclass(slots=True)
class Line:
    """A line's registers and what hangs on it.

    Attributes:
        function: IN or OUT, as the chip has it whoever set it.
        latch: the level that an output drives; it is there before the direction is.
        pull: PUD_OFF, PUD_DOWN or PUD_UP.
        outside: what the world drives it to; None where nothing does.
        seen: each level that the line has had as an output.
    """

    function: int = IN
    latch: int = LOW
    pull: int = PUD_OFF
    outside: int | None = None
    ours: int = _UNSET
    seen: list[int] = field(default_factory=list)


class RecordedRpiGpio(types.ModuleType):
    """The module. One of these is one Pi, from boot on; put it into sys.modules as RPi.GPIO."""

    def __init__(self) -> None:
        """Begin with all lines as inputs and no numbering mode."""
        super().__init__("RPi.GPIO")
        self.BOARD, self.BCM, self.OUT, self.IN = BOARD, BCM, OUT, IN
        self.LOW, self.HIGH, self.VERSION = LOW, HIGH, VERSION
        self.PUD_OFF, self.PUD_DOWN, self.PUD_UP = PUD_OFF, PUD_DOWN, PUD_UP
        self.RISING, self.FALLING, self.BOTH = RISING, FALLING, BOTH
        self.lines = [Line() for _ in range(_LINES)]
        self._mode: int | None = None
        self._warn = True

    # --- the world outside ---

    def drive(self, line: int, *, level: bool) -> None:
        """Put an input at a level."""
        self.lines[line].outside = int(level)

    def level(self, line: int) -> bool:
        """Return what an output is driven to; False where nobody drives it."""
        at = self.lines[line]
        return at.function == OUT and at.latch == HIGH

    # --- the module's functions ---

    def setmode(self, mode: int) -> None:
        """Set the numbering."""
        if self._mode is not None and mode != self._mode:
            raise ValueError("A different mode has already been set!")
        if mode not in (BOARD, BCM):
            raise ValueError("An invalid mode was passed to setmode()")
        self._mode = mode

    def getmode(self) -> int | None:
        """Return the numbering."""
        return self._mode

    def setwarnings(self, state: bool) -> None:
        """Switch the warnings on or off."""
        self._warn = bool(state)

    def setup(
        self, channel: int, direction: int, pull_up_down: int = PUD_OFF, initial: int = -1
    ) -> None:
        """Make a line an input or output."""
        if direction not in (IN, OUT):
            raise ValueError("An invalid direction was passed to setup()")
        if direction == OUT and pull_up_down != PUD_OFF:
            raise ValueError("pull_up_down parameter is not valid for outputs")
        if direction == IN and initial != -1:
            raise ValueError("initial parameter is not valid for inputs")
        if pull_up_down not in (PUD_OFF, PUD_DOWN, PUD_UP):
            raise ValueError(
                "Invalid value for pull_up_down - should be either PUD_OFF, PUD_UP or PUD_DOWN"
            )
        line = self._line(channel)
        if self._warn and line.ours == _UNSET and line.function == OUT:
            warnings.warn(
                "This channel is already in use, continuing anyway.  "
                "Use GPIO.setwarnings(False) to disable warnings.",
                RuntimeWarning,
                stacklevel=2,
            )
        if direction == OUT and initial in (LOW, HIGH):
            self._latch(line, initial)
        self._set(line, direction, pull_up_down)
        line.ours = direction

    def input(self, channel: int) -> int:
        """Return the level of a line."""
        line = self._line(channel)
        if line.ours == _UNSET:
            raise RuntimeError("You must setup() the GPIO channel first")
        if line.function == OUT:
            return line.latch
        if line.outside is not None:
            return line.outside
        return HIGH if line.pull == PUD_UP else LOW

    def output(self, channel: int, value: int) -> None:
        """Set the level of an output."""
        line = self._line(channel)
        if line.ours != OUT:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        self._latch(line, HIGH if value else LOW)

    def cleanup(self, channel: int | None = None) -> None:
        """Make an input without pull of a line, or of all that this program has set up."""
        lines = self.lines if channel is None else [self._line(channel)]
        if channel is None:
            self._mode = None
        found = [line for line in lines if line.ours != _UNSET]
        for line in found:
            self._set(line, IN, PUD_OFF)
            line.ours = _UNSET
        if not found and self._warn:
            warnings.warn(
                "No channels have been set up yet - nothing to clean up!  "
                "Try cleaning up at the end of your program instead!",
                RuntimeWarning,
                stacklevel=2,
            )

    def add_event_detect(self, *_values: object, **_named: object) -> None:
        """Fail, as on every kernel from 6.6 on."""
        raise RuntimeError("Failed to add edge detection")

    def _line(self, channel: int) -> Line:
        if self._mode is None:
            raise RuntimeError(
                "Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or "
                "GPIO.setmode(GPIO.BCM)"
            )
        if not 0 <= channel < _LINES:
            raise ValueError("The channel sent is invalid on a Raspberry Pi")
        return self.lines[channel]

    def _latch(self, line: Line, level: int) -> None:
        line.latch = level
        if line.function == OUT:
            line.seen.append(level)

    def _set(self, line: Line, direction: int, pull: int) -> None:
        was = line.function
        line.function, line.pull = direction, pull
        if direction == OUT and was != OUT:
            line.seen.append(line.latch)
