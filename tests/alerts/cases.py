"""Every message that people can get, as the facts that it is made of; with ordinary and long names.

The long ones are of real townships and real fridges. tools/messages.py prints docs/messages.md of
these.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerts.facts import AssetState, MessageFacts, Span, Trouble, Way
from alerts.wording import Language, several_sites

ZONE: Final = ZoneInfo("Asia/Shanghai")
MINUTE: Final = 60_000
CODE: Final = "4831"


def at(hour: int, minute: int, day: int = 1) -> int:
    """A time of July 2024 in Shanghai."""
    return int(datetime(2024, 7, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Names:
    """How a county calls its places and people, in one language."""

    site: str
    asset: str
    lamp: str
    sites: tuple[str, ...]
    assets: tuple[str, ...]
    people: tuple[str, ...]


NAMES: Final[dict[Language, Names]] = {
    "zh": Names(
        "东门预防接种门诊",
        "1号冰箱",
        "1号紫外线灯",
        ("东门预防接种门诊", "西门接种点", "南门接种点", "北门接种点"),
        ("1号冰箱", "2号冰箱", "3号冰箱", "4号冰箱"),
        ("李娜", "王军"),
    ),
    "en": Names(
        "East Gate Vaccination Point",
        "Fridge 1",
        "UV lamp 1",
        ("East Gate Vaccination Point", "West Gate", "South Gate", "North Gate"),
        ("Fridge 1", "Fridge 2", "Fridge 3", "Fridge 4"),
        ("Li Na", "Wang Jun"),
    ),
}
LONG_NAMES: Final[dict[Language, Names]] = {
    "zh": Names(
        "柳河县三源浦朝鲜族镇中心卫生院预防接种门诊",
        "海尔医用冷藏箱HYC-390第3号",
        "接种室顶棚紫外线消毒灯第2号",
        (
            "柳河县三源浦朝鲜族镇中心卫生院预防接种门诊",
            "莫力达瓦达斡尔族自治旗尼尔基镇卫生院",
            "双江拉祜族佤族布朗族傣族自治县勐库镇卫生院",
        ),
        (
            "海尔医用冷藏箱HYC-390第3号",
            "澳柯玛医用冷藏箱YC-330第12号",
            "中科美菱医用冰箱MPC-5V316",
        ),
        ("阿卜杜热合曼·买买提", "欧阳诗涵"),
    ),
    "en": Names(
        "Sanyuanpu Korean Town Central Hospital Vaccination Clinic, Liuhe",
        "Haier HYC-390 vaccine refrigerator no. 3",
        "Ceiling UV lamp no. 2, inoculation room",
        (
            "Sanyuanpu Korean Town Central Hospital Vaccination Clinic, Liuhe",
            "Nierji Town Hospital, Morin Dawa Daur Autonomous Banner",
            "Mengku Town Hospital, Shuangjiang Autonomous County",
        ),
        (
            "Haier HYC-390 vaccine refrigerator no. 3",
            "Aucma YC-330 vaccine refrigerator no. 12",
            "Meiling MPC-5V316 pharmacy refrigerator",
        ),
        ("Abdurehman Muhammad", "Ouyang Shihan"),
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One message.

    Attributes:
        title: what happens.
        facts: what differs from an opening above 8 degC.
        wrong: words that name what is wrong, in Chinese and English; never given up.
        value: of it, as it must be read; empty where there is none.
        code: whether it is an alarm that somebody has to answer.
        placed: whether it names the asset (else the site alone).
        names: which other names go in: ``people``, ``person``, ``device assets``.
    """

    title: str
    facts: dict[str, Any]
    wrong: tuple[str, str]
    value: str = ""
    code: bool = True
    placed: bool = True
    names: tuple[str, ...] = field(default=())


# Facts of the most common kinds.
_MAINS: Final[dict[str, Any]] = {
    "quantity": "present", "side": "below", "value": 0, "limit": 0, "extreme": 0,
    "temperature": 5230,
}  # fmt: skip
_SILENT: Final[dict[str, Any]] = {
    "kind": "silence", "side": "silent", "value": 5200, "limit": None, "extreme": None,
}  # fmt: skip
_HOT: Final = ("温度过高", "TOO HOT")
_COLD_FACTS: Final[dict[str, Any]] = {
    "side": "below", "value": -1200, "limit": 2000, "extreme": -1250,
}  # fmt: skip
_OVER: Final[dict[str, Any]] = {"happening": "recovered", "end": at(14, 17)}


def _device(quantity: str, side: str, value: int, limit: int) -> dict[str, Any]:
    return {
        "kind": "consecutive", "quantity": quantity, "side": side, "value": value, "limit": limit,
        "extreme": value,
    }  # fmt: skip


def _lamp(cause: str) -> dict[str, Any]:
    return {
        "kind": "lamp", "quantity": cause, "side": "silent", "value": None, "limit": None,
        "extreme": None,
    }  # fmt: skip


CASES: Final[dict[str, Case]] = {
    # --- too hot, too cold ---
    "hot": Case("too hot, stock on hold", {"batches": 3, "doses": 126}, _HOT, "9.2"),
    "cold": Case(
        "too cold, stock on hold",
        _COLD_FACTS | {"batches": 3, "doses": 126},
        ("温度过低", "TOO COLD"),
        "-1.2",
    ),
    "possible": Case(
        "readings with holes between them",
        {"certainty": "possible"},
        ("疑似温度过高", "POSSIBLY TOO HOT"),
        "9.2",
    ),
    "cumulative": Case(
        "several short freezes in a day",
        {
            "kind": "cumulative", "side": "below", "value": -700, "limit": -500, "extreme": -900,
            "batches": 1, "doses": 1, "window_ms": 24 * 60 * MINUTE, "lasting_ms": 62 * MINUTE,
        },
        ("温度过低", "TOO COLD"),
        "-0.7",
    ),
    "late": Case(
        "learned only when it was over",
        {
            "since": at(2, 10), "end": at(3, 40), "at": at(7, 0), "learned_at": at(7, 0),
            "extreme": 11_300, "lasting_ms": 90 * MINUTE, "batches": 2, "doses": 40,
        },
        _HOT,
        "11.3",
    ),
    "late and open": Case(
        "learned late, and it goes on",
        {
            "since": at(22, 10), "at": at(7, 0, 2), "learned_at": at(7, 0, 2),
            "lasting_ms": 530 * MINUTE,
        },
        _HOT,
        "9.2",
    ),
    "repeat": Case(
        "nobody has answered: told again", {"step": "repeat", "batches": 3, "doses": 126}, _HOT, "9.2"
    ),
    "escalated": Case(
        "those before have not answered: told to the next",
        {"step": "escalated", "batches": 3, "doses": 126, "lasting_ms": 27 * MINUTE},
        _HOT,
        "9.2",
        names=("unanswered",),
    ),
    "resumed": Case(
        "somebody has answered, and it goes on after 30 minutes",
        {"step": "resumed", "answered_at": at(14, 21), "at": at(14, 51), "lasting_ms": 46 * MINUTE},
        _HOT,
        "9.2",
        names=("person",),
    ),
    "recovered": Case(
        "inside again",
        {
            "happening": "recovered", "value": 5200, "since": at(13, 28), "end": at(14, 10),
            "lasting_ms": 42 * MINUTE, "extreme": 11_300, "batches": 3, "doses": 126,
        },
        _HOT,
        "5.2",
        code=False,
    ),
    "warming": Case(
        "warming fast, still inside",
        {
            "kind": "rate", "value": 6400, "limit": 100, "rate": 130, "bound": 8000,
            "bound_minutes": 12,
        },
        ("升温过快", "WARMING FAST"),
        "6.4",
    ),
    "cooling": Case(
        "cooling fast, still inside",
        {
            "kind": "rate", "side": "below", "value": 2900, "limit": -100, "rate": -150,
            "bound": 2000, "bound_minutes": 6,
        },
        ("降温过快", "COOLING FAST"),
        "2.9",
    ),
    "warming over": Case(
        "no longer warming",
        _OVER | {"kind": "rate", "value": 7100, "limit": 100, "rate": 130},
        ("升温过快", "WARMING FAST"),
        code=False,
    ),
    # --- nobody knows the temperature ---
    "silent": Case("a probe gives no readings", _SILENT, ("探头无数据", "NO READINGS")),
    "readings back": Case(
        "it gives readings again", _SILENT | _OVER, ("探头数据已恢复", "READINGS BACK"), code=False
    ),
    "mains input silent": Case(
        "the mains input gives no readings",
        _SILENT | {"quantity": "present", "value": None},
        ("市电输入无数据", "MAINS INPUT SILENT"),
    ),
    "mains input back": Case(
        "it gives readings again",
        _SILENT | _OVER | {"quantity": "present", "value": 1000},
        ("市电输入数据已恢复", "MAINS INPUT READ AGAIN"),
        code=False,
    ),
    "door contact silent": Case(
        "a door contact gives no readings",
        _SILENT | {"quantity": "open", "value": None},
        ("门磁无数据", "DOOR CONTACT SILENT"),
    ),
    "door contact back": Case(
        "it gives readings again",
        _SILENT | _OVER | {"quantity": "open", "value": 0},
        ("门磁数据已恢复", "DOOR CONTACT READ AGAIN"),
        code=False,
    ),
    "apart": Case(
        "two probes of one fridge disagree",
        {
            "kind": "disagreement", "side": "apart", "value": 3400, "limit": 2000, "extreme": 3600,
        },
        ("探头读数不一致", "PROBES DISAGREE"),
        "3.4",
    ),
    "apart, late": Case(
        "they disagreed, learned when it was over",
        {
            "kind": "disagreement", "side": "apart", "value": None, "limit": 2000, "extreme": 3600,
            "end": at(14, 12), "learned_at": at(14, 17),
        },
        ("探头读数不一致", "PROBES DISAGREE"),
    ),
    "apart over": Case(
        "they agree again",
        _OVER
        | {
            "kind": "disagreement", "side": "apart", "value": 800, "limit": 2000, "extreme": 3600,
            "temperature": 5100,
        },
        ("探头读数已一致", "PROBES AGREE AGAIN"),
        code=False,
    ),
    "stuck": Case(
        "a reading has not changed for hours",
        {
            "kind": "stuck", "side": "stuck", "value": 5200, "limit": None, "extreme": None,
            "since": at(8, 5), "lasting_ms": 372 * MINUTE,
        },
        ("读数不变", "READING STUCK"),
        "5.2",
    ),
    "stuck over": Case(
        "it moves again",
        _OVER | {"kind": "stuck", "side": "stuck", "value": 5300, "limit": None, "extreme": None},
        ("读数已恢复变化", "READING MOVES AGAIN"),
        code=False,
    ),
    "lost contact": Case(
        "nothing comes from a device",
        {"happening": "lost-contact", "side": "silent", "value": 5200, "limit": None},
        ("失联", "NO CONTACT"),
    ),
    "lost contact, escalated": Case(
        "nobody has answered for a lost device",
        {
            "happening": "lost-contact", "kind": "lost-contact", "side": "silent", "value": 5200,
            "limit": None, "step": "escalated",
        },
        ("失联", "NO CONTACT"),
        names=("unanswered",),
    ),
    "contact back": Case(
        "it is heard again",
        {"happening": "contact-back", "side": "silent", "end": at(14, 17)},
        ("已恢复联系", "CONTACT BACK"),
        code=False,
    ),
    "foreign site": Case(
        "a device speaks for another site",
        {
            "happening": "foreign-site", "kind": "misplaced", "side": "silent", "limit": None,
            "device": "pi-1", "claim": "van",
        },
        ("数据不予接收", "NOT TAKEN"),
    ),
    "foreign stream": Case(
        "a device sends as another",
        {
            "happening": "foreign-stream", "kind": "misplaced", "side": "silent", "limit": None,
            "device": "pi-1", "claim": "pi-2",
        },
        ("数据不予接收", "NOT TAKEN"),
    ),
    "own again": Case(
        "it speaks for itself again",
        {"happening": "own-again", "side": "silent", "end": at(14, 17)},
        ("数据已恢复接收", "READINGS TAKEN AGAIN"),
        code=False,
    ),
    # --- mains and door ---
    "mains lost": Case("no mains", _MAINS, ("停电", "MAINS LOST")),
    "mains lost, holds": Case(
        "no mains; earlier warm-ups of this fridge are known",
        _MAINS | {"temperature": 5200, "holds_minutes": 130},
        ("停电", "MAINS LOST"),
    ),
    "mains back": Case(
        "mains again", _MAINS | _OVER | {"value": 1000}, ("来电", "MAINS BACK"), code=False
    ),
    "door open": Case(
        "the door stands open",
        {"quantity": "open", "value": 1000, "limit": 0, "temperature": 7230},
        ("门未关", "DOOR OPEN"),
    ),
    "door shut": Case(
        "it is shut again",
        _OVER | {"quantity": "open", "value": 0, "limit": 0},
        ("门已关", "DOOR SHUT"),
        code=False,
    ),
    # --- other quantities ---
    "humid": Case(
        "too humid",
        {"quantity": "humidity", "value": 81_000, "limit": 75_000, "extreme": 82_000},
        ("湿度过高", "TOO HUMID"),
        "81.0",
    ),
    "dry, over": Case(
        "humid enough again",
        _OVER | {"quantity": "humidity", "side": "below", "value": 47_000, "limit": 35_000,
                 "extreme": 30_000},
        ("湿度过低", "TOO DRY"),
        "47.0",
        code=False,
    ),
    "another quantity": Case(
        "a quantity without words of its own",
        _device("current", "above", 2_300, 2_000),
        ("读数过高", "READS TOO HIGH"),
        "2.3",
    ),
    # --- UV lamps ---
    "uv welded": Case(
        "a UV lamp cannot be put out: told at once, by night as well",
        _lamp("relay_welded"),
        ("关不掉", "CANNOT BE PUT OUT"),
    ),
    "uv welded, over": Case(
        "it is out",
        _OVER | _lamp("relay_welded"),
        ("已熄灭", "UV LAMP IS OUT"),
        code=False,
    ),
    "uv dark": Case(
        "a UV lamp does not burn", _lamp("lamp_dark"), ("不亮", "DOES NOT BURN")
    ),
    "uv unwritable": Case(
        "a UV lamp's relay cannot be switched",
        _lamp("lines_unwritable"),
        ("无法控制", "CANNOT BE SWITCHED"),
    ),
    "uv weak": Case(
        "a UV lamp is too weak", _lamp("intensity"), ("紫外线强度不足", "UV TOO WEAK")
    ),
    "uv hours": Case(
        "a tube is past its rated hours",
        _lamp("hours"),
        ("灯管超过额定时数", "TUBE PAST ITS HOURS"),
    ),
    "uv wipe": Case(
        "a tube is to be wiped, as every week", _lamp("wipe_due"), ("每周擦拭", "WEEKLY WIPE DUE")
    ),
    # --- the device that watches ---
    "battery": Case(
        "the device's battery runs out",
        _device("charge", "below", 18_000, 20_000),
        ("电池电量低", "BATTERY LOW"),
        "18.0",
    ),
    "battery over": Case(
        "it is charged again",
        _OVER | _device("charge", "below", 54_000, 20_000),
        ("电池电量低", "BATTERY LOW"),
        "54.0",
        code=False,
    ),
    "card": Case(
        "the memory card wears out",
        _device("card_worn", "above", 90_000, 80_000),
        ("存储卡磨损", "MEMORY CARD WORN OUT"),
        "90.0",
    ),
    "disk": Case(
        "the disk is nearly full",
        _device("disk_free", "below", 4_000, 5_000),
        ("存储空间不足", "DISK NEARLY FULL"),
        "4.0",
    ),
    "clock": Case(
        "the clock is not set",
        _device("clock_synced", "below", 0, 0),
        ("时钟未校准", "CLOCK NOT SET"),
    ),
    "supply": Case(
        "the power supply is too weak",
        _device("undervoltage", "above", 1_000, 0),
        ("供电电压不足", "SUPPLY TOO WEAK"),
    ),
    "calibration": Case(
        "a probe's certificate is overdue",
        {
            "happening": "calibration-overdue", "kind": "calibration", "side": "silent",
            "value": None, "limit": None, "extreme": None, "certificate": "T-0417",
            "due": "2027-03-01",
        },
        ("校准已过期", "CALIBRATION OVERDUE"),
    ),
    # --- people ---
    "unreachable": Case(
        "somebody could not be told of an alarm: the next is told instead",
        {"happening": "unreachable", "reason": "number refused", "batches": 3, "doses": 126},
        _HOT,
        "9.2",
        names=("person",),
    ),
    "unreachable for all": Case(
        "somebody cannot be told of anything",
        {"happening": "unreachable", "asset": "", "reason": "no delivery report"},
        ("无法通知", "REACH"),
        code=False,
        placed=False,
        names=("person",),
    ),
    "work over": Case(
        "planned work has ended, and it is still wrong",
        {"happening": "work-over", "lasting_ms": 95 * MINUTE},
        _HOT,
        "9.2",
    ),
    "answered": Case(
        "somebody answers for it: told to the others",
        {"happening": "answered"},
        _HOT,
        code=False,
        names=("person",),
    ),
    # --- several at once ---
    "storm": Case(
        "four fridges of a site without mains",
        {"happening": "storm", "troubles": ("present", "below", 4, 1)},
        ("停电", "MAINS LOST"),
        placed=False,
        names=("troubles",),
    ),
    "storm, hot": Case(
        "three fridges of a site too hot",
        {"happening": "storm", "troubles": ("temperature", "above", 3, 1)},
        _HOT,
        "10.3",
        placed=False,
        names=("troubles",),
    ),
    "storm, sites": Case(
        "a township without mains; nobody has answered",
        {"happening": "storm", "troubles": ("present", "below", 9, 3), "step": "repeat"},
        ("停电", "MAINS LOST"),
        placed=False,
        names=("troubles",),
    ),
    "storm, mixed": Case(
        "several things at several sites",
        {"happening": "storm", "troubles": ("mixed", "", 12, 3)},
        ("停电", "MAINS LOST"),
        placed=False,
        names=("troubles",),
    ),
    "storm over": Case(
        "four fridges have mains again",
        {"happening": "storm", "ended": ("present", "below", 4, 1)},
        ("停电", "MAINS LOST"),
        code=False,
        placed=False,
        names=("troubles",),
    ),
    # --- although nothing happened ---
    "all well": Case(
        "once a day",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "spans": (Span("fridge", 6, 2900, 6100),)},
        ("一切正常", "ALL WELL"),
        code=False,
        placed=False,
    ),
    "all well, after alarms": Case(
        "once a day, with fridges and freezers, and alarms that are over",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "spans": (Span("fridge", 6, 2900, 9400), Span("freezer", 1, -24_100, -18_200)),
         "alarms": 2, "unexplained": 1},
        ("一切正常", "ALL WELL"),
        code=False,
        placed=False,
    ),
    "not all well": Case(
        "once a day, and something is open",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "troubles": ("open", "", 2, 1), "spans": (Span("fridge", 4, 2900, 6100),)},
        ("尚有异常", "NOT ALL WELL"),
        code=False,
        placed=False,
        names=("troubles",),
    ),
    "not all well, a fridge and a way": Case(
        "once a day, something is open, and one of two channels is dead",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "troubles": ("open", "", 2, 1), "spans": (Span("fridge", 4, 2900, 6100),),
         "ways": (Way("modem", "dead"),)},
        ("modem通道故障", "modem FAILS"),
        code=False,
        placed=False,
        names=("troubles",),
    ),
    "not all well, only channel": Case(
        "once a day, and the card of the only modem has little credit",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "spans": (Span("fridge", 6, 2900, 9400), Span("freezer", 1, -24_100, -18_200)),
         "alarms": 2, "unexplained": 1, "ways": (Way("", "credit"),)},
        ("短信余额不足", "SMS credit low"),
        code=False,
        placed=False,
    ),
    "not all well, several channels": Case(
        "once a day, and no way out is as it should be",
        {"happening": "all-well", "asset": "", "lasting_ms": 24 * 60 * MINUTE, "at": at(8, 0),
         "spans": (Span("fridge", 6, 2900, 6100),),
         "ways": (Way("modem-of-the-county-hospital", "dead"), Way("modem-of-the-east-gate", "signal"),
                  Way("modem-of-the-east-gate", "credit"), Way("aliyun", "other"))},
        ("通道故障", "FAILS"),
        code=False,
        placed=False,
    ),
    "way test": Case(
        "once a month",
        {"happening": "way-test", "asset": ""},
        ("测试", "TEST, no action"),
        code=False,
        placed=False,
    ),
    "test not confirmed": Case(
        "the monthly test had no delivery report of some people",
        {"happening": "unconfirmed", "asset": ""},
        ("未确认送达", "TEST"),
        code=False,
        placed=False,
        names=("unanswered",),
    ),
    "test of a channel not confirmed": Case(
        "the monthly test of one channel of several had no delivery report",
        {"happening": "unconfirmed", "asset": "", "channel": "modem-of-the-county-hospital"},
        ("未确认送达", "TEST"),
        code=False,
        placed=False,
        names=("unanswered",),
    ),
    # --- replies ---
    "noted": Case(
        "somebody has answered with the code",
        {"happening": "reply", "reply": "acknowledged"},
        ("负责", "NOTED"),
        code=False,
    ),
    "noted, over": Case(
        "answered, and it is over already",
        {"happening": "reply", "reply": "acknowledged", "end": at(14, 15), "unexplained": 1},
        ("已记录", "NOTED"),
        code=False,
    ),
    "noted, second": Case(
        "answered, and somebody else was quicker",
        {"happening": "reply", "reply": "acknowledged", "answered_at": at(14, 12)},
        ("应答", "answered already"),
        code=False,
        names=("person",),
    ),
    "state": Case(
        "asked with ?",
        {"happening": "reply", "reply": "state", "asset": "",
         "spans": (Span("fridge", 4, 3900, 9200),)},
        ("1号冰箱温度过高9.2℃", "Fridge 1 TOO HOT 9.2C"),
        code=False,
        placed=False,
        names=("states",),
    ),
    "unknown code": Case(
        "no alarm has that code",
        {"happening": "reply", "reply": "unknown-code", "asset": "", "troubles": ("open", "", 2, 1)},
        ("没有", "No alarm"),
        code=False,
        placed=False,
        names=("troubles",),
    ),
    "unknown code, nothing open": Case(
        "no alarm has that code, and none is open",
        {"happening": "reply", "reply": "unknown-code", "asset": ""},
        ("没有", "No alarm"),
        code=False,
        placed=False,
    ),
    "help": Case(
        "anything else",
        {"happening": "reply", "reply": "help", "asset": "", "site": ""},
        ("4位", "4 digits"),
        code=False,
        placed=False,
    ),
    # --- the way itself ---
    "channel failing": Case(
        "no SMS gets out",
        {"happening": "channel-failing", "asset": "", "waiting": 3, "reason": "no network"},
        ("短信", "SMS"),
        code=False,
        placed=False,
    ),
    "channel replaced": Case(
        "a channel fails, another is used",
        {"happening": "channel-failing", "asset": "", "channel": "modem", "instead": "aliyun",
         "reason": "no network"},
        ("改用aliyun", "aliyun is used instead"),
        code=False,
        placed=False,
    ),
    "channel back": Case(
        "SMS get out again",
        {"happening": "channel-back", "asset": "", "end": at(14, 17)},
        ("短信通道已恢复", "SMS WORKS AGAIN"),
        code=False,
        placed=False,
    ),
    "channel poor": Case(
        "SMS get out, and somebody must see to the modem; by day, once",
        {"happening": "channel-poor", "asset": "", "ways": (Way("", "credit"),)},
        ("余额不足", "credit low"),
        code=False,
        placed=False,
    ),
    "channels poor": Case(
        "the same of one modem among several",
        {"happening": "channel-poor", "asset": "",
         "ways": (Way("modem-of-the-east-gate", "signal"), Way("modem-of-the-east-gate", "credit"))},
        ("信号弱", "signal weak"),
        code=False,
        placed=False,
    ),
    "hub silent": Case(
        "the hub gives no sign of life",
        {"happening": "hub-silent", "asset": ""},
        ("无响应", "SILENT"),
        code=False,
        placed=False,
    ),
    "hub unreachable": Case(
        "the hub cannot be reached",
        {"happening": "hub-unreachable", "asset": ""},
        ("无法连接", "CANNOT BE REACHED"),
        code=False,
        placed=False,
    ),
    "hub back": Case(
        "the hub is back",
        {"happening": "hub-back", "asset": "", "end": at(14, 16)},
        ("恢复", "HUB BACK"),
        code=False,
        placed=False,
    ),
}  # fmt: skip


# What each case is called in Chinese, for docs/messages.md.
TITLES: Final[dict[str, str]] = {
    "hot": "温度过高，疫苗已停用",
    "cold": "温度过低，疫苗已停用",
    "possible": "数据有间断，疑似超温",
    "cumulative": "一天内多次短时冻结",
    "late": "结束后才获知",
    "late and open": "迟报，仍在持续",
    "repeat": "无人应答，再次通知",
    "escalated": "前一级未应答，通知下一级",
    "resumed": "已有人应答，30分钟后仍未恢复",
    "recovered": "已恢复正常",
    "warming": "升温过快，尚未超温",
    "cooling": "降温过快，尚未超温",
    "warming over": "不再升温",
    "silent": "探头无数据",
    "readings back": "探头数据恢复",
    "mains input silent": "市电输入无数据",
    "mains input back": "市电输入数据恢复",
    "door contact silent": "门磁无数据",
    "door contact back": "门磁数据恢复",
    "apart": "同一冰箱两个探头读数不一致",
    "apart over": "读数恢复一致",
    "apart, late": "曾读数不一致，结束后才获知",
    "stuck": "读数数小时不变",
    "stuck over": "读数恢复变化",
    "lost contact": "设备失联",
    "lost contact, escalated": "设备失联，无人应答",
    "contact back": "设备恢复联系",
    "foreign site": "设备自称属于另一站点",
    "foreign stream": "设备冒用另一设备的数据流",
    "own again": "设备恢复正常身份",
    "mains lost": "停电",
    "mains lost, holds": "停电，已知该冰箱以往升温速度",
    "mains back": "来电",
    "door open": "门未关",
    "door shut": "门已关",
    "humid": "湿度过高",
    "dry, over": "湿度恢复",
    "another quantity": "无专用措辞的量",
    "uv weak": "紫外线灯强度不足",
    "uv hours": "灯管超过额定时数",
    "uv welded": "紫外线灯关不掉：立即通知，夜间也通知",
    "uv welded, over": "紫外线灯已熄灭",
    "uv dark": "紫外线灯不亮",
    "uv unwritable": "紫外线灯继电器无法控制",
    "uv wipe": "每周擦拭灯管",
    "battery": "设备电池电量低",
    "battery over": "电池已充电",
    "card": "存储卡磨损",
    "disk": "存储空间不足",
    "clock": "时钟未校准",
    "supply": "供电电压不足",
    "calibration": "探头证书过期",
    "unreachable": "某人无法通知，转告下一人",
    "unreachable for all": "某人无法接收任何报警",
    "work over": "计划作业已结束，仍异常",
    "answered": "有人应答，告知其他人",
    "storm": "同一站点四台冰箱停电",
    "storm, hot": "同一站点三台冰箱超温",
    "storm, sites": "全镇停电，无人应答",
    "storm, mixed": "多个站点多种异常",
    "storm over": "四台冰箱来电",
    "all well": "每天一次",
    "all well, after alarms": "每天一次：有冰箱和冰柜，曾报警已解除",
    "not all well": "每天一次：仍有异常",
    "not all well, a fridge and a way": "每天一次：仍有异常，且一个通道故障",
    "not all well, only channel": "每天一次：唯一的短信卡余额不足",
    "not all well, several channels": "每天一次：所有通道都有问题",
    "way test": "每月一次",
    "test not confirmed": "每月测试有人未确认送达",
    "test of a channel not confirmed": "每月测试：某通道未确认送达",
    "noted": "有人回复了编号",
    "noted, over": "回复时已解除",
    "noted, second": "回复时他人已先应答",
    "state": "发送？查询",
    "unknown code": "编号不存在",
    "unknown code, nothing open": "编号不存在，且无报警",
    "help": "其他内容",
    "channel failing": "短信发不出",
    "channel replaced": "一个通道故障，改用另一个",
    "channel back": "短信恢复",
    "channel poor": "短信尚能发出，但短信模块需处理；白天通知一次",
    "channels poor": "同上，多个通道之一",
    "hub silent": "服务器无响应",
    "hub unreachable": "服务器无法连接",
    "hub back": "服务器恢复",
}


def facts_of(
    case: str, language: Language, names: dict[Language, Names] = NAMES, **other: Any
) -> MessageFacts:
    """Return the facts of a case, said to somebody of this language."""
    known = CASES[case]
    given = dict(known.facts)
    mine = names[language]
    values: dict[str, Any] = {
        "happening": "opened",
        "language": language,
        "zone": "Asia/Shanghai",
        "site": mine.site,
        "asset": mine.lamp if given.get("kind") == "lamp" else mine.asset,
        "at": at(14, 17),
        "since": at(14, 5),
        "lasting_ms": 12 * MINUTE,
        "value": 9200,
        "limit": 8000,
        "extreme": 9400,
        "code": CODE if known.code else "",
    }
    if "unanswered" in known.names:
        given["unanswered"] = mine.people
    if "person" in known.names:
        given["person"] = mine.people[0]
    for key in ("troubles", "ended"):
        if key in given:
            given[key] = _troubles(mine, *given[key])
            if given["happening"] == "storm":
                sites = list(dict.fromkeys(item.site for item in given[key]))
                given |= {"site": several_sites(sites, language), "asset": ""}
    if "states" in known.names:
        given["states"] = _states(mine)
    return MessageFacts(**(values | given | other))


def _troubles(names: Names, quantity: str, side: str, many: int, sites: int) -> tuple[Trouble, ...]:
    """Return so many troubles at so many sites."""
    found = []
    for n in range(many):
        asset = names.assets[n // sites] if n // sites < len(names.assets) else f"no. {n}"
        item = Trouble(
            names.sites[n % sites], asset, since=at(14, 5) + n * MINUTE, code=f"{4831 + n}"
        )
        kinds = [
            {"quantity": "temperature", "side": "above", "value": 9300 + 500 * n, "limit": 8000},
            {"quantity": "present", "side": "below", "value": 0, "limit": 0},
            {"kind": "silence", "side": "silent", "quantity": "temperature"},
        ]
        which: dict[str, Any] = (
            kinds[("temperature", "present").index(quantity)]
            if (quantity in {"temperature", "present"})
            else kinds[(0, 2)[n % 2]]
            if quantity == "open"
            else kinds[(1, 1, 1, 0, 0, 2)[n % 6]]
        )
        found.append(replace(item, **which))
    return tuple(found)  # fmt: skip


def _states(names: Names) -> tuple[AssetState, ...]:
    """Return four fridges: one too hot, one that was read an hour ago, one unknown, one well."""
    hot = Trouble(names.site, names.assets[0], value=9200, limit=8000, since=at(14, 5), code=CODE)
    rest = [
        AssetState(names.site, names.assets[1], 4100, at(14, 16)),
        AssetState(names.site, names.assets[2], 3900, at(13, 2)),
    ]
    return (AssetState(names.site, names.assets[0], 9200, at(14, 16), hot), *rest)
