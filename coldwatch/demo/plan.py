"""The demo's county: its sites, fridges, people, stock, and what happens to them when.

Times are simulated minutes from the start. One day's worth of trouble is told in four hours, so
that `--for 120s --speed 120` sees the end of every story.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class DemoFridge:
    """A fridge of the demo; ``serial`` is the end of its probe's 1-Wire id."""

    id: str
    zh: str
    en: str
    serial: int
    profiles: tuple[str, ...]
    model: str = "household"


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A site of the demo, with one Raspberry Pi."""

    id: str
    zh: str
    en: str
    kind: str
    township: str
    device: str
    tell: tuple[str, ...]
    fridges: tuple[DemoFridge, ...]


@dataclass(frozen=True, slots=True)
class DemoBatch:
    """Doses that stand in a fridge when the demo begins."""

    product: str
    lot: str
    expiry_days: int
    doses: int
    asset: str


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """A link that goes down or comes back; ``at_min`` in simulated minutes."""

    at_min: int
    device: str
    up: bool


PEOPLE: Final = (
    ("li-na", "李娜", "+8613900000001", "zh"),
    ("wang-jun", "王军", "+8613900000002", "zh"),
    ("chen-amy", "Amy Chen", "+8613900000003", "en"),
)
_EVERYBODY = ("li-na", "wang-jun", "chen-amy")
_BOTH = ("cn-gsp", "who-pqs")

SITES: Final = (
    DemoSite(
        "east-gate", "东门接种点", "East Gate", "fixed", "东门街道", "pi-east-1", _EVERYBODY,
        (
            DemoFridge("fridge-1", "1号冰箱", "Fridge 1", 0xA1, _BOTH),
            DemoFridge("fridge-2", "2号冰箱", "Fridge 2", 0xA2, _BOTH),
            DemoFridge("fridge-3", "3号冰箱", "Fridge 3", 0xA3, _BOTH),
        ),
    ),
    DemoSite(
        "school-3", "三小临时点", "School 3", "temporary", "河口镇", "pi-school-1", _EVERYBODY,
        (
            DemoFridge("fridge-1", "1号冰箱", "Fridge 1", 0xB1, _BOTH),
            DemoFridge("fridge-2", "2号冰箱", "Fridge 2", 0xB2, _BOTH),
        ),
    ),
    DemoSite(
        "van-7", "7号流动车", "Van 7", "mobile", "柳林乡", "pi-van-7", _EVERYBODY,
        (DemoFridge("fridge-1", "车载冰箱", "Van fridge", 0xC1, _BOTH, "compact"),),
    ),
)  # fmt: skip

BATCHES: Final = (
    DemoBatch("HepB", "HB2611A", 540, 120, "east-gate/fridge-1"),
    DemoBatch("DTaP", "DT2609C", 400, 80, "east-gate/fridge-2"),
    DemoBatch("MMR", "MR2610B", 300, 60, "east-gate/fridge-3"),
    DemoBatch("IPV", "IP2608D", 420, 100, "school-3/fridge-1"),
    DemoBatch("Influenza", "FL2610A", 200, 240, "school-3/fridge-2"),
    DemoBatch("HPV", "HP2607E", 700, 40, "van-7/fridge-1"),
)

# (minute, fridge, kind, further keys of the world file)
STORY: Final[tuple[tuple[int, str, str, str], ...]] = (
    (12, "east-gate/fridge-1", "door_open", ""),
    (30, "east-gate/fridge-2", "thermostat_drift", 'to = -4.0\nover = "10min"'),
    (35, "van-7/fridge-1", "door_open", ""),
    (45, "school-3/*", "mains_off", ""),
    (70, "van-7/fridge-1", "door_close", ""),
    (72, "east-gate/fridge-1", "door_close", ""),
    (80, "school-3/fridge-2", "probe_unplug", ""),
    (95, "east-gate/fridge-3", "power_on_85", ""),
    (105, "school-3/*", "mains_on", ""),
    (110, "east-gate/fridge-2", "thermostat_drift", 'to = 6.0\nover = "5min"'),
    (125, "school-3/fridge-2", "probe_plug", ""),
)
# The same warm room at whatever hour it is shown: at night the van's open door would warm its fridge
# for less than the half hour that holds a batch.
ROOM: Final = ("[ambient]", "mean_c = 26.0", "swing_c = 0.0", "weather_c = 0.0")
LINKS: Final = (LinkEvent(20, "pi-van-7", up=False), LinkEvent(140, "pi-van-7", up=True))


def world_toml(root: Path) -> str:
    """Return the world file: every fridge, and the story."""
    parts = [f"root = {_text(root)}", 'step = "10s"', "seed = 7", "", *ROOM, ""]
    for site in SITES:
        for fridge in site.fridges:
            parts += [
                "[[fridges]]",
                f'asset = "{site.id}/{fridge.id}"',
                f'probe = "{_probe(fridge)}"',
                f'model = "{fridge.model}"',
                "",
            ]
    for minute, fridge_id, kind, more in STORY:
        parts += ["[[story]]", f'at = "{minute}min"', f'fridge = "{fridge_id}"', f'kind = "{kind}"']
        parts += [more, ""]
    return "\n".join(parts)


def agent_toml(site: DemoSite, state: Path, world: Path, port: int, protocol: str) -> str:
    """Return the settings of a site's agent, as an engineer would write them."""
    parts = [
        f'site = "{site.id}"',
        f'device = "{site.device}"',
        f"state_dir = {_text(state)}",
        "",
        "[mqtt]",
        f"port = {port}",
        f'protocol = "{protocol}"',
        "",
        "[clock]",
        'trust = "always"',
        "",
        "[panel]",
        f"state_file = {_text(state / 'panel.json')}",
        "",
    ]
    for fridge in site.fridges:
        points = world / "points" / site.id / fridge.id
        parts += [
            "[[assets]]",
            f'id = "{fridge.id}"',
            f"profiles = {json.dumps(list(fridge.profiles))}",
            "",
            "[[assets.points]]",
            'name = "center"',
            "decides = true",
            f'driver = {{ kind = "ds18b20", id = "{_probe(fridge)}", root = {_text(world / "w1")} }}',
            "",
        ]
        for name, quantity in (("door", "open"), ("mains", "present")):
            parts += [
                "[[assets.points]]",
                f'name = "{name}"',
                f'quantity = "{quantity}"',
                f'driver = {{ kind = "simulated", path = {_text(points / name)} }}',
                "",
            ]
    return "\n".join(parts)


def hub_toml(state: Path, port: int, protocol: str, sms: Path | None, console_port: int) -> str:
    """Return the hub's settings; ``sms`` is gammu-smsd's database, None where there is no modem."""
    parts = [
        f"state_dir = {_text(state)}",
        "",
        "[mqtt]",
        f"port = {port}",
        f'protocol = "{protocol}"',
        "",
        "[console]",
        f"port = {console_port}",
        "",
        "[sms]",
    ]
    if sms is None:
        parts += ['channel = "log"']
    else:
        # A simulated minute may be half a second, and the modem's second stays a second.
        parts += ['channel = "gammu-smsd"', f"database = {_text(sms)}", 'queued_too_long = "24h"']
    for id_, name, phone, language in PEOPLE:
        parts += ["", "[[people]]", f'id = "{id_}"', f"name = {_text(name)}"]
        parts += [f'phone = "{phone}"', f'language = "{language}"']
    for site in SITES:
        parts += [
            "",
            "[[sites]]",
            f'id = "{site.id}"',
            f"name = {{ zh = {_text(site.zh)}, en = {_text(site.en)} }}",
            f'kind = "{site.kind}"',
            f"township = {_text(site.township)}",
            f'devices = ["{site.device}"]',
            f"tell = {json.dumps(list(site.tell))}",
        ]
        for fridge in site.fridges:
            parts += [
                "[[sites.assets]]",
                f'id = "{fridge.id}"',
                f"name = {{ zh = {_text(fridge.zh)}, en = {_text(fridge.en)} }}",
            ]
    return "\n".join(parts) + "\n"


def _probe(fridge: DemoFridge) -> str:
    return f"28-{fridge.serial:012x}"


def _text(value: object) -> str:
    """Spell a TOML string."""
    return json.dumps(str(value), ensure_ascii=False)
