"""Which drivers there are: an explicit table, so that a search for a kind finds its driver.

Settings are checked by pydantic models, probes run without them: ``checked`` turns the driver
table of a settings file into plain JSON values, which ``open_probe`` takes as they are. So the
checking may run in a short-lived process, and the one that samples never loads pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sensors.checks import Checker
from sensors.contract import Limits, Probe, Spec

if TYPE_CHECKING:
    from config.clock import Clock

# Marks a driver table that `checked` has made; a person cannot write it by accident.
CHECKED = "_checked"


@dataclass(frozen=True, slots=True)
class Driver:
    """How one kind is loaded; nothing of it is imported before one of these is called.

    Attributes:
        spec: returns what is true of every probe of the kind.
        check: returns checked settings as plain JSON values; raises ValueError in one line.
        open: makes a probe from checked settings; touches no hardware.
    """

    spec: Callable[[], Spec]
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    open: Callable[[Mapping[str, Any], Clock], Probe]


def _ds18b20() -> Driver:
    from sensors.ds18b20 import driver

    def check(table: Mapping[str, Any]) -> dict[str, Any]:
        from sensors.ds18b20.settings import Ds18b20Settings

        return _plain(Ds18b20Settings, table)

    return Driver(lambda: driver.SPEC, check, driver.open_probe)


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


DRIVERS: dict[str, Callable[[], Driver]] = {
    "ds18b20": _ds18b20,
    "gpio": _gpio,
    "replay": _replay,
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


def open_probe(table: Mapping[str, Any], clock: Clock) -> Probe:
    """Make the probe that a driver table names; raise ValueError for a wrong table.

    No hardware is touched: an unplugged probe raises NoDataError when it is read.
    """
    return _driver(table).open(checked(table), clock)


def checker(table: Mapping[str, Any], quantity: str) -> Checker:
    """Return the checks of a series: the driver's own limits, changed by `checks` in the table.

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
    return Checker(of, limits, quantity)
