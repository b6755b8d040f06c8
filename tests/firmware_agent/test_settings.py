"""From a settings file to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.rules import watches_from_record
from config.loading import SettingsError
from firmware_agent.plan import Plan, PlanError, load_plan
from firmware_agent.settings import read_plan
from protocol.messages import record_adapter

GOOD = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}"
[sampling]
record_every = "2min"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp", "who-pqs"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
[[assets.points]]
name = "upper"
driver = {{ kind = "simulated", mean = 6.0 }}
[[assets.points]]
name = "door"
quantity = "open"
driver = {{ kind = "simulated", mean = 0, amplitude = 0, noise = 0 }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good settings file."""
    path = tmp_path / "agent.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def test_temperature_rules_go_to_the_points_that_decide(file: Path) -> None:
    """The others are watched for silence; a door has its own rules; storage is about temperature."""
    watches = watches_from_record({"series": read_plan(file).series})
    kinds = {
        series.split("/")[1]: {rule.kind for rule in watch.rules}
        for series, watch in watches.items()
    }
    assert {"consecutive", "instant", "silence"} <= kinds["center"]
    assert kinds["upper"] == {"silence"}
    assert "consecutive" in kinds["door"]
    profiles = {rule.id.split("/")[0] for rule in watches["fridge-1/center/temperature"].rules}
    assert profiles == {"cn-gsp", "who-pqs", "equipment"}
    assert watches["fridge-1/upper/temperature"].storage == (2_000, 8_000)
    assert watches["fridge-1/door/open"].storage is None
    assert {watch.interval_ms for watch in watches.values()} == {120_000}
    assert {watch.max_gap_ms for watch in watches.values()} == {360_000}


def test_the_version_names_the_rules_and_nothing_else(file: Path) -> None:
    """Another broker is the same version, another recording interval is not."""
    first = read_plan(file)
    file.write_text(file.read_text() + "\n[mqtt]\nport = 1999\n")
    assert read_plan(file).version == first.version
    file.write_text(file.read_text().replace("2min", "3min"))
    assert read_plan(file).version != first.version


def test_the_table_of_series_is_a_settings_record(file: Path) -> None:
    """As the wire asks for it."""
    plan = read_plan(file)
    record_adapter.validate_python(
        {
            "kind": "settings", "seq": 1, "at": 1, "boot": "b", "mono_ms": 1, "clock": "synced",
            "version": plan.version, "series": plan.series,
        }
    )  # fmt: skip


def test_the_plan_comes_from_a_process_of_its_own(file: Path) -> None:
    """It is the same plan, and a relative path means the folder that we stand in."""
    assert load_plan(file) == Plan.from_json(read_plan(file).to_json())


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"who-pqs"', '"who-psq"', 9, ["assets[1].profiles[2]", "who-psq", "who-pqs"]),
        (
            '"simulated", mean = 6',
            '"simulatd", mean = 6',
            16,
            ["assets[1].points[2].driver", "ds18b20"],
        ),
        ("mean = 6.0", "meen = 6.0", 16, ["driver.meen", "mean"]),
        ('quantity = "open"', 'quantity = "colour"', 20, ["does not measure colour"]),
        ('id = "fridge-1"', 'id = "Fridge 1"', 8, ["assets[1].id"]),
        ("[sampling]", "[samplig]", 5, ["samplig"]),
        ('device = "pi-1"', 'device = "pi-1', 3, ["not TOML"]),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(
    file: Path, old: str, new: str, line: int, words: list[str]
) -> None:
    """File, line, key and what to write, whichever check finds it."""
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(SettingsError) as caught:
        read_plan(file)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert all(word in str(problem) for word in words), str(problem)
    assert "\n" not in str(problem)
    with pytest.raises(PlanError) as told:
        load_plan(file)
    assert str(told.value) == str(caught.value)


def test_all_problems_are_told_at_once(file: Path) -> None:
    """A person mends a file once, not line by line."""
    text = file.read_text().replace("who-pqs", "who-psq").replace("mean = 6.0", "meen = 6.0")
    file.write_text(text)
    with pytest.raises(PlanError) as caught:
        load_plan(file)
    assert len(str(caught.value).splitlines()) == 2


class TestGpio:
    def test_left_out_it_finds_its_way_alone(self, file: Path) -> None:
        """A Pi needs no line about it."""
        assert read_plan(file).gpio == {"adapter": "auto", "chip": None, "folder": None}

    def test_it_travels_as_plain_json(self, file: Path) -> None:
        """Parts and probes get what sensors/gpio/opening.py takes."""
        file.write_text(file.read_text() + '\n[gpio]\nadapter = "folder"\nfolder = "/run/lines"\n')
        plan = Plan.from_json(read_plan(file).to_json())

        assert plan.gpio == {"adapter": "folder", "chip": None, "folder": "/run/lines"}

    def test_a_contact_goes_the_same_way(self, file: Path) -> None:
        """Its driver gets the section, unless its table names another way."""
        text = file.read_text()
        for of in ("", 'port = { adapter = "folder", folder = "/run/mine" }'):
            text += (
                f'[[assets.points]]\nname = "gate-{len(of)}"\nquantity = "open"\n'
                f"[assets.points.driver]\nkind = 'gpio'\nline = 17\n{of}\n"
            )
        file.write_text(text + '\n[gpio]\nadapter = "gpiod"\n')
        plan = read_plan(file)
        ports = [probe.driver["port"] for probe in plan.probes if probe.driver["kind"] == "gpio"]

        assert ports == [plan.gpio, {"adapter": "folder", "chip": None, "folder": "/run/mine"}]

    @pytest.mark.parametrize(
        ("section", "says"),
        [
            ('adapter = "folder"', "needs `folder`"),
            ('adapter = "gpiod"\nfolder = "/run/lines"', "leave one of them out"),
            ('adapter = "rpi-gpio"\nchip = "pinctrl-rp1"', "leave `chip` out"),
            ('adapter = "pigpio"', "adapter"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, file: Path, section: str, says: str) -> None:
        """Each in a line that says what to write."""
        file.write_text(file.read_text() + f"\n[gpio]\n{section}\n")

        with pytest.raises(SettingsError, match=says):
            read_plan(file)
