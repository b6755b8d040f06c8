"""The readings of an asset's range as a file: streamed, and only few at a time.

A file is made while it is sent (a workbook on disk before), so no page can eat the hub's memory
however long the range. What breaks off is seen as broken off: the answer then has no proper end.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from console.history import AssetRange
from console.language import Language
from console.problems import cannot_make, not_installed, too_many_downloads
from history.export import FORMATS, Export, Format, SeriesRule, exported, instant, readings_of
from history.port import History

# Each takes a worker thread, some megabytes, and for a workbook some space on disk.
MOST: Final = 2

# Which compress already: doing it again would take the hub's time and save nothing.
_COMPRESSED: Final = frozenset({"xlsx", "parquet"})
_LIBRARIES: Final[Mapping[str, str]] = {"xlsx": "xlsxwriter", "parquet": "pyarrow"}


class Download:
    """One file on its way; its place is free again when it is closed."""

    def __init__(
        self,
        blocks: Iterator[bytes],
        headers: Mapping[str, str],
        media_type: str,
        places: threading.BoundedSemaphore,
    ) -> None:
        """Take what `Downloads.begin` has made ready."""
        self.blocks = blocks
        self.headers = headers
        self.media_type = media_type
        self._places = places
        self._open = True

    def close(self) -> None:
        """Let go of files and place, whether all was sent or not; may be called again."""
        if self._open:
            self._open = False
            try:
                _close(self.blocks)
            finally:
                self._places.release()


class Downloads:
    """Begins downloads, at most `MOST` at a time."""

    def __init__(self) -> None:
        """Begin with every place free."""
        self._places = threading.BoundedSemaphore(MOST)

    def begin(
        self, history: History, what: Export, format_: Format, names: tuple[str, str]
    ) -> Download:
        """Return a download whose first block is there; raise ProblemError where there can be none.

        Args:
            history: the store.
            what: what is exported.
            format_: of the file.
            names: of the file, in ASCII and in the reader's language.

        Raises:
            ProblemError: too many are under way, the format's library is missing, or the
                disk is full.
            HistoryUnavailableError: the store cannot answer.
        """
        if not self._places.acquire(blocking=False):
            raise too_many_downloads(MOST)
        blocks = exported(readings_of(history, what), what, format_)
        try:
            first = next(blocks, b"")
        except BaseException as error:
            _close(blocks)
            self._places.release()
            if isinstance(error, ModuleNotFoundError):
                package = (error.name or "").partition(".")[0]
                if package == _LIBRARIES.get(format_):
                    raise not_installed(format_, package) from error
            if isinstance(error, OSError):
                raise cannot_make(error.strerror or str(error)) from error
            raise
        plain, own = names
        headers = {
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(own)}"
        }
        if format_ in _COMPRESSED:
            headers["Content-Encoding"] = "identity"
        return Download(_behind(first, blocks), headers, FORMATS[format_].media_type, self._places)


class DownloadResponse(StreamingResponse):
    """Sends a download, and closes it whether it was taken to the end or not."""

    def __init__(self, download: Download) -> None:
        """Wrap a download."""
        super().__init__(download.blocks, headers=download.headers, media_type=download.media_type)
        self._download = download

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a reader who goes away ends the work for him."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._download.close()


def what_of(ranged: AssetRange, language: Language) -> Export:
    """Return what is exported of an asset: every series it has, over the range shown."""
    zone = ranged.directory.zone(ranged.site)
    prefix = f"{ranged.key.partition('/')[2]}/"
    return Export(
        site=ranged.site,
        series=tuple(name for name, _ in ranged.series if name.startswith(prefix)),
        start=ranged.shown.start,
        end=ranged.shown.end,
        zone=zone,
        zone_name=zone.key,
        made_at=ranged.view.now,
        language=language,
        rules=tuple(
            SeriesRule(w.series, w.storage_low, w.storage_high, w.interval_ms, w.max_gap_ms)
            for w in ranged.watches.values()
        ),
    )


def file_names(ranged: AssetRange, what: Export, format_: Format) -> tuple[str, str]:
    """Return what the file is called: in ASCII, and by the names that people know."""
    first, last = (instant(at).astimezone(what.zone) for at in (what.start, what.end))
    span = f"{first:%Y%m%dT%H%M}-{last:%Y%m%dT%H%M}.{format_}"
    site = ranged.directory.site_name(ranged.site)
    asset = ranged.directory.asset_name(ranged.key)
    said = f"{site.zh}-{asset.zh}" if what.language == "zh" else f"{site.en}-{asset.en}"
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", ranged.key)
    return f"{plain}-{span}", f"{said.replace('/', '-')}-{span}"


def _behind(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the first block and those behind it; closing it closes them."""
    try:
        yield first
        yield from blocks
    finally:
        _close(blocks)


def _close(blocks: Iterator[bytes]) -> None:
    """Close a generator, so that its files go now and not some time."""
    close = getattr(blocks, "close", None)
    if close is not None:
        close()
