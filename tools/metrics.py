"""Write docs/metrics.md from the figures of agent and hub: `python tools/metrics.py [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

from config.figures import Figure  # noqa: E402 - the checkout's, whatever is installed
from firmware_agent.metrics import FIGURES as AGENT  # noqa: E402
from hub.metrics import FIGURES as HUB  # noqa: E402

PAGE = HOUSE / "docs" / "metrics.md"

HEAD = """\
# Figures for Prometheus

Made by `make docs` from `hub/metrics.py` and `firmware_agent/metrics.py`. Names bear their unit. No figure has a label for each
device: which device is silent, and which stream is behind, `coldwatch hub HUB.toml --status` and the console say.

Both answer on this machine only (`[metrics]` in the settings): the hub at `http://127.0.0.1:9464/metrics`, always unless it is
switched off; the agent at `http://127.0.0.1:9465/metrics`, only where `enabled = true`, for it costs a small Pi some megabytes.
Where the port is taken the daemon says so in one line and goes on without figures. The hub's `/health` beside it is what
`--status` and the console's page of health show, as JSON.

Beside these, both have the process's own (`process_resident_memory_bytes`, `process_cpu_seconds_total`, …), the hub also Python's
(`python_gc_…`, `python_info`).

What to be woken by:

    coldwatch_hub_notices_oldest_waiting_seconds > 120            # somebody is not being told
    coldwatch_hub_sms_channel_up == 0 or absent(coldwatch_hub_started_timestamp_seconds)
    coldwatch_hub_broker_connected == 0                           # for five minutes
    coldwatch_hub_history_up == 0                                 # for five minutes; nothing is lost meanwhile
    coldwatch_hub_disk_free_bytes < 500e6
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_table("Hub", HUB), *_table("Agent", AGENT)]).rstrip() + "\n"


def _table(title: str, figures: Iterable[Figure]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| figure | kind | what it says |"
    yield "|---|---|---|"
    for figure in figures:
        labels = "".join(f" `{{{label}}}`" for label in figure.labels)
        yield f"| `{figure.name}`{labels} | {figure.kind} | {figure.help} |"
    yield ""


def main() -> int:
    """Write the page, or with --check tell whether the written one is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print(f"{PAGE} is not what the figures give; write: make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
