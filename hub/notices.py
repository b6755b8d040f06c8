"""Notices: what is owed to whom, the SMS made of it, and what became of each.

A notice is owed in the transaction of the excursion's step. Composing makes one SMS of what one
person must learn about one asset and side, and binds the notices to it in one transaction. Handing
over is idempotent by the SMS's id, so being killed anywhere in between neither loses nor doubles.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, select

from alerts.channels.contract import Channel, ChannelError
from alerts.decisions import Happening
from config.hub import HubSettings, Person, Site
from hub.alarms import alarm_of, collect
from hub.tables import notices, sms
from journal import journal
from journal.database import insert_or_ignore, read, write
from journal.excursions import CALIBRATION, OF_HUB, ExcursionRow, excursions, get

log = logging.getLogger(__name__)

# `told` lists an excursion while it is open and for a day more, so that an agent that was away
# for a night still finds it.
TOLD_FOR_MS = 86_400_000


# (conn, person, opened, recovered, now) -> the text of the SMS
Wording = Callable[[Connection, Person, list[ExcursionRow], list[ExcursionRow], int], str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a round of the outbox did; `told` are the devices whose people have been told of them."""

    composed: int = 0
    sent: int = 0
    refused: int = 0
    waiting: int = 0
    told: frozenset[str] = frozenset()


def owe(conn: Connection, site: Site, happening: Happening, row: ExcursionRow, now: int) -> None:
    """Note who must be told of this step; nothing where nobody must, or was told already."""
    if not row.tells:
        return
    collect(conn, row, happening)
    if happening == "opened":
        if row.thread != row.id and _was_owed(conn, row.thread):
            return  # it goes on: people know, and have not been told that it is over
        _insert(conn, row, happening, site.tell, now)
    elif happening != "recovered" or row.kind == "cumulative":
        return  # a window's sum that falls is no news: the fridge has been inside for hours
    elif not _others_unrecovered(conn, row):
        _insert(conn, row, happening, _told_people(conn, row), now)


def _insert(
    conn: Connection, row: ExcursionRow, happening: str, people: Iterable[str], now: int
) -> None:
    alarm = alarm_of(conn, row.id)
    for person in people:
        values = {
            "excursion": row.id,
            "alarm": alarm.id if alarm is not None else "",
            "happening": happening,
            "person": person,
            "site": row.site,
            "asset": row.asset,
            # What one message may speak of together: a probe that is silent is another matter than
            # its certificate.
            "side": CALIBRATION if row.kind == CALIBRATION else row.side,
            "created_at": now,
        }
        insert_or_ignore(conn, notices, values)


def _was_owed(conn: Connection, thread: str) -> bool:
    query = select(notices.c.id).where(
        notices.c.excursion == thread, notices.c.happening == "opened"
    )
    return conn.execute(query.limit(1)).first() is not None


def _told_people(conn: Connection, row: ExcursionRow) -> list[str]:
    mine = (notices.c.excursion == row.thread) & (notices.c.happening == "opened")
    query = select(notices.c.person).where(mine).order_by(notices.c.id)
    return list(conn.execute(query).scalars())


def _others_unrecovered(conn: Connection, row: ExcursionRow) -> bool:
    """Whether another rule still sees trouble on this side of this series: then it is not over."""
    query = select(excursions.c.id).where(
        excursions.c.series == row.series,
        excursions.c.site == row.site,
        excursions.c.side == row.side,
        # A falling sum is no news, and an overdue certificate is no trouble with readings.
        excursions.c.kind.not_in(("cumulative", CALIBRATION)),
        excursions.c.tells.is_(True),
        excursions.c.thread != row.thread,
        excursions.c.recovered_at.is_(None),
    )
    return conn.execute(query.limit(1)).first() is not None


class Outbox:
    """Makes SMS of notices and sees them through. Used by one thread only."""

    def __init__(
        self, settings: HubSettings, database: Engine, channel: Channel, wording: Wording
    ) -> None:
        self._settings = settings
        self._people: dict[str, Person] = {person.id: person for person in settings.people}
        self._database = database
        self._channel = channel
        self._wording = wording
        self._failing = self._failing_since_before()

    @property
    def failing(self) -> str:
        """Why the channel fails; empty where it works."""
        return self._failing

    def round(self, now: int) -> Progress:
        """Compose, hand over and ask what became of what was handed over."""
        self._told: set[str] = set()
        composed = self._compose(now)
        working = self._hand_over(now)
        sent, refused, waiting = self._follow(now, working=working)
        return Progress(composed, sent, refused, waiting, frozenset(self._told))

    # --- composing ---

    def _compose(self, now: int) -> int:
        pending = select(notices.c.id).where(notices.c.sms.is_(None)).limit(1)
        with read(self._database) as conn:
            if conn.execute(pending).first() is None:
                return 0
        composed = 0
        with write(self._database) as conn:
            rows = conn.execute(
                select(notices).where(notices.c.sms.is_(None)).order_by(notices.c.id)
            ).all()
            groups: dict[tuple[str, str, str], list[Row[Any]]] = {}
            for row in rows:
                groups.setdefault((row.person, row.asset, row.side), []).append(row)
            for (person, _asset, _side), group in groups.items():
                composed += self._compose_one(conn, person, group, now)
        return composed

    def _compose_one(
        self, conn: Connection, person_id: str, group: list[Row[Any]], now: int
    ) -> int:
        person = self._people.get(person_id)
        ids = [row.id for row in group]
        if person is None:
            # Taken out of the settings since: somebody must see that nobody was told.
            log.warning(
                "%s is no longer in [[people]]; %d notices were not sent", person_id, len(ids),
                extra={"event": "nobody-to-tell", "person": person_id},
            )  # fmt: skip
            text, state, phone, language = "", "refused", "", "en"
        else:
            opened = [self._row(conn, row) for row in group if row.happening == "opened"]
            recovered = [self._row(conn, row) for row in group if row.happening == "recovered"]
            text = self._wording(conn, person, opened, recovered, now)
            state, phone, language = "waiting", person.phone, person.language
        # In the order of what is owed, and never used again, not even by a hub begun anew.
        identity = f"{ids[0]:012d}-{secrets.token_hex(8)}"
        values = {
            "id": identity,
            "person": person_id,
            "phone": phone,
            "language": language,
            "text": text,
            "created_at": now,
            "state": state,
            "reason": "" if person is not None else "no longer in the settings",
        }
        conn.execute(sms.insert().values(values))
        conn.execute(notices.update().where(notices.c.id.in_(ids)).values(sms=identity))
        return 1

    @staticmethod
    def _row(conn: Connection, notice: Row[Any]) -> ExcursionRow:
        row = get(conn, notice.excursion)
        assert row is not None
        return row

    # --- handing over ---

    def _hand_over(self, now: int) -> bool:
        """Give the channel what waits, oldest first; return whether it takes anything."""
        with read(self._database) as conn:
            waiting = conn.execute(
                select(sms).where(sms.c.state == "waiting").order_by(sms.c.id)
            ).all()
        for row in waiting:
            try:
                self._channel.submit(row.id, row.phone, row.text)
            except ChannelError as error:
                # The channel is out of order, not the message: it waits, and so do the others.
                self._channel_fails(error.reason, now)
                return False
            with write(self._database) as conn:
                values = {"state": "handed", "handed_at": now}
                conn.execute(sms.update().where(sms.c.id == row.id).values(values))
        return True

    def _follow(self, now: int, *, working: bool) -> tuple[int, int, int]:
        """Ask what became of what was handed over; return how many are sent, refused, waiting."""
        with read(self._database) as conn:
            handed = conn.execute(
                select(sms.c.id, sms.c.handed_at).where(sms.c.state == "handed")
            ).all()
        sent = refused = 0
        oldest = now
        for row in handed:
            try:
                outcome = self._channel.outcome(row.id)
            except ChannelError as error:
                self._channel_fails(error.reason, now)
                return sent, refused, len(handed) - sent - refused
            if outcome is not None and outcome.state == "sent":
                self._settle(row.id, "sent", now, "")
                sent += 1
            elif outcome is not None and outcome.state == "refused":
                self._settle(row.id, "refused", now, outcome.reason)
                refused += 1
            elif outcome is None:
                # The channel has forgotten it (its database was made anew): hand it over again.
                self._settle(row.id, "waiting", now, "")
            else:
                oldest = min(oldest, row.handed_at)
        waiting = len(handed) - sent - refused
        if now - oldest >= self._settings.sms.queued_too_long:
            self._channel_fails(f"{waiting} messages queued for more than a minute", now)
        elif self._failing and working and not waiting:
            log.warning("the SMS channel works again", extra={"event": "channel-working"})
            self._enter(now, "channel.working", {"before": self._failing})
            self._failing = ""
        return sent, refused, waiting

    def _settle(self, identity: str, state: str, now: int, reason: str) -> None:
        """Write what became of an SMS; a refused one is an entry that people find."""
        with write(self._database) as conn:
            values: dict[str, Any] = {"state": state, "reason": reason}
            if state == "sent":
                values["sent_at"] = now
                self._told |= _devices_of(conn, identity)
            elif state == "refused":
                fields = {"event": "sms-refused", "sms": identity, "reason": reason}
                log.warning("an SMS was refused: %s", reason, extra=fields)
                journal.append(
                    conn, at=now, actor="hub", type="sms.refused", subject=identity,
                    body={"reason": reason},
                )  # fmt: skip
            conn.execute(sms.update().where(sms.c.id == identity).values(values))

    def _channel_fails(self, reason: str, now: int) -> None:
        if not self._failing:
            fields = {"event": "channel-failing", "reason": reason}
            log.warning("the SMS channel fails: %s", reason, extra=fields)
            self._enter(now, "channel.failing", {"reason": reason})
        self._failing = reason

    def _failing_since_before(self) -> str:
        """Return why the channel was failing when the hub ended; empty when it was not."""
        with read(self._database) as conn:
            newest = next(journal.entries(conn, types="channel.", newest_first=True, limit=1), None)
        failing = newest is not None and newest.type == "channel.failing"
        return str(newest.body["reason"]) if newest is not None and failing else ""

    def _enter(self, now: int, type_: str, body: dict[str, Any]) -> None:
        with write(self._database) as conn:
            journal.append(conn, at=now, actor="hub", type=type_, subject="sms", body=body)


def _devices_of(conn: Connection, identity: str) -> set[str]:
    """Return the devices whose excursions an SMS speaks of."""
    query = (
        select(excursions.c.device)
        .join(notices, notices.c.excursion == excursions.c.id)
        .where(notices.c.sms == identity)
    )
    return set(conn.execute(query).scalars())


def told(conn: Connection, device: str, now: int) -> list[str]:
    """Return the excursions of a device of which a channel reported a message as sent."""
    query = (
        select(excursions.c.id)
        .join(
            notices, and_(notices.c.excursion == excursions.c.id, notices.c.happening == "opened")
        )
        .join(sms, sms.c.id == notices.c.sms)
        .where(
            excursions.c.device == device,
            excursions.c.kind.not_in(OF_HUB),
            sms.c.state == "sent",
            excursions.c.end.is_(None) | (excursions.c.end > now - TOLD_FOR_MS),
        )
        .distinct()
        .order_by(excursions.c.id)
    )
    return list(conn.execute(query).scalars())


def told_message(conn: Connection, device: str, now: int) -> bytes:
    """Return the payload of `told`."""
    return json.dumps({"v": 1, "at": now, "excursions": told(conn, device, now)}).encode()
