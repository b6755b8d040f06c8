"""The reading: one value of one series at one time, with its quality.

Values are integer thousandths of the quantity's unit everywhere: on the wire, in the
chain and at every limit. They become decimals only where a person reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

OK: Final = "ok"
SYNCED: Final = "synced"
ESTIMATED: Final = "estimated"

# The known quantities and the unit whose thousandths their values count.
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "degC",
        "humidity": "%RH",
        "open": "0/1",
        "present": "0/1",
        "occupied": "0/1",
        "on": "0/1",
        "voltage": "V",
        "current": "A",
        "charge": "%",
        "intensity": "uW/cm2",
        # The Raspberry Pi itself (sensors/pi).
        "core_temperature": "degC",
        "undervoltage": "0/1",
        "throttled": "0/1",
        "disk_free": "%",
        "memory_free": "%",
        "clock_synced": "0/1",
        "card_worn": "%",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series at one time.

    Attributes:
        seq: number in its stream, from 1, without holes.
        series: ``asset/point/quantity``.
        at: UTC, milliseconds since 1970.
        boot: id of the boot in which it was taken.
        mono_ms: CLOCK_BOOTTIME in milliseconds; comparable within one boot only.
        value: thousandths of the quantity's unit; None where the probe gave no number at all.
        raw: the value before calibration, where calibration changed it.
        quality: ``ok``, ``suspect:<reason>`` or ``rejected:<reason>``.
        clock: ``synced`` or ``estimated``: how far ``at`` can be trusted.
        extra: fields that this version does not know, kept because they were hashed.
    """

    seq: int
    series: str
    at: int
    boot: str
    mono_ms: int
    value: int | None
    quality: str = OK
    clock: str = SYNCED
    raw: int | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def judged(self) -> bool:
        """Whether rules may use it: everything but the physically impossible."""
        return self.value is not None and not self.quality.startswith("rejected")

    def body(self) -> dict[str, Any]:
        """Return the JSON object that travels and is hashed."""
        body: dict[str, Any] = dict(self.extra) if self.extra else {}
        body.update(
            kind="reading",
            seq=self.seq,
            series=self.series,
            at=self.at,
            boot=self.boot,
            mono_ms=self.mono_ms,
            value=self.value,
            quality=self.quality,
            clock=self.clock,
        )
        if self.raw is not None:
            body["raw"] = self.raw
        return body


KNOWN_FIELDS: Final = frozenset(
    {"kind", "seq", "series", "at", "boot", "mono_ms", "value", "quality", "clock", "raw"}
)


def split_series(series: str) -> tuple[str, str, str]:
    """Return asset, point and quantity of a series; raise ValueError for another shape."""
    asset, point, quantity = series.split("/")
    return asset, point, quantity


def reading_from_body(body: Mapping[str, Any]) -> Reading:
    """Rebuild a reading from its validated JSON object, unknown fields kept apart."""
    extra = None
    if len(body) > 9 + ("raw" in body):
        extra = {key: item for key, item in body.items() if key not in KNOWN_FIELDS}
    return Reading(
        body["seq"],
        body["series"],
        body["at"],
        body["boot"],
        body["mono_ms"],
        body["value"],
        body["quality"],
        body["clock"],
        body.get("raw"),
        extra,
    )


def decimal(value: int) -> str:
    """Spell thousandths as a decimal, exactly: ``decimal(-500)`` is ``-0.5``, 8062 is ``8.062``.

    Nothing is rounded: 8.04 shown as "8.0" would look inside a range that it is outside of.
    """
    whole, fraction = divmod(abs(value), 1000)
    digits = f"{fraction:03d}".rstrip("0") or "0"
    return f"{'-' if value < 0 else ''}{whole}.{digits}"
