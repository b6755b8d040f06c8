"""Channels by their settings. Each kind's module is imported only where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.channels.keys import KeyFileError, read_key, read_lines, read_secret

if TYPE_CHECKING:
    from alerts.channels.contract import Channel
    from alerts.channels.gateway import Gateway
    from alerts.channels.templates import Template
    from config.channels import ChannelSettings, TemplateSettings
    from config.hub import HubSettings

# Below the hub's state_dir: what the gateways were given.
FOLDER = "channels"


class ChannelUnusableError(ValueError):
    """A channel cannot be opened as it is set up; the text is one line and holds no secret."""


def open_channels(settings: HubSettings) -> dict[str, Channel]:
    """Return the hub's channels by their ids, in the order of the settings.

    Those that work in a thread of their own have begun: what an earlier hub handed over goes on.
    Whoever ends calls `close` where a channel has it (`Closing`).

    Raises:
        ChannelUnusableError: one is not set up as it must be.
    """
    return {
        one.id: open_channel(one, settings.state_dir / FOLDER) for one in settings.all_channels()
    }


def open_channel(settings: ChannelSettings, folder: Path) -> Channel:
    """Return one channel; ``folder`` is where its book is kept."""
    if settings.kind == "log":
        from alerts.channels.log import LogChannel

        return LogChannel()
    if settings.kind == "gammu-smsd" and settings.smsd is not None:
        from alerts.channels.gammu_smsd import GammuSmsd
        from alerts.channels.smsd_watch import Limits

        smsd = settings.smsd
        limits = Limits(
            smsd.low_signal, smsd.balance_code, smsd.balance_every, smsd.low_balance * 1000
        )
        return GammuSmsd(smsd.database, limits)
    from alerts.channels.book import Book
    from alerts.channels.gateway import GatewayChannel

    try:
        gateway = _gateway(settings)
    except KeyFileError as error:
        raise ChannelUnusableError(f"channel {settings.id}: {error}") from None
    channel = GatewayChannel(settings.id, Book(folder / f"{settings.id}.db"), gateway)
    channel.start()
    return channel


def _gateway(settings: ChannelSettings) -> Gateway:
    """Return what asks the gateway; its secrets are read once, to see that they can be."""
    if settings.kind == "aliyun" and (aliyun := settings.aliyun) is not None:
        from alerts.channels.aliyun import Aliyun

        read_key(aliyun.key_file)
        return Aliyun(
            aliyun.sign_name, _templates(aliyun.templates), aliyun.key_file, aliyun.endpoint,
            aliyun.timeout_s,
        )  # fmt: skip
    if settings.kind == "tencent" and (tencent := settings.tencent) is not None:
        from alerts.channels.tencent import Tencent

        read_key(tencent.key_file)
        return Tencent(
            tencent.app_id, tencent.sign_name, _templates(tencent.templates), tencent.key_file,
            tencent.region, tencent.endpoint, tencent.timeout_s,
        )  # fmt: skip
    if settings.kind == "http" and (http := settings.http) is not None:
        from alerts.channels.any_http import AnyHttp

        if http.key_file is not None:
            read_secret(http.key_file)
        return AnyHttp(
            http.url, http.method, http.headers, http.body, http.key_file, http.statuses,
            http.success, http.success_values, http.timeout_s,
        )  # fmt: skip
    if settings.kind == "apprise" and (apprise := settings.apprise) is not None:
        from alerts.channels.apprise_urls import AppriseUrls

        read_lines(apprise.urls_file)
        return AppriseUrls(apprise.urls_file, apprise.timeout_s)
    raise ChannelUnusableError(f"channel {settings.id} of kind {settings.kind} lacks its table")


def _templates(settings: Sequence[TemplateSettings]) -> tuple[Template, ...]:
    from alerts.channels.templates import Template

    return tuple(
        Template(one.id, tuple(one.params), one.happening, one.language) for one in settings
    )
