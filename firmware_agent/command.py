"""The daemon beside the fridges: it samples, records, judges on the spot and sends to the hub.

Exit codes, for systemd's RestartPreventExitStatus= and Restart=: 0 asked to end (SIGTERM, SIGINT);
78 the settings are wrong, and starting again will not help; 74 its state folder cannot be used;
75 something failed that may be better next time.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from config.clock import Clock
    from firmware_agent.agent import Agent
    from firmware_agent.plan import Plan

EX_OK = 0
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_CONFIG = 78

# Whatever hangs, we are gone by then; what is committed is safe.
_LAST_WORD_S = 1.8
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("settings", type=Path, help="the agent's settings, such as agent.toml")
    parser.add_argument(
        "--release-lamps",
        action="store_true",
        help="only drive the relay and pulse lines of all UV lamps off, as after a killed agent",
    )


def run(args: argparse.Namespace) -> int:
    """Run the agent until it is told to end; return the exit code."""
    if args.release_lamps:
        from firmware_agent.lamp.lines import release

        return release(args.settings)
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
    return _leave(_run(plan, clock, ending))


def _run(plan: Plan, clock: Clock, ending: _Ending) -> int:
    from firmware_agent.agent import Agent
    from firmware_agent.spool import SpoolError

    try:
        agent = Agent(plan, clock)
    except (SpoolError, sqlite3.Error) as error:
        print(f"coldwatch agent: {error}", file=sys.stderr)
        return EX_IOERR
    ending.agent = agent
    try:
        return EX_OK if agent.run() else EX_TEMPFAIL
    except Exception:
        log.exception("agent=failed")
        return EX_TEMPFAIL


class _Ending:
    """Waits for SIGTERM or SIGINT in a thread of its own.

    A handler in the main thread would have to wait until that comes out of whatever it is in, and
    could not touch a lock that it interrupted.
    """

    def __init__(self) -> None:
        """Take the signals over; threads made from now on do not get them."""
        self.agent: Agent | None = None
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def _wait(self) -> None:
        which = signal.sigwait(_ENDING)
        log.info("signal=%s", signal.Signals(which).name)
        if self.agent is not None:
            self.agent.stop()
        time.sleep(_LAST_WORD_S)
        _leave(EX_OK)


def _leave(code: int) -> NoReturn:
    """End now: a thread that hangs in a driver must neither hold us up nor break our exit."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
