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
from firmware_agent.handed import Handed
from protocol.tls import Tls

# A Pi Zero needs some seconds to load pydantic from a cold card.
_CHECK_TIMEOUT_S = 120

EX_CONFIG = 78

# In the place of a version: the plan is only looked at, and no start.
LOOK = "look"


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
        most: how many records the card may hold, those that the hub has among them.
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
        tls: the files of TLS to the broker; None for none.
        file: the local settings file.
        handed_version: version of the hub's settings in force; 0 where it handed out none.
        trying: whether those are on trial (firmware_agent/handed.py).
        handed_problem: why settings of the hub that were good, or a long gap, are not in force.
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
    most: int = 3_000_000
    tls: Tls | None = None
    file: str = ""
    handed_version: int = 0
    trying: bool = False
    handed_problem: str | None = None

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
        if fields["tls"] is not None:
            fields["tls"] = Tls(**fields["tls"])
        return cls(**fields)


def load_plan(path: Path, *, starting: bool = True) -> Plan:
    """Have a settings file, and what the hub handed out, checked by a short-lived process.

    ``starting``: the agent starts with it, so settings on trial count this as one of their starts.
    Raises PlanError where the file is refused, and OSError where that process fails.
    """
    arguments = [str(path)] if starting else [str(path), LOOK]
    return Plan.from_json(_check("firmware_agent.settings", arguments, None))


def try_settings(path: str, handed: Handed) -> None:
    """Have settings from the hub checked with those of the local file; raises as ``load_plan``."""
    _check("firmware_agent.settings", [path, str(handed.version)], handed.text.encode())


def checked_settings(module: str, path: Path) -> bytes:
    """Have a module of ours check a settings file in a process of its own; return what it printed.

    Raises as :func:`load_plan` does.
    """
    return _check(module, [str(path)], None)


def _check(module: str, arguments: list[str], given: bytes | None) -> bytes:
    # The same modules as ours, and none from the folder that we happen to stand in (-P).
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    path = arguments[0]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            env=environment,
            input=given or b"",
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
    return done.stdout
