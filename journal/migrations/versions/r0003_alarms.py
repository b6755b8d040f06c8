"""Alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "alarm_turns",
        sa.Column("alarm", sa.String(length=16), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alarm"),
    )
    op.create_index("alarm_turns_due", "alarm_turns", ["next_at"], unique=False)
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("asset", sa.String(length=127), nullable=False),
        sa.Column("quantity", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=12), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("worsened_at", sa.BigInteger(), nullable=True),
        sa.Column("recovered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=16), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=63), nullable=False),
        sa.Column("answered_way", sa.String(length=7), nullable=False),
        sa.Column("explained_at", sa.BigInteger(), nullable=True),
        sa.Column("explained_by", sa.String(length=63), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alarms_by_asset", "alarms", ["asset", "opened_at"], unique=False)
    op.create_index("alarms_open", "alarms", ["recovered_at"], unique=False)
    op.create_table(
        "works",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("asset", sa.String(length=127), nullable=False),
        sa.Column("begin", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=63), nullable=False),
        sa.Column("way", sa.String(length=7), nullable=False),
        sa.Column(
            "planned_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("ended_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_by", sa.String(length=63), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("works_by_asset", "works", ["asset", "begin"], unique=False)
    op.create_table(
        "alarm_answers",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("alarm", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=63), nullable=False),
        sa.Column("way", sa.String(length=7), nullable=False),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"]),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("alarm_answers_by_alarm", "alarm_answers", ["alarm"], unique=False)
    op.create_table(
        "alarm_excursions",
        sa.Column("excursion", sa.String(length=16), nullable=False),
        sa.Column("alarm", sa.String(length=16), nullable=False),
        sa.Column("thread", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("gravity", sa.BigInteger(), nullable=False),
        sa.Column("worse", sa.Boolean(), nullable=False),
        sa.Column("certain_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("recovered_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"]),
        sa.PrimaryKeyConstraint("excursion"),
    )
    op.create_index("alarm_excursions_by_alarm", "alarm_excursions", ["alarm"], unique=False)
    op.create_index("alarm_excursions_by_thread", "alarm_excursions", ["thread"], unique=False)
    op.create_table(
        "sms_attempts",
        sa.Column("sms", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=63), nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("delivery", sa.String(length=9), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sms"], ["sms.id"]),
        sa.PrimaryKeyConstraint("sms", "channel", "round"),
    )
    op.add_column(
        "notices", sa.Column("alarm", sa.String(length=16), server_default="", nullable=False)
    )
    op.add_column(
        "notices", sa.Column("step", sa.String(length=63), server_default="", nullable=False)
    )
    op.add_column("notices", sa.Column("facts", sa.Text(), server_default="{}", nullable=False))
    op.add_column("notices", sa.Column("channels", sa.Text(), server_default="", nullable=False))
    op.drop_index(op.f("notices_once"), table_name="notices")
    op.create_index(
        "notices_once", "notices", ["excursion", "happening", "step", "person"], unique=True
    )
    op.create_index("notices_by_alarm", "notices", ["alarm"], unique=False)
    op.add_column("sms", sa.Column("channels", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "sms", sa.Column("first", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "sms", sa.Column("channel", sa.String(length=63), server_default="", nullable=False)
    )
    op.add_column(
        "sms", sa.Column("delivery", sa.String(length=9), server_default="", nullable=False)
    )
    op.add_column("sms", sa.Column("unreachable_at", sa.BigInteger(), nullable=True))
    op.add_column("sms", sa.Column("again_at", sa.BigInteger(), nullable=True))
    op.add_column("sms", sa.Column("params", sa.Text(), server_default="{}", nullable=False))
    op.create_index("sms_by_person", "sms", ["person", "created_at"], unique=False)
    op.create_index("sms_by_sent", "sms", ["sent_at"], unique=False)
    op.create_index("sms_attempts_by_state", "sms_attempts", ["state", "at"], unique=False)
    op.create_index(
        "sms_attempts_by_delivery", "sms_attempts", ["delivery", "channel"], unique=False
    )
