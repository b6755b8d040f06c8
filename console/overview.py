"""Everything at a glance: each site's assets, trouble first, and what is wrong with the system."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from config.hub import HubSettings
from console.assets import ORDER, Limits, asset_now, is_lost
from console.directory import Directory
from console.models import AssetNow, Channel, HubState, LostDevice, Overview, SiteNow
from console.points import DAY_MS
from console.snapshot import Snapshot, snapshot
from console.weeks import Weeks
from history.port import History
from hub.standing import current
from hub.tables import quarantine, sms
from journal.journal import entries


def limits_of(settings: HubSettings) -> Limits:
    """Return the settings that decide what counts as lost or late."""
    return Limits(settings.lost_contact_after, settings.late_after)


def overview(
    conn: Connection,
    history: History,
    settings: HubSettings,
    directory: Directory,
    weeks: Weeks,
    now: int,
) -> Overview:
    """Return the county as it is at ``now``."""
    view = snapshot(conn, history, now)
    limits = limits_of(settings)
    keys = list(dict.fromkeys([*directory.assets, *view.assets()]))
    assets = [asset_now(view, directory, key, limits, weeks) for key in keys]
    sites = [
        _site(directory, site, [asset for asset in assets if asset.site == site])
        for site in dict.fromkeys([*directory.sites, *(asset.site for asset in assets)])
    ]
    sites.sort(key=lambda site: min((rank(asset) for asset in site.assets), default=len(ORDER)))
    stands = Counter(state for _, state in current(conn, now))
    return Overview(
        at=now,
        unanswered=stands["unanswered"],
        unexplained=stands["unexplained"],
        sites=sites,
        lost=_lost(view, settings, limits),
        quarantined=conn.execute(select(func.count()).select_from(quarantine)).scalar_one(),
        channel=_channel(conn, settings.sms.queued_too_long, now),
        hub=_hub(conn, view, limits),
    )


def rank(asset: AssetNow) -> int:
    """Return how urgent an asset is, 0 first; one inside with an open excursion before the quiet."""
    quiet = asset.state == "inside" and not asset.excursions
    return ORDER.index(asset.state) if not quiet else len(ORDER)


def _site(directory: Directory, site: str, assets: list[AssetNow]) -> SiteNow:
    known = directory.sites.get(site)
    return SiteNow(
        id=site,
        name=directory.site_name(site),
        kind=known.kind if known is not None else "",
        township=known.township if known is not None else "",
        zone=directory.zone(site).key,
        assets=sorted(assets, key=rank),
    )


def _lost(view: Snapshot, settings: HubSettings, limits: Limits) -> list[LostDevice]:
    return [
        LostDevice(device=device, site=site.id, heard_at=view.heard.get(device))
        for site in settings.sites
        for device in site.devices
        if is_lost(view, site.id, device, limits)
    ]


def _channel(conn: Connection, too_long_ms: int, now: int) -> Channel:
    """Return whether SMS leave: by the journal, and by what lies in the outbox."""
    newest = next(entries(conn, types="channel.", newest_first=True, limit=1), None)
    failing = newest is not None and newest.type == "channel.failing"
    if failing and newest is not None:
        # a hub that was started again meanwhile does not enter that the channel works
        sent_since = select(sms.c.id).where(sms.c.sent_at > newest.at).limit(1)
        failing = conn.execute(sent_since).first() is None
    counted = select(func.count()).select_from(sms)
    refused = counted.where(sms.c.state == "refused", sms.c.created_at > now - DAY_MS)
    waiting = counted.where(
        sms.c.state.in_(("waiting", "handed")), sms.c.created_at < now - too_long_ms
    )
    return Channel(
        failing=failing,
        since=newest.at if failing and newest is not None else None,
        reason=str(newest.body.get("reason", "")) if failing and newest is not None else "",
        refused=conn.execute(refused).scalar_one(),
        waiting=conn.execute(waiting).scalar_one(),
    )


def _hub(conn: Connection, view: Snapshot, limits: Limits) -> HubState:
    """Return whether anybody is receiving, as far as the database shows it."""
    newest = next(entries(conn, types="hub.", newest_first=True, limit=1), None)
    if newest is None:
        return HubState(state="never", since=None)
    if newest.type == "hub.stopped":
        return HubState(state="stopped", since=newest.at)
    last = max([newest.at, *view.heard.values()])
    if view.now - last > limits.lost_contact_after_ms:
        return HubState(state="quiet", since=last)
    return HubState(state="running", since=newest.at)
