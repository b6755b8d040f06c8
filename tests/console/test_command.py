"""`coldwatch console` as a process: address, end, and what it refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.console.serving import Serving, hub_toml
from tests.console.story import Filled


@pytest.fixture
def settings(story: Filled, tmp_path: Path) -> Path:
    """A settings file whose state directory does not exist yet."""
    return hub_toml(tmp_path / "hub.toml", tmp_path / "state", port=0)


@pytest.fixture
def serving(story: Filled, settings: Path) -> Iterator[Serving]:
    """A running console over nothing."""
    process = Serving(story, settings)
    yield process
    process.close()


def complaint(settings: Path, *arguments: str) -> tuple[int, str]:
    """Run the command that cannot run; return its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "coldwatch", "console", str(settings), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_it_serves_writes_its_address_and_ends(serving: Serving, tmp_path: Path) -> None:
    """Port 0 takes a free one; the address stands in console.url; SIGTERM ends it within 2 s."""
    address = serving.address()
    file = tmp_path / "state" / "console.url"
    assert file.read_text() == address + "\n"
    assert address.startswith("http://127.0.0.1:")
    # the connection stays open, as a browser's does
    with httpx.Client(base_url=address, headers={"accept-language": "en"}) as client:
        response = client.get("/")
        assert response.status_code == 200
        assert "No hub has run here yet" in response.text
        assert "As of <span" in " ".join(response.text.split())
        assert "08:00:0" in response.text  # the clock that it was given
        code, seconds = serving.end()
    assert code == 0
    assert seconds < 2
    assert not file.exists()


def test_the_port_of_the_command_line_goes_before_the_settings(
    story: Filled, settings: Path, free_port: int
) -> None:
    """--port is what it listens on, and on the loopback only."""
    process = Serving(story, settings, "--port", str(free_port))
    assert process.address() == f"http://127.0.0.1:{free_port}/"
    code, _ = process.end()
    assert code == 0


def test_a_port_in_use_is_said_in_one_line(settings: Path) -> None:
    """Who else listens there is left alone."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = complaint(settings, "--port", str(port))
    assert code == 1
    assert said.count("\n") == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in said


@pytest.mark.parametrize("port", ["65536", "-1", "http", "８０"])
def test_a_port_that_is_none(settings: Path, port: str) -> None:
    """A usage error exits 2 with one line."""
    code, said = complaint(settings, f"--port={port}")
    assert code == 2
    assert said.count("\n") == 1
    assert "write a number from 0 to 65535" in said


def test_settings_that_do_not_exist(tmp_path: Path) -> None:
    """The missing file is named."""
    code, said = complaint(tmp_path / "hub.toml")
    assert (code, said.count("\n")) == (2, 1)
    assert str(tmp_path / "hub.toml") in said


def test_a_zone_that_does_not_exist(story: Filled, settings: Path) -> None:
    """A misspelt zone is refused with the site and what to write."""
    text = settings.read_text()
    settings.write_text(text.replace('id = "market"', 'id = "market"\nzone = "Asia/Shanghia"'))
    code, said = complaint(settings)
    assert (code, said.count("\n")) == (2, 1)
    assert 'site market: there is no time zone "Asia/Shanghia"' in said


def test_an_address_beyond_the_loopback_is_refused(settings: Path) -> None:
    """Until there is a log-in nobody else may reach the pages."""
    text = settings.read_text()
    settings.write_text(text.replace("[console]", '[console]\nhost = "0.0.0.0"'))
    code, said = complaint(settings)
    assert code == 2
    assert "host" in said
