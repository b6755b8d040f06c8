"""How the hub is, for the page of the same name: asked of the running hub, in both languages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from config.hub import HubSettings
from console.models import HealthLine, HubHealth, Name
from hub.asking import ask
from hub.health_lines import healthy, lines
from hub.health_words import subject, text


def hub_health(settings: HubSettings, now: int, zone: ZoneInfo) -> HubHealth:
    """Return what the hub says of itself; where it cannot be asked, why, and what its books say."""
    health = ask(settings, now)
    return HubHealth(
        at=health.at,
        healthy=healthy(health),
        running=health.live is not None,
        lines=[
            HealthLine(
                subject=Name(zh=subject(line, "zh"), en=subject(line, "en")),
                level=line.level,
                code=line.code,
                text=Name(zh=text(line, "zh", zone), en=text(line, "en", zone)),
            )
            for line in lines(health)
        ],
    )
