"""Settings from the hub: what is taken, and that whatever is killed leaves the old or the new."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loading import SettingsError, parse
from firmware_agent.handed import MOST_STARTS, Book, Handed, Refusal, decide
from firmware_agent.health import Health
from firmware_agent.plan import PlanError, load_plan
from firmware_agent.settings import check_part, merged, start_plan
from firmware_agent.takeover import Takeover

LOCAL = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
driver = {{ kind = "simulated" }}
"""

V1, V2, V3 = (Handed(n, f'[sampling]\nevery = "{n}0s"\nrecord_every = "60s"\n') for n in (1, 2, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A local settings file."""
    path = tmp_path / "agent.toml"
    path.write_text(LOCAL.format(state=tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return path


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """The book beside it."""
    return Book(tmp_path / "state")


def keep(book: Book, handed: Handed) -> None:
    """Let settings go the whole way."""
    book.offer(handed)
    book.begin()
    assert book.keep(handed.version)


@pytest.mark.parametrize(
    ("offered", "good", "trying", "refused", "choice"),
    [
        (V1, None, None, None, "take"),
        (V2, V1, None, None, "take"),
        (V3, V1, None, None, "take"),
        (V2, V2, None, None, "have"),
        (V2, V1, V2, None, "have"),
        (V1, V2, None, None, "older"),
        (V1, None, V2, None, "older"),
        (V2, V3, None, Refusal(2, "no"), "refused"),
        (V2, V1, None, Refusal(2, "no"), "refused"),
        (V1, None, None, Refusal(2, "no"), "older"),
        (V3, V1, None, Refusal(2, "no"), "take"),
        (Handed(2, "other"), V2, None, None, "differs"),
        (Handed(2, "other"), V1, V2, None, "differs"),
    ],
)
def test_what_is_done_with_an_offer(
    offered: Handed,
    good: Handed | None,
    trying: Handed | None,
    refused: Refusal | None,
    choice: str,
) -> None:
    """A version never goes back, and what was refused is not tried again."""
    assert decide(offered, good, trying, refused) == choice


@given(st.lists(st.integers(1, 6), max_size=12))
def test_the_version_in_force_never_falls(offers: list[int]) -> None:
    """Whatever a hub hands out, in whatever order."""
    good: Handed | None = None
    for version in offers:
        offered = Handed(version, "")
        if decide(offered, good, None, None) == "take":
            assert good is None or version > good.version
            good = offered


def test_settings_go_before_the_local_ones_table_by_table(file: Path, book: Book) -> None:
    """On trial, then good; what they do not name stays."""
    assert (start_plan(file).every_ms, start_plan(file).handed_version) == (10_000, 0)
    book.offer(V2)
    plan = start_plan(file)
    assert (plan.every_ms, plan.handed_version, plan.trying) == (20_000, 2, True)
    assert [probe.series for probe in plan.probes] == ["fridge-1/center/temperature"]
    book.keep(2)
    plan = start_plan(file)
    assert (plan.every_ms, plan.handed_version, plan.trying) == (20_000, 2, False)


def test_a_crash_loop_ends_at_the_last_good_ones(file: Path, book: Book) -> None:
    """Three starts without a full cycle; then they are refused, and not tried again."""
    keep(book, V1)
    book.offer(V2)
    assert [start_plan(file).handed_version for _ in range(MOST_STARTS)] == [2] * MOST_STARTS
    assert start_plan(file).handed_version == 1
    assert book.refused is not None
    assert book.refused.version == 2
    assert "started 3 times" in book.refused.reason
    assert decide(V2, book.good, book.trying, book.refused) == "refused"


def test_what_a_newer_program_refuses_at_the_start_is_not_the_end(file: Path, book: Book) -> None:
    """On trial: refused. Good ones that are good no more: the local file, and a word about it."""
    keep(book, Handed(1, "[sampling]\nevery = 'never'\n"))
    plan = start_plan(file)
    assert (plan.handed_version, plan.every_ms) == (0, 10_000)
    assert plan.handed_problem is not None
    assert "settings 1 of the hub:2: sampling.every" in plan.handed_problem
    book.offer(Handed(2, "[sampling]\nevery = 'never'\n"))
    assert start_plan(file).handed_version == 0
    assert book.refused is not None
    assert book.refused.version == 2


def test_a_card_that_takes_nothing_tries_nothing(
    file: Path, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash loop could not be counted on it."""
    keep(book, V1)
    book.offer(V2)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("firmware_agent.handed.write_file", read_only)
    assert start_plan(file).handed_version == 1


@pytest.mark.parametrize("name", ["good.json", "trying.json", "refused.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff", b"null"])
def test_a_damaged_file_counts_as_none(file: Path, book: Book, name: str, content: bytes) -> None:
    """The agent starts all the same."""
    keep(book, V1)
    book.offer(V2)
    (file.parent / "state" / "settings" / name).write_bytes(content)
    assert start_plan(file).handed_version in {1, 2}
    assert start_plan(file).every_ms in {10_000, 20_000}


def test_a_changed_byte_is_found(file: Path, book: Book) -> None:
    """The digest is that of the text: a limit that a card has changed does not come into force."""
    keep(book, V1)
    path = file.parent / "state" / "settings" / "good.json"
    path.write_text(path.read_text().replace("10s", "90s"))
    assert book.good is None
    assert json.loads(path.read_text())["version"] == 1


class KilledError(BaseException):
    """The process ends here: nothing catches it."""


def killed_at(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process before its nth step on the disk."""
    left = [n]

    def before(what: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise KilledError
            return what(*arguments, **named)

        return step

    for name in ("rename", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, before(getattr(Path, name)))
    for name in ("open", "fsync", "fchmod"):
        monkeypatch.setattr(os, name, before(getattr(os, name)))


@pytest.mark.parametrize("n", range(40))
def test_killed_at_every_step_the_old_or_the_new_ones_are_in_force(
    file: Path, book: Book, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """From the offer over the trial to the good ones, and for refusing them."""
    keep(book, V1)
    for refuse in (False, True):
        with monkeypatch.context() as patch:
            killed_at(n, patch)
            try:
                book.offer(V2)
                book.begin()
                if refuse:
                    book.refuse(2, "no")
                else:
                    book.keep(2)
                finished = True
            except KilledError:
                finished = False
        plan = start_plan(file)
        assert plan.handed_version in {1, 2}
        assert plan.every_ms == plan.handed_version * 10_000
        assert plan.handed_problem is None
        if finished:
            assert plan.handed_version == (1 if refuse else 2)
            assert n > 8
        for path in (file.parent / "state" / "settings").iterdir():
            path.unlink()
        keep(book, V1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('site = "clinic"\n', "pi:1: site: this cannot be set from the hub; remove it"),
        ('[sampling]\n[mqtt]\nhost = "x"\n', "pi:2: mqtt: this cannot be set from the hub"),
        ("[samplng]\n", "pi:1: samplng: there is no such setting; write sampling"),
        ("[sampling]\nevery = 0\n", "pi:2: sampling.every"),
        ("assets = []\n", "pi:1: assets"),
        ("[sampling\n", "pi:1: not TOML"),
        (
            (
                '[[assets]]\nid = "f"\nprofiles = ["gsp"]\n[[assets.points]]\nname = "c"\n'
                'driver = { kind = "simulated" }\n'
            ),
            'pi:3: assets[1].profiles[1]: there is no profile "gsp"',
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, line: str) -> None:
    """On the hub before it is handed out, and on the Pi again."""
    with pytest.raises(SettingsError) as refused:
        check_part(parse(Path("pi"), text))
    assert str(refused.value).startswith(line)


def test_a_good_or_an_empty_file_is_taken() -> None:
    """An empty one gives everything back to the local file."""
    check_part(parse(Path("pi"), ""))
    check_part(parse(Path("pi"), V1.text))


POWER = """
[power]
mains = "fridge-1/mains/present"
battery = "fridge-1/battery/charge"
end_below = 12.5
"""
POINTS = """
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "mains"
quantity = "present"
driver = { kind = "simulated" }
[[assets.points]]
name = "battery"
quantity = "charge"
driver = { kind = "simulated" }
"""


def test_a_hub_sets_no_command() -> None:
    """Settings come from the network; what runs on the Pi is said on the Pi."""
    with pytest.raises(SettingsError, match=r"power.poweroff: this cannot be set from the hub"):
        check_part(parse(Path("pi"), POWER + 'poweroff = ["sh", "-c", "x"]\n' + POINTS))


@pytest.mark.parametrize("with_battery", [True, False])
def test_the_devices_own_command_stays(with_battery: bool) -> None:
    """Also where the hub hands out the table that it stands in."""
    local = {
        "site": "s", "device": "d", "power": {"poweroff": ["touch", "/run/coldwatch/poweroff"]},
    }  # fmt: skip
    power = POWER if with_battery else "".join(POWER.splitlines(keepends=True)[:3])
    settings = merged(local, parse(Path("pi"), power + POINTS))
    assert settings.power is not None
    assert settings.power.poweroff == (local["power"]["poweroff"] if with_battery else [])  # type: ignore[index]


def test_who_only_looks_starts_no_trial(file: Path, book: Book) -> None:
    """`--inspect` and `--probes`, asked three times beside a young agent, must not refuse anything."""
    keep(book, V1)
    book.offer(V2)
    for _ in range(MOST_STARTS + 1):
        assert load_plan(file, starting=False).handed_version == 1
    assert (book.trying, book.refused) == (V2, None)
    assert start_plan(file).handed_version == 2


def test_newer_ones_that_come_within_the_first_cycle_are_not_kept_untried(
    file: Path, book: Book
) -> None:
    """The first full cycle is that of the old ones: it proves nothing of what came meanwhile."""
    keep(book, V1)
    book.offer(V2)
    restarted: list[None] = []
    takeover = Takeover(start_plan(file), Health(), lambda: restarted.append(None))
    takeover._take(V3)
    takeover.cycle_done()
    assert len(restarted) == 1
    assert (book.good, book.trying) == (V1._replace(starts=1), V3)
    assert takeover.drafts(0) == []
    assert start_plan(file).trying


def test_others_of_the_same_number_do_not_end_a_trial(file: Path, book: Book) -> None:
    """A hub that was restored from a backup has given the number to something else."""
    keep(book, V1)
    book.offer(V2)
    takeover = Takeover(start_plan(file), Health(), lambda: None)
    takeover._take(V2._replace(text=V3.text))
    takeover.cycle_done()
    assert book.good == V2._replace(starts=1)
    assert takeover.state()["refused"]["version"] == 2


def test_what_comes_while_others_are_checked_is_checked_next(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub says a version once on a connection: the one that mends a mistake must not be lost."""
    checked: list[int] = []
    checking, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def try_settings(_file: str, offered: Handed) -> None:
        checked.append(offered.version)
        if offered.version == 1:
            checking.set()
            assert go_on.wait(5)
            raise PlanError("a typing mistake")

    monkeypatch.setattr("firmware_agent.takeover.try_settings", try_settings)
    takeover = Takeover(start_plan(file), Health(), done.set)
    takeover.came(message(V1))
    assert checking.wait(5)
    takeover.came(message(V2))
    takeover.came(message(V3))
    go_on.set()

    assert done.wait(5)
    # Of those that waited the newest: it is what the hub wants.
    assert checked == [1, 3]


def message(handed: Handed) -> bytes:
    """Return the hub's `settings` message."""
    fields = {"version": handed.version, "sha256": handed.sha256, "text": handed.text}
    return json.dumps({"v": 1, "at": 1, **fields}).encode()
