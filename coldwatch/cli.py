"""The command `coldwatch`: a table of subcommands, each in a module of its own.

A subcommand's module has a docstring (the text of its --help), ``add_arguments(parser)`` and
``run(args) -> int``. It is imported only when it is asked for, so that the agent on a small Pi
loads nothing of the hub, and `coldwatch` alone answers at once.

Exit codes: 0 done, 1 a check failed, 2 cannot be run like this (wrong usage, wrong settings,
a part that is not installed), 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NamedTuple, NoReturn

from coldwatch import __version__

USAGE_ERROR = 2
INTERRUPTED = 130


class Subcommand(NamedTuple):
    """Where a subcommand lives and how it is introduced."""

    module: str
    help: str
    group: str


SUBCOMMANDS: dict[str, Subcommand] = {
    "demo": Subcommand("coldwatch.demo.command", "three sites, six fridges, a bad day", "Try it"),
    "simulate": Subcommand("simulator.command", "simulated fridges, modem and logs", "Try it"),
    "agent": Subcommand("firmware_agent.command", "the daemon beside the fridges", "Run it"),
    "hub": Subcommand("hub.command", "the service that receives, judges and tells", "Run it"),
    "watch": Subcommand("firmware_agent.watch_command", "tells people of a dead hub", "Run it"),
    "console": Subcommand("console.command", "the web pages, beside a running hub", "Run it"),
    "enroll": Subcommand("coldwatch.enroll.command", "certificates for devices", "Run it"),
    "settings": Subcommand(
        "coldwatch.settings.command", "settings for devices from the hub", "Run it"
    ),
    "check": Subcommand("coldwatch.check", "what is wrong in a settings file", "Run it"),
    "alarms": Subcommand(
        "hub.alarms_command", "list, answer and explain alarms; plan work", "Ask it"
    ),
    "excursions": Subcommand("alerts.command", "judge any logger's table", "Ask it"),
    "history": Subcommand("history.command", "readings: list, statistics, export", "Ask it"),
    "journal": Subcommand(
        "coldwatch.journal.command", "everything decided: verify, list, rebuild", "Ask it"
    ),
    "ledger": Subcommand("ledger.command", "doses: receive, move, issue, journey, stock", "Ask it"),
}

EXAMPLES = """\
Examples:
  coldwatch demo --speed 60
  coldwatch excursions fridge.csv --below 2 --above 8 --for 60min
"""

# Which extra brings a package that is imported but not installed.
EXTRAS: dict[str, str] = {
    "cryptography": "agent",
    "paho": "agent",
    "prometheus_client": "agent",
    "pythonjsonlogger": "agent",
    "RPi": "pi",
    "adafruit_dht": "pi",
    "gpiod": "pi",
    "sqlalchemy": "hub",
    "alembic": "hub",
    "psycopg": "postgresql",
    "fastapi": "hub",
    "starlette": "hub",
    "uvicorn": "hub",
    "jinja2": "hub",
    "markupsafe": "hub",
    "numpy": "hub",
    "babel": "hub",
    "orjson": "hub",
    "matplotlib": "plot",
    "xlsxwriter": "export",
    "pyarrow": "export",
    "amqtt": "demo",
    "yaml": "dev",
}


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line: what is wrong, and where the usage is explained."""

    def error(self, message: str) -> NoReturn:
        """Print ``message`` and exit 2."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def overview() -> str:
    """Return what `coldwatch` alone prints: every subcommand by group, and two examples."""
    lines = ["Usage: coldwatch SUBCOMMAND [...]", "", "Keeps vaccine fridges honest.", ""]
    width = max(map(len, SUBCOMMANDS)) + 2
    for group in dict.fromkeys(entry.group for entry in SUBCOMMANDS.values()):
        lines.append(f"{group}:")
        lines += [
            f"  {name:{width}}{entry.help}"
            for name, entry in SUBCOMMANDS.items()
            if entry.group == group
        ]
        lines.append("")
    lines += [EXAMPLES, "`coldwatch SUBCOMMAND --help` explains one; `coldwatch --version`."]
    return "\n".join(lines)


def _complain(text: str) -> int:
    print(f"coldwatch: {text}", file=sys.stderr)
    return USAGE_ERROR


def _unknown(word: str) -> int:
    import difflib

    kind = "option" if word.startswith("-") else "subcommand"
    near = difflib.get_close_matches(word, [*SUBCOMMANDS, "--help", "--version"], n=1)
    advice = f"did you mean `{near[0]}`?" if near else "`coldwatch` alone lists them"
    return _complain(f"unknown {kind} {word!r}; {advice}")


def _not_installed(name: str, error: ModuleNotFoundError) -> int:
    """Name the extra to install; raise again what no extra could bring."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        raise error
    if name == "demo":
        extra = name  # it runs all the others
    return _complain(
        f"`{name}` needs the package {package}, which is not installed; "
        f"write: pip install 'coldwatch[{extra}]'"
    )


def build_parser(name: str, module: ModuleType) -> OneLineParser:
    """Return the parser of one subcommand, made from its module."""
    parser = OneLineParser(
        prog=f"coldwatch {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _run(name: str, arguments: Sequence[str]) -> int:
    try:
        module = importlib.import_module(SUBCOMMANDS[name].module)
        args = build_parser(name, module).parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = module.run
        return run(args)
    except ModuleNotFoundError as error:
        return _not_installed(name, error)


def _drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(overview())
        return 0
    if arguments[0] == "--version":
        print(f"coldwatch {__version__}")
        return 0
    name, *rest = arguments
    return _run(name, rest) if name in SUBCOMMANDS else _unknown(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with ``argv`` (without the program's name) and return its exit code."""
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`coldwatch excursions … | head`): nobody is left to tell.
        _drop_stdout()
        return 1
    return code
