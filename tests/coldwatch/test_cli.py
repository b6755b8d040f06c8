"""The command `coldwatch` teaches, dispatches, and refuses in one line."""

from __future__ import annotations

import argparse
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from coldwatch import __version__, cli


@pytest.fixture
def subcommand(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes `coldwatch probe` run the given function."""

    def install(run: Any) -> None:
        module = ModuleType("tests_probe_command", "Probe things.\n\nAt length.")
        module.add_arguments = lambda parser: parser.add_argument("--count", type=int)  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        entry = cli.Subcommand(module.__name__, "probe things", "Try it")
        monkeypatch.setitem(cli.SUBCOMMANDS, "probe", entry)

    return install


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_alone_it_lists_every_subcommand(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`coldwatch` and `coldwatch --help` show each subcommand in one line, and two examples."""
    assert cli.main(argv) == 0

    out, err = capsys.readouterr()
    for name, entry in cli.SUBCOMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, entry.help] for line in out.splitlines())
    assert out.count("\n  coldwatch ") == 2
    assert max(map(len, out.splitlines())) <= 80
    assert err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`coldwatch --version` prints name and version."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"coldwatch {__version__}\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("excursion", "unknown subcommand 'excursion'; did you mean `excursions`?"),
        ("dmeo", "unknown subcommand 'dmeo'; did you mean `demo`?"),
        ("--vresion", "unknown option '--vresion'; did you mean `--version`?"),
        ("qqqq", "unknown subcommand 'qqqq'; `coldwatch` alone lists them"),
    ],
)
def test_an_unknown_word_is_one_line(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is misspelt exits 2 with one line that proposes the nearest."""
    assert cli.main([word, "more"]) == 2
    assert capsys.readouterr() == ("", f"coldwatch: {said}\n")


def test_arguments_and_exit_code_pass_through(subcommand: Any) -> None:
    """The subcommand gets its own arguments, and its exit code is the command's."""
    subcommand(lambda args: args.count)

    assert cli.main(["probe", "--count", "7"]) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count", "x"], "argument --count: invalid int value: 'x'"),
        (["--cuont", "1"], "unrecognized arguments: --cuont 1"),
        (["--cou", "1"], "unrecognized arguments: --cou 1"),
    ],
)
def test_wrong_usage_of_a_subcommand_is_one_line(
    subcommand: Any, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A usage error exits 2 with one line, and no abbreviation is guessed at."""
    subcommand(lambda _: pytest.fail("it ran"))

    with pytest.raises(SystemExit) as stopped:
        cli.main(["probe", *arguments])

    assert stopped.value.code == 2
    expected = f"coldwatch probe: {said}; see `coldwatch probe --help`\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(("package", "extra"), cli.EXTRAS.items())
def test_a_package_that_is_not_installed_names_its_extra(
    subcommand: Any, package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An import that fails because an extra is missing is one line that says what to install."""

    def run(_: argparse.Namespace) -> int:
        raise ModuleNotFoundError(f"No module named '{package}.x'", name=f"{package}.x")

    subcommand(run)

    assert cli.main(["probe"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"coldwatch: `probe` needs the package {package}, which is not installed; "
        f"write: pip install 'coldwatch[{extra}]'\n"
    )


def test_the_demo_asks_for_its_own_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo runs agent and hub: one install brings it all, and not one after the other."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)  # as if it were not installed
    for name in [name for name in sys.modules if name.startswith(("coldwatch.demo", "hub"))]:
        monkeypatch.delitem(sys.modules, name)

    assert cli.main(["demo", "--for", "1s"]) == 2
    assert capsys.readouterr().err.endswith("write: pip install 'coldwatch[demo]'\n")


def test_a_module_of_ours_that_is_missing_is_no_missing_extra(subcommand: Any) -> None:
    """A fault of our own is shown as one, and not as advice that would not help."""

    def run(_: argparse.Namespace) -> int:
        raise ModuleNotFoundError("No module named 'hub.nothing'", name="hub.nothing")

    subcommand(run)

    with pytest.raises(ModuleNotFoundError):
        cli.main(["probe"])


def test_interrupted(subcommand: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with 130 and no traceback."""

    def run(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    subcommand(run)

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    """`coldwatch … | head` ends quietly when head has seen enough."""
    pipe = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m coldwatch --help | true"],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert pipe.stderr == b""


def test_the_command_starts_without_pydantic() -> None:
    """`coldwatch` alone imports nothing but the standard library, for it must answer at once."""
    script = "import sys, coldwatch.cli; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    # Whatever else site-packages loads at start comes with the interpreter and not with us.
    allowed = sys.stdlib_module_names | {"coldwatch", "_distutils_hack", "sitecustomize"}
    assert {name for name in loaded - allowed if not name.startswith("_")} == set()
