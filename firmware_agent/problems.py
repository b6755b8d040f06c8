"""What is wrong with an agent's settings that no model can see, each with its line and a remedy.

Unknown profiles, wrong driver tables, probes unfit to decide, series that nobody measures, and GPIO
lines with two uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from alerts.profiles import all_names, names
from config.agent import AgentSettings, Point, series_name
from config.base import Section
from config.calibration import too_much
from config.lines import Button, OutputLine, SafeInput
from config.loading import Problem, SettingsFile
from config.positions import Location
from protocol.reading import split_series
from sensors.registry import check_settings, unfit


def problems(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return what no model can see: unknown profiles, wrong driver tables, probes unfit to decide."""
    found = []
    known = all_names()
    for a, asset in enumerate(settings.assets):
        if not set(asset.profiles) & set(names()) and set(asset.profiles) <= set(known):
            message = f"{' and '.join(asset.profiles)} come beside another profile and never alone"
            remedy = f"add one of: {', '.join(names())}"
            found.append(file.problem(("assets", a, "profiles"), message, remedy))
        for p, profile in enumerate(asset.profiles):
            if profile not in known:
                message = f'there is no profile "{profile}"'
                remedy = f"write one of: {', '.join(known)}"
                found.append(file.problem(("assets", a, "profiles", p), message, remedy))
        for p, point in enumerate(asset.points):
            problem = _point_problem(file, ("assets", a, "points", p), point)
            if problem is not None:
                found.append(problem)
    return (
        found
        + _power_problems(file, settings)
        + _lamp_problems(file, settings)
        + _line_problems(file, settings)
    )


def _power_problems(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return what is wrong with the series that `[power]` names."""
    power = settings.power
    if power is None:
        return []
    known = [series_name(asset, point) for asset in settings.assets for point in asset.points]
    found = []
    for key, name, quantities in (
        ("mains", power.mains, ("present",)),
        ("battery", power.battery, ("charge", "voltage")),
    ):
        if name is None:
            continue
        if name not in known:
            message = f"no point of this agent is {name}"
            remedy = f"add it under [[assets.points]], or write one of: {', '.join(known)}"
            found.append(file.problem(("power", key), message, remedy))
        elif split_series(name)[2] not in quantities:
            message = f"{name} is no series of {' or '.join(quantities)}"
            remedy = f'give the point quantity = "{quantities[0]}"'
            found.append(file.problem(("power", key), message, remedy))
    return found


def _lamp_problems(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return which lamps are to be proved by a series that this agent does not measure."""
    measured = {series_name(asset, point) for asset in settings.assets for point in asset.points}
    found = []
    for n, lamp in enumerate(settings.lamp.lamps if settings.lamp else []):
        for name, probe in (("current", lamp.current), ("intensity", lamp.intensity)):
            if probe is not None and probe.series not in measured:
                message = f"no point of [[assets]] measures {probe.series}"
                remedy = f"add that point, or leave `{name}` out"
                found.append(file.problem(("lamp", "lamps", n, name), message, remedy))
    return found


def _line_problems(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return which GPIO lines have two uses; only an input may that is the same for two lamps.

    A door contact that is named as the presence sensor as well would be one interlock for two, and
    a button that silences the buzzer must not start a lamp.
    """
    found = []
    seen: dict[int, tuple[str, str]] = {}
    for place, line, use in line_uses(settings):
        name = ".".join(str(part) for part in place)
        before, first = seen.setdefault(line, (use, name))
        if first != name and (before != use or use == "output"):
            message = f"GPIO{line} is used by {first} already"
            found.append(file.problem(place, message, "give one of them another line"))
    return found


def line_uses(settings: AgentSettings) -> Iterator[tuple[Location, int, str]]:
    """Yield each line of lamps and panel: where it is named, its number, and what it is used as."""
    sections: list[tuple[Location, Section]] = []
    if settings.panel_lines is not None:
        sections.append((("panel_lines",), settings.panel_lines))
    for n, lamp in enumerate(settings.lamp.lamps if settings.lamp else []):
        sections.append((("lamp", "lamps", n), lamp))
    for place, section in sections:
        for name, used in section:
            if isinstance(used, OutputLine):
                yield (*place, name), used.line, "output"
            elif isinstance(used, SafeInput):
                # Its pull is the opposite of its safe level.
                yield (*place, name), used.line, f"{place[0]} {name}, {used.safe}"
            elif isinstance(used, Button):
                yield (*place, name), used.line, f"{place[0]} {name}, {used.pressed}"


def _point_problem(file: SettingsFile, place: Location, point: Point) -> Problem | None:
    driver = point.driver
    kind = driver.get("kind", "<kind>")
    try:
        check_settings(driver, point.quantity)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        # The driver names the key that is wrong; its line is the one to go to.
        key = next((word for word in re.findall(r"\w+", message) if word in driver), None)
        way = (*place, "driver", key) if key else (*place, "driver")
        return file.problem(way, message, remedy or f"sensors/{kind}/README.md explains it")
    if point.calibration is not None:
        slip = too_much(point.calibration, point.quantity)
        if slip is not None:
            message, _, remedy = slip.partition("; ")
            return file.problem((*place, "calibration", "points"), message, remedy)
    reason = unfit(driver) if point.decides else None
    if reason is not None:
        remedy = "write decides = false, and let a better probe decide"
        return file.problem((*place, "decides"), reason, remedy)
    return None
