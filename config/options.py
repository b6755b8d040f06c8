"""What several subcommands ask for in the same way: state directory, zone, times, limits, language.

Light to import: `--help` of every subcommand loads it.
"""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

Language = Literal["zh", "en"]

STATE_DIR: Final = Path("/var/lib/coldwatch-hub")
STATE_DIR_VARIABLE: Final = "COLDWATCH_STATE_DIR"
DEFAULT_ZONE: Final = "Asia/Shanghai"


def add_where_and_how(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of everything that looks into a hub's files; return their group."""
    group = parser.add_argument_group("where and how")
    group.add_argument(
        "--state-dir",
        type=Path,
        help=f"the hub's folder (default: ${STATE_DIR_VARIABLE}, else {STATE_DIR})",
    )
    group.add_argument(
        "--zone", type=zone, default=DEFAULT_ZONE, help=f"IANA time zone (default: {DEFAULT_ZONE})"
    )
    group.add_argument("--lang", choices=("zh", "en"), help="language (default: from LANG)")
    return group


def state_dir(args: argparse.Namespace) -> Path:
    """Return the hub's folder: that of the option, of the environment, or the usual one."""
    given: Path | None = args.state_dir
    return given or Path(os.environ.get(STATE_DIR_VARIABLE) or STATE_DIR)


def language(args: argparse.Namespace) -> Language:
    """Return the language asked for, or the environment's."""
    named = args.lang or next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "zh" if named.lower().startswith("zh") else "en"


def zone(text: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone; write Asia/Shanghai") from None


def time(text: str) -> datetime:
    """Return a time of day on a date, with its offset where it has one."""
    try:
        if "T" not in text and " " not in text.strip():
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-05-04T09:30 or 2026-05-04T09:30+08:00"
        ) from None


def duration(text: str) -> int:
    """Return milliseconds of ``10s`` or ``15min``; more than none and not more than a century."""
    # pydantic comes along with it: not before there is something to convert.
    from config.units import MAX_DURATION_MS, duration_ms

    try:
        value = duration_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < value <= MAX_DURATION_MS:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1ms and a hundred years")
    return value


def limit(text: str) -> int:
    """Return thousandths of a decimal."""
    from config.units import thousandths

    try:
        return thousandths(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
