"""The agent's figures for Prometheus, off unless the settings ask for them.

prometheus_client is loaded only then: it and the HTTP server take some megabytes of a small Pi's
memory. Nothing is counted for them alone: whoever asks reads off what the agent knows anyway.
docs/metrics.md is made from FIGURES.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.figures import Figure

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from config.loopback import LoopbackPages

log = logging.getLogger(__name__)

FIGURES: Final = (
    Figure("coldwatch_agent_samples_total", "counter",
           "Samples that the probes have given since the start, recorded or not."),
    Figure("coldwatch_agent_records", "gauge",
           "Number of the newest record of the open stream. Begins anew with a new stream."),
    Figure("coldwatch_agent_read_failures_total", "counter",
           "Readings of a probe that failed. A few are everyday life on a one-wire bus.",
           ("series",)),
    Figure("coldwatch_agent_newest_sample_age_seconds", "gauge",
           "Since how long a probe has given nothing. Above some intervals: it is silent.",
           ("series",)),
    Figure("coldwatch_agent_spool_rows", "gauge", "Records on the card, those that the hub has too."),
    Figure("coldwatch_agent_spool_bytes", "gauge", "Size of the spool's files on the card."),
    Figure("coldwatch_agent_spool_unwritten_records", "gauge",
           "Records that are in memory only, for the card takes nothing."),
    Figure("coldwatch_agent_unsent_records", "gauge",
           "Records that the hub has not judged yet. Grows: no connection, or a hub that is away."),
    Figure("coldwatch_agent_commits_total", "counter", "Commits to the spool since the start."),
    Figure("coldwatch_agent_window_records", "gauge",
           "How many records may be sent ahead of what the hub has judged, as set."),
    Figure("coldwatch_agent_connected", "gauge", "1: the broker has accepted us, 0: no connection."),
    Figure("coldwatch_agent_excursions_open", "gauge", "Excursions that have not ended."),
    Figure("coldwatch_agent_clock_synced", "gauge",
           "1: the clock can be trusted, 0: times are estimated or wait."),
    Figure("coldwatch_agent_problems", "gauge",
           "How many parts of the agent have a problem; `status` and panel name them."),
)  # fmt: skip

Values = Mapping[str, float | Mapping[str, float]]
"""What each figure is, by its name without the prefix; by series where it has that label."""


def serve(host: str, port: int, read: Callable[[], Values]) -> LoopbackPages | None:
    """Answer scrapers from now on; None, and one line in the log, where the port is taken."""
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

    from config.loopback import LoopbackPages

    registry = registry_of(read)
    page = {"/metrics": lambda: (CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))}
    try:
        pages = LoopbackPages(host, port, page)
    except OSError as error:
        log.warning(
            "metrics=off port=%d reason=%r; [metrics] may name another", port, error.strerror,
            extra={"event": "metrics-off"},
        )  # fmt: skip
        return None
    log.info("metrics=on url=%s/metrics", pages.url, extra={"event": "metrics-on"})
    return pages


def registry_of(read: Callable[[], Values]) -> CollectorRegistry:
    """Return a registry of our own with the agent's figures and those of its process."""
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

    def families(values: Values) -> Iterator[Metric]:
        for figure in FIGURES:
            made = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            name = figure.name.removesuffix("_total")
            family = made(name, figure.help, labels=figure.labels)
            found = values.get(figure.name.removeprefix("coldwatch_agent_"))
            if isinstance(found, Mapping):
                for label, value in found.items():
                    family.add_metric([label], value)
            elif found is not None:
                family.add_metric([], found)
            yield family

    class AgentCollector(Collector):
        def describe(self) -> list[Metric]:
            return list(families({}))

        def collect(self) -> Iterator[Metric]:
            return families(read())

    registry = CollectorRegistry(auto_describe=False)
    registry.register(AgentCollector())
    ProcessCollector(registry=registry)
    return registry


def size_of(path: Path) -> int:
    """Return the bytes of a SQLite file with its journal; what is gone counts nothing."""
    total = 0
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            total += each.stat().st_size
        except FileNotFoundError:
            continue
    return total
