"""Simulate fridges for agents to watch: writes probe files as a 1-Wire bus would show them.

WORLD.toml says which fridges there are and what happens to them; simulator/sample.toml is one to
begin with. It runs on the shared clock (COLDWATCH_CLOCK) until it is told to stop, and prints
one line on stderr for each event of the story.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.clock import Clock
    from simulator.settings import WorldSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `coldwatch simulate`."""
    parser.add_argument("world", metavar="WORLD.toml", type=Path, help="fridges and story")
    parser.add_argument("--root", type=Path, help="write below this folder instead of the file's")
    parser.add_argument(
        "--once",
        metavar="DURATION",
        help='go this far into the story without waiting, such as "90min"; write that, and end',
    )


def run(args: argparse.Namespace) -> int:
    """Run the world; return the exit code."""
    from config.clock import clock_from_environment
    from config.loading import SettingsError, load
    from config.units import duration_ms
    from simulator.settings import WorldSettings

    try:
        settings = load(args.world, WorldSettings)
        if args.root is not None:
            settings = settings.model_copy(update={"root": args.root})
        once_ms = None if args.once is None else duration_ms(args.once)
        clock = clock_from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"coldwatch simulate: {error}", file=sys.stderr)
        return 2
    try:
        return _go(settings, clock, once_ms)
    except OSError as error:
        place = error.filename or settings.root
        print(f"coldwatch simulate: {place}: {error.strerror}", file=sys.stderr)
        return 1


def _go(settings: WorldSettings, clock: Clock, once_ms: int | None) -> int:
    """Step the world along the clock until a signal, or once and away."""
    from simulator.world import World

    if once_ms is not None:
        world = World(settings, clock.now_ms(), _say)
        world.step_to(world.now_ms + once_ms)
        return 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    world = World(settings, clock.now_ms(), _say)
    while not clock.wait(stop, world.now_ms + settings.step - clock.now_ms()):
        world.step_to(clock.now_ms())
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run as a program of its own: `python -m simulator.world WORLD.toml`."""
    parser = argparse.ArgumentParser(prog="simulator.world", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(arguments))
