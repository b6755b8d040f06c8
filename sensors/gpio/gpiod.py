"""Lines through the kernel's GPIO device, with libgpiod 2: every Raspberry Pi, Zero 2 to 5.

The number of a chip is chance: the header of a Pi 5 was gpiochip4 and became gpiochip0 with kernel
6.6.45 (raspberrypi/linux PR 6144). Its label is the driver's own and stays; so the label is looked
for. On each of these chips a line's offset is its BCM number.
"""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors.gpio.port import GpioError, Pull

if TYPE_CHECKING:
    from types import ModuleType

# The header's chip: Pi 0 to 3 (BCM2835 to BCM2837, RP3A0), Pi 4 (BCM2711), Pi 5 (RP1).
LABELS: Final = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
DEVICES: Final = Path("/dev")
_CONSUMER: Final = "coldwatch"


class GpiodPort:
    """Lines of one GPIO chip.

    Attributes:
        path: the chip's device, such as ``/dev/gpiochip0``.
        label: what its driver calls it.
    """

    def __init__(self, gpiod: ModuleType, chip: str | None, devices: Path = DEVICES) -> None:
        """Find the chip: the header's, or the one with this label or path."""
        self._gpiod: Any = gpiod
        self._lock = threading.Lock()
        self._requests: dict[int, Any] = {}
        self._begun: dict[int, bool] = {}
        self.path, self.label = self._find(chip, devices)

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """See GpioPort."""
        bias = self._gpiod.line.Bias
        settings = self._gpiod.LineSettings(
            direction=self._gpiod.line.Direction.INPUT,
            bias={"up": bias.PULL_UP, "down": bias.PULL_DOWN, "none": bias.DISABLED}[pull],
        )
        with self._lock:
            self._request(line, settings)
            self._begun.pop(line, None)

    def claim_output(self, line: int, *, level: bool) -> None:
        """See GpioPort. Direction and level go to the kernel in one call."""
        settings = self._gpiod.LineSettings(
            direction=self._gpiod.line.Direction.OUTPUT, output_value=self._value(level)
        )
        with self._lock:
            self._request(line, settings)
            self._begun[line] = level

    def read(self, line: int) -> bool:
        """See GpioPort."""
        with self._lock:
            request = self._claimed(line)
            try:
                return bool(request.get_value(line) == self._gpiod.line.Value.ACTIVE)
            except (OSError, self._gpiod.RequestReleasedError) as error:
                raise self._failed(line, "cannot be read", error) from None

    def write(self, line: int, *, level: bool) -> None:
        """See GpioPort."""
        with self._lock:
            request = self._claimed(line)
            if line not in self._begun:
                raise GpioError(f"GPIO line {line} was not claimed as an output")
            try:
                request.set_value(line, self._value(level))
            except (OSError, self._gpiod.RequestReleasedError) as error:
                raise self._failed(line, "cannot be written", error) from None

    def close(self) -> None:
        """See GpioPort. What a line does once the kernel has it back is the chip driver's affair."""
        with self._lock:
            requests, self._requests = self._requests, {}
            begun, self._begun = self._begun, {}
        failed = []
        for line, request in requests.items():
            try:
                if line in begun:
                    request.set_value(line, self._value(begun[line]))
                request.release()
            except (OSError, self._gpiod.RequestReleasedError) as error:
                failed.append(self._failed(line, "cannot be given back", error))
        if failed:
            raise failed[0]

    def _find(self, chip: str | None, devices: Path) -> tuple[str, str]:
        if chip is not None and chip.startswith("/"):
            return chip, self._label(chip)
        wanted = LABELS if chip is None else (chip,)
        paths = sorted(devices.glob("gpiochip*"), key=lambda path: (len(path.name), path.name))
        refused = []
        labels = []
        for path in paths:
            try:
                label = self._label(str(path))
            except GpioError as error:
                refused.append(error)
                continue
            if label in wanted:
                return str(path), label
            labels.append(label)
        if refused:
            raise refused[0]
        there = f"; the chips here are {', '.join(labels)}" if labels else ""
        what = "no Raspberry Pi's GPIO chip" if chip is None else f"no GPIO chip labelled {chip}"
        raise GpioError(
            f"there is {what}{there}; `gpiodetect` lists them for `chip` in [gpio], and "
            '`adapter = "folder"` is for machines that have none'
        )

    def _label(self, path: str) -> str:
        try:
            with self._gpiod.Chip(path) as chip:
                return str(chip.get_info().label)
        except PermissionError:
            raise GpioError(
                f"{path} may not be opened; let the agent's user be in the group gpio"
            ) from None
        except (OSError, ValueError) as error:
            raise GpioError(f"{path} is no GPIO chip that can be opened: {_why(error)}") from None

    def _request(self, line: int, settings: Any) -> None:
        old = self._requests.pop(line, None)
        try:
            if old is not None:
                old.release()
            self._requests[line] = self._gpiod.request_lines(
                self.path, consumer=_CONSUMER, config={line: settings}
            )
        except (OSError, ValueError) as error:
            raise self._failed(line, "cannot be claimed", error) from None

    def _claimed(self, line: int) -> Any:
        request = self._requests.get(line)
        if request is None:
            raise GpioError(f"GPIO line {line} was not claimed")
        return request

    def _value(self, level: bool) -> Any:
        value = self._gpiod.line.Value
        return value.ACTIVE if level else value.INACTIVE

    def _failed(self, line: int, what: str, error: Exception) -> GpioError:
        hint = ""
        if isinstance(error, OSError) and error.errno == errno.EBUSY:
            hint = "; another program or an overlay in config.txt uses it: `gpioinfo` shows which"
        return GpioError(f"GPIO line {line} of {self.label} {what}: {_why(error)}{hint}")


def _why(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return " ".join(str(text or type(error).__name__).split())
