"""The published description of the wire: `python -m protocol.asyncapi [--check]`.

Writes docs/asyncapi.yaml (AsyncAPI 3.0) and docs/schemas/*.json (JSON Schema 2020-12) from the
models in protocol/messages.py; --check only tells whether they are up to date. It is run when the
project is worked on (`make docs`), never at a site: PyYAML is a package for development.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from typing_extensions import override

from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link
from protocol.messages import (
    Command,
    Heartbeat,
    Received,
    RecordsMessage,
    Result,
    Settings,
    Status,
    Told,
)
from protocol.topics import HEARTBEAT, MAJOR_VERSION, NAME_PATTERN, Leaf, topic

DOCS = Path("docs")
STREAM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


class Message(NamedTuple):
    """One kind of message: where it travels, which way, and an example."""

    leaf: Leaf | Literal["heartbeat"]
    model: type[BaseModel]
    up: bool
    retained: bool
    example: Callable[[], dict[str, Any]]


def _reading(seq: int, at: int, value: int) -> dict[str, Any]:
    return {
        "kind": "reading",
        "seq": seq,
        "series": "fridge-1/center/temperature",
        "at": at,
        "boot": "9b2c8f0e5d1a4c3b8e7f6a5d4c3b2a19",
        "mono_ms": 86_400_000 + 60_000 * seq,
        "value": value,
        "quality": "ok",
        "clock": "synced",
    }


RECORDS = [_reading(1, 1_767_225_600_000, 5_062), _reading(2, 1_767_225_660_000, 8_125)]


def _hashes() -> list[str]:
    """Return h(0), h(1), h(2) of the example's stream."""
    h = genesis(STREAM)
    hashes = [h.hex()]
    for record in RECORDS:
        h = link(h, canonical_bytes(record))
        hashes.append(h.hex())
    return hashes


def _settings() -> dict[str, Any]:
    text = '[sampling]\nevery = "30s"\n'
    digest = sha256(text.encode()).hexdigest()
    return {"v": 1, "at": 1_767_225_600_000, "version": 3, "sha256": digest, "text": text}


def _records() -> dict[str, Any]:
    return {"v": 1, "stream": STREAM, "prev": _hashes()[0], "records": RECORDS}


def _received() -> dict[str, Any]:
    hashes = _hashes()
    marks = {"judged": {"seq": 2, "h": hashes[2]}, "stored": {"seq": 1, "h": hashes[1]}}
    return {"v": 1, "at": 1_767_225_661_000, "streams": {STREAM: marks}}


def _told() -> dict[str, Any]:
    work = {"asset": "fridge-1", "begin": 1_767_225_900_000, "until": 1_767_229_500_000}
    return {
        "v": 1, "at": 1_767_225_720_000, "excursions": ["3f9a51c27be04d88"], "works": [work],
    }  # fmt: skip


def _status() -> dict[str, Any]:
    return {
        "v": 1,
        "state": "online",
        "at": 1_767_225_600_000,
        "stream": STREAM,
        "version": "0.1.0",
        "recorded": 2,
        "unsent": 0,
        "problems": [],
    }


def _heartbeat() -> dict[str, Any]:
    return {"v": 1, "at": 1_767_225_690_000, "since": 1_767_200_000_000, "failing": ""}


def _command() -> dict[str, Any]:
    return {
        "v": 1,
        "id": "77aa51c27be04d88",
        "until": 1_767_225_780_000,
        "to": "lamp-1",
        "do": "lamp.start",
        "name": "li",
        "minutes": 30,
    }


def _result() -> dict[str, Any]:
    return {
        "v": 1,
        "id": "77aa51c27be04d88",
        "at": 1_767_225_721_000,
        "taken": False,
        "why": "late",
    }


MESSAGES = (
    Message("records", RecordsMessage, up=True, retained=False, example=_records),
    Message("received", Received, up=False, retained=True, example=_received),
    Message("told", Told, up=False, retained=True, example=_told),
    Message("settings", Settings, up=False, retained=True, example=_settings),
    Message("status", Status, up=True, retained=True, example=_status),
    Message("heartbeat", Heartbeat, up=False, retained=True, example=_heartbeat),
    Message("command", Command, up=False, retained=False, example=_command),
    Message("result", Result, up=True, retained=False, example=_result),
)

_DESCRIPTION = """\
What an agent beside the fridges and the hub say to each other over MQTT, 5 or 3.1.1, at QoS 1.

A PUBACK proves nothing: an agent keeps each record until the hub says on `received` that it is
stored. Records form a chain: h(0) is the SHA-256 of the text "coldwatch/1 stream " followed by the
stream's id, and h(n) is the SHA-256 of h(n-1), 32 bytes, followed by the canonical bytes of record
n: its JSON with sorted keys, without white space, in UTF-8, every number an integer. Vectors are in
docs/vectors/chain.json.

Values are thousandths of the quantity's unit, times are milliseconds since 1970, UTC. Unknown
fields are ignored in meaning, but stored and hashed as received. Another major version than the one
in the topic and in `v` is refused.
"""


def document() -> dict[str, Any]:
    """Return the AsyncAPI document as plain data."""
    _, definitions = models_json_schema(
        [(message.model, "validation") for message in MESSAGES],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    name = {"type": "string", "pattern": NAME_PATTERN}
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:coldwatch:{MAJOR_VERSION}",
        "info": {
            "title": "coldwatch",
            "version": f"{MAJOR_VERSION}.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {message.leaf: _channel(message) for message in MESSAGES},
        "operations": dict(map(_operation, MESSAGES)),
        "components": {
            "parameters": {
                "site": {"description": f"the vaccination point: {name['pattern']}"},
                "device": {"description": f"the Raspberry Pi: {name['pattern']}"},
            },
            "messages": {message.leaf: _message(message) for message in MESSAGES},
            "schemas": _plain(definitions["$defs"]),
        },
    }


def _channel(message: Message) -> dict[str, Any]:
    address, of_device = HEARTBEAT, {}
    if message.leaf != "heartbeat":
        address = topic("{site}", "{device}", message.leaf)
        names = ("site", "device")
        of_device = {
            "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names}
        }
    return {
        "address": address,
        "title": message.leaf,
        "description": _summary(message.model),
        **of_device,
        "messages": {message.leaf: {"$ref": f"#/components/messages/{message.leaf}"}},
    }


def _operation(message: Message) -> tuple[str, dict[str, Any]]:
    """Return an operation as the agent sees it: it sends what goes up."""
    action = "send" if message.up else "receive"
    return f"{action}{message.leaf.capitalize()}", {
        "action": action,
        "channel": {"$ref": f"#/channels/{message.leaf}"},
        "summary": _summary(message.model),
        "messages": [{"$ref": f"#/channels/{message.leaf}/messages/{message.leaf}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": message.retained, "bindingVersion": "0.2.0"}},
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "name": message.leaf,
        "title": message.leaf,
        "summary": _summary(message.model),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{message.model.__name__}"},
        "examples": [{"name": message.leaf, "payload": message.example()}],
    }


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


class _Untitled(GenerateJsonSchema):
    """Leaves out titles like "Mono Ms", which only repeat the name."""

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _plain(schema: Any) -> Any:
    """Say in JSON Schema alone what pydantic also says by other means.

    OpenAPI's `discriminator` goes: `oneOf` says the same. A table whose keys follow a pattern takes
    no others, which pydantic enforces and leaves out.
    """
    if isinstance(schema, Mapping):
        plain = {key: _plain(item) for key, item in schema.items() if key != "discriminator"}
        if "patternProperties" in plain:
            del plain["propertyNames"]
            plain["additionalProperties"] = False
        return plain
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    return schema


def schema(message: Message) -> dict[str, Any]:
    """Return the JSON Schema of one message, complete in itself."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:coldwatch:{MAJOR_VERSION}:{message.leaf}",
        **_plain(message.model.model_json_schema(schema_generator=_Untitled)),
    }


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, lists indented, and no anchors."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that occurs twice twice: anchors are for machines."""
        return True

    @override
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        """Indent lists below their key."""
        return super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def files() -> dict[Path, str]:
    """Return every file that is made from the models, with its text."""
    head = "# Made by `make docs` from protocol/messages.py; change the models, not this file.\n"
    made = {
        DOCS / "asyncapi.yaml": head
        + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    }
    for message in MESSAGES:
        text = json.dumps(schema(message), indent=2, ensure_ascii=False)
        made[DOCS / "schemas" / f"{message.leaf}.json"] = f"{text}\n"
    return made


def main(argv: list[str] | None = None) -> int:
    """Write the files, or with --check tell whether those written are up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    check = parser.parse_args(argv).check
    stale = 0
    for path, text in files().items():
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            print(f"{path} is not what the models give; write: make docs", file=sys.stderr)
            stale = 1
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
