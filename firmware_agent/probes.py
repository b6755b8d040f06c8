"""``coldwatch agent --probes``: which probes are on the bus, and what each says now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config.clock import SystemClock
from sensors.contract import ProbeError
from sensors.ds18b20.listing import ROOT, as_text, listing

if TYPE_CHECKING:
    from firmware_agent.plan import Plan


def show_probes(plan: Plan | None, *, as_json: bool) -> int:
    """Print the probes of every bus that the plan names, or of the Pi's own; return the exit code.

    1 where a bus is missing, or a probe that is named or found gives no good value.
    """
    roots: dict[str, dict[str, str]] = {}
    for probe in plan.probes if plan is not None else ():
        if probe.driver["kind"] == "ds18b20":
            roots.setdefault(probe.driver["root"], {})[probe.driver["id"]] = probe.series
    if not roots:
        roots[str(ROOT)] = {}
    found = []
    try:
        for root, named in roots.items():
            found += listing(Path(root), named, SystemClock())
    except ProbeError as error:
        print(f"coldwatch agent: {error}", file=sys.stderr)
        return 1
    print(json.dumps([item.body() for item in found]) if as_json else as_text(found))
    return 0 if found and all(item.quality == "ok" for item in found) else 1
