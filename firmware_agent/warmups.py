"""What earlier losses of mains taught about each fridge, kept on the card (alerts/forecast.py)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from alerts.forecast import Forecast, WarmUp, fit, forecast
from config.files import write_file
from protocol.reading import split_series

log = logging.getLogger(__name__)

FILE: Final = "warmups.json"
# Of each series; an older fridge than that is another one.
_MOST: Final = 12
# A sample a minute of two days without mains.
_MOST_SAMPLES: Final = 2_880
_THIN_MS: Final = 60_000


# What a probe said longer ago says nothing of how warm the fridge is now.
_FRESH_MS: Final = 600_000


class Newest(dict[str, int]):
    """The newest valid value of each series, and when that was."""

    def __init__(self) -> None:
        super().__init__()
        self._seen_ms: dict[str, int] = {}

    def see(self, series: str, value: int, mono_ms: int) -> None:
        """Take a valid sample in."""
        self[series] = value
        self._seen_ms[series] = mono_ms

    def fresh(self, now_ms: int, every_ms: int) -> dict[str, int]:
        """Return what was seen within ten minutes, or three cycles where that is longer."""
        limit_ms = max(_FRESH_MS, 3 * every_ms)
        return {name: self[name] for name, ms in self._seen_ms.items() if now_ms - ms <= limit_ms}


class WarmUps:
    """The deciding temperatures of this agent: what is known of each, and the warm-up under way."""

    def __init__(self, state_dir: Path, series: Mapping[str, Any]) -> None:
        """Read what is known; ``series`` are the watches by name."""
        self._path = state_dir / FILE
        self._limits = {
            name: body["storage"][1]
            for name, body in series.items()
            if split_series(name)[2] == "temperature" and body["decides"] and "storage" in body
        }
        self._known = self._read()
        self._samples: dict[str, list[tuple[int, int]]] = {}

    def begin(self) -> None:
        """Mains are lost: what is seen from now on is a warm-up."""
        self._samples = {name: [] for name in self._limits}

    def sample(self, series: str, mono_ms: int, value: int) -> None:
        """Take a valid sample of a series; one a minute is kept."""
        samples = self._samples.get(series)
        if samples is None or len(samples) >= _MOST_SAMPLES:
            return
        if not samples or mono_ms - samples[-1][0] >= _THIN_MS:
            samples.append((mono_ms, value))

    def end(self, newest: Mapping[str, int]) -> list[str]:
        """Mains are back, or we must end: learn from what was seen; return the series that taught."""
        taught = []
        for name, samples in self._samples.items():
            warm_up = fit(samples, self._room(name, newest))
            if warm_up is not None:
                self._known[name] = [*self._known.get(name, []), warm_up][-_MOST:]
                taught.append(name)
        self._samples = {}
        if taught:
            known = {name: [asdict(one) for one in items] for name, items in self._known.items()}
            try:
                write_file(self._path, json.dumps(known).encode(), 0o600)
            except OSError as error:
                log.warning("warmups=unwritten reason=%r", str(error))
        return taught

    def forecasts(self, newest: Mapping[str, int]) -> dict[str, Forecast | None]:
        """Return for each deciding series how long it should stay inside; None where nobody knows."""
        return {
            name: forecast(self._known.get(name, []), newest[name], limit, self._room(name, newest))
            if name in newest
            else None
            for name, limit in self._limits.items()
        }

    def holds_minutes(self, asset: str, newest: Mapping[str, int]) -> int | None:
        """Return for how long an asset should hold, at least; None where that is not known.

        Where the asset has no fridge of its own (the mains of a room), all fridges are meant.
        """
        ours = any(split_series(name)[0] == asset for name in self._limits)
        found = [
            item.minutes_low if item is not None else None
            for name, item in self.forecasts(newest).items()
            if split_series(name)[0] == asset or not ours
        ]
        known = [minutes for minutes in found if minutes is not None]
        return min(known) if known and len(known) == len(found) else None

    def reload(self) -> None:
        """Read again what another part has learned meanwhile."""
        self._known = self._read()

    def _room(self, series: str, newest: Mapping[str, int]) -> int | None:
        """Return the temperature of the room: of the asset's own point `ambient`, or of any."""
        asset = split_series(series)[0]
        rooms = sorted(
            (split_series(name)[0] != asset, name)
            for name in newest
            if split_series(name)[1:] == ("ambient", "temperature")
        )
        return newest[rooms[0][1]] if rooms else None

    def _read(self) -> dict[str, list[WarmUp]]:
        try:
            raw = json.loads(self._path.read_bytes())
            return {name: [WarmUp(**item) for item in items] for name, items in raw.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            # It is learned anew; until then nobody is promised anything.
            log.warning("warmups=unreadable reason=%r", str(error))
            return {}
