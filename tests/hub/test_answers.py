"""Answers by SMS: taken once, for whom they are, and harmless whatever comes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts.channels.contract import ChannelError, Inbound
from alerts.codes import code_of
from config.hub import Person
from firmware_agent.modem import received
from hub import alarms
from hub.answers import (
    ENTRIES_AN_HOUR,
    HOUR_MS,
    REPLIES_AN_HOUR,
    UNKNOWN_NUMBERS,
    WRONG_AN_HOUR,
    Answers,
    Reply,
)
from hub.inbound import inbound
from hub.tables import sms
from journal import journal
from journal.database import read, write
from tests.hub.test_notices import Desk, story
from tests.support.sender import MINUTE, START, Sender

LI, WANG, STRANGER = "+8613900000001", "13900000002", "+8613700000009"


class Inbox:
    """A channel's inbox in memory; what was taken is gone."""

    def __init__(self) -> None:
        self.messages: dict[str, Inbound] = {}
        self.down = ""
        self.count = 0

    def put(self, sender: str, text: str, at: int = 0) -> None:
        """Let a message come in."""
        self.count += 1
        key = str(self.count)
        self.messages[key] = Inbound(key, sender, text, at)

    def received(self) -> list[Inbound]:
        """Return what was not taken."""
        if self.down:
            raise ChannelError(retryable=True, reason=self.down)
        return list(self.messages.values())

    def taken(self, key: str) -> None:
        """Forget it."""
        self.messages.pop(key, None)


def says(_conn: Connection, person: Person, reply: Reply, _now: int) -> str:
    """Spell a reply so that a test can read it."""
    return f"{person.id} {reply.kind} {reply.code}".strip()


class Answering(Desk):
    """A desk with an alarm of which three people were told, and an inbox."""

    def __init__(self, folder: Path, *, fresh: bool = True) -> None:
        super().__init__(folder)
        self.inbox = Inbox()
        self.answers = Answers(self.settings, self.database, says)
        if fresh:
            self.send(story([9_000] * 15), 1, 16)
            self.texts()

    def close(self) -> None:
        """Let go of the files."""
        self.history.close()
        self.database.dispose()

    def restart(self) -> None:
        """Forget what is only in memory."""
        super().restart()
        self.answers = Answers(self.settings, self.database, says)

    @property
    def alarm(self) -> alarms.Alarm:
        """The only alarm."""
        with read(self.database) as conn:
            (one,) = alarms.alarms_open(conn)
        return one

    @property
    def code(self) -> str:
        """Its code."""
        return code_of(self.alarm.id)

    def say(self, sender: str, *texts: str) -> None:
        """Let somebody write, and the hub take it."""
        for text in texts:
            self.inbox.put(sender, text, self.now)
        self.answers.round([self.inbox], self.now)

    def entries(self, types: str) -> list[dict[str, Any]]:
        """Return the bodies of all entries of a type, with their subjects."""
        with read(self.database) as conn:
            return [
                entry.body | {"subject": entry.subject}
                for entry in journal.entries(conn, types=types)
            ]

    def replies(self) -> list[tuple[str, str]]:
        """Return number and text of all replies."""
        with read(self.database) as conn:
            query = select(sms.c.phone, sms.c.text).where(sms.c.id.startswith("r"))
            return [tuple(row) for row in conn.execute(query.order_by(sms.c.id))]

    def rows(self) -> int:
        """Return how many messages were taken."""
        with read(self.database) as conn:
            return len(conn.execute(select(inbound)).all())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The files of such a desk, and its time."""
    folder = tmp_path_factory.mktemp("told") / "state"
    folder.mkdir()
    made = Answering(folder)
    made.close()
    return folder, made.now


@pytest.fixture
def desk(told: tuple[Path, int], tmp_path: Path) -> Iterator[Answering]:
    """A desk with files of its own."""
    shutil.copytree(told[0], tmp_path / "state")
    made = Answering(tmp_path / "state", fresh=False)
    made.now = told[1]
    yield made
    made.close()


def wrong_code(desk: Answering, number: int = 0) -> str:
    """Return a code that answers nothing."""
    return str(1_000 + (int(desk.code) - 1_000 + 1 + number) % 9_000)


def test_a_code_acknowledges_for_the_person_whose_number_it_is(desk: Answering) -> None:
    """Another spelling of the number, words round the code: answered, entered, and said back."""
    desk.say(WANG, f"收到 {desk.code}")

    assert (desk.alarm.answered_by, desk.alarm.answered_way) == ("wang", "sms")
    assert desk.alarm.answered_at == desk.now
    assert desk.entries("alarm.acknowledged") == [
        {"person": "wang", "way": "sms", "subject": desk.alarm.id}
    ]
    assert desk.entries("answer.received") == [
        {
            "person": "wang",
            "text": f"收到 {desk.code}",
            "meaning": "answer",
            "alarms": [desk.alarm.id],
            "subject": "+8613900000002",
        }
    ]
    assert desk.replies() == [("+8613900000002", f"wang acknowledged {desk.code}")]
    assert desk.inbox.messages == {}


def test_the_reply_leaves_by_the_outbox(desk: Answering) -> None:
    """It is handed over like any SMS, behind those that tell of alarms."""
    desk.say(LI, desk.code)

    assert desk.texts()[-1] == f"li acknowledged {desk.code}"


def test_two_people_answer_at_once_and_the_first_one_counts(desk: Answering) -> None:
    """Both are recorded, both are told so, and the alarm bears the first one's name."""
    desk.inbox.put(LI, desk.code)
    desk.inbox.put(WANG, desk.code)
    desk.answers.round([desk.inbox], desk.now)

    assert desk.alarm.answered_by == "li"
    assert [entry["person"] for entry in desk.entries("alarm.acknowledged")] == ["li", "wang"]
    assert [entry["person"] for entry in desk.entries("answer.received")] == ["li", "wang"]
    assert len(desk.replies()) == 2


@pytest.mark.parametrize(
    ("text", "reason", "action", "words"),
    [
        ("{} door shut it, all inside", "door", "", "shut it, all inside"),
        ("{} 除霜", "defrost", "", ""),
        ("{} other: the cleaner", "other", "", "the cleaner"),
        ("{} other", "", "", ""),
        ("{} 停电了", "power", "", "了"),
        ("关门了 {}", "door", "", "了"),
        ("{} power is out", "power", "", "is out"),
        ("{} 探头坏了", "probe", "", "坏了"),
        ("{} checked the probe", "", "", ""),
        ("{} on my way", "", "", ""),
    ],
)
def test_a_reason_behind_the_code_explains(
    desk: Answering, text: str, reason: str, action: str, words: str
) -> None:
    """A reason, and their words; what was done is never taken from an SMS, so it stays on the list."""
    desk.say(LI, text.format(desk.code))

    alarm = desk.alarm
    assert (alarm.reason, alarm.action, alarm.text) == (reason, action, words)
    assert alarm.answered_by == "li"
    assert not alarm.explained


def test_half_an_explanation_does_not_replace_a_whole_one(desk: Answering) -> None:
    """A reason by SMS, sent later, leaves what was said on the page before."""
    with write(desk.database) as conn:
        alarms.explain(
            conn, desk.alarm.id, person="li", reason="door", action="shut it", text="",
            way="console", now=desk.now,
        )  # fmt: skip
    desk.say(WANG, f"{desk.code} defrost, stopped it")

    assert (desk.alarm.reason, desk.alarm.action) == ("door", "shut it")
    assert len(desk.entries("alarm.explained")) == 1


def test_what_a_whole_explanation_leaves_unheeded_stands_in_the_journal(desk: Answering) -> None:
    """That the SMS came, from whom, of which alarm and in which words; also where it changes nothing."""
    alarm = desk.alarm
    with write(desk.database) as conn:
        alarms.acknowledge(conn, alarm.id, person="li", way="console", now=desk.now)
        alarms.explain(
            conn, alarm.id, person="li", reason="door", action="shut it", text="",
            way="console", now=desk.now,
        )  # fmt: skip
    text = f"{desk.code} probe dead"
    desk.say(LI, text)

    assert (desk.alarm.reason, desk.alarm.action) == ("door", "shut it")
    assert desk.entries("answer.received") == [
        {"person": "li", "text": text, "meaning": "answer", "alarms": [alarm.id], "subject": LI}
    ]


def test_a_later_reason_by_sms_takes_the_place_of_an_earlier_one(desk: Answering) -> None:
    """Neither says what was done."""
    desk.say(LI, f"{desk.code} door")
    desk.say(WANG, f"{desk.code} power, mains are back")

    assert (desk.alarm.reason, desk.alarm.text) == ("power", "mains are back")
    assert (desk.alarm.explained_by, desk.alarm.explained) == ("wang", False)


def test_a_question_mark_asks_for_the_state(desk: Answering) -> None:
    """It acknowledges nothing."""
    desk.say(LI, "？")

    assert desk.replies() == [(LI, "li state")]
    assert desk.alarm.answered_at is None


def test_a_wrong_code_is_said_back_and_answers_nothing(desk: Answering) -> None:
    """Entered as such."""
    code = wrong_code(desk)
    desk.say(LI, code)

    assert desk.alarm.answered_at is None
    assert desk.replies() == [(LI, f"li unknown-code {code}")]
    (entry,) = desk.entries("answer.received")
    assert (entry["meaning"], entry["alarms"]) == ("unknown-code", [])


def test_an_unknown_number_gets_no_reply_and_acknowledges_nothing(desk: Answering) -> None:
    """Not even with the right code."""
    desk.say(STRANGER, desk.code, "?", "help")

    assert desk.alarm.answered_at is None
    assert desk.replies() == []
    entries = desk.entries("answer.received")
    assert {(entry["subject"], entry["person"], entry["meaning"]) for entry in entries} == {
        (STRANGER, "", "unknown-number")
    }


def test_a_person_who_was_not_told_cannot_answer(desk: Answering) -> None:
    """The code of another site's alarm is an unknown code to them."""
    with write(desk.database) as conn:
        conn.exec_driver_sql("DELETE FROM notices WHERE person = 'amy'")
    desk.say("+8613900000003", desk.code)

    assert desk.alarm.answered_at is None
    assert desk.replies() == [("+8613900000003", f"amy unknown-code {desk.code}")]


def test_a_flood_of_an_unknown_number_is_counted_in_one_entry(desk: Answering) -> None:
    """A hundred in a minute: ten entries, and one more when the hour is over."""
    desk.say(STRANGER, *(["WIN A PRIZE 4831"] * 100))
    assert len(desk.entries("answer.received")) == ENTRIES_AN_HOUR

    first = desk.now
    desk.now += HOUR_MS
    desk.restart()
    for _ in range(3):
        desk.say(LI)

    entries = desk.entries("answer.received")
    assert len(entries) == ENTRIES_AN_HOUR + 1
    assert entries[-1] == {
        "person": "", "text": "", "meaning": "flood", "alarms": [], "subject": UNKNOWN_NUMBERS,
        "count": 100 - ENTRIES_AN_HOUR, "first": first, "last": first,
    }  # fmt: skip
    assert desk.replies() == []


def test_a_flood_of_a_person_is_answered_a_few_times(desk: Answering) -> None:
    """`?` a hundred times; and a true code among them is heeded all the same."""
    desk.say(LI, *(["?"] * 100), desk.code)

    assert desk.alarm.answered_by == "li"
    texts = [text for _, text in desk.replies()]
    assert texts.count("li state") == REPLIES_AN_HOUR
    assert texts[-1] == f"li acknowledged {desk.code}"
    assert len(desk.entries("answer.received")) == ENTRIES_AN_HOUR + 1


def test_the_right_code_a_hundred_times_is_one_acknowledgement(desk: Answering) -> None:
    """A telephone that repeats itself."""
    desk.say(LI, *([desk.code] * 100))

    assert len(desk.entries("alarm.acknowledged")) == 1
    assert len(desk.replies()) == 1 + REPLIES_AN_HOUR
    assert len(desk.entries("answer.received")) == ENTRIES_AN_HOUR


def test_guessing_codes_ends_in_deafness_for_an_hour(desk: Answering) -> None:
    """Who has tried twenty wrong codes is not heeded, and the alarm goes on being told."""
    desk.say(LI, *(wrong_code(desk, n) for n in range(WRONG_AN_HOUR)), desk.code)
    assert desk.alarm.answered_at is None

    desk.now += HOUR_MS + 1
    desk.say(LI, desk.code)
    assert desk.alarm.answered_by == "li"


def test_guessing_many_codes_in_one_message_counts_each(desk: Answering) -> None:
    """Ten at a time are two messages."""
    guesses = [" ".join(wrong_code(desk, 10 * n + k) for k in range(10)) for n in range(2)]
    desk.say(LI, *guesses, desk.code)

    assert desk.alarm.answered_at is None


def test_others_are_heard_while_one_number_guesses(desk: Answering) -> None:
    """Deafness is for one person."""
    desk.say(LI, *(wrong_code(desk, n) for n in range(WRONG_AN_HOUR + 5)))
    desk.say(WANG, desk.code)

    assert desk.alarm.answered_by == "wang"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["acknowledge", "_note", "owe_reply", "commit", "taken"])
def test_killed_after_any_step_an_answer_is_taken_exactly_once(
    desk: Answering, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Within the transaction it never happened; behind it, it is found again and skipped."""
    import hub.answers as module

    desk.inbox.put(LI, desk.code)

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if step == "taken":
            real = desk.inbox.taken

            def taken(key: str) -> None:
                real(key)
                raise Killed

            patch.setattr(desk.inbox, "taken", taken)
        elif step == "commit":
            patch.setattr(desk.inbox, "taken", die)
        else:
            done = getattr(module, step)

            def then_die(*args: Any, **more: Any) -> None:
                done(*args, **more)
                raise Killed

            patch.setattr(module, step, then_die)
        with pytest.raises(Killed):
            desk.answers.round([desk.inbox], desk.now)
    for _ in range(3):
        desk.restart()
        desk.answers.round([desk.inbox], desk.now)

    assert desk.alarm.answered_by == "li"
    assert len(desk.entries("alarm.acknowledged")) == 1
    assert len(desk.entries("answer.received")) == 1
    assert len(desk.replies()) == 1
    assert desk.rows() == 1
    assert desk.inbox.messages == {}


def test_a_message_that_breaks_us_keeps_no_other_from_being_heard(
    desk: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is entered as failed and taken; the hub neither dies of it nor sees it for ever."""
    import hub.answers as module
    from alerts.answers import read as real

    def reading(text: str) -> Any:
        if text == "poison":
            raise RuntimeError("a bug")
        return real(text)

    monkeypatch.setattr(module, "read", reading)
    desk.say(LI, "poison", desk.code)

    assert desk.alarm.answered_by == "li"
    assert [entry["meaning"] for entry in desk.entries("answer.received")] == ["failed", "answer"]
    assert desk.inbox.messages == {}


@pytest.mark.parametrize("text", ["\ud800 {}", "\x00{}", "{}\u202e", "{}" + "长" * 5_000])
def test_any_text_can_be_entered(desk: Answering, text: str) -> None:
    """Lone surrogates, control characters, a novel."""
    desk.say(LI, text.format(desk.code))

    assert desk.alarm.answered_by == "li"
    with read(desk.database) as conn:
        assert journal.verify(conn) == []


def test_a_channel_that_cannot_be_asked_keeps_no_other_from_it(desk: Answering) -> None:
    """The second channel's answers are taken; the first one's when it works again."""
    desk.inbox.down = "no modem"
    other = Inbox()
    other.put(WANG, desk.code)
    desk.inbox.messages["9"] = Inbound("9", LI, "?", 0)
    desk.answers.round([desk.inbox, object(), other], desk.now)
    assert desk.alarm.answered_by == "wang"

    desk.inbox.down = ""
    desk.answers.round([desk.inbox], desk.now)
    assert (LI, "li state") in desk.replies()


def test_the_same_words_at_another_time_are_another_message(desk: Answering) -> None:
    """A modem whose database was made anew counts from one again."""
    desk.say(LI, "?")
    desk.inbox.count = 0
    desk.now += MINUTE
    desk.say(LI, "?")

    assert len(desk.replies()) == 2


def heard_by_device(
    desk: Answering, sender: str, text: str, site: str = "east-gate", key: str = "1"
) -> None:
    """Let a device's own modem receive an SMS, as the hub enters its event record."""
    with write(desk.database) as conn:
        body = received(Inbound(key, sender, text, START), 0)
        journal.append(
            conn, at=desk.now, actor="hub", type="device.modem.received", subject=f"{site}/modem",
            body={"device": "pi-1", "at": desk.now, "body": body},
        )  # fmt: skip


def test_an_answer_comes_through_a_devices_stream(desk: Answering) -> None:
    """From the event record of the agent, by intake and journal, to the acknowledgement."""
    sender = Sender(stream="9" * 32)
    sender.settings()
    sender.event(20, "modem.received", "modem", received(Inbound("1", LI, desk.code, START), 0))
    desk.send(sender, 1, 2)
    desk.answers.round([], desk.now)

    assert desk.alarm.answered_by == "li"


def test_an_answer_that_a_device_records_twice_is_taken_once(desk: Answering) -> None:
    """After a power cut it cannot tell whether the record was kept; and nothing is read for ever."""
    for _ in range(60):
        heard_by_device(desk, LI, "?")
    heard_by_device(desk, LI, desk.code, key="2")
    for _ in range(3):
        desk.answers.round([], desk.now)

    assert desk.replies() == [(LI, "li state"), (LI, f"li acknowledged {desk.code}")]
    assert desk.answers.round([], desk.now) == 0


@pytest.mark.parametrize("said", [{}, {"sender": 5, "text": None, "received_at": "x"}, [1], None])
def test_a_device_may_write_what_it_likes(desk: Answering, said: Any) -> None:
    """It is nobody's answer."""
    with write(desk.database) as conn:
        journal.append(
            conn, at=desk.now, actor="hub", type="device.modem.received",
            subject="east-gate/modem", body={"device": "pi-1", "at": 1, "body": said},
        )  # fmt: skip
    desk.answers.round([], desk.now)

    assert [entry["meaning"] for entry in desk.entries("answer.received")] == ["unknown-number"]


def test_an_answer_to_a_device_is_taken_once(desk: Answering) -> None:
    """Its entry is read by the hub, over restarts, and answered by the hub's channels."""
    heard_by_device(desk, LI, desk.code)
    for _ in range(3):
        desk.answers.round([], desk.now)
        desk.restart()

    assert desk.alarm.answered_by == "li"
    assert desk.replies() == [(LI, f"li acknowledged {desk.code}")]
    assert len(desk.entries("answer.received")) == 1


def test_a_device_answers_no_alarm_of_another_site(desk: Answering) -> None:
    """What a device says that it received cannot silence a site that is not its own."""
    heard_by_device(desk, LI, desk.code, site="market")
    desk.answers.round([], desk.now)

    assert desk.alarm.answered_at is None


def untold(desk: Answering) -> None:
    """Let the hub not have told anybody yet."""
    with write(desk.database) as conn:
        conn.exec_driver_sql("DELETE FROM notices")


def test_an_answer_that_comes_with_its_alarm_counts(desk: Answering) -> None:
    """Told by the device while it was cut off, answered there; the hub has told nobody yet."""
    untold(desk)
    heard_by_device(desk, LI, desk.code)
    desk.answers.round([], desk.now)

    assert desk.alarm.answered_by == "li"
    assert desk.replies() == [(LI, f"li acknowledged {desk.code}")]


def test_what_nobody_was_told_of_is_answered_by_devices_only(desk: Answering) -> None:
    """The hub's own modem has told nobody the code, so nobody can have it from there."""
    untold(desk)
    desk.say(LI, desk.code)

    assert desk.alarm.answered_at is None
    assert desk.replies() == [(LI, f"li unknown-code {desk.code}")]


@pytest.mark.parametrize("site", ["market", "nowhere"])
def test_what_nobody_was_told_of_is_answered_at_its_own_site_only(
    desk: Answering, site: str
) -> None:
    """Another site's device, and one of a site that is not in the settings any more."""
    untold(desk)
    heard_by_device(desk, LI, desk.code, site=site)
    desk.answers.round([], desk.now)

    assert desk.alarm.answered_at is None
    assert desk.replies() == [(LI, f"li unknown-code {desk.code}")]


def test_who_is_not_of_the_sites_chain_answers_nothing_untold(desk: Answering) -> None:
    """A known number, but of somebody whom this site never tells."""
    untold(desk)
    sites = [site.model_copy(update={"tell": ["wang"]}) for site in desk.settings.sites]
    settings = desk.settings.model_copy(update={"sites": sites})
    desk.answers = Answers(settings, desk.database, says)
    heard_by_device(desk, LI, desk.code)
    desk.answers.round([], desk.now)
    assert desk.alarm.answered_at is None
    assert desk.replies() == [(LI, f"li unknown-code {desk.code}")]

    heard_by_device(desk, WANG, desk.code, key="2")
    desk.answers.round([], desk.now)
    assert desk.alarm.answered_by == "wang"


def test_a_day_after_its_end_an_untold_alarm_is_answered_no_more(desk: Answering) -> None:
    """As one that was told."""
    untold(desk)
    alarm, code = desk.alarm, desk.code
    with write(desk.database) as conn:
        over = desk.now - 24 * HOUR_MS
        conn.exec_driver_sql(f"UPDATE alarms SET recovered_at = {over + 1}")
    heard_by_device(desk, LI, code)
    desk.answers.round([], desk.now)
    assert [entry["subject"] for entry in desk.entries("alarm.acknowledged")] == [alarm.id]

    heard_by_device(desk, WANG, code, key="2")
    desk.answers.round([], desk.now + 1)
    assert len(desk.entries("alarm.acknowledged")) == 1


def of_a_door(desk: Answering) -> alarms.Alarm:
    """Let a door stand open as well, at the same fridge; return its alarm."""
    door = "fridge-1/door/open"
    rule = {"id": "cn-gsp/door", "kind": "consecutive", "for_ms": 5 * MINUTE, "at_or_above": 1,
            "holds": False, "tells": True}  # fmt: skip
    sender = Sender(stream="d" * 32)
    sender.settings(rules=[rule], series=door)
    for minute in range(14, 21):
        sender.reading(minute, 1_000, series=door)
    desk.send(sender, 1, 8)
    with read(desk.database) as conn:
        (one,) = [each for each in alarms.alarms_open(conn) if each.quantity == "open"]
    return one


def told_by_device(
    desk: Answering, about: list[str], site: str = "east-gate", **other: Any
) -> None:
    """Let a device enter that its own modem told Li of these excursions, with the first one's code."""
    body = {
        "key": "own-1", "step": "opened", "excursions": about, "said": about, "state": "sent",
        "to": {"person": "li", "phone": LI}, "text": f"VACCINE ALARM … Answer {code_of(about[0])}.",
    } | other  # fmt: skip
    with write(desk.database) as conn:
        journal.append(
            conn, at=desk.now, actor="hub", type="device.modem.sent", subject=f"{site}/modem",
            body={"device": "pi-1", "at": desk.now, "body": body},
        )  # fmt: skip


@pytest.mark.parametrize("device", [True, False], ids=["device's modem", "hub's modem"])
def test_a_code_answers_all_that_a_devices_sms_said(desk: Answering, *, device: bool) -> None:
    """Its one SMS spoke of both alarms; wherever it is answered, both are answered."""
    warm = desk.alarm
    door = of_a_door(desk)
    if not device:
        desk.texts()
    told_by_device(desk, [warm.id, door.id])
    if device:
        heard_by_device(desk, LI, code_of(warm.id))
        desk.answers.round([], desk.now)
    else:
        desk.say(LI, code_of(warm.id))

    assert {each["subject"] for each in desk.entries("alarm.acknowledged")} == {warm.id, door.id}


@pytest.mark.parametrize(
    "other",
    [
        {"said": None},
        {"said": "all"},
        {"said": [5, None, "x"]},
        {"to": {"person": "wang", "phone": WANG}},
        {"to": 5},
        {"state": "refused"},
        {"state": "spared"},
        {"text": "VACCINE ALARM … Answer 1."},
        {"text": None},
        {"site": "market"},
    ],
    ids=str,
)
def test_a_code_answers_no_more_than_a_devices_sms_said(
    desk: Answering, other: dict[str, Any]
) -> None:
    """Not what an older agent's SMS left out, nor what came to nobody or to somebody else."""
    warm = desk.alarm
    door = of_a_door(desk)
    told_by_device(desk, [warm.id, door.id], **other)
    heard_by_device(desk, LI, code_of(warm.id))
    desk.answers.round([], desk.now)

    assert {each["subject"] for each in desk.entries("alarm.acknowledged")} == {warm.id}


def test_old_rows_are_forgotten_but_how_far_devices_were_read(desk: Answering) -> None:
    """After a month the table is small, and no old entry of a device is read again."""
    heard_by_device(desk, LI, "?")
    desk.say(LI, "?", "?")
    assert desk.rows() == 3
    desk.now += 31 * 24 * HOUR_MS
    desk.answers.round([], desk.now)
    desk.restart()
    desk.answers.round([], desk.now)

    assert desk.rows() == 1
    assert len(desk.replies()) == 3
