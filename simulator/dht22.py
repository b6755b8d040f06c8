"""A stand-in for sensors/dht22/child.py: ``python -m simulator.dht22 FILE``.

It speaks the child's protocol without hardware. For each request it looks what the file holds now:

- ten hexadecimal digits: that frame, as adafruit_dht would read it from the line
- ``hang``, ``crash``, ``garbage``, ``endless``: what its name says, instead of an answer
- ``slow``: it does not become ready until the file holds something else
- ``fault …``: that fault
- absent: nobody answers on the line
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def _held(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def _answer(held: str) -> None:
    match held.split(" ", 1):
        case ["hang"]:
            time.sleep(3_600)
        case ["crash"]:
            os._exit(3)
        case ["garbage"]:
            print("Segmentation fault, and so on", flush=True)
        case ["endless"]:
            print("x" * 100_000, flush=True)
        case ["fault", why]:
            _say(fault=why)
        case [digits] if digits and digits != "slow":
            _say(frame=digits)
        case _:
            _say(transient="DHT sensor not found, check wiring")


def main() -> None:
    """Answer until stdin ends."""
    file = Path(sys.argv[1])
    while _held(file) == "slow":
        time.sleep(0.05)
    _say(ready=True)
    for _ in sys.stdin:
        _answer(_held(file))


if __name__ == "__main__":
    main()
