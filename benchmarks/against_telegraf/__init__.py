"""Intake beside Telegraf's, on the same messages in one run: ``python -m benchmarks against_telegraf``.

A thousand devices, eight and five hundred readings a message, over a real mosquitto: a subscriber
that throws everything away (the broker's limit), `coldwatch hub` on SQLite and on InfluxDB, and
Telegraf on InfluxDB, which neither judges nor chains. README.md says what is measured, and how.
"""

from __future__ import annotations

from benchmarks.against_telegraf.report import report

__all__ = ["report"]
