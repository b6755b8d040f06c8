"""Every change of people, telephones, sites, assets and settings is an entry, and no secret is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from config.hub import HubSettings
from journal import directory
from journal.database import read, write
from journal.directory import Said, enter, in_force, owners, without_secrets
from journal.journal import Entry, entries, verify
from tests.support.county import hub_settings
from tests.support.databases import new_database

FIRST = Said("the file's text")


@pytest.fixture
def engine(each_database: str, tmp_path: Path) -> Iterator[Engine]:
    """A new database of each kind."""
    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


def change(engine: Engine, settings: HubSettings, said: Said = FIRST, at: int = 100) -> list[Entry]:
    """Enter the difference; check that the tables are what the journal says."""
    with write(engine) as conn:
        entered = enter(conn, settings, at, said)
        before = in_force(conn)
        directory.rebuild(conn)
        assert in_force(conn) == before
        assert verify(conn) == []
    return entered


def named(entered: list[Entry]) -> list[str]:
    """Type and subject of each entry."""
    return [f"{entry.type} {entry.subject}" for entry in entered]


def altered(folder: Path, **more: Any) -> HubSettings:
    """The county's settings with other people or sites."""
    return hub_settings(folder, **more)


def test_the_first_start_enters_all(engine: Engine, tmp_path: Path) -> None:
    """Each person, number, site, asset, device and setting, with the file's hash, in this order."""
    entered = change(engine, hub_settings(tmp_path))
    assert named(entered) == [
        "person.set amy",
        "person.set li",
        "person.set wang",
        "telephone.set +8613900000001",
        "telephone.set +8613900000002",
        "telephone.set +8613900000003",
        "site.set east-gate",
        "asset.set east-gate/fridge-1",
        "asset.set east-gate/fridge-2",
        "site-device.set pi-1",
        "setting.set console",
        "setting.set state_dir",
        "settings-file.set hub.toml",
    ]
    assert {entry.actor for entry in entered} == {"settings file"}
    assert len({entry.body["sha256"] for entry in entered}) == 1
    assert {entry.at for entry in entered} == {100}


def test_nothing_is_entered_when_nothing_changed(engine: Engine, tmp_path: Path) -> None:
    """However often the hub starts."""
    change(engine, hub_settings(tmp_path))
    assert change(engine, hub_settings(tmp_path), at=200) == []


def test_a_new_number_says_who_when_why_and_what_it_was(engine: Engine, tmp_path: Path) -> None:
    """The entry holds the person before and now; the old number is nobody's any more."""
    settings = hub_settings(tmp_path)
    change(engine, settings)
    people = [person.model_dump(exclude_unset=True) for person in settings.people]
    people[0]["phone"] = "+8613900000009"
    said = Said("another text", "Zhao", "Li has a new telephone")
    entered = change(engine, altered(tmp_path, people=people), said, at=200)
    assert named(entered) == [
        "person.set li",
        "telephone.removed +8613900000001",
        "telephone.set +8613900000009",
        "settings-file.set hub.toml",
    ]
    first = entered[0]
    assert (first.actor, first.at) == ("Zhao", 200)
    assert first.body["because"] == "Li has a new telephone"
    assert first.body["before"]["phone"] == "+8613900000001"
    assert first.body["now"]["phone"] == "+8613900000009"
    with read(engine) as conn:
        assert owners(conn, "+8613900000009") == ["li"]
        assert owners(conn, "+8613900000001") == []
        told = list(directory.history_of(conn, "person", "li"))
    assert [entry.body["now"]["phone"][-1] for entry in told] == ["1", "9"]


def test_who_is_gone_is_removed(engine: Engine, tmp_path: Path) -> None:
    """A person, an asset and a site that the file no longer has; the journal keeps what they were."""
    settings = hub_settings(tmp_path)
    change(engine, settings)
    site = settings.sites[0].model_dump(exclude_unset=True)
    site["tell"], site["assets"] = ["li"], site["assets"][:1]
    people = [settings.people[0].model_dump(exclude_unset=True)]
    entered = change(engine, altered(tmp_path, people=people, sites=[site]), at=200)
    assert named(entered) == [
        "person.removed amy",
        "person.removed wang",
        "telephone.removed +8613900000002",
        "telephone.removed +8613900000003",
        "site.set east-gate",
        "asset.removed east-gate/fridge-2",
    ]
    assert entered[0].body["before"]["name"] == "Amy"
    with read(engine) as conn:
        assert [item.subject for item in in_force(conn, "person")] == ["li"]


def test_two_people_may_share_a_telephone(engine: Engine, tmp_path: Path) -> None:
    """A number that rings for two is one entry, with both."""
    people = [
        {"id": name, "name": name, "phone": "+8613900000001"} for name in ("li", "wang", "amy")
    ]
    change(engine, altered(tmp_path, people=people))
    with read(engine) as conn:
        assert owners(conn, "+8613900000001") == ["li", "wang", "amy"]


def test_a_device_cannot_pretend_to_be_a_setting(engine: Engine, tmp_path: Path) -> None:
    """Entries that a device may cause begin with another word than any of these."""
    assert not any(name.startswith("device.") for name in directory.TYPES)


SECRETS = {
    "password": "s3cret",
    "passphrase": "s3cret",
    "token": "s3cret",
    "access_key_secret": "s3cret",
    "access_key": "s3cret",
    "app_key": "s3cret",
    "key": "s3cret",
    "urls": ["dingtalk://s3cret/13900000001", "https://u:s3cret@gateway.example/s3cret?k=s3cret"],
    "nested": [{"api_key": "s3cret"}],
    "headers": {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Cookie": "id=s3cret"},
    "body": '{"token": "s3cret", "to": "{phone}"}',
    "form": "password=s3cret&to={phone}",
    "text": "send it to https://hooks.example/s3cret please",
}


def test_no_secret_is_entered() -> None:
    """Whatever is called a secret, and of an address all but scheme and host, is left out."""
    shown = without_secrets(SECRETS)
    assert "s3cret" not in json.dumps(shown)
    assert shown["urls"] == ["dingtalk://…", "https://gateway.example/…"]
    assert shown["body"] == '{"token": "…", "to": "{phone}"}'
    assert shown["text"] == "send it to https://hooks.example/… please"


def test_what_is_no_secret_stays() -> None:
    """Files that hold one are named; numbers, texts and plain addresses are as they were."""
    kept = {
        "token_file": "/run/credentials/x/token",
        "passphrase_file": None,
        "url": "http://127.0.0.1:8086",
        "host": "db.county.example",
        "broker_dir": "/var/lib/x",
        "patience": 60_000,
        "body": '{"key": "{key}", "token": "{secret}", "to": "{phone}"}',
        "on": True,
    }
    assert without_secrets(kept) == kept
    assert without_secrets({"ratio": 0.5}) == {"ratio": "0.5"}


def test_all_entries_have_one_family_each(engine: Engine, tmp_path: Path) -> None:
    """`rebuild` asks for exactly the types that `enter` writes."""
    change(engine, hub_settings(tmp_path))
    with read(engine) as conn:
        found = {entry.type for entry in entries(conn)}
    assert found <= set(directory.TYPES)
