"""The hub's figures: each is explained, counted where it happens, and read off in the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from firmware_agent.metrics import FIGURES as AGENT
from hub.health import Books, Health
from hub.intake import Incoming, Intake
from hub.metrics import FIGURES, page, registry_of
from hub.stages import APPEND_BUCKETS, Stages
from tests.hub.test_intake import TOPIC, Bench, warm
from tests.support.sender import MINUTE, START, Sender

HOUSE = Path(__file__).resolve().parents[2]
EMPTY = Health(START, None, Books(), 1, 1, 60_000)


class Counted(Bench):
    """An intake whose stages are looked at."""

    def restart(self) -> None:
        """Begin with stages of our own."""
        self.stages = Stages()
        self.intake = Intake(self.settings, self.database, self, self._tell, self.stages)  # type: ignore[arg-type]

    def value(self, name: str, **labels: str) -> float | None:
        """Return one figure as a scraper would see it."""
        registry = registry_of(self.stages, lambda: 3, lambda: EMPTY)
        return registry.get_sample_value(f"coldwatch_hub_{name}", labels)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Counted]:
    """An intake over real databases."""
    made = Counted(tmp_path)
    yield made
    made.history.close()


@pytest.mark.parametrize("figure", [*FIGURES, *AGENT], ids=lambda figure: figure.name)
def test_every_figure_is_explained_and_named_with_its_unit(figure: object) -> None:
    """docs/metrics.md has it; a counter ends in _total; its help says more than its name."""
    from config.figures import Figure

    assert isinstance(figure, Figure)
    assert f"| `{figure.name}`" in (HOUSE / "docs/metrics.md").read_text(encoding="utf-8")
    assert figure.name.startswith(("coldwatch_hub_", "coldwatch_agent_"))
    assert (figure.kind == "counter") == figure.name.endswith("_total")
    assert len(figure.help.split()) >= 5
    assert "device" not in figure.labels


def test_the_page_is_what_the_figures_give() -> None:
    """`make docs` was run after a figure was changed."""
    done = subprocess.run(
        [sys.executable, "tools/metrics.py", "--check"], cwd=HOUSE, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_registry_is_the_hubs_own_and_shows_nothing_else() -> None:
    """Every family is declared, or the process's; the library's global registry knows none of it."""
    registry = registry_of(Stages(), lambda: 0, lambda: EMPTY)
    declared = {figure.name.removesuffix("_total") for figure in FIGURES}

    names = {family.name for family in registry.collect()}

    assert declared <= names
    assert all(name.startswith(("process_", "python_")) for name in names - declared)
    assert not any(family.name.startswith("coldwatch") for family in REGISTRY.collect())


def test_what_is_taken_in_is_counted(bench: Counted) -> None:
    """Messages, bytes, batches, records, decisions, causes and answers, from one batch."""
    sender = warm(30)
    payload = sender.message()
    bench.take(payload, b"{", payload)
    bench.take(b"x", topic="coldwatch/1/west-gate/pi-1/records")

    assert bench.value("messages_total") == 4
    assert bench.value("received_bytes_total") == 2 * len(payload) + 2
    assert bench.value("batches_total") == 2
    assert bench.value("records_judged_total") == len(sender.bodies)
    assert bench.value("records_stored_total") == len(sender.bodies)
    decisions = bench.value("decisions_total")
    assert decisions is not None
    assert decisions >= 1
    assert bench.value("set_aside_total", cause="unreadable") == 1
    assert bench.value("set_aside_total", cause="address") == 1
    assert bench.value("received_published_total") == 3


def test_every_cause_has_its_name(bench: Counted) -> None:
    """Status, stream, record and history: each kind of refusal is counted as such."""
    sender, other, third = Sender(), Sender("c" * 32), Sender("d" * 32)
    for each in (sender, other, third):
        each.reading(0, 5_000)
    bench.take(b"{", topic=TOPIC.replace("records", "status"))
    bench.take(other.message().replace(other.hashes[0].hex().encode(), b"0" * 64))
    sender.reading(1, 5_000, quality="no such quality at all")
    bench.refuses = {1}
    bench.take(sender.message())

    assert set(bench.stages.aside) == {"status", "stream", "record", "history"}


def test_stages_add_up_to_the_time_of_the_batch(bench: Counted) -> None:
    """Each stage has its seconds, none is counted twice, and the append is in the histogram."""
    import time

    payload = warm(200).message()
    began = time.perf_counter()
    bench.take(payload)
    whole = time.perf_counter() - began

    seconds = bench.stages.seconds
    assert all(seconds[stage] > 0 for stage in seconds)
    assert sum(seconds.values()) <= whole
    assert sum(bench.stages.appends) == 1
    assert bench.value("history_append_seconds_count") == 1
    assert bench.value("history_append_seconds_bucket", le="+Inf") == 1
    assert bench.value("history_append_seconds_sum") == pytest.approx(seconds["history"])


@pytest.mark.parametrize(("spent", "bucket"), [(0.0, 0), (0.002, 0), (0.0021, 1), (99.0, -1)])
def test_an_append_falls_into_its_bucket(
    spent: float, bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket's bound belongs to it, as Prometheus reads `le`."""
    stages = Stages()
    monkeypatch.setattr(stages, "lap", lambda _stage: spent)

    stages.appended()

    assert stages.appends[bucket] == 1
    assert len(stages.appends) == len(APPEND_BUCKETS) + 1


def test_nothing_is_stored_while_the_history_is_down(bench: Counted) -> None:
    """A refused append is timed, and its records are no stored ones."""
    bench.broken = True
    bench.take(warm(5).message())

    assert bench.value("records_stored_total") == 0
    judged = bench.value("records_judged_total")
    assert judged is not None
    assert judged > 0
    assert sum(bench.stages.appends) == 1


def test_a_book_that_cannot_be_read_leaves_out_what_it_would_say() -> None:
    """Unknown is absent, and never 0."""
    unread = replace(EMPTY, trouble="hub.db: disk I/O error")
    registry = registry_of(Stages(), lambda: 0, lambda: unread)

    assert registry.get_sample_value("coldwatch_hub_streams_lag_records") is None
    assert registry.get_sample_value("coldwatch_hub_history_up") is None
    kind, text = page(registry)
    assert kind.startswith("text/plain; version=0.0.4")
    assert b"# HELP coldwatch_hub_streams_lag_records" in text


def test_a_batch_costs_a_few_readings_of_the_clock(
    bench: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readings of the clock a message and four a batch, however many records it has."""
    laps = 0
    lap = Stages.lap

    def counted(self: Stages, stage: object) -> float:
        nonlocal laps
        laps += 1
        return lap(self, stage)  # type: ignore[arg-type]

    monkeypatch.setattr(Stages, "lap", counted)
    sender = warm(400)
    bench.intake.take([Incoming(TOPIC, sender.message(), START + MINUTE)], START + MINUTE)

    assert laps <= 2 + 4
