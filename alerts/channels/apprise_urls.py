"""The channel `apprise`: groups in DingTalk, WeCom, Feishu, e-mail and whatever else Apprise reaches.

Its addresses hold their secrets, so they stand in a file, one a line. `{phone}` in one is the
person's number without its plus; most reach a group and need none. Apprise only says yes or no, so
a no is tried again; one address that took the message is enough, or the others would get it twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.channels.answers import Answer
from alerts.channels.book import Entry
from alerts.channels.gateway import Report
from alerts.channels.keys import KeyFileError, read_lines
from alerts.channels.web import NoAnswerError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppriseUrls:
    """Asks Apprise.

    Attributes:
        urls_file: Apprise's addresses, one a line.
        timeout_s: how long all of them together may take.
    """

    urls_file: Path
    timeout_s: float = 10.0
    name: str = "apprise"
    reports: bool = False

    def send(self, entry: Entry, now_ms: int) -> Answer:
        """Have a message sent to every address, all at once."""
        del now_ms
        try:
            lines = read_lines(self.urls_file)
        except KeyFileError as error:
            return Answer("failing", str(error))
        phone = entry.phone.removeprefix("+")
        return self._within([line.replace("{phone}", phone) for line in lines], entry.text)

    def ask(self, entry: Entry, now_ms: int) -> Report | None:
        """Know nothing: Apprise has no reports."""
        del entry, now_ms
        return None

    def _within(self, urls: Sequence[str], text: str) -> Answer:
        """Notify each address in a thread of its own; one that took it is enough.

        Apprise's own waits are per try, and some plug-ins try often.
        """
        if not urls:
            return Answer("failing", "urls_file holds no address")
        found: dict[int, Answer] = {}

        def one(number: int, url: str) -> None:
            found[number] = notify(url, text, number)

        workers = [
            threading.Thread(target=one, args=(number, url), daemon=True)
            for number, url in enumerate(urls, start=1)
        ]
        deadline = time.monotonic() + self.timeout_s
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        answers = dict(found)
        for number, answer in sorted(answers.items()):
            if answer.decision != "sent":
                log.warning("apprise=failed number=%d reason=%r", number, answer.reason)
        sent = [answer for answer in answers.values() if answer.decision == "sent"]
        if sent:
            return sent[0]
        if len(answers) < len(urls):
            raise NoAnswerError(f"Apprise did not end within {self.timeout_s:g} s")
        return answers[1]


def notify(url: str, text: str, number: int) -> Answer:
    """Give a text to Apprise; its own words are kept out of ours, for they may hold the address."""
    try:
        import apprise
    except ImportError:
        return Answer("failing", "Apprise is not installed; pip install 'coldwatch[apprise]'")
    try:
        notifier = apprise.Apprise()
        if not notifier.add(url):
            return Answer(
                "failing", f"Apprise knows no such address as number {number} of urls_file"
            )
        done = notifier.notify(body=text)
    except Exception as error:  # noqa: BLE001 - of more than a hundred plug-ins, whatever they raise
        return Answer("retry", f"address {number} failed ({type(error).__name__})")
    return Answer("sent") if done else Answer("retry", f"address {number} did not take it")
