"""Make the database that a gammu-smsd configuration names: what runs before smsd in its unit.

    python -m alerts.channels.smsd_prepare /etc/coldwatch/smsd-hub.conf

Exit codes: 0 it is there and ours, 78 the configuration is no such one, 74 the file cannot be used.
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import Final

from alerts.channels.smsd import smsd_config
from alerts.channels.smsd_schema import DatabaseUnusableError, prepare_database

EX_IOERR = 74
EX_CONFIG = 78


# What smsd does wrong without, and no older smsd.conf of ours has.
_NEEDED: Final = (
    ("gammu", "atgen_setcnmi", "delivery reports are read as empty ones"),
    ("sql", "delete_phone", "smsd waits for no lock, and can crash and send an SMS twice"),
    ("sql", "refresh_phone_status", "so it does once it has connected to its database anew"),
)


def read_config(config: Path) -> configparser.ConfigParser:
    """Read a gammu-smsdrc. Raises ValueError, OSError."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(config.read_text(encoding="utf-8"), str(config))
    except configparser.Error as error:
        raise ValueError(f"{config}: {str(error).replace(chr(10), ' ')}") from None
    return parser


def database_of(config: Path, parser: configparser.ConfigParser) -> Path:
    """Return the SQLite file that a gammu-smsdrc, read already, names. Raises ValueError."""
    try:
        smsd = parser["smsd"]
        if smsd["service"] != "sql" or smsd["driver"] != "sqlite3":
            raise ValueError(f"{config}: write service = sql and driver = sqlite3 in [smsd]")
        return Path(smsd["dbdir"]) / smsd["database"]
    except KeyError as error:
        raise ValueError(f"{config}: service, driver, dbdir, database in [smsd]: {error}") from None


def warnings(config: Path, here: configparser.ConfigParser, database: Path) -> list[str]:
    """Say which lines of ours a gammu-smsdrc lacks, as one from before an upgrade does."""
    ours = configparser.ConfigParser(interpolation=None)
    ours.read_string(smsd_config(Path("/dev/modem"), database, Path("/log")))
    return [
        f"{config}: {without}; write in [{section}]: {name} = {ours[section][name]}"
        for section, name, without in _NEEDED
        if not here.has_option(section, name)
    ]


def main(arguments: list[str]) -> int:
    """Make the database; return the exit code."""
    try:
        (name,) = arguments
        config = Path(name)
        here = read_config(config)
        database = database_of(config, here)
        prepare_database(database)
        for warning in warnings(config, here, database):
            print(f"smsd_prepare: {warning}", file=sys.stderr)
    except ValueError as error:
        print(f"smsd_prepare: {error}", file=sys.stderr)
        return EX_CONFIG
    except (OSError, DatabaseUnusableError) as error:
        print(f"smsd_prepare: {error}", file=sys.stderr)
        return EX_IOERR
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
