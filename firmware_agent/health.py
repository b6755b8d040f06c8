"""What is wrong with the agent now, by the part that says so. Any thread may tell or ask."""

from __future__ import annotations

import threading


class Health:
    """The list of problems that goes onto panel and status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._problems: dict[str, str] = {}
        self._version = 0

    def set(self, part: str, problem: str | None) -> bool:
        """Note a part's problem, or that it has none; tell whether that is news."""
        with self._lock:
            if self._problems.get(part) == problem:
                return False
            if problem is None:
                del self._problems[part]
            else:
                self._problems[part] = problem
            self._version += 1
            return True

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        return self._version

    def problems(self) -> tuple[str, ...]:
        """Return all problems, each beginning with its part."""
        with self._lock:
            return tuple(f"{part}: {text}" for part, text in sorted(self._problems.items()))
