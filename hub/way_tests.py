"""What became of the monthly test: delivered, answered, or not confirmed, and then who hears of it.

The SMS of a test says in `sms.delivery` how it ended: what its channel reports, or else a word of
ours. Nobody is woken for it: what is not confirmed is told by day (alerts/by_day.py), once, and of
all people whose test is not confirmed in one SMS, when none of the test is under way any more. Of a
channel that never gives reports nobody hears each month; `standing` says it, to whoever looks.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, exists, select

from alerts.by_day import is_day
from alerts.channels.contract import Answering, Channel, Reporting
from config.phones import number
from hub.chains import Chains
from hub.chores import WAY_TEST
from hub.escalating import NOT_DELIVERED, nobody_reached
from hub.inbound import inbound
from hub.owing import owe
from hub.tables import notices, sms
from journal import journal
from journal.database import read, write

log = logging.getLogger(__name__)

UNCONFIRMED: Final = "unconfirmed"
# Ends of a test SMS that no channel reports, as they stand in `sms.delivery` (nine letters at most):
# no report came that was due; its channel gives none; the person has written back.
UNPROVEN: Final = "unproven"
NO_REPORTS: Final = "none"
ANSWERED: Final = "answered"

EVERY_MS: Final = 10_000
# A weekend: so long an answer counts, and what waits for the day may wait.
ANSWERS_FOR_MS: Final = 3 * 86_400_000
# A test that is still under way after that keeps the others from being told no longer.
_UNDER_WAY_MS: Final = 2 * 3_600_000
# What is not known of a test by then is as good as not confirmed, whatever it waits for.
_KNOWN_WITHIN_MS: Final = 86_400_000
# A month and what a hub that was away needs to do it later.
_NEWEST_MS: Final = 40 * 86_400_000


def is_test() -> Any:
    """Return the condition that an SMS is one of a monthly test."""
    return exists().where(notices.c.sms == sms.c.id, notices.c.happening == WAY_TEST)


def ended(conn: Connection, row: Row[Any], result: str, now: int, channel: str = "") -> None:
    """Enter what became of an SMS, if it is one of a test: who, which number, channel and test.

    ``channel`` is left out where the row has it: one that was sent before.
    """
    found = _test(conn, row)
    if found is None:
        return
    body = {
        "sms": row.id, "channel": channel or row.channel, "result": result, "phone": row.phone,
        "test": found.step,
    }  # fmt: skip
    journal.append(conn, at=now, actor="hub", type="way.tested", subject=row.person, body=body)


def _test(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """Return the notice by which an SMS is one of a test; None where it is none."""
    mine = (notices.c.sms == row.id) & (notices.c.happening == WAY_TEST)
    return conn.execute(select(notices).where(mine).order_by(notices.c.id)).first()


def no_report_came(conn: Connection, row: Row[Any], *, due: bool, answers: bool, now: int) -> str:
    """End a test SMS of which no report came in time; return how, as `sms.delivery` has it.

    Args:
        conn: the caller's write transaction.
        row: of the table `sms`.
        due: whether its channel gives reports.
        answers: whether people can answer by it.
        now: the hub's clock.
    """
    word = NO_REPORTS
    if answers and _has_written(conn, row):
        word = ANSWERED
    elif due:
        word = UNPROVEN
        fields = {"event": "test-unconfirmed", "person": row.person, "channel": row.channel}
        log.warning("the test to %s is not confirmed", row.person, extra=fields)
    conn.execute(sms.update().where(sms.c.id == row.id).values(delivery=word))
    if word != NO_REPORTS:
        ended(conn, row, UNCONFIRMED if word == UNPROVEN else word, now)
    return word


def _has_written(conn: Connection, row: Row[Any]) -> bool:
    """Whether the hub has an SMS from the tested number, of after the test: so both ways are open.

    What a device's own modem has received shows nothing of the hub's.
    """
    mine = select(inbound.c.digest).where(
        inbound.c.phone == number(row.phone),
        inbound.c.at >= row.sent_at,
        inbound.c.position.is_(None),
    )
    return conn.execute(mine.limit(1)).first() is not None


class WayTests:
    """Hears answers to a test, and tells of what is not confirmed. Used by one thread only."""

    def __init__(self, database: Engine, chains: Chains, channels: Mapping[str, Channel]) -> None:
        self._database = database
        self._chains = chains
        self._answering = [name for name, one in channels.items() if isinstance(one, Answering)]
        self._several = len(channels) > 1
        self._looked_at: int | None = None

    def round(self, now: int) -> int:
        """Look what has ended, by the clock; return how many notices that made."""
        if self._looked_at is not None and 0 <= now - self._looked_at < EVERY_MS:
            return 0
        self._looked_at = now
        lost = (sms.c.delivery == "failed") & sms.c.unreachable_at.is_(None)
        query = select(sms).where(
            (sms.c.delivery == UNPROVEN) | lost, sms.c.sent_at > now - ANSWERS_FOR_MS, is_test()
        )
        with read(self._database) as conn:
            rows = conn.execute(query.order_by(sms.c.id)).all()
            failed = [row for row in rows if row.delivery == "failed"]
            rows = [row for row in rows if row not in failed]
            written = [
                row for row in rows if row.channel in self._answering and _has_written(conn, row)
            ]
            open_ = [row for row in rows if row not in written and not _is_told(conn, row)]
            if open_ and _under_way(conn, now):
                open_ = []
            # Until the morning nothing is to be written: this is looked at every few seconds.
            failed = [row for row in failed if self._test_to_tell(conn, row, now)]
            asked = [(row, self._test_to_tell(conn, row, now)) for row in open_]
            unheard = [(row, test) for row, test in asked if test is not None]
        if not written and not unheard and not failed:
            return 0
        with write(self._database) as conn:
            for row in written:
                conn.execute(sms.update().where(sms.c.id == row.id).values(delivery=ANSWERED))
                ended(conn, row, ANSWERED, now)
            made = sum(
                nobody_reached(conn, self._chains, row, NOT_DELIVERED, now) for row in failed
            )
            return made + self._tell(conn, unheard, now)

    def _test_to_tell(self, conn: Connection, row: Row[Any], now: int) -> Row[Any] | None:
        """Return the test's notice, where its site is in the settings and it is day there."""
        test = _test(conn, row)
        if test is None or test.site not in self._chains:
            return None
        return test if is_day(now, self._chains.zone(test.site)) else None

    def _tell(self, conn: Connection, unheard: list[tuple[Row[Any], Row[Any]]], now: int) -> int:
        """Owe those who are responsible a word of it: of each SMS, and the notice of its test."""
        missing = {row.person for row, _ in unheard}
        for row, test in unheard:
            person = self._responsible(conn, test.site, missing, now)
            about = {"missed": row.person, "channel": row.channel if self._several else ""}
            owe(
                conn, test.excursion, UNCONFIRMED, person, now,
                step=row.id, site=test.site, facts=about,
            )  # fmt: skip
        return len(unheard)

    def _responsible(self, conn: Connection, site: str, missing: Collection[str], now: int) -> str:
        """Return who hears of a site's tests: of its first step, and best whom the test has reached.

        Where all are missing it is the first of them: no report is no proof that nothing arrives.
        """
        lost = select(sms.c.person).where(sms.c.unreachable_at > now - ANSWERS_FOR_MS)
        gone = set(conn.execute(lost).scalars())
        reached = select(sms.c.person).where(
            sms.c.delivery.in_(("delivered", ANSWERED)), sms.c.sent_at > now - ANSWERS_FOR_MS
        )
        known = set(conn.execute(reached).scalars())
        first = self._chains.people(site, (0,), now)
        people = list(dict.fromkeys([*first, *self._chains.everybody(site)]))

        def rank(person: str) -> tuple[bool, bool, bool, bool]:
            return person in gone, person in missing, person not in first, person not in known

        return min(people, key=rank, default="")


def _is_told(conn: Connection, row: Row[Any]) -> bool:
    told = (notices.c.happening == UNCONFIRMED) & (notices.c.step == row.id)
    return conn.execute(select(notices.c.id).where(told).limit(1)).first() is not None


def _under_way(conn: Connection, now: int) -> bool:
    """Whether of any test SMS nobody knows yet how it ends."""
    tests = select(notices.c.id).outerjoin(sms, sms.c.id == notices.c.sms).where(
        notices.c.happening == WAY_TEST, notices.c.created_at > now - _UNDER_WAY_MS
    )  # fmt: skip
    unknown = sms.c.state.in_(("waiting", "handed")) | (
        (sms.c.state == "sent") & (sms.c.delivery == "")
    )
    return conn.execute(tests.where(sms.c.id.is_(None) | unknown).limit(1)).first() is not None


def gives_reports(channel: object) -> bool:
    """Whether a channel, by its nature, has a report of each message."""
    return isinstance(channel, Reporting) and channel.gives_reports()


@dataclass(frozen=True, slots=True)
class Standing:
    """How the newest test stands, of each person and of each channel that has one of its own.

    Attributes:
        at: when the newest of its SMS was written, UTC milliseconds; None where there is none.
        count: how many SMS it is.
        confirmed: how many were delivered or answered.
        blind: how many went by a channel that gives no reports.
        waiting: of how many nobody knows yet, for a day at most.
        unheard: ids of the people whose test did not arrive, or is not confirmed, and of how many
            channels' own tests that is so as ``person (channel)``.
    """

    at: int | None = None
    count: int = 0
    confirmed: int = 0
    blind: int = 0
    waiting: int = 0
    unheard: list[str] = field(default_factory=list)


def standing(conn: Connection, people: Collection[str], now: int) -> Standing:
    """Return how the newest test stands, for those who are in the settings."""
    query = (
        select(sms, notices.c.step)
        .join(notices, notices.c.sms == sms.c.id)
        .where(notices.c.happening == WAY_TEST, sms.c.created_at > now - _NEWEST_MS)
        .order_by(sms.c.created_at, sms.c.id)
    )
    newest: dict[tuple[str, str], Row[Any]] = {}
    for row in conn.execute(query):
        if row.person in people:
            newest[row.person, row.step.partition(" ")[2]] = row
    waiting = blind = confirmed = 0
    unheard: list[str] = []
    for (person, channel), row in newest.items():
        unknown = row.state in ("waiting", "handed") or (row.state == "sent" and not row.delivery)
        # An earlier version ended no test, and a hub that was away may never end one.
        if unknown and now - row.created_at < _KNOWN_WITHIN_MS:
            waiting += 1
        elif row.delivery == NO_REPORTS:
            blind += 1
        elif row.delivery in ("delivered", ANSWERED):
            confirmed += 1
        else:
            unheard.append(f"{person} ({channel})" if channel else person)
    at = max((row.created_at for row in newest.values()), default=None)
    return Standing(at, len(newest), confirmed, blind, waiting, unheard)
