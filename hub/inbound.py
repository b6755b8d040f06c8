"""The table of inbound SMS: what was taken already, and how much each source has sent."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from journal.database import metadata

# One row an SMS that came in. The text stands in the journal; here is what keeps it from being
# taken twice, and what bounds a flood.
inbound: Final = Table(
    "inbound",
    metadata,
    Column("digest", String(64), primary_key=True),
    # id of the person whose number it is; empty: nobody's, all of which are bounded together.
    Column("source", String(63), nullable=False),
    Column("phone", String(40), nullable=False),
    # The hub's clock, UTC milliseconds.
    Column("at", BigInteger, nullable=False),
    # How many codes in it answered nothing.
    Column("wrong", Integer, nullable=False),
    # Whether the journal has it, alone or counted with others.
    Column("entered", Boolean, nullable=False),
    # Whether it got a reply that followed from nothing new.
    Column("replied", Boolean, nullable=False),
    # Of the device's entry in the journal, where its own modem received it.
    Column("position", BigInteger),
    Index("inbound_by_source", "source", "at"),
    Index("inbound_by_position", "position"),
)
