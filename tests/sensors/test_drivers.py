"""The house rules of driver folders: each has its papers, and they say what the code does."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sensors import registry

SENSORS = Path(registry.__file__).parent
FOLDERS = sorted(path.name for path in SENSORS.iterdir() if (path / "__init__.py").is_file())
# Every README has these sections in this order.
SECTIONS = [
    "What it measures",
    "Wiring",
    "Settings",
    "What it rejects",
    "Known limits",
    "Troubleshooting",
]


def missing_papers(folder: Path) -> list[str]:
    """Return what a driver folder lacks."""
    missing = [
        name
        for name in ("driver.py", "settings.py", "README.md", "sample.toml")
        if not (folder / name).is_file()
    ]
    cases = folder / "testcases"
    if not cases.is_dir() or not any(cases.glob("*/expected.json")):
        missing.append("testcases/")
    return missing


def test_every_folder_is_in_the_table() -> None:
    """A driver folder that the registry does not know would never be opened."""
    assert sorted(registry.DRIVERS) == FOLDERS


@pytest.mark.parametrize("name", FOLDERS)
def test_papers_are_complete(name: str) -> None:
    """Each driver folder has its driver, settings, README, sample and test cases."""
    assert missing_papers(SENSORS / name) == []


def test_missing_papers_are_seen(tmp_path: Path) -> None:
    """The walk above can fail: an empty folder lacks everything."""
    (tmp_path / "testcases").mkdir()

    assert missing_papers(tmp_path) == [
        "driver.py",
        "settings.py",
        "README.md",
        "sample.toml",
        "testcases/",
    ]


@pytest.mark.parametrize("name", FOLDERS)
def test_readme_has_the_sections(name: str) -> None:
    """Each README has the same sections in the same order."""
    text = (SENSORS / name / "README.md").read_text()

    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS


@pytest.mark.parametrize("name", FOLDERS)
def test_readme_names_every_setting(name: str) -> None:
    """A setting that the README does not explain could not be found."""
    text = (SENSORS / name / "README.md").read_text()
    sample = tomllib.loads((SENSORS / name / "sample.toml").read_text())["driver"]
    settings = set(registry.checked(sample)) - {registry.CHECKED}

    assert {key for key in settings if f"| `{key}" not in text} == set()


@pytest.mark.parametrize("name", FOLDERS)
def test_sample_is_accepted(name: str) -> None:
    """The sample of each driver passes its own check."""
    sample = tomllib.loads((SENSORS / name / "sample.toml").read_text())["driver"]

    registry.check_settings(sample, next(iter(registry.spec(name).ranges)))

    assert sample["kind"] == name


@pytest.mark.parametrize("name", FOLDERS)
def test_spec_is_whole(name: str) -> None:
    """Each spec bears its folder's name, a source, and ranges that are the right way round."""
    spec = registry.spec(name)

    assert spec.kind == name
    assert spec.source
    assert spec.ranges
    for of in spec.ranges.values():
        assert of.low < of.high
        assert of.step > 0


def test_the_table_imports_no_driver() -> None:
    """The registry alone loads neither pydantic nor a driver: the agent stays small."""
    code = (
        "import sys, sensors.registry\n"
        "heavy = [m for m in sys.modules if m == 'pydantic' or m.endswith('.driver')]\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=SENSORS.parent)


def test_probes_open_without_pydantic() -> None:
    """A checked table opens and reads without pydantic, which costs 20 MB on a small Pi."""
    table = registry.checked({"kind": "simulated", "mean": 4.5, "amplitude": 0, "noise": 0})
    code = (
        "import sys\n"
        "from sensors import registry\n"
        "from config.clock import SystemClock\n"
        f"table = {table!r}\n"
        "probe = registry.open_probe(table, SystemClock())\n"
        "sample = registry.checker(table, 'temperature').check(probe.read(), 0)\n"
        "assert (sample.value, sample.quality) == (4500, 'ok'), sample\n"
        "assert 'pydantic' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=SENSORS.parent)
