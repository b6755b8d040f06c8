"""What a person means who answers an alarm by SMS: a code, a reason behind it, `?`, help.

People write at three in the morning, with a thumb, on whatever keyboard their telephone has: full-width
digits, blanks in the code, "收到 4831", two codes at once, a reason behind it. Whatever a text holds,
reading it never fails. And a text never answers what it does not hold the code of: a figure of
another kind (a value, a time, a date, a telephone number) is no code.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

Meaning = Literal["answer", "state", "help", "unknown"]

# Why an alarm came, as people choose it. "other" needs words of one's own.
Reason = Literal["door", "defrost", "restocking", "power", "equipment", "probe", "test", "other"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

# Longer texts are cut before they are read: ten SMS, and nobody answers at such length.
MOST_CHARACTERS: Final = 1_000
# Nobody has more alarms at once that are worth typing; a text with more is a guess at codes.
MOST_CODES: Final = 10
_MOST_WORDS: Final = 200

# China's mobile numbers, as config/phones.py knows them.
_TELEPHONE: Final = re.compile(
    r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"
)
# Figures that a dot, a colon and the like hold together are one: 8.5, 03:10, 2026-11-26.
_FIGURE: Final = re.compile(r"[0-9]+(?:[.,:/-][0-9]+)*")
_HELD_TOGETHER: Final = re.compile(r"[.,:/-]")
_CODE: Final = re.compile(r"[1-9][0-9]{3}")
# "48 31", "4 8 3 1": groups that only blanks part.
_SPACED: Final = re.compile(r"[0-9]+(?: +[0-9]+)+")
_EDGES: Final = " \t\r\n,.;:!?、。…~-_()[]{}<>\"'“”‘’「」【】《》*#/\\|+=&@"

# Words by which people name a reason; English ones as whole words, Chinese ones anywhere. The sign
# for a door alone is in many a site's name, so it counts only where it stands by itself.
_WORDS: Final[MappingProxyType[Reason, tuple[str, ...]]] = MappingProxyType(
    {
        "door": ("door", "门没关", "门未关", "冰箱门", "柜门", "开门", "关门", "门开", "门"),
        "defrost": ("defrost", "defrosting", "defrosted", "除霜", "化霜"),
        "restocking": (
            "restocking", "restock", "restocked", "stocking", "loading", "delivery",
            "补货", "上货", "入库", "进货", "装货", "摆放", "盘点",
        ),
        "power": ("power", "mains", "outage", "blackout", "停电", "断电", "跳闸", "没电", "电源"),
        "equipment": (
            "equipment", "compressor", "thermostat", "broken", "fault", "failure",
            "压缩机", "温控", "设备", "故障", "坏了",
        ),
        "probe": ("probe", "sensor", "探头", "传感器"),
        "test": ("test", "testing", "drill", "测试", "试验", "演练"),
        "other": ("other", "其他", "其它"),
    }
)  # fmt: skip
_PATTERNS: Final = tuple(
    (
        reason,
        re.compile(
            "|".join(
                rf"(?<![a-z]){word}(?![a-z])"
                if word.isascii()
                else (rf"(?<!\w){word}(?!\w)" if len(word) == 1 else word)
                for word in words
            )
        ),
    )
    for reason, words in _WORDS.items()
)
# What closes excursions must be meant: beside the word for the probe stands nothing but that it is lost.
_PROBE: Final = dict(_PATTERNS)["probe"]
_LOST: Final = re.compile(
    r"(?<![a-z])(?:dead|lost|broken|gone|faulty|failed|unplugged|missing)(?![a-z])"
    r"|坏了?|丢失?了?|没了|(?:失灵|故障|脱落)了?|断了"
)
# Who asks whether it is dead does not say so: that sign stays.
_WITHOUT_SIGNS: Final = str.maketrans(dict.fromkeys(_EDGES.replace("?", ""), " "))
# What people write around a code and do not mean as words of their own.
_FILLERS: Final = re.compile(
    r"(?<![a-z])(?:ok|okay|ack|acknowledged?|received|got it|yes|confirm(?:ed)?|code)(?![a-z])"
    r"|收到|确认|知道了|好的|已知|是的|回复|代码|验证码|编号"
)
_STATE: Final = frozenset({"state", "status", "状态", "情况", "现在怎么样", "怎么样了"})
_HELP: Final = frozenset({"help", "h", "帮助", "说明", "怎么用", "怎么回复", "how"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a text means.

    Attributes:
        meaning: ``answer`` holds codes; ``state`` asks how one's site is; ``help``; ``unknown``.
        codes: of four digits, in their order, each once; empty unless ``answer``.
        reason: that the text names; empty where it names none.
        words: what is left beside codes, reason and greetings, in their own words.
    """

    meaning: Meaning
    codes: tuple[str, ...] = ()
    reason: Reason | Literal[""] = ""
    words: str = ""


def read(text: str) -> Answer:
    """Return what a text means; never raises."""
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS])
    plain = " ".join(plain.split())
    codes, rest = _codes(plain)
    if codes:
        reason, words = _reason(rest)
        return Answer("answer", codes, reason, words)
    bare = plain.strip(_EDGES).lower()
    if bare in _HELP:
        return Answer("help")
    if plain.lstrip().startswith("?") or bare in _STATE:
        return Answer("state")
    return Answer("unknown")


def _codes(text: str) -> tuple[tuple[str, ...], str]:
    """Return the codes in a text, and the text without them."""
    text = _TELEPHONE.sub(" ", text)
    found: dict[str, None] = {}

    def take(match: re.Match[str]) -> str:
        groups = _HELD_TOGETHER.split(match.group())
        if not all(_CODE.fullmatch(group) for group in groups):
            return match.group()
        found.update(dict.fromkeys(groups))
        return " "

    def join(match: re.Match[str]) -> str:
        groups = match.group().split()
        whole = "".join(groups)
        return whole if _CODE.fullmatch(whole) else match.group()

    rest = _FIGURE.sub(take, _SPACED.sub(join, text))
    return tuple(found)[:MOST_CODES], rest


def _reason(rest: str) -> tuple[Reason | Literal[""], str]:
    """Return the reason that is named first, and the other words.

    The probe is the reason only where that is all that is said: then nothing else is heeded, and
    else it is no reason ("checked the probe, it is fine").
    """
    lowered = rest.lower()
    lost = _says_that_the_probe_is_lost(lowered)
    matches = [
        (match.start(), -len(match.group()), reason, match.group())
        for reason, pattern in _PATTERNS
        if (reason == "probe") == lost and (match := pattern.search(lowered)) is not None
    ]
    reason: Reason | Literal[""] = ""
    # Letters whose small form is longer would shift the places; then nothing is cut out.
    same = len(lowered) == len(rest)
    if matches:
        begin, length, reason, _ = min(matches)
        if same:
            rest = f"{rest[:begin]} {rest[begin - length :]}"
    rest = re.sub(_FILLERS.pattern, " ", rest, flags=re.IGNORECASE)
    words = " ".join(word for word in rest.split() if word.strip(_EDGES))
    return reason, words.strip(_EDGES)[:_MOST_WORDS]


def _says_that_the_probe_is_lost(lowered: str) -> bool:
    """Whether a text without its codes is a word for the probe, alone or with one for dead or lost."""
    plain = lowered.translate(_WITHOUT_SIGNS)
    probe, lost = _PROBE.search(plain), _LOST.search(plain)
    if probe is None:
        return False
    begin = min(each.start() for each in (probe, lost) if each is not None)
    # Greetings stand in front: "ok 4831 probe" is one, "4831 probe ok" the contrary of lost. And
    # what runs on into the bare word is none: "确认探头" is what somebody goes and does.
    head, tail = plain[:begin], _LOST.sub(" ", _PROBE.sub(" ", plain[begin:]))
    if tail.strip() or _FILLERS.sub(" ", head).strip():
        return False
    return lost is not None or not head or head.endswith(" ")
