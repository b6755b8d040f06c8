"""Write docs/messages.md, every message that people can get: `python tools/messages.py [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

from alerts.messages import compose  # noqa: E402 - the checkout's, whatever is installed
from alerts.segments import SINGLE, encoding_of, units  # noqa: E402
from alerts.wording import Language  # noqa: E402
from tests.alerts.cases import CASES, LONG_NAMES, NAMES, TITLES, Names, facts_of  # noqa: E402

PAGE = HOUSE / "docs" / "messages.md"

HEAD = """\
# 短信内容 · What people read

由 `make docs` 从 `alerts/` 及其译文生成。每种情形四行：中文、英文，以及站点名和冰箱名最长时的中文、英文（次要内容已省略）。
末尾为长度：一条短信最多70个字（中文）或160个字符（英文），本系统从不发送第二条。

Made by `make docs` from `alerts/` and its catalogue. Four lines for each happening: Chinese, English, and both with the longest
real names, where the least important is given up. Behind each stands its length: one SMS holds 70 UTF-16 units in Chinese and
160 septets in English, and none of ours is longer.

- **Never given up**: site, fridge, what is wrong and in which direction, the value, and the code to answer with.
  **从不省略**：站点、冰箱、异常及方向、数值、回复编号。
- **The code** is the same in every message of an alarm, from the hub and from the agent's own modem. Answering with it stops the
  escalation for 30 minutes. **编号**：同一报警的所有短信（服务器和现场设备）编号相同；回复编号后30分钟内不再升级。
- Messages without a code ask for nothing. **没有编号的短信无需回复。**
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_cases()]).rstrip() + "\n"


def _cases() -> Iterator[str]:
    for case, known in CASES.items():
        yield f"## {TITLES[case]} · {known.title[0].upper()}{known.title[1:]}\n"
        for names in (NAMES, LONG_NAMES):
            yield from _texts(case, names)
        yield ""


def _texts(case: str, names: dict[Language, Names]) -> Iterator[str]:
    for language in names:
        text = compose(facts_of(case, language, names))
        yield f"- {text} *{units(text)}/{SINGLE[encoding_of(text)]}*"


def main() -> int:
    """Write the page, or with --check tell whether the written one is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print(f"{PAGE} is not what the catalogue gives; write: make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
