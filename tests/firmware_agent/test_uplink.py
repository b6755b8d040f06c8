"""The agent on a real mosquitto, with a small hub behind it: what is lost comes again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import SystemClock
from firmware_agent.agent import Agent
from firmware_agent.health import Health
from firmware_agent.outbox import SpoolOutbox
from firmware_agent.uplink import Uplink
from protocol.chain import genesis
from protocol.connection import Address, Connection
from protocol.messages import Status
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.test_spool import open_writer
from tests.firmware_agent.worlds import HandClock, make_plan, reading, settings, stored_bodies
from tests.support import mosquitto as broker_settings
from tests.support.mosquitto import Mosquitto


class Rig:
    """A spool, its uplink, and a hub behind a broker."""

    def __init__(self, folder: Path, broker: Mosquitto, records: int) -> None:
        self.folder = folder
        self.broker = broker
        self.clock = HandClock()
        self.spool, self.writer = open_writer(folder, self.clock)
        self.writer.commit([settings(self.clock.mono)], self.clock.stamp(), self.clock.now)
        self.record(records - 1)
        self.hub = SmallHub(broker.port).start()
        self.outbox = SpoolOutbox(self.spool)
        self.health = Health()
        self.uplink = self.new_uplink()
        self.tell()

    def new_uplink(self, **plan: object) -> Uplink:
        """Make an uplink; it is not started."""
        return Uplink(
            make_plan(self.folder, self.broker.port, **plan),
            SystemClock(),
            self.outbox,
            self.health,
            version="test",
        )

    def change_uplink(self, **plan: object) -> None:
        """Take one with another plan; it is not started."""
        self.uplink.stop()
        self.uplink = self.new_uplink(**plan)
        self.tell()

    def record(self, count: int) -> None:
        """Commit readings, and the marks that the uplink has heard of."""
        drafts = []
        for _ in range(count):
            self.clock.pass_ms(60_000)
            drafts.append(reading(self.clock.mono))
        marks = self.uplink.marks if hasattr(self, "uplink") else {}
        self.writer.commit(drafts, self.clock.stamp(), self.clock.now, marks)

    def tell(self) -> None:
        """Let the uplink know of it."""
        self.uplink.news(self.writer.streams, self.writer.recorded)

    def send(self, count: int) -> None:
        """Commit readings and let them go."""
        self.record(count)
        self.tell()

    def all_there(self) -> bool:
        """The hub has stored all that was committed."""
        return self.hub.stored() == self.writer.recorded

    def check(self) -> None:
        """The hub has each record once, with the very bytes of the spool."""
        held = self.hub.held
        assert held is not None
        assert not self.hub.mind.refused
        assert stored_bodies(self.folder)[held.stream] == held.bodies()


@pytest.fixture
def rig(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Rig]:
    """A rig with 1,200 records, not started."""
    rig = Rig(tmp_path / "state", mosquitto, 1_200)
    yield rig
    rig.uplink.stop()
    rig.hub.stop()
    rig.outbox.close()
    rig.spool.close()


def test_all_that_was_committed_arrives_once(rig: Rig) -> None:
    """The backlog first, then what comes, at once."""
    rig.uplink.start()
    wait_for(rig.all_there)
    begun = time.monotonic()
    rig.send(1)
    wait_for(rig.all_there)
    assert time.monotonic() - begun < 0.5
    rig.check()
    wait_for(lambda: rig.uplink.unsent == 0)


def test_a_broker_that_speaks_only_3_1_1_serves_as_well(rig: Rig) -> None:
    """Nothing depends on MQTT 5."""
    rig.change_uplink(protocol="3.1.1")
    rig.uplink.start()
    wait_for(rig.all_there)
    rig.check()


def test_a_broker_that_is_killed_loses_nothing(rig: Rig) -> None:
    """What it had confirmed and lost comes again, and the hub takes it once."""
    rig.uplink.start()
    wait_for(rig.all_there)
    for _ in range(3):
        rig.send(700)
        rig.broker.kill()
        rig.send(50)
        rig.broker.start()
        wait_for(rig.all_there)
    rig.check()


def test_without_a_hub_the_broker_is_not_flooded(rig: Rig) -> None:
    """A window goes out, then single messages; when the hub comes, all of it arrives."""
    rig.hub.mute = True
    rig.send(3_000)
    seen = Connection(
        "watcher", Address("127.0.0.1", rig.broker.port), ["coldwatch/1/east-gate/pi-1/records"],
        on_message=lambda _, payload, __: sizes.append(len(json.loads(payload)["records"])),
        on_connected=lambda: None,
    )  # fmt: skip
    sizes: list[int] = []
    seen.start()
    assert seen.wait_connected(5)
    rig.uplink.start()
    time.sleep(5.5)
    assert sizes[:4] == [500] * 4
    # Gone back after 1, 2 and 4 s: the first time with the window, then with one message.
    assert len(sizes) <= 10
    rig.hub.mute = False
    rig.hub.say()
    wait_for(rig.all_there)
    rig.check()
    seen.stop()


def test_a_restored_hub_gets_back_what_it_lost(rig: Rig) -> None:
    """`received` falls back to yesterday, and the agent sends today again by itself."""
    rig.uplink.start()
    wait_for(rig.all_there)
    with rig.hub.lock:
        rig.hub.mind.restore(rig.writer.streams[-1].id, 400)
    rig.hub.say()
    wait_for(rig.all_there)
    rig.check()


def test_a_hub_that_judges_but_does_not_store_gets_it_again(rig: Rig) -> None:
    """What is judged is not released; when the store is back, it is filled."""
    rig.hub.mind.store_down = True
    rig.uplink.start()
    stream = rig.writer.streams[-1].n
    wait_for(lambda: rig.uplink.marks.get(stream) == (1_200, 0))
    rig.send(1)
    assert rig.writer.streams[-1].stored == 0
    rig.hub.mind.store_down = False
    wait_for(rig.all_there)
    wait_for(lambda: rig.uplink.marks.get(stream) == (1_201, 1_201))
    rig.check()


def test_a_record_that_the_hub_cannot_read_blocks_none_behind_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window comes in halves, and the record that never passes becomes a gap."""
    monkeypatch.setattr("firmware_agent.window.LAST_TRIES", 3)
    monkeypatch.setattr("firmware_agent.uplink._LEAST_RESEND_S", 0.0)
    rig.hub.mind.poison = {777}
    rig.change_uplink(resend_after_ms=50)
    rig.uplink.start()
    wait_for(rig.all_there, 30)
    held = rig.hub.held
    assert held is not None
    assert held.gaps == [(777, 777, "the hub does not take this record")]
    assert sorted(held.records) == [seq for seq in range(1, 1_201) if seq != 777]
    wait_for(lambda: rig.health.problems() == ())


def test_a_broker_that_refuses_records_is_told_and_costs_none(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paho calls a refused message published. It is not, and it is no sign of an unreadable record."""
    monkeypatch.setattr("firmware_agent.window.LAST_TRIES", 1)
    monkeypatch.setattr("firmware_agent.uplink._LEAST_RESEND_S", 0.0)
    monkeypatch.setattr("firmware_agent.uplink._REFUSED_S", 0.2)
    rights = tmp_path / "rights"
    writing = "".join(f"topic write coldwatch/1/+/+/{leaf}\n" for leaf in ("status", "received"))
    rights.write_text(f"topic read #\n{writing}")
    rights.chmod(0o600)
    with_rights = f"{broker_settings.SETTINGS}acl_file {rights}\n"
    monkeypatch.setattr(broker_settings, "SETTINGS", with_rights)
    rig.broker.stop()
    rig.broker.start()
    assert rig.hub.connection.wait_connected(5)
    rig.change_uplink(resend_after_ms=50)
    rig.uplink.start()
    wait_for(lambda: any("Not authorized" in line for line in rig.health.problems()))
    time.sleep(2)
    assert rig.hub.held is None
    rights.write_text("topic readwrite #\n")
    rig.broker.stop()
    rig.broker.start()
    wait_for(rig.all_there)
    rig.check()
    wait_for(lambda: rig.health.problems() == ())


def test_what_is_no_longer_kept_becomes_a_gap_and_the_rules_come_anew(rig: Rig) -> None:
    """A new hub behind an old spool: the range is declared, and the settings are recorded again."""
    rig.uplink.start()
    wait_for(rig.all_there)
    wait_for(lambda: rig.uplink.unsent == 0)
    rig.clock.pass_ms(36 * 86_400_000)
    for _ in range(12):
        rig.send(1)
        wait_for(rig.all_there)
    dropped = rig.writer.streams[-1].dropped
    assert dropped > 300
    with rig.hub.lock:
        rig.hub.mind.streams.clear()
    rig.hub.say()
    wait_for(rig.all_there)
    held = rig.hub.held
    assert held is not None
    assert held.gaps == [(1, dropped, "no longer kept")]
    assert sorted(held.records) == list(range(dropped + 1, rig.writer.recorded + 1))
    assert rig.uplink.take_rules_lost()
    assert not rig.uplink.take_rules_lost(), "once is enough"


@pytest.mark.parametrize("ahead", [True, False])
def test_a_hub_with_another_chain_is_told_and_answered_with_a_new_stream(
    rig: Rig, ahead: bool
) -> None:
    """A card that lied: the hub has more than the spool, or something else at the same place."""
    rig.uplink.start()
    wait_for(rig.all_there)
    wait_for(lambda: rig.uplink.unsent == 0)
    rig.record(0)
    old = rig.writer.streams[-1]
    other = {"seq": 1_300 if ahead else 1_205, "h": "ee" * 32}
    rig.send(10)
    rig.hub.mute = True
    marks = {"judged": other, "stored": {"seq": 1_200, "h": rig.outbox.hash_at(old, 1_200).hex()}}  # type: ignore[union-attr]
    rig.hub.publish("received", json.dumps({"v": 1, "at": 1, "streams": {old.id: marks}}).encode())
    wait_for(lambda: rig.uplink.fork is not None)
    fork = rig.uplink.fork
    assert fork is not None
    assert (fork.stream, fork.common) == (old.id, 1_200)
    wait_for(lambda: any("another chain" in line for line in rig.health.problems()))

    assert rig.writer.fork(fork.common, settings(rig.clock.mono), rig.clock.now)
    rig.hub.mute = False
    rig.tell()
    new = rig.writer.streams[-1].id
    wait_for(lambda: new in rig.hub.mind.streams and rig.hub.mind.streams[new].stored == 11)
    spooled = stored_bodies(rig.folder)
    assert len(spooled[old.id]) == 1_200
    assert spooled[new] == rig.hub.mind.streams[new].bodies()
    wait_for(lambda: rig.uplink.fork is None and rig.health.problems() == ())


@pytest.mark.parametrize("leaf", ["received", "told"])
def test_what_is_no_message_of_a_hub_is_told_once_and_ignored(
    rig: Rig, leaf: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Sending goes on with the marks that are known."""
    rig.uplink.start()
    wait_for(rig.all_there)
    for bad in (b"\xff", b"{}", b'{"v":2}', b"[]", b'{"v":1,"at":1,"streams":[]}'):
        rig.hub.publish(leaf, bad)
        time.sleep(0.05)
    rig.send(5)
    wait_for(rig.all_there)
    assert [r.message for r in caplog.records if r.message.startswith(f"{leaf}=ignored")] != []
    assert sum(r.message.startswith(f"{leaf}=ignored") for r in caplog.records) == 1


def test_what_people_were_told_is_heard(rig: Rig) -> None:
    """The ids of the excursions, for the panel and for an own modem."""
    rig.uplink.start()
    message = {"v": 1, "at": 1, "excursions": ["0123456789abcdef"]}
    rig.hub.publish("told", json.dumps(message).encode())
    wait_for(lambda: rig.uplink.told == {"0123456789abcdef"})


class TestStatus:
    """What the agent says of itself, retained."""

    def last(self, rig: Rig) -> Status:
        """Return the newest status that the hub has seen."""
        return rig.hub.statuses[-1]

    def test_it_says_how_we_are(self, rig: Rig) -> None:
        """On every change of what is wrong, and when we go."""
        rig.uplink.start()
        wait_for(lambda: rig.uplink.unsent == 0)
        rig.health.set("spool", "takes nothing: database or disk is full")
        rig.tell()
        wait_for(lambda: bool(rig.hub.statuses) and self.last(rig).problems != [])
        status = self.last(rig)
        assert status.state == "online"
        assert status.stream == rig.writer.streams[-1].id
        assert (status.recorded, status.unsent) == (1_200, 0)
        assert status.problems == ["spool: takes nothing: database or disk is full"]
        rig.uplink.stop()
        wait_for(lambda: self.last(rig).state == "offline")

    def test_the_broker_says_it_when_we_cannot(self, rig: Rig) -> None:
        """The last will."""
        rig.uplink.start()
        wait_for(rig.all_there)
        # A link that breaks without a word: the socket is shut, and nobody comes back.
        connection = rig.uplink._connection
        connection._stopping.set()
        connection.drop()
        wait_for(lambda: self.last(rig).state == "offline")
        assert self.last(rig).at is None


def test_whatever_the_broker_does_the_cycle_goes_on(tmp_path: Path, free_port: int) -> None:
    """Nobody listens there: an agent samples, records and judges all the same, and ends at once."""
    agent = Agent(make_plan(tmp_path, free_port), SystemClock())
    thread = threading.Thread(target=agent.run)
    thread.start()
    time.sleep(2.5)
    begun = time.monotonic()
    agent.stop()
    thread.join()
    assert time.monotonic() - begun < 1.5
    ((stream, bodies),) = stored_bodies(tmp_path).items()
    assert [body["kind"] for body in bodies[:2]] == ["settings", "reading"]
    assert len(bodies) >= 3
    assert genesis(stream)
