"""What people call things: names of sites, assets and people, and each site's zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from config.hub import HubSettings, Site
from console.models import Name
from hub.chains import Chains

UTC = ZoneInfo("UTC")


class DirectoryError(ValueError):
    """The settings name something that does not exist; the text is one line."""


class Directory:
    """Looks names up; what the settings do not know is called by its id."""

    def __init__(self, settings: HubSettings) -> None:
        """Read the settings; raise DirectoryError where a zone does not exist."""
        self.sites: dict[str, Site] = {site.id: site for site in settings.sites}
        self.assets: dict[str, Name] = {
            f"{site.id}/{asset.id}": Name(zh=asset.name.zh, en=asset.name.en)
            for site in settings.sites
            for asset in site.assets
        }
        self.kinds: dict[str, str] = {
            f"{site.id}/{asset.id}": asset.kind for site in settings.sites for asset in site.assets
        }
        self.people: dict[str, str] = {person.id: person.name for person in settings.people}
        self._zones = {site.id: _zone(site) for site in settings.sites}
        self._chains = Chains(settings)
        self.zones: tuple[ZoneInfo, ...] = tuple(dict.fromkeys(self._zones.values()))

    def people_of(self, site: str) -> list[str]:
        """Return the ids of those whom a site's alarms may reach; everybody's of an unknown site."""
        return self._chains.everybody(site) if site in self.sites else list(self.people)

    def zone(self, site: str) -> ZoneInfo:
        """Return a site's zone; the first site's for one that is not in the settings."""
        return self._zones.get(site, self.zones[0])

    def site_name(self, site: str) -> Name:
        """Return what a site is called."""
        known = self.sites.get(site)
        return Name(zh=known.name.zh, en=known.name.en) if known else Name(zh=site, en=site)

    def asset_name(self, key: str) -> Name:
        """Return what ``site/asset`` is called, without its site."""
        name = key.partition("/")[2]
        return self.assets.get(key) or Name(zh=name, en=name)

    def person_name(self, person: str) -> str:
        """Return a person's name."""
        return self.people.get(person, person)


def _zone(site: Site) -> ZoneInfo:
    try:
        return ZoneInfo(site.zone)
    except (KeyError, ValueError, OSError):  # a folder such as "Asia" is an OSError
        raise DirectoryError(
            f'site {site.id}: there is no time zone "{site.zone}"; write an IANA name, '
            "such as Asia/Shanghai"
        ) from None
