"""The hub's own tables: marks of the streams, devices, quarantine and the outbox of notices.

They stand in the same database as journal and ledger, so that one transaction covers an
excursion, the holds it brings and the notices that are owed for it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    false,
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

# What people are told of and answer (hub/alarms.py): a projection of the journal. It begins with
# the first telling excursion of one (asset, quantity, side) and goes on until all have recovered.
# Times are of the hub's clock; `happened_at` alone is of the excursion's own.
alarms: Final = Table(
    "alarms",
    metadata,
    # That of the excursion that began it.
    Column("id", String(16), primary_key=True),
    Column("site", String(63), nullable=False),
    Column("asset", String(127), nullable=False),
    Column("quantity", String(32), nullable=False),
    # Of its excursions; "calibration" and "misplaced" are sides of their own.
    Column("side", String(12), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("happened_at", BigInteger, nullable=False),
    Column("worsened_at", BigInteger),
    Column("recovered_at", BigInteger),
    # The excursion whose recovery ended it; empty where it ended unseen (its rule was taken away).
    Column("ended_by", String(16), nullable=False),
    # The first of the answers that hold now, or that held last.
    Column("answered_at", BigInteger),
    Column("answered_by", String(63), nullable=False),
    Column("answered_way", String(7), nullable=False),
    Column("explained_at", BigInteger),
    Column("explained_by", String(63), nullable=False),
    Column("reason", String(10), nullable=False),
    Column("action", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("alarms_open", "recovered_at"),
    Index("alarms_by_asset", "asset", "opened_at"),
)

# The excursions of each alarm, as far as telling and answering need them.
alarm_excursions: Final = Table(
    "alarm_excursions",
    metadata,
    Column("excursion", String(16), primary_key=True),
    Column("alarm", String(16), ForeignKey("alarms.id"), nullable=False),
    Column("thread", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    # Its thread was not in the alarm before: people are told of it.
    Column("fresh", Boolean, nullable=False),
    # How grave (hub/alarms.py), and whether that made the alarm worse.
    Column("gravity", BigInteger, nullable=False),
    Column("worse", Boolean, nullable=False),
    # When possible became certain.
    Column("certain_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("recovered_at", BigInteger),
    Index("alarm_excursions_by_alarm", "alarm"),
    Index("alarm_excursions_by_thread", "thread"),
)

# Every acknowledgement and explanation, by its entry in the journal.
alarm_answers: Final = Table(
    "alarm_answers",
    metadata,
    Column("entry", Position, primary_key=True, autoincrement=False),
    Column("alarm", String(16), ForeignKey("alarms.id"), nullable=False),
    # "acknowledged" or "explained" (with a reason and an action).
    Column("kind", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("person", String(63), nullable=False),
    Column("way", String(7), nullable=False),
    Index("alarm_answers_by_alarm", "alarm"),
)

# When the escalation of an alarm must be looked at again; 0: something has changed. Not of the
# journal: it follows from alarm and settings.
alarm_turns: Final = Table(
    "alarm_turns",
    metadata,
    Column("alarm", String(16), primary_key=True),
    Column("next_at", BigInteger, nullable=False),
    Index("alarm_turns_due", "next_at"),
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
    # The channels it may go by, in order, with commas between them; empty: all there are.
    Column("channels", Text, nullable=False, server_default=""),
    # It tells somebody of an alarm: it is never given up.
    Column("first", Boolean, nullable=False, server_default=false()),
    # The channel that sent it.
    Column("channel", String(63), nullable=False, server_default=""),
    # The channel's report of its delivery: "delivered", "failed", "missing" or, not known, ""; of a
    # monthly test also "answered", "unproven" or "none" (hub/way_tests.py).
    Column("delivery", String(9), nullable=False, server_default=""),
    # When somebody else was told that this person could not be reached by it.
    Column("unreachable_at", BigInteger),
    # When it is handed over once more, although every channel has refused it.
    Column("again_at", BigInteger),
    # The same in pieces, for gateways that only send approved templates: a JSON object.
    Column("params", Text, nullable=False, server_default="{}"),
    Index("sms_by_state", "state"),
    Index("sms_by_person", "person", "created_at"),
    Index("sms_by_sent", "sent_at"),
)

# Each handing over of an SMS to a channel, by round (alerts/channels/ways.py).
attempts: Final = Table(
    "sms_attempts",
    metadata,
    Column("sms", String(40), ForeignKey("sms.id"), primary_key=True),
    Column("channel", String(63), primary_key=True),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    # queued, sent, retry, refused (as the channel says) or failing: it was not taken.
    Column("state", String(8), nullable=False),
    Column("delivery", String(9), nullable=False),
    Column("reason", Text, nullable=False),
    Index("sms_attempts_by_state", "state", "at"),
    Index("sms_attempts_by_delivery", "delivery", "channel"),
)

# What is owed to whom, unique by excursion, happening, step and person, so that a restart neither
# loses nor doubles one. `happening`: opened, repeat, escalated, resumed, work-over, recovered,
# unreachable, answered; "covered" where an earlier SMS said it already. Where `alarm` is empty it
# speaks of no alarm ("all-well", "way-test", "unconfirmed", "channel-failing", "channel-poor" …):
# `excursion` is then an id of its own.
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
    Column("alarm", String(16), nullable=False, server_default=""),
    # Which step of the escalation, and which time of it; empty for an opening or a recovery.
    Column("step", String(63), nullable=False, server_default=""),
    # What the words need beyond the excursion, as a JSON object.
    Column("facts", Text, nullable=False, server_default="{}"),
    Column("channels", Text, nullable=False, server_default=""),
    Index("notices_once", "excursion", "happening", "step", "person", unique=True),
    Index("notices_by_sms", "sms"),
    Index("notices_by_alarm", "alarm"),
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
