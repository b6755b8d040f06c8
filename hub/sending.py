"""Seeing an SMS through: by which channel, what became of it, and whose channel fails.

`alerts.channels.ways` decides; here its attempts are kept, the channels are asked, and what they
say is written down. An SMS that a channel has refused is an entry; one that every channel has
refused, or that was not delivered, has somebody else told (hub/escalating.py). A first alarm goes
on being tried until its alarm is over. Used by one thread only.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from alerts.channels.contract import Answering, Channel, ChannelError
from alerts.channels.ways import Attempt, Move, decide, round_key
from hub.chains import Chains
from hub.channel_states import ChannelStates
from hub.escalating import (
    NO_REPORT,
    NO_WAY_OUT,
    NOT_DELIVERED,
    REFUSED,
    TELLING,
    nobody_reached,
)
from hub.tables import alarms, attempts, notices, sms
from hub.way_tests import (
    ANSWERS_FOR_MS,
    UNPROVEN,
    ended,
    gives_reports,
    is_test,
    no_report_came,
)
from journal import journal
from journal.database import read, write
from journal.excursions import excursions

log = logging.getLogger(__name__)

# A delivery report that has not come by then will not come before somebody has to know.
DELIVERED_WITHIN_MS: Final = 15 * 60_000
# Delivery reports are not awaited by the quarter of a second.
REPORTS_EVERY_MS: Final = 5_000
# A telephone that was off gets a test later; only whoever looks wants to know of it.
LATE_REPORTS_EVERY_MS: Final = 10 * 60_000
# A message that nobody could be told by is of no use a day later.
TRIED_FOR_MS: Final = 86_400_000


@dataclass(slots=True)
class Sent:
    """What a round did; `devices` are those whose excursions have been told by it."""

    sent: int = 0
    refused: int = 0
    waiting: int = 0
    owed: int = 0
    devices: set[str] = field(default_factory=set)


class Sending:
    """Hands over what was composed, and follows it."""

    def __init__(
        self,
        database: Engine,
        channels: Mapping[str, Channel],
        chains: Chains,
        patience_ms: int,
    ) -> None:
        self._database = database
        self._channels = dict(channels)
        self._chains = chains
        self._patience_ms = patience_ms
        self.names = list(self._channels)
        self.states = ChannelStates(database, list(channels), chains)
        self._reports_at: int | None = None
        self._late_at: int | None = None
        self._round = Sent()
        # Kept until a round has returned, or heeded, them: the database may go away in its midst.
        self._told, self._worked = set[str](), set[str]()

    def round(self, now: int) -> Sent:
        """See everything a step further that is under way."""
        self._round = Sent()
        self._down: set[str] = set()
        lying: dict[str, int] = {}
        for row, known in self._under_way(now):
            tried = self._ask(row, known, now)
            for one in tried:
                if one.state == "queued" and now - one.at_ms >= self._patience_ms:
                    lying[one.channel] = lying.get(one.channel, 0) + 1
            if row.state in ("waiting", "handed") or self._again(row, now):
                self._move(row, tried, now)
        self._reports(now)
        self._round.owed += self.states.round(self._down, self._worked, lying, now)
        self._worked = set()
        self._round.devices, self._told = self._told, set()
        return self._round

    # --- what is under way ---

    def _under_way(self, now: int) -> list[tuple[Row[Any], list[Attempt]]]:
        """Return each open SMS with its attempts, oldest first, and those that still lie somewhere."""
        lies = select(attempts.c.sms).where(
            attempts.c.state.in_(("queued", "retry")), attempts.c.at > now - TRIED_FOR_MS
        )
        again = (sms.c.state == "refused") & (sms.c.again_at <= now)
        with read(self._database) as conn:
            rows = conn.execute(
                select(sms)
                .where(sms.c.state.in_(("waiting", "handed")) | again | sms.c.id.in_(lies))
                .order_by(sms.c.id)
            ).all()
            tried: dict[str, list[Attempt]] = {row.id: [] for row in rows}
            if rows:
                of = select(attempts).join(sms, sms.c.id == attempts.c.sms)
                those = sms.c.state.in_(("waiting", "handed", "refused")) | sms.c.id.in_(lies)
                for row in conn.execute(of.where(those)):
                    if row.sms in tried:
                        tried[row.sms].append(_attempt(row))
        return [(row, tried[row.id]) for row in rows]

    def _again(self, row: Row[Any], now: int) -> bool:
        """Whether a refused first alarm is tried anew: not behind its own recovery."""
        if row.state != "refused" or row.again_at is None or row.again_at > now:
            return False
        with write(self._database) as conn:
            needed = self._still_needed(conn, row, now)
            if not needed:
                conn.execute(sms.update().where(sms.c.id == row.id).values(again_at=None))
        return needed

    def _ask(self, row: Row[Any], tried: list[Attempt], now: int) -> list[Attempt]:
        """Ask what became of what lies in a channel; return the attempts as they are now."""
        known = []
        for one in tried:
            if one.state in ("queued", "retry") and one.channel in self._channels:
                answer = self._answer(row, one, now)
                if answer is None:
                    continue
                known.append(answer)
            else:
                known.append(one)
        return known

    def _answer(self, row: Row[Any], one: Attempt, now: int) -> Attempt | None:
        """Return an attempt as its channel knows it; None where it has forgotten the message."""
        if one.channel in self._down:
            return one
        try:
            outcome = self._channels[one.channel].outcome(round_key(row.id, one.round))
        except ChannelError as error:
            self._fails(one.channel, error.reason)
            return one
        if outcome is None:
            # Its database was made anew: it is handed over again, under the same key.
            with write(self._database) as conn:
                conn.execute(attempts.delete().where(*_is(row.id, one)))
            return None
        fresh = Attempt(
            one.channel, one.round, one.at_ms, outcome.state, outcome.delivery, outcome.reason
        )
        if fresh != one:
            with write(self._database) as conn:
                values = {
                    "state": fresh.state, "delivery": fresh.delivery, "reason": fresh.reason,
                }  # fmt: skip
                conn.execute(attempts.update().where(*_is(row.id, one)).values(values))
                if fresh.state == "sent":
                    self._worked.add(one.channel)
                    self._sent(conn, row, fresh, now)
        return fresh

    # --- one step ---

    def _move(self, row: Row[Any], tried: list[Attempt], now: int) -> None:
        """Take the steps that are possible now for one SMS."""
        order = [name for name in row.channels.split(",") if name in self._channels]
        order = order or list(self._channels)
        while True:
            move = decide(
                tried, order, now, self._patience_ms,
                never_give_up=bool(row.first), since_ms=row.created_at,
            )  # fmt: skip
            if move.action == "done":
                return
            alone = len(order) == 1
            if move.action != "hand-over" or (alone and move.channel in self._down):
                self._settle(row, tried, move, now)
                return
            place = (move.channel, move.round)
            tried = [one for one in tried if (one.channel, one.round) != place]
            handed = self._hand_over(row, move, now, alone=alone)
            answer = self._answer(row, handed, now) if handed.state == "queued" else handed
            if answer is None or (alone and answer.state == "failing"):
                # Where there is no other channel this one is tried with each round.
                self._round.waiting += 1
                return
            tried.append(answer)

    def _hand_over(self, row: Row[Any], move: Move, now: int, *, alone: bool) -> Attempt:
        """Give a channel the SMS; the attempt says whether it was taken."""
        one = self._try(row, move, now)
        if one.state == "failing" and alone:
            return one
        with write(self._database) as conn:
            conn.execute(attempts.delete().where(*_is(row.id, one)))
            values = {
                "sms": row.id, "channel": one.channel, "round": one.round, "at": now,
                "state": one.state, "delivery": "", "reason": one.reason,
            }  # fmt: skip
            conn.execute(attempts.insert().values(values))
            if one.state == "queued" and row.state != "sent":
                first = row.handed_at if row.handed_at is not None else now
                changed: dict[str, Any] = {"state": "handed", "handed_at": first, "again_at": None}
                conn.execute(sms.update().where(sms.c.id == row.id).values(changed))
        return one

    def _try(self, row: Row[Any], move: Move, now: int) -> Attempt:
        name = move.channel
        if name in self._down:
            # One that has just failed another is not asked again in the same round.
            return Attempt(name, move.round, now, "failing", "", self.states.reason(name))
        try:
            key = round_key(row.id, move.round)
            self._channels[name].submit(key, row.phone, row.text, json.loads(row.params))
        except ChannelError as error:
            self._fails(name, error.reason)
            return Attempt(name, move.round, now, "failing", "", error.reason)
        self._worked.add(name)
        return Attempt(name, move.round, now, "queued")

    def _settle(self, row: Row[Any], tried: list[Attempt], move: Move, now: int) -> None:
        """Write down that an SMS waits, or that nobody sends it."""
        said_no = move.unreachable or move.action == "give-up"
        if not said_no or any(one.state in ("queued", "retry") for one in tried):
            self._round.waiting += 1
            return
        reason = _worst(tried) or move.reason
        with write(self._database) as conn:
            again = move.until_ms if row.first and self._still_needed(conn, row, now) else None
            values = {"state": "refused", "reason": reason, "again_at": again}
            conn.execute(sms.update().where(sms.c.id == row.id).values(values))
            if row.unreachable_at is None:
                self._round.refused += 1
                fields = {"event": "sms-refused", "sms": row.id, "reason": reason}
                log.warning("an SMS was refused: %s", reason, extra=fields)
                journal.append(
                    conn, at=now, actor="hub", type="sms.refused", subject=row.id,
                    body={"reason": reason},
                )  # fmt: skip
                why = _why(tried)
                # Several may have said no: the last one speaks, as in `reason`.
                by = tried[-1].channel if tried else ""
                ended(conn, row, "failed" if why == NOT_DELIVERED else "refused", now, by)
                self._round.owed += nobody_reached(conn, self._chains, row, why, now)

    def _still_needed(self, conn: Connection, row: Row[Any], now: int) -> bool:
        """Whether an alarm that this SMS tells of is open."""
        if now - row.created_at >= TRIED_FOR_MS:
            return False
        query = (
            select(alarms.c.id)
            .join(notices, notices.c.alarm == alarms.c.id)
            .where(notices.c.sms == row.id, alarms.c.recovered_at.is_(None))
        )
        return conn.execute(query.limit(1)).first() is not None

    def _sent(self, conn: Connection, row: Row[Any], one: Attempt, now: int) -> None:
        """Write down that the network has taken an SMS; later ones of the same change nothing."""
        if row.state == "sent":
            return
        values = {
            "state": "sent", "sent_at": now, "channel": one.channel, "reason": "",
            "delivery": one.delivery, "again_at": None,
        }  # fmt: skip
        done = conn.execute(
            sms.update().where(sms.c.id == row.id, sms.c.state != "sent").values(values)
        )
        if done.rowcount:
            self._round.sent += 1
            self._told |= devices_of(conn, row.id)
            if one.delivery == "delivered":
                ended(conn, row, "delivered", now, one.channel)

    def _fails(self, channel: str, reason: str) -> None:
        self._down.add(channel)
        self.states.says(channel, reason)

    # --- delivery reports ---

    def _reports(self, now: int) -> None:
        """Ask for the reports of what was sent, and heed those that say no or do not come."""
        if self._reports_at is not None and 0 <= now - self._reports_at < REPORTS_EVERY_MS:
            return
        self._reports_at = now
        # A little longer than they are waited for: a hub that was away asks once more.
        since = now - 2 * DELIVERED_WITHIN_MS
        # A test must end in one way or another, also where the hub was away when a report was due;
        # one of earlier than people may answer it is no news any more (`standing` names it).
        lately, young = sms.c.sent_at > now - ANSWERS_FOR_MS, sms.c.sent_at > since
        unknown = sms.c.delivery == ""
        if self._late_at is None or not 0 <= now - self._late_at < LATE_REPORTS_EVERY_MS:
            self._late_at = now
            unknown |= sms.c.delivery == UNPROVEN
        with read(self._database) as conn:
            waiting = conn.execute(
                select(sms, attempts.c.round, is_test().label("test"))
                .join(
                    attempts,
                    (attempts.c.sms == sms.c.id)
                    & (attempts.c.channel == sms.c.channel)
                    & (attempts.c.state == "sent"),
                )
                .where(sms.c.state == "sent", unknown, lately, young | is_test())
                .order_by(sms.c.id)
            ).all()
            reports = attempts.c.delivery.in_(("delivered", "failed"))
            reporting = set(
                conn.execute(select(attempts.c.channel).where(reports).distinct()).scalars()
            )
        for row in waiting:
            if row.channel not in self._channels:
                self._never_asked(row, now)
            elif row.channel not in self._down:
                self._report(row, reporting, now)

    def _report(self, row: Row[Any], reporting: set[str], now: int) -> None:
        try:
            outcome = self._channels[row.channel].outcome(round_key(row.id, row.round))
        except ChannelError:
            return
        delivery: str = outcome.delivery if outcome is not None else ""
        # Only of a channel that has them can a report be missing; and gammu-smsd does not find the
        # report of a number that was written without its country, for networks write it with it.
        reports = row.channel in reporting and row.phone.startswith("+")
        late = now - row.sent_at >= DELIVERED_WITHIN_MS
        if row.delivery == UNPROVEN and not delivery:
            return
        if not delivery and late and row.test:
            self._unconfirmed(row, reporting, now)
            return
        if not delivery and not (late and reports):
            return
        with write(self._database) as conn:
            mine = (
                attempts.c.sms == row.id,
                attempts.c.channel == row.channel,
                attempts.c.round == row.round,
            )
            conn.execute(attempts.update().where(*mine).values(delivery=delivery))
            found = delivery or "missing"
            conn.execute(sms.update().where(sms.c.id == row.id).values(delivery=found))
            ended(conn, row, found, now)
            if found != "delivered" and row.unreachable_at is None:
                reason = NOT_DELIVERED if found == "failed" else NO_REPORT
                journal.append(
                    conn, at=now, actor="hub", type="sms.undelivered", subject=row.id,
                    body={"person": row.person, "reason": reason},
                )  # fmt: skip
                # What is learned of a test so late is told by day (`WayTests`).
                if not (late and row.test):
                    self._round.owed += nobody_reached(conn, self._chains, row, reason, now)
        if delivery == "failed" and not (late and row.test):
            self._by_another(row, now)

    def _by_another(self, row: Row[Any], now: int) -> None:
        """Hand an SMS that was not delivered to the next channel as well."""
        with read(self._database) as conn:
            mine = select(attempts).where(attempts.c.sms == row.id)
            tried = [_attempt(each) for each in conn.execute(mine)]
        order = [name for name in row.channels.split(",") if name in self._channels]
        move = decide(
            tried, order or list(self._channels), now, self._patience_ms, never_give_up=False
        )
        if move.action == "hand-over" and move.channel not in self._down:
            self._hand_over(row, move, now, alone=False)

    def _unconfirmed(self, row: Row[Any], reporting: set[str], now: int) -> None:
        """End a test of which no report came; it waits for the day, whatever the channel is known for."""
        channel = self._channels[row.channel]
        due = row.phone.startswith("+") and (row.channel in reporting or gives_reports(channel))
        with write(self._database) as conn:
            answers = isinstance(channel, Answering)
            no_report_came(conn, row, due=due, answers=answers, now=now)

    def _never_asked(self, row: Row[Any], now: int) -> None:
        """End a test whose channel has left the settings: nobody can be asked for its report."""
        if row.test and not row.delivery and now - row.sent_at >= DELIVERED_WITHIN_MS:
            with write(self._database) as conn:
                no_report_came(conn, row, due=True, answers=False, now=now)


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(row.channel, row.round, row.at, row.state, row.delivery, row.reason)


def _is(identity: str, one: Attempt) -> tuple[Any, ...]:
    return (
        attempts.c.sms == identity,
        attempts.c.channel == one.channel,
        attempts.c.round == one.round,
    )


def _why(tried: list[Attempt]) -> str:
    """Return why a person was not reached by an SMS that nobody sends any more."""
    if any(one.state == "refused" for one in tried):
        return REFUSED
    return NOT_DELIVERED if any(one.delivery == "failed" for one in tried) else NO_WAY_OUT


def _worst(tried: list[Attempt]) -> str:
    """Return why the last channel that was asked said no."""
    said = [one.reason for one in tried if one.state == "refused" and one.reason]
    return said[-1] if said else ""


def devices_of(conn: Connection, identity: str) -> set[str]:
    """Return the devices whose excursions an SMS speaks of."""
    query = (
        select(excursions.c.device)
        .join(notices, notices.c.excursion == excursions.c.id)
        .where(notices.c.sms == identity, notices.c.happening.in_(TELLING))
    )
    return set(conn.execute(query).scalars())
