"""DHT22 (AM2302): humidity and temperature of a room. Never of vaccine: 0.5 degC, and no buffer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sensors.contract import Limits, Range, Sample, Spec
from sensors.dht22 import frame
from sensors.dht22.supervisor import Child

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="dht22",
    ranges={
        "temperature": Range(
            low=-40_000,
            high=80_000,
            step=100,
            accuracy=500,
            limits=Limits(
                plausible=(-40_000, 60_000),
                # A still room shows one tenth of a degree for hours.
                stuck_after_ms=24 * 3_600_000,
                # No sheath: carried from a fridge into a room it gains 10 K in the first minute.
                too_fast_per_min=20_000,
            ),
        ),
        "humidity": Range(low=0, high=100_000, step=100, accuracy=2_000),
    },
    # The chip measures every 2 s at most; design.md: not under 2.5 s.
    least_spacing_ms=2_500,
    may_decide=False,
    source="Aosong AM2302 data sheet: -40 to +80 degC, 0.5 degC; 0 to 99.9 %RH, 2 %RH (5 at the "
    "ends); 0.1 each; sampling period 2 s",
)


class Dht22:
    """One chip on one line, for the series of both its quantities."""

    def __init__(self, arguments: list[str]) -> None:
        """Measure by a Python process with these arguments; nothing is started yet."""
        self.child = Child(arguments)

    def measure(self) -> Mapping[str, Sample]:
        """Measure once; return temperature and humidity. Blocks for 6 s at most."""
        return frame.samples(self.child.ask())

    def close(self) -> None:
        """End the process."""
        self.child.close()


def open_device(settings: Mapping[str, Any], _clock: Clock) -> Dht22:
    """Make a device from checked settings."""
    if settings["standin"] is not None:
        return Dht22(["-m", "simulator.dht22", settings["standin"]])
    return Dht22(["-m", "sensors.dht22.child", str(settings["pin"])])
