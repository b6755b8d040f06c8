"""A process of its own that a measurement asks through a pipe: what it says is a value, or why not."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any, Final

SPAWN: Final = multiprocessing.get_context("spawn")


class ChildError(RuntimeError):
    """The process could not do it; the text says why."""


class Child:
    """A process that answers with a value, or with a string that says what is wrong."""

    def __init__(self, what: str, main: Callable[..., None], *arguments: object) -> None:
        """Start ``main(*arguments, connection)``; ``what`` names it in errors: "the generator"."""
        self._what = what
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=main, args=(*arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, question: object) -> None:
        """Say something to it; return at once."""
        self._pipe.send(question)

    def answer(self, timeout_s: float) -> Any:
        """Wait for its next answer; raise ChildError."""
        try:
            if self._pipe.poll(timeout_s):
                answer = self._pipe.recv()
                if not isinstance(answer, str):
                    return answer
                raise ChildError(answer)
        except EOFError:
            raise ChildError(f"the process of {self._what} ended") from None
        raise ChildError(f"{self._what} took longer than {timeout_s:.0f} s")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join()
