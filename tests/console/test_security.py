"""What stands before the pages: hosts, headers, refusals, and that nothing is ever written."""

from __future__ import annotations

import re

import pytest

from console.security import HEADERS, POLICY
from tests.console.client import Client, Reader
from tests.console.test_language import API, PAGES

EVERYTHING = [*PAGES, *API, "/live", "/nowhere", "/api/nowhere", "/api/openapi.json"]


@pytest.mark.parametrize("path", [*EVERYTHING, "/static/console.css", "/static/nothing.css"])
def test_every_answer_bears_the_headers(console: Client, path: str) -> None:
    """Pages, API, files and refusals: all have policy and headers, and nothing is kept."""
    response = console.get(path)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    assert response.headers["cache-control"] == "no-store"


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    """Scripts and styles come from here, and from nowhere else."""
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self';")


@pytest.mark.parametrize("path", PAGES)
def test_pages_keep_to_the_policy(console: Client, path: str) -> None:
    """No inline script, style or handler, and every address is our own."""
    page = console.page(path)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    for _, name, value in Reader.of(page).attributes:
        assert name != "style"
        assert not name.startswith(("on", "hx-on"))
        if name in {"src", "href", "action", "data-source", "hx-get"}:
            assert re.match(r"(/(?!/)|\?|#)", value), value


def test_a_file_with_its_hash_is_kept_for_a_year(console: Client) -> None:
    """Addresses in pages bear the hash of the file, so they may be kept."""
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', console.page("/"))
    assert len(addresses) == 4
    for address in addresses:
        response = console.get(address)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_its_own_names_are_answered(console: Client, host: str) -> None:
    """The loopback is called by these names."""
    assert console.get("/", host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.7:8080", ""])
def test_other_names_are_refused(console: Client, host: str) -> None:
    """A page elsewhere that points its own name at the loopback reads nothing."""
    response = console.get("/", host=host)
    assert response.status_code == 400
    assert "coldwatch" not in response.text
    assert response.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    ("path", "status", "line"),
    [
        (
            "/assets/east-gate/fridge-1/history?range=5d",
            400,
            "range=5d: write 6h, 24h, 7d, 30d, 90d.",
        ),
        ("/assets/east-gate/fridge-1/history?end=soon", 400, "end=soon: write a whole number."),
        ("/assets/east-gate/fridge-1/history?end=5", 400, "end=5: write 946684800000 or more."),
        ("/assets/east-gate/fridge-1/history?end=" + "9" * 15, 400, "write 7258118400000 or less."),
        ("/assets/east-gate/fridge-1/history?width=3", 400, "width=3: write 50 or more."),
        ("/assets/east-gate/fridge-1/history?width=9999", 400, "width=9999: write 4000 or less."),
        ("/assets/east-gate/fridge-9", 404, "There is no asset east-gate/fridge-9;"),
        ("/assets/" + "x" * 99 + "/y", 400, "site is too long; write at most 63 characters."),
        ("/excursions?page=0", 400, "page=0: write 1 or more."),
        ("/excursions?page=201", 400, "page=201: write 200 or less."),
        ("/excursions?open=maybe", 400, "open=maybe: write 1 or 0."),
        ("/excursions?site=moon", 404, "There is no site moon;"),
        ("/sms?page=1.5", 400, "page=1.5: write a whole number."),
        ("/batches/journey?id=none", 404, "There is no batch none;"),
        ("/batches/journey", 400, "id is missing; add it to the address."),
        ("/nowhere", 404, "There is no page /api/nowhere;"),
    ],
)
def test_a_wrong_address_gets_one_clear_line(
    console: Client, path: str, status: int, line: str
) -> None:
    """The API says what is wrong, where, and what to write."""
    response = console.get(f"/api{path}")
    assert response.status_code == status
    assert line in response.json()["detail"]
    assert "\n" not in response.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/?lang=fr",
        "/assets/east-gate/fridge-1?range=5d",
        "/assets/east-gate/fridge-1?end=5",
        "/excursions?page=x",
        "/excursions?open=maybe",
        "/batch",
        "/live?seen=" + "x" * 99,
    ],
)
def test_a_page_refuses_like_the_api(console: Client, path: str) -> None:
    """A person sees one line and the way back, with a status of 4xx."""
    response = console.get(path)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")
    assert '<a href="/">To the overview</a>' in response.text


def test_what_is_refused_is_not_run(console: Client) -> None:
    """A parameter that is a script comes back as text."""
    page = console.get("/sms?page=<script>alert(1)</script>")
    assert page.status_code == 400
    assert "<script>alert" not in page.text
    assert "page=&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_only_alarms_and_planned_work_can_be_changed(console: Client) -> None:
    """The API has no other method than GET but for answering, explaining and planning."""
    paths = console.json("/api/openapi.json")["paths"]
    assert {path for path, methods in paths.items() if set(methods) != {"get"}} == {
        "/api/v1/alarms/{id}/answer",
        "/api/v1/alarms/{id}/explain",
        "/api/v1/work",
        "/api/v1/work/{id}/end",
    }
    assert {method for path in paths.values() for method in path} == {"get", "post"}
