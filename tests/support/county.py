"""A small county for tests of the hub: one site, one device, two fridges, three people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.hub import HubSettings


def hub_settings(state_dir: Path, **more: Any) -> HubSettings:
    """Return settings as a hub.toml would give them; ``more`` replaces top-level tables."""
    data: dict[str, Any] = {
        "state_dir": state_dir,
        "console": {"enabled": False},
        "people": [
            {"id": "li", "name": "李娜", "phone": "+8613900000001"},
            {"id": "wang", "name": "王军", "phone": "+8613900000002"},
            {"id": "amy", "name": "Amy", "phone": "+8613900000003", "language": "en"},
        ],
        "sites": [
            {
                "id": "east-gate",
                "name": {"zh": "东门接种点", "en": "East Gate"},
                "kind": "fixed",
                "devices": ["pi-1"],
                "tell": ["li", "wang", "amy"],
                "assets": [
                    {"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}},
                    {"id": "fridge-2", "name": {"zh": "2号冰箱", "en": "Fridge 2"}},
                ],
            }
        ],
    }
    return HubSettings.model_validate(data | more)
