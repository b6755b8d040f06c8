"""One table for a message size: a column a contestant, and the ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.against_telegraf.costs import Cost
from benchmarks.against_telegraf.measure import Result

LIMIT: Final = "broker alone"
SQLITE: Final = "hub to SQLite"
INFLUXDB: Final = "hub to InfluxDB"
TELEGRAF: Final = "Telegraf"
NAMES: Final = (LIMIT, SQLITE, INFLUXDB, TELEGRAF)

BOTH: Final = "judged and chained"
# Whether it judges, and whether it chains.
COSTS: Final = {
    BOTH: (True, True),
    "only chained": (False, True),
    "only judged": (True, False),
    "neither": (False, False),
}


@dataclass(frozen=True)
class Tables:
    """Prints what was measured at one message size."""

    size: int
    readings: int
    under_way: int

    def lines(self, results: dict[str, Result], costs: dict[str, Cost]) -> list[str]:
        """Return the table and what follows from it."""
        text = ["", f"{self.size} readings a message, {self.readings:,} readings"]
        text.append(f"{'':44}" + "".join(f"{name:>17}" for name in NAMES))
        for what, figure in _FIGURES.items():
            text.append(f"{what:44}" + "".join(_cell(results.get(name), figure) for name in NAMES))
        text += self._to_telegraf(results)
        text.append(f"{'intake to SQLite alone, in one process':44}" + _spread(list(COSTS)))
        rates = [f"{costs[name].rate:,.0f}" if name in costs else "-" for name in COSTS]
        used = [f"{costs[name].cpu:.2f}" if name in costs else "-" for name in COSTS]
        text.append(f"{'readings/s':44}" + _spread(rates))
        text.append(f"{'CPU s per million readings':44}" + _spread(used))
        return text

    def _to_telegraf(self, results: dict[str, Result]) -> list[str]:
        theirs = results.get(TELEGRAF)
        if theirs is None:
            return []
        text = ["beside Telegraf, which neither judges nor chains (over 1: better than it)"]
        for what, ratio in _RATIOS.items():
            cells = [
                f"{ratio(results[name], theirs):.2f}" if name in results and name != LIMIT else "-"
                for name in NAMES
            ]
            text.append(f"{what:44}" + _spread(cells))
        return text


def _spread(cells: list[str]) -> str:
    # "judged and chained" is the widest
    return "".join(f"{cell:>19}" if len(cell) > 16 else f"{cell:>17}" for cell in cells)


def _cell(result: Result | None, figure: Callable[[Result], str]) -> str:
    return f"{figure(result) if result is not None else '-':>17}"


def _ms(delays: list[float], part: float) -> str:
    return f"{delays[int(part * (len(delays) - 1))] * 1000:,.0f}" if delays else "-"


_FIGURES: Final[dict[str, Callable[[Result], str]]] = {
    "readings/s": lambda result: f"{result.rate:,.0f}",
    "CPU s per million readings": lambda result: f"{result.cpu:.2f}",
    "  influxd's, beside it": lambda result: (
        "-" if result.server_cpu is None else f"{result.server_cpu:.2f}"
    ),
    "  mosquitto's, beside it": lambda result: f"{result.broker_cpu:.2f}",
    "peak resident, MB": lambda result: f"{result.peak:.0f}",
    "sent to `received`, 1 message/10 s, p50, ms": lambda result: _ms(result.paced, 0.5),
    "  p99, ms": lambda result: _ms(result.paced, 0.99),
    "  saturated, p50, ms": lambda result: _ms(result.saturated, 0.5),
    "  saturated, p99, ms": lambda result: _ms(result.saturated, 0.99),
}

_RATIOS: Final[dict[str, Callable[[Result, Result], float]]] = {
    "  readings/s": lambda ours, theirs: ours.rate / theirs.rate,
    "  CPU per reading": lambda ours, theirs: theirs.cpu / ours.cpu,
    "  CPU per reading, influxd's added": lambda ours, theirs: (
        (theirs.cpu + (theirs.server_cpu or 0)) / (ours.cpu + (ours.server_cpu or 0))
    ),
    "  memory": lambda ours, theirs: theirs.peak / ours.peak,
}
