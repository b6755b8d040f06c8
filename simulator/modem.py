"""A fake GSM modem: it speaks the AT commands of a real one on a pseudo-terminal and sends nothing.

    python -m simulator.modem --link /tmp/modem --log messages.jsonl --control /tmp/modem.sock

What gammu-smsd hands it is decoded as a telephone would decode it (GSM 7-bit, UCS-2, messages of
several parts), printed, and appended to a log of one JSON object a line:

    {"at": "2024-07-01T06:05:12.345+00:00", "to": "+86138…", "text": "…", "parts": 1, "coding": "ucs2"}

where `at` is the machine's own time. It refuses, hangs, vanishes and answers on request: the
methods of `Modem`, or a socket (see `simulator.modem_control`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import signal
import threading
import time
import tty
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from simulator.at import SMSC, AnswerLostError, CmsError, Dialog
from simulator.pdu import (
    Coding,
    Submit,
    decode_submit,
    encode_delivers,
    encode_report,
)

Report = Literal["delivered", "failed", "pending", "none"]

_TICK_S = 0.05
_UNSPECIFIED = 500
# A report comes after the telephone has answered; never in the same moment as "sent".
_REPORT_AFTER_S = 1.0
# TP-ST (TS 23.040 9.2.3.15): received; still trying; validity period expired.
_STATUS: Final[dict[Report, int]] = {"delivered": 0x00, "pending": 0x30, "failed": 0x46}


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS as the telephone shows it, its parts put together."""

    at: str
    to: str
    text: str
    parts: int
    coding: Coding


class Modem:
    """The modem and the network behind it; its methods may be called from any thread.

    Attributes:
        messages: what has been sent, whole messages, oldest first.
        submits: every single SMS that was accepted, so that a part sent twice shows.
        unknown: commands that it was asked and does not know.
    """

    def __init__(
        self, link: Path, log: Path | None = None, told: Callable[[Message], None] | None = None
    ) -> None:
        """Prepare a modem whose device will appear at ``link``; ``told`` hears each message."""
        self.messages: list[Message] = []
        self.submits: list[Submit] = []
        self.unknown: list[str] = []
        self._link, self._log, self._told = link, log, told
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modem", daemon=True)
        self._ends: tuple[int, int] | None = None
        self._dialog = Dialog(self)
        self._reference = 0
        self._pending: dict[tuple[str, int, int], dict[int, Submit]] = {}
        self._deaf_until = 0.0
        self._back_at = 0.0
        self._notices: list[bytes] = []
        self._later: list[tuple[float, bytes]] = []
        self._inbound = 0
        self.heal()

    def __enter__(self) -> Self:
        """Open the device and begin to answer."""
        self._appear()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the device and take the link away."""
        self._stopping.set()
        self._thread.join()
        with self._lock:
            self._disappear()

    def refuse(self, count: int = 1, code: int = _UNSPECIFIED, to: str | None = None) -> None:
        """Refuse the next ``count`` messages, or all to numbers that match ``to``."""
        with self._lock:
            if to is None:
                self._refusals += [code] * count
            else:
                self._refused_numbers.append((re.compile(to), code))

    def stall(self, seconds: float) -> None:
        """Hang: what arrives in these seconds is lost, and nothing is answered."""
        with self._lock:
            self._deaf_until = time.monotonic() + seconds

    def swallow(self, count: int = 1) -> None:
        """Send the next messages, but lose the answer: the computer cannot know."""
        with self._lock:
            self._swallow += count

    def vanish(self, seconds: float) -> None:
        """Unplug: the device is gone for these seconds, then it is a new one under the old link."""
        with self._lock:
            self._disappear()
            self._back_at = time.monotonic() + seconds

    def deliver(self, sender: str, text: str, parts: list[int] | None = None) -> None:
        """Let an SMS come in; raise ValueError when it is too long or the card is full.

        A long text comes in several parts: all of them in order, or those of ``parts`` (from 1).
        """
        with self._lock:
            self._inbound = (self._inbound + 1) % 256
            pdus = encode_delivers(sender, text, datetime.now(UTC), SMSC, self._inbound)
            for number in parts or range(1, len(pdus) + 1):
                try:
                    notice = self._dialog.store(pdus[number - 1])
                except CmsError:
                    raise ValueError("the card is full; nobody reads what comes in") from None
                except IndexError:
                    raise ValueError(f"the text has {len(pdus)} parts") from None
                self._notices.append(notice)

    def report(self, status: Report, to: str = "", after: float = _REPORT_AFTER_S) -> None:
        """Let the network report so of messages to numbers that match, where a report is asked for.

        Until told otherwise it reports each as delivered, ``after`` these seconds.
        """
        if status != "none" and status not in _STATUS:
            raise ValueError(f"a status is one of {', '.join(_STATUS)}, none")
        with self._lock:
            self._reports.insert(0, (re.compile(to), status))
            self._report_after_s = after

    def fade(self, signal: int) -> None:
        """Let the signal be of this strength: 0 to 31, or 99 for not known (TS 27.007 8.5)."""
        with self._lock:
            self._dialog.signal = signal

    def service(self, code: str, answer: str) -> None:
        """Let the operator answer a USSD code so."""
        with self._lock:
            self._dialog.services[code] = answer

    def answer(self, to: str, text: str) -> None:
        """Let everybody whose number matches ``to`` answer each message with ``text``."""
        with self._lock:
            self._answers.append((re.compile(to), text))

    def heal(self) -> None:
        """End refusals, swallowing, answers and what was said of reports and signal."""
        with self._lock:
            self._reports: list[tuple[re.Pattern[str], Report]] = []
            self._report_after_s = _REPORT_AFTER_S
            self._dialog.signal = 20
            self._refusals: list[int] = []
            self._refused_numbers: list[tuple[re.Pattern[str], int]] = []
            self._swallow = 0
            self._answers: list[tuple[re.Pattern[str], str]] = []

    def send(self, pdu: bytes) -> int:
        """Take one SMS from the dialog, as the network would."""
        submit = decode_submit(pdu)
        for pattern, code in self._refused_numbers:
            if pattern.search(submit.to):
                raise CmsError(code)
        if self._refusals:
            raise CmsError(self._refusals.pop(0))
        self.submits.append(submit)
        self._reference = (self._reference + 1) % 256
        self._assemble(submit)
        if submit.report:
            self._tell_of(submit, self._reference)
        if self._swallow:
            self._swallow -= 1
            raise AnswerLostError
        return self._reference

    def _tell_of(self, submit: Submit, reference: int) -> None:
        """Have the network's report of a message come in, as the computer has asked for it."""
        said: list[Report] = [said for to, said in self._reports if to.search(submit.to)]
        status: Report = said[0] if said else "delivered"
        if status != "none":
            pdu = encode_report(reference, submit.to, datetime.now(UTC), _STATUS[status], SMSC)
            self._later.append((time.monotonic() + self._report_after_s, pdu))

    def _assemble(self, submit: Submit) -> None:
        """Put a part to its fellows, and tell the message when it is whole."""
        parts = [submit]
        if (place := submit.part) is not None:
            key = (submit.to, place.reference, place.total)
            fellows = self._pending.setdefault(key, {})
            fellows[place.number] = submit
            if len(fellows) < place.total:
                return
            del self._pending[key]
            parts = [fellows[number] for number in sorted(fellows)]
        text = "".join(part.text for part in parts)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        message = Message(at, submit.to, text, len(parts), submit.coding)
        self.messages.append(message)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
        if self._told is not None:
            self._told(message)
        for pattern, answer in self._answers:
            if pattern.search(submit.to):
                self.deliver(submit.to, answer)

    def _appear(self) -> None:
        # Both ends stay open here, so that the device survives the computer's closing it.
        modem, computer = os.openpty()
        tty.setraw(computer)
        os.set_blocking(modem, False)
        self._ends = modem, computer
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(computer))
        before, self._dialog = self._dialog, Dialog(self, self._dialog.card)
        self._dialog.signal, self._dialog.services = before.signal, before.services

    def _disappear(self) -> None:
        if self._ends is not None:
            self._link.unlink(missing_ok=True)
            for end in self._ends:
                os.close(end)
            self._ends = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                if self._ends is None and time.monotonic() >= self._back_at:
                    self._appear()
                ends = self._ends
            if ends is None:
                self._stopping.wait(_TICK_S)
                continue
            try:
                ready = select.select([ends[0]], [], [], _TICK_S)[0]
            except OSError:  # it vanished in this very moment
                continue
            with self._lock:
                if self._ends is ends:
                    self._exchange(ends[0], readable=bool(ready))

    def _exchange(self, end: int, *, readable: bool) -> None:
        """Read what the computer wrote, if anything, and write what the modem has to say."""
        data = os.read(end, 4096) if readable else b""
        if time.monotonic() < self._deaf_until:
            return
        said = self._dialog.feed(data)
        self.unknown += [line for line in self._dialog.unknown if line not in self.unknown]
        due = [item for item in self._later if item[0] <= time.monotonic()]
        self._later = [item for item in self._later if item not in due]
        self._notices += [self._dialog.report(pdu) for _, pdu in due]
        if self._notices and not said:
            said = b"".join(self._notices)
            self._notices.clear()
        if said:
            # Nobody reads and the line is full: lost, as on a real one.
            with suppress(BlockingIOError):
                os.write(end, said)


def _show(message: Message) -> None:
    count = "" if message.parts == 1 else f" ({message.parts} parts)"
    print(f"SMS to {message.to}{count}: {message.text}", flush=True)


def main() -> int:
    """Run the modem until SIGTERM or SIGINT."""
    from simulator.modem_control import Control

    parser = argparse.ArgumentParser(prog="python -m simulator.modem", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--link", type=Path, required=True, help="where the device appears")
    parser.add_argument("--log", type=Path, help="file to append each message to, JSON lines")
    parser.add_argument("--control", type=Path, help="Unix socket to listen on for faults")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        modem = stack.enter_context(Modem(arguments.link, arguments.log, _show))
        if arguments.control is not None:
            stack.enter_context(Control(modem, arguments.control))
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
