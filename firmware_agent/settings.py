"""From a settings file to a plan: everything is checked here, and each problem told in one line.

Run as ``python -m firmware_agent.settings agent.toml``: the plan as JSON on stdout, or the
problems on stderr and exit code 78 (EX_CONFIG). What the hub handed out goes before the local file,
table by table. With a version behind it, settings from the hub on stdin are checked and not used;
with ``look`` nothing is tried.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerts.profiles import names, rules_for
from alerts.rules import Rule, Watch
from config.agent import AgentSettings, Asset, Point
from config.base import DEVICE_FILE, TLS_FOLDER, Section
from config.calibration import too_much
from config.lines import Button, OutputLine, SafeInput
from config.loading import Problem, SettingsError, SettingsFile, parse, read, validate
from config.positions import Location
from firmware_agent.handed import Book, Handed
from firmware_agent.parts import PARTS
from firmware_agent.plan import EX_CONFIG, LOOK, Plan, ProbePlan
from protocol.canonical import canonical_bytes
from protocol.reading import split_series
from sensors.registry import check_settings, checked, unfit

TEMPERATURE = "temperature"

# Who and where we are, and how we reach the hub: what is wrong there could not be mended from afar.
LOCAL = ("site", "device", "state_dir", "mqtt")
_ANY_ASSET = {
    "id": "any",
    "profiles": ["cn-gsp"],
    "points": [{"name": "center", "driver": {"kind": "simulated"}}],
}


def read_plan(path: Path) -> Plan:
    """Return the plan in a settings file; raise SettingsError with every problem in it."""
    file = read(path)
    settings = validate(file, AgentSettings)
    found = problems(file, settings)
    if found:
        raise SettingsError(found)
    return replace(_plan(settings), file=str(path))


def start_plan(path: Path, *, starting: bool = True) -> Plan:
    """Return the plan to start with: the hub's settings where they are good, else the local file's.

    Settings on trial are counted first, so that a crash loop ends (firmware_agent/handed.py); not
    where somebody only looks, who gets what was good before them and changes nothing.
    Raises SettingsError where the local file is bad: it alone says who and where we are.
    """
    local = read(path)
    plan = read_plan(path)
    book = Book(Path(plan.state_dir))
    trying = None
    try:
        trying = book.begin() if starting else None
        if trying is not None:
            try:
                return _handed_plan(local, trying, trying=True)
            except SettingsError as error:
                book.refuse(trying.version, str(error))
    except OSError:
        # A card that takes nothing could not end a crash loop: no trials on it.
        pass
    good = book.good
    if good is None:
        return plan
    try:
        return _handed_plan(local, good, trying=False)
    except SettingsError as error:
        why = str(error).partition("\n")[0]
        why = f"version {good.version} of the hub is not in force, the local file is: {why}"
        return replace(plan, handed_problem=why)


def _handed_plan(local: SettingsFile, handed: Handed, *, trying: bool) -> Plan:
    part = part_of(handed.text, f"settings {handed.version} of the hub")
    plan = _plan(merged(local.data, part))
    version = handed.version
    return replace(plan, file=str(local.path), handed_version=version, trying=trying)


def part_of(text: str, name: str) -> SettingsFile:
    """Return the settings that a hub hands out, parsed; raise SettingsError."""
    return parse(Path(name), text)


def merged(local: Mapping[str, Any], part: SettingsFile) -> AgentSettings:
    """Return the settings of both; raise SettingsError with every problem of the hub's part."""
    found = [
        part.problem((key,), "this cannot be set from the hub", "remove it: it stays local")
        for key in LOCAL
        if key in part.data
    ]
    found += _commands(part)
    if found:
        raise SettingsError(found)
    both = SettingsFile(part.path, part.text, {**local, **part.data, **_own_command(local, part)})
    settings = validate(both, AgentSettings)
    found = problems(both, settings)
    if found:
        raise SettingsError(found)
    return settings


def _commands(part: SettingsFile) -> list[Problem]:
    """Return that a hub hands out a command: who takes over a hub must not take over every Pi."""
    power = part.data.get("power")
    if not isinstance(power, Mapping) or "poweroff" not in power:
        return []
    message, remedy = (
        "this cannot be set from the hub",
        "remove it: the device's own stays in force",
    )
    return [part.problem(("power", "poweroff"), message, remedy)]


def _own_command(local: Mapping[str, Any], part: SettingsFile) -> dict[str, Any]:
    """Return `power` from the hub with the device's own command to switch off, where it can serve."""
    power, own = part.data.get("power"), local.get("power")
    if not (isinstance(power, Mapping) and isinstance(own, Mapping)):
        return {}
    if "poweroff" not in own or "battery" not in power:
        return {}
    return {"power": {**power, "poweroff": own["poweroff"]}}


def check_part(file: SettingsFile) -> None:
    """Check what a hub would hand out, away from the device; raise SettingsError."""
    merged({"site": "site", "device": "device", "assets": [_ANY_ASSET]}, file)


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
                point.calibration.certificate_in_force() if point.calibration else None,
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
        most=spool.most,
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
        tls=mqtt.tls_files(settings.state_dir / TLS_FOLDER, DEVICE_FILE),
    )


def _driver(point: Point, gpio: Mapping[str, Any]) -> dict[str, Any]:
    """Return a point's driver table, checked; a contact goes the same way to its line as the rest."""
    table = checked(point.driver)
    if table["kind"] == "gpio" and "port" not in point.driver:
        table["port"] = gpio
    return table


def main() -> int:
    """Answer the process that asked."""
    path = Path(sys.argv[1])
    try:
        if sys.argv[2:] == [LOOK]:
            print(start_plan(path, starting=False).to_json())
            return 0
        if len(sys.argv) > 2:
            part = part_of(sys.stdin.read(), f"settings {sys.argv[2]} of the hub")
            merged(read(path).data, part)
            return 0
        plan = start_plan(path)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    print(plan.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
