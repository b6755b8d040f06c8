"""The tests of the hub's outbox as checks for tools/quick_mutants.py: pytest's own, in one process.

They need its fixtures, so pytest collects them once and goes on running them, one at a time, for
one mutant after the other. Each function is given the tests that come to it, those first that
killed most for their time, then the quickest. Their files are kept in memory: nothing is lost by a
cut of the power there, and nothing waits for a disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of one's own is made in it
# Beyond ten times what it took unharmed; a busy machine is no mutant that hangs.
PATIENCE_S = 30

# Of processor time for one mutant. With few, what lives is a question for a run with all tests.
MOST_S = float(os.environ.get("COLDWATCH_MUTANTS_SECONDS", "inf"))


class Story:
    """One test, and how much it has killed for its time."""

    def __init__(self, item: Any, folder: Path) -> None:
        self._item = item
        self._folder = folder
        self.seconds = 0.0
        self.kills = 0
        self.reached: set[str] = set()

    @property
    def worth(self) -> tuple[float, float]:
        """The less, the earlier it is asked."""
        return (-self.kills / self.seconds, self.seconds)

    def passes(self) -> bool | None:
        """Run it; None: it did not come to its end."""
        late = []

        def stop(*_: object) -> None:
            late.append(True)
            raise TimeoutError

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(int(PATIENCE_S + 10 * self.seconds))
        self._item._initrequest()  # noqa: SLF001 - as pytest-rerunfailures does it
        try:
            reports = runtestprotocol(self._item, log=False, nextitem=None)
        finally:
            signal.alarm(0)
            self._clean()
        return None if late else all(report.passed for report in reports)

    def _clean(self) -> None:
        from tests.support import databases

        # What a mutant left half done is no matter of ours.
        with suppress(Exception):
            databases.close_all()
        for each in self._folder.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)


class Stories:
    """A plugin that lends pytest's tests to somebody else's loop."""

    def __init__(self, use: Callable[[list[Story]], None], folder: Path) -> None:
        self._use = use
        self._folder = folder

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave out what needs a server: a mutant of the outbox is none of its queries."""
        items[:] = [item for item in items if "postgresql" not in item.nodeid]

    def pytest_runtestloop(self, session: Any) -> bool:
        """Run each once to learn what it reaches, then lend them all."""
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        stories = [Story(item, self._folder) for item in session.items]
        for story in stories:
            state()._stats.clear()  # noqa: SLF001 - mutmut has no other way to ask
            set_mutant_under_test("stats")
            began = time.process_time()
            assert story.passes(), "a test fails without any mutant"
            story.seconds = time.process_time() - began
            set_mutant_under_test("")
            story.reached = set(state()._stats)  # noqa: SLF001
        self._use(stories)
        return True


def told_by(stories: list[Story]) -> str:
    """Return what becomes of the mutant that is in force: what the first test says that fails."""
    spent = 0.0
    for story in sorted(stories, key=lambda each: each.worth):
        spent += story.seconds
        if spent > MOST_S:
            break
        passed = story.passes()
        if passed is None:
            return "killed as endless"
        if not passed:
            story.kills += 1
            return "killed"
    return "lives" if stories else "untested"


def lend(files: tuple[str, ...], use: Callable[[list[Story]], None]) -> None:
    """Collect these files' tests and call `use` with them inside the session."""
    parent = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="coldwatch-mutants-", dir=parent) as name:
        folder = Path(name) / "tests"
        plugin = Stories(use, folder)
        arguments = [
            *files, "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--assert=plain", "--tb=line",
            "-o", "timeout=0", f"--basetemp={folder}",
        ]  # fmt: skip
        os.environ.pop("COLDWATCH_TEST_DATABASE", None)
        if code := pytest.main(arguments, plugins=[plugin]):
            raise SystemExit(f"pytest ended with {code!r}")
