"""Alarms of a hub written by hand, row by row: what the outbox makes of them, without the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hub.alarms import turn
from hub.chains import Chains
from hub.escalating import Escalated, escalate
from hub.tables import alarm_answers, alarm_excursions, alarm_turns, alarms, notices, sms
from journal import work
from journal.database import read, write
from journal.excursions import excursions
from tests.support.county import hub_settings
from tests.support.databases import new_database
from tests.support.sender import MINUTE, START

WAYS = [{"id": "modem", "kind": "log"}, {"id": "cloud", "kind": "log"}]
FRIDGE = "east-gate/fridge-1"
DUTY = [{"role": "pharmacist", "person": "li"}]
PEOPLE = [
    {"id": one, "name": one, "phone": f"+861390000000{number}"}
    for number, one in enumerate(("li", "wang", "amy", "zhao"))
]
STEPS = [
    {"to": ["pharmacist", "wang"], "repeat": "10min"},
    {"after": "15min", "to": ["amy"]},
]


def ms(minute: float) -> int:
    """Return the time of a minute of the story."""
    return START + round(minute * MINUTE)


class Book:
    """A hub's database whose alarms are written by hand, in minutes from START."""

    def __init__(self, folder: Path, steps: Sequence[dict[str, Any]] = (), **site: Any) -> None:
        base = {
            "id": "east-gate", "name": {"zh": "东门", "en": "East Gate"}, "kind": "fixed",
            "devices": ["pi-1"], "escalation": "county", "duty": DUTY,
            "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
        }  # fmt: skip
        chain = [{"id": "county", "steps": [*steps] or STEPS}]
        more = {name: site.pop(name) for name in ("most_sms_an_hour",) if name in site}
        self.settings = hub_settings(
            folder, people=PEOPLE, channels=WAYS, escalations=chain, sites=[base | site], **more
        )
        self.chains = Chains(self.settings)
        self.database = new_database(folder)

    def alarm(
        self, id_: str = "a", opened: float = 0, happened: float | None = None, **more: Any
    ) -> None:
        """Write an alarm, and the excursion that began it."""
        row = dict.fromkeys(alarms.columns.keys(), "") | {
            "id": id_, "site": "east-gate", "asset": FRIDGE, "quantity": "temperature",
            "side": "above", "opened_at": ms(opened),
            "happened_at": ms(opened if happened is None else happened),
        }  # fmt: skip
        times = ("worsened_at", "recovered_at", "answered_at", "explained_at")
        kind = more.pop("kind", "consecutive")
        with write(self.database) as conn:
            conn.execute(alarms.insert().values(row | dict.fromkeys(times) | more))
            turn(conn, id_)
        self.member(id_, opened, alarm=id_, kind=kind)

    def member(self, id_: str, opened: float, *, alarm: str = "a", **more: Any) -> None:
        """Write an excursion of an alarm."""
        row = {
            "excursion": id_, "alarm": alarm, "thread": id_, "kind": "consecutive",
            "opened_at": ms(opened), "fresh": True, "gravity": 2, "worse": False,
        }  # fmt: skip
        times = {name: ms(value) for name, value in more.items() if name.endswith("_at")}
        with write(self.database) as conn:
            conn.execute(alarm_excursions.insert().values(row | more | times))
            turn(conn, alarm)

    def excursion(self, id_: str, **more: Any) -> None:
        """Write what is known of an excursion."""
        row = {
            "id": id_, "thread": id_, "site": "east-gate", "device": "pi-1", "asset": FRIDGE,
            "series": "fridge-1/center/temperature", "point": "center", "quantity": "temperature",
            "rule": "test/out", "profile": "", "kind": "consecutive", "side": "above",
            "certainty": "certain", "holds": True, "tells": True, "snapshot": {}, "start": START,
            "opened": START, "held_ms": 0, "unknown_ms": 0, "stream": "a" * 32, "first_seq": 1,
            "learned_at": START,
        }  # fmt: skip
        with write(self.database) as conn:
            conn.execute(excursions.insert().values(row | more))

    def answer(
        self,
        minute: float,
        person: str = "li",
        kind: str = "acknowledged",
        way: str = "sms",
        alarm: str = "a",
    ) -> None:
        """Write an answer to the alarm."""
        with write(self.database) as conn:
            given = len(conn.execute(select(alarm_answers)).all())
            row = {"entry": 100 + given, "alarm": alarm, "kind": kind, "at": ms(minute)}
            conn.execute(alarm_answers.insert().values(row | {"person": person, "way": way}))
            turn(conn, alarm)

    def over(self, minute: float, by: str = "a") -> None:
        """Let the alarm be over."""
        with write(self.database) as conn:
            conn.execute(alarms.update().values(recovered_at=ms(minute), ended_by=by))
            turn(conn, "a")

    def plan(self, begin: float, until: float, now: float, asset: str = FRIDGE) -> None:
        """Plan work on the fridge, or on another."""
        with write(self.database) as conn:
            work.plan(conn, asset, ms(begin), ms(until), "defrosting", "li", now=ms(now))

    def worded(self, id_: str, *people: str, **more: Any) -> None:
        """Bind what is owed to these people to an SMS of this id."""
        row = dict.fromkeys(("phone", "language", "text"), "") | {"created_at": START}
        with write(self.database) as conn:
            one = {"id": id_, "person": people[0], "state": "sent"} | row | more
            conn.execute(sms.insert().values(one))
            theirs = notices.c.person.in_(people) & notices.c.sms.is_(None)
            conn.execute(notices.update().where(theirs).values(sms=id_))

    def due(self, minute: float) -> Escalated:
        """Make what is due by this minute."""
        with write(self.database) as conn:
            return escalate(conn, self.chains, ms(minute))

    def owe(self, person: str = "li", happening: str = "way-test", **more: Any) -> None:
        """Write a notice that is of no alarm, unless ``more`` says of which."""
        with write(self.database) as conn:
            number = len(conn.execute(select(notices.c.id)).all()) + 1
            row = {
                "excursion": f"n{number}", "happening": happening, "person": person,
                "site": "east-gate", "asset": "", "side": "", "created_at": START,
            }  # fmt: skip
            conn.execute(notices.insert().values(row | more))

    def rows(self) -> list[Any]:
        """Return all notices, in their order."""
        with read(self.database) as conn:
            return list(conn.execute(select(notices).order_by(notices.c.id)))

    def said(self, after: int = 0) -> list[tuple[float, str, str, str]]:
        """Return minute, person, happening and excursion of all notices but the first ones."""
        return [
            ((row.created_at - START) / MINUTE, row.person, row.happening, row.excursion)
            for row in self.rows()[after:]
        ]

    def next_at(self, id_: str = "a") -> float | None:
        """Return the minute at which an alarm is looked at again."""
        query = select(alarm_turns.c.next_at).where(alarm_turns.c.alarm == id_)
        with read(self.database) as conn:
            at = conn.execute(query).scalar()
        return None if at is None else (at - START) / MINUTE
