"""What hangs on a lamp's lines, as docs/wiring.md draws it: hardware timer, relay, door, tube.

    python -m simulator.lamp_circuit FOLDER --relay 23 --pulse 24 --door 17 --lit FILE

The retriggerable timer opens by each rising edge of the pulse line for TIMER_S and no longer; a
level that stays, high or low, feeds nothing. The relay is fed through it and pulls while the relay
line is high as well; the door contact is in series with the tube. FILE always holds 1 while the
tube burns and 0 while not, and beside it FILE.seen counts how often it went on.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from simulator.lines import Lines

# docs/wiring.md: a 74HCT123 with 910 kohm and 3.3 uF holds for 1.35 s (K = 0.45, NXP 74HC_HCT123 rev. 9)
# to 1.65 s (K = 0.55, Philips 1998). It must be between 1.2 and 2.0 s.
TIMER_S = 1.5
_LOOK_S = 0.02


@dataclass
class LampCircuit:
    """Timer, relay, door and tube: pure, moved by whoever looks at the lines."""

    hold_s: float = TIMER_S
    high: bool = False
    until_s: float = float("-inf")

    def look(self, now_s: float, *, relay: bool, pulse: bool, door_shut: bool) -> bool:
        """Take the levels of the lines in; return whether the tube burns."""
        if pulse and not self.high:
            self.until_s = now_s + self.hold_s
        self.high = pulse
        return relay and door_shut and now_s < self.until_s


def main() -> None:
    """Look at the lines until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name in ("relay", "pulse", "door"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--lit", type=Path, required=True)
    parser.add_argument("--kernel", action="store_true", help="the folder is gpio-sim's")
    args = parser.parse_args()
    lines = Lines(args.folder, kernel=args.kernel)
    circuit = LampCircuit()
    shown, times = None, 0
    while True:
        lit = circuit.look(
            time.monotonic(),
            relay=lines.level(args.relay),
            pulse=lines.level(args.pulse),
            door_shut=not lines.driven(args.door),
        )
        if lit != shown:
            times += lit
            _replace(args.lit, str(int(lit)))
            _replace(args.lit.with_name(f"{args.lit.name}.seen"), str(times))
            shown = lit
        time.sleep(_LOOK_S)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    draft.replace(path)


if __name__ == "__main__":
    main()
