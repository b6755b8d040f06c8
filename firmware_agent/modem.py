"""The agent's own modem: it tells people what the hub has not told (design.md, decision 3).

What to tell is decided in firmware_agent/modem_steps.py, the words are in modem_texts.py, and
telling.py sees each SMS through. This part gathers what those need from the agent's cycle, and
leaves an event `modem.sent` in the stream for each SMS that was sent or given up. What people answer
to this modem goes to the hub as an event `modem.received`: there it is known what it means.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alerts.channels.gammu_smsd import GammuSmsd
from alerts.rules import OF_VALUES, watches_from_record
from config.clock import boot_id
from firmware_agent.chain import Draft, event_draft
from firmware_agent.modem_steps import Seen, Step, Told, View, due_ms, rebound, steps, waiting
from firmware_agent.modem_texts import Words
from firmware_agent.telling import Book, Message, Teller
from firmware_agent.warmups import Newest, WarmUps
from protocol.reading import split_series

if TYPE_CHECKING:
    from alerts.channels.contract import Channel, Inbound
    from firmware_agent.panel import PanelState
    from firmware_agent.parts import Context, Cycle

log = logging.getLogger(__name__)

FILE: Final = "modem.json"

# So many SMS that came in are recorded in an hour; the card is not there for a stranger's flood.
_HEARD_AN_HOUR: Final = 30
_HOUR_MS: Final = 3_600_000
_MOST_TEXT: Final = 1_000
_MOST_NUMBER: Final = 40


class ModemPart:
    """The part `modem`; section `[modem]` of the settings."""

    def __init__(
        self, context: Context, channel: Channel | None = None, boot: str | None = None
    ) -> None:
        """Read the book; nothing is sent before :meth:`start`."""
        plan, settings = context.plan, context.settings
        self._context = context
        self._clock = context.clock
        self._boot = boot or boot_id()
        self._people: Sequence[Mapping[str, Any]] = settings["tell"]
        self._rules = {
            name: {rule.id: rule for rule in watch.rules}
            for name, watch in watches_from_record({"series": plan.series}).items()
        }
        self._words = Words(settings, plan.series, self._rules)
        self._warm_ups = WarmUps(Path(plan.state_dir), plan.series)
        book = Book.open(Path(plan.state_dir) / FILE)
        self._seen, self._told, self._by_hub = _remembered(book)
        self._teller = Teller(
            book,
            channel or GammuSmsd(Path(settings["database"])),
            self._say,
            "modem",
            context.moved,
        )
        self._newest = Newest()
        self._started_ms = self._clock.mono_ms()
        self._drafted: list[str] = []
        # Notices whose records the disk does not have yet: recorded once, and not in each cycle.
        self._in_memory: set[str] = set()
        # The same of what came in, and when those of the last hour were recorded.
        self._heard: list[str] = []
        self._heard_in_memory: set[str] = set()
        self._heard_at: list[int] = []
        self._left_out = 0
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Begin to see through what an earlier run left."""
        self._started_ms = self._clock.mono_ms()
        self._teller.start()

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Note the newest values; return a notice of each SMS that has come to its end."""
        for item in cycle.taken:
            if item.sample.value is not None and not item.sample.rejected:
                self._newest.see(item.series, item.sample.value, item.mono_ms)
        with self._teller.lock:
            ended = [
                message
                for message in self._teller.messages.values()
                if message.settled and not message.recorded and message.key not in self._in_memory
            ]
            self._drafted = [message.key for message in ended]
        drafts = [event_draft(cycle.mono_ms, "modem.sent", "modem", notice(m)) for m in ended]
        return drafts + self._received(cycle.mono_ms)

    def show(self, state: PanelState) -> None:
        """Decide what has to be told, and owe it."""
        self._in_memory.update(self._drafted)
        self._heard_in_memory.update(self._heard)
        if not any(problem.startswith("spool:") for problem in state.problems):
            self._note_recorded()
        view = self._view(state)
        self._told = rebound(view)
        self._watch_ends(state)
        view = replace(view, told=self._told)
        self._spare(view)
        messages: list[Message] = []
        for step in steps(view):
            messages += self._owe(step, view)
        with self._teller.lock:
            self._teller.book.memory = {
                "seen": {id_: [*asdict(item).values()] for id_, item in self._seen.items()},
                "told": [asdict(item) | {"ids": list(item.ids)} for item in self._told],
                "by_hub": sorted(self._by_hub),
            }
            self._teller.add(messages)
        self._wake_for_mains(view)

    def close(self) -> None:
        """End; what is not sent yet is found again at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        self._teller.close()

    def _say(self, problem: str | None) -> None:
        self._context.health.set("modem", problem)

    # --- steps ---

    def _received(self, now_ms: int) -> list[Draft]:
        """Return an event for each SMS that came in; of a flood only the first, and how many more."""
        self._heard_at = [at for at in self._heard_at if now_ms - at < _HOUR_MS]
        drafts: list[Draft] = []
        self._heard = []
        for message in self._teller.inbound():
            if message.key in self._heard_in_memory:
                continue
            self._heard.append(message.key)
            if len(self._heard_at) >= _HEARD_AN_HOUR:
                self._left_out += 1
                continue
            self._heard_at.append(now_ms)
            body = received(message, self._left_out)
            self._left_out = 0
            drafts.append(event_draft(now_ms, "modem.received", "modem", body))
        return drafts

    def _view(self, state: PanelState) -> View:
        progress, now_ms = state.progress, self._clock.mono_ms()
        here = {item.id for item in state.excursions}
        self._seen = {id_: seen for id_, seen in self._seen.items() if id_ in here}
        # While it is open here it stays told: the hub lists what it calls over for a day only, and
        # it may know better that it is (a person said that the probe is dead).
        self._by_hub = here & (self._by_hub | progress.listed)
        for item in state.excursions:
            if item.tells:
                self._seen.setdefault(item.id, Seen(self._boot, now_ms, progress.recorded))
        return View(
            boot=self._boot,
            now_ms=now_ms,
            started_ms=self._started_ms,
            stream=progress.stream,
            judged=progress.judged,
            open=state.excursions,
            listed=progress.listed | self._by_hub,
            threads=progress.threads,
            seen=self._seen,
            told=self._told,
            rules=self._rules,
            wall_ms=self._clock.now_ms(),
            works=progress.works,
        )

    def _watch_ends(self, state: PanelState) -> None:
        """Keep up what a message about the end will have to say."""
        now_ms = self._clock.now_ms()
        open_ = {item.thread: item for item in state.excursions}
        told = []
        for item in self._told:
            current = open_.get(item.thread)
            if current is None:
                told.append(item if item.end is not None else replace(item, end=now_ms))
                continue
            extreme = _worse(item, current.extreme)
            rule = self._rules.get(item.series, {}).get(item.rule)
            if rule is not None and rule.kind in OF_VALUES:
                extreme = _worse(item, current.extreme, self._newest.get(item.series))
            # A start that was a guess (a Pi that booted in 1970) is known better by now.
            since = current.start if current.id == item.ids[0] else item.since
            told.append(replace(item, end=None, extreme=extreme, since=since))
        self._told = told

    def _owe(self, step: Step, view: View) -> list[Message]:
        over = {item.thread for item in step.over}
        self._told = [item for item in self._told if item.thread not in over]
        for item in step.opened:
            self._told.append(
                Told(
                    item.thread, view.stream, item.series, item.rule, item.side, item.certainty,
                    (item.id,), item.start, None, item.extreme,
                )
            )  # fmt: skip
        if step.step == "forgotten":
            return []
        ids = [item.id for item in step.opened]
        ids += [id_ for item in step.over for id_ in item.ids]
        at = self._clock.now_ms()
        holds = None
        if step.opened and split_series(step.opened[0].series)[2] == "present":
            self._warm_ups.reload()
            asset = split_series(step.opened[0].series)[0]
            fresh = self._newest.fresh(view.now_ms, self._context.plan.every_ms)
            holds = self._warm_ups.holds_minutes(asset, fresh)
        return [
            Message(
                f"own-{ids[0]}-{step.step}-{person['id']}",
                person["id"],
                person["phone"],
                self._words.text(step, person["language"], self._newest, at, holds, view.open),
                step.step,
                ids,
                at,
                said=ids if step.step == "opened" else [],
            )
            for person in self._people
            if step.step == "opened" or not self._was_spared(ids, person["id"])
        ]

    def _was_spared(self, ids: Sequence[str], person: str) -> bool:
        """Whether this person was to be told of it by us, and the hub was quicker after all."""
        with self._teller.lock:
            states = {
                message.state
                for message in self._teller.messages.values()
                if message.step == "opened"
                and message.person == person
                and not set(ids).isdisjoint(message.about)
            }
        return states == {"spared"}

    def _spare(self, view: View) -> None:
        """Take back what the hub has told before our channel took it."""
        with self._teller.lock:
            spared = [
                message.key
                for message in self._teller.messages.values()
                if message.state == "waiting"
                and message.step == "opened"
                and view.listed.issuperset(message.about)
            ]
            if spared:
                self._teller.spare(spared, "the hub has told people meanwhile")

    def _note_recorded(self) -> None:
        with self._teller.lock:
            for key in self._in_memory:
                message = self._teller.messages.get(key)
                if message is not None:
                    message.recorded = True
        self._in_memory.clear()
        self._teller.noted(self._heard_in_memory)
        self._heard_in_memory.clear()

    def _wake_for_mains(self, view: View) -> None:
        """Have a cycle when mains that are lost become ours to tell; the next may be too late."""
        times = [
            due_ms(item, view.seen[item.id], view) - view.now_ms
            for item in waiting(view)
            if split_series(item.series)[2] == "present" and item.id in view.seen
        ]
        left = [ms for ms in times if ms > 0]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if left:
            self._timer = threading.Timer(
                (min(left) + 50) / 1000 / self._clock.speed, self._context.wake
            )
            self._timer.daemon = True
            self._timer.start()


def _remembered(book: Book) -> tuple[dict[str, Seen], list[Told], set[str]]:
    """Return what the book remembers; of another shape (another version's) it is told anew."""
    memory = book.memory
    try:
        seen = {id_: Seen(*item) for id_, item in memory.get("seen", {}).items()}
        told = [Told(**(item | {"ids": tuple(item["ids"])})) for item in memory.get("told", ())]
    except (TypeError, KeyError, AttributeError) as error:
        log.warning("modem=forgetful file=%s reason=%r", book.path, str(error))
        return {}, [], set()
    return seen, told, {str(id_) for id_ in memory.get("by_hub", ())}


def notice(message: Message) -> dict[str, Any]:
    """Return the body of the event `modem.sent`: what was sent to whom, or could not be.

    ``said`` holds the excursions of which the text speaks: the hub lets its code answer their alarms.
    Versions that spoke of the first one alone do not have it.
    """
    body = {
        "key": message.key,
        "step": message.step,
        "excursions": list(message.about),
        "to": {"person": message.person, "phone": message.phone},
        "text": message.text,
        "written_at": message.at,
        "tries": message.tries,
        "state": message.state,
        "reason": message.reason,
    }
    return body | ({"said": list(message.said)} if message.said else {})


def received(message: Inbound, left_out: int) -> dict[str, Any]:
    """Return the body of the event `modem.received`: what somebody sent to this modem.

    ``left_out``: how many were not recorded since the one before, because there were too many.
    """
    return {
        "key": message.key,
        "sender": _clean(message.sender, _MOST_NUMBER),
        "text": _clean(message.text, _MOST_TEXT),
        "received_at": message.at_ms,
        "left_out": left_out,
    }


def _clean(text: str, most: int) -> str:
    """Return a text as a record may hold it: no lone surrogates, not too long."""
    return text[:most].encode(errors="replace").decode()


def _worse(item: Told, *values: int | None) -> int | None:
    known = [value for value in (item.extreme, *values) if value is not None]
    if item.side == "silent" or not known:
        return item.extreme
    return min(known) if item.side == "below" else max(known)
