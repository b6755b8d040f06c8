"""Opens the port to GPIO lines: one in a process, however many use it.

The door contact is a series of its own and an interlock of the lamp. Both claim its line, and
both get the same one. :func:`open_port` therefore hands out shares of one port: a share gives back
only what it claimed itself, and the port is closed with its last share.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors.gpio.port import GpioError, GpioPort, Pull

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger(__name__)

# What the firmware says of the machine: "Raspberry Pi 5 Model B Rev 1.0", closed by a zero byte.
MODEL: Final = Path("/proc/device-tree/model")


def open_port(settings: Mapping[str, Any]) -> GpioPort:
    """Return a share of the port that these settings name (`config/gpio.py`, as plain JSON).

    No line is touched before it is claimed. Raises GpioError where there is no such port: a
    library that is missing, or a machine without GPIO lines.
    """
    return _PORTS.share(settings)


class _Shared:
    """A port and who uses which of its lines."""

    def __init__(self, port: GpioPort) -> None:
        self.port = port
        self.lock = threading.RLock()
        self.inputs: dict[int, tuple[Pull, set[Share]]] = {}
        self.outputs: dict[int, tuple[bool, Share]] = {}
        self.shares: set[Share] = set()


class Share:
    """One user's part of a shared port; made by :func:`open_port`."""

    def __init__(self, shared: _Shared, closed: Callable[[Share], None]) -> None:
        """Use ``shared``; ``closed`` is called once when this share is given back."""
        self._shared = shared
        self._closed: Callable[[Share], None] | None = closed

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """See GpioPort. A line may be the input of several, if all want the same pull."""
        shared = self._shared
        with shared.lock:
            self._open()
            if line in shared.outputs:
                raise GpioError(f"GPIO line {line} is an output already; give one another line")
            there = shared.inputs.get(line)
            if there is not None and there[0] != pull:
                raise GpioError(
                    f'GPIO line {line} is an input with pull "{there[0]}" already, and now "{pull}" '
                    "is asked for; write the same pull in both places"
                )
            if there is None:
                shared.port.claim_input(line, pull)
                there = shared.inputs[line] = (pull, set())
            there[1].add(self)

    def claim_output(self, line: int, *, level: bool) -> None:
        """See GpioPort. A line is the output of one share alone."""
        shared = self._shared
        with shared.lock:
            self._open()
            if line in shared.inputs or line in shared.outputs:
                kind = "an input" if line in shared.inputs else "an output"
                raise GpioError(f"GPIO line {line} is {kind} already; give one another line")
            shared.port.claim_output(line, level=level)
            shared.outputs[line] = (level, self)

    def read(self, line: int) -> bool:
        """See GpioPort."""
        shared = self._shared
        with shared.lock:
            self._open()
            users = shared.inputs[line][1] if line in shared.inputs else set()
            if self not in users and shared.outputs.get(line, (False, None))[1] is not self:
                raise GpioError(f"GPIO line {line} was not claimed")
            return shared.port.read(line)

    def write(self, line: int, *, level: bool) -> None:
        """See GpioPort."""
        shared = self._shared
        with shared.lock:
            self._open()
            if shared.outputs.get(line, (False, None))[1] is not self:
                raise GpioError(f"GPIO line {line} was not claimed as an output")
            shared.port.write(line, level=level)

    def close(self) -> None:
        """See GpioPort. The lines of other shares stay as they are; twice does no harm."""
        with self._shared.lock:
            closed, self._closed = self._closed, None
            if closed is not None:
                closed(self)

    def _open(self) -> None:
        if self._closed is None:
            raise GpioError("the GPIO port was closed")


class _Ports:
    """The ports of this process by their settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Shared] = {}

    def share(self, settings: Mapping[str, Any]) -> Share:
        key = json.dumps(dict(settings), sort_keys=True)
        with self._lock:
            shared = self._open.get(key)
            if shared is None:
                shared = self._open[key] = _Shared(make_port(settings))
            share = Share(shared, lambda share: self._give_back(key, share))
            shared.shares.add(share)
            return share

    def _give_back(self, key: str, share: Share) -> None:
        with self._lock:
            shared = self._open[key]
            shared.shares.discard(share)
            if not shared.shares:
                del self._open[key]
                shared.port.close()
                return
            for line, (level, owner) in list(shared.outputs.items()):
                if owner is share:
                    # The line stays ours until the port closes: given back it might float.
                    shared.port.write(line, level=level)
                    del shared.outputs[line]
            for line, (_, users) in list(shared.inputs.items()):
                users.discard(share)
                if not users:
                    del shared.inputs[line]


_PORTS: Final = _Ports()


def make_port(settings: Mapping[str, Any], model: Path = MODEL) -> GpioPort:
    """Make a port that nobody shares, and say in the log which one it became."""
    adapter = settings.get("adapter", "auto")
    chip = settings.get("chip")
    if adapter == "folder":
        from sensors.gpio.folder import FolderPort

        port: GpioPort = FolderPort(Path(settings["folder"]))
        what = f"folder={settings['folder']}"
    elif adapter == "rpi-gpio" or (adapter == "auto" and chip is None and not _takes_gpiod(model)):
        from sensors.gpio.rpigpio import RpiGpioPort, library_name, prepare

        prepare()
        adapter, module = "rpi-gpio", _library("RPi.GPIO")
        port = RpiGpioPort(module)
        what = f"library={library_name(module)}"
    else:
        from sensors.gpio.gpiod import GpiodPort

        adapter, module = "gpiod", _library("gpiod")
        found = GpiodPort(module, chip)
        port, what = found, f"chip={found.path} label={found.label}"
    log.info("gpio=open adapter=%s %s", adapter, what)
    return port


def _takes_gpiod(model: Path) -> bool:
    """Tell whether `auto` takes gpiod: wherever it is installed, and on a Pi 5 in any case.

    RPi.GPIO writes to registers that a Pi 5 does not have (its lines hang on the RP1).
    """
    return has_rp1(model) or _has_gpiod()


def has_rp1(model: Path = MODEL) -> bool:
    """Tell whether this is a Raspberry Pi of the fifth family: Pi 5, 500, Compute Module 5."""
    try:
        text = model.read_text(errors="replace")
    except OSError:
        return False
    return text.startswith(("Raspberry Pi 5", "Raspberry Pi Compute Module 5"))


def _has_gpiod() -> bool:
    try:
        _library("gpiod")
    except GpioError:
        return False
    return True


def _library(name: str) -> ModuleType:
    """Import a hardware library; raise GpioError with the package to install."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        what = {
            "gpiod": "gpiod is not installed, which serves every Pi; "
            "install the Python package gpiod (2.3 or newer)",
            "RPi.GPIO": "RPi.GPIO is not installed; install the Python package gpiod (every Pi), "
            "RPi.GPIO (up to the Pi 4) or rpi-lgpio (Pi 5)",
        }[name]
        if isinstance(error, ModuleNotFoundError):
            raise GpioError(what) from None
        raise GpioError(f"{name} cannot be loaded ({error}); install it anew") from None
    except RuntimeError as error:
        # RPi.GPIO looks for the Pi's chip as soon as it is imported.
        raise GpioError(
            f"RPi.GPIO refuses this machine ({_one_line(error)}); it serves the Raspberry Pi up to "
            "the 4, and a Pi 5 needs the Python package gpiod or rpi-lgpio"
        ) from None
    if name == "gpiod" and not hasattr(module, "request_lines"):
        raise GpioError(
            "the gpiod that is installed is of version 1 (Debian's python3-libgpiod up to 12); "
            "install the Python package gpiod (2.3 or newer)"
        )
    return module


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
