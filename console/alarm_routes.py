"""The page of alarms with its forms, and the same as JSON: the only parts of the console that act.

No GET changes anything. What a POST must bring is in console/posting.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from alerts.answers import REASONS, Reason
from console.alarms import described_work, people_of
from console.api import PageNumber
from console.models import (
    Alarm,
    AlarmList,
    AnswerOrder,
    EndOrder,
    ExplainOrder,
    Work,
    WorkOrder,
)
from console.pages import LookedAtBy, rendered
from console.posting import OwnCall, Posted, remember, token_of
from console.problems import left_out
from console.ranges import EARLIEST, LATEST
from console.service import Console
from console.templating import Templates

Done = Literal["answered", "explained", "planned", "ended"]
WorkId = Annotated[str, Path(description="id of the work", max_length=16)]
AlarmId = Annotated[str, Path(description="id of the alarm", max_length=16)]

_SEE_OTHER: Final = 303


def alarm_pages(console: Console, templates: Templates) -> APIRouter:
    """Return the page of alarms and what its forms post to."""
    router = APIRouter(include_in_schema=False)

    @router.get("/alarms")
    def alarms(
        request: Request,
        viewer: LookedAtBy,
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        done: Annotated[Done | None, Query()] = None,
    ) -> Response:
        token = token_of(request)
        directory = console.directory
        response = rendered(
            templates,
            "alarms.html",
            viewer,
            now=console.now(),
            listing=console.alarms(page=number),
            number=number,
            done=done,
            token=token,
            reasons=REASONS,
            sites=list(directory.sites.values()),
            people={site: people_of(directory, site) for site in directory.sites},
            zone=directory.zones[0],
        )
        remember(response, token)
        return response

    @router.post("/alarms/{id_}/answer")
    def answer(id_: AlarmId, form: Posted) -> Response:
        console.acting.answer(id_, form.get("person", ""))
        return _back("answered", f"a-{id_}")

    @router.post("/alarms/{id_}/explain")
    def explain(id_: AlarmId, form: Posted) -> Response:
        console.acting.explain(
            id_,
            form.get("person", ""),
            reason=_reason(form),
            action=form.get("action", "")[:200],
            text=form.get("text", "")[:200],
        )
        return _back("explained", f"a-{id_}")

    @router.post("/work")
    def plan(form: Posted) -> Response:
        asset = form.get("asset", "")
        start = _start(form.get("start", ""), console.directory.zone(asset.partition("/")[0]))
        lasting = form.get("lasting", "")
        if not lasting.isdecimal() or len(lasting) > 4:
            raise left_out("until")
        console.acting.plan(
            asset,
            form.get("person", ""),
            start=start,
            until=max(start, console.now()) + int(lasting) * 60_000,
            reason=_reason(form),
        )
        return _back("planned", "work")

    @router.post("/work/{id_}/end")
    def end(id_: WorkId, form: Posted) -> Response:
        console.acting.end(id_, form.get("person", ""))
        return _back("ended", "work")

    return router


def alarm_api(console: Console) -> APIRouter:
    """Return the same for programs."""
    router = APIRouter(prefix="/api/v1", tags=["alarms"])

    @router.get("/alarms")
    def alarms(page: PageNumber = 1) -> AlarmList:
        """Return alarms: unanswered, answered, to be explained, then one page of old ones."""
        return console.alarms(page=page)

    @router.post("/alarms/{id}/answer", dependencies=[OwnCall])
    def answer(id_: Annotated[AlarmId, Path(alias="id")], order: AnswerOrder) -> Alarm:
        """Answer an alarm for a person of its site; doing it twice is doing it once."""
        return console.alarm(console.acting.answer(id_, order.person))

    @router.post("/alarms/{id}/explain", dependencies=[OwnCall])
    def explain(id_: Annotated[AlarmId, Path(alias="id")], order: ExplainOrder) -> Alarm:
        """Say why an alarm came and what was done; the newest explanation counts."""
        return console.alarm(
            console.acting.explain(
                id_,
                order.person,
                reason=order.reason,
                action=order.action.strip(),
                text=order.text.strip(),
            )
        )

    @router.post("/work", dependencies=[OwnCall])
    def plan(order: WorkOrder) -> Work:
        """Announce work on an asset, with its end: nobody is woken for it meanwhile."""
        planned = console.acting.plan(
            order.asset, order.person, start=order.start, until=order.until, reason=order.reason
        )
        return described_work(planned, console.directory)

    @router.post("/work/{id}/end", dependencies=[OwnCall])
    def end(id_: Annotated[WorkId, Path(alias="id")], order: EndOrder) -> Work:
        """End planned work now."""
        return described_work(console.acting.end(id_, order.person), console.directory)

    return router


def _start(text: str, zone: ZoneInfo) -> int:
    """Return the time that a field for day and time holds, in the site's zone."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise left_out("start") from error
    if given.tzinfo is None:
        given = given.replace(tzinfo=zone)
    at = int(given.timestamp() * 1000)
    if not EARLIEST <= at <= LATEST:
        raise left_out("start")
    return at


def _reason(form: Posted) -> Reason:
    for reason in REASONS:
        if form.get("reason") == reason:
            return reason
    raise left_out("reason")


def _back(done: Done, place: str) -> Response:
    """Lead back to the page, so that loading it again posts nothing."""
    return RedirectResponse(f"/alarms?done={done}#{place}", _SEE_OTHER)
