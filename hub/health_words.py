"""What is said of a hub's health, in Chinese and English: for `--status` and for the console's page.

One catalogue for both, so that the table on the screen and the page in the browser say the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from hub.health_lines import Level, Line

Language = Literal["zh", "en"]

SUBJECTS: Final[dict[str, tuple[str, str]]] = {
    "hub": ("中心服务", "Hub"),
    "broker": ("消息代理", "Broker"),
    "history": ("历史数据库", "History"),
    "queue": ("接收队列", "Inbox"),
    "channel": ("短信通道", "SMS channel"),
    "database": ("中心数据库", "Database"),
    "devices": ("采集设备", "Devices"),
    "streams": ("数据流", "Streams"),
    "excursions": ("异常", "Excursions"),
    "sms": ("待发短信", "SMS waiting"),
    "test": ("每月测试", "Monthly test"),
    "quarantine": ("隔离区", "Quarantine"),
    "disk": ("磁盘", "Disk"),
}

LEVELS: Final[dict[Level, tuple[str, str]]] = {
    "well": ("正常", "well"),
    "look": ("留意", "look"),
    "bad": ("故障", "bad"),
}

PHRASES: Final[dict[str, tuple[str, str]]] = {
    "hub.runs": ("自 {since} 起运行，版本 {version}", "running since {since}, version {version}"),
    "hub.away": (
        "没有运行；以下是其数据库中的记录",
        "not running; what follows is what its database still says",
    ),
    "hub.mute": (
        "正在运行，但设置中 [metrics] 为 enabled = false，无法查询其状态；以下是其数据库中的记录",
        "running, but with [metrics] enabled = false it cannot be asked; what follows is what its database says",
    ),
    "hub.deaf": (
        "正在运行，但查询没有应答（{reason}）；以下是其数据库中的记录",
        "running, but it does not answer ({reason}); what follows is what its database says",
    ),
    "broker.connected": ("自 {since} 起已连接 {address}", "connected to {address} since {since}"),
    "broker.lost": (
        "自 {since} 起未连接 {address}；数据保存在各设备中，连接后自动补传",
        "no connection to {address} since {since}; the devices keep everything and send it later",
    ),
    "history.up": (
        "{kind}，自 {since} 起正常写入",
        "{kind}, takes readings since {since}",
    ),
    "history.untried": (
        "{kind}，启动后尚未收到读数",
        "{kind}, no reading has come since the start",
    ),
    "history.down": (
        "{kind}，自 {since} 起无法写入（{reason}）；报警照常，数据稍后自动补传",
        "{kind}, takes nothing since {since} ({reason}); alarms go on, readings are sent again",
    ),
    "queue.fine": ("{count} 条消息等待处理", "{count} messages wait"),
    "queue.dropping": (
        "已满，启动后丢弃 {dropped} 条消息；各设备会自动重发",
        "full, {dropped} messages dropped since the start; the devices send them again",
    ),
    "channel.works": ("{kind}，正常", "{kind}, works"),
    "channel.log": ("只写日志，不发短信", "the log only: no SMS leaves this hub"),
    "channel.fails": (
        "{kind} 发送失败（{reason}）：短信发不出去，请电话通知",
        "{kind} fails ({reason}): nobody is told by SMS, telephone instead",
    ),
    "channel.warns": (
        "{kind}，可用，但请留意：{warning}",
        "{kind}, works, but see to it: {warning}",
    ),
    "database.fails": ("{reason}", "{reason}"),
    "devices.all": ("共 {count} 台，全部联系正常", "all {count} heard"),
    "devices.some": (
        "共 {count} 台，联系正常 {heard} 台；失去联系：{names}",
        "{heard} of {count} heard; silent: {names}",
    ),
    "streams.none": ("尚无记录", "no record has come yet"),
    "streams.level": (
        "{count} 个，全部已存储；最新记录 {newest}",
        "{count}, everything stored; newest record {newest}",
    ),
    "streams.behind": (
        "{count} 个，其中 {behind} 个共有 {lag} 条记录已判定、尚未存储；最新记录 {newest}",
        "{behind} of {count} with {lag} records judged and not yet stored; newest record {newest}",
    ),
    "excursions.none": ("没有未结束的", "none open"),
    "excursions.open": ("{count} 个未结束", "{count} open"),
    "sms.none": ("没有", "none"),
    "sms.waiting": ("{count} 条，最早的已等待 {span}", "{count}, the oldest for {span}"),
    "test.confirmed": (
        "{at} 发出 {count} 条，全部确认送达",
        "{count} SMS of {at}, all confirmed",
    ),
    "test.waiting": (
        "{at} 发出 {count} 条，其中 {waiting} 条尚待结果",
        "{count} SMS of {at}, {waiting} of them still to be confirmed",
    ),
    "test.unconfirmed": (
        "{at} 发出 {count} 条，{confirmed} 条确认送达；未确认：{names}",
        "{confirmed} of {count} SMS of {at} confirmed; not: {names}",
    ),
    "test.blind": (
        "{at} 发出 {count} 条，{confirmed} 条确认送达；{blind} 条所用通道不提供送达报告",
        "{confirmed} of {count} SMS of {at} confirmed; {blind} by a channel that gives no reports",
    ),
    "quarantine.none": ("空", "empty"),
    "quarantine.some": (
        "{count} 项无法接收，共 {times} 次，最近一次 {at}",
        "{count} refused, {times} times in all, last {at}",
    ),
    "disk.free": ("剩余 {free}（{percent}%）", "{free} free ({percent} %)"),
    "disk.short": (
        "只剩 {free}（{percent}%）：请尽快腾出空间",
        "only {free} free ({percent} %): make room soon",
    ),
}

_KINDS: Final = {"sqlite": "SQLite", "influxdb": "InfluxDB"}
_TIMES: Final = frozenset({"since", "newest", "at"})
_SPANS: Final = (("d", "天", 86_400_000), ("h", "小时", 3_600_000), ("min", "分钟", 60_000))


def subject(line: Line, language: Language) -> str:
    """Return what a line is about."""
    return SUBJECTS[line.subject][language == "en"]


def level(line: Line, language: Language) -> str:
    """Return in a word how it is: the colour alone never says it."""
    return LEVELS[line.level][language == "en"]


def text(line: Line, language: Language, zone: ZoneInfo) -> str:
    """Return what a line says, times in ``zone``."""
    shown = {name: _show(name, value, language, zone) for name, value in line.values.items()}
    return PHRASES[line.code][language == "en"].format(**shown)


def _show(name: str, value: Any, language: Language, zone: ZoneInfo) -> str:
    if value is None:
        return "–"
    if name in _TIMES:
        return datetime.fromtimestamp(value // 1000, zone).strftime("%Y-%m-%d %H:%M")
    if name == "span":
        return span(value, language)
    if name == "free":
        return f"{value / 1e9:.1f} GB"
    if name == "kind":
        return _KINDS.get(str(value), str(value))
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def span(duration_ms: int, language: Language) -> str:
    """Return a duration in its largest unit, rounded down; below a minute in seconds."""
    for english, chinese, length in _SPANS:
        if duration_ms >= length:
            count = duration_ms // length
            return f"{count} {english}" if language == "en" else f"{count} {chinese}"
    seconds = duration_ms // 1000
    return f"{seconds} s" if language == "en" else f"{seconds} 秒"
