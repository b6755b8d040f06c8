"""The whole way of an SMS, with the real gammu-smsd: exact, once, and past every fault.

gammu-smsd is slow where it is in trouble (a hung modem costs it half a minute), so all stories
begin together and each test reads the end of its own.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alerts import segments
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.channels.smsd_watch import Limits
from simulator.pdu import gsm7_codes, gsm7_text
from tests.support.smsd import Rig, needs_smsd

NUMBER = "+8613800000001"
REFUSED = "+8613800000999"
CHINESE = (
    "【疫苗冷链】东门预防接种门诊 1号冰箱 温度过高 9.2℃（上限8℃），14:05起已12分钟。请立即检查。"
)
CHINESE_TWO = CHINESE + "停用批次放行前勿用。" * 4 + "😀"
ALPHABET = gsm7_text([code for code in range(128) if code != 0x1B]).replace("\r", "")
EXTENDED = "[{}]\\^~|€"
# The 153rd septet falls into the middle of an escape.
ENGLISH_TWO = "x" * 152 + "€" * 30
LONG_KEY = "k" * 120


def plain(rig: Rig) -> dict[str, Any]:
    """Everything that can be written, to numbers of both forms, each handed over twice."""
    texts = {
        "zh": CHINESE,
        "zh two": CHINESE_TWO,
        "en": "VACCINE ALARM: TOO HOT: 9.2C (max 8C). Check it now.",
        "en two": ENGLISH_TWO,
        "alphabet": ALPHABET,
        LONG_KEY: EXTENDED,
    }
    for _ in range(2):
        for key, text in texts.items():
            rig.channel.submit(key, "13800000002" if key == "en" else NUMBER, text)
    outcomes = rig.settle(*texts)
    for key, text in texts.items():
        rig.channel.submit(key, NUMBER, text)
    rig.channel.submit("last", NUMBER, "last")
    rig.settle("last")
    return {"texts": texts, "outcomes": outcomes}


def refused(rig: Rig) -> dict[str, Any]:
    """One number is refused for ever; messages to others come behind it."""
    rig.modem.refuse(to="999$", code=21)
    rig.channel.submit("refused", REFUSED, "refused")
    later = ["later 1", "later 2"]
    for key in later:
        rig.channel.submit(key, NUMBER, key)
    outcomes = rig.settle(*later)
    between = rig.channel.outcome("refused")
    outcomes |= rig.settle("refused")
    return {"outcomes": outcomes, "between": between}


def stalled(rig: Rig) -> dict[str, Any]:
    """The modem hangs for three seconds just when messages come."""
    return _through(rig, lambda: rig.modem.stall(3))


def vanished(rig: Rig) -> dict[str, Any]:
    """The modem is unplugged for three seconds just when messages come."""
    return _through(rig, lambda: rig.modem.vanish(3))


def killed(rig: Rig) -> dict[str, Any]:
    """Gammu-smsd is killed just when messages come, and the hub hands over again."""
    return _through(rig, rig.smsd.kill)


def _through(rig: Rig, fault: Callable[[], None]) -> dict[str, Any]:
    rig.channel.submit("before", NUMBER, "before")
    rig.settle("before")
    fault()
    during = ["during 1", "during 2"]
    for _ in range(2):
        for key in during:
            rig.channel.submit(key, NUMBER, key)
    rig.settle(*during)
    rig.channel.submit("after", NUMBER, CHINESE)
    return {"outcomes": rig.settle("before", *during, "after")}


def watched(rig: Rig) -> dict[str, Any]:
    """The signal has faded, and the card's credit is nearly used up; nobody has sent anything."""
    rig.modem.fade(3)
    rig.modem.service("*100#", "Balance 4.20 CNY")
    channel = GammuSmsd(rig.database, Limits(20, "*100#", 86_400_000, 5_000))
    found = channel.condition()
    deadline = time.monotonic() + 90
    while not (found.signal_percent and found.balance) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = channel.condition()
    return {"outcomes": {}, "condition": found, "inbox": channel.received()}


def locked(rig: Rig) -> dict[str, Any]:
    """While SMS go out and delivery reports come in, somebody writes nearly all the time."""
    rig.channel.submit("before", NUMBER, "before")
    rig.settle("before")
    keys = [f"during {number}" for number in range(5)]
    for key in keys:
        rig.channel.submit(key, NUMBER, key)
    # Autocommit, and longer in each lock than smsd takes from one statement to the next.
    writer = sqlite3.connect(rig.database, timeout=30, isolation_level=None)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        writer.execute("BEGIN IMMEDIATE")
        time.sleep(0.4)
        writer.execute("COMMIT")
        time.sleep(0.05)
        found = [rig.channel.outcome(key) for key in keys]
        if all(outcome and outcome.delivery == "delivered" for outcome in found):
            break
    writer.close()
    outcomes = {key: rig.channel.outcome(key) for key in keys}
    return {"outcomes": outcomes, "starts": rig.smsd.starts}


STORIES = (plain, refused, stalled, vanished, killed, watched, locked)


def tell(story: Callable[[Rig], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Run a story in a rig of its own; add what the modem saw."""
    settings = {"retry_after_s": 1, "retries": 5} if story is refused else {}
    with Rig(folder, **settings) as rig:
        result = story(rig)
        return result | {"read": rig.texts(), "modem": rig.modem, "log": rig.log}


@pytest.fixture(scope="module")
def stories(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[dict[str, Any]]]]:
    """All stories, running side by side."""
    needs_smsd()
    folder = tmp_path_factory.mktemp("smsd")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {
            story.__name__: pool.submit(tell, story, folder / story.__name__) for story in STORIES
        }


class TestPlain:
    @pytest.fixture
    def result(self, stories: dict[str, Future[dict[str, Any]]]) -> dict[str, Any]:
        """The story of messages without a fault."""
        return stories["plain"].result(100)

    def test_every_text_arrives_exactly_once(self, result: dict[str, Any]) -> None:
        """In order, letter for letter, and once though each was handed over three times."""
        assert result["read"] == [*result["texts"].values(), "last"]

    def test_numbers(self, result: dict[str, Any]) -> None:
        """A national number stays one, and an international one keeps its plus."""
        numbers = {message.text: message.to for message in result["modem"].messages}

        assert numbers[result["texts"]["en"]] == "13800000002"
        assert numbers[CHINESE] == NUMBER

    def test_coding_and_parts(self, result: dict[str, Any]) -> None:
        """Each went in the narrowest coding and in as many parts as the segments say."""
        for message in result["modem"].messages:
            assert message.coding == segments.encoding_of(message.text)
            assert message.parts == len(segments.split(message.text))
        assert sum(m.parts for m in result["modem"].messages) == len(result["modem"].submits)

    def test_no_escape_is_cut(self, result: dict[str, Any]) -> None:
        """Where the 153rd septet would part an escape, the part ends before it."""
        parts = [s.text for s in result["modem"].submits if s.part and s.coding == "gsm7"]

        assert parts == ["x" * 152, "€" * 30]
        assert len(gsm7_codes(parts[0])) == 152

    def test_valid_for_a_day(self, result: dict[str, Any]) -> None:
        """The network gives an alarm up after 24 h."""
        assert {submit.validity for submit in result["modem"].submits} == {167}

    def test_sent_at(self, result: dict[str, Any]) -> None:
        """What the channel says of the time is what the modem's log says, to the second."""
        for key, message in zip(result["texts"], result["modem"].messages, strict=False):
            outcome = result["outcomes"][key]
            assert outcome.state == "sent"
            assert abs(outcome.at_ms / 1000 - _seconds(message.at)) < 5

    def test_the_modem_knew_what_it_was_asked(self, result: dict[str, Any]) -> None:
        """Only questions about other makers' modems went unanswered."""
        assert set(result["modem"].unknown) <= {
            "AT+MODE=2", "AT+CPROT=?", "AT+SYNCML=?", "AT$TSSPCSW=?", "AT+CHUP=?",
        }  # fmt: skip


class TestRefused:
    @pytest.fixture
    def result(self, stories: dict[str, Future[dict[str, Any]]]) -> dict[str, Any]:
        """The story of a refused message."""
        return stories["refused"].result(100)

    def test_it_blocks_nobody(self, result: dict[str, Any]) -> None:
        """Later messages pass a refused one, which meanwhile waits for its next try."""
        assert result["read"] == ["later 1", "later 2"]
        assert result["between"].state == "retry"
        assert "error 21 (rejected by the network" in result["between"].reason

    def test_it_is_given_up_with_its_reason(self, result: dict[str, Any]) -> None:
        """After its tries it is refused, with what the modem said."""
        assert result["outcomes"]["refused"].state == "refused"
        assert "error 21" in result["outcomes"]["refused"].reason
        assert result["outcomes"]["later 1"].at_ms < result["outcomes"]["refused"].at_ms


class TestFaults:
    @pytest.mark.parametrize("story", ["stalled", "vanished", "killed"])
    def test_nothing_lost_nothing_doubled(
        self, stories: dict[str, Future[dict[str, Any]]], story: str
    ) -> None:
        """Hung, unplugged or killed: every message arrives once, and later ones go on."""
        result = stories[story].result(110)

        assert sorted(result["read"]) == sorted(["before", "during 1", "during 2", CHINESE])
        assert {outcome.state for outcome in result["outcomes"].values()} == {"sent"}

    def test_an_unplugged_modem_fills_no_disk(
        self, stories: dict[str, Future[dict[str, Any]]]
    ) -> None:
        """It is noticed that the modem is gone, instead of read from for ever at 14 MB of log a second."""
        log: Path = stories["vanished"].result(110)["log"]

        assert log.stat().st_size < 100_000


def test_it_waits_for_a_lock(stories: dict[str, Future[dict[str, Any]]]) -> None:
    """By itself smsd waits for none: it connects anew, and crashes over a report."""
    result = stories["locked"].result(110)
    log = result["log"].read_text("utf-8", "replace")

    assert "database is locked" not in log
    assert "Reconnecting" not in log
    assert result["starts"] == 1
    assert sorted(result["read"]) == ["before", *(f"during {number}" for number in range(5))]
    assert {outcome.delivery for outcome in result["outcomes"].values()} == {"delivered"}


def test_signal_and_credit(stories: dict[str, Future[dict[str, Any]]]) -> None:
    """What smsd writes of them is read, and told; the operator's answer is nobody's SMS."""
    result = stories["watched"].result(110)

    assert result["condition"].signal_percent in range(1, 20)
    assert result["condition"].balance == "Balance 4.20 CNY"
    assert "signal is weak" in result["condition"].warning
    assert "credit is low" in result["condition"].warning
    assert result["inbox"] == []


def test_it_does_not_outlive_us(tmp_path: Path, house: Path) -> None:
    """When the one who started gammu-smsd is killed, gammu-smsd is gone too."""
    needs_smsd()
    script = (
        "import pathlib, sys, time\n"
        "from tests.support.smsd import Rig\n"
        "with Rig(pathlib.Path(sys.argv[1])) as rig:\n"
        "    while rig.smsd.pid is None:\n"
        "        time.sleep(0.05)\n"
        "    print(rig.smsd.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "rig")],
        cwd=house,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    smsd = Path("/proc") / process.stdout.readline().strip()
    deadline = time.monotonic() + 10
    while "gammu-smsd" not in _command(smsd) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _command(smsd).startswith("gammu-smsd")

    process.kill()
    process.communicate()

    while "gammu-smsd" in _command(smsd) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "gammu-smsd" not in _command(smsd)


def _command(process: Path) -> str:
    """Return the command line of a process; empty when it is gone."""
    try:
        return (process / "cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
