"""What hangs on the 1-Wire bus now: for whoever stands at the fridge with a probe in the hand."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from protocol.reading import decimal
from sensors import registry, sysfs
from sensors.contract import ProbeError
from sensors.ds18b20.driver import Ds18b20

if TYPE_CHECKING:
    from config.clock import Clock

ROOT: Final = Path("/sys/bus/w1/devices")
_POWERS: Final = {b"0": "parasite", b"1": "wired"}


@dataclass(frozen=True, slots=True)
class Found:
    """One probe on the bus, or one that the settings name and that is not there.

    Attributes:
        id: its folder on the bus, ``28-…``; another family begins with other digits.
        series: what the settings call it; None where they do not name it.
        value: thousandths of a degree; None where it gave none.
        quality: as it would be recorded; None where it gave nothing at all.
        resolution: bit; None where the kernel does not tell.
        power: ``wired`` or ``parasite``; None where the kernel does not tell.
        problem: why it gave nothing.
    """

    id: str
    series: str | None
    value: int | None = None
    quality: str | None = None
    resolution: int | None = None
    power: str | None = None
    problem: str | None = None

    def body(self) -> dict[str, Any]:
        """Spell it as JSON."""
        return asdict(self)


def listing(root: Path, named: Mapping[str, str], clock: Clock) -> list[Found]:
    """Return every probe on the bus, and those of ``named`` (id to series) that are not there.

    All are read at the same time, as the agent reads them. Raises ProbeError where there is no bus.
    """
    if not root.is_dir():
        raise ProbeError(
            f"there is no 1-Wire bus at {root}; write dtoverlay=w1-gpio into "
            "/boot/firmware/config.txt and start again"
        )
    # Masters are named w1_bus_master1; slaves by family and number.
    there = {path.name for path in root.iterdir() if path.name[2:3] == "-"}
    ids = sorted(there | set(named))
    probes = {probe_id: Ds18b20(root, probe_id, clock) for probe_id in ids if _ours(probe_id)}
    with ThreadPoolExecutor(max(1, len(ids))) as pool:
        return list(pool.map(lambda id_: _look(root, id_, named.get(id_), probes.get(id_)), ids))


def _ours(probe_id: str) -> bool:
    return probe_id.startswith("28-")


def _look(root: Path, probe_id: str, series: str | None, probe: Ds18b20 | None) -> Found:
    if probe is None:
        return Found(probe_id, series, problem=f"family {probe_id[:2]} is no DS18B20 (28)")
    try:
        said = probe.read()
    except ProbeError as error:
        return Found(probe_id, series, problem=str(error))
    checks = registry.checker({"kind": "ds18b20", "id": probe_id}, "temperature")
    checked = checks.check(said, 0)
    bits = _read(root / probe_id / "resolution")
    return Found(
        probe_id,
        series,
        checked.value,
        checked.quality,
        int(bits) if bits.isdigit() else None,
        _POWERS.get(_read(root / probe_id / "ext_power")),
    )


def _read(path: Path) -> bytes:
    try:
        return sysfs.read(path).strip()
    except OSError:
        return b""


def as_text(found: list[Found]) -> str:
    """Spell the list for a person: one line a probe, or what to do where there is none."""
    if not found:
        return "no probe is on the bus; look at plug, wiring and the resistor to 3.3 V"
    rows = [("id", "degC", "quality", "bit", "power", "series")]
    rows += [
        (
            item.id,
            "-" if item.value is None else decimal(item.value),
            item.quality or "-",
            str(item.resolution or "-"),
            item.power or "-",
            item.series or "-",
        )
        for item in found
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    lines += [f"{item.id}: {item.problem}" for item in found if item.problem is not None]
    return "\n".join(lines)
