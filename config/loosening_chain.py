"""What counts as loosening of a chain of people: fewer are told by some time, or less often again.

Who they are is the site's matter: somebody leaves, and another comes. Who has a duty when, too:
`coldwatch check --explain` says when nobody has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Told(NamedTuple):
    """A step: how long behind the opening, whom, and how often again; milliseconds, None: once."""

    after: int
    to: tuple[str, ...]
    repeat: int | None = None


def later(before: Sequence[Told], after: Sequence[Told]) -> list[str]:
    """Say in which ways people are told later, or fewer of them, or less often; [] for none."""
    found = []
    for step in before:
        was, now = _told_by(before, step.after), _told_by(after, step.after)
        if now < was:
            found.append(f"{_span(step.after)} behind the opening {now} are told instead of {was}")
        often, rarely = _again(before, step.after), _again(after, step.after)
        # Who is told later is said already.
        if now >= was and often is not None and (rarely is None or rarely > often):
            again = "no more" if rarely is None else f"every {_span(rarely)}"
            found.append(f"they are told again {again} instead of every {_span(often)}")
    return list(dict.fromkeys(found))


def _told_by(steps: Sequence[Told], at: int) -> int:
    return len({name for step in steps if step.after <= at for name in step.to})


def _again(steps: Sequence[Told], at: int) -> int | None:
    """Return how often somebody is told again who was told by then."""
    given = [step.repeat for step in steps if step.after <= at and step.repeat is not None]
    return min(given, default=None)


def _span(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes} min" if not seconds else f"{60 * minutes + seconds} s"
