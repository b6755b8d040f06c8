"""Intake: decode, check, chain, judge, write, save, `received`. One commit a batch.

A batch is what had come when the last one was done. Its records go to the history first, under
(stream, seq), so that a repeat changes nothing; then one transaction of the hub's database takes
the engines' states, the marks, the excursions with their holds and notices, and what is set aside.
Killed in between, the hub finds its old marks, the agents send the batch again, and the history
knows its records already. When the history store is down, everything but `stored` goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from alerts.decisions import Decision
from alerts.rules import watches_from_record
from config.hub import HubSettings
from history.port import HistoryUnavailableError, RefusedRecord, StoredRecord
from hub import lacking, lost_probes
from hub.decode import Decoded, UnreadableError, decode
from hub.devices import Claim, read_status, save_devices
from hub.newest import Newest
from hub.setaside import SetAside, save_all
from hub.shield import Store
from hub.stages import Stages
from hub.storing import store
from hub.streams import Stream, load_streams, new_stream, save_streams
from journal import excursions, journal, watches
from journal.database import read, write
from ledger import holds
from protocol import topics
from protocol.canonical import canonical_bytes

log = logging.getLogger(__name__)

HUB = "hub"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came: topic, bytes, the hub's clock, and whether the broker had kept it."""

    topic: str
    payload: bytes
    at: int
    retained: bool = False


@dataclass(slots=True)
class _Batch:
    """What one batch comes to."""

    store: list[StoredRecord] = field(default_factory=list)
    # Streams whose `stored` follows once the history has taken the batch: the new seq and hash.
    stored: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    decisions: list[tuple[Stream, Decision]] = field(default_factory=list)
    settings: list[tuple[Stream, dict[str, Any]]] = field(default_factory=list)
    entries: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    # Streams that do not fit to what is known, with the entry's body.
    differs: dict[str, dict[str, Any]] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)
    heard: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    answer: set[str] = field(default_factory=set)
    # The streams that it may have changed: what follows looks at these, and not at all there are.
    touched: dict[str, Stream] = field(default_factory=dict)
    judged: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done with a batch: how many records were judged and stored, and whom to answer."""

    judged: int
    stored: int
    aside: int
    excursions: int
    answer: frozenset[str]
    history_down: str


Telling = Callable[[Connection, Decision, excursions.ExcursionRow, int], None]


class Intake:
    """Takes batches of messages in. Used by one thread only."""

    def __init__(
        self,
        settings: HubSettings,
        database: Engine,
        history: Store,
        tell: Telling,
        stages: Stages | None = None,
    ) -> None:
        """Load the streams.

        ``tell(conn, decision, row, now)`` is called in the transaction of each excursion's step.
        ``stages`` is told where the time goes.
        """
        self._sites = {device: site.id for site in settings.sites for device in site.devices}
        # Revoked devices and since when; replaced as a whole (see `revoked`).
        self._revoked: Mapping[str, int] = {}
        self._database = database
        self._history = history
        self._tell = tell
        self._stages = stages or Stages()
        self._history_down = ""
        self.newest = Newest(history)
        self._streams: dict[str, Stream] = {}
        # What is committed, by device and stream: other threads ask in the midst of a batch.
        self._marks: dict[str, dict[str, Any]] = {}
        self._stale = True
        # Why the history has not said yet whether it has what the marks claim; nothing is stored
        # before it has.
        self._silent = "it was not asked"
        # Streams of which it was entered that they differ; a device may repeat it for ever.
        self._said: set[str] = set()
        self._gave_up_at: int | None = None
        self._reload()

    def take(self, messages: Iterable[Incoming], now: int) -> Taken:
        """Take one batch in.

        Raises DatabaseError where the hub's database cannot take it: then nothing has happened but
        that the history may know some records already, and the same messages may come again.
        """
        if self._stale:
            self._reload()
        batch, stages = _Batch(answer=self.agree(now)), self._stages
        messages = list(messages)
        try:
            stages.begin()
            for message in messages:
                self._message(batch, message)
            stages.lap("judge")
            self._to_history(batch)
            with write(self._database) as conn:
                self._commit(conn, batch, now)
            stages.lap("commit")
        except BaseException:
            # The engines have gone ahead of what is saved.
            self._stale = True
            raise
        for name in batch.differs.keys() - self._said:
            fields = {"event": "stream-differs", "stream": name, **batch.differs[name]}
            log.warning("stream %s differs; nothing more of it is stored", name, extra=fields)
        self._said.update(batch.differs)
        self._saved(batch.touched.values())
        stored = len(batch.store) if not self._history_down else 0
        stages.taken(
            [len(message.payload) for message in messages], judged=batch.judged, stored=stored,
            decisions=len(batch.decisions), aside=[item.cause for item in batch.aside],
        )  # fmt: skip
        return Taken(
            batch.judged,
            stored,
            len(batch.aside),
            len(batch.decisions),
            frozenset(batch.answer),
            self._history_down,
        )

    def give_up(self, now: int) -> int:
        """Close what is open of probes that people call dead or lost (see hub/lost_probes.py).

        Returns how many series that were. Looks once in ten seconds. Raises DatabaseError; nothing
        has happened then.
        """
        if self._gave_up_at is not None and 0 <= now - self._gave_up_at < lost_probes.EVERY_MS:
            return 0
        if self._stale:
            self._reload()
        with read(self._database) as conn:
            lost = lost_probes.find(conn, self._streams, now)
        if lost:
            try:
                with write(self._database) as conn:
                    for stream, series in lost:
                        for decision in stream.engine.give_up(series):
                            self._decided(conn, stream, decision, now)
                        stream.changed = True
                    lost_probes.end_the_rest(conn, lost, now)
                    touched = list({each.stream.stream: each.stream for each in lost}.values())
                    save_streams(conn, touched)
            except BaseException:
                self._stale = True
                raise
            self._saved(touched)
        self._gave_up_at = now
        return len(lost)

    def revoked(self, devices: Mapping[str, int]) -> None:
        """Take nothing from these devices any more; any thread may say so."""
        self._revoked = devices

    def agree(self, now: int) -> set[str]:
        """Let `stored` fall back where the history lacks what it claims (see hub/lacking.py), once.

        Returns the devices that must hear of it. A store that does not answer is asked again with
        each batch.
        """
        if not self._silent:
            return set()
        try:
            with read(self._database) as conn:
                lacks = lacking.find(conn, self._history, self._streams.values())
        except HistoryUnavailableError as error:
            self._silent = str(error)
            return set()
        if lacks:
            # Read back from the database whatever becomes of the commit.
            self._stale = True
            with write(self._database) as conn:
                lacking.fall_back(conn, lacks, now)
                save_streams(conn, [lack.stream for lack in lacks])
            self._reload()
        self._silent = ""
        return {lack.stream.device for lack in lacks}

    def marks(self, device: str) -> dict[str, Any]:
        """Return the marks of all streams of a device, as `received` publishes them."""
        return self._marks.get(device, {})

    def devices(self) -> Mapping[str, str]:
        """Return device -> site of all devices that are set up; it never changes."""
        return self._sites

    def _reload(self) -> None:
        with read(self._database) as conn:
            self._streams = load_streams(conn)
        for stream in self._streams.values():
            stream.changed = True
        self._saved(self._streams.values())
        self._stale = False

    def _saved(self, streams: Iterable[Stream]) -> None:
        """Note that the database has all of it, and make the new marks known."""
        for stream in streams:
            if stream.changed:
                others = self._marks.get(stream.device, {})
                self._marks[stream.device] = {**others, stream.stream: stream.marks()}
            stream.saved()

    # --- one message ---

    def _message(self, batch: _Batch, message: Incoming) -> None:
        try:
            address = topics.parse(message.topic)
        except ValueError as error:
            batch.aside.append(SetAside(message, str(error), cause="address"))
            return
        site = self._sites.get(address.device)
        if address.version != str(topics.MAJOR_VERSION):
            reason = f"wire version {address.version} is not spoken here; this hub speaks 1"
        elif site is None:
            reason = f"device {address.device} is not in the hub's settings"
        elif site != address.site:
            reason = f"device {address.device} says site {address.site}, but it belongs to {site}"
            if address.leaf == "records" and not message.retained:
                # A status may be one that the broker has kept since the device stood there.
                claimed = address.site if topics.is_name(address.site) else "?"
                batch.claims[address.device] = Claim("site", claimed, message.at)
        elif address.device in self._revoked:
            day = datetime.fromtimestamp(self._revoked[address.device] / 1000, UTC)
            reason = (
                f"device {address.device} was revoked at {day:%Y-%m-%d %H:%M} UTC; enrol it again"
            )
        else:
            if address.leaf == "status":
                self._status(batch, address.device, message)
            else:
                # What the broker had kept is no sign of life.
                if not message.retained:
                    batch.heard[address.device] = message.at
                self._records(batch, site, address.device, message)
            return
        batch.aside.append(SetAside(message, reason, cause="address"))

    def _status(self, batch: _Batch, device: str, message: Incoming) -> None:
        try:
            status = read_status(message.payload)
        except UnreadableError as error:
            batch.aside.append(SetAside(message, f"status: {error}", cause="status"))
            return
        batch.statuses[device] = status.model_dump_json(exclude_none=True)
        if status.state == "online":
            # An agent that has just come learns how far the hub is.
            batch.answer.add(device)
            # "offline" is the broker's word, not the device's.
            if not message.retained:
                batch.heard[device] = message.at

    def _records(self, batch: _Batch, site: str, device: str, message: Incoming) -> None:
        self._stages.lap("judge")
        try:
            decoded = decode(message.payload)
        except UnreadableError as error:
            batch.aside.append(SetAside(message, str(error)))
            return
        self._stages.lap("decode")
        stream = self._streams.get(decoded.stream)
        if stream is None:
            # Kept only once it brings something: a stream that begins with a hole is none yet.
            stream = new_stream(decoded.stream, site, device, message.at)
        elif stream.device != device:
            reason = f"stream {decoded.stream} belongs to device {stream.device}, not to {device}"
            batch.claims[device] = Claim("stream", stream.device, message.at)
            batch.aside.append(SetAside(message, reason, cause="stream"))
            return
        elif stream.site != site:
            # The device was moved in the settings; from now on it speaks for its new site.
            stream.site, stream.changed = site, True
        batch.answer.add(device)
        batch.touched[stream.stream] = stream
        last = decoded.first + len(decoded.bodies) - 1
        if decoded.gap is not None:
            self._gap(batch, stream, decoded)
            return
        stored = batch.stored.get(stream.stream, (stream.stored_seq, stream.stored_h))
        join = stream.join(decoded, last, stored)
        if join == "new":
            self._take_records(batch, stream, decoded, message)
        elif join == "differs" and stream.fresh:
            reason = f"stream {stream.stream} does not begin with the hash of its own id"
            batch.aside.append(SetAside(message, reason, cause="stream"))
        elif join == "differs":
            batch.differs.setdefault(stream.stream, {"device": device, "seq": last})
        if decoded.broken and join != "differs":
            broken = SetAside(message, decoded.broken, stream.stream, last + 1, cause="record")
            batch.aside.append(broken)

    def _take_records(
        self, batch: _Batch, stream: Stream, decoded: Decoded, message: Incoming
    ) -> None:
        """Judge what has not been judged, and lay out for the history what has not been stored."""
        first = decoded.first
        stored, _ = batch.stored.get(stream.stream, (stream.stored_seq, b""))
        # Behind a hole in what is stored nothing may be called stored; it comes again.
        may_store = first - 1 <= stored
        for refused in decoded.refused:
            if refused.seq > stream.judged_seq or (may_store and refused.seq > stored):
                batch.aside.append(
                    SetAside(
                        message, refused.reason, stream.stream, refused.seq, refused.canonical,
                        cause="record",
                    )
                )  # fmt: skip
        self._judge(batch, stream, _behind(stream.judged_seq, decoded))
        if may_store:
            site, name, at = stream.site, stream.stream, message.at
            batch.store += [
                StoredRecord(site, name, body, at)
                for body in _behind(stored, decoded)
                if body is not None
            ]
        last = first + len(decoded.bodies) - 1
        self._streams[stream.stream] = stream
        if last > stream.judged_seq:
            stream.judged_seq, stream.judged_h = last, decoded.hashes[-1]
            stream.changed = True
        if may_store and last > stored:
            batch.stored[stream.stream] = (last, decoded.hashes[-1])

    def _judge(self, batch: _Batch, stream: Stream, bodies: list[dict[str, Any] | None]) -> None:
        batch.judged += len(bodies)
        newest, feed = stream.newest_at, stream.engine.feed_record
        seen: dict[str, dict[str, Any]] = {}
        for body in bodies:
            if body is None:
                continue
            newest = max(newest, body["at"])
            if body["kind"] == "settings":
                stream.rules_changed = True
                batch.settings.append((stream, body))
            elif body["kind"] == "event":
                batch.entries.append(_event(stream, body))
            elif body["value"] is not None and not body["quality"].startswith("rejected"):
                seen[body["series"]] = body
            if decisions := feed(body):
                batch.decisions += [(stream, decision) for decision in decisions]
        stream.newest_at = newest
        for series, body in seen.items():
            self.newest.see(stream.site, series, body["at"], body["value"])

    def _gap(self, batch: _Batch, stream: Stream, decoded: Decoded) -> None:
        """Take an agent's word that it no longer has a range: journalled, then the chain goes on."""
        gap = decoded.gap
        assert gap is not None
        h = bytes.fromhex(gap.h)
        before = (gap.first - 1, decoded.prev)
        stored = batch.stored.get(stream.stream, (stream.stored_seq, stream.stored_h))
        joins = False
        if before == (stream.judged_seq, stream.judged_h):
            stream.judged_seq, stream.judged_h = gap.last, h
            joins = stream.changed = True
        if before == stored:
            batch.stored[stream.stream] = (gap.last, h)
            if gap.last > stream.judged_seq:
                stream.judged_seq, stream.judged_h = gap.last, h
            joins = stream.changed = True
        if joins:
            self._streams[stream.stream] = stream
            body = {"device": stream.device, "first": gap.first, "last": gap.last, "h": gap.h}
            batch.entries.append(("stream.gap", stream.stream, body | {"reason": gap.reason}))

    # --- the whole batch ---

    def _to_history(self, batch: _Batch) -> None:
        """Store the readings; without the store only `stored` stands still."""
        if batch.store:
            try:
                if self._silent:
                    raise HistoryUnavailableError(self._silent)
                storing = store(self._history, batch.store)
            except HistoryUnavailableError as error:
                # While it was away it may have been put back: it is asked again what it has.
                self._silent = self._history_down = str(error)
                return
            finally:
                self._stages.appended()
            self._history_down = ""
            for name in storing.differs:
                seq, _ = batch.stored.pop(name)
                body = {"device": self._streams[name].device, "seq": seq, "in": "history"}
                batch.differs.setdefault(name, body)
            batch.aside += [self._refused(item) for item in storing.refused]
        for name, (seq, h) in batch.stored.items():
            stream = self._streams[name]
            stream.stored_seq, stream.stored_h = seq, h
            stream.changed = True

    def _refused(self, item: RefusedRecord) -> SetAside:
        """Return what is kept of a record that the history store refuses: it counts as stored."""
        record = item.record
        canonical = canonical_bytes(record.body)
        topic = topics.topic(record.site, self._streams[record.stream].device, "records")
        message = Incoming(topic, canonical, record.received_at)
        reason = f"the history store refuses it: {item.reason}"
        seq = record.body["seq"]
        return SetAside(message, reason, record.stream, seq, canonical, cause="history")

    def _commit(self, conn: Connection, batch: _Batch, now: int) -> None:
        for stream, body in batch.settings:
            watches.save(
                conn,
                stream.site,
                watches_from_record(body),
                device=stream.device,
                at=body["at"],
                stream=stream.stream,
                learned_at=now,
            )
        for stream, decision in batch.decisions:
            self._decided(conn, stream, decision, now)
        for type_, subject, body in batch.entries:
            journal.append(conn, at=now, actor=HUB, type=type_, subject=subject, body=body)
        for name, body in batch.differs.items():
            if name not in self._said:
                journal.append(
                    conn, at=now, actor=HUB, type="stream.differs", subject=name, body=body
                )
        save_streams(conn, [stream for stream in batch.touched.values() if stream.changed])
        save_all(conn, batch.aside)
        save_devices(conn, batch.heard, batch.statuses, self._sites, batch.claims)

    def _decided(self, conn: Connection, stream: Stream, decision: Decision, now: int) -> None:
        row = excursions.apply(
            conn, decision, site=stream.site, device=stream.device, learned_at=now
        )
        if decision.rule.holds and decision.happening != "recovered":
            holds.hold_overlapping(conn, row, at=now)
        self._tell(conn, decision, row, now)


def _event(stream: Stream, body: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the journal entry of an event record: what the device says, and where it said it."""
    said = {key: body[key] for key in ("at", "clock", "seq", "body")}
    entry = {"device": stream.device, "stream": stream.stream, **said}
    return f"device.{body['event']}", f"{stream.site}/{body['subject']}", entry


def _behind(seq: int, decoded: Decoded) -> list[dict[str, Any] | None]:
    """Return the bodies of the records that come behind ``seq``."""
    return decoded.bodies[max(0, seq + 1 - decoded.first) :]
