"""The console as an application: pages, JSON API, and what stands before both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from config.clock import Clock
from config.hub import HubSettings
from console.alarm_routes import alarm_api, alarm_pages
from console.api import api_router
from console.pages import pages_router, viewer_of
from console.problems import ProblemError, bad_parameter, no_such_page
from console.security import HOSTS, SecurityHeaders
from console.service import Console
from console.templating import STATIC, Templates

_DESCRIPTION: Final = (
    "What the hub of coldwatch knows, and the answers that people give to alarms. Times are UTC milliseconds, durations milliseconds, "
    "values integer thousandths of the unit beside them."
)


def create_app(settings: HubSettings, clock: Clock) -> FastAPI:
    """Return the application; raise console.directory.DirectoryError where a zone does not exist."""
    console = Console(settings, clock)
    templates = Templates(console.directory)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        console.close()

    app = FastAPI(
        title="coldwatch",
        description=_DESCRIPTION,
        version="1",
        openapi_url="/api/openapi.json",
        # its pages load scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.include_router(api_router(console))
    app.include_router(alarm_api(console))
    app.include_router(pages_router(console, templates))
    app.include_router(alarm_pages(console, templates))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_handlers(app, console, templates)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    app.add_middleware(SecurityHeaders)
    return app


def _add_handlers(app: FastAPI, console: Console, templates: Templates) -> None:
    """Answer every refusal with one line: in JSON under /api, else as a page."""

    def answer(request: Request, problem: ProblemError) -> Response:
        viewer = viewer_of(request)
        shown = templates.shows[viewer.language]
        line = shown.translated(problem.message, problem.values)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": line}, problem.status)
        page = templates.render(
            "error.html", viewer.language, **viewer.values(), line=line, now=console.now()
        )
        return HTMLResponse(page, problem.status)

    @app.exception_handler(ProblemError)
    async def _refused(request: Request, problem: ProblemError) -> Response:
        return answer(request, problem)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return answer(request, bad_parameter(str(first["loc"][-1]), str(first["input"]), first))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return answer(request, no_such_page(request.url.path))
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
