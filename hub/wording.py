"""From alarms and excursions to what one person reads: a method for each thing that is told.

Each returns the text of one SMS in the person's language. All of them only read, and none waits for
a history that hangs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from sqlalchemy import Connection, select

from alerts.codes import code_of
from alerts.facts import Happening, MessageFacts, Step, Trouble, Way
from alerts.facts import Reply as ReplyKind
from alerts.messages import compose, several
from alerts.wording import several_people
from config.hub import HubSettings, Person
from hub.alarms import Alarm, alarms_open, unexplained
from hub.chains import Chains
from hub.known import Known, gravity, severity
from hub.newest import Newest
from hub.tables import notices
from hub.wording_facts import Facts, first_of, whole
from journal.excursions import CALIBRATION, ExcursionRow, get, listing, open_ones

DAY_MS: Final = 86_400_000


class Replying(Protocol):
    """What a reply to somebody's own SMS has to say."""

    @property
    def kind(self) -> ReplyKind:
        """``acknowledged``: of ``alarms``; ``state``; ``unknown-code``; ``help``."""

    @property
    def alarms(self) -> Sequence[Alarm]:
        """The alarms that it speaks of."""

    @property
    def code(self) -> str:
        """The code that it speaks of."""


class Wording:
    """Words an SMS for one person."""

    def __init__(self, settings: HubSettings, newest: Newest) -> None:
        self._people = {person.id: person for person in settings.people}
        self._settings = settings
        self._chains = Chains(settings)
        self._known = Known(settings.sites, newest)
        self._facts = Facts(self._known, settings.late_after)

    # --- alarms ---

    def text(
        self,
        conn: Connection,
        person: Person,
        opened: Sequence[ExcursionRow],
        recovered: Sequence[ExcursionRow],
        now: int,
        *,
        step: Step = "first",
        unanswered: Sequence[str] = (),
        answered_by: str = "",
        answered_at: int | None = None,
        code: str = "",
    ) -> str:
        """Return the text for what this person has to learn now of one alarm.

        Where several rules opened at once, the gravest speaks: one that holds batches, a certain
        one, the earliest. What has opened and recovered since is told as something past.

        Args:
            conn: any transaction.
            person: who reads it.
            opened: excursions of the alarm that are told as open; `storm` for several alarms.
            recovered: those that are over.
            now: the hub's clock.
            step: why the person is told now.
            unanswered: names of those who were told before and have not answered.
            answered_by: name of who answered before it was resumed.
            answered_at: when.
            code: of the alarm; left out, that of the excursion that was opened first.
        """
        if not opened:
            return compose(self._facts.of(conn, person, whole(recovered), now, over=True))
        return compose(
            self._facts.of(
                conn,
                person,
                min(opened, key=gravity),
                now,
                rows=opened,
                late=bool(recovered),
                step=step,
                unanswered=unanswered,
                answered_by=answered_by,
                answered_at=answered_at,
                code=code or code_of(first_of(opened).id),
            )
        )

    def unreachable(
        self,
        conn: Connection,
        person: Person,
        missed: Sequence[str],
        reason: str,
        opened: Sequence[ExcursionRow],
        now: int,
        *,
        sites: Sequence[str] = (),
        code: str = "",
    ) -> str:
        """Return the text for who is told instead of somebody who could not be.

        Args:
            conn: any transaction.
            person: who reads it.
            missed: names of who could not be told.
            reason: ``number refused``, ``no delivery report``, ``not delivered``, ``no way out``
                are said in both languages, others as they are.
            opened: excursions of the alarm; none where it was no alarm that did not get through.
            now: the hub's clock.
            sites: ids of the sites whose alarms do not reach them, where ``opened`` is empty.
            code: as in `text`.
        """
        named = several_people(missed, person.language)
        if not opened:
            facts = self._facts.about(
                person, sites, now, "unreachable", missed=named, reason=reason
            )
            return compose(replace(facts, unanswered=tuple(missed)))
        return compose(
            self._facts.of(
                conn, person, min(opened, key=gravity), now, rows=opened, happening="unreachable",
                answered_by=named, reason=reason, code=code or code_of(first_of(opened).id),
            )
        )  # fmt: skip

    def work_over(
        self,
        conn: Connection,
        person: Person,
        opened: Sequence[ExcursionRow],
        now: int,
        *,
        code: str = "",
    ) -> str:
        """Return the text for: planned work has ended, and this is still wrong."""
        row = min(opened, key=gravity)
        code = code or code_of(first_of(opened).id)
        return compose(
            self._facts.of(conn, person, row, now, rows=opened, happening="work-over", code=code)
        )

    def answered(
        self, conn: Connection, person: Person, by: str, opened: Sequence[ExcursionRow], now: int
    ) -> str:
        """Return the text for the others, who need do nothing: ``by`` (a name) answers for it."""
        row = min(opened, key=gravity)
        return compose(self._facts.of(conn, person, row, now, happening="answered", answered_by=by))

    def storm(
        self,
        conn: Connection,
        person: Person,
        opened: Sequence[ExcursionRow],
        recovered: Sequence[ExcursionRow],
        now: int,
        *,
        step: Step = "first",
        unanswered: Sequence[str] = (),
        answered_by: str = "",
        answered_at: int | None = None,
        code: str = "",
    ) -> str:
        """Return one text that speaks of the alarms of several assets or sites.

        Arguments are those of `text`. The code is that of the excursion that was opened first
        (`first_of`), unless it is given: whoever takes answers lets it answer for all of them.
        """
        rows = opened or recovered
        language = person.language
        sites = list(dict.fromkeys(row.site for row in sorted(rows, key=severity)))
        return compose(
            MessageFacts(
                happening="storm",
                language=language,
                zone=self._known.zone(sites),
                site=self._facts.sites(sites, person),
                asset="",
                at=now,
                since=min(row.start for row in rows),
                step=step,
                unanswered=tuple(unanswered),
                person=answered_by,
                answered_at=answered_at,
                code=(code or code_of(first_of(opened).id)) if opened else "",
                troubles=self._known.troubles(conn, opened, language, now),
                ended=self._known.troubles(conn, recovered, language, now),
            )
        )

    # --- although nothing happened ---

    def all_well(
        self,
        conn: Connection,
        person: Person,
        sites: Sequence[str],
        now: int,
        *,
        period_ms: int = DAY_MS,
        ways: Sequence[Way] = (),
    ) -> str:
        """Return the daily text: that all is well at these sites, or what is open.

        A fridge of which nothing is known in all that time is open too: no reading is no safety.
        Nor is all well while there are ``ways`` out that are dead or need somebody.
        """
        language, start = person.language, now - period_ms
        open_ = [row for row in open_ones(conn) if row.site in sites and row.tells]
        troubles = self._known.troubles(conn, open_, language, now)
        troubled = {(row.site, asset) for row in open_ for asset in self._known.assets(conn, row)}
        spans, unknown = self._known.spans(conn, sites, start, now + 1, without=troubled)
        troubles += tuple(
            Trouble(
                self._known.site_name(site, language),
                self._known.asset_name(site, asset, language),
                self._known.asset_kind(site, asset),
                "silence",
                side="silent",
                since=start,
            )
            for site, asset in unknown
        )
        over = {
            (row.asset, row.quantity, row.side)
            for site in sites
            for row in listing(conn, site=site, start=start, end=now)
            if row.tells and row.end is not None and row.kind != CALIBRATION
        }
        facts = MessageFacts(
            happening="all-well",
            language=language,
            zone=self._known.zone(sites),
            site=self._facts.sites(sites, person),
            asset="",
            at=now,
            lasting_ms=period_ms,
            troubles=troubles,
            spans=spans,
            alarms=len(over),
            ways=tuple(ways),
            unexplained=sum(len(unexplained(conn, site)) for site in sites),
        )
        return compose(facts)

    def way_test(self, person: Person, sites: Sequence[str], now: int) -> str:
        """Return the monthly text that proves the way and asks for nothing."""
        return compose(self._facts.about(person, sites, now, "way-test"))

    def unconfirmed(
        self, person: Person, sites: Sequence[str], missed: Sequence[str], channel: str, now: int
    ) -> str:
        """Return the text for: of nobody of these (names) is it confirmed that the test arrived.

        ``channel`` is the one that it went by; empty where there is one only, or were several.
        """
        facts = self._facts.about(person, sites, now, "unconfirmed")
        return compose(replace(facts, unanswered=tuple(missed), channel=channel))

    def channel_poor(
        self, person: Person, sites: Sequence[str], ways: Sequence[Way], now: int
    ) -> str:
        """Return the text for: these ways still work, and somebody must see to them."""
        facts = self._facts.about(person, sites, now, "channel-poor")
        return compose(replace(facts, ways=tuple(ways)))

    def channel(
        self,
        person: Person,
        sites: Sequence[str],
        now: int,
        *,
        failing: bool,
        since: int,
        channel: str = "",
        instead: str = "",
        waiting: int = 0,
        reason: str = "",
    ) -> str:
        """Return the text for: a channel fails since, or works again after it had failed since.

        ``instead`` names the channel that is used meanwhile; empty where there is none.
        """
        happening: Happening = "channel-failing" if failing else "channel-back"
        return compose(
            MessageFacts(
                happening=happening,
                language=person.language,
                zone=self._known.zone(sites),
                site=self._facts.sites(sites, person),
                asset="",
                at=now,
                since=since,
                lasting_ms=max(0, now - since),
                end=None if failing else now,
                channel=channel,
                instead=instead,
                waiting=waiting,
                reason=reason,
            )
        )

    # --- answers to a person's own SMS ---

    def reply(self, conn: Connection, person: Person, reply: Replying, now: int) -> str:
        """Return what is said back to somebody who has sent an SMS."""
        if reply.kind == "acknowledged" and reply.alarms:
            return self._acknowledged(conn, person, reply.alarms, now)
        sites = self.sites_of(person.id)
        facts = self._facts.about(person, sites, now, "reply", reply=reply.kind)
        if reply.kind == "state":
            open_ = [row for row in open_ones(conn) if row.site in sites and row.tells]
            states, spans = self._known.states(conn, sites, open_, person.language, now)
            facts = replace(facts, states=states, spans=spans)
        elif reply.kind == "unknown-code":
            mine = set(
                conn.execute(
                    select(notices.c.alarm).where(notices.c.person == person.id).distinct()
                ).scalars()
            )
            open_ = [
                row
                for alarm in alarms_open(conn)
                if alarm.id in mine and (row := get(conn, alarm.id)) is not None
            ]
            troubles = self._known.troubles(conn, open_, person.language, now)
            facts = replace(facts, troubles=troubles)
        return compose(facts)

    def _acknowledged(
        self, conn: Connection, person: Person, alarms: Sequence[Alarm], now: int
    ) -> str:
        rows = [row for alarm in alarms for id_ in alarm.excursions if (row := get(conn, id_))]
        first = alarms[0]
        row = min(rows, key=gravity)
        facts = self._facts.of(conn, person, row, now, happening="reply")
        names = [
            self._known.asset_name(each.site, asset, person.language)
            for each in rows
            for asset in self._known.assets(conn, each)
        ]
        by = first.answered_by
        others = bool(by) and by != person.id and len(alarms) == 1
        return compose(
            replace(
                facts,
                reply="acknowledged",
                asset=several(list(dict.fromkeys(names)), person.language),
                person=self._name(by) if others else "",
                answered_at=first.answered_at,
                end=first.recovered_at if len(alarms) == 1 else None,
                unexplained=sum(not alarm.explained for alarm in alarms),
            )
        )

    def sites_of(self, person: str) -> list[str]:
        """Return the ids of the sites whose alarms a person may be told of, at whatever time."""
        return [
            site.id for site in self._settings.sites if person in self._chains.everybody(site.id)
        ]

    def _name(self, person: str) -> str:
        known = self._people.get(person)
        return known.name if known is not None else person
