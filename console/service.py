"""The questions that pages and API ask, each answered from one snapshot of the hub's files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from config.clock import Clock
from config.hub import HubSettings
from console.acting import Acting
from console.alarms import described_alarms, past, planned_work
from console.assets import asset_now
from console.directory import Directory
from console.equipment import equipment
from console.excursions import excursion_list
from console.export import Download, Downloads, file_names, what_of
from console.health import hub_health
from console.history import DEFAULT_WIDTH, AssetRange
from console.lamps import lamp_list
from console.language import Language
from console.messages import sms_list
from console.models import (
    Alarm,
    AlarmList,
    AssetHistory,
    AssetNow,
    AssetRecord,
    BatchJourney,
    Equipment,
    ExcursionList,
    HubHealth,
    LampList,
    Overview,
    Row,
    RuleInForce,
    SmsList,
    Stock,
)
from console.overview import limits_of, overview
from console.problems import (
    cannot_read,
    no_such_asset,
    no_such_batch,
    no_such_site,
    which_batch,
)
from console.ranges import Range, range_of
from console.rules import rules_in_force
from console.snapshot import snapshot
from console.stock import batch_journey, stock
from console.store import Store
from console.weeks import Weeks
from history.export import Format
from history.port import HistoryUnavailableError
from hub import alarms as hub_alarms
from hub.standing import current, standing
from journal.database import DatabaseError
from journal.excursions import CALIBRATION
from journal.place import place_of
from ledger.phrases import LedgerError

# Many pages ask for the overview every few seconds; within this time they get the same answer.
_OVERVIEW_LASTS_MS = 1_000
# So many alarms that are over and to be explained are shown at once, the oldest first.
MOST_UNEXPLAINED: Final = 50


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Everything that an asset's page shows."""

    shown: Range
    asset: AssetNow
    record: AssetRecord
    rows: list[Row]
    rules: list[RuleInForce]


class Console:
    """Answers every question of pages and API; may be used from any thread.

    Raises ProblemError where a question cannot be answered.
    """

    def __init__(self, settings: HubSettings, clock: Clock) -> None:
        """Make ready; neither file needs to be there. Raises DirectoryError for a wrong zone."""
        self.directory = Directory(settings)
        self._settings = settings
        self._clock = clock
        self._store = Store(settings.state_dir, settings.database)
        place = place_of(settings.database, settings.state_dir)
        self.acting = Acting(place, self.directory, clock)
        self._limits = limits_of(settings)
        self._weeks = Weeks(clock)
        self._downloads = Downloads()
        self._lock = threading.Lock()
        self._overview: tuple[int, Overview] | None = None

    def now(self) -> int:
        """Return the time that everything is judged at, UTC milliseconds."""
        return self._clock.now_ms()

    def close(self) -> None:
        """Close the files."""
        self._store.close()

    def overview(self) -> Overview:
        """Return the county as it is."""
        with self._lock:
            mono = self._clock.mono_ms()
            lasts = _OVERVIEW_LASTS_MS * self._clock.speed
            if self._overview is None or not 0 <= mono - self._overview[0] < lasts:
                with self._hub() as conn:
                    history = self._store.history()
                    answer = overview(
                        conn, history, self._settings, self.directory, self._weeks, self.now()
                    )
                self._overview = (mono, answer)
            return self._overview[1]

    def asset(self, site: str, asset: str) -> AssetNow:
        """Return one asset as it is."""
        with self._asset(site, asset, "24h", None) as ranged:
            return asset_now(ranged.view, self.directory, ranged.key, self._limits, self._weeks)

    def history(
        self, site: str, asset: str, *, range_: str, end: int | None, width: int = DEFAULT_WIDTH
    ) -> AssetHistory:
        """Return what the chart of one asset shows."""
        with self._asset(site, asset, range_, end) as ranged:
            return ranged.history(width)

    def export(
        self,
        site: str,
        asset: str,
        *,
        range_: str,
        end: int | None,
        format_: Format,
        language: Language,
    ) -> Download:
        """Return the readings of one asset as a file; whoever asks must close it."""
        with self._asset(site, asset, range_, end) as ranged:
            what = what_of(ranged, language)
        try:
            return self._downloads.begin(
                self._store.history(), what, format_, file_names(ranged, what, format_)
            )
        except HistoryUnavailableError as error:
            raise cannot_read(str(error)) from error

    def asset_page(self, site: str, asset: str, *, range_: str, end: int | None) -> AssetPage:
        """Return everything that the page of one asset shows, as of one moment."""
        with self._asset(site, asset, range_, end) as ranged:
            record = ranged.record()
            # An overdue certificate lasts for weeks, and no hour of the table is another for it.
            excursions = [
                (each.id, each.start, each.end)
                for each in record.excursions
                if each.kind != CALIBRATION
            ]
            return AssetPage(
                ranged.shown,
                asset_now(ranged.view, self.directory, ranged.key, self._limits, self._weeks),
                record,
                ranged.rows(excursions),
                rules_in_force(ranged.view.conn, list(ranged.watches.values())),
            )

    def excursions(
        self, *, only_open: bool = False, site: str | None = None, page: int = 1
    ) -> ExcursionList:
        """Return one page of excursions."""
        if site is not None and site not in self.directory.sites:
            raise no_such_site(site)
        with self._hub() as conn:
            return excursion_list(
                conn,
                self._store.history(),
                self.directory,
                now=self.now(),
                late_after_ms=self._limits.late_after_ms,
                only_open=only_open,
                site=site,
                page=page,
            )

    def alarms(self, *, page: int = 1) -> AlarmList:
        """Return the alarms that need somebody, and one page of old ones."""
        with self._hub() as conn:
            now = self.now()
            found = current(conn, now)
            old, more = past(conn, [alarm.id for alarm, _ in found], page)
            # A year that nobody has explained must not make the page of an open alarm slow.
            lacking = [each for each in found if each[1] == "unexplained"]
            found = [each for each in found if each[1] != "unexplained"]
            found += lacking[:MOST_UNEXPLAINED]
            shown = described_alarms(
                conn,
                self._store.history(),
                self.directory,
                [*found, *((alarm, "over") for alarm in old)],
                now=now,
                late_after_ms=self._limits.late_after_ms,
            )
            return AlarmList(
                alarms=shown,
                unexplained_more=len(lacking[MOST_UNEXPLAINED:]),
                work=planned_work(conn, self.directory, now),
                more=more,
            )

    def alarm(self, alarm: hub_alarms.Alarm) -> Alarm:
        """Return one alarm as it is after somebody has done something about it."""
        with self._hub() as conn:
            (shown,) = described_alarms(
                conn,
                self._store.history(),
                self.directory,
                [(alarm, standing(conn, alarm, self.now()))],
                now=self.now(),
                late_after_ms=self._limits.late_after_ms,
            )
            return shown

    def sms(self, *, page: int = 1) -> SmsList:
        """Return one page of SMS."""
        with self._hub() as conn:
            return sms_list(conn, self.directory, page=page)

    def lamps(self, *, page: int = 1) -> LampList:
        """Return the UV lamps, and one page of what happened to them."""
        with self._hub() as conn:
            return lamp_list(conn, self.directory, page=page)

    def stock(self) -> Stock:
        """Return the batches with their verdicts."""
        with self._hub() as conn:
            zone = self.directory.zones[0]
            return stock(conn, self._store.history(), self.directory, now=self.now(), zone=zone)

    def journey(self, batch: str) -> BatchJourney:
        """Return the journey of one batch."""
        with self._hub() as conn:
            try:
                return batch_journey(
                    conn,
                    self._store.history(),
                    self.directory,
                    batch,
                    now=self.now(),
                    late_after_ms=self._limits.late_after_ms,
                    zone=self.directory.zones[0],
                )
            except LedgerError as error:
                if error.code == "ambiguous-batch":
                    raise which_batch(batch, str(error.phrase.values["batches"])) from error
                raise no_such_batch(batch) from error

    def health(self) -> HubHealth:
        """Return how the hub is; waits for its answer for two seconds at most."""
        return hub_health(self._settings, self.now(), self.directory.zones[0])

    def equipment(self) -> Equipment:
        """Return devices, quarantine and gaps."""
        with self._hub() as conn:
            view = snapshot(conn, self._store.history(), self.now())
            return equipment(view, self.directory, self._limits)

    @contextmanager
    def _asset(self, site: str, asset: str, range_: str, end: int | None) -> Iterator[AssetRange]:
        """Give an asset over a range, from one snapshot; refuse one that nobody knows."""
        key = f"{site}/{asset}"
        with self._hub() as conn:
            now = self.now()
            view = snapshot(conn, self._store.history(), now, site)
            if key not in self.directory.assets and key not in view.assets():
                raise no_such_asset(key)
            yield AssetRange(view, self.directory, key, range_of(range_, end, now), self._limits)

    @contextmanager
    def _hub(self) -> Iterator[Connection]:
        try:
            with self._store.hub() as conn:
                yield conn
        except (DatabaseError, HistoryUnavailableError) as error:
            raise cannot_read(str(error)) from error
