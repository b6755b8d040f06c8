"""The agent's figures: off unless asked for, and what they say is what the agent knows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.loopback import fetch
from firmware_agent.agent import Agent
from firmware_agent.metrics import FIGURES, registry_of, serve
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.test_agent import running
from tests.firmware_agent.worlds import SERIES, make_plan
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port

HOUSE = Path(__file__).resolve().parents[2]


def test_they_are_off_and_cost_nothing_unless_asked_for() -> None:
    """Neither the library nor an HTTP server is loaded by an agent that shows no figures."""
    script = (
        "import sys, firmware_agent.agent, firmware_agent.metrics\n"
        "print([name for name in ('prometheus_client', 'http.server') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_settings_turn_them_on(tmp_path: Path) -> None:
    """`[metrics] enabled = true` and the log's form reach the plan; without, there is no port."""
    from firmware_agent.plan import Plan
    from firmware_agent.settings import read_plan
    from tests.coldwatch.test_check import AGENT

    file = tmp_path / "agent.toml"
    file.write_text(AGENT)
    assert read_plan(file).metrics is None
    file.write_text('log = "json"\n' + AGENT + "[metrics]\nenabled = true\n")
    plan = Plan.from_json(read_plan(file).to_json())
    assert plan.metrics == ("127.0.0.1", 9465)
    assert plan.log == "json"


def figure(text: str, name: str) -> float:
    """Return one figure of a page."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"coldwatch_agent_{name} ")]
    return float(line.rpartition(" ")[2])


def test_a_running_agent_shows_what_it_knows(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Samples, records, spool, connection and the age of each probe's newest sample."""
    hub = SmallHub(mosquitto.port).start()
    port = unused_port()
    with running(make_plan(tmp_path, mosquitto.port, metrics=("127.0.0.1", port))):
        wait_for(lambda: hub.stored() >= 3)
        text = fetch(f"http://127.0.0.1:{port}", "/metrics").decode()
    hub.stop()

    assert figure(text, "samples_total") >= 2
    assert figure(text, "records") >= 3
    assert figure(text, "spool_rows") >= 3
    assert figure(text, "spool_bytes") > 4_096
    assert figure(text, "commits_total") >= 1
    assert figure(text, "connected") == 1
    assert figure(text, "problems") == 0
    assert f'newest_sample_age_seconds{{series="{SERIES}"}}' in text
    assert f'read_failures_total{{series="{SERIES}"}} 0.0' in text


def test_every_figure_is_given_and_none_that_is_not_declared(tmp_path: Path) -> None:
    """What the agent reads off has the names that are explained, one for one."""
    agent = Agent(make_plan(tmp_path), SystemClock())
    names = {figure.name.removeprefix("coldwatch_agent_") for figure in FIGURES}

    assert set(agent.figures()) == names
    families = {family.name for family in registry_of(agent.figures).collect()}
    assert {name.removesuffix("_total") for name in names} <= {
        name.removeprefix("coldwatch_agent_") for name in families
    }
    json.dumps(agent.figures())
    agent.uplink.stop()
    agent._keeping.close()


def test_a_taken_port_costs_the_figures_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing about looking in may stop an agent."""
    first = serve("127.0.0.1", 0, dict)
    assert first is not None
    port = int(first.url.rpartition(":")[2])

    assert serve("127.0.0.1", port, dict) is None
    first.close()
    assert [
        record.__dict__.get("event") for record in caplog.records if record.levelname == "WARNING"
    ] == ["metrics-off"]
