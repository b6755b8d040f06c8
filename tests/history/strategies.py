"""Series for property tests: short, crowded, with gaps, ties, rejected and suspect readings."""

from __future__ import annotations

from hypothesis import strategies as st

from protocol.reading import Reading
from tests.history.oracle import Series

START, END = 100, 160
LOW, HIGH = 2000, 8000
NAME = "fridge-1/center/temperature"

# Values at, just inside and just beyond the limits, and far from them.
values = st.sampled_from([-1000, 1999, 2000, 5000, 8000, 8001, 12_500])
qualities = st.sampled_from(["ok", "ok", "ok", "suspect:stuck", "rejected:crc"])


@st.composite
def readings(draw: st.DrawFn, name: str = NAME, most: int = 14) -> tuple[Reading, ...]:
    """Readings in order of time, from before START to behind END, some at one and the same time."""
    times = sorted(draw(st.lists(st.integers(START - 25, END + 25), max_size=most)))
    return tuple(
        Reading(
            seq,
            name,
            at,
            "b1",
            at,
            draw(st.none() | values) if quality.startswith("rejected") else draw(values),
            quality,
        )
        for seq, at in enumerate(times, start=1)
        for quality in [draw(qualities)]
    )


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Readings with a holding rule; the interval may even be longer than the largest gap."""
    return Series(
        draw(readings()),
        draw(st.integers(1, 12)),
        draw(st.integers(1, 30)),
        draw(st.none() | st.integers(START - 5, END + 5)),
    )


zones = st.sampled_from(
    [
        "Asia/Shanghai",
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",  # until 2018 its clocks jumped over midnight
        "Australia/Lord_Howe",  # half an hour of summer time
        "Pacific/Apia",  # it left out 30 December 2011
    ]
)
