"""The hub's figures for Prometheus: what they mean, and how they are read off when somebody asks.

Nothing is counted here and nothing costs anything between two looks: sums are in `hub.stages`, the
rest is what `hub.health` knows of the moment. The registry is the hub's own, so nothing that a
library registers elsewhere shows up among them. docs/metrics.md is made from FIGURES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from alerts.rules import KINDS
from config.figures import Figure
from hub.health import Books, Health, Live
from hub.stages import APPEND_BUCKETS, STAGES, Stages

FIGURES: Final = (
    Figure("coldwatch_hub_messages_total", "counter",
           "Messages taken out of the inbox. Stands still: no device reaches the hub."),
    Figure("coldwatch_hub_received_bytes_total", "counter",
           "Bytes of those messages, without their topics."),
    Figure("coldwatch_hub_batches_total", "counter",
           "Batches committed. Messages per batch grow with load: that is what one commit serves."),
    Figure("coldwatch_hub_records_judged_total", "counter",
           "Records judged by the rules for the first time; one that is sent again is not."),
    Figure("coldwatch_hub_records_stored_total", "counter",
           "Records that the history took. Behind the judged ones: the history store was down, and "
           "the agents send those again."),
    Figure("coldwatch_hub_set_aside_total", "counter",
           "Messages and records put into quarantine, by cause. Each has bytes and reason on the "
           "console's page of devices.", ("cause",)),
    Figure("coldwatch_hub_decisions_total", "counter",
           "Steps of excursions that the engine decided: opened, closed, recovered and so on."),
    Figure("coldwatch_hub_stage_seconds_total", "counter",
           "Seconds that the intake spent in each stage: decode (read, check, hash), judge (join "
           "and rules), history (append), commit (hub.db). Near one second a second in all: the "
           "intake is at its limit, and the largest stage says why.", ("stage",)),
    Figure("coldwatch_hub_history_append_seconds", "histogram",
           "Seconds that one append of a batch to the history store took, refused ones included."),
    Figure("coldwatch_hub_queue_messages", "gauge",
           "Messages that wait in the inbox. Grows: more comes than the intake takes."),
    Figure("coldwatch_hub_queue_bytes", "gauge", "Bytes that wait in the inbox, as it counts them."),
    Figure("coldwatch_hub_queue_dropped_messages_total", "counter",
           "Messages dropped because the inbox was full, for their own sender or in all. None is "
           "lost: the agents send them again.", ("cause",)),
    Figure("coldwatch_hub_received_published_total", "counter",
           "Answers (`received`) given to devices. Stands still while messages come: agents "
           "cannot let go of anything."),
    Figure("coldwatch_hub_history_up", "gauge",
           "1: the history store took the last readings, 0: it did not. Absent until readings came."),
    Figure("coldwatch_hub_history_state_since_timestamp_seconds", "gauge",
           "Since when that is so, Unix time."),
    Figure("coldwatch_hub_broker_connected", "gauge",
           "1: the broker has accepted us, 0: there is no connection."),
    Figure("coldwatch_hub_broker_state_since_timestamp_seconds", "gauge",
           "Since when that is so, Unix time."),
    Figure("coldwatch_hub_database_errors_total", "counter",
           "How often hub.db took or gave nothing (locked, full, read-only). The hub tries again."),
    Figure("coldwatch_hub_sms_channel_up", "gauge",
           "1: the way out for SMS works, 0: it fails, and people are told by none."),
    Figure("coldwatch_hub_started_timestamp_seconds", "gauge", "When the hub started, Unix time."),
    Figure("coldwatch_hub_streams", "gauge", "Streams that the hub knows, ended ones too."),
    Figure("coldwatch_hub_streams_behind", "gauge",
           "Streams with records that are judged and not stored."),
    Figure("coldwatch_hub_streams_lag_records", "gauge",
           "Records judged and not stored, of all streams. Above 0 for long: see history_up."),
    Figure("coldwatch_hub_streams_lag_max_records", "gauge", "The same of the worst stream."),
    Figure("coldwatch_hub_newest_record_timestamp_seconds", "gauge",
           "Time of the newest record of all streams, by its agent's clock, Unix time."),
    Figure("coldwatch_hub_devices", "gauge",
           "Devices that are set up: heard, or silent for longer than lost_contact_after. Which "
           "ones, `coldwatch hub HUB.toml --status` says.", ("contact",)),
    Figure("coldwatch_hub_excursions_open", "gauge",
           "Excursions that have not ended, by kind of rule; lost-contact is the device's.",
           ("kind",)),
    Figure("coldwatch_hub_notices", "gauge",
           "Notices in hub.db by what became of them: waiting, handed (the channel has it), sent, "
           "refused.", ("state",)),
    Figure("coldwatch_hub_notices_oldest_waiting_seconds", "gauge",
           "Since how long the oldest notice that is not sent has been owed; 0 where none is. "
           "Above 60: somebody is not being told."),
    Figure("coldwatch_hub_quarantine_entries", "gauge",
           "Different things in quarantine; the same bytes again are one."),
    Figure("coldwatch_hub_disk_free_bytes", "gauge",
           "Free bytes of the disk with hub.db, and history.db where SQLite is the store."),
)  # fmt: skip

_KINDS: Final = (*sorted(KINDS), "lost-contact")

# Names without their prefix; figures without a label stand under "".
_Values = Mapping[str, Mapping[str, float]]


def registry_of(
    stages: Stages, published: Callable[[], int], look: Callable[[], Health]
) -> CollectorRegistry:
    """Return a registry with the hub's figures, and those of its process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_HubCollector(stages, published, look))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def page(registry: CollectorRegistry) -> tuple[str, bytes]:
    """Return content type and text of everything in a registry."""
    return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)


class _HubCollector(Collector):
    def __init__(
        self, stages: Stages, published: Callable[[], int], look: Callable[[], Health]
    ) -> None:
        self._stages = stages
        self._published = published
        self._look = look

    def describe(self) -> Iterable[Metric]:
        """Return all figures, empty: what is registered is known without looking at anything."""
        return [_family(figure) for figure in FIGURES]

    def collect(self) -> Iterable[Metric]:
        """Read everything off, once."""
        health = self._look()
        values: dict[str, Mapping[str, float]] = {**_taken_in(self._stages)}
        values["received_published_total"] = {"": self._published()}
        if health.live is not None:
            values |= _of_live(health.live)
        if not health.trouble:
            values |= _of_books(health.books, health)
        values["disk_free_bytes"] = {"": health.disk_free}
        for figure in FIGURES:
            family = _family(figure)
            if isinstance(family, HistogramMetricFamily):
                _append_histogram(family, self._stages)
            elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
                found = values.get(figure.name.removeprefix("coldwatch_hub_"), {})
                for label, value in found.items():
                    family.add_metric([label] if figure.labels else [], value)
            yield family


_FAMILIES: Final[dict[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


def _family(figure: Figure) -> Metric:
    name = figure.name.removesuffix("_total")
    return _FAMILIES[figure.kind](name, figure.help, labels=figure.labels)


def _append_histogram(family: HistogramMetricFamily, stages: Stages) -> None:
    ends = [*(str(bound) for bound in APPEND_BUCKETS), "+Inf"]
    counts = list(accumulate(list(stages.appends)))
    family.add_metric([], list(zip(ends, counts, strict=True)), stages.seconds["history"])


def _taken_in(stages: Stages) -> _Values:
    return {
        "messages_total": {"": stages.messages},
        "received_bytes_total": {"": stages.bytes},
        "batches_total": {"": stages.batches},
        "records_judged_total": {"": stages.judged},
        "records_stored_total": {"": stages.stored},
        "set_aside_total": dict(stages.aside),
        "decisions_total": {"": stages.decisions},
        "stage_seconds_total": {stage: stages.seconds[stage] for stage in STAGES},
    }


def _of_live(live: Live) -> _Values:
    up = {} if live.history_up is None else {"": float(live.history_up)}
    return {
        "queue_messages": {"": live.waiting},
        "queue_bytes": {"": live.waiting_bytes},
        "queue_dropped_messages_total": live.dropped,
        "history_up": up,
        "history_state_since_timestamp_seconds": {"": live.history_since / 1000},
        "broker_connected": {"": float(live.connected)},
        "broker_state_since_timestamp_seconds": {"": live.connected_since / 1000},
        "database_errors_total": {"": live.database_errors},
        "sms_channel_up": {"": float(not live.channel_reason)},
        "started_timestamp_seconds": {"": live.since / 1000},
    }


def _of_books(books: Books, health: Health) -> _Values:
    newest = {} if books.newest_at is None else {"": books.newest_at / 1000}
    waits = health.at - books.oldest_at if books.oldest_at is not None else 0
    return {
        "streams": {"": books.streams},
        "streams_behind": {"": books.behind},
        "streams_lag_records": {"": books.lag},
        "streams_lag_max_records": {"": books.lag_max},
        "newest_record_timestamp_seconds": newest,
        "devices": {"heard": books.heard, "silent": len(books.silent)},
        "excursions_open": dict.fromkeys(_KINDS, 0) | books.excursions,
        "notices": books.notices,
        "notices_oldest_waiting_seconds": {"": max(0, waits) / 1000},
        "quarantine_entries": {"": books.quarantine},
    }
