"""From a settings file to a plan: everything is checked here, and each problem told in one line.

Run as ``python -m firmware_agent.settings agent.toml``: the plan as JSON on stdout, or the
problems on stderr and exit code 78 (EX_CONFIG).
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alerts.profiles import names, rules_for
from alerts.rules import Rule, Watch
from config.agent import AgentSettings, Asset, Point
from config.base import Section
from config.lines import Button, OutputLine, SafeInput
from config.loading import Problem, SettingsError, SettingsFile, read, validate
from config.positions import Location
from firmware_agent.parts import PARTS
from firmware_agent.plan import EX_CONFIG, Plan, ProbePlan
from protocol.canonical import canonical_bytes
from sensors.registry import check_settings, checked, spec

TEMPERATURE = "temperature"


def read_plan(path: Path) -> Plan:
    """Return the plan in a settings file; raise SettingsError with every problem in it."""
    file = read(path)
    settings = validate(file, AgentSettings)
    found = problems(file, settings)
    if found:
        raise SettingsError(found)
    return _plan(settings)


def problems(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return what no model can see: unknown profiles, wrong driver tables, probes unfit to decide."""
    found = []
    known = names()
    for a, asset in enumerate(settings.assets):
        for p, profile in enumerate(asset.profiles):
            if profile not in known:
                message = f'there is no profile "{profile}"'
                remedy = f"write one of: {', '.join(known)}"
                found.append(file.problem(("assets", a, "profiles", p), message, remedy))
        for p, point in enumerate(asset.points):
            problem = _point_problem(file, ("assets", a, "points", p), point)
            if problem is not None:
                found.append(problem)
    return found + _lamp_problems(file, settings) + _line_problems(file, settings)


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
    """Return which GPIO lines have two uses; only an input may, of which both want the same."""
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
                yield (*place, name), used.line, f"input, {used.safe}"
            elif isinstance(used, Button):
                yield (*place, name), used.line, f"button, {used.pressed}"


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
    if point.decides and not spec(kind).may_decide:
        message = f"a {kind} is not accurate enough to speak for vaccine"
        remedy = "write decides = false, and let a better probe decide"
        return file.problem((*place, "decides"), message, remedy)
    return None


def watches(settings: AgentSettings) -> dict[str, Watch]:
    """Return how each series is judged.

    Temperature rules go to the points that decide: the air beside the door warms up whenever it
    is opened, and says nothing of the vials. Silence is watched on every series.
    """
    found = {}
    for asset in settings.assets:
        for point in asset.points:
            series = series_name(asset, point)
            storage = asset.storage if point.quantity == TEMPERATURE else None
            found[series] = Watch(
                series,
                settings.sampling.record_every,
                settings.sampling.max_gap_ms,
                storage,
                point.decides,
                tuple(_rules(asset, point)),
            )
    return found


def series_name(asset: Asset, point: Point) -> str:
    """Return ``asset/point/quantity``."""
    return f"{asset.id}/{point.name}/{point.quantity}"


def version_of(series: Mapping[str, Any]) -> str:
    """Return the name of a table of series: the start of its SHA-256."""
    return hashlib.sha256(canonical_bytes(series)).hexdigest()[:16]


def _rules(asset: Asset, point: Point) -> list[Rule]:
    rules = [rule for profile in asset.profiles for rule in rules_for(profile, point.quantity)]
    if point.quantity == TEMPERATURE and not point.decides:
        return [rule for rule in rules if rule.kind == "silence"]
    return rules


def _plan(settings: AgentSettings) -> Plan:
    series = {name: watch.body() for name, watch in watches(settings).items()}
    mqtt, sampling, spool = settings.mqtt, settings.sampling, settings.spool
    state_file, metrics = settings.panel.state_file, settings.metrics
    gpio = settings.gpio.model_dump(mode="json")
    return Plan(
        site=settings.site,
        device=settings.device,
        state_dir=str(settings.state_dir),
        host=mqtt.host,
        port=mqtt.port,
        protocol=mqtt.protocol,
        keepalive_s=mqtt.keepalive_s,
        every_ms=sampling.every,
        trust_clock=settings.clock.trust == "always",
        keep_ms=spool.keep,
        window=spool.window,
        resend_after_ms=spool.resend_after,
        state_file=str(state_file) if state_file is not None else None,
        probes=tuple(
            ProbePlan(series_name(asset, point), _driver(point, gpio))
            for asset in settings.assets
            for point in asset.points
        ),
        series=series,
        version=version_of(series),
        log=settings.log,
        metrics=(metrics.host, metrics.port) if metrics.enabled else None,
        parts={
            name: section.model_dump(mode="json")
            for name in PARTS
            if (section := getattr(settings, name)) is not None
        },
        gpio=gpio,
    )


def _driver(point: Point, gpio: Mapping[str, Any]) -> dict[str, Any]:
    """Return a point's driver table, checked; a contact goes the same way to its line as the rest."""
    table = checked(point.driver)
    if table["kind"] == "gpio" and "port" not in point.driver:
        table["port"] = gpio
    return table


def main() -> int:
    """Answer the process that asked."""
    try:
        plan = read_plan(Path(sys.argv[1]))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    print(plan.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
