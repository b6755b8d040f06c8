"""What a figure for Prometheus is: its name with its unit, its kind, and what it teaches.

The figures of agent and hub are lists of these; docs/metrics.md is made from the same lists, so
none is without its explanation. Nothing here needs prometheus_client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as it is exposed.

    Attributes:
        name: with prefix and unit; a counter's ends in ``_total``.
        kind: a ``gauge`` goes up and down, a ``counter`` only up until the process ends.
        help: what it counts, and what it means when it moves.
        labels: each with few values; never one for every device.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
