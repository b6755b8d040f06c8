"""How the ways out are before a message fails: signal, credit, a service that is not at work."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from alerts.channels.contract import Attended, Channel, ChannelError, Need, Trying, Watched

log = logging.getLogger(__name__)

# Real time: so is the modem's. smsd itself writes its signal down every 30 s.
EVERY_S: Final = 60.0


class ChannelWatch:
    """Asks the channels that can tell. Used by the thread that hands messages over.

    What `warning` says any thread may ask.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._looked_s: float | None = None
        self._looks = 0
        self._watchable = any(isinstance(one, Attended | Watched) for one in channels.values())
        # What the newest look has shown of each, in words, and what for.
        self._seen: dict[str, tuple[str, tuple[Need, ...]]] = {}
        self._warnings: dict[str, str] = {}
        # What each of these needs; nothing of one that is away, or cannot be asked.
        self._needs: dict[str, tuple[Need, ...]] = {}
        # Of each that has a service: at how many looks in a row that was at work.
        self._there: dict[str, int] = {}

    @property
    def looked(self) -> bool:
        """Whether there were two looks, so that what it knows counts; or nothing can be asked."""
        return self._looks >= 2 or not self._watchable

    @property
    def warning(self) -> str:
        """What people should see to, one line; empty where nothing is."""
        # One look: the mapping is replaced while other threads ask.
        warnings = self._warnings
        if list(self._channels) == list(warnings) and len(warnings) == 1:
            return next(iter(warnings.values()))
        return "; ".join(f"{name}: {words}" for name, words in warnings.items())

    @property
    def needs(self) -> dict[str, tuple[Need, ...]]:
        """What channels that still work need people for; those that need nothing are not in it."""
        return {name: needs for name, needs in self._needs.items() if needs}

    @property
    def away(self) -> set[str]:
        """Channels whose service is not at work, or that cannot be asked."""
        return {name for name, needs in self._needs.items() if not needs}

    @property
    def doubtful(self) -> set[str]:
        """Those of `away` of which the last that is known is more than an hour old."""
        known = {name: one for name, one in self._channels.items() if name in self.away}
        return {
            name
            for name, one in known.items()
            if isinstance(one, Trying) and not one.tried_lately()
        }

    @property
    def there(self) -> set[str]:
        """Channels whose service was at work at two looks in a row, none of them before `failed`."""
        return {name for name, looks in self._there.items() if looks >= 2}

    def failed(self, channel: str) -> None:
        """Take note that a channel has just failed: what looks have shown before counts no more."""
        self._there.pop(channel, None)

    def words(self, channel: str) -> str:
        """Return what people should see to at one channel; empty where nothing is."""
        return self._warnings.get(channel, "")

    def round(self, now_s: float) -> None:
        """Look once a minute; ``now_s`` is monotonic.

        What two looks in a row have shown counts: a service may be starting just now.
        """
        if self._looked_s is not None and now_s - self._looked_s < EVERY_S:
            return
        self._looked_s = now_s
        self._looks += 1
        before, self._seen = self._seen, {}
        warnings, needs = {}, {}
        for name, channel in self._channels.items():
            words, wanted = _words(channel)
            if words and not wanted:
                self._there.pop(name, None)
            elif isinstance(channel, Attended):
                self._there[name] = self._there.get(name, 0) + 1
            if words:
                self._seen[name] = words, wanted
                if name in before:
                    # One that could not be asked just once needs what it needed before.
                    once = not wanted and before[name][1]
                    warnings[name], needs[name] = before[name] if once else (words, wanted)
        for name in warnings.keys() - self._warnings.keys():
            fields = {"event": "channel-warning", "channel": name, "reason": warnings[name]}
            log.warning("channel %s: %s", name, warnings[name], extra=fields)
        for name in self._warnings.keys() - warnings.keys():
            log.warning(
                "channel %s is well again", name, extra={"event": "channel-well", "channel": name}
            )
        self._warnings, self._needs = warnings, needs


def _words(channel: Channel) -> tuple[str, tuple[Need, ...]]:
    """Return what a channel would have people see to, in its words, and what for."""
    try:
        found = channel.absence() if isinstance(channel, Attended) else ""
        if not found and isinstance(channel, Watched):
            condition = channel.condition()
            return condition.warning, condition.needs or ("other",)
    except ChannelError as error:
        return error.reason, ()
    except Exception as error:
        # Whatever it is: a look must not end the thread by which alarms go out.
        log.exception("a channel could not be asked how it is")
        return f"cannot be asked: {type(error).__name__}", ()
    return found, ()
