"""Excursions, SMS, batches, devices and quarantine as lists."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from alerts.decisions import Decision
from alerts.profiles import rules_for
from console import lamps
from firmware_agent.lamp import machine
from hub.tables import sms
from journal import journal
from journal.database import open_database, write
from journal.excursions import apply, apply_misplaced
from ledger import batches
from tests.console.client import Client, copy_of, open_console
from tests.console.story import EVIL, HOUR, Filled
from tests.support.sender import MINUTE


class TestExcursions:
    def test_newest_first(self, console: Client) -> None:
        """The list begins with what began last."""
        shown = console.json("/api/excursions")["excursions"]
        starts = [excursion["start"] for excursion in shown]
        assert starts == sorted(starts, reverse=True)
        assert len(starts) > 20

    def test_open_ones_of_one_site(self, console: Client) -> None:
        """The filter leaves what has not ended, of that site."""
        shown = console.json("/api/excursions?open=1&site=east-gate")["excursions"]
        assert {(e["site"], e["end"]) for e in shown} == {("east-gate", None)}
        assert {e["rule"] for e in shown} == {
            "cn-gsp/at-limit", "cn-gsp/out-of-range", "cn-gsp/isolate", "cn-gsp/mains",
            "who-pqs/mains",
        }  # fmt: skip
        page = console.page("/excursions?open=1&site=east-gate")
        assert '<option value="east-gate" selected>' in page
        assert "Fridge 3" not in page

    def test_a_possible_one_is_marked_and_explained(self, console: Client) -> None:
        """`possible` stands at the excursion, and the page says what it means."""
        shown = console.json("/api/excursions")["excursions"]
        possible = [e for e in shown if e["certainty"] == "possible"]
        assert {e["asset"] for e in possible} == {"van/box-6"}
        assert all(e["unknown_ms"] > 0 for e in possible)
        text = console.text("/excursions")
        assert "what happened between them is unknown" in text
        assert "其间情况未知" in console.text("/excursions", "zh")

    def test_one_that_was_learned_late_says_when(self, console: Client) -> None:
        """What came with a link that was down for hours bears the time when it was learned."""
        late = [e for e in console.json("/api/excursions")["excursions"] if e["late"]]
        assert {e["asset"] for e in late} == {"market/fridge-3"}
        assert all(e["learned_at"] - e["opened"] > 90 * MINUTE for e in late)
        assert "learned 2025-11-24 22:56" in console.text("/excursions")

    def test_each_has_its_rule_with_source_and_held_batches(self, console: Client) -> None:
        """Limit, duration, source and batches stand beside each excursion."""
        text = console.text("/excursions").replace("\xa0", " ")
        assert (
            "FRZE: at or below −0.5 °C for 1 h without a break WHO PQS E006 FRZE: at or below "
            "-0.5 degC for 60 min without a break 重组乙型肝炎疫苗/HB-7731" in text
        )
        assert "no contact with the device: lost contact for 15 min" in text

    def test_pages_have_every_excursion_once(self, story: Filled, tmp_path: Path) -> None:
        """Page by page each excursion comes once, also where many began at one moment."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        rule = rules_for("who-pqs", "temperature")[0]
        with write(engine) as conn:
            for number in range(120):
                decision = Decision(
                    "opened", "held-time-reached", f"{number:016x}", f"{number:016x}", "c" * 32,
                    "fridge-1/center/temperature", rule, "above", "certain", county.now - HOUR,
                    county.now, None, HOUR, 0, 9_000, number + 1, number + 1, 9_000,
                )  # fmt: skip
                apply(conn, decision, site="east-gate", device="pi-east", learned_at=county.now)
        engine.dispose()
        console = open_console(county)
        seen: list[str] = []
        for page in range(1, 9):
            answer = console.json(f"/api/excursions?page={page}")
            seen += [e["id"] for e in answer["excursions"]]
            if not answer["more"]:
                break
        assert len(seen) == len(set(seen))
        assert {f"{number:016x}" for number in range(120)} < set(seen)
        assert 'rel="next" href="?open=0&amp;site=&amp;page=3"' in console.page(
            "/excursions?page=2"
        )


class TestSms:
    def test_states_reasons_and_times(self, console: Client, story: Filled) -> None:
        """Each SMS stands with person, phone, state, reason and times, newest first."""
        shown = console.json("/api/sms")["sms"]
        assert [s["state"] for s in shown] == ["waiting", "handed", "refused", "sent", "sent"]
        assert shown[2]["reason"] == "the network refused it: +CMS ERROR: 38"
        assert shown[4]["sent_at"] == story.now - 170 * MINUTE + 4_000
        text = console.text("/sms")
        assert "refused the network refused it: +CMS ERROR: 38 王军 +8613900000002" in text
        assert "被拒绝" in console.text("/sms", "zh")

    @pytest.mark.parametrize(
        ("delivery", "state", "words"),
        [
            ("delivered", "delivered", ("arrived", "已送达")),
            ("answered", "delivered", ("arrived", "已送达")),
            ("failed", "undelivered", ("not delivered", "未送达")),
            ("unproven", "unconfirmed", ("sent, not confirmed", "已发送，未确认送达")),
            ("none", "unconfirmed", ("sent, not confirmed", "已发送，未确认送达")),
        ],
    )
    def test_whether_it_arrived(
        self, story: Filled, tmp_path: Path, delivery: str, state: str, words: tuple[str, str]
    ) -> None:
        """As far as a report or an answer says so; of a monthly test also that nothing does."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            conn.execute(sms.update().where(sms.c.state == "sent").values(delivery=delivery))
        engine.dispose()
        console = open_console(county)
        states = [each["state"] for each in console.json("/api/sms")["sms"]]
        assert states == ["waiting", "handed", "refused", state, state]
        for language, word in zip(("en", "zh"), words, strict=True):
            assert f" {word} " in console.text("/sms", language)

    def test_a_text_is_shown_and_never_run(self, console: Client) -> None:
        """What an SMS or a message says is escaped wherever it is shown."""
        for path in ("/sms", "/devices"):
            page = console.page(path)
            assert EVIL not in page
            assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page

    def test_a_person_no_longer_in_the_settings(self, story: Filled, tmp_path: Path) -> None:
        """An SMS to somebody who was taken out of the settings is shown by the id."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            conn.execute(sms.update().values(person="zhao"))
        engine.dispose()
        assert "zhao" in open_console(county).text("/sms")


class TestBatches:
    def test_verdicts_with_reasons(self, console: Client) -> None:
        """Each batch stands with its verdict, in words, and why."""
        shown = {b["lot"]: b for b in console.json("/api/batches")["batches"]}
        assert shown["HB-7731"]["verdict"] == "hold"
        assert shown["202509A01"]["verdict"] == "ask"
        assert (shown["HB-7731"]["doses"], shown["HB-7731"]["held"]) == (80, 80)
        codes = {reason["code"] for reason in shown["HB-7731"]["parcels"][0]["why"]}
        assert codes == {"held-above", "held-below"}
        text = console.text("/batches")
        assert "On hold" in text
        assert "Ask the manufacturer" in text
        assert "咨询生产企业" in console.text("/batches", "zh")

    def test_a_journey_adds_up(self, console: Client) -> None:
        """A batch's page has its stays, its exposure, its excursions and its holds."""
        shown = console.json("/api/batches/journey?id=HB-7731")
        times = shown["exposure"]
        known = times["inside_ms"] + times["above_ms"] + times["below_ms"] - times["both_ms"]
        assert known + times["unknown_ms"] == times["span_ms"]
        assert [stay["asset"] for stay in shown["stays"]] == ["market/fridge-3"]
        assert len(shown["holds"]) >= 2
        path = "/batch?id=%E9%87%8D%E7%BB%84%E4%B9%99%E5%9E%8B%E8%82%9D%E7%82%8E%E7%96%AB%E8%8B%97/HB-7731"
        text = console.text(path)
        assert "Excursions on the way" in text
        assert "Holds" in text

    def test_a_lot_of_two_products_is_asked_back(self, story: Filled, tmp_path: Path) -> None:
        """Where a lot number alone is not enough, the answer names what to write."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            batches.receive(
                conn, product="MMR", lot="HB-7731", expiry=date(2027, 1, 1), doses=10,
                asset="van/box-6", now=county.now, actor="test",
            )  # fmt: skip
        engine.dispose()
        response = open_console(county).get("/api/batches/journey?id=HB-7731")
        assert response.status_code == 404
        assert "write one of MMR/HB-7731, 重组乙型肝炎疫苗/HB-7731." in response.json()["detail"]


class TestDevices:
    def test_contact_backlog_and_problems(self, console: Client) -> None:
        """Each device stands with contact, backlog, streams and what it reports."""
        shown = {d["device"]: d for d in console.json("/api/equipment")["devices"]}
        assert {name: d["lost"] for name, d in shown.items()} == {
            "pi-east": False, "pi-market": False, "pi-van": True,
        }  # fmt: skip
        assert shown["pi-market"]["unsent"] == 12
        stream = shown["pi-market"]["streams"][0]
        assert stream["judged_seq"] == stream["stored_seq"] > 1_000
        assert "probe 28-0316a2 of fridge-4: no answer" in console.text("/devices")

    def test_one_that_speaks_for_another(self, story: Filled, tmp_path: Path) -> None:
        """It stands on the page of devices, with whom it claims to be, in both languages."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            for cause, claim, site, device in (
                ("site", "van", "east-gate", "pi-east"),
                ("stream", "pi-east", "market", "pi-market"),
            ):
                apply_misplaced(
                    conn, "opened", site=site, device=device, since=county.now - HOUR,
                    cause=cause, claim=claim, at=county.now,
                )  # fmt: skip
        engine.dispose()
        console = open_console(county)

        shown = {d["device"]: d["claim"] for d in console.json("/api/equipment")["devices"]}
        assert shown["pi-east"] == {"cause": "site", "claim": "van", "since": county.now - HOUR}
        assert shown["pi-van"] is None
        text = console.text("/devices")
        assert "speaks for site van, its readings are not taken" in text
        assert "sends as device pi-east, its readings are not taken" in text
        assert "自称属于站点van，其数据不予接收" in console.text("/devices", "zh")
        assert "冒用设备pi-east的数据流，其数据不予接收" in console.text("/devices", "zh")
        assert "the device speaks for another, its readings are not taken" in console.text(
            "/excursions"
        )
        assert "设备冒用其他身份，数据不予接收" in console.text("/excursions", "zh")

    def test_what_was_set_aside(self, console: Client) -> None:
        """The same bytes are counted, and each has its reason."""
        shown = console.json("/api/equipment")
        assert shown["quarantined"] == 2
        assert sorted(item["times"] for item in shown["quarantine"]) == [1, 2]
        assert any("pi-9 is not in the hub's settings" in i["reason"] for i in shown["quarantine"])

    def test_what_devices_say_of_their_spools(self, story: Filled, tmp_path: Path) -> None:
        """A damaged file that was set aside stands beside the gaps, in both languages."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        old, new = "0" * 32, "1" * 32
        with write(engine) as conn:
            for event, said in (
                (
                    "set-aside",
                    {"file": "spool.db.corrupt-1", "reason": "bad page", "stream": old, "last": 77},
                ),
                ("forked", {"stream": old, "last": 70, "reason": "the hub has judged 75"}),
                ("without-disk", {"reason": "Read-only file system"}),
                ("damaged", {"kind": "reading"}),
                ("set-aside", {"last": "many", "stream": None}),
            ):
                journal.append(
                    conn, at=county.now, actor="hub", type=f"device.spool.{event}",
                    subject="east-gate/spool",
                    body={"device": "pi-east", "stream": new, "at": 1, "clock": "synced", "seq": 2,
                          "body": said},
                )  # fmt: skip
        engine.dispose()
        console = open_console(county)
        shown = [
            (gap["kind"], gap["stream"], gap["last"], gap["reason"])
            for gap in reversed(console.json("/api/equipment")["gaps"][:5])
        ]
        assert shown == [
            ("set-aside", old, 77, "bad page; spool.db.corrupt-1"),
            ("new-stream", old, 70, "the hub has judged 75"),
            ("in-memory", new, 2, "Read-only file system"),
            ("damaged", new, 2, ""),
            ("set-aside", new, None, ""),
        ]
        assert "damaged card: the old records were set aside" in console.text("/devices")
        assert "存储卡损坏：旧记录已另存" in console.text("/devices", "zh")

    def test_gaps_are_listed(self, console: Client) -> None:
        """A range that an agent no longer had stands there for the inspector."""
        gap = console.json("/api/equipment")["gaps"][0]
        assert (gap["device"], gap["first"], gap["last"]) == ("pi-van", 120, 131)
        assert "gap: the device no longer has them" in console.text("/devices")


class TestLamps:
    """What the devices recorded of their UV lamps."""

    def test_the_faults_that_latch_are_those_of_the_agent(self) -> None:
        """The console may not import the agent, and says the same of them."""
        assert {*lamps._LATCHED} == machine._LATCHING

    @staticmethod
    def said(county: Filled, *happened: tuple[str, dict[str, object]]) -> Client:
        """Return a console whose journal has these events of a lamp, an hour apart."""
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            for number, (what, body) in enumerate(happened):
                at = county.now - (len(happened) - number) * HOUR
                entry = {
                    "device": "pi-east", "stream": "a" * 32, "at": at, "clock": "synced",
                    "seq": 900 + number, "body": body,
                }  # fmt: skip
                journal.append(
                    conn, at=at, actor="hub", type=f"device.lamp.{what}",
                    subject="east-gate/lamp-1", body=entry,
                )  # fmt: skip
        engine.dispose()
        return open_console(county)

    def test_none(self, console: Client) -> None:
        """A county without lamps has an empty page."""
        assert console.json("/api/lamps") == {"lamps": [], "events": [], "more": False}
        assert "None." in console.text("/lamps")

    def test_cycles_hours_and_what_is_to_be_seen_to(self, story: Filled, tmp_path: Path) -> None:
        """A cycle that a device repeated stands once; a wiped lamp is no longer due."""
        county = copy_of(story, tmp_path / "state")
        console = self.said(county, *LAMP_STORY)
        shown = console.json("/api/lamps")
        (lamp,) = shown["lamps"]
        assert (lamp["asset"], lamp["hours"]) == ("east-gate/lamp-1", 1_000_750)
        assert lamp["warnings"] == ["relay-welded", "hours", "intensity", "cut"]
        assert lamp["wiped_at"] == county.now - 5 * HOUR
        assert [event["what"] for event in shown["events"]] == [
            "fault", "refused", "cycle", "wiped", "warning", "warning", "cycle",
        ]  # fmt: skip
        text = console.text("/lamps").replace("\xa0", " ")
        assert "cut short: door open" in text
        assert "69.8 µW/cm²" in text
        assert "1000.8 h" in text
        chinese = console.text("/lamps", "zh")
        assert "提前结束" in chinese
        assert "继电器粘连" in chinese

    def test_a_new_tube_begins_anew(self, story: Filled, tmp_path: Path) -> None:
        """Hours and intensity were the old one's."""
        county = copy_of(story, tmp_path / "state")
        console = self.said(county, *LAMP_STORY, ("replaced", {"by": "page", "name": EVIL}))
        # A person who put a new tube in has seen the relay as well.
        (lamp,) = console.json("/api/lamps")["lamps"]
        assert (lamp["hours"], lamp["warnings"]) == (0, ["cut"])
        assert EVIL not in console.page("/lamps")


def lamp_cycle(number: int, **more: object) -> tuple[str, dict[str, object]]:
    """Return a cycle as a device records it."""
    body: dict[str, object] = {
        "cycle": f"abcd1234-{number}", "start": 1_764_000_000_000, "end": 1_764_001_800_000,
        "minutes": 30, "lasted_ms": 1_800_000, "planned_minutes": 30, "by": "schedule",
        "name": "2025-11-24T12:30", "cut": "", "hours_after": 1_000_500, "low": False,
    }  # fmt: skip
    return "cycle", body | more


LAMP_STORY = (
    lamp_cycle(1),
    ("warning", {"warning": "wipe-due", "text": "…"}),
    ("warning", {"warning": "hours", "text": "…"}),
    ("wiped", {"by": "button", "name": ""}),
    lamp_cycle(
        2, minutes=15, cut="door-open", hours_after=1_000_750, low=True, intensity_min=69_800
    ),
    lamp_cycle(
        2, minutes=15, cut="door-open", hours_after=1_000_750, low=True, intensity_min=69_800
    ),
    ("refused", {"by": "button", "name": "", "why": "somebody-there"}),
    ("fault", {"fault": "relay-welded", "phase": "off"}),
)
