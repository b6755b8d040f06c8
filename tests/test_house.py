"""The house stands as it was drawn: who imports whom, what a process loads, what is declared."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldwatch import __version__, cli

HOUSE = Path(__file__).resolve().parents[1]

# Who may import whom; everybody may import themselves (docs/decisions/009-arrows.md).
ARROWS: dict[str, set[str]] = {
    "protocol": set(),
    "config": {"protocol"},
    "sensors": {"protocol", "config"},
    "alerts": {"protocol", "config"},
    "history": {"protocol", "config"},
    # It keeps what the engine decided, so it knows the engine's words.
    "journal": {"protocol", "config", "alerts"},
    "ledger": {"protocol", "config", "alerts", "history", "journal"},
    "firmware_agent": {"protocol", "config", "sensors", "alerts"},
    "hub": {"protocol", "config", "alerts", "history", "journal", "ledger"},
    # It reads what the hub keeps. The hub starts it as a process and does not import it.
    "console": {"protocol", "config", "alerts", "history", "journal", "ledger", "hub"},
    "simulator": {"protocol", "config", "sensors"},
    # `coldwatch check` asks the agent's own checks of its settings, and explains rules.
    "coldwatch": {"protocol", "config", "sensors", "alerts", "firmware_agent"},
    "alerts.table": {"protocol", "config", "alerts", "history"},
    "history.desk": {"protocol", "config", "alerts", "alerts.table", "history", "journal"},
    # It works on the hub and on the Pi; each half loads its own side alone.
    "coldwatch.enroll": {"protocol", "config", "coldwatch", "firmware_agent", "hub", "journal"},
    "coldwatch.journal": {"protocol", "config", "hub", "journal"},
    "coldwatch.settings": {"config", "coldwatch.enroll", "firmware_agent", "hub", "journal"},
    "coldwatch.demo": {
        "protocol", "config", "alerts", "firmware_agent", "history", "hub", "journal", "ledger",
        "simulator",
    },
}  # fmt: skip

# Parts of a package that assemble others and are drawn as packages of their own: the desk tool
# `coldwatch excursions`, which puts engine and statistics together; `coldwatch history`, which
# puts the readings and the hub's settings together; `coldwatch enroll` and `coldwatch settings`; the demo.
PARTS = {
    "alerts.table": "alerts.table",
    "alerts.command": "alerts.table",
    "history.desk": "history.desk",
    "history.command": "history.desk",
    "coldwatch.demo": "coldwatch.demo",
    "coldwatch.enroll": "coldwatch.enroll",
    "coldwatch.journal": "coldwatch.journal",
    "coldwatch.settings": "coldwatch.settings",
}

# Everybody may know the version.
VERSION = "coldwatch.__version__"

OURS = {name.partition(".")[0] for name in ARROWS}

# Which extras bring what a package may import from outside; "" is the distribution itself.
EXTRAS: dict[str, set[str]] = {
    "protocol": {"", "agent"},
    "config": {""},
    "sensors": {"", "pi"},
    "alerts": {""},
    "alerts.table": {"", "plot"},
    "history": {"", "hub", "export"},
    "history.desk": {"", "hub"},
    "journal": {"", "hub"},
    "ledger": {"", "hub"},
    "firmware_agent": {"", "agent"},
    "hub": {"", "hub"},
    "console": {"", "hub"},
    "simulator": {"", "agent"},
    "coldwatch": {""},
    "coldwatch.demo": {"", "hub", "demo"},
    "coldwatch.enroll": {"", "agent"},
    "coldwatch.journal": {"", "hub"},
    "coldwatch.settings": {"", "hub"},
}

# `protocol.asyncapi` writes documents when the project is worked on, and never runs at a site.
DEVELOPMENT = {Path("protocol/asyncapi.py"): "dev"}

# One module of a package may import what the others may not: JSON logs, by whoever asks for them;
# requests to gateways, which only the hub makes.
ALONE = {
    Path("config/logs.py"): "agent",
    Path("alerts/channels/web.py"): "hub",
    Path("alerts/channels/apprise_urls.py"): "apprise",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield every module of ours with the package that its imports are counted for."""
    for package in sorted(OURS):
        for path in sorted((HOUSE / package).rglob("*.py")):
            inside = path.relative_to(HOUSE)
            yield package_of(".".join(inside.with_suffix("").parts)), inside


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything a module imports, inside functions as well."""
    for node in ast.walk(ast.parse((HOUSE / path).read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import from the top"
            assert node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def package_of(name: str) -> str:
    """Return the package of ours, or the top-level name of another, behind a dotted name."""
    for prefix, part in PARTS.items():
        if name == prefix or name.startswith(f"{prefix}."):
            return part
    return name.partition(".")[0]


def test_imports_follow_the_arrows() -> None:
    """No module imports a package of ours that the drawing does not let it know."""
    wrong = [
        f"{path}:{line}: {package} must not import {name}"
        for package, path in modules()
        for line, name in imports(path)
        if (other := package_of(name)) in ARROWS
        if other != package and other not in ARROWS[package] and name != VERSION
    ]

    assert wrong == []


def test_no_arrows_go_round() -> None:
    """From no package do the arrows lead back to itself: each can be understood by itself."""
    for start in ARROWS:
        reached: set[str] = set()
        edge = {start}
        while edge := set().union(*(ARROWS[name] for name in edge)) - reached:
            reached |= edge

        assert start not in reached, start


def test_every_folder_of_modules_is_drawn() -> None:
    """A new top-level package has its arrows here and its place in the wheel."""
    folders = {
        path.parent.name
        for path in HOUSE.glob("*/__init__.py")
        if path.parent.name not in {"benchmarks", "tests"}
    }
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert folders <= OURS
    assert set(wheel) == OURS
    assert OURS <= set(project["tool"]["mypy"]["packages"])


def declared() -> dict[str, set[str]]:
    """Return for each extra ("" for none) the distributions that pyproject.toml declares."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> set[str]:
        found: set[str] = set()
        for requirement in requirements:
            name, extras = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()  # type: ignore[union-attr]
            if name == "coldwatch":
                for extra in extras.split(","):
                    found |= names(project["optional-dependencies"][extra])
            else:
                found.add(re.sub(r"[-_.]+", "-", name).lower())
        return found

    extras = {extra: names(wanted) for extra, wanted in project["optional-dependencies"].items()}
    return {"": names(project["dependencies"]), **extras}


def test_what_is_imported_from_outside_is_declared_by_the_right_extra() -> None:
    """A package imports nothing that the extra it is installed with does not bring."""
    extras = declared()
    provided = importlib.metadata.packages_distributions()
    wrong = []
    for package, path in modules():
        allowed = EXTRAS[package] | {each[path] for each in (DEVELOPMENT, ALONE) if path in each}
        brought = {name for extra in allowed for name in extras[extra]}
        for line, name in imports(path):
            top = package_of(name)
            if top in sys.stdlib_module_names or top in ARROWS:
                continue
            sources = {re.sub(r"[-_.]+", "-", one).lower() for one in provided.get(top, [top])}
            if not sources & brought:
                wrong.append(f"{path}:{line}: {top} comes with no extra of {sorted(allowed)}")

    assert wrong == []


def test_the_command_knows_which_extra_brings_what() -> None:
    """The advice for a package that is not installed names an extra that does bring it."""
    extras = declared()
    provided = importlib.metadata.packages_distributions()
    # What is only for a real Pi cannot be installed here; its names are those of its distribution.
    by_hand = {"RPi": "rpi-gpio", "adafruit_dht": "adafruit-circuitpython-dht", "gpiod": "gpiod"}

    for package, extra in cli.EXTRAS.items():
        name = by_hand.get(package) or provided[package][0]
        assert re.sub(r"[-_.]+", "-", name).lower() in extras[extra], package


def test_no_installed_distribution_has_our_names() -> None:
    """Our short top-level names are ours alone in the environment that we are installed in."""
    taken = {
        name: [one for one in distributions if one != "coldwatch"]
        for name, distributions in importlib.metadata.packages_distributions().items()
        if name in OURS | {"benchmarks", "tests"}
    }

    assert {name: others for name, others in taken.items() if others} == {}


# Loaded by a process on the Pi: neither what only the hub needs nor what only a picture needs.
HEAVY = {
    "alembic", "babel", "console", "fastapi", "history", "hub", "jinja2", "journal", "ledger",
    "matplotlib", "numpy", "orjson", "prometheus_client", "pythonjsonlogger", "pyarrow",
    "sqlalchemy", "starlette", "uvicorn", "xlsxwriter",
}  # fmt: skip


@pytest.mark.parametrize("package", ["firmware_agent", "sensors", "protocol", "config", "alerts"])
def test_the_agent_stays_light(package: str) -> None:
    """Every module of the agent and of what it stands on can be imported without the hub's."""
    names = [
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for owner, path in modules()
        if owner == package and path not in DEVELOPMENT and path.name != "__main__.py"
    ]
    script = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize("name", cli.SUBCOMMANDS)
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`coldwatch NAME --help` says what it does and explains each argument."""
    module = importlib.import_module(cli.SUBCOMMANDS[name].module)
    parser = cli.build_parser(name, module)

    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])

    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert (module.__doc__ or "").strip().splitlines()[0] in out
    assert without_help(parser) == []


def without_help(parser: argparse.ArgumentParser) -> list[str]:
    """List the arguments of a parser and of the parsers below it that nobody explains."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found += without_help(inner)
        elif not action.help:
            found.append(f"{parser.prog} {action.dest}")
    return found


@pytest.mark.parametrize("name", cli.SUBCOMMANDS)
def test_every_subcommand_is_quick_to_explain_itself(name: str) -> None:
    """Asking for help loads no library of the hub: what is heavy is imported by run()."""
    script = (
        f"import sys, importlib, argparse; module = importlib.import_module({cli.SUBCOMMANDS[name].module!r})\n"
        "module.add_arguments(argparse.ArgumentParser())\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    heavy = HEAVY - OURS | {"pydantic", "paho", "amqtt", "cryptography"}
    assert set(done.stdout.split()) & heavy == set()


def test_the_version_is_the_newest_in_the_changelog() -> None:
    """Version and changelog are of one mind; work under way stands under Unreleased."""
    versions = re.findall(r"(?m)^## \[([^\]]+)\]", (HOUSE / "CHANGELOG.md").read_text())

    assert next(one for one in versions if one != "Unreleased") == __version__
    assert importlib.metadata.version("coldwatch") == __version__


def test_the_locks_name_no_registry_and_hash_everything() -> None:
    """The locked requirements hold names, versions and hashes, and no address of a registry."""
    for path in sorted((HOUSE / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text, path
        assert not re.search(r"(?m)^\s*--(?!hash=sha256:)", text), path
        for block in re.split(r"(?m)^(?=\S)", text.strip()):
            if block and not block.startswith("#"):
                assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+", block), block
                assert "--hash=sha256:" in block, block


def test_the_locks_satisfy_what_is_declared() -> None:
    """Each extra's lock holds everything that pyproject.toml declares for it."""
    extras = declared()
    for extra in ("agent", "pi", "hub", "postgresql", "demo", "dev"):
        locked = re.findall(r"(?m)^([\w.-]+)", (HOUSE / f"requirements/{extra}.txt").read_text())

        assert extras[""] | extras[extra] <= set(locked), extra


def test_the_locks_agree() -> None:
    """One package has one version in every lock, so what was tested is what runs."""
    seen: dict[tuple[str, str], set[str]] = {}
    for path in sorted((HOUSE / "requirements").glob("*.txt")):
        for name, version, marker in re.findall(
            r"(?m)^([\w.-]+)(?:\[[\w,]+\])?==(\S+)(.*)$", path.read_text()
        ):
            seen.setdefault((name, marker.strip(" \\;")), set()).add(version)

    assert {key: versions for key, versions in seen.items() if len(versions) > 1} == {}


def test_nothing_of_this_workplace_is_written_down() -> None:
    """No file that git knows names a path of the machine that it was written on."""
    done = subprocess.run(
        ["git", "grep", "-nE", r"/(wor[k]|roo[t])/[a-z.]", "--", "."],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == ""
