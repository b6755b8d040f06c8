"""What `coldwatch check --explain` says, in Chinese and English: one table, both always together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from alerts.by_day import WAKING_HOURS
from alerts.wording import Wording
from config.options import Language

_DAYS: Final = ("一", "二", "三", "四", "五", "六", "日")

# Chinese, English. Fields stand in braces.
PHRASES: Final[dict[str, tuple[str, str]]] = {
    "good": ("{file}：设置无误", "{file}: good settings for the {kind}"),
    "by": ("，通知方案 {escalation}", ", escalation {escalation}"),
    "named": ("{name}（{id}）", "{name} ({id})"),
    "watched": ("：{profiles}", ": {profiles}"),
    "and": ("和", " and "),
    "or": ("或", " or "),
    "assumed": (
        "，系假定；用 --agent 给出采集端的设置才能确定",
        ", assumed: give the agent's file with --agent to be sure",
    ),
    "no-rules": (
        "：规则未知，请用 --agent 给出采集端的设置",
        ": no rules known; give the agent's file with --agent",
    ),
    "degrees": ("{value} ℃", "{value} degC"),
    "at": ("{asset} 在 {what} 时：{follows}", "{asset} at {what}: {follows}"),
    "case": ("{asset} {what}：{follows}", "{asset} {what}: {follows}"),
    "whole-case": ("{what}：{follows}", "{what}: {follows}"),
    "duty": ("值班 {line}", "on duty as {line}"),
    "not-told": ("无人得知：{line}", "NOT TOLD: {line}"),
    # What follows.
    "at-once": ("立即", "at once"),
    "after": ("{span}后", "after {span}"),
    "hub-tells": ("中心端{after}通知", "the hub tells people {after}"),
    "sms-first": ("{after}发短信给{to}", "SMS to {to} {after}"),
    "sms-next": ("{after}再通知{to}", "to {to} {after}"),
    "sms-own": (
        "中心端未能通知时，自带的调制解调器{after}发短信给{to}",
        "where it has not, SMS by the own modem to {to} {after}",
    ),
    "sms-own-of": (
        "中心端未能通知时，{device} 自带的调制解调器{after}发短信给{to}",
        "where the hub has not, SMS by the own modem of {device} to {to} {after}",
    ),
    "by-channels": ("（通道 {channels}）", " by {channels}"),
    "then": ("，其次 ", ", then "),
    "again": ("，每{span}重复，直到有人回复", ", again every {span} until somebody answers"),
    "day-first": (
        "{after}发一次短信给{to}，只在白天（{hours}）",
        "one SMS to {to}{after}, by day only ({hours})",
    ),
    "day-hub": (
        "中心端{after}通知一次，只在白天（{hours}）",
        "the hub tells people once{after}, by day only ({hours})",
    ),
    "by-day": (
        "“只在白天”：只通知第一步的人，只发一次；夜间发生的等到早上，届时已恢复就不发；自带的调制解调器不发",
        (
            "by day only: the first step's people, once; what comes by night waits for the morning, "
            "and nothing is sent if it is over by then; no own modem tells of it"
        ),
    ),
    "nobody": ("不通知任何人", "nobody is told"),
    "sounds": ("{after}鸣响", "sounds {after}"),
    "holds": ("{after}批次停用", "batches on hold {after}"),
    # What may go wrong beside the rules.
    "lost-contact": ("收不到 {device} 的任何消息", "nothing heard from {device}"),
    "calibration": ("探头校准证书过期", "a probe's certificate overdue"),
    "lamp-needs": ("需要处理（故障、擦拭、换管）", "needs somebody (a fault, wiping, a new tube)"),
    "lamp-welded": ("无法关闭", "cannot be switched off"),
    # What nobody is told of.
    "devices": ("各设备", "the devices"),
    "no-modem": (
        "本采集端没有自带的调制解调器（[modem]）：中心端或网络中断期间，无人收到短信",
        (
            "this agent has no modem of its own ([modem]): while the hub or the network is away, "
            "nobody gets an SMS"
        ),
    ),
    "no-steps": (
        "任何情况都不通知：`tell` 为空，也没有指定通知方案",
        "nobody is told of anything: `tell` is empty and no escalation is named",
    ),
    "single": (
        "最先只通知一个人{when}：此人若没听见，就没有别人知道",
        "a single person is told first{when}: whoever sleeps through it is the only one",
    ),
    "when": ("（{moment}）", " ({moment})"),
    "one-step": (
        "无人回复时不再通知其他人：只有一步",
        "nobody else is told when nobody answers: there is a single step",
    ),
    "no-repeat": (
        "不会通知第二次：该步没有 `repeat`",
        "nobody is told a second time: the step has no `repeat`",
    ),
    "short": (
        "站点 {site} 的第一步{when}只能通知到 {count} 个号码，{profile} 要求至少 {wanted} 个不同号码",
        (
            "the first step of site {site} reaches {count} telephone numbers{when}, and {profile} demands "
            "at least {wanted} different ones"
        ),
    ),
    "only": ("只通知该步的{others}", "only {others} of that step"),
    "next-step": ("改由下一步的人", "the next step's people"),
    "gap": (
        "{gaps} 无人担任 {role}：届时{instead}",
        "nobody is {role} {gaps}: {instead} {verb} told then",
    ),
    "no-mains": (
        "{asset}：未测市电，停电时无人得知",
        "{asset}: its mains are not measured: nobody is told that they are lost",
    ),
    "no-door": (
        "{asset}：未测柜门，门开着无人得知",
        "{asset}: its door is not measured: nobody is told that it stands open",
    ),
    "no-point": (
        "{asset}：没有判定测点，过热或过冷都无人得知，其批次也不会停用",
        (
            "{asset}: no point decides, so nobody is told that it is too hot or too cold, and its batches "
            "are never put on hold"
        ),
    ),
    "only-log": (
        "无人收到短信：短信只写入日志（请设置 [[channels]]）",
        "nobody gets an SMS: they are only written into the log (set up [[channels]])",
    ),
    "one-way": (
        "{channel} 出故障时无人得知：它是中心端唯一的通道",
        "when {channel} fails nobody is told: it is the only way out of this hub",
    ),
    "no-answers": (
        "无法用短信回复：只有调制解调器和网页能接收回复",
        "nobody can answer by SMS: only a modem takes them in, and the console",
    ),
    "no-all-well": (
        "没有每日平安短信（`all_well`）：没有消息未必就是平安",
        "nobody is told each day that all is well (`all_well`): silence may be safety or not",
    ),
    "no-test": (
        "从不测试通知通道（`way_test`）",
        "the way of the alarms is never tested (`way_test`)",
    ),
    "stranger": (
        "{site} 的 {device} 不是本中心端的设备：其读数不被接收",
        "{device} of {site} is no device of this hub: its readings are not taken",
    ),
    "astray": (
        "{device} 的设置写的站点是 {site}，本中心端设置的是 {right}：其记录全部被拒收；请将两处写成同一站点",
        (
            "{device} says site {site}, and this hub has it at {right}: the hub refuses every record of "
            "it; write the same site in both files"
        ),
    ),
    "unmeasured": ("{asset}：没有采集端测量", "{asset}: no agent measures it"),
    "unswitched": ("{asset}：没有采集端控制", "{asset}: no agent switches it"),
    "unnamed": (
        (
            "{asset}（{device}）不在中心端设置中：短信只写这个编号，每日平安短信不包括它；"
            "请加入 [[sites.assets]]，编号须一致"
        ),
        (
            "{asset} of {device} is not in the hub's settings: messages call it by that id, and the daily "
            "one that all is well leaves it out; add it to [[sites.assets]], with the same id"
        ),
    ),
    # Roster.
    "turn": ("{person} {days} {begin} 至 {end}", "{person} {days} {begin} to {end}"),
    "else": ("，否则 {person}", ", else {person}"),
    "daily": ("每天", "daily"),
    "until": ("{begin} 至 {end}", "{begin} to {end}"),
}


class Say:
    """One language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._zh = language == "zh"
        self._wording = Wording(language, "UTC", 0)

    def __call__(self, key: str, **fields: Any) -> str:
        """Return a phrase with its fields."""
        return PHRASES[key][0 if self._zh else 1].format(**fields)

    def text(self, message: str) -> str:
        """Return a sentence of the messages' catalogue."""
        return self._wording.text(message)

    def lasting(self, ms: int) -> str:
        """Return a duration."""
        return self._wording.lasting(ms)

    def after(self, ms: int) -> str:
        """Return when, from when it begins."""
        return self("at-once") if ms == 0 else self("after", span=self.lasting(ms))

    def behind(self, ms: int) -> str:
        """Return the same as a part of a sentence; nothing for at once."""
        gap = "" if self._zh else " "
        return gap + self.after(ms) if ms else ""

    def listed(self, names: Sequence[str]) -> str:
        """Return names in a row."""
        return self._wording.listed(names)

    def joined(self, parts: Sequence[str]) -> str:
        """Return what follows, in a row."""
        return self._wording.enumerated(parts)

    def day(self, number: int, name: str) -> str:
        """Return a day of the week; 0 is Monday."""
        return f"周{_DAYS[number]}" if self._zh else name

    @property
    def hours(self) -> str:
        """When what waits for the day is told, by the site's clock."""
        begin, end = (f"{hour:02d}:00" for hour in (WAKING_HOURS.start, WAKING_HOURS.stop))
        return self("until", begin=begin, end=end)
