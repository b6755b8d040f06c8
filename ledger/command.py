"""Doses: receive, move and issue them, see their journey and the stock.

Every movement is a journal entry and is never edited. Doses on hold, expired, or with more
unknown time than is allowed cannot be issued. A batch is named PRODUCT/LOT, or by its lot where
only one product has it; a place is SITE/ASSET, or SITE/ASSET#LABEL for a box that carries a label.

Exit codes: 0 done; 1 refused, with one line that says why; 2 cannot be run like this.

Examples:
  coldwatch ledger receive MMR/202601A --expiry 2027-12-31 --doses 40 --asset east-gate/fridge-1
  coldwatch ledger move MMR/202601A --from east-gate/fridge-1 --to clinic/fridge-3 --doses 10
  coldwatch ledger issue MMR/202601A --asset clinic/fridge-3 --doses 1
  coldwatch ledger issue --product MMR --asset clinic/fridge-3 --doses 2   # first to expire first
  coldwatch ledger journey MMR/202601A --json
  coldwatch ledger stock --lang zh
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.options import add_where_and_how, state_dir, time
from config.options import language as language_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.clock import Clock
    from history.port import History
    from ledger.batches import Entered
    from ledger.holds import Hold
    from ledger.phrases import Language, LedgerError, Phrase

REFUSED: Final = 1
UNUSABLE: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    receive = _action(actions, "receive", "take doses of a batch into an asset", "BATCH")
    receive.add_argument("--expiry", type=_date, required=True, help="last day of use, YYYY-MM-DD")
    _movement(receive, "--asset", "where they go: SITE/ASSET or SITE/ASSET#LABEL")
    move = _action(actions, "move", "move doses to another asset or label", "BATCH")
    move.add_argument("--from", dest="source", required=True, help="where they stand")
    move.add_argument("--to", dest="target", required=True, help="where they go")
    move.add_argument("--doses", type=int, help="how many (default: all that stand there)")
    _when_and_who(move)
    issue = _action(actions, "issue", "give out usable doses", None)
    which = issue.add_mutually_exclusive_group(required=True)
    which.add_argument("batch", nargs="?", metavar="BATCH", help="PRODUCT/LOT, or LOT")
    which.add_argument("--product", help="of this product, whichever expires first")
    issue.add_argument("--recipient", default="", help="who gets them (an office, not a patient)")
    _movement(issue, "--asset", "where they stand: SITE/ASSET or SITE/ASSET#LABEL")
    _action(actions, "journey", "where a batch stood and what it went through", "BATCH")
    _action(actions, "stock", "what is there, and whether it may be used", None)


def _action(actions: Any, name: str, text: str, batch: str | None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    if batch is not None:
        parser.add_argument("batch", metavar=batch, help="PRODUCT/LOT, or LOT")
    where = add_where_and_how(parser)
    where.add_argument("--database", type=Path, help="hub.db, where it lies elsewhere")
    where.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _movement(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    parser.add_argument("--doses", type=int, required=True, help="how many")
    parser.add_argument(option, required=True, help=text)
    _when_and_who(parser)


def _when_and_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at",
        type=time,
        help="when it happened, ISO 8601; without offset in --zone (default: now)",
    )
    parser.add_argument("--actor", help="who says so (default: the login name)")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write 2027-12-31") from None


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from history.port import HistoryUnavailableError
    from journal.database import DatabaseError
    from ledger.phrases import LedgerError

    language = language_of(args)
    try:
        answer, lines = _ACTIONS[args.action](args, language)
    except LedgerError as error:
        return _refuse(error, args, language)
    except (DatabaseError, HistoryUnavailableError) as error:
        print(f"coldwatch ledger: {error}", file=sys.stderr)
        return UNUSABLE
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines))
    return 0


def _refuse(error: LedgerError, args: argparse.Namespace, language: Language) -> int:
    message = error.phrase.text(language, args.zone)
    if args.json:
        body = {"refused": True, "reason": error.code, "message": message}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print(message, file=sys.stderr)
    return REFUSED


def _open(args: argparse.Namespace, *, read_only: bool) -> tuple[Engine, History]:
    from history.opening import open_to_read
    from journal.database import DatabaseError, create_tables, has_tables, open_database
    from journal.journal import journal
    from journal.place import find, is_there
    from ledger.store import movements

    folder = state_dir(args)
    database = args.database or find(folder)
    if not is_there(database):
        raise DatabaseError(
            "cannot-open",
            f"{database}: there is no such file; start the hub once, or give --state-dir",
        )
    engine = open_database(database, read_only=read_only)
    if not read_only:
        create_tables(engine)
    elif not has_tables(engine, journal, movements):
        raise DatabaseError(
            "not-a-database", f"{database}: it has no tables of the ledger; start the hub once"
        )
    return engine, open_to_read(folder)


def _clock() -> Clock:
    from config.clock import clock_from_environment

    return clock_from_environment()


def _at(args: argparse.Namespace) -> int | None:
    if args.at is None:
        return None
    given: datetime = args.at
    aware = given if given.tzinfo is not None else given.replace(tzinfo=args.zone)
    return round(aware.timestamp() * 1000)


def _actor(args: argparse.Namespace) -> str:
    try:
        return args.actor or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return f"uid {os.getuid()}"


def _receive(args: argparse.Namespace, language: Language) -> tuple[Any, list[str]]:
    from journal.database import write
    from ledger.batches import receive
    from ledger.phrases import LedgerError

    product, _, lot = args.batch.partition("/")
    if not lot:
        raise LedgerError("bad-batch", batch=args.batch)
    engine, _history = _open(args, read_only=False)
    with write(engine) as conn:
        entered = receive(
            conn,
            product=product,
            lot=lot,
            expiry=args.expiry,
            doses=args.doses,
            asset=args.asset,
            at=_at(args),
            now=_clock().now_ms(),
            actor=_actor(args),
            zone=args.zone,
        )
    return _said([entered], entered.holds, entered.warnings, args, language)


def _move(args: argparse.Namespace, language: Language) -> tuple[Any, list[str]]:
    from journal.database import write
    from ledger.batches import move

    engine, _history = _open(args, read_only=False)
    with write(engine) as conn:
        entered = move(
            conn,
            batch=args.batch,
            source=args.source,
            target=args.target,
            doses=args.doses,
            at=_at(args),
            now=_clock().now_ms(),
            actor=_actor(args),
        )
    return _said([entered], entered.holds, entered.warnings, args, language)


def _issue(args: argparse.Namespace, language: Language) -> tuple[Any, list[str]]:
    from ledger.issues import issue

    engine, history = _open(args, read_only=False)
    done = issue(
        engine,
        history,
        _clock(),
        batch=args.batch,
        product=args.product,
        asset=args.asset,
        doses=args.doses,
        recipient=args.recipient,
        at=_at(args),
        actor=_actor(args),
        zone=args.zone,
    )
    return _said(done.entered, done.holds, done.warnings, args, language)


def _said(
    entered: list[Entered],
    holds: list[Hold],
    warnings: list[Phrase],
    args: argparse.Namespace,
    language: Language,
) -> tuple[Any, list[str]]:
    """Return what movements did, for programs and for people."""
    from ledger.answers import hold_json, movement_json
    from ledger.pages import movement_line

    said = [warning.text(language, args.zone) for warning in warnings]
    answer = {
        "refused": False,
        "entered": [movement_json(one, args.zone) for one in entered],
        "holds": [hold_json(hold, args.zone) for hold in holds],
        "warnings": said,
    }
    return answer, [*(movement_line(one, language, args.zone) for one in entered), *said]


def _journey(args: argparse.Namespace, language: Language) -> tuple[Any, list[str]]:
    from journal.database import read
    from ledger.answers import journey_json
    from ledger.journey import journey
    from ledger.pages import journey_page

    engine, history = _open(args, read_only=True)
    with read(engine) as conn:
        found = journey(conn, history, args.batch, now=_clock().now_ms(), zone=args.zone)
        answer = journey_json(found, zone=args.zone, language=language)
    return answer, journey_page(found, language, args.zone)


def _stock(args: argparse.Namespace, language: Language) -> tuple[Any, list[str]]:
    from journal.database import read
    from ledger.answers import overview_json
    from ledger.pages import stock_page
    from ledger.stock import overview

    engine, history = _open(args, read_only=True)
    with read(engine) as conn:
        batches = overview(conn, history, _clock().now_ms(), zone=args.zone)
    answer = {"batches": [overview_json(one, args.zone, language) for one in batches]}
    return answer, stock_page(batches, language, args.zone)


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, Language], tuple[Any, list[str]]]]] = {
    "receive": _receive,
    "move": _move,
    "issue": _issue,
    "journey": _journey,
    "stock": _stock,
}
