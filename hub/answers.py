"""Answers that people send by SMS: whose they are, what they mean, what is said back.

An inbound SMS is taken in one transaction: its row in `inbound`, its entry, the acknowledgements
and the reply that is owed. Only then is the channel told that it may forget it. So a hub that is
killed anywhere in between takes it again, finds its row, and nothing happens twice.

Nothing that comes from outside may do harm. A number that is no person's gets no reply. A number
that tries code after code is not heeded for the rest of the hour: the alarm goes on being told,
which is the safe side. Floods are counted, in one entry an hour.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, func, select

from alerts.answers import Answer, read
from alerts.channels.contract import Answering, ChannelError, Inbound
from config.hub import HubSettings, Person
from config.phones import number
from hub.alarms import Alarm, acknowledge, by_code, explain
from hub.chains import Chains
from hub.inbound import inbound
from hub.tables import sms
from journal import journal
from journal.database import DatabaseError, write
from journal.database import read as snapshot

log = logging.getLogger(__name__)

HOUR_MS: Final = 3_600_000
# So many of one person in an hour have an entry each, and so many of all unknown numbers together;
# what changed something always has. The others are counted.
ENTRIES_AN_HOUR: Final = 10
# A person who mistypes gets a handful of tries; who tries more is guessing. 20 of 9,000 codes.
WRONG_AN_HOUR: Final = 20
# Replies that follow from nothing new: state, help, unknown code.
REPLIES_AN_HOUR: Final = 6
# A channel hands over again what it was not told to forget; it is not asked to after so long.
REMEMBERED_MS: Final = 30 * 24 * HOUR_MS
DEVICE_ENTRY: Final = "device.modem.received"

_MOST_TEXT: Final = 1_000
_MOST_NUMBER: Final = 40
UNKNOWN_NUMBERS: Final = "unknown numbers"

ReplyKind = Literal["acknowledged", "state", "unknown-code", "help"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said back to somebody.

    Attributes:
        kind: ``acknowledged``: of ``alarms``; ``state``: of the person's sites, where ``alarms``
            are open; ``unknown-code``: ``code`` answers nothing of theirs; ``help``.
        alarms: that it speaks of.
        code: that it speaks of.
    """

    kind: ReplyKind
    alarms: tuple[Alarm, ...] = ()
    code: str = ""


# (conn, person, reply, now) -> the text of the SMS
Words = Callable[[Connection, Person, Reply, int], str]


@dataclass(slots=True)
class _Taken:
    """What became of one message."""

    person: str
    phone: str
    text: str
    meaning: str
    alarms: list[str] = field(default_factory=list)
    changed: bool = False
    wrong: int = 0
    reply: tuple[Person, Reply] | None = None


class Answers:
    """Takes what people answer. Used by one thread only."""

    def __init__(self, settings: HubSettings, database: Engine, words: Words) -> None:
        """Know the people by their numbers."""
        self._database = database
        self._words = words
        self._chains = Chains(settings)
        self._by_number: dict[str, list[Person]] = {}
        for person in settings.people:
            self._by_number.setdefault(number(person.phone), []).append(person)
        self._deaf: set[int] = set()
        self._counted_until = 0

    def round(self, channels: Iterable[object], now: int) -> int:
        """Take what has come by these channels and by devices; return how many messages that were.

        Raises DatabaseError; what was not taken then comes again.
        """
        taken = 0
        for channel in channels:
            if isinstance(channel, Answering):
                taken += self._of_channel(channel, now)
        taken += self._of_devices(now)
        if now // HOUR_MS != self._counted_until:
            with write(self._database) as conn:
                count_floods(conn, now)
            self._counted_until = now // HOUR_MS
        return taken

    def _of_channel(self, channel: Answering, now: int) -> int:
        try:
            messages = channel.received()
            for message in messages:
                self.take(message, now)
                channel.taken(message.key)
        except ChannelError as error:
            # Sending fails then as well, and is told; here it is only said once.
            if id(channel) not in self._deaf:
                log.warning("answers cannot be fetched: %s", error.reason)
            self._deaf.add(id(channel))
            return 0
        self._deaf.discard(id(channel))
        return len(messages)

    def _of_devices(self, now: int) -> int:
        """Take what devices' own modems received; each of their entries once."""
        with snapshot(self._database) as conn:
            after = conn.execute(select(func.max(inbound.c.position))).scalar() or 0
            fresh = list(journal.entries(conn, types=DEVICE_ENTRY, after=after, limit=50))
        for entry in fresh:
            said = entry.body.get("body")
            said = said if isinstance(said, dict) else {}
            at = said.get("received_at")
            message = Inbound(
                # A device records it again where it could not tell whether it was kept.
                f"{entry.body.get('device')}:{said.get('key')}",
                str(said.get("sender", "")),
                str(said.get("text", "")),
                at if type(at) is int else entry.at,
            )
            site = entry.subject.partition("/")[0]
            self.take(message, now, site=site, position=entry.position)
        return len(fresh)

    def take(
        self, message: Inbound, now: int, *, site: str | None = None, position: int | None = None
    ) -> None:
        """Take one message, once; of one from a device, only the alarms of its own site are heeded."""
        try:
            with write(self._database) as conn:
                self._take(conn, message, now, site, position)
        except DatabaseError:
            raise
        except Exception:
            # A message that we cannot digest must not keep all others from being heard.
            log.exception("an answer could not be taken", extra={"event": "answer-failed"})
            with write(self._database) as conn:
                failed = _Taken("", _clean(message.sender, _MOST_NUMBER), "", "failed")
                failed.text = _clean(message.text, _MOST_TEXT)
                _note(conn, _digest(message, position), failed, now, position)

    def _take(
        self, conn: Connection, message: Inbound, now: int, site: str | None, position: int | None
    ) -> None:
        digest = _digest(message, position)
        mine = inbound.c.digest == digest
        if conn.execute(select(inbound.c.digest).where(mine)).first() is not None:
            if position is not None:
                conn.execute(inbound.update().where(mine).values(position=position))
            return
        phone = number(message.sender)
        people = self._by_number.get(phone, [])
        taken = _Taken(
            people[0].id if people else "",
            _clean(phone, _MOST_NUMBER),
            _clean(message.text, _MOST_TEXT),
            "unknown-number",
        )
        if people:
            self._heed(conn, people, taken, read(message.text), now, site)
        _note(conn, digest, taken, now, position)
        if taken.reply is not None:
            person, reply = taken.reply
            owe_reply(conn, person, self._words(conn, person, reply, now), now)

    def _heed(
        self,
        conn: Connection,
        people: Sequence[Person],
        taken: _Taken,
        answer: Answer,
        now: int,
        site: str | None,
    ) -> None:
        """Do what a person's answer asks for, and decide what is said back."""
        before = _last_hour(conn, taken.person, now)
        taken.meaning = answer.meaning
        reply: Reply | None = None
        who = people[0]
        if answer.meaning == "answer":
            if before.wrong >= WRONG_AN_HOUR:
                taken.meaning = "too-many-codes"
                return
            found: list[Alarm] = []
            for code in answer.codes:
                mine = [
                    (person, alarm)
                    for person in people
                    for alarm in self._by_code(conn, person.id, code, now, site)
                ]
                for person, alarm in mine:
                    who = person
                    found.append(_answered(conn, alarm, person.id, answer, now))
                    taken.changed = taken.changed or found[-1] != alarm
                taken.wrong += not mine
                if not mine and reply is None:
                    reply = Reply("unknown-code", code=code)
            taken.person = who.id
            taken.alarms = list(dict.fromkeys(alarm.id for alarm in found))
            if found:
                reply = Reply("acknowledged", tuple(found), answer.codes[0])
            else:
                taken.meaning = "unknown-code"
        elif answer.meaning == "state":
            reply = Reply("state")
        else:
            reply = Reply("help")
        if reply is not None and (taken.changed or before.replies < REPLIES_AN_HOUR):
            taken.reply = (who, reply)

    def _by_code(
        self, conn: Connection, person: str, code: str, now: int, site: str | None
    ) -> list[Alarm]:
        """Return what a code answers; by a device only alarms of its site, but untold ones as well.

        A device tells itself when it is cut off. What it told, and who answered, comes with its
        link, and is looked at before the hub tells anybody: whoever its site's chain means may
        have the code from the device.
        """
        if site is None:
            return by_code(conn, person, code, now)
        chained = site in self._chains and person in self._chains.everybody(site)
        found = by_code(conn, person, code, now, told_at=site if chained else "")
        return [alarm for alarm in found if alarm.site == site]


def _answered(conn: Connection, alarm: Alarm, person: str, answer: Answer, now: int) -> Alarm:
    """Acknowledge, and note the reason that the text names, with their words.

    What was done is said on the page or by command only: no reader of texts can tell "power is out"
    from "moved to fridge 2", and whoever has said what was done is left alone for a shift.
    """
    alarm = acknowledge(conn, alarm.id, person=person, way="sms", now=now)
    if not answer.reason or (answer.reason == "other" and not answer.words) or alarm.explained:
        return alarm  # half an explanation must not take the place of a whole one
    return explain(
        conn, alarm.id, person=person, reason=answer.reason, action="", text=answer.words,
        way="sms", now=now,
    )  # fmt: skip


def owe_reply(conn: Connection, person: Person, text: str, now: int) -> None:
    """Owe a person an SMS that the outbox hands over behind all that tell of alarms."""
    values = {
        # In their order, and behind every id that tells of an alarm: those begin with a digit.
        "id": f"r{journal.head(conn).position:012d}-{secrets.token_hex(8)}",
        "person": person.id,
        "phone": person.phone,
        "language": person.language,
        "text": text,
        "created_at": now,
        "state": "waiting",
        "reason": "",
    }
    conn.execute(sms.insert().values(values))


@dataclass(frozen=True, slots=True)
class _LastHour:
    """What one source sent in the last hour, and how often it was answered."""

    entries: int
    wrong: int
    replies: int


def _last_hour(conn: Connection, source: str, now: int) -> _LastHour:
    query = select(
        func.count().filter(inbound.c.entered),
        func.coalesce(func.sum(inbound.c.wrong), 0),
        func.count().filter(inbound.c.replied),
    ).where(inbound.c.source == source, inbound.c.at > now - HOUR_MS)
    row = conn.execute(query).one()
    return _LastHour(*row)


def _note(conn: Connection, digest: str, taken: _Taken, now: int, position: int | None) -> None:
    """Remember a message, and enter it unless its source has sent too many."""
    entered = taken.changed or _last_hour(conn, taken.person, now).entries < ENTRIES_AN_HOUR
    values = {
        "digest": digest,
        "source": taken.person,
        "phone": taken.phone,
        "at": now,
        "wrong": taken.wrong,
        "entered": entered,
        "replied": taken.reply is not None and not taken.changed,
        "position": position,
    }
    conn.execute(inbound.insert().values(values))
    if entered:
        body = {"person": taken.person, "text": taken.text, "meaning": taken.meaning}
        _enter(conn, taken.phone, body | {"alarms": taken.alarms}, now)


def count_floods(conn: Connection, now: int) -> None:
    """Enter, for each source and past hour, how many messages had no entry of their own.

    Rows that are old enough are forgotten with it.
    """
    hour = inbound.c.at // HOUR_MS
    query = (
        select(
            inbound.c.source,
            hour.label("hour"),
            func.count().label("count"),
            func.min(inbound.c.at).label("first"),
            func.max(inbound.c.at).label("last"),
            func.max(inbound.c.phone).label("phone"),
        )
        .where(inbound.c.entered.is_(False), inbound.c.at < now // HOUR_MS * HOUR_MS)
        .group_by(inbound.c.source, "hour")
        .order_by("hour", inbound.c.source)
    )
    for row in conn.execute(query).all():
        body: dict[str, Any] = {
            "person": row.source, "text": "", "meaning": "flood", "alarms": [],
            "count": row.count, "first": row.first, "last": row.last,
        }  # fmt: skip
        _enter(conn, row.phone if row.source else UNKNOWN_NUMBERS, body, now)
        begin = row.hour * HOUR_MS
        mine = (inbound.c.source == row.source) & (inbound.c.at >= begin)
        conn.execute(
            inbound.update().where(mine, inbound.c.at < begin + HOUR_MS).values(entered=True)
        )
    # The newest of the devices' entries stays: it says how far they were read.
    newest = select(func.max(inbound.c.position)).scalar_subquery()
    old = (inbound.c.at < now - REMEMBERED_MS) & inbound.c.entered
    conn.execute(
        inbound.delete().where(old, inbound.c.position.is_(None) | (inbound.c.position != newest))
    )


def _enter(conn: Connection, phone: str, body: dict[str, Any], now: int) -> None:
    actor = body["person"] or "hub"
    journal.append(
        conn, at=now, actor=actor, type="answer.received", subject=phone or "-", body=body
    )


def _digest(message: Inbound, position: int | None) -> str:
    """Return what a message is known by: a channel whose database was made anew counts from one again."""
    origin = "channel" if position is None else "device"
    parts = (origin, message.key, message.sender, message.text, str(message.at_ms))
    return sha256("\x00".join(parts).encode(errors="replace")).hexdigest()


def _clean(text: str, most: int) -> str:
    """Return a text that the journal takes: no lone surrogates, not too long."""
    return text[:most].encode(errors="replace").decode()
