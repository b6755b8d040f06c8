"""Every table that a hub's database has, and every projection, declared by importing this module.

A module of `hub`, `journal` or `ledger` with a table of its own gets its line here.
"""

from __future__ import annotations

import hub.alarms
import hub.inbound
import hub.tables  # noqa: F401 - whoever imports this module wants what they declare
import journal.certificates
import journal.directory
import journal.excursions
import journal.watches
import journal.work  # noqa: F401
import ledger.store  # noqa: F401
from journal.database import metadata
from journal.projections import projections

__all__ = ["metadata", "projections"]
