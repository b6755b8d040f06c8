"""Whether the probes' calibration certificates still stand: a note before the due day, a problem after.

The hub tells people (hub/certificates.py); this is for whoever stands before the fridge. Days are
those of the Pi's own time zone. While its clock is not right nothing is said: a Pi that woke up in
1970 has no certificate that is due, and one that woke up next year none that is not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date

from firmware_agent.health import Health
from protocol.certificate import Certificate, day_of

log = logging.getLogger(__name__)


def problem(certificate: Certificate, today: date) -> str | None:
    """Return what is wrong with a certificate on a day; None while it stands."""
    if certificate.standing(today) != "overdue":
        return None
    return (
        f"certificate {certificate.number} was due on {certificate.due.isoformat()}; have the probe "
        "calibrated, and write the new certificate into the settings"
    )


class Certificates:
    """Looks at all certificates at the start and with each new day. Used by one thread."""

    def __init__(self, certificates: Mapping[str, Certificate], health: Health) -> None:
        """Watch the certificates of these series."""
        self._certificates = certificates
        self._health = health
        self._day: date | None = None

    def look(self, now_ms: int, *, synced: bool) -> None:
        """Say what is new today; nothing while the clock is not right."""
        if not synced or not self._certificates:
            return
        today = day_of(now_ms, None)
        if today == self._day:
            return
        self._day = today
        for series, certificate in self._certificates.items():
            place, _, quantity = series.rpartition("/")
            # Two quantities of one point have a certificate each.
            part = f"calibration {place if quantity == 'temperature' else series}"
            wrong = problem(certificate, today)
            self._health.set(part, wrong)
            standing = certificate.standing(today)
            if standing == "valid":
                continue
            fields = {
                "event": f"calibration-{standing}",
                "series": series,
                "certificate": certificate.number,
                "due": certificate.due.isoformat(),
            }
            level = logging.WARNING if standing == "overdue" else logging.INFO
            log.log(
                level, "calibration=%s series=%s certificate=%s due=%s left_d=%d",
                standing, series, certificate.number, certificate.due.isoformat(),
                certificate.left_days(today), extra=fields,
            )  # fmt: skip
