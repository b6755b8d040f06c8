"""The messages as pydantic models: the edge where bytes from outside become checked values.

The schemas in ``docs/asyncapi.yaml`` are generated from these models. Unknown fields are
ignored in meaning, but kept, because the sender has hashed them (design.md, "Reading and wire").
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from protocol.canonical import MAX_INTEGER
from protocol.topics import MAJOR_VERSION, NAME_PATTERN

MAX_RECORDS = 500
# 500 readings are about 100 kB; anything much larger is no message of ours.
MAX_MESSAGE_BYTES = 1_000_000

# Strict, and therefore no Literal: True == 1, and pydantic would take it for one.
Version = Annotated[int, Field(strict=True, ge=MAJOR_VERSION, le=MAJOR_VERSION)]
Integer = Annotated[int, Field(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER)]
Sequence = Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
# 1970 to 2200: a Pi that woke up in 1970 is told by `clock`, not refused.
MAX_TIME_MS = 7_258_118_400_000
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=MAX_TIME_MS)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
SeriesName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}/[a-z0-9][a-z0-9_.-]{0,62}/[a-z][a-z0-9_]{0,31}$"),
]
StreamId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{32}$", description="id of the spool that made it")
]
HexHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal")]
BootId = Annotated[str, Field(pattern=r"^[0-9a-z-]{1,36}$")]
Quality = Annotated[
    str,
    Field(
        pattern=r"^(ok|(suspect|rejected):[a-z0-9_-]{1,40})$",
        description="only the physically impossible is rejected; suspect values are judged",
    ),
]
Clock = Literal["synced", "estimated"]

_KEEP_UNKNOWN = ConfigDict(extra="allow", str_max_length=10_000)


class ReadingBody(TypedDict):
    """A reading: one value of one series at one time."""

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    kind: Literal["reading"]
    seq: Sequence
    series: SeriesName
    at: Milliseconds
    boot: BootId
    mono_ms: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    value: Integer | None
    quality: Quality
    clock: Clock
    raw: NotRequired[Integer]


class RuleBody(TypedDict):
    """A rule as it was in force, in the integer spelling of the stream."""

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_./-]{0,80}$")]
    kind: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z-]{0,31}$",
            description="consecutive, cumulative, instant, silence, disagreement, rate or stuck; a "
            "reader leaves out a rule of a kind that it does not know",
        ),
    ]
    above: NotRequired[Integer]
    below: NotRequired[Integer]
    at_or_above: NotRequired[Integer]
    at_or_below: NotRequired[Integer]
    for_ms: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    window_ms: NotRequired[Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]]
    apart: NotRequired[
        Annotated[
            int,
            Field(
                strict=True, ge=0, le=MAX_INTEGER, description="X of a disagreement, thousandths"
            ),
        ]
    ]
    other: NotRequired[
        Annotated[SeriesName, Field(description="the other series of a disagreement")]
    ]
    holds: bool
    tells: bool
    reason: NotRequired[
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=200,
                description="why the site made it looser than its profile does",
            ),
        ]
    ]


_DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


def _in_calendar(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[str, Field(pattern=_DAY), AfterValidator(_in_calendar)]


class CalibrationBody(TypedDict):
    """The certificate of the probe of a series: what was in force from here on."""

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    certificate: Annotated[str, Field(min_length=1, max_length=80, description="its number")]
    date: Annotated[Day, Field(description="of the calibration")]
    due: Annotated[Day, Field(description="the last day on which it is good")]
    points: Annotated[
        list[Annotated[list[Integer], Field(min_length=2, max_length=2)]],
        Field(
            min_length=1,
            max_length=32,
            description="[reading, correction] in thousandths by rising reading; value = reading + "
            "correction, which runs straight between points and stays what it was beyond them",
        ),
    ]


class SeriesBody(TypedDict):
    """What is watched on one series."""

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    interval_ms: Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
    max_gap_ms: Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
    storage: NotRequired[Annotated[list[Integer], Field(min_length=2, max_length=2)]]
    storage_reason: NotRequired[
        Annotated[str, Field(max_length=200, description="why it is wider than its profiles'")]
    ]
    max_gap_reason: NotRequired[
        Annotated[str, Field(max_length=200, description="why it is longer than three intervals")]
    ]
    rules_reason: NotRequired[
        Annotated[
            str, Field(max_length=200, description="why fewer or looser rules watch it than before")
        ]
    ]
    decides: bool
    rules: Annotated[list[RuleBody], Field(max_length=40)]
    calibration: NotRequired[CalibrationBody]


class SettingsRecordBody(TypedDict):
    """A settings version: from here on, these rules judge this stream, in agent and hub alike."""

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    kind: Literal["settings"]
    seq: Sequence
    at: Milliseconds
    boot: BootId
    mono_ms: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    clock: Clock
    version: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    series: dict[SeriesName, SeriesBody]


class EventBody(TypedDict):
    """Something that happened at the device and is no measurement; the hub journals it.

    A finished lamp cycle, a press of the mute button, an SMS that the agent's own modem sent.
    """

    __pydantic_config__ = _KEEP_UNKNOWN  # type: ignore[misc]

    kind: Literal["event"]
    seq: Sequence
    at: Milliseconds
    boot: BootId
    mono_ms: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    clock: Clock
    event: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9-]{0,39}$",
            description="what happened, `part.what`",
            examples=["lamp.cycle", "panel.mute"],
        ),
    ]
    subject: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_./-]{0,160}$",
            description="the asset, series or part that it bears on",
        ),
    ]
    body: Annotated[dict[str, Any], Field(description="the details, by event")]


RecordBody = Annotated[ReadingBody | SettingsRecordBody | EventBody, Field(discriminator="kind")]


class Gap(BaseModel):
    """A range that the agent no longer has, and why; the chain goes on from ``h``."""

    model_config = _KEEP_UNKNOWN

    first: Sequence
    last: Sequence
    h: HexHash
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class RecordsMessage(BaseModel):
    """Up: 1 to 500 records of one stream, or a gap in it."""

    model_config = _KEEP_UNKNOWN

    v: Version
    stream: StreamId
    prev: Annotated[HexHash, Field(description="h of the record before the first one")]
    records: Annotated[list[RecordBody], Field(max_length=MAX_RECORDS)] = []
    gap: Gap | None = None


class Envelope(BaseModel):
    """A records message whose records are not checked yet, so that a bad one blocks no other."""

    model_config = _KEEP_UNKNOWN

    v: Version
    stream: StreamId
    prev: HexHash
    records: Annotated[list[Any], Field(max_length=MAX_RECORDS)] = []
    gap: Gap | None = None


class Mark(BaseModel):
    """How far without a hole: a seq and the hash there."""

    seq: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    h: HexHash


class StreamMarks(BaseModel):
    """How far the hub has judged and how far it has stored one stream."""

    judged: Mark
    stored: Mark


class Received(BaseModel):
    """Down, retained: how far the hub has come with each open stream of a device."""

    model_config = _KEEP_UNKNOWN

    v: Version
    at: Milliseconds
    streams: dict[StreamId, StreamMarks]


class PlannedWork(BaseModel):
    """Announced work on an asset: what opens within it is told when it is over, by whomever."""

    model_config = _KEEP_UNKNOWN

    asset: Name
    begin: Milliseconds
    until: Milliseconds


class Told(BaseModel):
    """Down, retained: excursions of which a channel reported a message as sent, and planned work."""

    model_config = _KEEP_UNKNOWN

    v: Version
    at: Milliseconds
    excursions: list[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]]
    works: Annotated[
        list[PlannedWork],
        Field(description="of the device's site, under way or to come; alarms of it wait"),
    ] = []


class Settings(BaseModel):
    """Down, retained: the settings that the hub hands to a device, as the newest version.

    A TOML file with any of the agent's tables but `site`, `device`, `state_dir` and `mqtt`; each
    goes before the same table of the device's own file.
    """

    model_config = ConfigDict(extra="allow")

    v: Version
    at: Milliseconds
    version: Annotated[Sequence, Field(description="grows with each; an agent never goes back")]
    sha256: Annotated[HexHash, Field(description="of the text, UTF-8")]
    text: Annotated[str, Field(max_length=200_000, description="TOML")]


class SettingsRefusal(BaseModel):
    """Settings that the agent has refused, and why."""

    version: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
    reason: Annotated[str, Field(max_length=10_000)]


class SettingsState(BaseModel):
    """Which settings of the hub are in force at a device."""

    model_config = _KEEP_UNKNOWN

    version: Annotated[
        int, Field(strict=True, ge=0, le=MAX_INTEGER, description="0: none, the device's own file")
    ]
    refused: SettingsRefusal | None = None


class Status(BaseModel):
    """Up, retained, last will: what the agent says of itself."""

    model_config = _KEEP_UNKNOWN

    v: Version
    state: Literal["online", "offline"]
    at: Milliseconds | None = None
    stream: StreamId | None = None
    version: str | None = None
    sampled: Annotated[int, Field(ge=0, description="samples since the agent started")] | None = (
        None
    )
    recorded: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)] | None = None
    unsent: Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)] | None = None
    problems: list[str] = []
    settings: SettingsState | None = None


class Heartbeat(BaseModel):
    """From the hub, retained: every loop of it has moved since the last one (`coldwatch watch`).

    A retained message says nothing of when it came: it counts only when it changes.
    """

    model_config = _KEEP_UNKNOWN

    v: Version
    at: Milliseconds
    since: Annotated[int, Field(strict=True, ge=0, description="when the hub started")]
    failing: Annotated[str, Field(description="why SMS do not get out; empty where they do")] = ""


class Command(BaseModel):
    """Down, not retained: something that the device shall do, until a deadline and not behind it."""

    model_config = _KEEP_UNKNOWN

    v: Version
    id: Annotated[
        str, Field(pattern=r"^[0-9a-f]{16,64}$", description="a second one with it does nothing")
    ]
    until: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=MAX_INTEGER,
            description="void behind this time; at most ten minutes ahead. A stop is never void",
        ),
    ]
    to: Annotated[Name, Field(description="the asset", examples=["lamp-1"])]
    do: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9-]{0,39}$",
            description="what; `lamp.start`, `.stop`, `.wiped`, `.replaced`, `.reset`",
        ),
    ]
    name: Annotated[str, Field(max_length=80, description="who asks")] = ""
    minutes: Annotated[
        int, Field(strict=True, ge=0, le=720, description="of a cycle; 0: as the device is set")
    ] = 0


class Result(BaseModel):
    """Up: whether a command was taken. What became of it is an event record."""

    model_config = _KEEP_UNKNOWN

    v: Version
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$", description="the command's")]
    at: Milliseconds
    taken: bool
    why: Annotated[str, Field(description="why not; empty where it was taken")] = ""


readings_adapter: TypeAdapter[list[ReadingBody]] = TypeAdapter(list[ReadingBody])
record_adapter: TypeAdapter[RecordBody] = TypeAdapter(RecordBody)
