"""Notices: what is owed to whom, the SMS made of it, and what became of each.

    excursion -> alarm -> escalation -> notices -> SMS -> channels -> `told`

An alarm is collected in the transaction of the excursion's step (`owe`). What the escalation says
is due becomes notices; composing makes one SMS of what one person must learn now and binds the
notices to it, each in one transaction. Handing over is idempotent by the SMS's id. So being killed
anywhere in between neither loses nor doubles.

The first message to a person goes at once. What follows within 30 s is joined: a township without
mains is two messages and not forty. Behind a word of who answers no alarm waits.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, and_, exists, func, select

from alerts.by_day import is_day, waits
from alerts.channels.contract import Channel
from alerts.decisions import Happening
from config.hub import OLD_CHANNEL, HubSettings, Person, Site
from hub.alarms import collect
from hub.chains import Chains
from hub.channel_watch import ChannelWatch
from hub.chores import ALL_WELL, Chores
from hub.escalating import TELLING, begin_anew, escalate
from hub.poor_ways import CHANNEL_POOR, PoorWays
from hub.said import Matter, Words, matter_of, params_of, told_before
from hub.sending import Sending, devices_of
from hub.tables import alarm_excursions, alarm_turns, notices, sms
from hub.way_tests import UNCONFIRMED, WayTests
from journal import work
from journal.database import read, write
from journal.excursions import CALIBRATION, OF_HUB, ExcursionRow, excursions
from journal.work import works

log = logging.getLogger(__name__)

# `told` lists an excursion while it is open and for a day more, so that an agent that was away
# for a night still finds it.
TOLD_FOR_MS: Final = 86_400_000
# What comes so soon behind a message to the same person is joined to one more.
JOINED_MS: Final = 30_000
HOUR_MS: Final = 3_600_000

# The one channel of a hub that has no others.
ONLY: Final = OLD_CHANNEL


@dataclass(frozen=True, slots=True)
class Progress:
    """What a round of the outbox did.

    Attributes:
        composed: SMS that were worded.
        sent: that the network took.
        refused: that every channel refused.
        waiting: that are under way.
        owed: people who have something waiting to be worded, and notices that have just come up.
        told: devices whose `told` may have changed by it.
    """

    composed: int = 0
    sent: int = 0
    refused: int = 0
    waiting: int = 0
    owed: int = 0
    told: frozenset[str] = frozenset()

    @property
    def busy(self) -> bool:
        """Whether it is worth looking again soon."""
        return bool(self.composed or self.waiting or self.owed)


def owe(conn: Connection, site: Site, happening: Happening, row: ExcursionRow, now: int) -> None:  # noqa: ARG001 - what is owed to whom, and when, the alarm's turn decides
    """Take a step of an excursion into its alarm, in the transaction of its entry.

    The next round of the outbox makes of it what people are owed.
    """
    if row.tells:
        collect(conn, row, happening)


def owe_text(conn: Connection, person: Person, text: str, now: int, *, channels: str = "") -> str:
    """Owe a person an SMS of these words, such as a reply, and return its id; nothing joins it."""
    newest = conn.execute(select(func.max(notices.c.id))).scalar() or 0
    identity = _identity(newest)
    _insert_sms(conn, identity, person, text, now, channels=channels)
    return identity


def _identity(first: int) -> str:
    # In the order of what is owed, and never used again, not even by a hub begun anew.
    return f"{first:012d}-{secrets.token_hex(8)}"


def _insert_sms(
    conn: Connection,
    identity: str,
    person: Person | str,
    text: str,
    now: int,
    *,
    channels: str = "",
    first: bool = False,
    params: Mapping[str, str] | None = None,
) -> None:
    known = person if isinstance(person, Person) else None
    values = {
        "id": identity,
        "person": known.id if known is not None else person,
        "phone": known.phone if known is not None else "",
        "language": known.language if known is not None else "en",
        "text": text,
        "created_at": now,
        "state": "waiting" if known is not None else "refused",
        "reason": "" if known is not None else "no longer in the settings",
        "channels": channels,
        "first": first,
        "params": json.dumps(dict(params or {}), ensure_ascii=False),
    }
    conn.execute(sms.insert().values(values))


class Outbox:
    """Makes SMS of notices and sees them through. Used by one thread only."""

    def __init__(
        self,
        settings: HubSettings,
        database: Engine,
        channels: Channel | Mapping[str, Channel],
        words: Words,
        watch: ChannelWatch | None = None,
    ) -> None:
        """Look at everything that is open: the settings may have changed.

        ``channels`` in the order in which they are tried, by their ids; or the only one. ``watch``
        is asked how they are; whoever makes one has it go round.
        """
        self._settings = settings
        self._people: dict[str, Person] = {person.id: person for person in settings.people}
        self._most_an_hour = settings.most_sms_an_hour
        self._database = database
        self._words = words
        self._chains = Chains(settings)
        by_name = channels if isinstance(channels, Mapping) else {ONLY: channels}
        self._sending = Sending(database, by_name, self._chains, settings.sms.queued_too_long)
        # How much work of each site is planned, and how much of it was ended.
        self._works: dict[str, tuple[int, int]] = {}
        self._devices = {site.id: site.devices for site in settings.sites}
        # Devices whose `told` has changed by the escalation, until a round has returned them.
        self._covered: set[str] = set()
        self._chores = Chores(settings, database, self._chains, by_name)
        self._tests = WayTests(database, self._chains, by_name)
        self._zone = self._chains.zone(settings.sites[0].id)
        self._watch = watch if watch is not None else ChannelWatch({})
        self._sending.states.watch = self._watch
        self._poor = PoorWays(database, self._watch, list(by_name), self._chains, self._zone)
        with write(database) as conn:
            begin_anew(conn)

    @property
    def failing(self) -> str:
        """Why no channel works; empty where any does."""
        failing = self._sending.states.failing
        return _spelt(failing) if len(failing) == len(self._sending.names) else ""

    @property
    def trouble(self) -> str:
        """Which channels fail, and why; empty where all work."""
        return _spelt(self._sending.states.failing)

    def round(self, now: int) -> Progress:
        """Escalate, compose, hand over and ask what became of what was handed over."""
        self._chores.round(now)
        self._tests.round(now)
        self._poor.round(now)
        self._escalate(now)
        composed, joining = self._compose(now)
        done = self._sending.round(now)
        covered, self._covered = self._covered, set()
        return Progress(
            composed,
            done.sent,
            done.refused,
            done.waiting,
            joining + done.owed,
            frozenset(done.devices | covered),
        )

    # --- what is due ---

    def _escalate(self, now: int) -> None:
        """Make what is due of the alarms, and note the devices whose `told` has changed by it."""
        due = select(alarm_turns.c.alarm).where(alarm_turns.c.next_at <= now).limit(1)
        # Work is planned, and called off, by others: by how much of it there is we see that.
        planned = select(works.c.site, func.count(), func.count(works.c.ended_at))
        with read(self._database) as conn:
            counted = {
                site: (all_, ended)
                for site, all_, ended in conn.execute(planned.group_by(works.c.site))
            }
            known = self._works == counted
            if known and conn.execute(due).first() is None:
                return
        covered: set[str] = set()
        with write(self._database) as conn:
            if not known:
                begin_anew(conn)
            done = escalate(conn, self._chains, now)
            for each in done.covered:
                covered |= devices_of(conn, each)
        # An agent with a modem of its own must know of the work as well.
        for site in counted.keys() | self._works.keys():
            if counted.get(site) != self._works.get(site):
                covered.update(self._devices.get(site, ()))
        self._covered |= covered
        self._works = counted

    # --- composing ---

    def _compose(self, now: int) -> tuple[int, int]:
        """Make SMS of notices; return how many, and how many people's notices wait to be joined."""
        pending = select(notices).where(notices.c.sms.is_(None)).order_by(notices.c.id)
        with read(self._database) as conn:
            if all(self._waits(row, now) for row in conn.execute(pending)):
                return 0, 0
        composed = joining = 0
        with write(self._database) as conn:
            rows = conn.execute(pending).all()
            by_person: dict[str, list[Row[Any]]] = {}
            for row in rows:
                if self._waits(row, now):
                    continue
                by_person.setdefault(row.person, []).append(row)
            for person, group in by_person.items():
                when = self._compose_for(conn, person, group, now)
                composed += when == "made"
                joining += when == "soon"
        return composed, joining

    def _waits(self, row: Row[Any], now: int) -> bool:
        """Whether a notice is not worded yet, whatever there is room for.

        "All well" waits until the ways out were looked at twice: a hub that has just begun does not
        know how they are. What waits for the day does so also where it could not leave by day.
        """
        if row.happening == ALL_WELL:
            return not self._watch.looked
        if row.happening not in (CHANNEL_POOR, UNCONFIRMED):
            return False
        zone = self._chains.zone(row.site) if row.site in self._chains else self._zone
        return not is_day(now, zone)

    def _compose_for(
        self, conn: Connection, person_id: str, rows: list[Row[Any]], now: int
    ) -> Literal["made", "soon", "later"]:
        """Make one SMS to a person if it is time for it; return whether it was, or will be soon."""
        person = self._people.get(person_id)
        if person is None:
            self._to_nobody(conn, person_id, rows, now)
            return "made"
        mine = sms.c.person == person_id
        # A reply to the person's own SMS keeps no alarm waiting, nor does who answers another one.
        carries = exists().where(notices.c.sms == sms.c.id)
        if any(row.happening in TELLING for row in rows):
            carries = carries.where(notices.c.happening != "answered")
        newest = select(sms.c.created_at).where(mine, carries).order_by(sms.c.created_at.desc())
        last = conn.execute(newest.limit(1)).scalar()
        if last is not None and 0 <= now - last < JOINED_MS:
            return "soon"
        known = told_before(conn, person_id)
        first = any(row.happening in TELLING and row.alarm not in known for row in rows)
        in_the_hour = select(func.count()).where(mine, sms.c.created_at > now - HOUR_MS)
        most = self._most_an_hour
        # That stock is on hold now, or that it is worse than it was, is as new as a first word.
        if (
            not first
            and not _is_worse(conn, rows)
            and conn.execute(in_the_hour).scalar_one() >= most
        ):
            return "later"
        groups = [(group, matter_of(conn, group, known)) for group in _groups(rows)]
        firsts = [each for each in groups if each[1].first]
        fresh = last is None or now - last >= 2 * JOINED_MS
        chosen = [min(firsts, key=_gravity)] if firsts and fresh else _alike(groups)
        matters = [self._with_ways(matter, now) for _, matter in chosen]
        bound = [row for group, _ in chosen for row in group]
        text = self._words(conn, person, matters, now)
        identity = _identity(bound[0].id)
        _insert_sms(
            conn, identity, person, text, now,
            channels=next((row.channels for row in bound if row.channels), ""),
            first=any(matter.opened and matter.happening != "answered" for matter in matters),
            params=params_of(self._settings, person, matters, text),
        )  # fmt: skip
        self._bind(conn, bound, identity)
        return "made"

    def _with_ways(self, matter: Matter, now: int) -> Matter:
        """Add to "all well" which ways out are not, as of now: all is not well without them."""
        if matter.happening != ALL_WELL:
            return matter
        states = self._sending.states
        wrong = self._poor.wrong(states.failing, states.failed_lately(now))
        return replace(matter, facts={**matter.facts, "ways": wrong}) if wrong else matter

    def _to_nobody(
        self, conn: Connection, person_id: str, rows: Sequence[Row[Any]], now: int
    ) -> None:
        """End notices to somebody who is in the settings no more: somebody must see that."""
        log.warning(
            "%s is no longer in [[people]]; %d notices were not sent",
            person_id or "nobody is on duty, and", len(rows),
            extra={"event": "nobody-to-tell", "person": person_id},
        )  # fmt: skip
        identity = _identity(rows[0].id)
        _insert_sms(conn, identity, person_id, "", now)
        self._bind(conn, rows, identity)

    @staticmethod
    def _bind(conn: Connection, rows: Sequence[Row[Any]], identity: str) -> None:
        ids = [row.id for row in rows]
        for begin in range(0, len(ids), 500):
            some = notices.c.id.in_(ids[begin : begin + 500])
            conn.execute(notices.update().where(some).values(sms=identity))


def _spelt(failing: Mapping[str, str]) -> str:
    """Return which channels fail, and why, in one line."""
    if list(failing) == [ONLY]:
        return failing[ONLY]
    return "; ".join(f"{name}: {reason}" for name, reason in failing.items())


def _is_worse(conn: Connection, rows: Sequence[Row[Any]]) -> bool:
    """Whether a notice tells of a further rule that holds stock, or makes its alarm worse."""
    # Of an alarm that is known, what holds stock is worse by that.
    worse = select(alarm_excursions.c.excursion).where(alarm_excursions.c.worse)
    further = [
        row.excursion for row in rows if row.happening in TELLING and row.excursion != row.alarm
    ]
    return any(
        conn.execute(worse.where(alarm_excursions.c.excursion.in_(some)).limit(1)).first()
        for some in (further[begin : begin + 500] for begin in range(0, len(further), 500))
    )


def _groups(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Return the notices of each alarm, and each one that has none."""
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(row.alarm or f"{row.id}", []).append(row)
    return list(groups.values())


_Group = tuple[list[Row[Any]], Matter]


def _alike(groups: Sequence[_Group]) -> list[_Group]:
    """Return what one SMS may speak of: all alarms, or certificates, or all of one happening."""
    alarms = [each for each in groups if each[1].alarm is not None]
    urgent = [each for each in alarms if each[0][0].side != CALIBRATION]
    if alarms:
        return urgent or alarms
    first = groups[0][0][0]
    # A test of one channel goes by no other.
    return [
        each
        for each in groups
        if (each[0][0].happening, each[0][0].channels) == (first.happening, first.channels)
    ]


def _gravity(group: _Group) -> tuple[bool, bool, bool, int]:
    """Order first messages: what holds stock, is certain, is oldest; what waited for the day last."""
    rows, matter = group
    holds = any(row.holds for row in matter.opened)
    certain = any(row.certainty == "certain" for row in matter.opened)
    about = matter.opened or matter.recovered
    waited = bool(about) and all(waits(each.kind, each.quantity, each.side) for each in about)
    waited = waited or rows[0].side == CALIBRATION
    return (waited, not holds, not certain, rows[0].id)


def told(conn: Connection, device: str, now: int) -> list[str]:
    """Return the excursions of a device of which a channel reported a message as sent."""
    query = (
        select(excursions.c.id)
        .join(
            notices,
            and_(notices.c.excursion == excursions.c.id, notices.c.happening.in_(TELLING)),
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


def told_message(conn: Connection, device: str, site: str, now: int) -> bytes:
    """Return the payload of `told`: with the work that is planned, of which an own modem is silent."""
    # Until an agent's own modem has given the hub its two minutes behind the end.
    planned = work.planned(conn, site=site, after=now - TOLD_FOR_MS)
    works = [
        {"asset": each.asset.partition("/")[2], "begin": each.begin, "until": each.over_at}
        for each in planned
        if each.over_at > each.begin
    ]
    excursions_ = told(conn, device, now)
    return json.dumps({"v": 1, "at": now, "excursions": excursions_, "works": works}).encode()
