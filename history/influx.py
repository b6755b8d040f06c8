"""The InfluxDB adapter of the history port."""

from __future__ import annotations

from pathlib import Path

from config.hub import InfluxSettings
from history.port import History


def influx_history(
    settings: InfluxSettings, state_dir: Path, *, read_only: bool = False
) -> History:
    """Open the store; see the class."""
    raise NotImplementedError(settings, state_dir, read_only)
