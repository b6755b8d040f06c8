"""The SMS that the hub has written, and what became of each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from console.alarms import arrival
from console.directory import Directory
from console.models import Sms, SmsList
from hub.tables import sms

PAGE: Final = 50


def sms_list(conn: Connection, directory: Directory, *, page: int = 1) -> SmsList:
    """Return one page of SMS, newest first; pages count from 1."""
    query = (
        select(sms)
        .order_by(sms.c.created_at.desc(), sms.c.id)
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    rows = conn.execute(query).all()
    return SmsList(
        sms=[
            Sms(
                id=row.id,
                person=row.person,
                name=directory.person_name(row.person),
                phone=row.phone,
                language=row.language,
                text=row.text,
                state=arrival(row.state, row.delivery),
                reason=row.reason,
                created_at=row.created_at,
                handed_at=row.handed_at,
                sent_at=row.sent_at,
            )
            for row in rows[:PAGE]
        ],
        more=len(rows) > PAGE,
    )
