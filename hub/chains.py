"""The chains of people of all sites: which steps an alarm goes through, and who is meant when."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from alerts.escalation import Policy, Step
from alerts.roster import next_to_tell, people_of_step
from config.hub import HubSettings


class Chains:
    """Answers by the settings; nothing here changes."""

    def __init__(self, settings: HubSettings) -> None:
        self._sites = {site.id: site for site in settings.sites}
        self._zones = {site.id: ZoneInfo(site.zone) for site in settings.sites}
        self._caretakers = settings.caretakers
        self._policies: dict[str, Policy] = {}
        steps = {escalation.id: escalation.steps for escalation in settings.escalations}
        for site in settings.sites:
            # A site that only has `tell` has one step, at once.
            self._policies[site.id] = (Step(0, tuple(site.tell)),)
            if site.escalation is not None:
                self._policies[site.id] = tuple(
                    Step(step.after, tuple(step.to), tuple(step.channels), step.repeat)
                    for step in steps[site.escalation]
                )

    def __contains__(self, site: str) -> bool:
        """Whether this site is in the settings."""
        return site in self._sites

    def zone(self, site: str) -> ZoneInfo:
        """Return a site's zone."""
        return self._zones[site]

    def policy(self, site: str) -> Policy:
        """Return the steps of a site's alarms."""
        return self._policies[site]

    def people(self, site: str, steps: Iterable[int], at: int) -> list[str]:
        """Return who is told in these steps at a time, each once, as `people_by_step` finds them."""
        return list(self.people_by_step(site, steps, at))

    def people_by_step(self, site: str, steps: Iterable[int], at: int) -> dict[str, int]:
        """Return who is told in these steps at a time, each with the last one that names them.

        Where nobody of a step is on duty those of the next one are; where there is none either,
        those whom the site tells without an escalation.
        """
        policy, duty, zone = self._policies[site], self._sites[site].duty, self._zones[site]
        found: dict[str, int] = {}
        last = 0
        for last in steps:
            # The policy may have become shorter since the step was reached.
            named = people_of_step(policy, min(last, len(policy) - 1), duty, at, zone)
            found |= dict.fromkeys(named, last)
        return found or dict.fromkeys(self._sites[site].tell, last)

    def instead_of(self, site: str, person: str, told: Iterable[str], at: int) -> str | None:
        """Return who is told instead of somebody who cannot be reached, and was not told yet."""
        policy, duty, zone = self._policies[site], self._sites[site].duty, self._zones[site]
        known = frozenset(told)
        found = next_to_tell(policy, duty, at, zone, unreachable=person, told=known)
        others = (one for one in self._sites[site].tell if one != person and one not in known)
        return found if found is not None else next(others, None)

    def everybody(self, site: str) -> list[str]:
        """Return everybody whom a site's alarms may reach, at whatever time."""
        duty = self._sites[site].duty
        people: list[str] = []
        for name in (name for step in self._policies[site] for name in step.to):
            of_role = [each.person for each in duty if each.role == name]
            people += of_role or [name]
        people += [each.stand_in for each in duty if each.stand_in is not None]
        return list(dict.fromkeys([*people, *self._sites[site].tell]))

    def caretakers(self, at: int) -> list[str]:
        """Return who is told of the hub itself: those named, or all first steps of all sites."""
        people = self._caretakers or [
            person for site in self._sites for person in self.people(site, (0,), at)
        ]
        return list(dict.fromkeys(people))
