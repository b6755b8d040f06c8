"""Settings that the hub handed to this agent, on the card: the last good ones, and those on trial.

The folder ``<state_dir>/settings`` holds good.json (in force), trying.json (to be tried at the next
start) and refused.json (what was refused last, and why). Each step is one rename, so whatever is
killed leaves the old ones or the new ones in force, and never none:

    offered  -> trying.json, starts 0
    a start  -> trying.json, starts + 1; three without a full cycle, and they are refused
    a cycle  -> trying.json becomes good.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from config.files import make_folder, sync_folder, write_file

FOLDER: Final = "settings"
GOOD: Final = "good.json"
TRYING: Final = "trying.json"
REFUSED: Final = "refused.json"
# A power cut in the first cycle must not cost good settings; a crash loop must end.
MOST_STARTS: Final = 3
# As much as a settings file of a hundred assets.
MAX_TEXT: Final = 200_000
REASON_LENGTH: Final = 1_000


class Handed(NamedTuple):
    """A settings file from the hub: its version (from 1), its text (TOML), how often it started."""

    version: int
    text: str
    starts: int = 0

    @property
    def sha256(self) -> str:
        """The text's SHA-256, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Refusal(NamedTuple):
    """Which version was refused, and why."""

    version: int
    reason: str


Choice = Literal["take", "have", "older", "refused", "differs"]


def decide(
    offered: Handed, good: Handed | None, trying: Handed | None, refused: Refusal | None
) -> Choice:
    """Return what to do with what the hub offers.

    A version never goes back: who wants old settings again has the hub hand them out under a new
    version. What was refused is not tried again.
    """
    for known in (trying, good):
        if known is not None and known.version == offered.version:
            return "have" if known.sha256 == offered.sha256 else "differs"
    newest = max(each.version for each in (good, trying, refused, Refusal(0, "")) if each)
    if refused is not None and refused.version == offered.version:
        return "refused"
    return "take" if offered.version > newest else "older"


class Book:
    """The files. A damaged one counts as none. Methods that write raise OSError."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / FOLDER

    @property
    def good(self) -> Handed | None:
        """The last good ones."""
        return self._read(GOOD)

    @property
    def trying(self) -> Handed | None:
        """Those on trial."""
        return self._read(TRYING)

    @property
    def refused(self) -> Refusal | None:
        """What was refused last."""
        try:
            return Refusal(**json.loads((self._folder / REFUSED).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def offer(self, handed: Handed) -> None:
        """Put settings up for trial, after they were checked."""
        self._write(TRYING, _body(handed))

    def begin(self) -> Handed | None:
        """Return those on trial for one more start, counted before it; None when there are none."""
        trying = self.trying
        if trying is None:
            return None
        if trying.starts >= MOST_STARTS:
            why = f"the agent was started {MOST_STARTS} times with them and got through no cycle"
            self.refuse(trying.version, why)
            return None
        trying = trying._replace(starts=trying.starts + 1)
        self._write(TRYING, _body(trying))
        return trying

    def keep(self, version: int) -> bool:
        """Make those on trial the good ones; do nothing where they are others than this version."""
        trying = self.trying
        if trying is None or trying.version != version:
            return False
        (self._folder / TRYING).rename(self._folder / GOOD)
        sync_folder(self._folder)
        return True

    def refuse(self, version: int, reason: str, *, ends_trial: bool = True) -> None:
        """Note why a version is refused; if it was on trial, that has ended.

        ``ends_trial``: False where others of the same number are on trial.
        """
        self._write(REFUSED, Refusal(version, reason[:REASON_LENGTH])._asdict())
        trying = self.trying if ends_trial else None
        if trying is not None and trying.version == version:
            (self._folder / TRYING).unlink()
            sync_folder(self._folder)

    def _read(self, name: str) -> Handed | None:
        try:
            body = json.loads((self._folder / name).read_bytes())
            handed = Handed(int(body["version"]), str(body["text"]), int(body["starts"]))
            return handed if handed.sha256 == body["sha256"] else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _write(self, name: str, body: Mapping[str, Any]) -> None:
        make_folder(self._folder, 0o700)
        write_file(self._folder / name, json.dumps(body).encode(), 0o600)


def _body(handed: Handed) -> dict[str, Any]:
    return {**handed._asdict(), "sha256": handed.sha256}
