"""What is sent next, case by case; test_link.py has all of it together."""

from __future__ import annotations

from itertools import pairwise

import pytest

from firmware_agent.window import LAST_TRIES, MAX_RECORDS, NEVER_TAKEN, TRIES, Range, Window

RESEND = 1_000


def window(judged: int = 0, stored: int | None = None, size: int = 2_000) -> Window:
    """Return a window at these marks."""
    return Window(judged, judged if stored is None else stored, size, RESEND)


def drain_all(of: Window, head: int, now: int = 0, dropped: int = 0) -> list[Range]:
    """Send all that may be sent now."""
    sent = []
    while (what := of.propose(head, dropped)) is not None:
        of.sent(what, now)
        sent.append(what)
        assert len(sent) < 1_000, "it never has enough"
    return sent


def drain(of: Window, head: int, now: int = 0, dropped: int = 0) -> list[tuple[int, int]]:
    """The same, told as first and last."""
    return [(what.first, what.last) for what in drain_all(of, head, now, dropped)]


def give_up(of: Window, head: int) -> int:
    """Refuse the next record until a gap is declared for it; return the time then."""
    now = 0
    for _ in range(100):
        sent = drain_all(of, head, now)
        if sent[-1].kind == "gap":
            seq = of.judged + 1
            assert sent[-2:] == [
                Range("records", seq, seq, False), Range("gap", seq, seq, False, NEVER_TAKEN),
            ]  # fmt: skip
            return now
        now += RESEND
        assert of.tick(now), "the hub must be asked"
        of.marks(of.judged, of.stored, now)
    raise AssertionError("it never gives up")


def test_a_window_goes_ahead_in_messages_of_500() -> None:
    """Not more than the window beyond `judged`; more as soon as that moves."""
    w = window()
    assert drain(w, 10_000) == [(1, 500), (501, 1_000), (1_001, 1_500), (1_501, 2_000)]
    w.marks(700, 700, 1)
    assert drain(w, 10_000) == [(2_001, 2_500), (2_501, 2_700)]


def test_new_records_go_at_once() -> None:
    """Nothing is collected: one record is one message."""
    w = window()
    assert drain(w, 1) == [(1, 1)]
    assert drain(w, 2) == [(2, 2)]


def test_when_nothing_moves_the_hub_is_asked_and_all_comes_again() -> None:
    """After the resend interval, not before."""
    w = window()
    drain(w, 700)
    assert not w.tick(RESEND - 1)
    assert w.due_ms() == RESEND
    assert w.tick(RESEND)
    assert drain(w, 700, RESEND) == [(1, 500), (501, 700)]


def test_a_hub_that_does_not_answer_is_tried_ever_less() -> None:
    """With one message, not with the window; and no record is ever given up for its silence."""
    w = window()
    now, times = 0, []
    for _ in range(40_000):
        sent = drain(w, 1_500, now)
        assert sent in ([], [(1, 500)]) or now <= RESEND
        now += 100
        if w.tick(now):
            times.append(now)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[:6] == [1_000, 2_000, 4_000, 8_000, 16_000, 16_000]
    assert not w.stuck
    # It speaks again: everything comes at once.
    w.marks(0, 0, now)
    assert drain(w, 1_500, now) == [(1, 500), (501, 1_000), (1_001, 1_500)]


def test_a_window_that_never_passes_is_halved_down_to_one_record() -> None:
    """Record 700 cannot be read by the hub; the others can."""
    w = window()
    now, gaps = 0, []
    for _ in range(200):
        moved = w.judged
        for what in drain_all(w, 1_500, now):
            readable = what.kind == "gap" or not what.first <= 700 <= what.last
            if what.first == moved + 1 and readable:
                moved = what.last
                gaps += [what] if what.kind == "gap" else []
        if moved > w.judged:
            w.marks(moved, moved, now)
        elif moved == 1_500:
            break
        else:
            now += RESEND
            assert w.tick(now)
            w.marks(w.judged, w.stored, now)
    assert gaps == [Range("gap", 700, 700, False, NEVER_TAKEN)]
    assert not w.stuck
    # Behind it all is as before.
    assert drain(w, 2_500, now) == [(1_501, 2_000), (2_001, 2_500)]


def test_a_single_record_is_tried_many_times_before_it_is_given_up() -> None:
    """A gap is a loss: the hub must have refused it again and again, and may still take it."""
    w = window()
    assert give_up(w, 1) >= LAST_TRIES * RESEND > TRIES * RESEND
    assert drain_all(w, 1) == []


def test_a_given_up_record_goes_again_in_front_of_its_gap() -> None:
    """Each time: what stood in its way may be gone, and then the gap joins nothing."""
    w = window()
    now = give_up(w, 3)
    w.reconnected()
    both = [Range("records", 1, 1, False), Range("gap", 1, 1, False, NEVER_TAKEN)]
    assert drain_all(w, 3, now)[:2] == both
    w.marks(1, 1, now)
    assert drain(w, 3, now) == [(2, 3)]
    w.marks(0, 0, now)
    assert drain_all(w, 3, now) == [*both, Range("records", 2, 3, False)]


def test_a_restored_hub_gets_at_once_what_it_has_lost() -> None:
    """`received` falls back, and no timer is waited for."""
    w = window(5_000)
    drain(w, 5_000)
    w.marks(4_000, 4_000, 10)
    assert drain(w, 5_000, 10) == [(4_001, 4_500), (4_501, 5_000)]


def test_what_is_no_longer_kept_is_declared() -> None:
    """The gap ends where the spool begins, and the records follow."""
    w = window(5_000)
    w.marks(1_000, 1_000, 0)
    assert w.propose(5_000, 4_000) == Range("gap", 1_001, 4_000, False, "no longer kept")
    assert drain(w, 5_000, dropped=4_000) == [(1_001, 4_000)], "the window is full of it"
    w.marks(4_000, 4_000, 0)
    assert drain(w, 5_000, dropped=4_000) == [(4_001, 4_500), (4_501, 5_000)]


def test_a_new_connection_begins_at_the_marks() -> None:
    """What was under way on the old one may be lost, and is not waited for."""
    w = window()
    drain(w, 300)
    w.reconnected()
    assert drain(w, 300) == [(1, 300)]


class TestBack:
    """The hub judges, but does not store."""

    def test_it_is_left_alone_at_first(self) -> None:
        """Storing may simply be a little behind judging."""
        w = window()
        drain(w, 500)
        w.marks(500, 0, 0)
        assert drain(w, 500) == []
        w.tick(RESEND - 1)
        assert drain(w, 500) == []

    def test_one_message_probes_in_growing_intervals(self) -> None:
        """New records go on ahead meanwhile."""
        w = window()
        drain(w, 2_000)
        w.marks(2_000, 0, 0)
        now, times = 0, []
        for _ in range(1_000):
            now += 100
            w.tick(now)
            sent = drain(w, 2_000, now)
            if sent:
                assert sent == [(1, MAX_RECORDS)]
                times.append(now)
        pauses = [after - before for before, after in pairwise(times)]
        assert [times[0], *pauses[:5]] == [1_000, 2_000, 4_000, 8_000, 16_000, 16_000]
        assert drain(w, 2_100, now) == [(2_001, 2_100)]

    def test_once_it_stores_again_all_follows(self) -> None:
        """A window at a time, beside what is new."""
        w = window()
        for judged in (2_000, 4_000, 6_000):
            drain(w, judged)
            w.marks(judged, 0, 0)
        w.tick(RESEND)
        assert drain(w, 6_000) == [(1, 500)]
        w.marks(6_000, 500, RESEND)
        assert drain(w, 6_100) == [(6_001, 6_100), (501, 1_000), (1_001, 1_500), (1_501, 2_000),
                                   (2_001, 2_500)]  # fmt: skip
        w.marks(6_100, 2_500, RESEND)
        assert drain(w, 6_100)[-1] == (4_001, 4_500)
        w.marks(6_100, 6_100, RESEND)
        assert drain(w, 6_100) == []
        assert w.due_ms() is None

    def test_a_record_that_never_passed_is_a_gap_here_as_well(self) -> None:
        """Judging went past it by a gap; storing must do the same."""
        w = window()
        now = give_up(w, 3)
        w.marks(1, 0, now)
        assert drain(w, 3, now) == [(2, 3)]
        w.marks(3, 0, now)
        w.tick(now + RESEND)
        assert drain_all(w, 3) == [
            Range("records", 1, 1, True), Range("gap", 1, 1, True, NEVER_TAKEN),
            Range("records", 2, 3, True),
        ]  # fmt: skip

    @pytest.mark.parametrize("stored", [0, 3])
    def test_a_history_older_than_the_spool_gets_a_gap(self, stored: int) -> None:
        """The hub was restored from two backups of different age."""
        w = window(20)
        w.marks(20, stored, 0)
        w.tick(RESEND)
        assert w.propose(20, 10) == Range("gap", stored + 1, 10, True, "no longer kept")
