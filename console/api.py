"""The JSON API: what the pages show, typed, for the county's own systems.

Times are UTC milliseconds, values integer thousandths (console/models). It only reads.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from console.export import DownloadResponse
from console.history import DEFAULT_WIDTH, MAX_WIDTH
from console.language import Language, choose
from console.models import (
    AssetHistory,
    AssetNow,
    BatchJourney,
    Equipment,
    ExcursionList,
    HubHealth,
    LampList,
    Overview,
    SmsList,
    Stock,
)
from console.ranges import DEFAULT_RANGE, EARLIEST, LATEST
from console.service import Console
from history.export import FORMATS, Format

SiteId = Annotated[str, Path(description="id of the site", max_length=63)]
AssetId = Annotated[str, Path(description="id of the asset within its site", max_length=63)]
RangeName = Annotated[
    Literal["6h", "24h", "7d", "30d", "90d"], Query(alias="range", description="how long")
]
RangeEnd = Annotated[
    int | None,
    Query(ge=EARLIEST, le=LATEST, description="where it ends, UTC milliseconds; default now"),
]
PageNumber = Annotated[int, Query(ge=1, le=200, description="from 1, newest first")]
BatchId = Annotated[str, Query(alias="id", max_length=160, description="product/lot")]
SiteFilter = Annotated[
    str | None, Query(max_length=63, description="only of this site; empty: all")
]
FileFormat = Annotated[Format, Query(alias="format", description="of the file")]
FileLanguage = Annotated[
    Language | None,
    Query(alias="lang", description="of a workbook's headings; default by Accept-Language"),
]
Width = Annotated[int, Query(ge=50, le=MAX_WIDTH, description="of the chart, pixels")]


def api_router(console: Console) -> APIRouter:
    """Return the routes under /api."""
    router = APIRouter(prefix="/api", tags=["coldwatch"])

    @router.get("/overview")
    def overview() -> Overview:
        """Return every site and asset as it is now, trouble first."""
        return console.overview()

    @router.get("/assets/{site}/{asset}")
    def asset(site: SiteId, asset: AssetId) -> AssetNow:
        """Return one asset as it is now."""
        return console.asset(site, asset)

    @router.get("/assets/{site}/{asset}/history")
    def history(
        site: SiteId,
        asset: AssetId,
        range_: RangeName = DEFAULT_RANGE,
        end: RangeEnd = None,
        width: Width = DEFAULT_WIDTH,
    ) -> AssetHistory:
        """Return an asset's history: envelope, unknown time, excursions, statistics, batches."""
        return console.history(site, asset, range_=range_, end=end, width=width)

    @router.get(
        "/assets/{site}/{asset}/export",
        response_class=Response,
        responses={200: {"content": {entry.media_type: {} for entry in FORMATS.values()}}},
    )
    def export(
        request: Request,
        site: SiteId,
        asset: AssetId,
        range_: RangeName = DEFAULT_RANGE,
        end: RangeEnd = None,
        format_: FileFormat = "csv",
        lang: FileLanguage = None,
    ) -> Response:
        """Return every reading of an asset's series in the range as a file, streamed.

        Here values are decimals and times ISO 8601 (CSV), dates (XLSX) or timestamps (Parquet).
        """
        language = choose(lang, None, request.headers.get("accept-language"))
        return DownloadResponse(
            console.export(site, asset, range_=range_, end=end, format_=format_, language=language)
        )

    @router.get("/excursions")
    def excursions(
        open_: Annotated[bool, Query(alias="open", description="only those not ended")] = False,
        site: SiteFilter = None,
        page: PageNumber = 1,
    ) -> ExcursionList:
        """Return excursions, newest start first."""
        return console.excursions(only_open=open_, site=site or None, page=page)

    @router.get("/sms")
    def sms(page: PageNumber = 1) -> SmsList:
        """Return SMS, newest first."""
        return console.sms(page=page)

    @router.get("/lamps")
    def lamps(page: PageNumber = 1) -> LampList:
        """Return the UV lamps, and what happened to them, newest first."""
        return console.lamps(page=page)

    @router.get("/batches")
    def batches() -> Stock:
        """Return the batches in stock with their verdicts, first to expire first."""
        return console.stock()

    @router.get("/batches/journey")
    def journey(batch: BatchId) -> BatchJourney:
        """Return where the doses of a batch stood and what they went through."""
        return console.journey(batch)

    @router.get("/equipment")
    def equipment() -> Equipment:
        """Return devices, their streams, what was set aside and what is missing."""
        return console.equipment()

    @router.get("/health")
    def health() -> HubHealth:
        """Return how the hub is, as it says itself where it can be asked."""
        return console.health()

    return router
