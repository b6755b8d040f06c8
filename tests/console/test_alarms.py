"""The page of alarms: what it shows, what can be done there, and what is kept out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.posting import COOKIE, MOST_BYTES
from hub import alarms
from journal import journal, work
from journal.database import open_database, read
from tests.console.client import Call, Client, copy_of, open_console, open_folder
from tests.console.story import HOUR, Filled, settings
from tests.support.sender import MINUTE

NOW = 1_764_028_800_000


class Desk:
    """A console over files of its own, and what stands in them."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.client = open_console(filled)
        self.engine = open_database(filled.state_dir / "hub.db", read_only=True)

    def alarm(self, asset: str, side: str) -> alarms.Alarm:
        """Return the newest alarm of an asset."""
        with read(self.engine) as conn:
            ids = conn.exec_driver_sql(
                "SELECT id FROM alarms WHERE asset = ? AND side = ? AND quantity = 'temperature'"
                " ORDER BY opened_at DESC", (asset, side),
            ).scalars()  # fmt: skip
            found = alarms.alarm(conn, ids.first() or "")
        assert found is not None
        return found

    @property
    def hot(self) -> alarms.Alarm:
        """The one that nobody has answered."""
        return self.alarm("east-gate/fridge-2", "above")

    @property
    def warm(self) -> alarms.Alarm:
        """The one that is over and not explained."""
        return self.alarm("east-gate/fridge-1", "above")

    def form(self, **fields: str) -> dict[str, str]:
        """Return a form of the page, as it is given with its cookie."""
        page = self.client.page("/alarms")
        (token,) = set(re.findall(r'name="token" value="([^"]+)"', page))
        return {"token": token, **fields}

    def head(self) -> int:
        """Return how many entries the journal has."""
        with read(self.engine) as conn:
            return journal.head(conn).position

    def newest(self, type_: str) -> dict[str, Any]:
        """Return the body of the newest entry of a type."""
        with read(self.engine) as conn:
            entry = next(journal.entries(conn, types=type_, newest_first=True, limit=1))
        return entry.body | {"actor": entry.actor, "subject": entry.subject}


@pytest.fixture
def desk(story: Filled, tmp_path: Path) -> Iterator[Desk]:
    """A county that may be written to."""
    made = Desk(copy_of(story, tmp_path / "state"))
    yield made
    made.engine.dispose()


# --- showing ---


def test_unanswered_ones_stand_first(console: Client) -> None:
    """Then those that somebody sees to, then what is to be explained, then the old ones."""
    states = [alarm["state"] for alarm in console.json("/api/v1/alarms")["alarms"]]
    order = ["unanswered", "answered", "unexplained", "over"]
    assert states == sorted(states, key=order.index)
    assert set(states) == set(order)
    text = console.text("/alarms")
    places = [text.index(each) for each in (
        "Nobody sees to these now", "Somebody sees to these", "Over, and still to be explained",
        "Planned work", "Earlier alarms",
    )]  # fmt: skip
    assert places == sorted(places)


def test_an_alarm_shows_whom_it_told_and_whether_it_arrived(console: Client) -> None:
    """Persons, numbers, times, and what became of each SMS."""
    found = console.json("/api/v1/alarms")["alarms"]
    hot = next(a for a in found if a["asset"] == "east-gate/fridge-2" and a["side"] == "above")
    assert [(sms["person"], sms["state"], sms["step"]) for sms in hot["told"]] == [
        ("li", "sent", "opened"),
        ("amy", "sent", "opened"),
    ]
    cold = next(a for a in found if a["asset"] == "market/fridge-3" and a["state"] == "answered")
    assert [(sms["person"], sms["state"]) for sms in cold["told"]] == [("wang", "refused")]
    assert "no: refused" in console.text("/alarms")
    assert hot["code"] in console.text("/alarms")
    assert hot["extreme"] > 12_000
    assert {each["rule"] for each in hot["excursions"]} >= {"cn-gsp/out-of-range"}


def test_what_people_did_stands_there_in_order(console: Client) -> None:
    """The buzzer that was silenced at the panel, the answer, and the SMS that brought it."""
    found = console.json("/api/v1/alarms")["alarms"]
    cold = next(a for a in found if a["asset"] == "market/fridge-3" and a["state"] == "answered")
    assert [(step["kind"], step["person"], step["way"]) for step in cold["steps"]] == [
        ("silenced", "", "panel"),
        ("acknowledged", "wang", "sms"),
        ("sms", "wang", ""),
    ]
    text = console.text("/alarms")
    assert "Buzzer silenced for a while at the panel" in text
    assert f"“收到{cold['code']}”" in text


def test_an_answer_holds_for_half_an_hour(story: Filled) -> None:
    """Then the alarm stands among the unanswered again, and says who had answered."""
    later = open_console(story, later_ms=31 * MINUTE)
    found = later.json("/api/v1/alarms")["alarms"]
    cold = next(a for a in found if a["asset"] == "market/fridge-3" and a["side"] == "below")
    assert cold["state"] == "unanswered"
    assert "王军 answered it at" in later.text("/alarms")
    assert "it has gone on since" in later.text("/alarms")


def test_old_alarms_say_why_and_what_was_done(console: Client) -> None:
    """With the person who said so."""
    assert "restocking: 货已放好，门已关 李娜" in console.text("/alarms")


def test_many_that_nobody_explained_do_not_flood_the_page(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are shown, the others counted; none of them is taken for explained."""
    monkeypatch.setattr("console.service.MOST_UNEXPLAINED", 1)
    listing = console.json("/api/v1/alarms")
    states = [alarm["state"] for alarm in listing["alarms"]]
    assert (states.count("unexplained"), listing["unexplained_more"]) == (1, 1)
    assert [alarm["explained"] for alarm in listing["alarms"] if alarm["must_explain"]][-1:] == [
        True
    ]
    assert "1 more follow when these are explained." in console.text("/alarms")


def test_before_anything_exists_the_page_is_quiet(tmp_path: Path) -> None:
    """And what is posted to it is refused."""
    nothing = open_folder(settings(tmp_path / "nothing"), NOW)
    assert "No alarm is open" in nothing.text("/alarms")
    token = nothing.cookies[COOKIE]
    form = {"token": token, "person": "li"}
    assert nothing.post("/alarms/0123456789abcdef/answer", form).status_code == 404
    plan = form | {
        "asset": "van/box-6",
        "reason": "test",
        "lasting": "60",
        "start": "2025-11-25T08:00",
    }
    assert nothing.post("/work", plan).status_code == 409
    assert not (tmp_path / "nothing").exists()


# --- acting ---


def test_a_person_answers(desk: Desk) -> None:
    """By the form: the page leads back, the entry says who and by which way."""
    id_ = desk.hot.id
    response = desk.client.post(f"/alarms/{id_}/answer", desk.form(person="amy"))
    assert response.status_code == 303
    assert response.headers["location"] == f"/alarms?done=answered#a-{id_}"
    assert desk.newest("alarm.acknowledged") == {
        "person": "amy", "way": "console", "actor": "amy", "subject": id_,
    }  # fmt: skip
    assert desk.hot.answered_by == "amy"
    text = desk.client.text("/alarms?done=answered")
    assert "Entered: you are seeing to it." in text
    assert "Amy Ó Brien answered it at" in text


def test_answering_twice_is_answering_once(desk: Desk) -> None:
    """A second press of the button enters nothing; a second person is an entry."""
    form = desk.form(person="amy")
    for _ in range(3):
        assert desk.client.post(f"/alarms/{desk.hot.id}/answer", form).status_code == 303
    before = desk.head()
    desk.client.post(f"/alarms/{desk.hot.id}/answer", form)
    assert desk.head() == before
    desk.client.post(f"/alarms/{desk.hot.id}/answer", form | {"person": "li"})
    assert desk.head() == before + 1
    assert desk.hot.answered_by == "amy"


def test_heat_stays_on_the_list_until_reason_and_action_are_given(desk: Desk) -> None:
    """One without the other is refused, and so is `other` without words."""
    path = f"/alarms/{desk.warm.id}/explain"
    whole = {"person": "li", "reason": "door", "action": "shut it", "text": ""}
    before = desk.head()
    for lacking, line in [
        ({"reason": ""}, "The reason is missing"),
        ({"reason": "ghosts"}, "The reason is missing"),
        ({"action": " "}, "What was done is missing"),
        ({"reason": "other"}, "needs your own words"),
        ({"person": ""}, "is none of the people of this site"),
    ]:
        response = desk.client.post(path, desk.form(**(whole | lacking)))
        assert response.status_code == 422
        assert line in response.text
    assert desk.head() == before
    assert desk.client.post(path, desk.form(**whole)).status_code == 303
    assert desk.warm.explained
    found = desk.client.json("/api/v1/alarms")["alarms"]
    assert next(a for a in found if a["id"] == desk.warm.id)["state"] == "over"


def test_work_is_planned_and_ended(desk: Desk) -> None:
    """In the site's time of day, for a person of the site."""
    form = desk.form(
        asset="market/fridge-4", person="wang", reason="defrost", start="2025-11-25T09:00", lasting="60"
    )  # fmt: skip
    assert desk.client.post("/work", form).status_code == 303
    (planned,) = desk.client.json("/api/v1/alarms")["work"]
    start = desk.filled.now + HOUR
    assert (planned["start"], planned["until"]) == (start, start + HOUR)
    assert "defrosting" in desk.client.text("/alarms")
    end = f"/work/{planned['id']}/end"
    assert desk.client.post(end, desk.form(person="wang")).status_code == 303
    assert desk.client.json("/api/v1/alarms")["work"] == []
    assert desk.newest(work.ENDED)["way"] == "console"


@pytest.mark.parametrize(
    ("change", "status", "line"),
    [
        ({"asset": "market/fridge-9"}, 404, "There is no asset"),
        ({"asset": ""}, 404, "There is no asset"),
        ({"start": "soon"}, 422, "The beginning cannot be read"),
        ({"start": "9999-12-31T23:59"}, 422, "The beginning cannot be read"),
        ({"start": "0001-01-01T00:00"}, 422, "The beginning cannot be read"),
        ({"lasting": "0"}, 422, "The end must lie behind"),
        ({"lasting": "-5"}, 422, "The end must lie behind"),
        ({"lasting": "600"}, 409, "Nothing was changed: work is planned for at most 4 h"),
        ({"person": "nobody"}, 422, "is none of the people"),
    ],
)
def test_work_that_cannot_be_planned(
    desk: Desk, change: dict[str, str], status: int, line: str
) -> None:
    """One clear line, and no entry."""
    form = desk.form(
        asset="market/fridge-4", person="wang", reason="defrost", start="2025-11-25T09:00", lasting="60"
    )  # fmt: skip
    before = desk.head()
    response = desk.client.post("/work", form | change)
    assert response.status_code == status
    assert line in response.text
    assert desk.head() == before


def test_what_people_write_is_text(desk: Desk) -> None:
    """A script that somebody enters as an action is shown and not run."""
    evil = "<script>alert(1)</script>"
    form = desk.form(person="li", reason="door", action=evil, text="")
    desk.client.post(f"/alarms/{desk.warm.id}/explain", form)
    assert desk.warm.action == evil
    page = desk.client.page("/alarms")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- what is kept out ---


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"origin": "http://evil.example", "sec_fetch_site": None}, 403),
        ({"origin": "http://localhost:3000", "sec_fetch_site": None}, 403),
        ({"origin": "null", "sec_fetch_site": None}, 403),
        ({"origin": None, "sec_fetch_site": None}, 403),
        ({"content_type": "text/plain"}, 400),
        ({"content_type": "multipart/form-data; boundary=x"}, 400),
    ],
)
def test_a_form_from_elsewhere_changes_nothing(
    desk: Desk, headers: dict[str, str | None], status: int
) -> None:
    """Even with the right cookie and token; and it is told so in one line."""
    form = desk.form(person="amy")
    before = desk.head()
    response = desk.client.post(f"/alarms/{desk.hot.id}/answer", form, headers)
    assert response.status_code == status
    assert "Nothing was changed." in response.text
    assert desk.head() == before


@pytest.mark.parametrize("headers", [{"origin": None}, {"sec_fetch_site": None}])
def test_either_word_of_the_browser_is_enough(desk: Desk, headers: dict[str, str | None]) -> None:
    """An old browser sends only one of the two."""
    form = desk.form(person="amy")
    assert desk.client.post(f"/alarms/{desk.hot.id}/answer", form, headers).status_code == 303


@pytest.mark.parametrize("token", ["", "x" * 43, "é", None])
def test_a_form_without_the_right_token_changes_nothing(desk: Desk, token: str | None) -> None:
    """The field must be there and be that of the cookie."""
    form = desk.form(person="amy") | {"token": token or ""}
    if token is None:
        del form["token"]
    before = desk.head()
    response = desk.client.post(f"/alarms/{desk.hot.id}/answer", form)
    assert response.status_code == 403
    assert "load the page again" in response.text
    assert desk.head() == before


def test_a_form_without_the_cookie_changes_nothing(desk: Desk) -> None:
    """The cookie is Strict, so another site's request comes without it."""
    form = desk.form(person="amy")
    desk.client.cookies.delete(COOKIE)
    assert desk.client.post(f"/alarms/{desk.hot.id}/answer", form).status_code == 403
    cookie = desk.client.get("/alarms").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * MOST_BYTES, 413),
        (b"&".join(b"a%d=1" % n for n in range(99)), 400),
        (b"\xff\xfe", 400),
        (b"token=%ff", 400),
        (b"", 403),
    ],
)
def test_a_broken_form_is_refused(desk: Desk, body: bytes, status: int) -> None:
    """Too long, too many fields, no text: one line, and no traceback."""
    type_ = "application/x-www-form-urlencoded"
    response = desk.client.post(f"/alarms/{desk.hot.id}/answer", body, {"content-type": type_})
    assert response.status_code == status


def test_looking_changes_nothing(desk: Desk) -> None:
    """No GET acts: neither the page nor the addresses that forms post to."""
    before = desk.head()
    id_ = desk.hot.id
    for path in ("/alarms?done=answered", "/alarms?done=planned&page=2", "/api/v1/alarms"):
        assert desk.client.get(path).status_code == 200
    for path in (f"/alarms/{id_}/answer?person=amy", "/work", f"/api/v1/alarms/{id_}/answer"):
        assert desk.client.get(path).status_code in {404, 405}
    assert desk.client.get("/alarms?done=<b>").status_code == 400
    assert desk.head() == before


@pytest.mark.parametrize("person", ["", "nobody", "li'--", "王军"])
def test_only_people_of_the_site_act(desk: Desk, person: str) -> None:
    """By id; a name or an id that is not theirs is refused."""
    before = desk.head()
    response = desk.client.post(f"/alarms/{desk.hot.id}/answer", desk.form(person=person))
    assert response.status_code == 422
    assert desk.head() == before


def test_an_alarm_that_is_not_there_is_404(desk: Desk) -> None:
    """In both languages, on a page with the way back."""
    response = desk.client.post(
        "/alarms/ffffffffffffffff/answer", desk.form(person="li"), language="zh"
    )
    assert response.status_code == 404
    assert "没有警报 ffffffffffffffff" in response.text


# --- the API ---


def test_a_program_answers_and_explains(desk: Desk) -> None:
    """Without cookie, token or a browser's headers; the answer is the alarm as it is then."""
    program: dict[str, str | None] = {"origin": None, "sec_fetch_site": None}
    path = f"/api/v1/alarms/{desk.hot.id}"
    response = desk.client.post(f"{path}/answer", Call({"person": "amy"}), program)
    assert response.status_code == 200
    assert (response.json()["state"], response.json()["answered_by"]) == ("answered", "amy")
    order = {"person": "li", "reason": "other", "action": "moved", "text": "the cleaner"}
    response = desk.client.post(f"{path}/explain", Call(order), program)
    assert response.status_code == 200
    assert response.json()["explained"] is True
    assert desk.newest("alarm.explained")["way"] == "console"


def test_a_program_plans_and_ends_work(desk: Desk) -> None:
    """Times are UTC milliseconds."""
    now = desk.filled.now
    order = {"person": "wang", "asset": "market/fridge-4", "start": now, "until": now + HOUR,
             "reason": "restocking"}  # fmt: skip
    response = desk.client.post("/api/v1/work", Call(order))
    assert response.status_code == 200
    assert (response.json()["start"], response.json()["until"]) == (now, now + HOUR)
    path = f"/api/v1/work/{response.json()['id']}/end"
    assert desk.client.post(path, Call({"person": "wang"})).json()["until"] == now
    assert desk.client.post("/api/v1/work/0/end", Call({"person": "li"})).status_code == 404


@pytest.mark.parametrize(
    ("body", "headers", "status", "line"),
    [
        (b"person=amy", {"content_type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
        (b'{"person": "amy"}', {"content_type": "text/plain"}, 415, "Content-Type"),
        (b'{"person": "amy"}', {}, 415, "Content-Type"),
        (Call({"person": "amy"}), {"origin": "http://evil.example"}, 403, "Nothing was changed"),
        (Call({"person": "amy"}), {"sec_fetch_site": "cross-site"}, 403, "Nothing was changed"),
        (b"{", {"content_type": "application/json"}, 400, "The body is no JSON"),
        (Call({}), {}, 400, "person is missing; add it to the body"),
        (Call({"person": ""}), {}, 400, "person is missing; add it to the body"),
        (Call({"person": "amy", "x": 1}), {}, 400, "x=1 cannot be understood"),
        (Call([1]), {}, 400, "cannot be understood"),
        (Call({"person": "nobody"}), {}, 422, "nobody is none of the people of this site"),
        (Call({"person": "a" * 20_000}), {}, 413, "At most 16384 bytes"),
    ],
)
def test_a_wrong_call_gets_one_clear_line(
    desk: Desk, body: Any, headers: dict[str, str | None], status: int, line: str
) -> None:
    """In JSON, and nothing is changed."""
    before = desk.head()
    response = desk.client.post(f"/api/v1/alarms/{desk.hot.id}/answer", body, headers)
    assert response.status_code == status, response.text
    assert line in response.json()["detail"]
    assert "\n" not in response.json()["detail"]
    assert desk.head() == before
