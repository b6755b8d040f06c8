"""docs/grafana: every dashboard and the task fit the schema in InfluxDB and the hub's figures."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from history.influx_lines import FIELDS, MEASUREMENT, SUSPECT, TAGS, Lines
from history.port import StoredRecord
from hub.metrics import FIGURES
from tests.support.influxd import Influxd

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "grafana"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
TASK = FOLDER / "rollup-15m.flux"
START = 1_763_856_000_000


def dashboard(path: Path) -> dict[str, Any]:
    """Return a dashboard as Grafana would load it."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def targets(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every query of a dashboard with its panel's title."""
    for panel in dashboard(path)["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


INFLUXQL = [
    *(target["query"] for path in DASHBOARDS for _, target in targets(path) if "query" in target),
    *(
        each["query"]
        for path in DASHBOARDS
        for each in dashboard(path)["templating"]["list"]
        if each["type"] == "query"
    ),
]
PROMQL = [target["expr"] for path in DASHBOARDS for _, target in targets(path) if "expr" in target]


def asked(query: str) -> str:
    """Return a query as Grafana sends it, its variables replaced: everything of one day."""
    for name, value in (
        ("$timeFilter", f"time >= {START}ms AND time < {START + 86_400_000}ms"),
        ("$__interval", "10m"),
        ("$site", ".*"),
        ("$asset", "(fridge-1|fridge-2)"),
        ("now() - 90d", f"{START - 1}ms"),
    ):
        query = query.replace(name, value)
    return query


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_has_what_grafana_needs(path: Path) -> None:
    """Title, uid, panels that do not overlap, and a data source that is chosen and not built in."""
    loaded = dashboard(path)
    sources = {
        each["name"] for each in loaded["templating"]["list"] if each["type"] == "datasource"
    }

    assert loaded["uid"].startswith("coldwatch-")
    assert "id" not in loaded
    assert loaded["schemaVersion"] >= 39
    cells: set[tuple[int, int]] = set()
    for panel in loaded["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])}  # fmt: skip
        assert not mine & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= mine
        assert panel["targets"], panel["title"]
        for each in (panel, *panel["targets"]):
            assert each["datasource"]["uid"].strip("${}") in sources
    numbers = [panel["id"] for panel in loaded["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("query", INFLUXQL)
def test_a_query_names_only_what_the_schema_has(query: str) -> None:
    """Measurement, tags and fields are those that the hub writes."""
    assert re.findall(r'FROM "([^"]+)"', query) == [MEASUREMENT]
    names = set(re.findall(r'"([^"]+)"', query)) - {MEASUREMENT}
    assert names <= {*TAGS, *FIELDS}
    # Thousandths are no degrees.
    for function, field in re.findall(r'(\w+)\("(value|raw|rejected_value)"\)(?! / 1000)', query):
        pytest.fail(f"{function}({field}) is in thousandths; write / 1000")


@pytest.mark.parametrize("expression", PROMQL)
def test_an_expression_names_only_the_hubs_figures(expression: str) -> None:
    """Each metric is one that the hub has, a histogram by its buckets."""
    known = {figure.name for figure in FIGURES} | {
        f"{figure.name}_bucket" for figure in FIGURES if figure.kind == "histogram"
    }
    found = set(re.findall(r"coldwatch_hub_\w+", expression))
    assert found
    assert found <= known


def test_every_figure_of_the_intake_is_on_the_dashboard() -> None:
    """Nobody counts what nobody sees; when it began and since when are for alerts."""
    shown = set(re.findall(r"coldwatch_hub_\w+", " ".join(PROMQL)))
    hidden = {"coldwatch_hub_started_timestamp_seconds", "coldwatch_hub_streams"}
    expected = {
        figure.name + ("_bucket" if figure.kind == "histogram" else "")
        for figure in FIGURES
        if not figure.name.endswith("_timestamp_seconds")
    }
    assert expected - hidden <= shown


def test_the_task_names_only_what_the_schema_has() -> None:
    """The Flux file filters by measurement, tags and fields that the hub writes."""
    text = TASK.read_text(encoding="utf-8")

    assert set(re.findall(r'r\._measurement == "([^"]+)"', text)) == {MEASUREMENT}
    assert set(re.findall(r'r\._field == "([^"]+)"', text)) <= set(FIELDS)
    tags = {
        name
        for names in re.findall(r"olumns: \[([^\]]+)\]", text)
        for name in re.findall(r'"(\w+)"', names)
    }
    assert tags <= set(TAGS)
    assert set(re.findall(r"r\.([a-z]\w*)", text)) <= set(TAGS)


def test_the_readme_names_versions_and_every_file() -> None:
    """Whoever loads them learns which server they are for, and never `latest`."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert "influxdb:2.9.1" in readme
    assert ":latest" not in readme
    for path in FOLDER.iterdir():
        assert path.name == "README.md" or path.name in readme


# --- against a real server ---


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """A server with the bucket `coldwatch`, eight readings in it, and an empty bucket for the task."""
    influxd = Influxd(tmp_path_factory.mktemp("influxd"))
    influxd.start()
    org = get(influxd, "/api/v2/orgs")["orgs"][0]["id"]
    for bucket in ("coldwatch", "coldwatch_15m"):
        influxd.post("/api/v2/buckets", {"orgID": org, "name": bucket})
    influxd.post(
        f"/api/v2/write?org={influxd.org}&bucket=coldwatch&precision=ns", "\n".join(points())
    )
    yield influxd
    influxd.stop()


def points() -> list[str]:
    """Return the lines of a small day: two fridges, a door, mains, one suspect and one rejected."""
    rows: list[tuple[str, int | None, str]] = [
        ("fridge-1/center/temperature", 1_950, "ok"),
        ("fridge-1/center/temperature", 8_050, "suspect:jump"),
        ("fridge-1/center/temperature", 85_000, "rejected:power-on"),
        ("fridge-2/center/temperature", 5_000, "ok"),
        ("fridge-1/door/open", 1_000, "ok"),
        ("fridge-1/door/open", 0, "ok"),
        ("fridge-1/mains/present", 1_000, "ok"),
        ("fridge-1/mains/present", 0, "ok"),
    ]
    lines = Lines()
    spelt = []
    for seq, (series, value, quality) in enumerate(rows, 1):
        body = {
            "kind": "reading", "seq": seq, "at": START + seq * 1_000, "boot": "b", "mono_ms": seq,
            "series": series, "value": value, "quality": quality, "clock": "synced",
        }  # fmt: skip
        spelt.append(lines.spell(StoredRecord("east-gate", "a" * 32, body, START)))
    return spelt


def get(influxd: Influxd, path: str) -> Any:
    """Return the JSON of a GET."""
    request = urllib.request.Request(
        influxd.url + path, headers={"Authorization": f"Token {influxd.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def rows(server: Influxd, query: str) -> list[dict[str, Any]]:
    """Return the series that an InfluxQL query gives."""
    answer = get(server, f"/query?{urlencode({'db': 'coldwatch', 'q': query})}")
    (result,) = answer["results"]
    assert "error" not in result, result
    return list(result.get("series", []))


@pytest.mark.parametrize("query", INFLUXQL)
def test_every_query_finds_something_on_a_real_server(server: Influxd, query: str) -> None:
    """InfluxQL is understood, and each panel and variable shows the points that are there."""
    assert rows(server, asked(query)) != []


def test_temperatures_are_degrees_and_no_rejected_one_is_drawn(server: Influxd) -> None:
    """The chart's lowest and highest are 1.95 and 8.05 degC; the power-on 85 is not among them."""
    low, high = [target["query"] for _, target in targets(FOLDER / "fridges.json")][:2]

    def values(query: str) -> list[float]:
        return [row[1] for each in rows(server, asked(query)) for row in each["values"]]

    assert min(values(low)) == 1.95
    assert max(values(high)) == 8.05


def test_suspect_and_rejected_are_counted_apart(server: Influxd) -> None:
    """One of each was written, and `odd` tells them."""
    queries = [q for q in INFLUXQL if f'"odd" = {SUSPECT}' in q or '"odd" = -1' in q]

    assert len(queries) == 2
    for query in queries:
        assert sum(row[1] for each in rows(server, asked(query)) for row in each["values"]) == 1


def test_the_task_rolls_up_in_degrees(server: Influxd) -> None:
    """Run as it stands, over the points' day, it writes min, max, mean and count into its bucket."""
    text = TASK.read_text(encoding="utf-8")
    past = f"from: {_rfc3339(START + 7_200_000)}"
    run = re.sub(r"(?m)^option task.*$", "", text).replace("from: now()", past)
    run = run.replace(", unit: 15m))", f", unit: 15m), stop: {_rfc3339(START + 7_200_000)})")
    _flux(server, run)

    answer = get(
        server,
        "/query?" + urlencode({"db": "coldwatch_15m", "q": 'SELECT * FROM "reading_15m"'}),
    )

    (series,) = answer["results"][0]["series"]
    found = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    fridge = next(row for row in found if row["asset"] == "fridge-1")
    assert (fridge["min"], fridge["max"], fridge["count"]) == (1.95, 8.05, 2.0)
    assert fridge["mean"] == pytest.approx(5.0)
    assert {row["asset"] for row in found} == {"fridge-1", "fridge-2"}


def test_the_server_takes_the_task(server: Influxd) -> None:
    """InfluxDB reads name and interval out of the file, as `influx task create` would give it."""
    made = server.post(
        "/api/v2/tasks", {"org": server.org, "flux": TASK.read_text(encoding="utf-8")}
    )

    assert (made["name"], made["every"], made["status"]) == (
        "coldwatch 15 minutes",
        "15m",
        "active",
    )


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _flux(server: Influxd, text: str) -> str:
    request = urllib.request.Request(
        f"{server.url}/api/v2/query?org={server.org}",
        data=text.encode(),
        headers={
            "Authorization": f"Token {server.token}",
            "Content-Type": "application/vnd.flux",
            "Accept": "application/csv",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: str = answer.read().decode()
    assert ",error," not in body.split("\n", maxsplit=1)[0]
    return body
