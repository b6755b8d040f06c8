from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from console import export
from console.export import MOST
from history.port import HistoryUnavailableError, StreamReading
from history.sqlite import SqliteHistory
from tests.console.client import Client, Reader
from tests.console.story import HOUR, Filled
from tests.history.workbook import sheets

PATH = "/assets/market/fridge-3/export?range=24h"
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


def rows_of(format_: str, data: bytes) -> list[dict[str, Any]]:
    """Series, seq and thousandths of an export, whatever its format."""
    if format_ == "csv":
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        return [
            {"series": r["series"], "seq": int(r["seq"]), "value": round(float(r["value"]) * 1000)}
            for r in rows
        ]
    if format_ == "parquet":
        table = pq.read_table(pa.BufferReader(data))
        return [
            {"series": r["series"], "seq": r["seq"], "value": r["value_thousandths"]}
            for r in table.to_pylist()
        ]
    return [
        {"series": r[1], "seq": r[10], "value": round(float(r[4] or 0) * 1000)}
        for r in sheets(data)[1].rows[1:]
    ]


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_download_has_every_reading_of_the_range(
    console: Client, story: Filled, prefix: str, format_: str
) -> None:
    """Page and API give the same readings as the history: all series of the asset, none else."""
    response = console.get(f"{prefix}{PATH}&format={format_}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == FORMATS[format_]
    store = SqliteHistory(story.state_dir / "history.db", read_only=True)
    wanted = [
        {"series": name, "seq": item.reading.seq, "value": item.reading.value}
        for name in store.series("market")
        if name.startswith("fridge-3/")
        for item in store.readings("market", name, story.now - 24 * HOUR, story.now)
    ]
    store.close()
    assert len(wanted) > 200
    assert rows_of(format_, response.content) == wanted


def name_of(response: httpx.Response) -> tuple[str, str]:
    """The file's name in ASCII and in the reader's language."""
    said = response.headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    plain, _, own = said.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    return plain, unquote(own)


def test_the_file_is_called_by_what_it_is(console: Client) -> None:
    """Site, asset, range in the site's zone; in ASCII, and as people call it."""
    span = "20251124T0800-20251125T0800.csv"
    assert name_of(console.get(PATH, "en")) == (
        f"market-fridge-3-{span}",
        f"Market Square-Fridge 3-{span}",
    )
    assert name_of(console.get(PATH, "zh")) == (
        f"market-fridge-3-{span}",
        f"集市临时接种点-3号冰箱-{span}",
    )


def test_a_workbook_speaks_the_readers_language(console: Client) -> None:
    """By the page's language, and in the API by ?lang= or Accept-Language."""
    address = PATH + "&format=xlsx"
    for path, language, name in (
        (address, "zh", "说明"),
        (address, "en", "About"),
        (f"/api{address}&lang=zh", "en", "说明"),
        (f"/api{address}", "zh", "说明"),
    ):
        about = sheets(console.get(path, language).content)[0]
        assert about.name == name
        assert "2.0 degC" in str(about.rows[-1][1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_offers_the_range_that_it_shows(console: Client, language: str) -> None:
    """Each format has a link, which gives a file; an older range keeps its end."""
    end = console.clock.at - 6 * HOUR
    page = console.page(f"/assets/market/fridge-3?range=6h&end={end}", language)
    links = [
        value
        for tag, name, value in Reader.of(page).attributes
        if tag == "a" and name == "href" and "/export" in value
    ]
    assert links == [
        f"/assets/market/fridge-3/export?range=6h&end={end}&format={format_}" for format_ in FORMATS
    ]
    for link in links:
        assert console.get(link, language).status_code == 200
    rows = list(csv.DictReader(io.StringIO(console.get(links[0], language).text)))
    assert rows
    assert max(row["at"] for row in rows) < "2025-11-24T18:00"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/assets/market/fridge-9/export", 404, "There is no asset market/fridge-9"),
        (f"{PATH}&format=pdf", 400, "format=pdf: write csv, xlsx, parquet."),
        ("/assets/market/fridge-3/export?range=5y", 400, "range=5y: write"),
    ],
)
def test_what_cannot_be_given_is_said(console: Client, path: str, status: int, said: str) -> None:
    """One line, as a page and in the API."""
    response = console.get(f"/api{path}")
    assert response.status_code == status
    assert response.json()["detail"].startswith(said)
    assert said in console.get(path).text


@pytest.mark.parametrize(("format_", "package"), [("xlsx", "xlsxwriter"), ("parquet", "pyarrow")])
@pytest.mark.parametrize(
    ("language", "said"), [("en", "which the hub does not have"), ("zh", "尚未安装")]
)
def test_a_missing_library_is_one_line(
    console: Client, monkeypatch: pytest.MonkeyPatch, format_: str, package: str, language: str,
    said: str,
) -> None:  # fmt: skip
    """It says what to install; CSV goes on, and no place is lost."""
    for loaded in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    for _ in range(MOST + 1):
        response = console.get(f"/api{PATH}&format={format_}", language)
        assert response.status_code == 501
        line = response.json()["detail"]
        assert said in line
        assert f"{package}" in line
        assert "pip install 'coldwatch[export]'" in line
    assert console.get(PATH).status_code == 200


@pytest.mark.parametrize("format_", FORMATS)
def test_no_more_than_a_few_at_a_time(console: Client, format_: str) -> None:
    """One more than the hub makes at a time is refused in one line, and taken when one has ended."""
    path = f"{PATH}&format={format_}"
    held: list[asyncio.Event] = []

    async def ask(event: asyncio.Event) -> list[dict[str, Any]]:
        """Take a download slowly: what is sent waits for the event."""
        return await call(console, path, event)

    async def together() -> None:
        events = [asyncio.Event() for _ in range(MOST)]
        held.extend(events)
        slow = [asyncio.create_task(ask(event)) for event in events]
        await asyncio.sleep(0.5)
        refused = await call(console, path, None)
        assert refused[0]["status"] == 429
        assert f"{MOST} downloads are under way already".encode() in refused[1]["body"]
        events[0].set()
        assert (await slow[0])[0]["status"] == 200
        assert (await call(console, path, None))[0]["status"] == 200
        events[1].set()
        await slow[1]

    asyncio.run(together())


async def call(
    console: Client, path: str, event: asyncio.Event | None, *, leave: bool = False
) -> list[dict[str, Any]]:
    """Ask the application as a server does; the body is taken when the event is set."""
    sent: list[dict[str, Any]] = []
    where, _, query = path.partition("?")
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if not leave:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and event is not None:
            await event.wait()

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "GET", "path": where, "raw_path": where.encode(), "query_string": query.encode(),
        "root_path": "", "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"accept-language", b"en")],
    }  # fmt: skip
    await console.app(scope, receive, send)  # type: ignore[arg-type]
    return sent


def test_a_reader_who_goes_away_frees_the_place(console: Client) -> None:
    """Whoever closes the page in the middle blocks nobody after him."""
    for _ in range(MOST + 1):
        asyncio.run(call(console, PATH, asyncio.Event(), leave=True))
    assert console.get(PATH).status_code == 200


def test_a_download_that_breaks_off_is_no_whole_file(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store fails in the middle the answer breaks off, and the place is free again."""
    true = export.readings_of

    def failing(*given: Any) -> Iterator[StreamReading]:
        for number, item in enumerate(true(*given)):
            if number == 1_500:
                raise HistoryUnavailableError("the disk is gone")
            yield item

    long = "/assets/market/fridge-3/export?range=90d"
    assert len(console.get(long).text.splitlines()) > 1_600
    monkeypatch.setattr(export, "readings_of", failing)
    for _ in range(MOST + 1):
        with pytest.raises(HistoryUnavailableError):
            console.get(long)


@pytest.mark.parametrize(("language", "said"), [("en", "No space left"), ("zh", "无法生成文件")])
def test_a_full_disk_is_said(
    console: Client, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    """A workbook that the disk does not take is one line; CSV needs no disk, and no place is lost."""
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    def full(self: Any) -> None:
        raise FileCreateError(OSError(28, "No space left on device"))

    monkeypatch.setattr(xlsxwriter.Workbook, "close", full)
    for _ in range(MOST + 1):
        response = console.get(f"/api{PATH}&format=xlsx", language)
        assert response.status_code == 503
        assert said in response.json()["detail"]
    assert console.get(PATH, language).status_code == 200


def test_a_store_that_cannot_answer_is_said(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything was sent there is one line and the status that says: later."""

    def failing(*_: Any) -> Iterator[StreamReading]:
        raise HistoryUnavailableError("the server is away")
        yield

    monkeypatch.setattr(export, "readings_of", failing)
    for _ in range(MOST + 1):
        response = console.get(f"/api{PATH}")
        assert response.status_code == 503
        assert response.json()["detail"].endswith("the server is away")
