"""From a settings file to a plan: everything is checked here, and each problem told in one line.

Run as ``python -m firmware_agent.settings agent.toml``: the plan as JSON on stdout, or the
problems on stderr and exit code 78 (EX_CONFIG). What the hub handed out goes before the local file,
table by table. With a version behind it, settings from the hub on stdin are checked and not used;
with ``look`` nothing is tried.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerts.profiles import disagreements, rules_for
from alerts.rules import Rule, Watch
from config.agent import AgentSettings, Asset, Point, series_name
from config.base import DEVICE_FILE, TLS_FOLDER
from config.loading import Problem, SettingsError, SettingsFile, parse, read, validate
from config.profile import ALWAYS
from firmware_agent.handed import Book, Handed
from firmware_agent.parts import PARTS
from firmware_agent.plan import EX_CONFIG, LOOK, Plan, ProbePlan
from firmware_agent.problems import problems
from protocol.canonical import canonical_bytes
from sensors.registry import checked

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
    A loosening that only a reason would allow (:func:`unreasoned`) is no such mistake: an agent that
    does not run watches nothing. It is not in force, and `status` says so.
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


def unreasoned(file: SettingsFile, settings: AgentSettings) -> list[Problem]:
    """Return what good settings loosen without a reason, so that it is not in force."""
    sampling = settings.sampling
    if not sampling.gap_unreasoned or "sampling" not in file.data:
        return []
    message = (
        f"`max_gap` is longer than three recording intervals, {sampling.max_gap_ms // 1000} s, so "
        "time that nobody measured would pass for measured"
    )
    remedy = (
        'leave it out, or write `max_gap_reason = "…"` in `[sampling]`, which the journal keeps'
    )
    return [file.problem(("sampling", "max_gap"), message, remedy)]


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
    part_on(file, {"site": "site", "device": "device", "assets": [_ANY_ASSET]})


def part_on(part: SettingsFile, local: Mapping[str, Any]) -> None:
    """Check what a hub hands out, or would, beside a local file; raise SettingsError."""
    if found := unreasoned(part, merged(local, part)):
        raise SettingsError(found)


def watches(settings: AgentSettings) -> dict[str, Watch]:
    """Return how each series is judged.

    Temperature rules go to the points that decide: the air beside the door warms up whenever it
    is opened, and says nothing of the vials. Silence is watched on every series.
    """
    found = {}
    for asset in settings.assets:
        for point in asset.points:
            series = series_name(asset, point)
            of_stock = point.quantity == TEMPERATURE
            found[series] = Watch(
                series,
                settings.sampling.record_every,
                settings.sampling.max_gap_ms,
                asset.storage if of_stock else None,
                point.decides,
                tuple(_rules(settings, asset, point)),
                point.calibration.certificate_in_force() if point.calibration else None,
                asset.storage_reason if of_stock else "",
                settings.sampling.max_gap_reason,
                asset.rules_reason,
            )
    return found


def version_of(series: Mapping[str, Any]) -> str:
    """Return the name of a table of series: the start of its SHA-256."""
    return hashlib.sha256(canonical_bytes(series)).hexdigest()[:16]


def _rules(settings: AgentSettings, asset: Asset, point: Point) -> list[Rule]:
    """Return the rules on a point: of its asset's profiles and of the equipment, as the site changed them."""
    profiles = list(dict.fromkeys([*asset.profiles, ALWAYS]))
    rules = [rule for profile in profiles for rule in rules_for(profile, point.quantity)]
    if point.quantity == TEMPERATURE and not point.decides:
        rules = [rule for rule in rules if rule.kind == "silence"]
    if point.decides:
        # Each pair once: with the points that stand behind this one in the file.
        behind = asset.points[asset.points.index(point) + 1 :]
        others = [
            series_name(asset, other)
            for other in behind
            if other.decides and other.quantity == point.quantity
        ]
        rules += [
            rule for profile in profiles for rule in disagreements(profile, point.quantity, others)
        ]
    power = settings.power
    if point.quantity == "voltage" and power is not None and power.end_below is not None:
        rules += _battery(power.end_below) if power.battery == series_name(asset, point) else []
    return [_changed(rule, asset) for rule in rules]


def _battery(end_below: int) -> list[Rule]:
    """Return the rule on a battery in volts: 5 % above where the site lets the agent end.

    No voltage fits every battery, so there is none in the profile; the site knows its own.
    """
    (like,) = rules_for(ALWAYS, "charge")
    return [replace(like, at_or_below=end_below * 105 // 100)]


def _changed(rule: Rule, asset: Asset) -> Rule:
    """Return a rule as the site has changed it (config/changes.py)."""
    id_ = "/".join(rule.id.split("/")[:2])
    change = next((change for change in asset.rules if change.id == id_), None)
    if change is None:
        return rule
    given: dict[str, Any] = {**change.limits()}
    if change.delay is not None:
        given["for_ms"] = change.delay
    return replace(rule, **given, reason=change.reason)


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
        handed_problem=_held_back(settings),
        tls=mqtt.tls_files(settings.state_dir / TLS_FOLDER, DEVICE_FILE),
    )


def _held_back(settings: AgentSettings) -> str | None:
    """Return what of good settings is not in force, for status and panel; seen and not heard."""
    sampling = settings.sampling
    if not sampling.gap_unreasoned:
        return None
    seconds = sampling.max_gap_ms // 1000
    return f"warning: `max_gap` counts as {seconds} s, as no `max_gap_reason` says why it is longer"


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
            part_on(part, read(path).data)
            return 0
        plan = start_plan(path)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    print(plan.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
