"""Who is told when: escalations, duty rosters and what a profile demands of them.

[[escalations]]
id = "county"
steps = [
  { after = "0min", to = ["pharmacist", "deputy", "nurse"], repeat = "10min" },
  { after = "15min", to = ["manager"] },
]

[[sites]]
escalation = "county"
[[sites.duty]]
role = "pharmacist"
person = "li"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "20:00"
until = "08:00"
stand_in = "wang"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import ConfigDict, Field, model_validator

from config.base import Name, Section
from config.units import DAY_MINUTES, DurationMs, TimeOfDay

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = get_args(Day)

# GSP appendix 3 (温湿度自动监测): SMS to at least three designated persons (standards.md 1.5).
FIRST_STEP_NUMBERS: Final[Mapping[str, int]] = {"cn-gsp": 3}


class EscalationStep(Section):
    """One step: who is told, by which channels, and how often."""

    after: Annotated[
        DurationMs, Field(description="behind the alarm's opening, which follows its rule's delay")
    ] = 0
    to: Annotated[
        list[Name],
        Field(
            min_length=1,
            description="roles of the site's duty roster, or ids of people, who are told together",
            examples=[["pharmacist"]],
        ),
    ]
    channels: Annotated[
        list[Name],
        Field(description="in the order in which they are tried; left out: as the hub has them"),
    ] = []
    repeat: Annotated[
        DurationMs | None,
        Field(
            ge=60_000,
            description="they are told again so often until somebody answers; left out: once",
            examples=["10min"],
        ),
    ] = None


class Escalation(Section):
    """A chain of steps that sites may name."""

    id: Annotated[Name, Field(examples=["county"])]
    steps: Annotated[list[EscalationStep], Field(min_length=1)]

    @model_validator(mode="after")
    def _steps_follow_each_other(self) -> Self:
        for before, step in zip(self.steps, self.steps[1:], strict=False):
            if step.after <= before.after:
                raise ValueError(
                    f"the steps of escalation {self.id} do not follow each other; "
                    "let each `after` be longer than the one before it"
                )
        return self


class Duty(Section):
    """Who has a role, on which days and from when until when."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    role: Annotated[Name, Field(examples=["pharmacist"])]
    person: Annotated[Name, Field(examples=["li"])]
    days: Annotated[list[Day], Field(min_length=1, description="on which it begins")] = list(DAYS)
    from_: Annotated[TimeOfDay, Field(alias="from", description="the site's time of day")] = 0
    until: Annotated[
        TimeOfDay,
        Field(
            description='not later than `from`: of the next day; "24:00" is midnight',
        ),
    ] = DAY_MINUTES
    stand_in: Annotated[
        Name | None,
        Field(description="who is told when this person cannot be reached", examples=["li"]),
    ] = None

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether it is in force then: weekday from 0 (Monday), minute of the local day."""
        today = DAYS[weekday] in self.days
        if self.from_ < self.until:
            return today and self.from_ <= minute < self.until
        yesterday = DAYS[weekday - 1] in self.days
        return (today and minute >= self.from_) or (yesterday and minute < self.until)


def on_duty(duty: Iterable[Duty], role: str, weekday: int, minute: int) -> list[str]:
    """Return who has a role then, in the order of the roster."""
    found = [each.person for each in duty if each.role == role and each.covers(weekday, minute)]
    return list(dict.fromkeys(found))


def fewest(
    to: Sequence[str], duty: Sequence[Duty], numbers: Mapping[str, str]
) -> tuple[int, int, int]:
    """Return the fewest distinct telephone numbers that ``to`` ever means, and when first.

    Args:
        to: roles and people of a step.
        duty: the site's roster.
        numbers: telephone number by person.

    Returns:
        how many; weekday from 0 (Monday); minute of the day.
    """
    roles = {each.role for each in duty}

    def count(weekday: int, minute: int) -> int:
        people: list[str] = []
        for name in to:
            people += on_duty(duty, name, weekday, minute) if name in roles else [name]
        return len({numbers[person] for person in people if person in numbers})

    moments = sorted(set(_moments(duty)))
    return min((count(weekday, minute), weekday, minute) for weekday, minute in moments)


def _moments(duty: Sequence[Duty]) -> Iterator[tuple[int, int]]:
    """Yield every time of the week at which the roster may change."""
    for weekday in range(7):
        yield weekday, 0
        for each in duty:
            yield weekday, each.from_ % DAY_MINUTES
            yield weekday, each.until % DAY_MINUTES
