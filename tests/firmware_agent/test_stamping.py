"""When a stamp is final, and what it says."""

from __future__ import annotations

from config.kernel_clock import kernel_clock_synchronised
from firmware_agent.stamping import ESTIMATE_AFTER_MS, Place, Stamp, Stamper, no_earlier

BOOT = "b" * 32


def test_a_synchronised_clock_is_final_at_once() -> None:
    """`at` is the wall clock of the sample's own monotonic time."""
    stamp = Stamper(lambda: True).look(1_000_000, 400_000, connected=False)
    assert stamp == Stamp(600_000, synced=True, final=True)
    assert stamp.at(None, BOOT, 399_000) == 999_000
    assert stamp.clock == "synced"


def test_an_unsynchronised_clock_is_final_after_ten_minutes_of_connection() -> None:
    """Only time with a connection counts, and it may come in pieces."""
    stamper = Stamper(lambda: False)
    mono = 0
    finals = []
    for connected in [True] * 30 + [False] * 100 + [True] * 40:
        mono += 10_000
        finals.append(stamper.look(mono, mono, connected=connected).final)
    first = finals.index(True)
    assert 130 < first
    connected_s = (29 + first - 129) * 10
    assert connected_s == ESTIMATE_AFTER_MS // 1000
    assert stamper.look(mono, mono, connected=False).clock == "estimated"


def test_a_clock_that_becomes_right_is_believed_at_once() -> None:
    """And the ten minutes begin anew when it is lost again."""
    answers = iter([False, True, False])
    stamper = Stamper(lambda: next(answers))
    assert not stamper.look(0, 0, connected=True).final
    assert stamper.look(1, ESTIMATE_AFTER_MS, connected=True).synced
    assert not stamper.look(2, ESTIMATE_AFTER_MS + 1, connected=True).final


def test_a_guess_never_lies_before_the_record_in_front_of_it() -> None:
    """A Pi that woke up in 1970 made its records after those of the boot before."""
    before = Place(1_700_000_000_000, "a" * 32, 9_000)
    woken = Stamp(0, synced=False, final=True)
    assert woken.at(before, BOOT, 5_000) == before.at + 1
    first = Place(before.at + 1, BOOT, 5_000)
    assert woken.at(first, BOOT, 65_000) == first.at + 60_000
    assert no_earlier(None, Place(-5, BOOT, 1)) == 0


def test_a_record_of_an_earlier_boot_was_made_before_this_one_began() -> None:
    """A clock that ran ahead then is cut back once the time is known."""
    ahead = Place(5_000_000, "a" * 32, 100)
    assert Stamp(2_000_000, synced=True, final=True).at_of_earlier_boot(None, ahead) == 2_000_000
    assert Stamp(2_000_000, synced=False, final=False).at_of_earlier_boot(None, ahead) == 5_000_000


def test_the_kernel_can_be_asked() -> None:
    """The answer is a plain truth value and agrees with the kernel's own state file, if any."""
    import ctypes
    import os

    answer = kernel_clock_synchronised()
    assert isinstance(answer, bool)
    # ntp_gettime(3) reports the same state by another way.
    buffer = ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.ntp_gettime(buffer)
    assert state != -1, os.strerror(ctypes.get_errno())
    assert answer == (state != 5)
