"""The journal: everything that a person or the system decided, with who, when and why.

It only grows, and each entry holds the hash of the one before. Excursions, doses, holds, people and
the rest are tables made from it, and can be made anew from it at any time.

  coldwatch journal verify                                  # is the chain whole, do the guards stand
  coldwatch journal verify --seen 1204:9f2c…                # and is it the one that was seen before
  coldwatch journal list --type person. --json              # who changed which person, when and why
  coldwatch journal list --subject east-gate/fridge-1
  coldwatch journal rebuild --check                         # would the tables come out as they are
  coldwatch journal rebuild                                 # make them anew, and say what differed
  coldwatch journal enter HUB.toml --changed-by Li --because "Wang is on leave"

A type is exact (`person.set`) or, ending in a dot, a family (`excursion.`). Of a finding of `verify`
keep the database as it is, and a copy of it: it is evidence. `rebuild` changes no entry.

Exit codes: 0 all is well; 1 something is not as it should be, with one line for each finding;
2 cannot be run like this.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.options import DEFAULT_ZONE, STATE_DIR, STATE_DIR_VARIABLE, state_dir, zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from journal.journal import Entry
    from journal.projections import Rebuilt

_FOUND: Final = 1
_UNUSABLE: Final = 2
_LISTED: Final = 200
_SHOWN: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = _action(actions, "verify", "recompute the chain, and look at what guards it")
    verify.add_argument(
        "--seen",
        type=_seen,
        action="append",
        default=[],
        metavar="POSITION:HASH",
        help="an entry as it was seen elsewhere before; may be given several times. Without one, "
        "entries cut off at the end leave no trace",
    )
    listing = _action(actions, "list", "print entries, oldest first")
    listing.add_argument("--type", help="only of this type; with a dot at the end, of this family")
    listing.add_argument("--subject", help="only about this person, excursion, asset, device ...")
    listing.add_argument(
        "--after",
        type=_count,
        metavar="POSITION",
        help="only entries behind this one; without it the newest are printed",
    )
    listing.add_argument(
        "--limit", type=_count, default=_LISTED, help=f"at most so many (default: {_LISTED})"
    )
    rebuild = _action(actions, "rebuild", "make the tables anew from the entries, and compare")
    rebuild.add_argument(
        "--check", action="store_true", help="compare only; the tables stay as they are"
    )
    enter = actions.add_parser(
        "enter",
        help="enter what has changed in the hub's settings, with who and why",
        description="Enter what has changed in the hub's settings, with who and why. The running "
        "hub takes the new settings when it is started again.",
        allow_abbrev=False,
    )
    enter.add_argument("settings", type=Path, metavar="HUB.toml", help="the hub's settings")
    enter.add_argument("--changed-by", required=True, metavar="NAME", help="who changed them")
    enter.add_argument("--because", required=True, metavar="TEXT", help="why")
    enter.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        help=f"the hub's folder (default: ${STATE_DIR_VARIABLE}, else {STATE_DIR})",
    )
    parser.add_argument(
        "--zone", type=zone, default=DEFAULT_ZONE, help=f"IANA time zone (default: {DEFAULT_ZONE})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _seen(text: str) -> tuple[int, str]:
    position, _, hash_ = text.partition(":")
    if not position.isdecimal() or len(hash_) != 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not POSITION:HASH, the hash of 64 digits")
    return int(position), hash_.lower()


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of entries; write 100")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from config.loading import SettingsError
    from journal.database import DatabaseError

    try:
        return _ACTIONS[args.action](args)
    except SettingsError as error:
        print(error, file=sys.stderr)
    except DatabaseError as error:
        print(f"coldwatch journal: {error}", file=sys.stderr)
    return _UNUSABLE


@contextmanager
def _open(args: argparse.Namespace, *, read_only: bool) -> Iterator[Engine]:
    from hub.declared import metadata
    from journal.database import DatabaseError, create_tables, has_tables, open_database
    from journal.place import find, is_there

    where = find(state_dir(args))
    if not is_there(where):
        raise DatabaseError(
            "cannot-open",
            f"{where}: there is no such file; start the hub once, or give --state-dir",
        )
    engine = open_database(where, read_only=read_only)
    try:
        if not read_only:
            create_tables(engine)
        elif not has_tables(engine, metadata.tables["journal"]):
            raise DatabaseError("not-a-database", f"{where}: it has no journal; start the hub once")
        yield engine
    finally:
        engine.dispose()


def _verify(args: argparse.Namespace) -> int:
    from journal.database import missing_guards, read
    from journal.journal import head, verify

    with _open(args, read_only=True) as engine, read(engine) as conn:
        findings = verify(conn, dict(args.seen))
        findings += [
            f"{name} is missing or weakened: entries can be changed until the hub starts again"
            for name in missing_guards(conn)
        ]
        newest = head(conn)
    if args.json:
        body = {"whole": not findings, "findings": findings, "head": newest.position}
        print(json.dumps({**body, "hash": newest.hash}, ensure_ascii=False, indent=2))
    elif findings:
        print("\n".join(findings))
    else:
        print(f"the journal is whole: {newest.position} entries, the newest {newest.hash}")
    return _FOUND if findings else 0


def _list(args: argparse.Namespace) -> int:
    from journal.database import read
    from journal.journal import entries

    with _open(args, read_only=True) as engine, read(engine) as conn:
        found = list(
            entries(
                conn,
                types=args.type,
                subject=args.subject,
                after=args.after or 0,
                limit=args.limit,
                newest_first=args.after is None,
            )
        )
    found.sort(key=lambda entry: entry.position)
    if args.json:
        print(json.dumps({"entries": [_json(entry) for entry in found]}, ensure_ascii=False))
        return 0
    for entry in found:
        when = datetime.fromtimestamp(entry.at / 1000, args.zone).strftime("%Y-%m-%d %H:%M:%S")
        body = json.dumps(entry.body, ensure_ascii=False, sort_keys=True)
        words = (str(entry.position), when, entry.actor, entry.type, entry.subject, body)
        print("  ".join(map(_printable, words)))
    if len(found) == args.limit:
        print(f"these are {args.limit}; --limit and --after show more", file=sys.stderr)
    return 0


def _json(entry: Entry) -> dict[str, Any]:
    names = ("position", "at", "actor", "type", "subject", "body", "prev", "hash")
    return {name: getattr(entry, name) for name in names}


def _printable(text: str) -> str:
    """Spell a text so that nothing in it can act on a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


class _UndoError(Exception):
    """Ends a transaction that must leave nothing."""


def _rebuild(args: argparse.Namespace) -> int:
    from journal.database import write
    from journal.journal import verify
    from journal.projections import rebuild_all

    rebuilt: list[Rebuilt] = []
    findings: list[str] = []
    try:
        with _open(args, read_only=False) as engine, write(engine) as conn:
            findings = verify(conn)
            if not findings:
                rebuilt = list(rebuild_all(conn))
            if args.check or findings:
                raise _UndoError
    except _UndoError:
        pass
    differ = sum(len(each.differences) for each in rebuilt)
    if args.json:
        print(json.dumps(_rebuilt_json(rebuilt, findings), ensure_ascii=False, indent=2))
    elif findings:
        print("\n".join([*findings, "nothing was made anew from a journal that is not whole"]))
    else:
        _say_rebuilt(rebuilt, differ, check=args.check)
    return _FOUND if differ or findings else 0


def _rebuilt_json(rebuilt: list[Rebuilt], findings: list[str]) -> dict[str, Any]:
    tables = [
        {
            "projection": each.projection,
            "table": each.table,
            "rows": each.rows,
            "differences": [
                {"key": one.key, "columns": one.columns, "before": one.before, "after": one.after}
                for one in each.differences
            ],
        }
        for each in rebuilt
    ]
    identical = not findings and not any(each.differences for each in rebuilt)
    return {"identical": identical, "findings": findings, "tables": tables}


def _say_rebuilt(rebuilt: list[Rebuilt], differ: int, *, check: bool) -> None:
    for each in rebuilt:
        state = f"{len(each.differences)} differ" if each.differences else "identical"
        print(f"{each.projection:14}{each.table:22}{each.rows:>9} rows  {state}")
        for one in each.differences[:_SHOWN]:
            key = ", ".join(f"{name} {value}" for name, value in one.key.items())
            if one.before is None or one.after is None:
                what = "was missing" if one.before is None else "is in no entry"
                print(f"    {_printable(key)}: {what}")
            for name in one.columns:
                assert one.before is not None
                assert one.after is not None
                line = (
                    f"{key}: {name} was {one.before[name]!r}, the journal says {one.after[name]!r}"
                )
                print(f"    {_printable(line)}")
        if len(each.differences) > _SHOWN:
            print(f"    and {len(each.differences) - _SHOWN} more; --json has them all")
    if not differ:
        print("all tables are what the journal says")
    elif check:
        print("nothing was changed; `coldwatch journal rebuild` makes them what the journal says")
    else:
        print("all tables are what the journal says now")


def _enter(args: argparse.Namespace) -> int:
    from config.clock import clock_from_environment
    from config.hub import HubSettings
    from config.loading import read, validate
    from hub.books import open_books
    from journal.database import write
    from journal.directory import Said, enter

    file = read(args.settings)
    settings = validate(file, HubSettings)
    engine = open_books(settings)
    try:
        with write(engine) as conn:
            said = Said(file.text, args.changed_by, args.because)
            entered = enter(conn, settings, clock_from_environment().now_ms(), said)
    finally:
        engine.dispose()
    if args.json:
        print(json.dumps({"entries": [_json(entry) for entry in entered]}, ensure_ascii=False))
    elif not entered:
        print("nothing has changed since the newest entry")
    else:
        print("\n".join(f"{each.position}  {each.type}  {each.subject}" for each in entered))
    return 0


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "verify": _verify,
    "list": _list,
    "rebuild": _rebuild,
    "enter": _enter,
}
