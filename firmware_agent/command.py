"""The daemon beside the fridges: it samples, records, judges on the spot and sends to the hub.

Exit codes, for systemd's RestartPreventExitStatus= and Restart=: 0 asked to end (SIGTERM, SIGINT);
78 the settings are wrong, and starting again will not help; 74 its state folder cannot be used;
75 something failed that may be better next time. With --inspect: 0 the spool is whole, 1 it is
damaged, 74 it cannot be read. With --probes: 0 each of them is read and good, 1 one is not.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.clock import Clock
    from firmware_agent.agent import Agent
    from firmware_agent.plan import Plan

EX_OK = 0
EX_USAGE = 2
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_CONFIG = 78

# Whatever hangs, we are gone by then; what is committed is safe.
_LAST_WORD_S = 1.8
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "settings", type=Path, nargs="?", help="the agent's settings, such as agent.toml"
    )
    parser.add_argument(
        "--probes",
        action="store_true",
        help="list the probes on the 1-Wire bus with their present values, and end",
    )
    parser.add_argument(
        "--inspect",
        action="store_true",
        help="say what the spool holds and whether it is whole; the agent may run meanwhile",
    )
    parser.add_argument(
        "--release-lamps",
        action="store_true",
        help="only drive the relay and pulse lines of all UV lamps off, as after a killed agent",
    )
    parser.add_argument(
        "--json", action="store_true", help="with --probes or --inspect: everything, as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Run the agent until it is told to end; return the exit code."""
    wrong = _misused(args)
    if wrong is not None:
        print(f"coldwatch agent: {wrong}", file=sys.stderr)
        return EX_USAGE
    if args.release_lamps:
        # In a hurry, and perhaps with settings that are wrong by now: nothing else is loaded.
        from firmware_agent.lamp.lines import release

        return release(args.settings)
    if args.probes or args.inspect:
        return _answer(args)
    from config.clock import clock_from_environment
    from config.logs import log_to_stderr
    from firmware_agent.plan import PlanError, load_plan

    ending = _Ending()
    try:
        log_to_stderr()
        plan = load_plan(args.settings)
        log_to_stderr(plan.log)
        clock = clock_from_environment()
    except (PlanError, ValueError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    except OSError as error:
        print(f"coldwatch agent: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    code = _run(plan, clock, ending)
    return _begin_anew() if code is None else _leave(code)


def _misused(args: argparse.Namespace) -> str | None:
    """Return what is wrong with how it was called."""
    if args.probes + args.inspect + args.release_lamps > 1:
        return "--probes, --inspect and --release-lamps go one at a time"
    if args.json and not (args.probes or args.inspect):
        return "--json goes with --probes or --inspect"
    if args.settings is None and not args.probes:
        return "name the agent's settings"
    return None


def _answer(args: argparse.Namespace) -> int:
    """Answer --probes or --inspect, and end."""
    from firmware_agent.plan import PlanError, load_plan

    plan: Plan | None = None
    try:
        if args.settings is not None:
            plan = load_plan(args.settings, starting=False)
    except PlanError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    except OSError as error:
        print(f"coldwatch agent: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    if args.probes:
        from firmware_agent.probes import show_probes

        return show_probes(plan, as_json=args.json)
    from firmware_agent.inspecting import inspect

    assert plan is not None
    return inspect(Path(plan.state_dir), as_json=args.json)


def _run(plan: Plan, clock: Clock, ending: _Ending) -> int | None:
    """Run it; return the exit code, or None when it is to begin anew."""
    from firmware_agent.agent import Agent
    from firmware_agent.spool import SpoolError

    try:
        agent = Agent(plan, clock)
    except (SpoolError, sqlite3.Error) as error:
        print(f"coldwatch agent: {error}", file=sys.stderr)
        return EX_IOERR
    ending.agent = agent
    try:
        done = agent.run()
        if agent.restarting and done and not ending.asked:
            return None
    except Exception:
        log.exception("agent=failed")
        return EX_TEMPFAIL
    if done and agent.afterwards:
        return _switch_off(agent.afterwards)
    return EX_OK if done else EX_TEMPFAIL


def _switch_off(command: Sequence[str]) -> int:
    """Run the command that ends the Pi; where it fails, systemd starts us again, and we try anew."""
    os.sync()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        log.exception("poweroff=failed")
        return EX_TEMPFAIL
    if done.returncode != 0:
        log.error("poweroff=failed exit=%d", done.returncode)
        return EX_TEMPFAIL
    return EX_OK


class _Ending:
    """Waits for SIGTERM or SIGINT in a thread of its own.

    A handler in the main thread would have to wait until that comes out of whatever it is in, and
    could not touch a lock that it interrupted.
    """

    def __init__(self) -> None:
        """Take the signals over; threads made from now on do not get them."""
        self.agent: Agent | None = None
        self.asked = False
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def _wait(self) -> None:
        which = signal.sigwait(_ENDING)
        log.info("signal=%s", signal.Signals(which).name)
        self.asked = True
        if self.agent is not None:
            self.agent.stop()
        time.sleep(_LAST_WORD_S)
        _leave(EX_OK)


def _begin_anew() -> NoReturn:
    """Become a new agent: the same process for systemd, and nothing left of the old one."""
    log.info("agent=begins-anew")
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _leave(code: int) -> NoReturn:
    """End now: a thread that hangs in a driver must neither hold us up nor break our exit."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
