"""What the agent does, as plain values: its settings after they were checked.

The checking runs in a process of its own that ends at once (firmware_agent/settings.py): pydantic
and the settings models would otherwise stay in memory for months, 12 MB of a small Pi's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.logs import Form

# A Pi Zero needs some seconds to load pydantic from a cold card.
_CHECK_TIMEOUT_S = 120

EX_CONFIG = 78


class PlanError(Exception):
    """The settings cannot be used; the text is one line for each problem."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A series and the checked driver table of the probe that measures it."""

    series: str
    driver: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the agent needs to know. Times are milliseconds.

    Attributes:
        site: name of the vaccination point.
        device: name of this agent.
        state_dir: folder of the spool.
        host: the broker's.
        port: the broker's.
        protocol: ``5`` or ``3.1.1``.
        keepalive_s: of the MQTT connection, seconds.
        every_ms: how often each probe is read.
        trust_clock: whether stamps are synced whatever the kernel says of its clock.
        keep_ms: how long records that the hub has stored stay on the card.
        window: records sent ahead of what the hub has judged.
        resend_after_ms: when to go back to what the hub has.
        state_file: where the panel's state goes; None for nowhere.
        probes: what is read.
        series: the bodies of all watches by series, as a settings record carries them; the
            recording interval is in there.
        version: names this table of series; 16 hexadecimal digits.
        log: how the log's lines are spelt, ``text`` or ``json``.
        metrics: host and port of the figures for Prometheus; None for no figures.
        parts: what else takes part in the cycle (firmware_agent/parts.py): name to settings.
        gpio: how GPIO lines are reached; what sensors/gpio/opening.py takes.
    """

    site: str
    device: str
    state_dir: str
    host: str
    port: int
    protocol: str
    keepalive_s: int
    every_ms: int
    trust_clock: bool
    keep_ms: int
    window: int
    resend_after_ms: int
    state_file: str | None
    probes: tuple[ProbePlan, ...]
    series: Mapping[str, Any]
    version: str
    log: Form = "text"
    metrics: tuple[str, int] | None = None
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gpio: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Spell it for the process that asked for the checking."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Read what ``to_json`` wrote."""
        fields = json.loads(text)
        fields["probes"] = tuple(ProbePlan(**probe) for probe in fields["probes"])
        if fields["metrics"] is not None:
            fields["metrics"] = tuple(fields["metrics"])
        return cls(**fields)


def load_plan(path: Path) -> Plan:
    """Have a settings file checked by a short-lived process.

    Raises PlanError where the file is refused, and OSError where that process fails.
    """
    # The same modules as ours, and none from the folder that we happen to stand in (-P).
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "firmware_agent.settings", str(path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"checking {path} took more than {_CHECK_TIMEOUT_S} s") from None
    if done.returncode == EX_CONFIG:
        raise PlanError(done.stderr.decode(errors="replace").strip())
    if done.returncode != 0:
        raise OSError(f"checking {path} ended with {done.returncode}: {done.stderr[-500:]!r}")
    return Plan.from_json(done.stdout)
