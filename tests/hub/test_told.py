"""`told` beyond the excursions: the work that is planned, so that an agent's own modem waits as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.notices import TOLD_FOR_MS, told_message
from journal import work
from journal.database import DatabaseError, read, write
from protocol.messages import Told
from tests.hub.test_notices import Desk, story
from tests.support.sender import MINUTE, START

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in an empty folder."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def works(desk: Desk, now: int, site: str = "east-gate") -> Any:
    """Return what `told` says of planned work, as the contract reads it."""
    with read(desk.database) as conn:
        payload = told_message(conn, "pi-1", site, now)
    Told.model_validate_json(payload)
    return json.loads(payload)["works"]


def plan(desk: Desk, asset: str, first: int, last: int) -> str:
    """Plan work between these minutes; return its id."""
    begin, until = START + first * MINUTE, START + last * MINUTE
    with write(desk.database) as conn:
        return work.plan(conn, asset, begin, until, "defrosting", "li", now=START).id


def test_planned_work_of_the_site_is_in_it(desk: Desk) -> None:
    """Under way or to come, without the site's name; of another site it is nobody's here."""
    assert works(desk, START) == []
    plan(desk, "east-gate/fridge-1", 10, 60)
    plan(desk, "west-gate/fridge-1", 10, 60)

    expected = [{"asset": "fridge-1", "begin": START + 10 * MINUTE, "until": START + 60 * MINUTE}]
    assert works(desk, START) == expected
    # An agent that was away finds it behind its end, too.
    assert works(desk, START + 60 * MINUTE + TOLD_FOR_MS - 1) == expected
    assert works(desk, START + 60 * MINUTE + TOLD_FOR_MS) == []


def test_work_that_was_ended_early_is_over_then(desk: Desk) -> None:
    """What was called off before it began is none."""
    begun = plan(desk, "east-gate/fridge-1", 0, 60)
    called_off = plan(desk, "east-gate/fridge-2", 30, 60)
    with write(desk.database) as conn:
        for id_ in (begun, called_off):
            work.end(conn, id_, person="li", now=START + 20 * MINUTE)

    (only,) = works(desk, START + 21 * MINUTE)
    assert only == {"asset": "fridge-1", "begin": START, "until": START + 20 * MINUTE}


def test_devices_hear_of_it_at_once_and_once(desk: Desk) -> None:
    """A round of the outbox behind the plan says whose `told` has changed; so does one behind its end."""
    assert desk.outbox.round(START).told == frozenset()
    id_ = plan(desk, "east-gate/fridge-1", 10, 60)
    assert desk.outbox.round(START + 1).told == {"pi-1"}
    assert desk.outbox.round(START + 2).told == frozenset()
    with write(desk.database) as conn:
        work.end(conn, id_, person="li", now=START + 3)
    assert desk.outbox.round(START + 4).told == {"pi-1"}
    assert desk.outbox.round(START + 5).told == frozenset()


def two_sites(desk: Desk) -> None:
    """Give the desk's hub a second site."""
    (site,) = desk.settings.sites
    other = site.model_copy(update={"id": "west-gate", "devices": ["pi-2", "pi-3"]})
    desk.settings = desk.settings.model_copy(update={"sites": [site, other]})
    desk.restart()


def test_only_the_devices_of_the_site_hear_of_it(desk: Desk) -> None:
    """Neighbours are not written to for it; work of a site that is gone is nobody's."""
    two_sites(desk)
    plan(desk, "east-gate/fridge-1", 10, 60)
    assert desk.outbox.round(START).told == {"pi-1"}
    id_ = plan(desk, "west-gate/fridge-1", 10, 60)
    assert desk.outbox.round(START + 1).told == {"pi-2", "pi-3"}
    plan(desk, "east-gate/fridge-2", 10, 60)
    plan(desk, "north-gate/fridge-1", 10, 60)
    assert desk.outbox.round(START + 2).told == {"pi-1"}
    with write(desk.database) as conn:
        work.end(conn, id_, person="li", now=START + 3)
    assert desk.outbox.round(START + 4).told == {"pi-2", "pi-3"}
    assert desk.outbox.round(START + 5).told == frozenset()


def test_a_round_that_breaks_off_loses_no_device(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the plan's round, or in the midst of it: the next one that ends says whom it concerns."""

    def fails(*_: object) -> Any:
        raise RuntimeError

    for number, (module, name) in enumerate(
        (("hub.notices", "escalate"), ("hub.notices.Outbox", "_compose"))
    ):
        plan(desk, f"east-gate/fridge-{number}", 10, 60)
        with monkeypatch.context() as broken:
            broken.setattr(f"{module}.{name}", fails)
            with pytest.raises(RuntimeError):
                desk.outbox.round(START + 1)
        assert desk.outbox.round(START + 2).told == {"pi-1"}
        assert desk.outbox.round(START + 3).told == frozenset()


def test_a_round_that_breaks_off_behind_an_sms_loses_no_device(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SMS is sent and entered as such; then the database goes away in the midst of the round."""

    def away(*_: object) -> Any:
        raise DatabaseError("hub.db", "the server is away")

    desk.send(story([9_000] * 15), 1, 16)
    with monkeypatch.context() as broken:
        broken.setattr("hub.sending.Sending._reports", away)
        with pytest.raises(DatabaseError):
            desk.outbox.round(desk.now)

    assert desk.outbox.round(desk.now + 1).told == {"pi-1"}
    assert desk.outbox.round(desk.now + 2).told == frozenset()
