"""What stands in the settings files of a story: people, points, hub.toml and agent.toml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.stories.agents import BUTTON, BUZZER

EVERYBODY: Final = ("Li", "Wang", "Amy")

_PEOPLE: Final = (
    ("Li", "Li Na", "zh"),
    ("Wang", "Wang Jun", "zh"),
    ("Amy", "Amy", "en"),
    ("Zhao", "Zhao Min", "zh"),
    ("Chen", "Chen Qiang", "zh"),
    ("Ben", "Ben", "en"),
)
PHONES: Final = {name: f"+861390000000{n}" for n, (name, _, _) in enumerate(_PEOPLE, 1)}
LANGUAGES: Final = {name: language for name, _, language in _PEOPLE}


@dataclass(frozen=True, slots=True)
class Point:
    """One measuring place, and what its probe says before the story begins."""

    name: str
    quantity: str
    value: int
    decides: bool = False
    calibration: dict[str, Any] | None = None

    def table(self) -> dict[str, Any]:
        """Return what stands in agent.toml."""
        driver = {"kind": "simulated"}
        if self.quantity == "temperature":
            driver = {"kind": "ds18b20", "id": "28-0316a2794fff"}
        if self.quantity == "card_worn":
            driver = {"kind": "pi"}
        table = {
            "name": self.name,
            "quantity": self.quantity,
            "decides": self.decides,
            "driver": driver,
        }
        return table | ({"calibration": self.calibration} if self.calibration else {})


CENTER: Final = Point("center", "temperature", 5_000, decides=True)
UPPER: Final = Point("upper", "temperature", 5_000, decides=True)
DOOR: Final = Point("door", "open", 0)
MAINS: Final = Point("mains", "present", 1_000)
CARD: Final = Point("card", "card_worn", 10_000)


def hub_table(
    folder: Path,
    fridges: int,
    devices: int,
    steps: Sequence[dict[str, Any]],
    of_site: dict[str, Any],
    more: dict[str, Any],
) -> dict[str, Any]:
    """Return what would stand in hub.toml; ``more`` goes before what is made here."""
    sites = [_site(n, fridges) | of_site for n in range(1, devices + 1)]
    table: dict[str, Any] = {
        "state_dir": folder,
        "console": {"enabled": False},
        "metrics": {"enabled": False},
        "people": [
            {"id": name.lower(), "name": full, "phone": PHONES[name], "language": language}
            for name, full, language in _PEOPLE
        ],
        "sites": sites,
    }
    if steps:
        table["escalations"] = [{"id": "county", "steps": list(steps)}]
        for site in sites:
            site["escalation"] = "county"
    return table | more


def _site(n: int, fridges: int) -> dict[str, Any]:
    name = {"zh": f"{n}号接种点", "en": f"Point {n}"}
    if n == 1:
        name = {"zh": "东门接种点", "en": "East Gate"}
    return {
        "id": f"site-{n}" if n > 1 else "east-gate",
        "name": name,
        "kind": "fixed",
        "devices": [f"pi-{n}"],
        "tell": [name.lower() for name in EVERYBODY],
        "assets": [
            {"id": f"fridge-{k}", "name": {"zh": f"{k}号冰箱", "en": f"Fridge {k}"}}
            for k in range((n - 1) * fridges + 1, n * fridges + 1)
        ],
    }


def agent_table(
    folder: Path,
    site: dict[str, Any],
    profiles: Sequence[str],
    points: Sequence[Point],
    pace: dict[str, str],
    *,
    rules: Sequence[dict[str, Any]],
    own_modem: bool,
    panel: bool,
) -> dict[str, Any]:
    """Return what would stand in the agent.toml of a site's device."""
    table: dict[str, Any] = {
        "site": site["id"],
        "device": site["devices"][0],
        "state_dir": str(folder),
        "clock": {"trust": "ntp"},
        "sampling": pace,
        "assets": [
            {
                "id": asset["id"],
                "profiles": list(profiles),
                "rules": list(rules),
                "points": [point.table() for point in points],
            }
            for asset in site["assets"]
        ],
    }
    if own_modem:
        table["modem"] = {
            "database": str(folder / "unused.db"),
            "site_name": site["name"],
            "tell": [
                {"id": name.lower(), "name": name, "phone": PHONES[name], "language": language}
                for name, language in LANGUAGES.items()
                if name in EVERYBODY
            ],
            "assets": [{"id": each["id"], "name": each["name"]} for each in site["assets"]],
        }
    if panel:
        table["panel_lines"] = {"buzzer": {"line": BUZZER}, "button": {"line": BUTTON}}
        table["gpio"] = {"adapter": "folder", "folder": str(folder / "lines")}
    return table
