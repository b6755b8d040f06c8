"""What people do on the console: answer and explain alarms, plan work. All else there only reads.

Who acts is the person that was chosen, one of the site's people; the entry says way "console".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from alerts.answers import Reason
from config.clock import Clock
from config.database import DatabaseSettings
from console.alarms import people_of
from console.directory import Directory
from console.problems import (
    cannot_do,
    cannot_write,
    left_out,
    no_hub,
    no_such_alarm,
    no_such_asset,
    no_such_person,
    no_such_work,
)
from hub import alarms
from hub.tables import alarms as alarms_table
from hub.tables import notices
from journal import work
from journal.database import DatabaseError, has_tables, open_database, write
from journal.place import is_there

_WAY: Final = "console"

Place = Path | DatabaseSettings


class Acting:
    """Changes what the hub's database says, for people; may be used from any thread.

    Raises ProblemError where something cannot be done; then nothing was changed.
    """

    def __init__(self, place: Place, directory: Directory, clock: Clock) -> None:
        """Make ready; the database is opened for each act, for it may be another one by then."""
        self._place = place
        self._directory = directory
        self._clock = clock

    def answer(self, id_: str, person: str) -> alarms.Alarm:
        """Enter that a person sees to an alarm; doing it twice is doing it once."""
        with self._alarm(id_, person) as (conn, _):
            return alarms.acknowledge(conn, id_, person=person, way=_WAY, now=self._clock.now_ms())

    def explain(
        self, id_: str, person: str, *, reason: Reason, action: str, text: str
    ) -> alarms.Alarm:
        """Enter why an alarm came and what was done."""
        if not action:
            raise left_out("action")
        if reason == "other" and not text:
            raise left_out("text")
        with self._alarm(id_, person) as (conn, _):
            return alarms.explain(
                conn, id_, person=person, reason=reason, action=action, text=text, way=_WAY,
                now=self._clock.now_ms(),
            )  # fmt: skip

    def plan(self, asset: str, person: str, *, start: int, until: int, reason: str) -> work.Work:
        """Enter that an asset is worked on; a beginning that has passed is now."""
        site = asset.partition("/")[0]
        if asset not in self._directory.assets:
            raise no_such_asset(asset)
        self.require_person(site, person)
        now = self._clock.now_ms()
        if until <= max(start, now):
            raise left_out("until")
        with self._works() as conn:
            return work.plan(conn, asset, start, until, reason, person, now=now, way=_WAY)

    def end(self, id_: str, person: str) -> work.Work:
        """Enter that planned work is done."""
        with self._works() as conn:
            known = work.get(conn, id_)
            if known is None:
                raise no_such_work(id_)
            self.require_person(known.site, person)
            return work.end(conn, id_, person=person, now=self._clock.now_ms(), way=_WAY)

    @contextmanager
    def _works(self) -> Iterator[Connection]:
        """Give a write transaction; what the rules of planned work refuse is said in their words."""
        with self._writing() as conn:
            if conn is None:
                raise no_hub()
            try:
                yield conn
            except work.WorkRefusedError as error:
                raise cannot_do(str(error)) from error

    @contextmanager
    def _alarm(self, id_: str, person: str) -> Iterator[tuple[Connection, alarms.Alarm]]:
        """Give a write transaction and the alarm in it; refuse a person who is not of its site."""
        with self._writing() as conn:
            known = None if conn is None else alarms.alarm(conn, id_)
            if conn is None or known is None:
                raise no_such_alarm(id_)
            told = conn.execute(
                notices.select().with_only_columns(notices.c.person).where(notices.c.alarm == id_)
            ).scalars()
            self.require_person(known.site, person, told)
            yield conn, known

    def require_person(self, site: str, person: str, besides: Iterable[str] = ()) -> None:
        """Refuse a person who is none of a site's people."""
        known = people_of(self._directory, site, besides)
        if person not in {each.id for each in known}:
            raise no_such_person(person)

    @contextmanager
    def _writing(self) -> Iterator[Connection | None]:
        """Give a write transaction; None where no hub has ever run."""
        if not is_there(self._place):
            yield None
            return
        try:
            engine = open_database(self._place)
            try:
                if not has_tables(engine, alarms_table, work.works):
                    yield None
                    return
                with write(engine) as conn:
                    yield conn
            finally:
                engine.dispose()
        except DatabaseError as error:
            raise cannot_write(str(error)) from error
