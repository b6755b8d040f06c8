"""The channel `apprise`, by the real Apprise: its addresses are secrets, and it only says yes or no."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from alerts.channels.apprise_urls import AppriseUrls
from alerts.channels.book import Entry
from alerts.channels.web import NoAnswerError
from simulator.sms_gateway import SmsGateway

# Apprise 2.3 looks for a module that Python 3.13 takes away.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")

TEXT = "东门接种点 1号冰箱 9.2℃ 过高"
ENTRY = Entry("k", "+8613800000001", TEXT, {}, 0)


@pytest.fixture
def server() -> Iterator[SmsGateway]:
    """Where Apprise's `json://` writes to."""
    with SmsGateway() as gateway:
        yield gateway


class Urls:
    """A channel and the file of its addresses."""

    def __init__(self, file: Path, server: SmsGateway) -> None:
        self.file, self.host = file, urlsplit(server.url).netloc
        self.channel = AppriseUrls(file, timeout_s=5.0)

    def write(self, *paths: str) -> None:
        """Have these addresses in the file."""
        lines = [f"json://{self.host}/notify/{path}" for path in paths]
        self.file.write_text("\n".join(["# groups", *lines, ""]))


@pytest.fixture
def urls(tmp_path: Path, server: SmsGateway) -> Urls:
    """A channel without any address yet."""
    return Urls(tmp_path / "urls", server)


def test_every_address_gets_it(urls: Urls, server: SmsGateway) -> None:
    """Letter for letter, each once; the person's number goes where the address wants it."""
    urls.write("group", "to-{phone}")

    assert urls.channel.send(ENTRY, 0).decision == "sent"
    assert sorted(one.key for one in server.taken) == ["/notify/group", "/notify/to-8613800000001"]
    assert {tuple(one.params) for one in server.taken} == {(TEXT,)}


def test_one_is_enough(urls: Urls, server: SmsGateway, caplog: pytest.LogCaptureFixture) -> None:
    """Trying again would tell the others twice; which one failed is logged, by its number."""
    urls.write("one", "two")
    server.refuse("500")

    assert urls.channel.send(ENTRY, 0).decision == "sent"
    assert len(server.taken) == 1
    assert "apprise=failed number=" in caplog.text
    assert "/notify/" not in "".join(
        r.getMessage() for r in caplog.records if r.name[:6] == "alerts"
    )


def test_no_is_tried_again(urls: Urls, server: SmsGateway) -> None:
    """Apprise does not say why."""
    urls.write("one")
    server.refuse("403")

    answer = urls.channel.send(ENTRY, 0)

    assert answer.decision == "retry"
    assert answer.reason == "address 1 did not take it"


def test_nobody_knows(urls: Urls, server: SmsGateway) -> None:
    """One that does not end in time may have been sent."""
    urls.write("one")
    urls.channel = AppriseUrls(urls.file, timeout_s=0.2)
    server.stall(2)
    began = time.monotonic()

    with pytest.raises(NoAnswerError):
        urls.channel.send(ENTRY, 0)
    assert time.monotonic() - began < 1.5
    assert urls.channel.ask(ENTRY, 0) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# none yet\n", "holds no address"),
        ("nonsense://secret-token\n", "knows no such address as number 1"),
        (None, "does not exist; write the secret there"),
    ],
)
def test_out_of_order(urls: Urls, content: str | None, words: str) -> None:
    """What a person must put right is told without the address."""
    if content is not None:
        urls.file.write_text(content)

    answer = urls.channel.send(ENTRY, 0)

    assert answer.decision == "failing"
    assert words in answer.reason
    assert "secret-token" not in answer.reason


def test_without_apprise(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra of its own, and what to type is told."""
    urls.write("one")
    monkeypatch.setitem(sys.modules, "apprise", None)

    answer = urls.channel.send(ENTRY, 0)

    assert answer.decision == "failing"
    assert "pip install 'coldwatch[apprise]'" in answer.reason
