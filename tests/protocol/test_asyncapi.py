"""The published schemas are those of the models, and mean what the models mean."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.asyncapi import MESSAGES, document, files, main, schema
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link


def test_what_is_published_is_what_the_models_give(house: Path) -> None:
    """docs/asyncapi.yaml and docs/schemas do not drift from the models; `make docs` mends it."""
    for path, text in files().items():
        assert text == (house / path).read_text(encoding="utf-8"), path


def test_nothing_else_is_published(house: Path) -> None:
    """A message that no longer exists leaves no schema behind."""
    written = {path.relative_to(house) for path in (house / "docs" / "schemas").iterdir()}

    assert written == {path for path in files() if path.parent.name == "schemas"}


def test_check_tells_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check writes nothing and exits 1 for a missing and for a changed file."""
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert main([]) == 0
    assert main(["--check"]) == 0
    capsys.readouterr()

    with (tmp_path / "docs" / "asyncapi.yaml").open("a") as file:
        file.write("# by hand\n")

    assert main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "docs/asyncapi.yaml is not what the models give; write: make docs\n"
    )


def test_the_yaml_is_the_document(house: Path) -> None:
    """The written YAML reads back as the very document, and every reference in it leads somewhere."""
    written = yaml.safe_load((house / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
    assert document() == written

    def references(item: Any) -> list[str]:
        if isinstance(item, dict):
            found = [item["$ref"]] if "$ref" in item else []
            return found + [one for value in item.values() for one in references(value)]
        return (
            [one for value in item for one in references(value)] if isinstance(item, list) else []
        )

    for reference in references(written):
        target: Any = written
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_the_example_of_records_is_a_chain() -> None:
    """The published example can be checked by hand: its marks are the hashes of its records."""
    records, received = (message.example() for message in MESSAGES[:2])
    h = genesis(records["stream"])
    assert records["prev"] == h.hex()

    marks = received["streams"][records["stream"]]
    hashes = {}
    for record in records["records"]:
        h = link(h, canonical_bytes(record))
        hashes[record["seq"]] = h.hex()
    for mark in marks.values():
        assert hashes[mark["seq"]] == mark["h"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.leaf)
def test_a_schema_is_one_and_takes_its_example(message: Any) -> None:
    """Each file in docs/schemas is valid JSON Schema 2020-12 and takes the published example."""
    made = schema(message)

    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.Draft202012Validator(made).validate(message.example())


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False).filter(
        # JSON Schema takes 1.0 for an integer; the wire does not (canonical bytes have no floats).
        lambda value: not value.is_integer()
    ), st.text(max_size=40), st.just([]), st.just({}), st.sampled_from(
        ["ok", "rejected:crc", "synced", "0" * 32, "0" * 64, "a/b/temperature", "reading"]
    ),
)  # fmt: skip


@given(st.sampled_from(MESSAGES), st.data())
def test_schema_and_model_take_the_same(message: Any, data: Any) -> None:
    """One place of a good message changed: the schema takes it exactly when the program does."""
    value = copy.deepcopy(message.example())
    places: list[tuple[Any, Any]] = []

    def walk(item: Any) -> None:
        pairs = item.items() if isinstance(item, dict) else enumerate(item)
        for key, inner in list(pairs):
            places.append((item, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(value)
    holder, key = data.draw(st.sampled_from(places))
    if isinstance(holder, dict) and data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(VALUES)

    try:
        message.model.model_validate_json(json.dumps(value))
        taken = True
    except ValidationError:
        taken = False

    assert taken is jsonschema.Draft202012Validator(schema(message)).is_valid(value)
