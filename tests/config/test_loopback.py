"""The pages on the loopback: only what there is, only for this machine, and they break nothing."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from config.loopback import LoopbackPages, fetch


def fails() -> tuple[str, bytes]:
    """Stand in for a page with a bug."""
    raise ValueError("secret of the inside")


@pytest.fixture
def pages() -> Iterator[LoopbackPages]:
    """Two pages, one of which fails."""
    served = LoopbackPages(
        "127.0.0.1", 0, {"/metrics": lambda: ("text/plain", b"all\n"), "/bad": fails}
    )
    yield served
    served.close()


def asked(pages: LoopbackPages, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of one request."""
    connection = http.client.HTTPConnection(pages.url.removeprefix("http://"), timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_a_page_is_found_by_its_path(pages: LoopbackPages) -> None:
    """A query behind it is nobody's business; another path is told what there is."""
    assert fetch(pages.url, "/metrics?x=1") == b"all\n"
    assert asked(pages, "GET", "/etc/passwd") == (404, b"there is /metrics and /bad\n")
    assert asked(pages, "POST", "/metrics")[0] == 501


def test_another_name_for_this_machine_is_refused(pages: LoopbackPages) -> None:
    """A page elsewhere cannot read along through somebody's browser (DNS rebinding)."""
    assert asked(pages, "GET", "/metrics", Host="evil.example:80")[0] == 403
    assert asked(pages, "GET", "/metrics", Host="localhost:80")[0] == 200


def test_a_page_that_fails_is_logged_and_says_nothing(
    pages: LoopbackPages, caplog: pytest.LogCaptureFixture
) -> None:
    """The asker gets no inside; the next one is answered."""
    status, body = asked(pages, "GET", "/bad")

    assert (status, body) == (500, b"the log says why\n")
    assert "secret of the inside" in caplog.text
    assert fetch(pages.url, "/metrics") == b"all\n"


def test_fetching_says_what_is_wrong(pages: LoopbackPages, monkeypatch: pytest.MonkeyPatch) -> None:
    """No listener, no HTTP, another status: each an OSError; a proxy is never asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(pages.url, "/metrics") == b"all\n"
    with pytest.raises(OSError, match="it answers 404"):
        fetch(pages.url, "/none")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(OSError, match="timed out"):
            fetch(url, "/", timeout_s=0.1)
    with pytest.raises(ConnectionRefusedError):
        fetch(url, "/")


def test_a_port_that_is_taken_is_refused(pages: LoopbackPages) -> None:
    """It raises OSError, and leaves the other one alone."""
    with pytest.raises(OSError, match="in use"):
        LoopbackPages("127.0.0.1", int(pages.url.rpartition(":")[2]), {})
