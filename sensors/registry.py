"""Which drivers there are: an explicit table, so that a search for a kind finds its driver.

Settings are checked by pydantic models, probes run without them: ``checked`` turns the driver
table of a settings file into plain JSON values, which ``open_probe`` takes as they are. So the
checking may run in a short-lived process, and the one that samples never loads pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensors.calibration import Correction
from sensors.checks import Checker
from sensors.contract import Limits, Probe, Spec
from sensors.shared import FRESH_MS, Devices

if TYPE_CHECKING:
    from config.clock import Clock
    from sensors.shared import Device

# Marks a driver table that `checked` has made; a person cannot write it by accident.
CHECKED = "_checked"


@dataclass(frozen=True, slots=True)
class Driver:
    """How one kind is loaded; nothing of it is imported before one of these is called.

    Attributes:
        spec: returns what is true of every probe of the kind.
        check: returns checked settings as plain JSON values; raises ValueError in one line.
        open: makes a probe from checked settings; touches no hardware.
        device: instead of ``open`` for a kind that gives several quantities from one measurement:
            makes what stands behind the probes of all of them (sensors/shared.py).
        unfit: returns why a probe with these checked settings may not speak for vaccine although
            its kind may; None where it may.
    """

    spec: Callable[[], Spec]
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    open: Callable[[Mapping[str, Any], Clock], Probe] | None = None
    device: Callable[[Mapping[str, Any], Clock], Device] | None = None
    unfit: Callable[[Mapping[str, Any]], str | None] = lambda _: None


def _ds18b20() -> Driver:
    from sensors.ds18b20 import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.ds18b20.settings import Ds18b20Settings

        return _plain(Ds18b20Settings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


def _dht22() -> Driver:
    from sensors.dht22 import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.dht22.settings import Dht22Settings

        return _plain(Dht22Settings, table)

    return Driver(lambda: driver.SPEC, check, device=driver.open_device)


def _hwmon() -> Driver:
    from sensors.hwmon import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.hwmon.settings import HwmonSettings

        return _plain(HwmonSettings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe, unfit=driver.unfit)


def _pi() -> Driver:
    from sensors.pi import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.pi.settings import PiSettings

        return _plain(PiSettings, table)

    return Driver(lambda: driver.SPEC, check, device=driver.open_device)


def _gpio() -> Driver:
    from sensors.gpio import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.gpio.settings import GpioProbeSettings

        return _plain(GpioProbeSettings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


def _simulated() -> Driver:
    from sensors.simulated import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.simulated.settings import SimulatedSettings

        return _plain(SimulatedSettings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


def _replay() -> Driver:
    from sensors.replay import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.replay.settings import ReplaySettings

        return _plain(ReplaySettings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


def _ads1115() -> Driver:
    from sensors.ads1115 import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.ads1115.settings import Ads1115Settings

        return _plain(Ads1115Settings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


def _max31865() -> Driver:
    from sensors.max31865 import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.max31865.settings import Max31865Settings

        return _plain(Max31865Settings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe, unfit=driver.unfit)


def _sht3x() -> Driver:
    from sensors.sht3x import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.sht3x.settings import Sht3xSettings

        return _plain(Sht3xSettings, table)

    return Driver(lambda: driver.SPEC, check, device=driver.open_device, unfit=driver.unfit)


DRIVERS: dict[str, Callable[[], Driver]] = {
    "ads1115": _ads1115,
    "dht22": _dht22,
    "ds18b20": _ds18b20,
    "gpio": _gpio,
    "hwmon": _hwmon,
    "max31865": _max31865,
    "pi": _pi,
    "replay": _replay,
    "sht3x": _sht3x,
    "simulated": _simulated,
}


def _plain(model: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
    from sensors.settings import plain

    return plain(model, table)


def _driver(table: Mapping[str, Any]) -> Driver:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in DRIVERS:
        raise ValueError(f"driver.kind is {kind!r}; write one of {', '.join(sorted(DRIVERS))}")
    return DRIVERS[kind]()


def spec(kind: str) -> Spec:
    """Return what is true of every probe of this kind; raise ValueError for an unknown one."""
    return _driver({"kind": kind}).spec()


def checked(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a driver table, checked, defaults filled in, as plain JSON values.

    Raises ValueError with one line that says which key is wrong and what to write. A table that
    is checked already is returned as it is.
    """
    if CHECKED in table:
        return dict(table)
    return {"kind": table.get("kind"), CHECKED: 1, **_driver(table).check(table)}


def check_settings(table: Mapping[str, Any], quantity: str | None = None) -> None:
    """Raise ValueError, in one clear line, where a probe could not be opened from this table.

    With ``quantity`` it also refuses a probe that does not measure it.
    """
    plain = checked(table)
    if quantity is not None:
        checker(plain, quantity)


def unfit(table: Mapping[str, Any]) -> str | None:
    """Return why a probe with this table may not speak for vaccine; None where it may.

    Raises ValueError for a wrong table.
    """
    driver = _driver(table)
    if not driver.spec().may_decide:
        return f"a {table['kind']} is not accurate enough to speak for vaccine"
    return driver.unfit(checked(table))


def open_probe(
    table: Mapping[str, Any],
    clock: Clock,
    quantity: str = "temperature",
    devices: Devices | None = None,
) -> Probe:
    """Make the probe that a driver table names; raise ValueError for a wrong table.

    No hardware is touched: an unplugged probe raises NoDataError when it is read. ``devices`` holds
    what several series share; without it the probe has its device for itself.
    """
    driver = _driver(table)
    plain = checked(table)
    if driver.device is not None:
        make = partial(driver.device, plain, clock)
        fresh_ms = max(FRESH_MS, driver.spec().least_spacing_ms)
        return (devices or Devices()).probe(plain, quantity, make, clock, fresh_ms)
    assert driver.open is not None, plain["kind"]
    return driver.open(plain, clock)


def checker(
    table: Mapping[str, Any], quantity: str, points: Sequence[Sequence[int]] | None = None
) -> Checker:
    """Return the checks of a series: the driver's own limits, changed by `checks` in the table.

    ``points`` are those of the probe's certificate (sensors/calibration.py); None for no certificate.
    Raises ValueError where the driver does not measure the quantity.
    """
    of = _driver(table).spec()
    settings = checked(table).get("checks") or {}
    defaults = of.ranges[quantity].limits if quantity in of.ranges else Limits()

    def chosen(key: str, default: Any) -> Any:
        value = settings.get(key)
        if value == "off":
            return None
        return default if value is None else value

    band = chosen("plausible", defaults.plausible)
    limits = Limits(
        plausible=None if band is None else (band[0], band[1]),
        stuck_after_ms=chosen("stuck_after", defaults.stuck_after_ms),
        too_fast_per_min=chosen("too_fast_per_min", defaults.too_fast_per_min),
    )
    return Checker(of, limits, quantity, Correction(points) if points is not None else None)
