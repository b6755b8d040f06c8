"""Which lines switch lamps, and switching all of them off from outside (`--release-lamps`).

For whoever comes after an agent that was killed: no library but the GPIO one, no checking of the
settings, and no trust in them either, for they may have been changed since that agent started. So
the agent notes its lines when it starts, and both are released: the noted ones and those that the
settings name.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from config.files import write_file
from sensors.gpio.opening import open_port
from sensors.gpio.port import GpioError

FILE = "lamp-lines.json"
# Of an agent whose settings do not say; as in config/agent.py.
_STATE_DIR = "/var/lib/coldwatch"
_OUTPUTS = ("relay", "pulse", "beacon", "sounder")

# How GPIO is reached, and for each line the level at which it is off.
Lines = tuple[Mapping[str, Any], dict[int, bool]]


def remember(folder: Path, gpio: Mapping[str, Any], tables: Iterable[Mapping[str, Any]]) -> None:
    """Note the lines of the lamps of an agent that starts. Raises OSError."""
    noted = {"gpio": dict(gpio), "lines": sorted(off_levels(tables).items())}
    write_file(folder / FILE, json.dumps(noted).encode(), 0o600)


def off_levels(tables: Iterable[Mapping[str, Any]]) -> dict[int, bool]:
    """Return the output lines of lamps and the level at which each is off."""
    found = {}
    for table in tables:
        for name in _OUTPUTS:
            output = table.get(name)
            if isinstance(output, Mapping) and type(output.get("line")) is int:
                found[output["line"]] = bool(output.get("active_low", False))
    return found


def release(settings: Path) -> int:
    """Drive all lines of all lamps off; return the exit code: 0, or 1 where one could not be."""
    wrong = []
    sets: list[Lines] = []
    state_dir = _STATE_DIR
    try:
        table = tomllib.loads(settings.read_text())
        state_dir = str(table.get("state_dir", _STATE_DIR))
        lamps = table.get("lamp", {}).get("lamps", [])
        sets.append((table.get("gpio", {}), off_levels(lamps)))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        wrong.append(f"{settings}: {error}")
    try:
        noted = json.loads((Path(state_dir) / FILE).read_text())
        sets.append((noted["gpio"], dict(noted["lines"])))
    except FileNotFoundError:
        pass  # an agent without lamps, or one that never started
    except (OSError, ValueError, KeyError, TypeError) as error:
        wrong.append(f"{state_dir}/{FILE}: {error}")
    # What an agent had in hand counts before what a file says now.
    for gpio, lines in reversed(sets):
        wrong += _drive(gpio, lines)
    for text in wrong:
        print(f"coldwatch agent --release-lamps: {text}", file=sys.stderr)
    return 1 if wrong else 0


def _drive(gpio: Mapping[str, Any], lines: Mapping[int, bool]) -> list[str]:
    """Make each line an output that is off; return what went wrong."""
    if not lines:
        return []
    wrong = []
    try:
        port = open_port(gpio)
        try:
            for line, level in lines.items():
                try:
                    port.claim_output(line, level=level)
                except GpioError as error:
                    wrong.append(str(error))
        finally:
            port.close()
    except GpioError as error:
        wrong.append(str(error))
    return wrong
