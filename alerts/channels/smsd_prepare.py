"""Make the database that a gammu-smsd configuration names: what runs before smsd in its unit.

    python -m alerts.channels.smsd_prepare /etc/coldwatch/smsd-hub.conf

Exit codes: 0 it is there and ours, 78 the configuration is no such one, 74 the file cannot be used.
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

from alerts.channels.smsd_schema import DatabaseUnusableError, prepare_database

EX_IOERR = 74
EX_CONFIG = 78


def database_of(config: Path) -> Path:
    """Return the SQLite file that a gammu-smsdrc names. Raises ValueError, OSError."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(config.read_text(encoding="utf-8"), str(config))
        smsd = parser["smsd"]
        if smsd["service"] != "sql" or smsd["driver"] != "sqlite3":
            raise ValueError(f"{config}: write service = sql and driver = sqlite3 in [smsd]")
        return Path(smsd["dbdir"]) / smsd["database"]
    except (configparser.Error, KeyError) as error:
        what = str(error).replace("\n", " ")
        raise ValueError(f"{config}: service, driver, dbdir, database in [smsd]: {what}") from None


def main(arguments: list[str]) -> int:
    """Make the database; return the exit code."""
    try:
        (name,) = arguments
        prepare_database(database_of(Path(name)))
    except ValueError as error:
        print(f"smsd_prepare: {error}", file=sys.stderr)
        return EX_CONFIG
    except (OSError, DatabaseUnusableError) as error:
        print(f"smsd_prepare: {error}", file=sys.stderr)
        return EX_IOERR
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
