"""Statements that only one kind of database understands stand in one module."""

from __future__ import annotations

import re
from pathlib import Path

# Where the kinds differ, and the pages' empty database in memory.
ALLOWED = {"journal/database.py", "journal/sqlite.py", "journal/postgres.py", "console/store.py"}
WORDS = re.compile(
    r"sqlalchemy\.dialects|sqlite_schema|sqlite_master|PRAGMA|\bOR (IGNORE|REPLACE)\b"
)


def test_only_the_database_module_knows_its_dialects(house: Path) -> None:
    """Everybody else uses `insert_or_ignore`, `insert_or_update`, `run_many`, `has_tables`."""
    found = [
        f"{path.relative_to(house)}:{number}"
        for folder in ("hub", "journal", "ledger", "console")
        for path in sorted((house / folder).rglob("*.py"))
        if str(path.relative_to(house)) not in ALLOWED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WORDS.search(line)
    ]
    assert found == []
