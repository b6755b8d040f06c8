"""Fridges that are not there, for agents that do not know: a simulation, never a product.

It steps every fridge of a world file along the shared clock, lets the file's story happen, and
writes what probes and contacts would show:

    <root>/w1/28-…/w1_slave            a 1-Wire bus for the ds18b20 driver, in the kernel's words
    <root>/points/<asset>/door         1000 open, 0 shut; for the simulated driver
    <root>/points/<asset>/mains        1000 present, 0 absent
    <root>/points/<asset>/ambient      thousandths of a degree around the fridge

Each file is replaced atomically. An unplugged probe has no folder. Run it by
`coldwatch simulate WORLD.toml` or `python -m simulator.world WORLD.toml`.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, assert_never

from simulator.ambient import Ambient
from simulator.fridge import Fridge
from simulator.onewire import power_on_text, quantised, w1_text
from simulator.settings import Drift, Event, FridgeSettings, Glitch, Restock, WorldSettings

_SWITCH: Final = (b"0\n", b"1000\n")


@dataclass(slots=True)
class Place:
    """One fridge with all that surrounds it.

    Attributes:
        fridge: its thermal state.
        ambient: the room.
        probe: the probe's folder on the bus.
        points: the folder of its contacts.
        chance: the probe's noise.
        noise_c: its standard deviation.
        sixteenths: what the probe shows, sixteenths of a degree.
        ambient_c: the room's temperature.
        door_open, mains_on, plugged: what the story has made of it.
        written: what was last written to each point's file.
        glitch_until: world time in ms until which the probe shows 85.000 degC.
    """

    fridge: Fridge
    ambient: Ambient
    probe: Path
    points: Path
    chance: random.Random
    noise_c: float
    sixteenths: int = 0
    ambient_c: float = 0.0
    door_open: bool = False
    mains_on: bool = True
    plugged: bool = True
    glitch_until: int = -1
    written: dict[str, bytes] = field(default_factory=dict)

    def look(self, now_ms: int) -> None:
        """Let the probe measure; the noise is drawn at each look, plugged or not."""
        self.ambient_c = self.ambient.at(now_ms)
        self.sixteenths = quantised(self.fridge.probe_c + self.chance.gauss(0.0, self.noise_c))


class World:
    """All fridges of a world file, at one simulated time.

    The time moves in whole steps from its start, so that how often and how far it is asked to
    step changes nothing: two worlds of one file and start are the same, byte for byte.
    """

    def __init__(self, settings: WorldSettings, start_ms: int, say: Callable[[str], None]) -> None:
        """Begin at ``start_ms`` (UTC) and write the first state; ``say`` is told of each event."""
        self._settings = settings
        self._start_ms = start_ms
        self._now_ms = start_ms
        self._say = say
        self._story = sorted(settings.story, key=lambda event: event.at)
        self.places = {item.asset: self._place(item) for item in settings.fridges}
        for place in self.places.values():
            place.points.mkdir(parents=True, exist_ok=True)
            place.look(start_ms)
        self._show(self._happen())

    @property
    def now_ms(self) -> int:
        """The simulated time, UTC: the last whole step."""
        return self._now_ms

    def step_to(self, now_ms: int) -> None:
        """Let the world go on to a time, in whole steps, and write what it then shows."""
        step = self._settings.step
        if now_ms - self._now_ms < step:
            return
        lines: list[str] = []
        while now_ms - self._now_ms >= step:
            for place in self.places.values():
                place.fridge.step(step / 1000, place.ambient_c, place.door_open, place.mains_on)
            self._now_ms += step
            for place in self.places.values():
                place.look(self._now_ms)
            lines += self._happen()
        self._show(lines)

    def _place(self, item: FridgeSettings) -> Place:
        settings = self._settings
        of = item.ambient or settings.ambient
        # Text seeds are hashed the same way in every process, unlike hash(). The fridges of a
        # site have one weather and each its own noise.
        site = item.asset.rpartition("/")[0]
        weather = random.Random(f"{settings.seed} weather {site}").getrandbits(48)
        return Place(
            Fridge(item.built_model(), item.start / 1000),
            Ambient(of.mean_c, of.swing_c, of.weather_c, of.utc_offset_h, weather),
            settings.root / "w1" / item.probe,
            settings.root / "points" / item.asset,
            random.Random(f"{settings.seed} noise {item.asset}"),
            item.noise / 1000,
        )

    def _happen(self) -> list[str]:
        """Let every event happen whose time has come; return a line for each."""
        lines = []
        while self._story and self._story[0].at <= self._now_ms - self._start_ms:
            event = self._story.pop(0)
            for asset in self._settings.meant(event.fridge):
                self._apply(event, self.places[asset])
            lines.append(self._line(event))
        return lines

    def _apply(self, event: Event, place: Place) -> None:
        """Change one place as an event says."""
        match event.kind:
            case "door_open" | "door_close":
                place.door_open = event.kind == "door_open"
            case "mains_off" | "mains_on":
                place.mains_on = event.kind == "mains_on"
            case "probe_unplug" | "probe_plug":
                place.plugged = event.kind == "probe_plug"
            case "thermostat_drift":
                place.fridge.drift(event.to / 1000, event.over / 1000)
            case "power_on_85":
                place.glitch_until = self._now_ms + event.lasts
            case "restock":
                place.fridge.restock(event.litres, event.temperature / 1000)
            case never:
                assert_never(never)

    def _line(self, event: Event) -> str:
        """Say an event as one line, with its simulated time."""
        when = datetime.fromtimestamp(self._now_ms / 1000, UTC).isoformat(timespec="seconds")
        more = ""
        if isinstance(event, Drift):
            more = f" to {event.to / 1000:g} degC over {event.over / 60_000:g} min"
        elif isinstance(event, Glitch):
            more = f" for {event.lasts / 1000:g} s"
        elif isinstance(event, Restock):
            more = f" {event.litres:g} l at {event.temperature / 1000:g} degC"
        return f"{when} {event.fridge}: {event.kind}{more}"

    def _show(self, lines: list[str]) -> None:
        """Write what every probe and contact shows now; what happened is said after that."""
        for place in self.places.values():
            # 0.1 K is what a room sensor tells; finer would be a write a step for nothing.
            ambient = round(place.ambient_c * 10) * 100
            self._point(place, "door", _SWITCH[place.door_open])
            self._point(place, "mains", _SWITCH[place.mains_on])
            self._point(place, "ambient", b"%d\n" % ambient)
            if not place.plugged:
                shutil.rmtree(place.probe, ignore_errors=True)
                continue
            glitch = self._now_ms < place.glitch_until
            text = power_on_text() if glitch else w1_text(place.sixteenths)
            place.probe.mkdir(parents=True, exist_ok=True)
            replace(place.probe / "w1_slave", text)
        for line in lines:
            self._say(line)

    def _point(self, place: Place, name: str, content: bytes) -> None:
        """Write a point's file where it has changed."""
        if place.written.get(name) != content:
            replace(place.points / name, content)
            place.written[name] = content


def replace(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old one or the new one, whole."""
    fresh = f"{path}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    Path(fresh).replace(path)


if __name__ == "__main__":
    import sys

    from simulator.command import main

    sys.exit(main())
