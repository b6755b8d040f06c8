"""What the ledger says to people, in Chinese and English: refusals, reasons and warnings.

A phrase is a code for programs and values for people. Values carry their meaning in their type
(`Moment`, `Span`, `Value`), so that one catalogue line serves every language and zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from protocol.reading import decimal

Language = Literal["en", "zh"]

DEFAULT_ZONE: Final = ZoneInfo("Asia/Shanghai")


class Moment(int):
    """A time, UTC milliseconds; shown in the site's zone."""


class Span(int):
    """A duration, milliseconds."""


class Value(int):
    """A measured value or limit, thousandths; shown exactly."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing to say; a value may be a phrase of its own."""

    code: str
    values: Mapping[str, object]

    def text(self, language: Language = "en", zone: ZoneInfo = DEFAULT_ZONE) -> str:
        """Return it in one language, times in ``zone``."""
        shown = {name: _show(value, language, zone) for name, value in self.values.items()}
        return CATALOGUE[self.code][language].format(**shown)


def phrase(code: str, **values: object) -> Phrase:
    """Return a phrase of the catalogue."""
    return Phrase(code, values)


class LedgerError(Exception):
    """Something that the ledger refuses; ``str()`` is one line of English.

    Attributes:
        phrase: code and values, for programs and for other languages.
    """

    def __init__(self, code: str, **values: object) -> None:
        """Keep the phrase."""
        self.phrase = Phrase(code, values)
        super().__init__(self.phrase.text())

    @property
    def code(self) -> str:
        """What is wrong, for programs."""
        return self.phrase.code


def moment(at: int, zone: ZoneInfo = DEFAULT_ZONE) -> str:
    """Return a time as people read it, to the minute (to the second where there are any)."""
    local = datetime.fromtimestamp(at // 1000, zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")


_UNITS: Final = (
    (86_400, {"en": " d", "zh": " 天"}),
    (3_600, {"en": " h", "zh": " 小时"}),
    (60, {"en": " min", "zh": " 分"}),
    (1, {"en": " s", "zh": " 秒"}),
)


def span(duration_ms: int, language: Language = "en") -> str:
    """Return a duration in its largest units, whole seconds, nothing left out: ``1 d 2 h 5 min``."""
    left = duration_ms // 1000
    parts = []
    for seconds, names in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{names[language]}")
    return " ".join(parts) or f"0{_UNITS[-1][1][language]}"


def _show(value: object, language: Language, zone: ZoneInfo) -> str:
    if isinstance(value, Phrase):
        return value.text(language, zone)
    if isinstance(value, Moment):
        return moment(value, zone)
    if isinstance(value, Span):
        return span(value, language)
    if isinstance(value, Value):
        return decimal(value)
    return str(value)


CATALOGUE: Final[dict[str, dict[Language, str]]] = {
    # What was written cannot be right.
    "bad-doses": {
        "en": "doses must be a whole number from 1 on, not {doses}",
        "zh": "剂数必须是不小于 1 的整数，不能是 {doses}",
    },
    "bad-asset": {
        "en": "{asset!r} is no asset; write site/asset, such as east-gate/fridge-1",
        "zh": "“{asset}”不是设备名；请写成 接种点/设备，例如 east-gate/fridge-1",
    },
    "bad-label": {
        "en": "the label {label!r} cannot be used; write up to 40 characters without # or blanks",
        "zh": "标签“{label}”不能使用；请写不超过 40 个字符，不含 # 和空格",
    },
    "bad-product": {
        "en": "{text!r} is no product name; write 1 to 80 characters without /",
        "zh": "“{text}”不是疫苗名称；请写 1 至 80 个字符，不含 /",
    },
    "bad-lot": {
        "en": "{text!r} is no lot number; write 1 to 40 characters without blanks",
        "zh": "“{text}”不是批号；请写 1 至 40 个字符，不含空格",
    },
    "bad-batch": {
        "en": "{batch!r} is no batch; write product/lot, such as MMR/202601A",
        "zh": "“{batch}”不是批次；请写成 疫苗/批号，例如 MMR/202601A",
    },
    "in-future": {
        "en": "{at} has not come yet, it is {now}; enter what has happened, when it has",
        "zh": "{at} 尚未到来，现在是 {now}；请在发生之后再登记",
    },
    # What was written does not fit what is known.
    "expiry-differs": {
        "en": "{batch} is known with expiry {known}, not {given}; look at the box again",
        "zh": "{batch} 已登记的有效期是 {known}，不是 {given}；请再核对包装",
    },
    "expired-on-receipt": {
        "en": "{batch} expired on {expiry}; it cannot be received, keep it apart and report it",
        "zh": "{batch} 有效期至 {expiry}，已过期；不得接收，请隔离存放并上报",
    },
    "unknown-batch": {
        "en": "no batch {batch} is known; `coldwatch ledger stock` lists those that are",
        "zh": "没有批次 {batch}；可用 `coldwatch ledger stock` 查看已有批次",
    },
    "ambiguous-batch": {
        "en": "lot {batch} is known of several products: {batches}; write one of these",
        "zh": "批号 {batch} 属于多种疫苗：{batches}；请写其中之一",
    },
    "same-place": {
        "en": "{place} is where they are; name another asset or another label",
        "zh": "已经在 {place}；请写另一设备或另一标签",
    },
    "not-there": {
        "en": "{place} had {there} doses of {batch} at {at}, not {doses}; count them, and see `coldwatch ledger stock`",
        "zh": "{at} 在 {place} 的 {batch} 只有 {there} 剂，没有 {doses} 剂；请清点，并查看 `coldwatch ledger stock`",
    },
    "later-entry": {
        "en": "with this, {doses} doses that were entered as leaving {place} at {at} would not have been there (only {there}); enter a later time or fewer doses",
        "zh": "若登记此项，已登记于 {at} 从 {place} 取出的 {doses} 剂就不够（只有 {there} 剂）；请写更晚的时间或更少的剂数",
    },
    "lifts-hold": {
        "en": "{batch} is on hold, and a movement at {at} would take doses out of the hold; enter it with the time now, or ask whoever may release the batch",
        "zh": "{batch} 已被停用，登记 {at} 的移动会使部分剂次脱离停用；请按当前时间登记，或请有权放行的人处理",
    },
    "none-there": {
        "en": "{place} holds no {what} now; see `coldwatch ledger stock`",
        "zh": "{place} 现在没有 {what}；请查看 `coldwatch ledger stock`",
    },
    "too-few-usable": {
        "en": "{place} has only {usable} usable doses of {what}, not {doses}{because}",
        "zh": "{place} 的 {what} 可用的只有 {usable} 剂，不够 {doses} 剂{because}",
    },
    "because": {"en": "; {why}", "zh": "；{why}"},
    "nothing": {"en": "", "zh": ""},
    # Why a parcel may not leave.
    "expired": {
        "en": "{batch} expired on {expiry}; keep it apart",
        "zh": "{batch} 有效期至 {expiry}，已过期；请隔离存放",
    },
    "held-above": {
        "en": "{batch} is on hold: {place} was above {limit} {until}, highest {extreme} ({rule}{possible}); {next}",
        "zh": "{batch} 已停用：{place} {until}高于 {limit}，最高 {extreme}（{rule}{possible}）；{next}",
    },
    "held-below": {
        "en": "{batch} is on hold: {place} was below {limit} {until}, lowest {extreme} ({rule}{possible}); {next}",
        "zh": "{batch} 已停用：{place} {until}低于 {limit}，最低 {extreme}（{rule}{possible}）；{next}",
    },
    "held-silent": {
        "en": "{batch} is on hold: {place} gave no reading {until} ({rule}{possible}); {next}",
        "zh": "{batch} 已停用：{place} {until}没有读数（{rule}{possible}）；{next}",
    },
    "certainly": {"en": "", "zh": ""},
    "possibly": {"en": ", possible", "zh": "，可能"},
    "from-to": {"en": "from {start} to {end}", "zh": "自 {start} 至 {end} "},
    "since": {"en": "since {start}, and still is", "zh": "自 {start} 起至今"},
    "summed": {
        "en": "for {sum} or more within {window}, from {start} on",
        "zh": "自 {start} 起 {window}内累计 {sum}以上",
    },
    "next-ask": {
        "en": "ask the manufacturer, with what `coldwatch ledger journey` says",
        "zh": "请附 `coldwatch ledger journey` 的内容咨询生产企业",
    },
    "next-move": {
        "en": "move it to working equipment within 30 minutes",
        "zh": "请在 30 分钟内移至正常设备",
    },
    "unknown-time": {
        "en": "{batch} is on hold: nobody knows what {place} did for {span} from {start} to {end} ({limit} are allowed); ask whoever may release it",
        "zh": "{batch} 已停用：{place} 自 {start} 至 {end} 有 {span} 没有记录（最多允许 {limit}）；请有权放行的人处理",
    },
    "pending": {
        "en": "{batch} must wait: the readings of {place} from {start} to {end} have not arrived yet ({span}, {limit} are allowed); see to the link",
        "zh": "{batch} 须等待：{place} 自 {start} 至 {end} 的读数尚未到达（{span}，最多允许 {limit}）；请检查网络",
    },
    # The arithmetic.
    "sum": {
        "en": "inside {inside} + above {above} + below {below} + unknown {unknown} = {span}",
        "zh": "范围内 {inside} + 高于 {above} + 低于 {below} + 未知 {unknown} = {span}",
    },
    # two points of one asset: above at one and below at the other, counted in both, once too often
    "sum-both": {
        "en": "inside {inside} + above {above} + below {below} - both at once {both} + unknown {unknown} = {span}",
        "zh": "范围内 {inside} + 高于 {above} + 低于 {below} - 同时 {both} + 未知 {unknown} = {span}",
    },
    "met": {
        "en": "doses that met in one place and cannot be told apart: the figures are those of the worst way",
        "zh": "曾在同一处相遇、无法区分的剂次：所列为经历最差者的数字",
    },
    # Done.
    "received": {
        "en": "received {doses} doses of {batch} into {target}, {at}",
        "zh": "已接收 {batch} {doses} 剂，存入 {target}，{at}",
    },
    "moved": {
        "en": "moved {doses} doses of {batch} from {source} to {target}, {at}",
        "zh": "已将 {batch} {doses} 剂从 {source} 移至 {target}，{at}",
    },
    "issued": {
        "en": "issued {doses} doses of {batch} from {source}, {at}",
        "zh": "已从 {source} 发出 {batch} {doses} 剂，{at}",
    },
    "issued-affected": {
        "en": "{doses} doses of {batch} were issued before this was known: {recipient}",
        "zh": "在得知之前已发出 {batch} {doses} 剂：{recipient}",
    },
    "nobody-named": {"en": "nobody named", "zh": "未写明去向"},
    # Warnings: done, but look.
    "no-deciding-point": {
        "en": "no probe speaks for {asset}: the time there counts as unknown",
        "zh": "{asset} 没有作为依据的探头：在那里的时间按未知计",
    },
    "not-first-to-expire": {
        "en": "{batch} is usable at {place} too and expires earlier, on {expiry}",
        "zh": "{place} 另有可用的 {batch}，有效期更早（{expiry}）",
    },
    "moved-on-hold": {
        "en": "the doses are on hold, and stay so where they are now",
        "zh": "这些剂次已停用，移动后仍为停用",
    },
}
