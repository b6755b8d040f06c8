"""From readings to people and back, by the real gammu-smsd: alarm out, answer in, and past faults.

The modem is simulator/modem.py on its pty, the gateway simulator/sms_gateway.py. gammu-smsd is slow
where it is in trouble (a modem that hung for three seconds costs it half a minute), so the stories
run side by side and each test reads the end of one. The hub's own parts run without its threads,
on the real time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts.channels.contract import Channel
from alerts.channels.gateway import wall_ms
from alerts.codes import code_of
from history.sqlite import SqliteHistory
from hub.answers import Answers
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe
from hub.said import Saying
from hub.tables import alarms, sms
from hub.wording import Wording
from journal import journal
from journal.database import create_tables, open_database, read
from journal.excursions import ExcursionRow, listing
from simulator.sms_gateway import SmsGateway
from tests.alerts.channels.gateways import Clock, Post
from tests.support.county import hub_settings
from tests.support.sender import MINUTE, START, Sender
from tests.support.smsd import Rig, needs_smsd

LI, WANG, AMY = "+8613900000001", "+8613900000002", "+8613900000003"
PATIENCE_S = 3
# Alembic's steps run in one thread at a time.
ALEMBIC = threading.Lock()


class Hub:
    """Intake, outbox and answers of a hub, on channels that are real."""

    def __init__(
        self, folder: Path, channels: dict[str, Channel], patience_s: int = PATIENCE_S
    ) -> None:
        folder.mkdir(parents=True)
        kinds = [{"id": name, "kind": "log"} for name in channels]
        self.settings = hub_settings(
            folder, channels=kinds, sms={"queued_too_long": f"{patience_s}s"}
        )
        self.channels = channels
        self.began = time.monotonic()
        self.database = open_database(folder / "hub.db")
        with ALEMBIC:
            create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.intake = Intake(self.settings, self.database, self.history, self._tell)
        wording = Wording(self.settings, self.intake.newest)
        self.outbox = Outbox(
            self.settings, self.database, channels, Saying(self.settings, wording).say
        )
        self.answers = Answers(self.settings, self.database, wording.reply)

    def _tell(self, conn: Connection, decision: Any, row: ExcursionRow, now: int) -> None:
        owe(conn, self.settings.sites[0], decision.happening, row, now)

    def warm(self) -> str:
        """Let a fridge be too warm for a quarter of an hour until now; return the alarm's code."""
        sender = Sender()
        sender.settings()
        for minute in range(15):
            sender.reading(minute, 9_200)
        topic = "coldwatch/1/east-gate/pi-1/records"
        count = len(sender.bodies)
        self.intake.take([Incoming(topic, sender.message(1, count), self.now())], self.now())
        with read(self.database) as conn:
            return code_of(listing(conn)[0].id)

    def now(self) -> int:
        """The story's time: it began a quarter of an hour ago, and goes on as the real one does."""
        return START + 15 * MINUTE + int((time.monotonic() - self.began) * 1000)

    def skip(self, seconds: float) -> None:
        """Let the hub's time jump."""
        self.began -= seconds

    def until(self, happened: Callable[[], bool], within_s: float = 100.0) -> None:
        """Go round as the hub's thread does until something has happened; fail in time."""
        deadline = time.monotonic() + within_s
        while not happened():
            self.answers.round(self.channels.values(), self.now())
            self.outbox.round(self.now())
            assert time.monotonic() < deadline, self.sms()
            time.sleep(0.1)

    def sms(self) -> list[Any]:
        """Every SMS that the hub made, oldest first."""
        with read(self.database) as conn:
            return list(conn.execute(select(sms).order_by(sms.c.created_at, sms.c.id)).all())

    def entries(self, type_: str) -> list[Any]:
        """The journal's entries of a type, oldest first."""
        with read(self.database) as conn:
            return list(journal.entries(conn, types=type_))

    def all_sent(self, count: int) -> bool:
        """Whether there are so many SMS, and each was sent."""
        rows = self.sms()
        return len(rows) >= count and all(row.state == "sent" for row in rows)

    def close(self) -> None:
        """Let go of the files."""
        self.history.close()
        self.database.dispose()


def both_ways(folder: Path) -> dict[str, Any]:
    """An alarm goes out, is delivered to two and not to the third; one of them answers."""
    with ExitStack() as stack:
        rig = stack.enter_context(Rig(folder / "rig"))
        rig.modem.report("failed", "3$")
        hub = Hub(folder / "hub", {"modem": rig.channel})
        stack.callback(hub.close)
        code = hub.warm()
        hub.until(lambda: hub.all_sent(3))
        first = hub.sms()[:3]
        hub.until(lambda: {row.delivery for row in hub.sms()[:3]} == {"delivered", "failed"})
        rig.modem.deliver("+8613711111111", code)
        rig.modem.deliver(WANG, "这是什么短信？" * 12 + "😀")
        rig.smsd.kill()
        rig.modem.deliver(LI, f"{code}")
        hub.until(lambda: bool(hub.entries("alarm.acknowledged")))
        hub.until(lambda: len(hub.entries("answer.received")) >= 3)
        hub.until(lambda: LI in {message.to for message in rig.modem.messages[3:]})
        with read(hub.database) as conn:
            (alarm,) = conn.execute(select(alarms)).all()
        return {
            "code": code,
            "first": first,
            "sms": hub.sms(),
            "read": list(rig.modem.messages),
            "submits": list(rig.modem.submits),
            "acknowledged": hub.entries("alarm.acknowledged"),
            "answers": hub.entries("answer.received"),
            "alarm": alarm,
        }


def unplugged(folder: Path) -> dict[str, Any]:
    """The modem is away when the alarm comes, for eight seconds."""
    return _past(folder, lambda rig: rig.modem.vanish(8))


def stalled(folder: Path) -> dict[str, Any]:
    """The modem hangs when the alarm comes, for six seconds."""
    return _past(folder, lambda rig: rig.modem.stall(6))


def refusing(folder: Path) -> dict[str, Any]:
    """The modem's network refuses one number for ever."""
    return _past(folder, lambda rig: rig.modem.refuse(to="2$", code=28), 60)


def _past(
    folder: Path, fault: Callable[[Rig], None], patience_s: int = PATIENCE_S
) -> dict[str, Any]:
    with ExitStack() as stack:
        settings = {"retry_after_s": 1, "retries": 1}
        rig = stack.enter_context(Rig(folder / "rig", **settings))
        gateway = stack.enter_context(SmsGateway())
        post = Post(folder, "aliyun", gateway, Clock())
        channel = post.channel
        channel._now = wall_ms
        channel.start()
        stack.callback(channel.close)
        hub = Hub(folder / "hub", {"modem": rig.channel, "cloud": channel}, patience_s)
        stack.callback(hub.close)
        rig.channel.submit("before", LI, "before")
        rig.settle("before")
        fault(rig)
        code = hub.warm()
        hub.until(lambda: hub.all_sent(3))
        told = max(row.sent_at for row in hub.sms()[:3])
        # What lies in the modem's queue goes out when it is back; or it has been refused.
        opening = [row.id for row in hub.sms()[:3]]
        hub.until(lambda: all(_over(rig, key) for key in opening))
        # What follows so soon is joined to one more message, half a minute later.
        hub.skip(31)
        hub.until(lambda: hub.all_sent(6 if hub.entries("channel.failing") else 3))
        return {
            "code": code,
            "opening": hub.sms()[:3],
            "told_after_s": (told - hub.sms()[0].created_at) / 1000,
            "sms": hub.sms(),
            "modem": list(rig.modem.messages),
            "submits": len(rig.modem.submits),
            "cloud": list(gateway.taken),
            "failing": hub.entries("channel.failing"),
            "faults": gateway.faults,
        }


def _over(rig: Rig, key: str) -> bool:
    """Whether the modem has nothing more to do with a message."""
    outcome = rig.channel.outcome(key)
    return outcome is None or outcome.state in {"sent", "refused"}


STORIES = (both_ways, unplugged, stalled, refusing)


@pytest.fixture(scope="module")
def stories(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[dict[str, Any]]]]:
    """All stories, running side by side."""
    needs_smsd()
    folder = tmp_path_factory.mktemp("sms")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {story.__name__: pool.submit(story, folder / story.__name__) for story in STORIES}


class TestBothWays:
    @pytest.fixture
    def result(self, stories: dict[str, Future[dict[str, Any]]]) -> dict[str, Any]:
        """The story of an alarm that is answered."""
        return stories["both_ways"].result(115)

    def test_the_alarm_is_read_as_it_was_written(self, result: dict[str, Any]) -> None:
        """Chinese letter for letter, one SMS each, with the code to answer with."""
        read_ = {message.to: message.text for message in result["read"][:3]}

        assert read_ == {row.phone: row.text for row in result["first"]}
        assert set(read_) == {LI, WANG, AMY}
        assert "1号冰箱" in read_[LI]
        assert all(result["code"] in text for text in read_.values())
        assert {message.parts for message in result["read"][:3]} == {1}

    def test_who_got_it_is_known(self, result: dict[str, Any]) -> None:
        """The network's report of each: delivered, or not."""
        found = {row.phone: row.delivery for row in result["sms"][:3]}

        assert found == {LI: "delivered", WANG: "delivered", AMY: "failed"}

    def test_the_answer_acknowledges_in_the_journal(self, result: dict[str, Any]) -> None:
        """By whom and which way, once, though smsd was killed while answers came in."""
        (entry,) = result["acknowledged"]

        assert entry.subject == result["alarm"].id
        assert (entry.body["person"], entry.body["way"]) == ("li", "sms")
        assert result["alarm"].answered_by == "li"

    def test_every_answer_is_kept_once(self, result: dict[str, Any]) -> None:
        """Those of strangers and those that nobody understands as well, put together from parts."""
        texts = sorted(entry.body["text"] for entry in result["answers"])

        assert texts == sorted([result["code"], result["code"], "这是什么短信？" * 12 + "😀"])
        assert sorted(entry.subject for entry in result["answers"]) == sorted(
            ["+8613711111111", WANG, LI]
        )

    def test_nobody_strange_is_answered(self, result: dict[str, Any]) -> None:
        """The one who answered is told that it was understood."""
        to = [message.to for message in result["read"][3:]]

        assert "+8613711111111" not in to
        assert LI in to


class TestFailOver:
    @pytest.mark.parametrize("story", ["unplugged", "stalled"])
    def test_the_next_channel_takes_over(
        self, stories: dict[str, Future[dict[str, Any]]], story: str
    ) -> None:
        """All three are told by the gateway, with the same words and code, soon after the patience."""
        result = stories[story].result(115)
        cloud = [one for one in result["cloud"] if one.key in {row.id for row in result["opening"]}]

        assert sorted(one.to for one in cloud) == sorted(
            p.removeprefix("+86") for p in (LI, WANG, AMY)
        )
        assert {row.channel for row in result["opening"]} == {"cloud"}
        assert all(result["code"] in one.params[-1] for one in cloud)
        assert result["told_after_s"] < PATIENCE_S + 15

    @pytest.mark.parametrize("story", ["unplugged", "stalled", "refusing"])
    def test_nothing_lost_nothing_doubled(
        self, stories: dict[str, Future[dict[str, Any]]], story: str
    ) -> None:
        """Each channel sends each message once at most; what lay in the modem goes out late, once."""
        result = stories[story].result(115)
        keys = [one.key for one in result["cloud"]]
        by_modem = [(message.to, message.text) for message in result["modem"]]
        opening = {(row.phone, row.text) for row in result["opening"]}

        assert len(keys) == len(set(keys))
        assert len(by_modem) == len(set(by_modem)) == result["submits"]
        if story != "refusing":
            assert opening <= set(by_modem)
        assert result["faults"] == []

    @pytest.mark.parametrize("story", ["unplugged", "stalled"])
    def test_the_fail_over_is_told(
        self, stories: dict[str, Future[dict[str, Any]]], story: str
    ) -> None:
        """The journal has it, and people are told by the channel that works."""
        result = stories[story].result(115)

        assert "modem" in {entry.subject for entry in result["failing"]}
        others = [row for row in result["sms"] if row.id not in {r.id for r in result["opening"]}]
        assert {row.phone for row in others} == {LI, WANG, AMY}
        assert {row.state for row in others} == {"sent"}
        assert all("modem" in row.text or "短信" in row.text for row in others)

    def test_a_refused_number_takes_the_other_way(
        self, stories: dict[str, Future[dict[str, Any]]]
    ) -> None:
        """Only the one whose number the modem's network does not know is told by the gateway."""
        result = stories["refusing"].result(115)

        assert {row.phone: row.channel for row in result["opening"]} == {
            LI: "modem", WANG: "cloud", AMY: "modem",
        }  # fmt: skip
        assert [one.to for one in result["cloud"]] == [WANG.removeprefix("+86")]
