"""Settings of a probe's calibration: the certificate, and what it found."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from config.base import Section
from config.units import Thousandths, thousandths
from protocol.certificate import Certificate

# A probe that is off by more is broken, and a figure in a settings file a slip of the finger:
# GSP annex 3 allows 0.5 degC and 5 %RH.
MOST = {"temperature": 5_000, "humidity": 20_000}


class CorrectionPoint(Section):
    """One row of the certificate. Two of the three figures are enough, all three must agree.

    **The sign**: correction (修正值) = reference (标准值) - reading (示值), and what is recorded is
    reading + correction. Some certificates give the error of indication (示值误差 = 示值 - 标准值)
    instead, which has the other sign: write reference and reading then.
    """

    reference: Annotated[
        Thousandths | None, Field(description="what the standard showed (标准值)", examples=[5.0])
    ] = None
    reading: Annotated[
        Thousandths | None, Field(description="what the probe showed (示值)", examples=[5.12])
    ] = None
    correction: Annotated[
        Thousandths | None,
        Field(description="reference - reading (修正值), to be added to what the probe shows"),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _two_agree(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        if "error" in table or "deviation" in table:
            raise ValueError(
                "an error of indication (示值误差) has the other sign than a correction (修正值); "
                "write `reference` and `reading`"
            )
        known = {key: table.get(key) for key in ("reference", "reading", "correction")}
        given = {key: thousandths(value) for key, value in known.items() if value is not None}
        if len(given) < 2:
            raise ValueError(
                "a point needs two figures; write for example { reference = 5.0, reading = 5.12 }"
            )
        if len(given) == 3 and given["reference"] - given["reading"] != given["correction"]:
            raise ValueError(
                "`correction` is not `reference` - `reading`; look at the sign, or leave one of the "
                "three out"
            )
        return table

    @property
    def pair(self) -> tuple[int, int]:
        """Reading and correction, thousandths."""
        reference, reading, correction = self.reference, self.reading, self.correction
        if reading is None:
            assert reference is not None
            assert correction is not None
            return reference - correction, correction
        if correction is None:
            assert reference is not None
            return reading, reference - reading
        return reading, correction


class CalibrationSettings(Section):
    """The certificate of the probe at a point.

    Between two points the correction runs straight; below the lowest and above the highest reading
    it stays what it was there. The reading itself is kept beside the corrected value.
    """

    certificate: Annotated[
        str,
        Field(
            min_length=1,
            max_length=80,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="its number",
            examples=["CNAS-2026-T-0417"],
        ),
    ]
    date: Annotated[dt.date, Field(description="when it was calibrated", examples=["2026-03-02"])]
    due: Annotated[
        dt.date,
        Field(
            description="the last day on which it is valid; GSP annex 3 asks for one a year at least",
            examples=["2027-03-01"],
        ),
    ]
    points: Annotated[
        list[CorrectionPoint],
        Field(
            min_length=1,
            max_length=32,
            description="the rows of the certificate",
            examples=[
                [
                    {"reference": 2.0, "reading": 2.1},
                    {"reference": 5.0, "reading": 5.12},
                    {"reference": 8.0, "correction": -0.15},
                ]
            ],
        ),
    ]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.due <= self.date:
            raise ValueError("`due` is not after `date`; write the day on which it ends")
        pairs = self.pairs
        for (one, first), (other, second) in pairwise(pairs):
            if one == other:
                raise ValueError(f"the reading {one / 1000} stands in two points; leave one out")
            if one + first >= other + second:
                raise ValueError(
                    f"between the readings {one / 1000} and {other / 1000} the corrected value "
                    "would not rise; look at the signs"
                )
        return self

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Reading and correction of each point, thousandths, by rising reading."""
        return sorted(point.pair for point in self.points)

    def certificate_in_force(self) -> Certificate:
        """Return it as a settings record carries it."""
        return Certificate(self.certificate, self.date, self.due, tuple(self.pairs))


def too_much(settings: CalibrationSettings, quantity: str) -> str | None:
    """Return which correction cannot be meant, in one line; None where each can."""
    most = MOST.get(quantity)
    for reading, correction in settings.pairs:
        if most is not None and abs(correction) > most:
            return (
                f"a correction of {correction / 1000} at {reading / 1000} is more than "
                f"{most / 1000}; look at the figures, or replace the probe"
            )
    return None
