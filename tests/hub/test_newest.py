"""The newest value for a message: from intake, and only else from a history that may be away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from history.port import HistoryUnavailableError
from history.sqlite import SqliteHistory
from hub.newest import Newest
from tests.history.model import SERIES, SITES, STREAMS, reading, record


class Away:
    """A history that must not be asked, or does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    def last_before(self, *_: Any) -> None:
        """Fail."""
        self.asked += 1
        raise HistoryUnavailableError("away")


def test_what_was_judged_needs_no_history() -> None:
    """A series that intake has seen is answered without a question; another one has no value then."""
    away = Away()
    newest = Newest(away)  # type: ignore[arg-type]
    newest.see("van", SERIES[0], 20, 9_500)
    newest.see("van", SERIES[0], 10, 5_000)

    assert newest.value("van", SERIES[0], 30) == 9_500
    assert away.asked == 0
    assert newest.value("van", SERIES[1], 30) is None
    assert away.asked == 1


def test_before_anything_came_the_history_says_it(tmp_path: Path) -> None:
    """After a restart, and for a time before the newest reading, the history is asked."""
    history = SqliteHistory(tmp_path / "history.db")
    history.append([record(STREAMS[0], reading(seq, seq * 10, seq)) for seq in (1, 2, 3)])
    newest = Newest(history)

    assert newest.value(SITES[0], SERIES[0], 30) == 3
    newest.see(SITES[0], SERIES[0], 40, 4)
    assert newest.value(SITES[0], SERIES[0], 20) == 2
    history.close()


def test_the_lowest_and_the_highest_of_a_time(tmp_path: Path) -> None:
    """For the daily message; nothing where there was no reading, or where the history is away."""
    history = SqliteHistory(tmp_path / "history.db")
    values = {10: 5_000, 20: 2_900, 30: 6_100, 40: 9_000}
    history.append(
        [
            record(STREAMS[0], reading(seq, at, value))
            for seq, (at, value) in enumerate(values.items(), 1)
        ]
    )
    newest = Newest(history)

    assert newest.span(SITES[0], SERIES[0], 10, 31) == (2_900, 6_100)
    assert newest.span(SITES[0], SERIES[0], 41, 60) is None
    assert newest.span("nowhere", SERIES[0], 10, 31) is None
    history.close()

    class Gone(Away):
        def envelope(self, *_: Any, **__: Any) -> None:
            raise HistoryUnavailableError("away")

    assert Newest(Gone()).span(SITES[0], SERIES[0], 10, 31) is None  # type: ignore[arg-type]


def test_the_reading_has_its_time(tmp_path: Path) -> None:
    """Whoever shows a value can say how old it is."""
    history = SqliteHistory(tmp_path / "history.db")
    history.append([record(STREAMS[0], reading(1, 10, 5_000))])
    newest = Newest(history)

    assert newest.reading(SITES[0], SERIES[0], 30) == (10, 5_000)
    newest.see(SITES[0], SERIES[0], 20, 5_100)
    assert newest.reading(SITES[0], SERIES[0], 30) == (20, 5_100)
    history.close()
