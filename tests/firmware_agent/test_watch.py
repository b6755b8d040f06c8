"""What `coldwatch watch` concludes and says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_agent import watch_settings
from firmware_agent.watch import Watcher, read_beat
from firmware_agent.watch_steps import REMIND_MS, SETTLING_MS, WELL_AGAIN_MS, Heard
from tests.firmware_agent.channels import MemoryChannel
from tests.firmware_agent.worlds import HandClock

AFTER_MS = 300_000
BEAT_MS = 30_000


def beat(n: int, failing: str = "") -> bytes:
    """Return the n-th heartbeat of a hub."""
    return json.dumps({"v": 1, "at": 1_000 + n, "since": 5, "failing": failing}).encode()


class World:
    """A watcher on a clock that the test moves, without a network."""

    def __init__(self, folder: Path, channel: MemoryChannel | None = None) -> None:
        self.clock = HandClock()
        self.channel = channel or MemoryChannel()
        settings: dict[str, Any] = {
            "name": {"zh": "东县疾控", "en": "East County"},
            "zone": "Asia/Shanghai",
            "state_dir": str(folder),
            "after": AFTER_MS,
            "database": str(folder / "smsd.db"),
            "tls": None,
            "mqtt": {"host": "127.0.0.1", "port": 1, "protocol": "5", "keepalive_s": 30},
            "tell": [
                {"id": "li", "name": "李", "phone": "+8613900000001", "language": "zh"},
                {"id": "amy", "name": "Amy", "phone": "+8613900000002", "language": "en"},
            ],
        }
        self.watcher = Watcher(settings, self.clock, self.channel)
        self.steps: list[str] = []
        self.n = 0

    def connected(self, *, yes: bool = True) -> None:
        """Connect, or lose the connection."""
        self.watcher._connection_is(connected=yes)

    def beats(self, failing: str = "", *, again: bool = False) -> None:
        """Have a heartbeat come; ``again`` is the one that was heard before."""
        self.n += not again
        self.watcher._incoming("", beat(self.n, failing), False)

    def wait(self, ms: int, every: int = 1_000) -> None:
        """Let time pass, looking every second."""
        for _ in range(0, ms, every):
            self.clock.pass_ms(every)
            step = self.watcher.look()
            if step != "nothing":
                self.steps.append(step)

    def live(self, ms: int, failing: str = "") -> None:
        """Let time pass with a hub that beats."""
        for _ in range(0, ms, BEAT_MS):
            self.wait(BEAT_MS)
            self.beats(failing)

    def texts(self) -> list[str]:
        """Return what Amy is owed, in order."""
        return [m.text for m in self.watcher._teller.messages.values() if m.person == "amy"]


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make worlds whose watchers share one folder; close their connections."""
    made: list[World] = []

    def make(channel: MemoryChannel | None = None) -> World:
        made.append(World(tmp_path, channel))
        return made[-1]

    yield make
    for world in made:
        world.watcher.connection.stop()


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    """One world."""
    return worlds()


def test_a_hub_that_beats_is_no_news(world: World) -> None:
    """Neither at the start, nor later."""
    world.connected()
    world.beats()
    world.live(3_600_000)
    assert world.steps == []


def test_a_silent_hub_is_told_after_five_minutes_and_once_a_day_and_that_it_is_back(
    world: World,
) -> None:
    """Each once, to everybody, in their languages."""
    world.connected()
    world.beats()
    world.live(120_000)
    world.wait(AFTER_MS - 1_000)
    assert world.steps == []
    world.wait(1_000)
    assert world.steps == ["opened"]
    world.wait(REMIND_MS - 60_000, 60_000)
    assert world.steps == ["opened"]
    world.wait(120_000, 60_000)
    assert world.steps == ["opened", "reminder"]
    world.beats()
    world.live(WELL_AGAIN_MS + 60_000)
    assert world.steps == ["opened", "reminder", "recovered"]
    first, second, third = world.texts()
    assert first.startswith("NO VACCINE ALARMS: the hub of East County is SILENT since")
    assert "24 h" in second
    assert third.startswith("HUB BACK: East County")
    assert len(world.watcher._teller.messages) == 6
    world.live(7_200_000)
    assert len(world.steps) == 3


def test_a_retained_heartbeat_is_none(world: World) -> None:
    """The broker keeps a dead hub's last word for ever; a watcher that starts is not deceived."""
    world.connected()
    world.beats()
    for _ in range(20):
        world.wait(30_000)
        world.beats(again=True)
    assert world.steps == ["opened"]


@pytest.mark.parametrize(("away_ms", "expected"), [(270_000, []), (600_000, ["opened"])])
def test_a_broker_that_is_away(world: World, away_ms: int, expected: list[str]) -> None:
    """Less than five minutes is nobody's business; more is told, as what it is."""
    world.connected()
    world.beats()
    world.live(60_000)
    world.connected(yes=False)
    world.wait(away_ms)
    assert world.steps == expected
    world.connected()
    world.beats(again=True)
    world.live(60_000)
    assert world.steps == expected
    world.live(120_000)
    assert world.steps == expected + ["recovered"] * len(expected)
    if expected:
        assert "CANNOT BE REACHED" in world.texts()[0]


def test_a_connection_that_never_lasts_is_told_too(world: World) -> None:
    """Neither connected for long nor away for long, and no beat: that is not well."""
    for _ in range(40):
        world.connected()
        world.wait(10_000)
        world.connected(yes=False)
        world.wait(5_000)
    assert world.steps == ["opened"]


def test_sms_that_do_not_get_out_are_told_by_the_watcher(world: World) -> None:
    """The hub lives, and says that its channel fails; somebody must tell that."""
    world.connected()
    world.beats()
    world.live(60_000)
    world.live(AFTER_MS + 60_000, "the modem does not answer")
    assert world.steps == ["opened"]
    assert "VACCINE ALARMS DO NOT GET OUT" in world.texts()[0]
    assert "the modem does not answer" in world.texts()[0]
    world.live(180_000)
    assert world.steps == ["opened", "recovered"]
    assert "SMS WORKS AGAIN" in world.texts()[1]


def test_a_hub_that_dies_while_its_sms_fail_is_told_at_once(world: World) -> None:
    """That is another matter, and a graver one; it is told once, with when it began."""
    world.connected()
    world.beats()
    world.live(60_000)
    world.live(AFTER_MS + 3_600_000, "the modem does not answer")
    assert world.steps == ["opened"]
    world.wait(AFTER_MS + 5_000)
    assert world.steps == ["opened", "reminder"]
    assert "SILENT since" in world.texts()[1]
    assert ", 5 min." in world.texts()[1]
    world.wait(3_600_000)
    world.live(120_000, "the modem does not answer")
    world.wait(AFTER_MS + 60_000)
    assert world.steps == ["opened", "reminder"], "a hub that dies over and over is one story"
    world.live(180_000)
    assert world.steps == ["opened", "reminder", "recovered"]
    assert world.texts()[2].startswith("HUB BACK")


def test_a_step_of_the_clock_is_no_news(world: World) -> None:
    """An hour forward, a year back: the wall clock decides nothing."""
    world.connected()
    world.beats()
    for step in (3_600_000, -31_536_000_000, 86_400_000):
        world.live(60_000)
        world.clock.now += step
    world.live(60_000)
    assert world.steps == []


def test_a_watcher_started_anew_goes_on(worlds: Callable[..., World]) -> None:
    """It does not tell again what it told, and tells that it is over."""
    first = worlds()
    first.wait(AFTER_MS + 5_000)
    assert first.steps == ["opened"]
    second = worlds(first.channel)
    second.connected()
    second.wait(2 * AFTER_MS)
    assert second.steps == []
    second.beats()
    second.beats()
    second.live(WELL_AGAIN_MS + 30_000)
    assert second.steps == ["recovered"]


@pytest.mark.parametrize("alarm", [{"id": "a1", "colour": "red"}, [1], "silent"])
def test_a_memory_of_another_version_keeps_no_watcher_from_starting(
    tmp_path: Path, worlds: Callable[..., World], alarm: object
) -> None:
    """A hub that is still dead is told anew; twice is better than never."""
    (tmp_path / "watch.json").write_text(json.dumps({"messages": [], "memory": {"alarm": alarm}}))
    world = worlds()
    world.wait(AFTER_MS + 5_000)
    assert world.steps == ["opened"]


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b'{"v": 2, "at": 1}', b'{"v": 1}', b'{"v":1,"at":true}', b"\xff"],
)
def test_what_is_no_heartbeat_is_none(payload: bytes) -> None:
    """Whoever may write there cannot make a dead hub look alive by accident."""
    assert read_beat(payload) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["beat", "same", "on", "off"]), st.integers(0, 400_000)),
        max_size=40,
    )
)
def test_no_alarm_within_five_minutes_of_news_and_always_one_after_seven(
    story: list[tuple[str, int]],
) -> None:
    """Whatever happens: the bound holds on either side."""
    now, n, news = 0, 0, 0
    heard = Heard(0)
    for what, wait_ms in story:
        now += wait_ms
        if what in ("on", "off"):
            heard = heard.connection(now, connected=what == "on")
        elif heard.connected_ms is not None:
            n += what == "beat"
            before = heard.beats
            heard = heard.heartbeat(beat(n), "", now)
            news = now if heard.beats > before else news
        cause = heard.cause(now, AFTER_MS)
        if now - news < AFTER_MS:
            assert cause == ""
        if now - news >= AFTER_MS + 2 * SETTLING_MS:
            assert cause in ("silent", "unreachable")


def test_the_watcher_shows_the_certificate_of_its_pi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tls = {}` is enough: `enroll join` knows the agent's folder, and no other."""
    file = tmp_path / "watch.toml"
    file.write_text(
        f'name = {{ zh = "x", en = "x" }}\nstate_dir = "{tmp_path}/watch"\n'
        'database = "/x/smsd.db"\n[mqtt]\nport = 8883\ntls = {}\n'
        '[[tell]]\nid = "li"\nname = "Li"\nphone = "+8613800000001"\n'
    )
    monkeypatch.setattr(sys, "argv", ["watch_settings", str(file)])
    assert watch_settings.main() == 0
    found = json.loads(capsys.readouterr().out)["tls"]
    assert (found["ca_file"], found["cert_file"]) == (
        "/var/lib/coldwatch/tls/ca.crt", "/var/lib/coldwatch/tls/device.pem",
    )  # fmt: skip
    (tmp_path / "watch/tls").mkdir(parents=True)
    assert watch_settings.main() == 0
    assert json.loads(capsys.readouterr().out)["tls"]["ca_file"] == f"{tmp_path}/watch/tls/ca.crt"
