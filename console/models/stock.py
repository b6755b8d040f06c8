"""Batches, their verdicts and journeys."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from console.models.base import AssetKey, Model, Name, Shares, Statistics, Time
from console.models.excursion import Excursion

Verdict = Literal["usable", "ask", "hold"]


class Reason(Model):
    """Why, as a code for programs and a sentence for people."""

    code: str
    text: Name


class Parcel(Model):
    """Doses of one batch that stand in one place, and whether they may be used."""

    parcel: str
    asset: AssetKey
    asset_name: Name
    label: str
    since: Time
    doses: int
    held: bool
    verdict: Verdict
    why: list[Reason]
    shares: Shares


class BatchStock(Model):
    """A batch that has doses somewhere."""

    batch: Annotated[str, Field(description="product/lot")]
    product: str
    lot: str
    expiry: date
    doses: int
    held: int
    verdict: Verdict
    parcels: list[Parcel]


class Stock(Model):
    """Batches, first to expire first."""

    batches: list[BatchStock]


class Stay(Model):
    """A parcel's stay in one place and what the place did meanwhile."""

    parcel: str
    asset: AssetKey
    asset_name: Name
    label: str
    start: Time
    end: Time | None
    doses: Annotated[int, Field(description="the most there were")]
    shares: Shares


class HoldEntry(Model):
    """A hold as it was entered."""

    at: Time
    code: Literal["excursion", "unknown-time"]
    cause: str
    asset: AssetKey
    asset_name: Name
    doses: int
    exposed_asset: AssetKey
    exposed_from: Time
    exposed_to: Time | None
    issued: Annotated[bool, Field(description="the doses had left already")]
    recipient: str


class BatchJourney(Model):
    """Everything that is known of a batch."""

    batch: str
    product: str
    lot: str
    expiry: date
    received: int
    in_stock: int
    issued: int
    held: int
    verdict: Verdict
    why: list[Reason]
    exposure: Statistics
    stays: list[Stay]
    parcels: list[Parcel]
    excursions: list[Excursion]
    holds: list[HoldEntry]
