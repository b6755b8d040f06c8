"""The part `power`: mains that are lost and come back, and an orderly end before the battery's.

That mains are lost is an excursion like any other (the profiles' rule `mains`), told by hub and own
modem. This part sees to it that it is confirmed within two seconds, leaves events with how long each fridge should
hold, learns from each warm-up, and ends the agent with a last word while the battery still carries it.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firmware_agent.chain import Draft, event_draft
from firmware_agent.power_steps import Battery, Mains
from firmware_agent.warmups import Newest, WarmUps
from protocol.reading import UNITS, decimal, split_series

if TYPE_CHECKING:
    from firmware_agent.panel import PanelState
    from firmware_agent.parts import Context, Cycle

log = logging.getLogger(__name__)

_LOOK_AGAIN_MS: Final = 1_000
# The confirming reading must not come a moment too early.
_SLACK_MS: Final = 100


class PowerPart:
    """Section `[power]` of the settings."""

    def __init__(self, context: Context) -> None:
        """Read what earlier warm-ups taught."""
        settings = context.settings
        self._context = context
        self._clock = context.clock
        self._mains_series: str = settings["mains"]
        self._battery_series: str | None = settings["battery"]
        self._end_below: int = settings["end_below"] or 0
        self._held_for: int = settings["held_for"]
        self._last_word_ms: int = settings["last_word_within"]
        self._poweroff: list[str] = settings["poweroff"]
        self._warm_ups = WarmUps(Path(context.plan.state_dir), context.plan.series)
        self._mains = Mains()
        self._battery = Battery()
        self._newest = Newest()
        # The last word: when it was said, and the record that the hub must have judged.
        self._ending_ms: int | None = None
        self._last_seq: int | None = None
        self._ended = False
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Nothing to begin: the cycle is what turns it."""

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Look at mains and battery in the order of their samples; return what happened."""
        found = []
        for item in cycle.taken:
            if item.sample.value is None or item.sample.rejected:
                continue
            value = item.sample.value
            self._newest.see(item.series, value, item.mono_ms)
            if item.series == self._mains_series:
                lost_ms = self._mains.lost_ms
                self._mains, turn = self._mains.reading(value > 0, item.mono_ms)
                if turn == "lost":
                    found.append(self._lost(cycle))
                elif turn == "back" and lost_ms is not None:
                    found.append(self._back(cycle, item.mono_ms - lost_ms))
            elif item.series == self._battery_series:
                lost = self._mains.lost_ms is not None
                self._battery = self._battery.reading(value, self._end_below, mains_lost=lost)
            if self._mains.lost_ms is not None:
                self._warm_ups.sample(item.series, item.mono_ms, value)
        if self._battery.low >= self._held_for and self._ending_ms is None:
            found.append(self._last_word(cycle))
        return found

    def show(self, state: PanelState) -> None:
        """Have the next look in time; end when the last word was heard, or has had its time."""
        now_ms = self._clock.mono_ms()
        if self._ending_ms is not None and not self._ended:
            if self._last_seq is None:
                self._last_seq = state.progress.recorded
            heard = state.progress.judged >= self._last_seq
            if heard or now_ms - self._ending_ms >= self._last_word_ms:
                self._ended = True
                log.warning("power=ending heard=%s", str(heard).lower())
                if self._poweroff:
                    self._context.end(tuple(self._poweroff))
            else:
                self._look_in(_LOOK_AGAIN_MS)
                return
        confirm_ms = self._mains.confirm_in(now_ms)
        if confirm_ms is not None:
            self._look_in(confirm_ms + _SLACK_MS)

    def close(self) -> None:
        """End; a warm-up that is under way has taught something too."""
        if self._timer is not None:
            self._timer.cancel()
        if self._mains.lost_ms is not None:
            self._warm_ups.end(self._newest)

    # --- steps ---

    def _lost(self, cycle: Cycle) -> Draft:
        self._warm_ups.begin()
        holds = []
        # Nobody is promised anything from what a probe said before it died.
        newest = self._newest.fresh(cycle.mono_ms, self._context.plan.every_ms)
        for name, found in self._warm_ups.forecasts(newest).items():
            entry: dict[str, Any] = {"series": name, "known": found is not None}
            if name in newest:
                entry["from"] = newest[name]
            if found is not None:
                entry |= {
                    "minutes_low": found.minutes_low,
                    "minutes_likely": found.minutes_likely,
                    "minutes_high": found.minutes_high,
                    "warm_ups": found.warm_ups,
                }
            holds.append(entry)
        log.warning("mains=lost series=%s", self._mains_series)
        return event_draft(cycle.mono_ms, "power.mains-lost", self._mains_series, {"holds": holds})

    def _back(self, cycle: Cycle, without_ms: int) -> Draft:
        taught = self._warm_ups.end(self._newest)
        self._ending_ms = self._last_seq = None
        self._ended = False
        self._battery = Battery()
        self._context.health.set("power", None)
        log.warning("mains=back series=%s", self._mains_series)
        return event_draft(
            cycle.mono_ms,
            "power.mains-back",
            self._mains_series,
            {"without_mains_ms": without_ms, "taught": taught},
        )

    def _last_word(self, cycle: Cycle) -> Draft:
        assert self._battery_series is not None
        assert self._mains.lost_ms is not None
        self._ending_ms = cycle.mono_ms
        value = self._newest[self._battery_series]
        unit = UNITS.get(split_series(self._battery_series)[2], "")
        then = (
            "the agent ends and the Pi is switched off" if self._poweroff else "it will fail soon"
        )
        text = f"battery empty: {decimal(value)} {unit} without mains; {then}"
        self._context.health.set("power", text)
        self._warm_ups.end(self._newest)
        body = {
            "battery": value,
            "end_below": self._end_below,
            "without_mains_ms": max(0, cycle.mono_ms - self._mains.lost_ms),
            "poweroff": bool(self._poweroff),
        }
        return event_draft(cycle.mono_ms, "power.ending", self._battery_series, body)

    def _look_in(self, ms: int) -> None:
        """Have a cycle in so many milliseconds, whatever the schedule says."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(ms / 1000 / self._clock.speed, self._context.wake)
        self._timer.daemon = True
        self._timer.start()
