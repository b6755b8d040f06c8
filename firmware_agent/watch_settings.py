"""The settings of `coldwatch watch`, checked: ``python -m firmware_agent.watch_settings FILE``.

Prints them as JSON, or the problems on stderr with exit code 78, as firmware_agent/settings.py
does for the agent: pydantic stays out of the process that runs for months.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from config.base import DEVICE_FILE, TLS_FOLDER
from config.loading import SettingsError, load
from config.watch import WatchSettings
from firmware_agent.plan import EX_CONFIG

# Where `coldwatch enroll join` puts the certificate of the Pi, for whatever runs on it.
DEVICES_OWN = Path("/var/lib/coldwatch") / TLS_FOLDER


def main() -> int:
    """Answer the process that asked."""
    try:
        settings = load(Path(sys.argv[1]), WatchSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    own = settings.state_dir / TLS_FOLDER
    tls = settings.mqtt.tls_files(own if own.exists() else DEVICES_OWN, DEVICE_FILE)
    plain = settings.model_dump(mode="json") | {"tls": asdict(tls) if tls else None}
    print(json.dumps(plain))
    return 0


if __name__ == "__main__":
    sys.exit(main())
