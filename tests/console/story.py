"""A county with a bad day, written by the hub's own intake, ledger and watch, for the console to show.

Three sites, three devices, six fridges; times are hours before `NOW`. What stands here:

- east-gate/fridge-1: inside; a door left open 20 h ago made it too hot for an hour and a half
- east-gate/fridge-2: too hot for three hours, and still
- market/fridge-3: too cold for five hours, and still; too hot 12 h ago, learned late
- market/fridge-4: its probe gives nothing valid since 50 min
- van/fridge-5, van/box-6: their device has not been heard of for 40 min
- van/box-6: outside readings between holes 30 h ago: a possible excursion

The centre of east-gate/fridge-1 has a certificate that is overdue for twelve days, that of fridge-2
one that is due in twelve days, that of market/fridge-3 one that stands for long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from alerts.decisions import Decision
from alerts.profiles import rules_for
from alerts.rules import Watch
from config.hub import HubSettings
from history.sqlite import SqliteHistory
from hub import alarms
from hub.intake import Incoming, Intake
from hub.tables import notices, sms
from hub.watchmen import ContactWatch
from journal import journal
from journal.database import create_tables, open_database, write
from journal.excursions import ExcursionRow
from ledger import batches
from protocol.certificate import Certificate
from tests.support.sender import MINUTE, START, Sender

HOUR = 60 * MINUTE
DAY = 24 * HOUR

DEVICES = {
    "pi-east": ("east-gate", ("fridge-1", "fridge-2")),
    "pi-market": ("market", ("fridge-3", "fridge-4")),
    "pi-van": ("van", ("fridge-5", "box-6")),
}

SITES: list[dict[str, Any]] = [
    {
        "id": "east-gate",
        "name": {"zh": "东门接种点", "en": "East Gate"},
        "kind": "fixed",
        "township": "城关镇",
        "devices": ["pi-east"],
        "tell": ["li", "wang", "amy"],
        "assets": [
            {"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}},
            {"id": "fridge-2", "name": {"zh": "2号冰箱", "en": "Fridge 2"}},
        ],
    },
    {
        "id": "market",
        "name": {"zh": "集市临时接种点", "en": "Market Square"},
        "kind": "temporary",
        "township": "河西乡",
        "devices": ["pi-market"],
        "tell": ["li", "wang", "amy"],
        "assets": [
            {"id": "fridge-3", "name": {"zh": "3号冰箱", "en": "Fridge 3"}},
            {"id": "fridge-4", "name": {"zh": "4号冰箱", "en": "Fridge 4"}},
        ],
    },
    {
        "id": "van",
        "name": {"zh": "流动接种车", "en": "Vaccination Van"},
        "kind": "mobile",
        "devices": ["pi-van"],
        "tell": ["li", "wang", "amy"],
        "assets": [
            {"id": "fridge-5", "name": {"zh": "车载冰箱", "en": "Van Fridge"}},
            {"id": "box-6", "name": {"zh": "冷藏箱", "en": "Cool Box"}, "kind": "cool-box"},
        ],
    },
]

PEOPLE: list[dict[str, Any]] = [
    {"id": "li", "name": "李娜", "phone": "+8613900000001"},
    {"id": "wang", "name": "王军", "phone": "+8613900000002"},
    {"id": "amy", "name": "Amy Ó Brien", "phone": "+8613900000003", "language": "en"},
]

# What is written without having come from the intake: a cause of its own, and a text that would
# be a script if a page did not escape it.
EVIL = "<script>alert('x')</script>"


def settings(state_dir: Path, **more: Any) -> HubSettings:
    """Return the county's settings; ``more`` replaces top-level tables."""
    # the story is delivered hour by hour: only what took longer was late
    data = {"state_dir": state_dir, "people": PEOPLE, "sites": SITES, "late_after": "90min"}
    return HubSettings.model_validate(data | more)


@dataclass(frozen=True)
class Filled:
    """A county whose files are written."""

    settings: HubSettings
    now: int
    state_dir: Path


@dataclass
class Writer:
    """The hub's parts, fed by hand."""

    settings: HubSettings
    engine: Engine
    history: SqliteHistory
    step: int
    hours: int

    def __post_init__(self) -> None:
        """Begin with an empty hub."""
        self.now = START + self.hours * HOUR
        self.intake = Intake(self.settings, self.engine, self.history, self._tell)

    def _tell(self, conn: Any, decision: Decision, row: ExcursionRow, _now: int) -> None:
        """Collect alarms and tell nobody: the SMS of the story are written at its end."""
        if row.tells:
            alarms.collect(conn, row, decision.happening)

    def minute(self, hours_ago: float) -> float:
        """Return the sender's minute for a time before now."""
        return (self.hours - hours_ago) * 60

    def send(self, device: str, sender: Sender, first: int, last: int, at: int) -> None:
        """Let the intake take some records, in messages of at most 500."""
        topic = f"coldwatch/1/{DEVICES[device][0]}/{device}/records"
        for begin in range(first, last + 1, 500):
            payload = sender.message(begin, min(begin + 499, last))
            self.intake.take([Incoming(topic, payload, at)], at)


def fill(folder: Path, *, hours: int = 48, step: int = 5) -> Filled:
    """Write the story's last ``hours`` into a state directory, a reading each ``step`` minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_database(folder / "hub.db")
    create_tables(engine)
    history = SqliteHistory(folder / "history.db")
    writer = Writer(settings(folder), engine, history, step, hours)
    with write(engine) as conn:
        journal.append(conn, at=START, actor="hub", type="hub.started", subject="hub", body={})
    senders = {device: _sender(writer, device) for device in DEVICES}
    _receive(writer, hours)
    _deliver(writer, senders)
    _later(writer, senders)
    history.close()
    engine.dispose()
    return Filled(writer.settings, writer.now, folder)


def _sender(writer: Writer, device: str) -> Sender:
    """Return everything that a device recorded, in order."""
    number = list(DEVICES).index(device) + 1
    sender = Sender(stream=f"{number:032x}")
    _, assets = DEVICES[device]
    sender.add(_settings_record(writer.step, assets))
    end = writer.minute(40 / 60) if device == "pi-van" else writer.minute(0) - 1
    minute = 1.0
    while minute <= end:
        ago = writer.hours - minute / 60
        for asset in assets:
            for series, value, quality in _readings(asset, ago, minute):
                raw = _raw(asset, series, value)
                sender.reading(minute, value, quality, f"{asset}/{series}", **raw)
        minute += writer.step
    return sender


# Days from the story's beginning to the due day, and what the certificate says.
_CERTIFICATES: dict[str, tuple[int, str, tuple[tuple[int, int], ...]]] = {
    "fridge-1": (-10, "T-0417", ((2_100, -100), (5_120, -120), (8_150, -150))),
    "fridge-2": (14, "T-0418", ((2_000, 0), (5_000, 50), (8_000, 80))),
    "fridge-3": (200, "T-0419", ((5_000, 0),)),
}
_BEGUN = date(2025, 11, 23)


def _certificate(asset: str) -> Certificate | None:
    if asset not in _CERTIFICATES:
        return None
    days, number, points = _CERTIFICATES[asset]
    due = _BEGUN + timedelta(days=days)
    return Certificate(number, due - timedelta(days=364), due, points)


def _settings_record(step: int, assets: tuple[str, ...]) -> dict[str, Any]:
    series = {}
    for asset in assets:
        for name in ("center/temperature", "door/open", "mains/present", "upper/temperature"):
            quantity = name.rpartition("/")[2]
            decides = name == "center/temperature"
            watch = Watch(
                f"{asset}/{name}",
                step * MINUTE,
                3 * step * MINUTE,
                (2_000, 8_000) if quantity == "temperature" else None,
                decides,
                rules_for("cn-gsp", quantity) + rules_for("who-pqs", quantity)
                if name != "upper/temperature"
                else (),
                _certificate(asset) if decides else None,
            )
            series[watch.series] = watch.body()
    when = {"at": START, "boot": "b" * 32, "mono_ms": 0, "clock": "synced"}
    return {"kind": "settings", **when, "version": "0" * 16, "series": series}


def _raw(asset: str, series: str, value: int | None) -> dict[str, int]:
    """Return what the probe of fridge-1 showed; its correction is about the same everywhere."""
    if asset != "fridge-1" or series != "center/temperature" or value is None:
        return {}
    return {"raw": value + 120}


def _readings(asset: str, ago: float, minute: float) -> Iterator[tuple[str, int | None, str]]:
    usual = 4.9 + math.sin(minute / 37) + 0.4 * math.sin(minute / 7.3)
    value, quality = _EVENTS.get(asset, _nothing)(ago, usual)
    steps = None if value is None else round(value * 16) * 125 // 2
    if not (asset == "box-6" and 29 < ago < 31 and int(minute) % 20 != 1):
        yield "center/temperature", steps, quality
    yield "upper/temperature", (5_000 if steps is None else steps) + 625, "ok"
    yield "door/open", 1_000 * (asset == "fridge-1" and 19.2 < ago < 20), "ok"
    yield "mains/present", 1_000 * (not (asset == "fridge-2" and ago < 3.2)), "ok"


_Event = Callable[[float, float], tuple[float | None, str]]


def _nothing(_ago: float, value: float) -> tuple[float | None, str]:
    return value, "ok"


def _door_left_open(ago: float, value: float) -> tuple[float | None, str]:
    return (9.8 - abs(ago - 19.2), "ok") if 18.4 < ago < 20 else (value, "ok")


def _warms_up(ago: float, value: float) -> tuple[float | None, str]:
    return (8.3 + (3 - ago) * 1.4, "ok") if ago < 3 else (value, "ok")


def _freezes(ago: float, value: float) -> tuple[float | None, str]:
    if ago < 5:
        return 1.9 - (5 - ago) * 0.7, "suspect:fast" if 4.8 < ago else "ok"
    return (9.0, "ok") if 10 < ago < 12 else (value, "ok")


def _probe_dies(ago: float, value: float) -> tuple[float | None, str]:
    return (None, "rejected:crc") if ago < 50 / 60 else (value, "ok")


def _warm_between_holes(ago: float, value: float) -> tuple[float | None, str]:
    return (9.5, "ok") if 29 < ago < 31 else (value, "ok")


_EVENTS: dict[str, _Event] = {
    "fridge-1": _door_left_open,
    "fridge-2": _warms_up,
    "fridge-3": _freezes,
    "fridge-4": _probe_dies,
    "box-6": _warm_between_holes,
}


def _receive(writer: Writer, hours: int) -> None:
    """Put batches into the fridges."""
    lots = [
        ("麻腮风联合减毒活疫苗", "202509A01", date(2027, 3, 31), 120, "east-gate/fridge-1"),
        ("麻腮风联合减毒活疫苗", "202510B07", date(2027, 5, 31), 200, "east-gate/fridge-2"),
        ("重组乙型肝炎疫苗", "HB-7731", date(2028, 1, 31), 80, "market/fridge-3"),
        ("吸附破伤风疫苗", "TT2025-4", date(2026, 12, 31), 60, "market/fridge-4"),
        ("Rabies (Vero)", "RV-2209", date(2027, 8, 31), 30, "van/fridge-5"),
    ]
    with write(writer.engine) as conn:
        for product, lot, expiry, doses, asset in lots:
            batches.receive(
                conn,
                product=product,
                lot=lot,
                expiry=expiry,
                doses=doses,
                asset=asset,
                now=START + 30 * MINUTE,
                actor="李娜",
            )


def _deliver(writer: Writer, senders: dict[str, Sender]) -> None:
    """Let records arrive hour by hour; the market's link is down from 12.5 to 9 hours ago."""
    sent = dict.fromkeys(senders, 0)
    for hour in range(1, writer.hours + 1):
        at = START + hour * HOUR
        ago = writer.hours - hour
        for device, sender in senders.items():
            if device == "pi-market" and 9 < ago <= 12:
                continue
            last = sent[device]
            bodies = sender.bodies
            while last < len(bodies) and bodies[last]["at"] <= at:
                last += 1
            if last > sent[device]:
                when = min(at, bodies[last - 1]["at"] + 2_000)
                writer.send(device, sender, sent[device] + 1, last, max(when, at - 40 * MINUTE))
                sent[device] = last


def _later(writer: Writer, senders: dict[str, Sender]) -> None:
    """Write what does not come from readings: lost contact, status, what was set aside, SMS."""
    now = writer.now
    writer.intake.take(
        [
            Incoming("coldwatch/1/east-gate/pi-east/records", b'{"v": 1, "str', now - 9_000),
            Incoming("coldwatch/1/east-gate/pi-east/records", b'{"v": 1, "str', now - 8_000),
            Incoming("coldwatch/1/east-gate/pi-9/records", EVIL.encode(), now - 7_000),
            Incoming(
                "coldwatch/1/market/pi-market/status",
                b'{"v": 1, "state": "online", "version": "0.1.0", "recorded": 4711, "unsent": 12,'
                b' "problems": ["probe 28-0316a2 of fridge-4: no answer"]}',
                now - 1_000,
            ),
        ],
        now - 1_000,
    )
    with write(writer.engine) as conn:
        watch = ContactWatch(writer.settings, START)
        watch.round(conn, now - 1_000)
        journal.append(
            conn, at=now - 20 * MINUTE, actor="hub", type="channel.failing", subject="sms",
            body={"reason": "the modem does not answer on /dev/ttyUSB0"},
        )  # fmt: skip
        journal.append(
            conn, at=now - 30 * HOUR, actor="hub", type="stream.gap",
            subject=senders["pi-van"].stream,
            body={"device": "pi-van", "first": 120, "last": 131, "h": "0" * 64,
                  "reason": "the card could not be read"},
        )  # fmt: skip
        conn.execute(sms.insert(), _sms_rows(now))
        if writer.hours > 20:  # the trouble that people speak of lies as far back
            _answers(conn, now)


def _answers(conn: Any, now: int) -> None:
    """Let people be told of the alarms, and do about them what the story says.

    Nobody answers fridge-2; wang answers fridge-3 by SMS and silences the buzzer; what fridge-1 went
    through waits for its explanation; that fridge-3 was warm was a delivery.
    """
    every = {(each.asset, each.side): each for each in alarms.alarms_open(conn)}
    over = {(each.asset, each.side): each for each in alarms.unexplained(conn)}
    hot, cold = every["east-gate/fridge-2", "above"], every["market/fridge-3", "below"]
    warm = over["market/fridge-3", "above"]
    told = [(hot, "opened", 0, "li"), (hot, "opened", 1, "amy"), (cold, "opened", 2, "wang")]
    for alarm, happening, number, person in told:
        values = {
            "excursion": alarm.id, "happening": happening, "person": person, "site": alarm.site,
            "asset": alarm.asset, "side": alarm.side, "created_at": now, "sms": f"{number:020x}",
            "alarm": alarm.id,
        }  # fmt: skip
        conn.execute(notices.insert().values(values))
    at = now - MINUTE
    alarms.acknowledge(conn, cold.id, person="wang", way="sms", now=at)
    journal.append(
        conn, at=at, actor="wang", type="answer.received", subject="+8613900000002",
        body={"person": "wang", "text": f"收到{cold.code}", "meaning": "answer", "alarms": [cold.id]},
    )  # fmt: skip
    series = "fridge-3/center/temperature below"
    journal.append(
        conn, at=now - 20 * MINUTE, actor="hub", type="device.panel.mute", subject="market/panel",
        body={"device": "pi-market", "at": now - 20 * MINUTE, "body": {"outside": [series]}},
    )  # fmt: skip
    alarms.explain(
        conn, warm.id, person="li", reason="restocking", action="货已放好，门已关", text="",
        way="command", now=now - 8 * HOUR,
    )  # fmt: skip


def _sms_rows(now: int) -> list[dict[str, Any]]:
    texts = [
        ("li", "zh", "sent", "【冷链】东门接种点 2号冰箱 温度过高 8.5℃(上限8.0),自02:10起。请立即查看,回复 4F2A 确认", 170),
        ("amy", "en", "sent", "COLDWATCH East Gate, Fridge 2: too hot, 8.5 C (limit 8.0) since 02:10. Look now. Reply 4F2A", 170),
        ("wang", "zh", "refused", "【冷链】集市临时接种点 3号冰箱 温度过低 1.8℃(下限2.0)", 150),
        ("li", "zh", "handed", "【冷链】流动接种车 失去联系 40分钟", 25),
        ("amy", "en", "waiting", f"COLDWATCH Market Square, Fridge 4: no reading since 13:10 {EVIL}", 5),
    ]  # fmt: skip
    rows = []
    for number, (person, language, state, text, ago) in enumerate(texts):
        created = now - ago * MINUTE
        rows.append(
            {
                "id": f"{number:020x}",
                "person": person,
                "phone": next(p["phone"] for p in PEOPLE if p["id"] == person),
                "language": language,
                "text": text,
                "created_at": created,
                "state": state,
                "handed_at": created + 300 if state != "waiting" else None,
                "sent_at": created + 4_000 if state == "sent" else None,
                "reason": "the network refused it: +CMS ERROR: 38" if state == "refused" else "",
            }
        )
    return rows
