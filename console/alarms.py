"""Alarms as people read them: who was told when and whether it arrived, who answered, what was said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from console.directory import Directory
from console.excursions import described
from console.models import Alarm, AlarmSms, AlarmStep, Excursion, PersonChoice, Work
from history.port import History
from hub import alarms as hub_alarms
from hub.standing import Standing
from hub.tables import alarms as alarms_table
from hub.tables import attempts, notices, sms
from hub.way_tests import ANSWERED, NO_REPORTS, UNPROVEN
from journal import work
from journal.excursion_rows import ExcursionRow
from journal.excursions import excursions
from journal.journal import Entry, journal

PAGE: Final = 25
# So many of the newest SMS that came in, and presses of panels' buttons, are looked through.
_MOST: Final = 500
_MUTE: Final = "device.panel.mute"
_ANSWER: Final = "answer.received"

# Those that say that stock was too hot or too cold; others only forecast, or doubt a probe.
_STOCK_KINDS: Final = frozenset({"consecutive", "cumulative", "instant"})
# What a notice that was never composed into an SMS, or that another SMS said already, tells nobody.
_COVERED: Final = "covered"


def past(
    conn: Connection, besides: Iterable[str], page: int
) -> tuple[list[hub_alarms.Alarm], bool]:
    """Return one page of alarms that are over, newest first, and whether there are older ones."""
    query = (
        select(alarms_table.c.id)
        .where(alarms_table.c.recovered_at.is_not(None), alarms_table.c.id.not_in(list(besides)))
        .order_by(alarms_table.c.opened_at.desc(), alarms_table.c.id)
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    ids = list(conn.execute(query).scalars())
    found = [hub_alarms.alarm(conn, id_) for id_ in ids[:PAGE]]
    return [each for each in found if each is not None], len(ids) > PAGE


def described_alarms(
    conn: Connection,
    history: History,
    directory: Directory,
    found: Sequence[tuple[hub_alarms.Alarm, Standing]],
    *,
    now: int,
    late_after_ms: int,
) -> list[Alarm]:
    """Return alarms with everything that people ask about them, in the same order."""
    ids = [alarm.id for alarm, _ in found]
    members = _members(conn, [id_ for alarm, _ in found for id_ in alarm.excursions])
    shown = described(
        conn, history, directory, list(members.values()), now=now, late_after_ms=late_after_ms
    )
    by_id = {each.id: each for each in shown}
    told = _told(conn, directory, ids)
    steps = _steps(conn, directory, [alarm for alarm, _ in found], members)
    return [
        _described(
            alarm,
            state,
            directory,
            [by_id[id_] for id_ in alarm.excursions if id_ in by_id],
            told.get(alarm.id, []),
            steps.get(alarm.id, []),
        )
        for alarm, state in found
    ]


def _described(
    alarm: hub_alarms.Alarm,
    state: Standing,
    directory: Directory,
    members: list[Excursion],
    told: list[AlarmSms],
    steps: list[AlarmStep],
) -> Alarm:
    extremes = [each.extreme for each in members if each.extreme is not None]
    farthest = min if alarm.side == "below" else max
    return Alarm(
        id=alarm.id,
        code=alarm.code,
        site=alarm.site,
        asset=alarm.asset,
        asset_name=directory.asset_name(alarm.asset),
        side=alarm.side,
        state=state,
        since=min([each.start for each in members], default=alarm.opened_at),
        opened_at=alarm.opened_at,
        recovered_at=alarm.recovered_at,
        unit=members[0].unit if members else "",
        extreme=farthest(extremes, default=None),
        answered_at=alarm.answered_at,
        answered_by=alarm.answered_by,
        answered_name=directory.person_name(alarm.answered_by),
        explained=alarm.explained,
        must_explain=_must_explain(alarm, members),
        excursions=members,
        told=told,
        steps=steps,
        people=people_of(directory, alarm.site, [sms.person for sms in told]),
    )


def _must_explain(alarm: hub_alarms.Alarm, members: list[Excursion]) -> bool:
    """Whether it is heat or freeze, which needs a reason and an action."""
    return (
        alarm.quantity == "temperature"
        and alarm.side in ("above", "below")
        and any(each.kind in _STOCK_KINDS for each in members)
    )


def people_of(directory: Directory, site: str, besides: Iterable[str] = ()) -> list[PersonChoice]:
    """Return who may act for a site: its own people, and whoever was told of it."""
    ids = dict.fromkeys([*directory.people_of(site), *besides])
    known = [PersonChoice(id=id_, name=directory.person_name(id_)) for id_ in ids]
    return sorted(known, key=lambda person: person.name)


def planned_work(conn: Connection, directory: Directory, now: int) -> list[Work]:
    """Return the planned work that is not over, the earliest first."""
    return [described_work(each, directory) for each in work.planned(conn, after=now)]


def described_work(each: work.Work, directory: Directory) -> Work:
    """Return planned work with its names."""
    return Work(
        id=each.id,
        site=each.site,
        asset=each.asset,
        asset_name=directory.asset_name(each.asset),
        start=each.begin,
        until=each.over_at,
        reason=each.reason,
        person=each.person,
        name=directory.person_name(each.person),
    )


def _members(conn: Connection, ids: Sequence[str]) -> dict[str, ExcursionRow]:
    rows = conn.execute(select(excursions).where(excursions.c.id.in_(ids))).mappings()
    return {row["id"]: ExcursionRow(**row) for row in rows}


def _told(conn: Connection, directory: Directory, ids: Sequence[str]) -> dict[str, list[AlarmSms]]:
    """Return the SMS that told of each alarm, in their order; one may tell of several."""
    query = (
        select(notices.c.alarm, notices.c.happening, notices.c.person, sms)
        .join(sms, sms.c.id == notices.c.sms)
        .where(notices.c.alarm.in_(ids), notices.c.happening != _COVERED)
        .order_by(sms.c.created_at, sms.c.id, notices.c.id)
    )
    rows = conn.execute(query).all()
    ways = _channels(conn, {row.id for row in rows})
    found: dict[str, dict[str, AlarmSms]] = {}
    for row in rows:
        found.setdefault(row.alarm, {}).setdefault(
            row.id,
            AlarmSms(
                person=row.person,
                name=directory.person_name(row.person),
                phone=row.phone,
                step=row.happening,
                channels=ways.get(row.id, []),
                state=arrival(row.state, row.delivery),
                reason=row.reason,
                text=row.text,
                written_at=row.created_at,
                handed_at=row.handed_at,
                sent_at=row.sent_at,
            ),
        )
    return {alarm: list(items.values()) for alarm, items in found.items()}


def arrival(state: str, delivery: str) -> Any:
    """Return what became of an SMS, in one word: as far as its way is known."""
    if state == "sent" and delivery in (UNPROVEN, NO_REPORTS):
        return "unconfirmed"
    if state == "sent" and delivery:
        return "delivered" if delivery in ("delivered", ANSWERED) else "undelivered"
    return state


def _channels(conn: Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    query = (
        select(attempts.c.sms, attempts.c.channel)
        .where(attempts.c.sms.in_(list(ids)))
        .order_by(attempts.c.at, attempts.c.round)
    )
    found: dict[str, dict[str, None]] = {}
    for row in conn.execute(query):
        found.setdefault(row.sms, {})[row.channel] = None
    return {id_: list(names) for id_, names in found.items()}


def _steps(
    conn: Connection,
    directory: Directory,
    found: Sequence[hub_alarms.Alarm],
    members: Mapping[str, ExcursionRow],
) -> dict[str, list[AlarmStep]]:
    """Return what people did about each alarm, in order."""
    if not found:
        return {}
    steps: dict[str, list[AlarmStep]] = {alarm.id: [] for alarm in found}
    for entry in _entries(conn, ("alarm.acknowledged", "alarm.explained"), subjects=list(steps)):
        body = entry.body
        steps[entry.subject].append(
            AlarmStep(
                at=entry.at,
                kind=entry.type.removeprefix("alarm."),
                person=body["person"],
                name=directory.person_name(body["person"]),
                way=body["way"],
                reason=body.get("reason", ""),
                action=body.get("action", ""),
                text=body.get("text", ""),
            )
        )
    since = min(alarm.opened_at for alarm in found)
    for entry in _entries(conn, (_ANSWER,), since=since):
        for id_ in steps.keys() & set(entry.body["alarms"]):
            steps[id_].append(
                AlarmStep(
                    at=entry.at,
                    kind="sms",
                    person=entry.body["person"],
                    name=directory.person_name(entry.body["person"]),
                    way="",
                    text=entry.body["text"],
                )
            )
    for entry in _entries(conn, (_MUTE,), since=since):
        for alarm in found:
            if _silenced(entry, alarm, members):
                steps[alarm.id].append(
                    AlarmStep(at=entry.at, kind="silenced", person="", name="", way="panel")
                )
    for some in steps.values():
        some.sort(key=lambda step: step.at)
    return steps


def _silenced(entry: Entry, alarm: hub_alarms.Alarm, members: Mapping[str, ExcursionRow]) -> bool:
    """Whether this press of a panel's button silenced this alarm; a device may write what it likes."""
    said = entry.body.get("body")
    outside = said.get("outside") if isinstance(said, dict) else None
    device = entry.body.get("device")
    if not isinstance(outside, list):
        return False
    mine = {
        f"{row.series} {row.side}"
        for id_ in alarm.excursions
        if (row := members.get(id_)) is not None and row.device == device
    }
    over = alarm.recovered_at is not None and entry.at > alarm.recovered_at
    return not over and not mine.isdisjoint(item for item in outside if isinstance(item, str))


def _entries(
    conn: Connection,
    types: Sequence[str],
    *,
    subjects: Sequence[str] | None = None,
    since: int | None = None,
) -> list[Entry]:
    """Return the newest entries of some types, oldest first."""
    query = select(journal).where(journal.c.type.in_(types))
    if subjects is not None:
        query = query.where(journal.c.subject.in_(subjects))
    if since is not None:
        query = query.where(journal.c.at >= since)
    rows = conn.execute(query.order_by(journal.c.position.desc()).limit(_MOST)).all()
    return [
        Entry(
            row.position, row.at, row.actor, row.type, row.subject, json.loads(row.body),
            row.prev, row.hash,
        )
        for row in reversed(rows)
    ]  # fmt: skip
