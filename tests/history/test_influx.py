"""The InfluxDB adapter on a real server: the shared suite, and what only a server can do to you."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point

import history.influx
import history.influx_columns
from config.hub import InfluxSettings
from history.influx import InfluxHistory
from history.influx_lines import (
    COLUMNS,
    FIELDS,
    RECORD_FIELDS,
    Lines,
    extra_of,
    point_time,
    record_at,
    stream_reading,
)
from history.port import (
    History,
    HistoryUnavailableError,
    RecordDiffersError,
    RefusedRecord,
    StoredRecord,
    StreamReading,
)
from protocol.canonical import canonical_bytes
from protocol.reading import reading_from_body
from tests.history.model import (
    SERIES,
    SITES,
    STREAMS,
    other_bodies,
    reading,
    reading_bodies,
    record,
)
from tests.history.suite import HistorySuite
from tests.support.influxd import Influxd

START = 1_764_000_000_000
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """One server for all tests of this module; each store has a bucket of its own."""
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()


@contextmanager
def fresh(
    server: Influxd, folder: Path | None = None, bucket: str | None = None, timeout_s: int = 10
) -> Iterator[InfluxHistory]:
    """Open a store in a bucket and a folder of its own, or in those that are given."""
    with tempfile.TemporaryDirectory() as own:
        token = Path(own) / "token"
        token.write_text(server.token + "\n")
        config = InfluxSettings(
            url=server.url,
            org=server.org,
            bucket=bucket or f"b{next(_numbers)}",
            token_file=token,
            timeout_s=timeout_s,
        )
        store = InfluxHistory(config, folder or Path(own))
        try:
            yield store
        finally:
            store.close()


class TestInflux(HistorySuite):
    @pytest.fixture(autouse=True)
    def _server(self, influxd: Influxd) -> None:
        self.server = influxd

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store in a bucket of its own."""
        with fresh(self.server) as store:
            yield store


class TestInfluxBySmallPages(TestInflux):
    """The same suite where every page holds two rows: no page border loses or doubles one."""

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store in a bucket of its own."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history.influx, "PAGE", 2)
            patch.setattr(history.influx_columns, "PAGE", 2)
            patch.setattr(history.influx_columns, "BLOCK", 2)
            with fresh(self.server) as store:
                yield store


def batch(first: int, last: int, **other: object) -> list[StoredRecord]:
    """Return readings of one stream, a minute apart."""
    return [
        record(STREAMS[0], reading(seq, START + seq * 60_000) | other)
        for seq in range(first, last + 1)
    ]


def numbers(store: InfluxHistory) -> list[int]:
    """Return the numbers that are stored of the stream."""
    return [seq for seq, _ in store.records(STREAMS[0])]


class TestInfluxRolled(TestInflux):
    """The same suite where every hour that is over is rolled at once."""

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store that rolls after each batch."""
        with fresh(self.server) as store:
            append = store.append

            def and_roll(records: Sequence[StoredRecord]) -> list[RefusedRecord]:
                refused = append(records)
                store.roll_hours()
                return refused

            store.append = and_roll  # type: ignore[method-assign]
            yield store


class TestLines:
    @settings(max_examples=200)
    @given(reading_bodies(7) | other_bodies(7))
    def test_lines_are_those_of_the_client(self, body: dict[str, Any]) -> None:
        """A line says what influxdb-client's own Point would say, in whatever order of fields."""
        item = StoredRecord("east-gate", STREAMS[0], body, 12)
        line = Lines().spell(item)
        tags, fields, time = _taken_apart(line)
        if body["kind"] == "reading":
            asset, point_, quantity = body["series"].split("/")
            point = Point("reading").tag("asset", asset).tag("point", point_)
            point.tag("quantity", quantity).tag("site", "east-gate").tag("stream", STREAMS[0])
            point.time(body["at"] * 1_000_000 + 7)
            judged = body["value"] is not None and not body["quality"].startswith("rejected")
            named = {
                "value" if judged else "rejected_value": body["value"],
                "raw": body.get("raw"),
                **{name: body[name] for name in ("seq", "mono_ms", "boot", "quality", "clock")},
                "odd": None if body["quality"] == "ok" and judged else 1 if judged else -1,
                "extra": extra_of(body) if extra_of(body) != "{}" else None,
            }
            bits = {"value": 1, "rejected_value": 2, "raw": 4, "extra": 8}
            named["has"] = sum(bit for name, bit in bits.items() if named.get(name) is not None)
        else:
            point = Point("record").tag("site", "east-gate").tag("stream", STREAMS[0])
            point.time(point_time(record_at(body), 7))
            text = canonical_bytes(body).decode()
            named = {"seq": 7, "kind": body["kind"], "body": text}
        for name, value in {**named, "received_at": 12}.items():
            if value is not None:
                point.field(name, value)
        theirs = _taken_apart(point.to_line_protocol())

        assert (tags, fields, time) == theirs
        assert set(dict(fields)) <= {*FIELDS, *RECORD_FIELDS}

    @settings(max_examples=200)
    @given(reading_bodies(7), st.data())
    def test_a_point_that_does_not_show_all_its_fields_is_no_reading(
        self, body: dict[str, Any], data: st.DataObject
    ) -> None:
        """The server shows a point's fields one by one: whichever is missing, nothing is read from it."""
        line = Lines().spell(StoredRecord("east-gate", STREAMS[0], body, 12))
        fields = {
            name: json.loads(text) if text.startswith('"') else int(text.rstrip("i"))
            for name, text in _taken_apart(line)[1]
        }
        asset, point_, quantity = body["series"].split("/")
        tags = {"asset": asset, "point": point_, "quantity": quantity, "stream": STREAMS[0]}
        time = point_time(body["at"], 7)

        def read(shown: Mapping[str, Any]) -> StreamReading | None:
            return stream_reading(tags, [time, *(shown.get(name) for name in COLUMNS)])

        whole = read(fields)
        assert whole is not None
        assert whole.reading.body() == reading_from_body(body).body()
        missing = data.draw(
            st.sets(st.sampled_from(sorted(fields.keys() & {*COLUMNS})), min_size=1)
        )
        assert read({name: fields[name] for name in fields.keys() - missing}) is None


def _taken_apart(line: str) -> tuple[str, list[tuple[str, str]], str]:
    """Return measurement with tags, the fields sorted by name, and the time of a line."""
    head, _, rest = line.partition(" ")
    body, _, time = rest.rpartition(" ")
    fields = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,"]+)', body)
    return head, sorted(fields), time


class TestServer:
    """What only a server can do to you."""

    @pytest.fixture
    def own(self, tmp_path: Path) -> Iterator[Influxd]:
        """A server of the test's own, which it may stop and kill."""
        server = Influxd(tmp_path / "influxd")
        server.start()
        yield server
        server.stop()

    def test_bucket_and_mapping_are_made(self, influxd: Influxd) -> None:
        """The first append makes a bucket that never forgets, and a DBRP mapping of our own."""
        with fresh(influxd) as store:
            store.append(batch(1, 1))
            name = store._server.bucket
            headers = {"Authorization": f"Token {influxd.token}"}
            buckets = urllib3.request(
                "GET", f"{influxd.url}/api/v2/buckets?name={name}", headers=headers
            ).json()["buckets"]
            mappings = urllib3.request(
                "GET", f"{influxd.url}/api/v2/dbrps?org={influxd.org}&db={name}", headers=headers
            ).json()["content"]

        assert [rule["everySeconds"] for rule in buckets[0]["retentionRules"]] in ([], [0])
        assert [item["bucketID"] for item in mappings if not item.get("virtual")] == [
            buckets[0]["id"]
        ]

    def test_a_bucket_that_forgets_is_refused(self, influxd: Influxd) -> None:
        """Readings are kept for years: a bucket with an end of retention is named, with the remedy."""
        with fresh(influxd) as store:
            org = influxd_org(influxd)
            rules = [{"type": "expire", "everySeconds": 7200}]
            name = store._server.bucket
            influxd.post("/api/v2/buckets", {"name": name, "orgID": org, "retentionRules": rules})

            with pytest.raises(
                HistoryUnavailableError, match="forgets after 7200 s; write: influx"
            ):
                store.append(batch(1, 1))

    def test_away_hung_and_back(self, own: Influxd) -> None:
        """Stopped, hung or killed it is said in one line; afterwards the same call works."""
        with fresh(own, timeout_s=1) as store:
            store.append(batch(1, 3))
            own.stop()
            with pytest.raises(HistoryUnavailableError, match="does not answer"):
                store.append(batch(4, 6))
            with pytest.raises(HistoryUnavailableError, match="does not answer"):
                store.count()
            own.start()
            store.append(batch(4, 6))

            another = [record(STREAMS[1], reading(seq, START + seq * 60_000)) for seq in (1, 2)]
            os.kill(own.pid, signal.SIGSTOP)
            with pytest.raises(HistoryUnavailableError, match="does not answer"):
                store.append([*batch(7, 9), *another])
            os.kill(own.pid, signal.SIGCONT)
            # The points of the unanswered write are shown now. They are written once more, for
            # influxd may have them in its cache only.
            store.append([*batch(7, 9), *another])
            own.kill()
            own.start()

            assert numbers(store) == list(range(1, 10))
            assert [seq for seq, _ in store.records(STREAMS[1])] == [1, 2]

    def test_killed_while_appending(self, own: Influxd) -> None:
        """After SIGKILL of the server in the midst of appending, all that was answered is there, once."""
        with fresh(own, timeout_s=5) as store:
            stop = threading.Event()
            answered = [0]

            def append() -> None:
                while not stop.is_set():
                    first = answered[0] + 1
                    try:
                        store.append(batch(first, first + 49))
                        answered[0] += 50
                    except HistoryUnavailableError:
                        stop.wait(0.05)

            thread = threading.Thread(target=append)
            thread.start()
            for _ in range(3):
                time.sleep(0.7)
                own.kill()
                own.start()
            time.sleep(0.3)
            stop.set()
            thread.join()

            assert answered[0] > 200
            assert numbers(store) == list(range(1, answered[0] + 1))
            assert store.count() == answered[0]

    def test_lines_that_the_server_refuses(self, influxd: Influxd) -> None:
        """One line in a thousand that the server refuses is found and returned; the rest is stored."""
        with fresh(influxd) as store:
            store.append(batch(1, 1))
            # From now on a text in `extra` is of another type than the shard's field.
            clash = f"reading,site=x extra=1i {point_time(START, 0)}"
            influxd.post(f"/api/v2/write?org={influxd.org}&bucket={store._server.bucket}", clash)
            records = [
                record(STREAMS[0], reading(seq, START + seq * 1000) | ({"odd": 1} if bad else {}))
                for seq in range(2, 3002)
                for bad in [seq % 1000 == 500]
            ]

            refused = store.append(records)

            assert [item.record.body["seq"] for item in refused] == [500, 1500, 2500]
            assert {"field type conflict" in item.reason for item in refused} == {True}
            good = [seq for seq in range(1, 3002) if seq % 1000 != 500]
            assert numbers(store) == good
            assert [item.record for item in store.append(records)] == [
                item.record for item in refused
            ]

    def test_a_line_that_is_no_line(
        self, influxd: Influxd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the server takes none of a request for one bad line, the others are stored all the same."""
        spell = Lines.spell

        def sometimes_wrong(self: Lines, item: StoredRecord) -> str:
            line = spell(self, item)
            return line.replace("seq=", "seq==") if item.body["seq"] == 77 else line

        monkeypatch.setattr(Lines, "spell", sometimes_wrong)
        with fresh(influxd) as store:
            refused = store.append(batch(1, 200))

            assert [item.record.body["seq"] for item in refused] == [77]
            assert "unable to parse" in refused[0].reason
            assert numbers(store) == [seq for seq in range(1, 201) if seq != 77]

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """A full disk of the server is said with the remedy; what was answered is there afterwards."""
        engine = tmp_path / "influxd" / "engine"
        engine.mkdir(parents=True)
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small disk")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", engine], check=True)
        server = Influxd(tmp_path / "influxd")
        try:
            server.start()
            with fresh(server) as store:
                # so that the server's own notes of its errors have their place already
                store.append(batch(1, 1))
                filler = engine / "filler"
                answered = 1
                with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(65_536))
                reason = ""
                while not reason:
                    try:
                        store.append(batch(answered + 1, answered + 500))
                    except HistoryUnavailableError as error:
                        reason = str(error)
                    else:
                        answered += 500
                assert "free some space there, then restart influxd" in reason
                filler.unlink()
                server.stop()
                server.start()

                store.append(batch(answered + 1, answered + 500))

                assert numbers(store) == list(range(1, answered + 501))
        finally:
            server.kill()
            subprocess.run(["umount", engine], check=True)

    @pytest.mark.parametrize("answer", [b"", b"error\nsomething\n", b"<html>"])
    def test_a_failed_question_is_no_empty_answer(
        self, influxd: Influxd, monkeypatch: pytest.MonkeyPatch, answer: bytes
    ) -> None:
        """A CSV answer that lost its rows to an error raises; no chart is drawn without them."""
        with fresh(influxd) as store:
            store.append(batch(1, 50))
            ask = store._server._ask

            def broken(query: str, accept: str, *, quick: bool) -> bytes:
                return answer if "csv" in accept else ask(query, accept, quick=quick)

            monkeypatch.setattr(store._server, "_ask", broken)
            with pytest.raises(HistoryUnavailableError):
                store.samples(SITES[0], SERIES[0], START, START + 86_400_000)

    def test_something_else_answers(self, tmp_path: Path) -> None:
        """A page of a proxy in the server's place is said as such, and ends nothing."""
        import http.server

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer with a page, whatever is asked."""
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<html>soon again</html>")

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            store = InfluxHistory(
                InfluxSettings(url=f"http://127.0.0.1:{server.server_port}"), tmp_path
            )
            for question in (
                lambda: store.append(batch(1, 1)),
                store.heads,
                store.streams,
                lambda: store.last_before(SITES[0], SERIES[0], START),
                lambda: store.samples(SITES[0], SERIES[0], START, START + 1),
            ):
                with pytest.raises(HistoryUnavailableError):
                    question()
            store.close()
            server.shutdown()

    def test_a_reading_from_the_future(
        self, influxd: Influxd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One clock that runs ahead does not freeze what is newest of everybody else."""
        monkeypatch.setattr(history.influx, "_ENDED_FOR_S", 0.0)
        with fresh(influxd) as store:
            ahead = reading(1, START + 10 * 86_400_000) | {"series": SERIES[1]}
            store.append([record(STREAMS[1], ahead)])
            for seq in (1, 2, 3):
                store.append([record(STREAMS[0], reading(seq, START + seq * 60_000, seq))])

                assert store.latest()[SITES[0], SERIES[0]].reading.value == seq

    def test_a_wrong_token(self, influxd: Influxd) -> None:
        """A token that the server does not know is said, with where to put another one."""
        with tempfile.TemporaryDirectory() as folder:
            token = Path(folder) / "token"
            token.write_text("nobody's")
            store = InfluxHistory(
                InfluxSettings(url=influxd.url, org=influxd.org, token_file=token), Path(folder)
            )
            with pytest.raises(
                HistoryUnavailableError, match="token_file or COLDWATCH_INFLUX_TOKEN"
            ):
                store.append(batch(1, 1))
            with pytest.raises(HistoryUnavailableError, match="401"):
                store.count()
            store.close()


class TestSideFile:
    """The side file is made again from the server, whatever happened to it."""

    @pytest.mark.parametrize("kept", [0, 5])
    def test_lost_or_old(self, influxd: Influxd, tmp_path: Path, kept: int) -> None:
        """A lost or an old side file changes no answer: repeats are known, differences refused."""
        with fresh(influxd, tmp_path) as store:
            if kept:
                store.append(batch(1, kept))
                store._side.close()
                saved = {path: path.read_bytes() for path in tmp_path.glob("influx-side.db*")}
        for path in tmp_path.glob("influx-side.db*"):
            if not kept:
                path.unlink()
        with fresh(influxd, tmp_path, store._server.bucket) as store:
            store.append(batch(1, 8))
        for path in tmp_path.glob("influx-side.db*"):
            path.unlink()
        if kept:
            for path, content in saved.items():
                path.write_bytes(content)

        with fresh(influxd, tmp_path, store._server.bucket) as store:
            # What an old file does not know may have been shown and never answered: it comes again.
            assert store.heads() == {STREAMS[0]: kept or 8}
            with pytest.raises(RecordDiffersError, match="seq 7: another body"):
                store.append(batch(7, 9, value=1))
            store.append(batch(1, 9))
            assert numbers(store) == list(range(1, 10))
            assert store.settled(SITES[0], SERIES[0]) == START + 9 * 60_000

    def test_the_server_was_put_back(self, own_pair: tuple[Influxd, InfluxHistory]) -> None:
        """A server restored from a backup has lower heads than the side file remembers."""
        server, store = own_pair
        store.append(batch(1, 5))
        server.stop()
        backup = server.folder.parent / "backup"
        shutil.copytree(server.folder, backup)
        server.start()
        store.append(batch(6, 9))
        assert store.heads() == {STREAMS[0]: 9}
        server.stop()
        shutil.rmtree(server.folder)
        backup.rename(server.folder)
        server.start()

        assert store.heads() == {STREAMS[0]: 5}
        store.append(batch(4, 9))
        assert numbers(store) == list(range(1, 10))

    @pytest.fixture
    def own_pair(self, tmp_path: Path) -> Iterator[tuple[Influxd, InfluxHistory]]:
        """A server of the test's own, and a store in it."""
        server = Influxd(tmp_path / "influxd")
        server.start()
        with fresh(server) as store:
            yield server, store
        server.stop()


def influxd_org(server: Influxd) -> str:
    """Return the id of the server's organisation."""
    answer = urllib3.request(
        "GET",
        f"{server.url}/api/v2/orgs?org={server.org}",
        headers={"Authorization": f"Token {server.token}"},
    )
    return str(answer.json()["orgs"][0]["id"])


class TestHours:
    """The side file's hours: rolled when they are over, and again when a late reading comes."""

    def test_only_the_open_hour_is_left_to_roll(self, influxd: Influxd) -> None:
        """After rolling, a chart of days reads the readings of no hour but the newest one."""
        with fresh(influxd) as store:
            store.append(batch(1, 600))
            asked = (SITES[0], SERIES[0], START, START + 36_000_000, 5)
            before = store.envelope(*asked, interval_ms=60_000, max_gap_ms=180_000)
            rolled = store.roll_hours()
            after = store.envelope(*asked, interval_ms=60_000, max_gap_ms=180_000)
            found = store._side.hours(SITES[0], SERIES[0], 0, START + 86_400_000)

            assert rolled == 10
            assert found is not None
            assert (found[0].shape[1], len(found[1])) == (10, 1)
            assert before == after
            assert store.roll_hours() == 0
            # an hour that is rolled already
            store.append([record(STREAMS[1], reading(1, START + 90_000, 9_500))])
            late = store.envelope(*asked, interval_ms=60_000, max_gap_ms=180_000)
            assert late[0].maximum == 9_500
            assert store.roll_hours() == 1
            assert late == store.envelope(*asked, interval_ms=60_000, max_gap_ms=180_000)

    def test_touched_while_it_is_rolled(
        self, influxd: Influxd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reading that comes between asking the server and writing the hour is not forgotten."""
        with fresh(influxd) as store:
            store.append(batch(1, 200))
            rolled = store._side.rolled

            def meanwhile(*arguments: Any) -> None:
                monkeypatch.undo()
                store.append([record(STREAMS[1], reading(1, START + 90_000, 9_500))])
                rolled(*arguments)

            monkeypatch.setattr(store._side, "rolled", meanwhile)
            store.roll_hours()
            shown = store.envelope(
                SITES[0], SERIES[0], START, START + 7_200_000, 1,
                interval_ms=60_000, max_gap_ms=180_000,
            )  # fmt: skip

            assert shown[0].maximum == 9_500
