"""The pages, made on the server; scripts only refresh the overview and draw the chart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from console.api import (
    AssetId,
    BatchId,
    FileFormat,
    PageNumber,
    RangeEnd,
    RangeName,
    SiteFilter,
    SiteId,
)
from console.export import DownloadResponse
from console.language import LANGUAGES, Language, choose
from console.ranges import DEFAULT_RANGE, RANGES
from console.service import Console
from console.sparkline import sparkline
from console.templating import Templates
from history.export import FORMATS

COOKIE: Final = "coldwatch_language"
_A_YEAR_S: Final = 31_536_000

# Where the things behind a line of the page of health are listed.
_HEALTH_LINKS: Final = {
    "devices.some": "/devices",
    "streams.behind": "/devices",
    "excursions.open": "/excursions?open=1",
    "sms.waiting": "/sms",
    "test.unconfirmed": "/sms",
    "test.blind": "/sms",
    "quarantine.some": "/devices#quarantine",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page: language, and where the switch to the other one leads."""

    language: Language
    asked: bool
    path: str
    switch: str

    def values(self) -> dict[str, object]:
        """Return what every page's frame shows."""
        return {"path": self.path, "switch": self.switch}


def viewer_of(request: Request) -> Viewer:
    """Return who looks, by ?lang=, cookie and Accept-Language."""
    asked = request.query_params.get("lang")
    language = choose(asked, request.cookies.get(COOKIE), request.headers.get("accept-language"))
    other = next(each for each in LANGUAGES if each != language)
    rest = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return Viewer(
        language, asked == language, request.url.path, f"?{urlencode([*rest, ('lang', other)])}"
    )


def _viewer(
    request: Request,
    lang: Annotated[Literal["zh", "en"] | None, Query(description="remembered")] = None,
) -> Viewer:
    del lang  # declared, so that another one is refused
    return viewer_of(request)


LookedAtBy = Annotated[Viewer, Depends(_viewer)]


def rendered(templates: Templates, template: str, viewer: Viewer, **values: object) -> Response:
    """Return a page, and remember the language where it was asked for."""
    response = HTMLResponse(
        templates.render(template, viewer.language, **(viewer.values() | values))
    )
    if viewer.asked:
        response.set_cookie(
            COOKIE, viewer.language, max_age=_A_YEAR_S, httponly=True, samesite="lax"
        )
    return response


def pages_router(console: Console, templates: Templates) -> APIRouter:
    """Return the routes of all pages that only show."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def page(template: str, viewer: Viewer, **values: object) -> Response:
        return rendered(templates, template, viewer, **({"now": console.now()} | values))

    @router.get("/")
    def overview(viewer: LookedAtBy) -> Response:
        shown = console.overview()
        return page(
            "overview.html",
            viewer,
            overview=shown,
            sparkline=sparkline,
            now=shown.at,
            zone=console.directory.zones[0],
        )

    @router.get("/live")
    def live(
        viewer: LookedAtBy, seen: Annotated[str | None, Query(max_length=64)] = None
    ) -> Response:
        """Return the overview's inner part, or nothing where it is the one that was seen."""
        shown = console.overview()
        inner = templates.render(
            "live.html",
            viewer.language,
            overview=shown,
            sparkline=sparkline,
            now=shown.at,
        )
        digest = hashlib.sha256(inner.encode()).hexdigest()[:16]
        show = templates.shows[viewer.language]
        headers = {
            "X-As-Of": show.clock(shown.at, console.directory.zones[0]),
            "X-Seen": digest,
        }
        if seen == digest:
            return Response(status_code=204, headers=headers)
        return HTMLResponse(inner, headers=headers)

    @router.get("/assets/{site}/{asset}")
    def asset(
        viewer: LookedAtBy,
        site: SiteId,
        asset: AssetId,
        range_: RangeName = DEFAULT_RANGE,
        end: RangeEnd = None,
    ) -> Response:
        shown = console.asset_page(site, asset, range_=range_, end=end)
        return page("asset.html", viewer, page=shown, ranges=list(RANGES), formats=list(FORMATS))

    @router.get("/assets/{site}/{asset}/export")
    def export(
        viewer: LookedAtBy,
        site: SiteId,
        asset: AssetId,
        range_: RangeName = DEFAULT_RANGE,
        end: RangeEnd = None,
        format_: FileFormat = "csv",
    ) -> Response:
        return DownloadResponse(
            console.export(
                site, asset, range_=range_, end=end, format_=format_, language=viewer.language
            )
        )

    @router.get("/excursions")
    def excursions(
        viewer: LookedAtBy,
        open_: Annotated[bool, Query(alias="open")] = False,
        site: SiteFilter = None,
        number: Annotated[PageNumber, Query(alias="page")] = 1,
    ) -> Response:
        shown = console.excursions(only_open=open_, site=site or None, page=number)
        return page(
            "excursions.html",
            viewer,
            listing=shown,
            only_open=open_,
            site=site or "",
            sites=list(console.directory.sites.values()),
            number=number,
        )

    @router.get("/sms")
    def sms(viewer: LookedAtBy, number: Annotated[PageNumber, Query(alias="page")] = 1) -> Response:
        return page(
            "sms.html",
            viewer,
            listing=console.sms(page=number),
            number=number,
            zone=console.directory.zones[0],
        )

    @router.get("/lamps")
    def lamps(
        viewer: LookedAtBy, number: Annotated[PageNumber, Query(alias="page")] = 1
    ) -> Response:
        return page(
            "lamps.html",
            viewer,
            listing=console.lamps(page=number),
            number=number,
            zone=console.directory.zones[0],
        )

    @router.get("/batches")
    def batches(viewer: LookedAtBy) -> Response:
        return page("batches.html", viewer, stock=console.stock(), zone=console.directory.zones[0])

    @router.get("/batch")
    def batch(viewer: LookedAtBy, id_: BatchId) -> Response:
        return page(
            "batch.html", viewer, batch=console.journey(id_), zone=console.directory.zones[0]
        )

    @router.get("/devices")
    def devices(viewer: LookedAtBy) -> Response:
        return page(
            "devices.html",
            viewer,
            equipment=console.equipment(),
            zone=console.directory.zones[0],
        )

    @router.get("/health")
    def health(viewer: LookedAtBy) -> Response:
        return page(
            "health.html",
            viewer,
            health=console.health(),
            links=_HEALTH_LINKS,
            zone=console.directory.zones[0],
        )

    return router
