"""A browser without a screen: asks the application directly, and reads what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from fastapi import FastAPI

from console.app import create_app
from tests.console.story import Filled


@dataclass
class StandingClock:
    """A clock that stands until a test moves it."""

    at: int
    mono: int = 0
    speed: float = 1.0

    def now_ms(self) -> int:
        """Return UTC milliseconds."""
        return self.at

    def mono_ms(self) -> int:
        """Return milliseconds that never stand: whatever is kept for a while is old."""
        self.mono += 100_000
        return self.mono

    def wait(self, event: object, timeout_ms: float) -> bool:
        """Nobody waits here."""
        raise AssertionError


@dataclass(frozen=True)
class Call:
    """The body of a call of the API."""

    body: Any


class Client:
    """Asks one application; keeps cookies."""

    def __init__(self, app: FastAPI, clock: StandingClock) -> None:
        self.app = app
        self.clock = clock
        self.cookies = httpx.Cookies()

    def get(self, path: str, language: str = "en", **headers: str) -> httpx.Response:
        """Ask for a path, as a browser set to ``language``."""
        return asyncio.run(self._get(path, {"accept-language": language} | headers))

    async def _get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", cookies=self.cookies
        ) as client:
            response = await client.get(path, headers=headers)
            self.cookies = client.cookies
            return response

    def post(
        self,
        path: str,
        body: Any,
        headers: Mapping[str, str | None] = MappingProxyType({}),
        language: str = "en",
    ) -> httpx.Response:
        """Send a form (a dict), JSON (`Call`) or bytes, as a browser on our own page does.

        A header that is None is left out.
        """
        sent: dict[str, str | None] = {
            "accept-language": language,
            "origin": "http://localhost",
            "sec-fetch-site": "same-origin",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in sent.items() if value is not None}
        return asyncio.run(self._post(path, body, given))

    async def _post(self, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", cookies=self.cookies
        ) as client:
            if isinstance(body, Call):
                return await client.post(path, json=body.body, headers=headers)
            if isinstance(body, dict):
                return await client.post(path, data=body, headers=headers)
            return await client.post(path, content=body, headers=headers)

    def json(self, path: str) -> Any:
        """Return the JSON of a path that must answer."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    def page(self, path: str, language: str = "en") -> str:
        """Return the HTML of a page that must answer."""
        response = self.get(path, language)
        assert response.status_code == 200, response.text
        return response.text

    def text(self, path: str, language: str = "en") -> str:
        """Return what a person reads on a page, blanks as one."""
        return " ".join("".join(Reader.of(self.page(path, language)).texts).split())


def open_console(filled: Filled, *, later_ms: int = 0) -> Client:
    """Return a client of the console over a filled state directory."""
    clock = StandingClock(filled.now + later_ms)
    return Client(create_app(filled.settings, clock), clock)


def open_folder(settings: Any, now: int) -> Client:
    """Return a client of the console over whatever lies in the settings' state directory."""
    clock = StandingClock(now)
    return Client(create_app(settings, clock), clock)


@dataclass
class Reader(HTMLParser):
    """Collects what a page shows: texts, what is read aloud, and which elements it has."""

    texts: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)

    VOID = frozenset({"meta", "link", "br", "input", "img", "hr"})
    INLINE = frozenset({"a", "b", "s", "span", "strong", "small", "time", "code", "svg", "use"})
    SPOKEN = frozenset({"aria-label", "aria-roledescription", "alt", "placeholder", "data-label"})

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, page: str) -> Reader:
        """Read a page."""
        reader = cls()
        reader.feed(page)
        reader.close()
        return reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        if tag not in self.INLINE:
            self.texts.append(" ")
        if tag not in self.VOID:
            self._inside.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if (name in self.SPOKEN or name.startswith("data-word-")) and value:
                self.spoken.append(value)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, and those in it that need no end."""
        if tag not in self.INLINE:
            self.texts.append(" ")
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if not {"script", "style"} & set(self._inside):
            self.texts.append(data)
            if "s" in self._inside:
                self.struck.append(data.strip())


def copy_of(filled: Filled, folder: Path) -> Filled:
    """Return the same county in a folder of its own, to be changed by a test."""
    import shutil

    shutil.copytree(filled.state_dir, folder)
    from tests.console.story import settings

    return Filled(settings(folder), filled.now, folder)
