"""Which certificate each probe has: a projection of the newest settings of each device.

It is brought up to date together with `watches`, from the same entries (``settings.recorded``), so
an inspector finds in the journal from when to when a certificate was in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import JSON, Column, Connection, String, Table, delete, exists, insert, select

from alerts.rules import Watch
from journal.database import Position, metadata
from protocol.certificate import Certificate, certificate_from_body

# A table of its own and no column of `watches`: a database of an earlier version gets it as it is.
certificates: Final = Table(
    "probe_certificates",
    metadata,
    Column("site", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("series", String, primary_key=True),
    Column("due", String, nullable=False),
    Column("calibration", JSON, nullable=False),
    Column("since", Position, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """The certificate of one series.

    Attributes:
        site: the device's site.
        device: the device whose settings say so.
        series: ``asset/point/quantity``.
        certificate: what it says.
        since: time of the settings record.
    """

    site: str
    device: str
    series: str
    certificate: Certificate
    since: int

    @property
    def asset(self) -> str:
        """``site/asset``."""
        return f"{self.site}/{self.series.partition('/')[0]}"


def project(conn: Connection, site: str, device: str, at: int, watches: Iterable[Watch]) -> None:
    """Put the certificates of a device's newest settings in the place of those before."""
    mine = (certificates.c.site == site) & (certificates.c.device == device)
    conn.execute(delete(certificates).where(mine))
    rows = [
        {
            "site": site,
            "device": device,
            "series": watch.series,
            "due": watch.certificate.due.isoformat(),
            "calibration": watch.certificate.body(),
            "since": at,
        }
        for watch in watches
        if watch.certificate is not None
    ]
    if rows:
        conn.execute(insert(certificates), rows)


def clear(conn: Connection) -> None:
    """Forget all; `journal.watches.rebuild` makes them again."""
    conn.execute(delete(certificates))


def in_force(
    conn: Connection, site: str | None = None, *, due_before: date | None = None
) -> dict[tuple[str, str], CertificateRow]:
    """Return the certificate of each (site, series); of two devices that claim one, the newest.

    Args:
        conn: any transaction.
        site: only those of this site.
        due_before: only those whose due day is before this one; finding none of thousands is quick.
    """
    newer = certificates.alias()
    later = (
        (newer.c.site == certificates.c.site)
        & (newer.c.series == certificates.c.series)
        & (newer.c.since > certificates.c.since)
    )
    query = select(certificates).order_by(certificates.c.since)
    if site is not None:
        query = query.where(certificates.c.site == site)
    if due_before is not None:
        query = query.where(certificates.c.due < due_before.isoformat(), ~exists().where(later))
    return {
        (row.site, row.series): CertificateRow(
            row.site, row.device, row.series, certificate_from_body(row.calibration), row.since
        )
        for row in conn.execute(query)
    }
