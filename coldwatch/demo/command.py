"""Run the whole of coldwatch on this machine: three sites, six fridges, and a bad day.

Real: agents, MQTT broker (mosquitto), hub, SQLite history, gammu-smsd, console. Simulated: the
fridges (a thermal model that writes a 1-Wire tree), and the GSM modem (it speaks AT commands and
sends nothing). A door is left open, a thermostat drifts into freezing, a school loses its mains, a
van loses its link for two hours, a probe is unplugged. Watch it on the console, whose address is
printed, and in the SMS, printed as the modem decoded them. Ctrl-C ends it.

With --for it ends by itself and accounts for every reading: what the agents recorded, what the
history has, what is missing (0) and what is there twice (0).
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(s|min|h)$")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--for", dest="seconds", type=_seconds, metavar="TIME",
        help="end by itself after this time and print a summary; such as 120s or 4min",
    )  # fmt: skip
    parser.add_argument(
        "--speed", type=_speed, default=60.0, help="simulated seconds in a second (default 60)"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument(
        "--dir", type=Path, metavar="DIR",
        help="keep settings, databases and logs here (default: a temporary folder, removed)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=0, help="the console's port (default: one that is free)"
    )


def _seconds(text: str) -> float:
    match = _DURATION.match(text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r}: write a time such as 120s or 4min")
    return float(match[1]) * _SECONDS[match[2]]


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= 600:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to 600")
    return speed


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0, or 1 where something was lost or could not run."""
    from coldwatch.demo.processes import DemoError
    from coldwatch.demo.run import Wishes, forget

    if args.dir is not None and args.dir.exists() and any(args.dir.iterdir()):
        print(f"coldwatch demo: {args.dir} is not empty; name a new folder", file=sys.stderr)
        return 2
    folder = args.dir or Path(tempfile.mkdtemp(prefix="coldwatch-demo-"))
    wishes = Wishes(folder.absolute(), args.speed, args.seconds, args.port)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(wishes, as_json=args.json)
    except DemoError as error:
        print(f"coldwatch demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nended", file=sys.stderr)
        return 0
    finally:
        if args.dir is None:
            forget(folder)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _run(wishes: Any, *, as_json: bool) -> int:
    from coldwatch.demo.run import Demo, to_stderr

    say = to_stderr if as_json else print_now
    demo = Demo(wishes, say)
    say("starting the broker, six fridges, a modem, the hub and three agents ...")
    with demo.running() as processes:
        say(f"\n    The console: {demo.console}\n")
        say(f"    settings, databases and logs: {wishes.folder}")
        say(
            f"    other commands join its time with: export COLDWATCH_CLOCK={demo.clock_environment}"
        )
        say(f"    one minute here is {wishes.speed:g} simulated minutes; Ctrl-C ends it\n")
        demo.play(processes)
        say(f"{demo.stamp()} the time is over; waiting until every reading and SMS has arrived")
        found = demo.finish(processes)
    print(json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.as_text())
    return 0 if found.nothing_lost else 1


def print_now(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)
