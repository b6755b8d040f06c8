"""What a story says of a message, in the words of the person who reads it.

A story is written in English; Li and Wang read Chinese. So each of its words is looked up here.
"""

from __future__ import annotations

import re
from typing import Final

_CHINESE: Final = {
    "POSSIBLY TOO HOT": "疑似温度过高",
    "POSSIBLY TOO COLD": "疑似温度过低",
    "TOO HOT": "温度过高",
    "TOO COLD": "温度过低",
    "RECOVERED": "已恢复",
    "NO READINGS": "探头无数据",
    "READINGS BACK": "数据已恢复",
    "NO CONTACT": "失联",
    "CONTACT BACK": "已恢复联系",
    "MAINS LOST": "停电",
    "MAINS BACK": "已来电",
    "DOOR OPEN": "门未关",
    "DOOR SHUT": "门已关",
    "LATE": "迟报",
    "On hold": "停用",
    "PROBES DISAGREE": "探头读数不一致",
    "PROBES AGREE AGAIN": "读数已一致",
    "WARMING FAST": "升温过快",
    "READING STUCK": "读数不变",
    "MAINS INPUT SILENT": "市电输入无数据",
    "MAINS INPUT READ AGAIN": "市电输入数据已恢复",
    "MEMORY CARD WORN OUT": "存储卡磨损",
    "WEEKLY WIPE DUE": "应每周擦拭",
    "OVER": "已解除",
    "AGAIN": "再",
    "NOT ANSWERED": "应答",
    "STILL OPEN": "仍未恢复",
    "WORK IS OVER": "作业已结束",
    "answers": "已应答",
    "NOTED": "已记录",
    "No alarm of yours": "您没有",
    "Send the 4 digits": "请发",
    "could not be told": "无法通知",
    "NOT ALL WELL": "尚有异常",
    "ALL WELL": "一切正常",
    "TEST": "测试",
    "do not get out": "短信通道",
    "get out": "短信通道已恢复",
    "nothing confirms": "未确认送达",
    "see to this": "尚能发出",
    "FAILS": "通道故障",
    "credit low": "余额不足",
    "signal weak": "信号弱",
    "Measured": "测得",
}
_NUMBERS: Final = (
    (re.compile(r"Fridge (\d+)"), r"\1号冰箱"),
    (re.compile(r"(\d+) batch(?:es)?"), r"\1批"),
    (re.compile(r"(\d+) doses?"), r"\1剂"),
    (re.compile(r"(\d+) h (\d+) min"), r"\1小时\2分钟"),
    (re.compile(r"(\d+) min"), r"\1分钟"),
    (re.compile(r"(\d+) h"), r"\1小时"),
    (re.compile(r"(\d+) Mar (\d\d:\d\d)"), r"3月\1日\2"),
)


def in_language(word: str, language: str) -> str:
    """Return what a person who reads this language finds in the message."""
    if language == "en":
        return word
    if word in _CHINESE:
        return _CHINESE[word]
    for pattern, chinese in _NUMBERS:
        word = pattern.sub(chinese, word)
    return word
