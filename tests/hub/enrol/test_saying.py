"""What a person is told to write next, on the Pi."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from coldwatch.enroll import device
from tests.hub.enrol.test_endpoint import Hub

AGENT = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
driver = {{ kind = "simulated" }}
"""


def test_who_has_joined_is_told_where_the_broker_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sample's broker is 127.0.0.1: without the host the Pi would ask itself for ever."""
    hub = Hub(tmp_path)
    try:
        file = tmp_path / "agent.toml"
        file.write_text(AGENT.format(state=tmp_path / "pi"))
        code, _ = hub.office.new_code("pi-1", None, "li")
        at = f"127.0.0.1:{hub.endpoint.port}"
        args = argparse.Namespace(action="join", settings=file, hub=at, code=str(code))
        assert device.run(args) == 0
    finally:
        hub.close()
    said = capsys.readouterr().out
    assert f'below [mqtt] in {file}: host = "127.0.0.1", port = 8883 and tls = {{}}' in said
