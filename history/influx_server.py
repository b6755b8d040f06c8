"""The InfluxDB server as the adapter needs it: write lines, ask in InfluxQL, and what errors mean.

Writes go through influxdb-client, synchronously and without its retries: a batch that it gave up
would be gone. Reads are InfluxQL at `/query`, which InfluxDB 1, 2 and 3 share.

A read is never taken as proof of a write: on a full disk InfluxDB 2.9.1 shows the points of a
failed write until it is started anew, and then they are gone.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
import urllib3
from influxdb_client import (  # type: ignore[attr-defined]
    Bucket,
    DBRPCreate,
    DBRPsService,
    InfluxDBClient,
    WritePrecision,
)
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from config.hub import InfluxSettings
from history.influx_lines import TAGS, joined
from history.port import HistoryUnavailableError
from protocol.reading import split_series

log = logging.getLogger(__name__)

TOKEN: Final = "COLDWATCH_INFLUX_TOKEN"  # noqa: S105
_NO_DATABASE: Final = ("database not found", "default retention policy not set")
# The refusals that speak of the lines: malformed, too many at once, of another type. All others
# speak of who asks, where and when, or come from something in between.
_THE_LINES: Final = frozenset({400, 413, 422})
# How a page of a proxy looks to whoever takes it for an answer.
_NO_INFLUXDB: Final = (ValueError, KeyError, TypeError, AttributeError, IndexError)


class LinesRefusedError(Exception):
    """The server has refused some of the lines for good; of the others some may be stored."""


class Server:
    """One bucket of one server. May be used from any thread."""

    def __init__(self, settings: InfluxSettings) -> None:
        """Nothing is asked of the server yet: it may be away when the hub starts.

        Raises HistoryUnavailableError where the token's file cannot be read.
        """
        self.url = settings.url.rstrip("/")
        self.bucket = settings.bucket
        self._org = settings.org
        token = _token(settings)
        self._client = InfluxDBClient(
            url=self.url, token=token, org=settings.org, timeout=settings.timeout_s * 1000
        )
        self._write_api = self._client.write_api(write_options=SYNCHRONOUS)
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=4,
            retries=False,
        )
        self._timeout_s = settings.timeout_s
        self._headers = {"Authorization": f"Token {token}"}

    def prepare(self) -> None:
        """Make the bucket and its DBRP mapping where they are missing.

        Raises HistoryUnavailableError where the server is away, or would forget readings.
        """
        try:
            self._prepare()
        except ApiException as error:
            raise self._unavailable(error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._away(error) from None
        except _NO_INFLUXDB as error:
            raise self._odd(error) from None

    def _prepare(self) -> None:
        buckets = self._client.buckets_api()
        try:
            bucket = buckets.find_bucket_by_name(self.bucket)
        except ApiException as error:
            if error.status == 404:  # InfluxDB 3 has no buckets: its databases come with a write
                return
            raise
        if bucket is None:
            bucket = buckets.create_bucket(
                Bucket(name=self.bucket, retention_rules=[], org_id=self._org_id()), org=self._org
            )
            log.info("made the bucket %s of %s", self.bucket, self.url)
        for rule in bucket.retention_rules:
            if rule.every_seconds:
                raise HistoryUnavailableError(
                    f"the bucket {self.bucket} of {self.url} forgets after {rule.every_seconds} s; "
                    f"write: influx bucket update --id {bucket.id} --retention 0"
                )
        self._map(bucket)

    def _map(self, bucket: Bucket) -> None:
        """Make the mapping by which InfluxQL finds the bucket; 2.9 has a virtual one by itself."""
        service = DBRPsService(self._client.api_client)
        known = service.get_dbr_ps(org_id=bucket.org_id, db=self.bucket).content or []
        if any(item.bucket_id == bucket.id and not item.virtual for item in known):
            return
        service.post_dbrp(
            DBRPCreate(
                org_id=bucket.org_id,
                bucket_id=bucket.id,
                database=self.bucket,
                retention_policy="coldwatch",
                default=True,
            )
        )

    def _org_id(self) -> str:
        found = self._client.organizations_api().find_organizations(org=self._org)
        return str(found[0].id)

    def write(self, lines: Sequence[str]) -> None:
        """Write lines durably: answered means that the server has them on its disk.

        Raises:
            LinesRefusedError: some of them will never be taken; the text is the server's reason.
            HistoryUnavailableError: none may count as stored; the same call must come again.
        """
        try:
            self._write_api.write(
                self.bucket,
                self._org,
                joined(lines),
                write_precision=WritePrecision.NS,  # type: ignore[arg-type]
            )
        except ApiException as error:
            status = error.status or 0
            if status in _THE_LINES:
                raise LinesRefusedError(_message(error)) from None
            raise self._unavailable(error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._away(error) from None

    def rows(self, query: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the rows of a SELECT: its columns and the tags that it groups by, by name.

        Times are integer nanoseconds. A bucket that is not there yet has no rows. ``quick``: the
        answer is a row or two, and somebody waits for it; others may take ten times the time-out.
        """
        for tags, columns, values in self.groups(query, quick=quick):
            for row in values:
                yield {**tags, **dict(zip(columns, row, strict=True))}

    def groups(
        self, query: str, *, quick: bool = False
    ) -> list[tuple[dict[str, str], list[str], list[list[Any]]]]:
        """Return each group of a SELECT: the tags it groups by, its columns, its rows."""
        text = self._ask(query, "application/json", quick=quick)
        try:
            results = orjson.loads(text)["results"]
        except _NO_INFLUXDB as error:
            raise self._odd(error) from None
        found = []
        for result in results:
            if "error" in result:
                if result["error"].startswith(_NO_DATABASE):
                    return []
                raise HistoryUnavailableError(f"InfluxDB at {self.url}: {result['error']}")
            for item in result.get("series", ()):
                found.append((item.get("tags", {}), item["columns"], item.get("values", [])))
        return found

    def csv(self, query: str) -> bytes:
        """Return the answer as lines of `name,tags,time,column...` under a header; b"" for none.

        A question that failed half-way has no rows either: see ``influx_columns.pages``.
        """
        text = self._ask(query, "application/csv", quick=False)
        if text and not text.startswith(b"name,"):
            raise HistoryUnavailableError(
                f"InfluxDB at {self.url}: {text[:200].decode(errors='replace').strip()}"
            )
        return text

    def _ask(self, query: str, accept: str, *, quick: bool) -> bytes:
        fields = {"db": self.bucket, "epoch": "ns", "q": query}
        try:
            answer = self._pool.request(
                "POST",
                f"{self.url}/query",
                fields=fields,
                encode_multipart=False,
                timeout=urllib3.Timeout(
                    connect=self._timeout_s, read=self._timeout_s * (1 if quick else 10)
                ),
                headers={**self._headers, "Accept": accept},
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._away(error) from None
        if answer.status != 200:
            raise HistoryUnavailableError(
                f"InfluxDB at {self.url} refuses to answer ({answer.status}): "
                f"{_message_of(answer.data)}"
            )
        return answer.data

    def close(self) -> None:
        """Give the connections back."""
        self._write_api.close()
        self._client.close()
        self._pool.clear()

    def _away(self, error: Exception) -> HistoryUnavailableError:
        reason = error
        while isinstance(getattr(reason, "reason", None), Exception):
            reason = reason.reason  # type: ignore[attr-defined]
        return HistoryUnavailableError(f"InfluxDB at {self.url} does not answer: {reason}")

    def _odd(self, error: Exception) -> HistoryUnavailableError:
        return HistoryUnavailableError(
            f"what answers at {self.url} is no InfluxDB, or not ready ({type(error).__name__})"
        )

    def _unavailable(self, error: ApiException) -> HistoryUnavailableError:
        message = _message(error)
        if error.status == 401:
            advice = f"it does not know the token; give a valid one in token_file or {TOKEN}"
        elif error.status == 403:
            advice = f"the token may not write to the bucket {self.bucket}; give it that right"
        elif "no space left on device" in message:
            # what takes writes again is only a new start: its write-ahead log keeps the error
            advice = "its disk is full; free some space there, then restart influxd"
        else:
            advice = "it takes nothing now"
        return HistoryUnavailableError(
            f"InfluxDB at {self.url}: {advice} ({error.status}: {message})"
        )


def _token(settings: InfluxSettings) -> str:
    if settings.token_file is None:
        return os.environ.get(TOKEN, "")
    try:
        return settings.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryUnavailableError(
            f"{settings.token_file}: the token of InfluxDB cannot be read ({error})"
        ) from None


def _message(error: ApiException) -> str:
    return _message_of(error.body) if error.body else str(error.reason)


def _message_of(body: bytes | str) -> str:
    """Return what the server says, in one line."""
    try:
        text = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace") if isinstance(body, bytes) else body
    return " ".join(text.split())[:500]


def quoted(text: str) -> str:
    """Return a text as InfluxQL spells it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def of_series(site: str, series: str) -> str:
    """Return the condition that picks one series, of whatever stream."""
    values = (site, *split_series(series))
    return " AND ".join(
        f'"{tag}" = {quoted(value)}' for tag, value in zip(TAGS, values, strict=False)
    )
