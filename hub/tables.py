"""The hub's own tables: marks of the streams, devices, quarantine and the outbox of notices.

They stand in the same database as journal and ledger, so that one transaction covers an
excursion, the holds it brings and the notices that are owed for it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
)

from journal.database import Position, append_only, metadata

# How far each stream has been judged and stored, and the engine's state as of `judged_seq`.
streams: Final = Table(
    "streams",
    metadata,
    Column("stream", String(32), primary_key=True),
    Column("site", String(63), nullable=False),
    Column("device", String(63), nullable=False),
    Column("judged_seq", BigInteger, nullable=False),
    Column("judged_h", LargeBinary(32), nullable=False),
    Column("stored_seq", BigInteger, nullable=False),
    Column("stored_h", LargeBinary(32), nullable=False),
    # `at` of the newest record judged; UTC milliseconds.
    Column("newest_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("watches", Text, nullable=False),
    Column("engine", Text, nullable=False),
)

devices: Final = Table(
    "devices",
    metadata,
    Column("device", String(63), primary_key=True),
    Column("site", String(63), nullable=False),
    # The hub's clock when anything last came.
    Column("heard_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False, default="{}"),
)

# Which devices speak for a site that is not theirs, or use another's stream: the newest time.
claims: Final = Table(
    "claims",
    metadata,
    Column("device", String(63), primary_key=True),
    # "site" or "stream", and which site, or whose stream.
    Column("cause", String(6), nullable=False),
    Column("claim", String(63), nullable=False),
    # The hub's clock.
    Column("last_at", BigInteger, nullable=False),
)

# What could not be taken in, with its bytes and the reason; the same bytes again only count.
quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", Position, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("stream", String(32)),
    Column("seq", BigInteger),
    Column("reason", Text, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

# One SMS to one person. It may carry several notices.
sms: Final = Table(
    "sms",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("person", String(63), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("language", String(2), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # waiting, handed (the channel has it), sent, refused
    Column("state", String(10), nullable=False),
    Column("handed_at", BigInteger),
    Column("sent_at", BigInteger),
    Column("reason", Text, nullable=False, default=""),
    Index("sms_by_state", "state"),
)

# What is owed to whom, unique by excursion, step and person, so that a restart neither loses nor
# doubles one. `happening` is the step: opened or recovered.
notices: Final = Table(
    "notices",
    metadata,
    Column("id", Position, primary_key=True),
    Column("excursion", String(16), nullable=False),
    Column("happening", String(12), nullable=False),
    Column("person", String(63), nullable=False),
    Column("site", String(63), nullable=False),
    Column("asset", String(127), nullable=False),
    Column("side", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("sms", String(40), ForeignKey("sms.id")),
    Index("notices_once", "excursion", "happening", "person", unique=True),
    Index("notices_by_sms", "sms"),
)

# Every certificate that the hub's CA gave a device. Its name, "device:n", is the broker's user
# name: each has rights of its own, and they end with it (hub/enrol/broker.py).
certificates: Final = Table(
    "certificates",
    metadata,
    Column("n", Position, primary_key=True),
    Column("device", String(63), nullable=False),
    # X.509 serial number, hexadecimal.
    Column("serial", String(40), nullable=False, unique=True),
    Column("issued_at", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    # "revoked" by a person, "replaced" by a later one.
    Column("cause", String(8)),
    Index("certificates_by_device", "device"),
)

# One-time codes: of the secret its SHA-256 alone.
enrolment_codes: Final = Table(
    "enrolment_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("site", String(63), nullable=False),
    Column("device", String(63), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

# Settings that people had handed out to a device, every version; the newest one counts.
device_settings: Final = append_only(
    Table(
        "device_settings",
        metadata,
        Column("device", String(63), primary_key=True),
        Column("version", BigInteger, primary_key=True),
        Column("text", Text, nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("at", BigInteger, nullable=False),
    )
)
