"""The tables as they were when steps began; what an older coldwatch made is left as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "batches",
        sa.Column("id", sa.String(), nullable=False, comment="product/lot"),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("lot", sa.String(), nullable=False),
        sa.Column(
            "expiry", sa.String(length=10), nullable=False, comment="last day of use, ISO 8601"
        ),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_batches_lot", "batches", ["lot"], unique=False, if_not_exists=True)
    op.create_table(
        "certificates",
        sa.Column("n", _POSITION, nullable=False),
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(length=8), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("serial"),
        if_not_exists=True,
    )
    op.create_index(
        "certificates_by_device", "certificates", ["device"], unique=False, if_not_exists=True
    )
    op.create_table(
        "claims",
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("cause", sa.String(length=6), nullable=False),
        sa.Column("claim", sa.String(length=63), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device"),
        if_not_exists=True,
    )
    op.create_table(
        "device_settings",
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "version"),
        if_not_exists=True,
    )
    op.create_table(
        "devices",
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device"),
        if_not_exists=True,
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        if_not_exists=True,
    )
    op.create_table(
        "excursions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("thread", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("tells", sa.Boolean(), nullable=False),
        sa.Column("limit", _POSITION, nullable=True),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("start", _POSITION, nullable=False),
        sa.Column("opened", _POSITION, nullable=False),
        sa.Column("end", _POSITION, nullable=True),
        sa.Column("held_ms", _POSITION, nullable=False),
        sa.Column("unknown_ms", _POSITION, nullable=False),
        sa.Column("extreme", _POSITION, nullable=True),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("first_seq", _POSITION, nullable=False),
        sa.Column("learned_at", _POSITION, nullable=False),
        sa.Column("closed_learned_at", _POSITION, nullable=True),
        sa.Column("recovered_at", _POSITION, nullable=True),
        sa.Column("opened_entry", _POSITION, nullable=True),
        sa.Column("confirmed_entry", _POSITION, nullable=True),
        sa.Column("closed_entry", _POSITION, nullable=True),
        sa.Column("recovered_entry", _POSITION, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "excursions_by_asset", "excursions", ["asset", "start"], unique=False, if_not_exists=True
    )
    op.create_index(
        "excursions_by_start", "excursions", ["start"], unique=False, if_not_exists=True
    )
    op.create_index("excursions_open", "excursions", ["end"], unique=False, if_not_exists=True)
    op.create_table(
        "journal",
        sa.Column("position", _POSITION, autoincrement=False, nullable=False),
        sa.Column("at", _POSITION, nullable=False, comment="the hub's clock, UTC milliseconds"),
        sa.Column("actor", sa.String(), nullable=False, comment="a person's name, or the program"),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        if_not_exists=True,
    )
    op.create_index(
        "journal_by_subject", "journal", ["subject", "position"], unique=False, if_not_exists=True
    )
    op.create_index(
        "journal_by_type", "journal", ["type", "position"], unique=False, if_not_exists=True
    )
    op.create_table(
        "probe_certificates",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("due", sa.String(), nullable=False),
        sa.Column("calibration", sa.JSON(), nullable=False),
        sa.Column("since", _POSITION, nullable=False),
        sa.PrimaryKeyConstraint("site", "device", "series"),
        if_not_exists=True,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _POSITION, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        if_not_exists=True,
    )
    op.create_table(
        "sms",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=63), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("handed_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("sms_by_state", "sms", ["state"], unique=False, if_not_exists=True)
    op.create_table(
        "streams",
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("device", sa.String(length=63), nullable=False),
        sa.Column("judged_seq", sa.BigInteger(), nullable=False),
        sa.Column("judged_h", sa.LargeBinary(length=32), nullable=False),
        sa.Column("stored_seq", sa.BigInteger(), nullable=False),
        sa.Column("stored_h", sa.LargeBinary(length=32), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("watches", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
        if_not_exists=True,
    )
    op.create_table(
        "watches",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("decides", sa.Boolean(), nullable=False),
        sa.Column("storage_low", _POSITION, nullable=True),
        sa.Column("storage_high", _POSITION, nullable=True),
        sa.Column("interval_ms", _POSITION, nullable=False),
        sa.Column("max_gap_ms", _POSITION, nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("since", _POSITION, nullable=False),
        sa.PrimaryKeyConstraint("site", "device", "series"),
        if_not_exists=True,
    )
    op.create_index("watches_by_asset", "watches", ["asset"], unique=False, if_not_exists=True)
    op.create_table(
        "custody",
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("parcel", sa.String(), nullable=False),
        sa.Column("from_at", _POSITION, nullable=False),
        sa.Column("to_at", _POSITION, nullable=True, comment="null: it is there now"),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("doses", _POSITION, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("batch", "parcel", "from_at"),
        if_not_exists=True,
    )
    op.create_index(
        "custody_by_asset", "custody", ["asset", "from_at"], unique=False, if_not_exists=True
    )
    op.create_table(
        "holds",
        sa.Column("position", _POSITION, autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False, comment="excursion or unknown-time"),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column(
            "parcel", sa.String(), nullable=False, comment="of issued doses: the one they left"
        ),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("doses", _POSITION, nullable=False),
        sa.Column(
            "issued",
            sa.Boolean(),
            nullable=False,
            comment="the doses had left: nobody can hold them",
        ),
        sa.Column(
            "movement",
            _POSITION,
            nullable=True,
            comment="of issued doses: the entry that says who got them",
        ),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("exposed_asset", sa.String(), nullable=False),
        sa.Column("exposed_from", _POSITION, nullable=False),
        sa.Column("exposed_to", _POSITION, nullable=True),
        sa.Column("since", _POSITION, nullable=False),
        sa.Column("since_position", _POSITION, nullable=False),
        sa.Column("at", _POSITION, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("position"),
        if_not_exists=True,
    )
    op.create_index("holds_by_batch", "holds", ["batch", "cause"], unique=False, if_not_exists=True)
    op.create_table(
        "movements",
        sa.Column("position", _POSITION, autoincrement=False, nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("at", _POSITION, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("source_label", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("target_label", sa.String(), nullable=False),
        sa.Column("doses", _POSITION, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("position"),
        if_not_exists=True,
    )
    op.create_index(
        "movements_by_batch", "movements", ["batch", "at"], unique=False, if_not_exists=True
    )
    op.create_table(
        "notices",
        sa.Column("id", _POSITION, nullable=False),
        sa.Column("excursion", sa.String(length=16), nullable=False),
        sa.Column("happening", sa.String(length=12), nullable=False),
        sa.Column("person", sa.String(length=63), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("asset", sa.String(length=127), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sms", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["sms"],
            ["sms.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("notices_by_sms", "notices", ["sms"], unique=False, if_not_exists=True)
    op.create_index(
        "notices_once",
        "notices",
        ["excursion", "happening", "person"],
        unique=True,
        if_not_exists=True,
    )
