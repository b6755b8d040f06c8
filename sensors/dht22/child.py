"""The process that talks to a DHT22: ``python -m sensors.dht22.child 4``.

It is a process of its own for three reasons: Blinka's ``pulseio``, which ``adafruit_dht`` imports on
every Pi, replaces the SIGTERM handler of whoever imports it; the timing is by busy waiting, which would
stop all threads of the agent for a quarter of a second; and the library has been seen to hang.

For each line on stdin it measures once and answers with one line of JSON on stdout:
``{"frame": "028c015fee"}``, ``{"transient": "…"}`` where the next try may succeed, ``{"fault": "…"}``
where a person must do something. ``{"ready": true}`` comes first. It ends when stdin does.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from sensors.dht22.frame import rebuilt

# Seconds between the beginnings of two measurements. The chip needs 2; within 2 the library does not
# measure and hands out its old value, after a *failed* measurement too.
SPACING_S: Final = 2.5
# A measurement takes 0.4 s. One that hangs ends the process (SIGALRM), whoever else may be dead.
_LONGEST_S: Final = 20


class Dht(Protocol):
    """What is used of adafruit_dht.DHT22."""

    temperature: float
    humidity: float

    def measure(self) -> None:
        """Measure, or do nothing within two seconds of the last time; raise RuntimeError."""


def answer(dht: Dht) -> dict[str, str]:
    """Measure once; return what to say. ``measure`` was not called within the last 2.5 s."""
    try:
        dht.measure()
        # Both are from that measurement: within two seconds the library does not measure again,
        # and if we were stopped for longer it does, and raises where that fails.
        return {"frame": rebuilt(dht.temperature, dht.humidity).hex()}
    except RuntimeError as error:
        return {"transient": str(error)}
    except OSError as error:
        return {"fault": f"the line cannot be used: {error}"}


def open_dht(pin: int) -> Any:
    """Make the one object of this process's life; raise ImportError, AttributeError and others."""
    import adafruit_dht

    # Blinka's, which comes with adafruit_dht.
    board = importlib.import_module("board")
    return adafruit_dht.DHT22(getattr(board, f"D{pin}"), use_pulseio=False)


def serve(
    pin: int,
    requests: Iterable[str],
    say: Callable[[dict[str, Any]], None],
    make: Callable[[int], Dht] = open_dht,
) -> None:
    """Answer every request, not sooner than 2.5 s after the last."""
    try:
        dht = make(pin)
    except ModuleNotFoundError as error:
        say({"fault": f"{error.name} is not installed; install coldwatch[pi]"})
        return
    except AttributeError:
        say({"fault": f"this board has no pin D{pin}; set `pin` to the BCM number of the line"})
        return
    except Exception as error:  # noqa: BLE001 - Blinka raises whatever it finds
        say({"fault": f"the library cannot be used here: {type(error).__name__}: {error}"})
        return
    say({"ready": True})
    due = 0.0
    for _ in requests:
        time.sleep(max(0.0, due - time.monotonic()))
        due = time.monotonic() + SPACING_S
        signal.alarm(_LONGEST_S)
        said = answer(dht)
        signal.alarm(0)
        say(said)


def main() -> None:
    """Answer whoever started us."""
    # A thread of the agent did, and those do not get SIGTERM; we do.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Blinka prints warnings to stdout; they must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(
        int(sys.argv[1]), sys.stdin, lambda line: print(json.dumps(line), file=answers, flush=True)
    )


if __name__ == "__main__":
    main()
