"""Messages from outside: good ones pass whole, bad ones are refused with the place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from protocol.asyncapi import MESSAGES, STREAM
from protocol.messages import (
    MAX_RECORDS,
    Envelope,
    Received,
    RecordsMessage,
    Status,
    Told,
    record_adapter,
)

READING: dict[str, Any] = {
    "kind": "reading",
    "seq": 1,
    "series": "fridge-1/center/temperature",
    "at": 1_767_225_600_000,
    "boot": "9b2c8f0e5d1a4c3b8e7f6a5d4c3b2a19",
    "mono_ms": 1,
    "value": 5_062,
    "quality": "ok",
    "clock": "synced",
}

SETTINGS: dict[str, Any] = {
    "kind": "settings",
    "seq": 2,
    "at": 1_767_225_600_000,
    "boot": "b",
    "mono_ms": 1,
    "clock": "synced",
    "version": "0123456789abcdef",
    "series": {
        "fridge-1/center/temperature": {
            "interval_ms": 60_000,
            "max_gap_ms": 180_000,
            "storage": [2_000, 8_000],
            "decides": True,
            "rules": [
                {
                    "id": "who-pqs/heat",
                    "kind": "consecutive",
                    "above": 8_000,
                    "for_ms": 36_000_000,
                    "holds": True,
                    "tells": True,
                }
            ],
        }
    },
}

MESSAGE: dict[str, Any] = {"v": 1, "stream": STREAM, "prev": "0" * 64, "records": [READING]}


def spoilt(original: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a copy with another value at one place; `...` removes what is there."""
    changed = copy.deepcopy(original)
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


def refused_at(adapter: Any, value: Any) -> list[tuple[Any, ...]]:
    """Return the places at which a value is refused."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(adapter).validate_python(value) if isinstance(
            adapter, type
        ) else adapter.validate_python(value)
    return [error["loc"] for error in caught.value.errors()]


class TestReading:
    def test_good(self) -> None:
        """A reading passes as it is."""
        assert record_adapter.validate_python(READING) == READING

    def test_unknown_fields_are_kept(self) -> None:
        """What a newer agent adds is kept, for the agent has hashed it."""
        record = READING | {"battery": 3_300, "note": {"von": ["门"]}}

        assert record_adapter.validate_json(json.dumps(record)) == record

    def test_no_value_is_a_value(self) -> None:
        """A probe that gave no number is recorded as such."""
        record = READING | {"value": None, "quality": "rejected:no-answer"}

        assert record_adapter.validate_python(record) == record

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("seq", True), ("seq", 0), ("seq", -1), ("seq", 1.0), ("seq", "1"), ("seq", 2**53),
            ("seq", None), ("seq", ...),
            ("value", 5.062), ("value", "5062"), ("value", True), ("value", 2**53),
            ("value", float("nan")), ("value", ...), ("value", [5]),
            ("raw", 1.5), ("raw", None),
            ("at", -1), ("at", 7_258_118_400_001), ("at", "2026-01-01T00:00:00Z"), ("at", ...),
            ("mono_ms", -1), ("mono_ms", 0.5),
            ("series", "fridge-1"), ("series", "fridge-1/center"), ("series", "A/b/temperature"),
            ("series", "a/b/c/d"), ("series", "a/b/temperature\n"), ("series", 3),
            ("series", "+/b/temperature"), ("series", "x" * 64 + "/b/temperature"),
            ("quality", "good"), ("quality", ""), ("quality", "suspect"), ("quality", "rejected:"),
            ("quality", "rejected:A"), ("quality", "ok\n"), ("quality", None),
            ("clock", "ntp"), ("clock", ...),
            ("boot", ""), ("boot", "x" * 37), ("boot", 5),
        ],
    )  # fmt: skip
    def test_a_bad_field_is_refused_and_named(self, key: str, value: Any) -> None:
        """Each field takes its own kind and range and nothing like it; True is no number."""
        places = refused_at(record_adapter, spoilt(READING, (key,), value))

        assert places
        assert all(place[:2] == ("reading", key) for place in places)

    @pytest.mark.parametrize("kind", ["seal", "Reading", "", None, 1])
    def test_a_kind_that_we_do_not_know_is_refused(self, kind: Any) -> None:
        """Another kind of record is not taken for one that we know."""
        assert refused_at(record_adapter, READING | {"kind": kind}) == [()]

    @pytest.mark.parametrize("value", [None, [], "x", 1, {}])
    def test_what_is_no_object_is_refused(self, value: Any) -> None:
        """A record is an object of its kind."""
        assert refused_at(record_adapter, value) == [()]

    def test_a_huge_text_is_refused(self) -> None:
        """Even a field that we do not know has a limit, for it is stored."""
        assert refused_at(record_adapter, READING | {"boot": "x" * 20_000})


class TestSettings:
    def test_good(self) -> None:
        """A settings version passes as it is."""
        assert record_adapter.validate_python(SETTINGS) == SETTINGS

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("version",), "x"),
            (("series", "fridge-1/center/temperature", "storage"), [2_000]),
            (("series", "fridge-1/center/temperature", "storage"), [2.0, 8.0]),
            (("series", "fridge-1/center/temperature", "interval_ms"), 0),
            (("series", "fridge-1/center/temperature", "rules", 0, "kind"), "Average"),
            (("series", "fridge-1/center/temperature", "rules", 0, "apart"), -1),
            (("series", "fridge-1/center/temperature", "rules", 0, "other"), "upper"),
            (("series", "fridge-1/center/temperature", "rules", 0, "reason"), ""),
            (("series", "fridge-1/center/temperature", "rules", 0, "for_ms"), -1),
            (("series", "fridge-1/center/temperature", "rules", 0, "above"), 8.0),
            (("series", "fridge-1/center/temperature", "rules", 0, "holds"), ...),
            (("series", "fridge-1"), {}),
        ],
    )
    def test_a_bad_field_is_refused(self, path: tuple[Any, ...], value: Any) -> None:
        """No rule gets into a stream that could be read in two ways."""
        assert refused_at(record_adapter, spoilt(SETTINGS, path, value))


class TestMessage:
    def test_unknown_fields_are_kept(self) -> None:
        """A newer agent may say more; it is not lost on the way."""
        message = RecordsMessage.model_validate(MESSAGE | {"battery": 1})

        assert message.model_dump(exclude_unset=True) == MESSAGE | {"battery": 1}

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("v",), 2), (("v",), "1"), (("v",), True), (("v",), ...),
            (("stream",), "0" * 31), (("stream",), "G" * 32), (("stream",), ...),
            (("prev",), ""), (("prev",), "0" * 63), (("prev",), "0" * 63 + "G"),
            (("records",), {}), (("records",), None), (("records",), [READING] * (MAX_RECORDS + 1)),
            (("gap",), {"first": 1}),
            (("gap",), {"first": 0, "last": 1, "h": "0" * 64, "reason": "x"}),
            (("gap",), {"first": 1, "last": 1, "h": "0" * 64, "reason": ""}),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("model", [RecordsMessage, Envelope])
    def test_a_bad_envelope_is_refused(self, model: Any, path: tuple[Any, ...], value: Any) -> None:
        """Version, stream, hash and number of records are checked before any record is."""
        assert refused_at(model, spoilt(MESSAGE, path, value))

    def test_the_envelope_leaves_records_to_be_judged_one_by_one(self) -> None:
        """One bad record is no reason to refuse the message: it must not block the others."""
        records = [READING, {"kind": "nonsense"}, 7]

        assert Envelope.model_validate(MESSAGE | {"records": records}).records == records

    @pytest.mark.parametrize("count", [1, MAX_RECORDS])
    def test_one_to_five_hundred(self, count: int) -> None:
        """A message of the smallest and of the largest allowed size passes."""
        message = RecordsMessage.model_validate(MESSAGE | {"records": [READING] * count})

        assert len(message.records) == count


class TestAnswers:
    def test_received(self) -> None:
        """A stream of which nothing is stored yet stands at seq 0; below there is nothing."""
        good = {"v": 1, "at": 0, "streams": {STREAM: {
            "judged": {"seq": 0, "h": "0" * 64}, "stored": {"seq": 0, "h": "0" * 64},
        }}}  # fmt: skip
        assert Received.model_validate(good).streams[STREAM].judged.seq == 0

        assert refused_at(Received, spoilt(good, ("streams", STREAM, "judged", "seq"), -1))
        assert refused_at(Received, spoilt(good, ("streams", STREAM, "stored"), ...))
        assert refused_at(Received, spoilt(good, ("streams", "x"), {}))

    def test_told(self) -> None:
        """An excursion is named by sixteen hexadecimal digits."""
        good = {"v": 1, "at": 0, "excursions": ["0123456789abcdef"]}
        assert Told.model_validate(good).excursions == ["0123456789abcdef"]

        assert refused_at(Told, good | {"excursions": ["0123456789ABCDEF"]})

    def test_status(self) -> None:
        """A last will says only that the device is gone, and that is enough."""
        assert Status.model_validate({"v": 1, "state": "offline"}).problems == []
        assert refused_at(Status, {"v": 1, "state": "asleep"}) == [("state",)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.leaf)
def test_the_published_examples_are_good_messages(message: Any) -> None:
    """What the documentation shows is what the program takes."""
    message.model.model_validate_json(json.dumps(message.example()))
