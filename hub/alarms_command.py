"""Alarms: see which need somebody, answer them, explain them, and announce work before it alarms.

An alarm is one side of one asset, from the first trouble until all of it is over. It is open and
nobody sees to it (people are told, and told again), or somebody has answered (for half an hour,
unless it gets worse), or it is over. Heat and freeze stay on the list until somebody has said why
it came and what was done. A code of four digits, or the alarm's id, says which one is meant.

  coldwatch alarms list                                     # what needs somebody now
  coldwatch alarms list --site east-gate --json
  coldwatch alarms answer 4831 --by li                      # Li sees to it: people are left in peace
  coldwatch alarms explain 4831 --by li --reason door --action "shut it, 3 vials moved"
  coldwatch alarms plan east-gate/fridge-1 --for 60min --reason defrosting --by li
  coldwatch alarms plan east-gate/fridge-1 --from 2026-05-04T14:00 --for 2h --reason count --by li
  coldwatch alarms end 0f3a9c… --by li                      # the work is done earlier

A code is looked for among the alarms of which that person was told; an id answers any. Planned work
keeps people from being woken, and nothing else: exposure counts, and what is still outside when the
work is over is told at once. It writes beside a running hub. Nobody is asked for a password: who may
write the hub's database may answer, and the entry says by whom and that it was this command.

Exit codes: 0 done; 1 refused, with one line that says why; 2 cannot be run like this.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alerts.answers import REASONS
from config.options import add_where_and_how, duration, state_dir, time
from hub.alarm_lines import alarm_json, line, utc_ms, word, work_json, work_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.clock import Clock
    from hub.alarms import Alarm

REFUSED: Final = 1
UNUSABLE: Final = 2
_WAY: Final = "command"


class RefusedError(Exception):
    """What was asked cannot be done; the text is one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "alarms that need somebody, and planned work")
    listing.add_argument("--site", help="only of this site")
    answer = _action(actions, "answer", "say that somebody sees to an alarm")
    _which(answer)
    explain = _action(actions, "explain", "say why an alarm came, and what was done")
    _which(explain)
    explain.add_argument(
        "--reason",
        required=True,
        choices=REASONS,
        help="why it came; `probe`: dead or lost, which ends what is open once it is silent",
    )
    explain.add_argument("--action", required=True, dest="done", help="what was done")
    explain.add_argument("--text", default="", help="in your own words; needed for `other`")
    plan = _action(actions, "plan", "announce work on an asset: nobody is woken for it meanwhile")
    plan.add_argument("asset", metavar="SITE/ASSET", help="what is worked on")
    plan.add_argument("--from", dest="start", type=time, help="when it begins (default: now)")
    until = plan.add_mutually_exclusive_group(required=True)
    until.add_argument("--until", type=time, help="when it ends by itself")
    until.add_argument("--for", dest="lasting", type=duration, help="how long, such as 60min")
    plan.add_argument("--reason", required=True, help="what is done, such as defrosting")
    _by(plan)
    end = _action(actions, "end", "say that planned work is done")
    end.add_argument("work", metavar="WORK", help="its id, as `plan` and `list` print it")
    _by(end)


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    where = add_where_and_how(parser)
    where.add_argument("--database", type=Path, help="hub.db, where it lies elsewhere")
    where.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("alarm", metavar="CODE|ID", help="four digits, or the alarm's id")
    _by(parser)


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by", required=True, metavar="PERSON", help="id of the person who says so"
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from journal.database import DatabaseError

    try:
        answer, lines = _ACTIONS[args.action](args)
    except RefusedError as error:
        if args.json:
            print(json.dumps({"refused": True, "message": str(error)}, ensure_ascii=False))
        else:
            print(f"coldwatch alarms: {error}", file=sys.stderr)
        return REFUSED
    except DatabaseError as error:
        print(f"coldwatch alarms: {error}", file=sys.stderr)
        return UNUSABLE
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines))
    return 0


@contextmanager
def _transaction(args: argparse.Namespace, *, reading: bool) -> Iterator[Connection]:
    from hub.declared import metadata  # noqa: F401 - declares every table
    from journal import database
    from journal.place import find, is_there

    place = args.database or find(state_dir(args))
    if not is_there(place):
        raise database.DatabaseError(
            "cannot-open",
            f"{place}: there is no such file; start the hub once, or give --state-dir",
        )
    engine = database.open_database(place, read_only=reading)
    try:
        if reading:
            from hub.tables import alarms
            from journal.work import works

            if not database.has_tables(engine, alarms, works):
                raise database.DatabaseError(
                    "not-a-database", f"{place}: it has no alarms; start the hub once"
                )
            with database.read(engine) as conn:
                yield conn
        else:
            database.create_tables(engine)
            with database.write(engine) as conn:
                yield conn
    finally:
        engine.dispose()


def _clock() -> Clock:
    from config.clock import clock_from_environment

    return clock_from_environment()


def _person(conn: Connection, person: str) -> str:
    """Return the person; refuse one that the hub's settings do not know."""
    from journal.directory import in_force

    known = {item.subject for item in in_force(conn, "person")}
    if known and person not in known:
        raise RefusedError(f"{person} is no person of the hub's settings; write one of "
                           f"{', '.join(sorted(known))}")  # fmt: skip
    return person


def _alarms(conn: Connection, which: str, person: str, now: int) -> list[Alarm]:
    """Return what a code or an id means; two alarms may share a code."""
    from hub.alarms import alarm, by_code

    if len(which) == 4 and which.isdecimal():
        found = by_code(conn, person, which, now)
        if not found:
            raise RefusedError(
                f"no alarm that {person} was told of has the code {which}; "
                "`coldwatch alarms list` shows what is open"
            )
        return found
    known = alarm(conn, which)
    if known is None:
        raise RefusedError(f"there is no alarm {which}; `coldwatch alarms list` shows what is open")
    return [known]


# --- actions ---

Said = tuple[dict[str, Any], list[str]]


def _list(args: argparse.Namespace) -> Said:
    from hub.standing import current
    from journal.work import planned

    now = _clock().now_ms()
    with _transaction(args, reading=True) as conn:
        found = current(conn, now, args.site)
        work = planned(conn, site=args.site, after=now)
    lines = [line(alarm, stands, args) for alarm, stands in found]
    if not lines:
        lines = [word("no alarm is open, and none is to be explained", args)]
    if work:
        lines += ["", f"{word('planned work', args)}:", *(work_line(each, args) for each in work)]
    answer = {
        "at": now,
        "alarms": [alarm_json(alarm, stands) for alarm, stands in found],
        "work": [work_json(each) for each in work],
    }
    return answer, lines


def _answer(args: argparse.Namespace) -> Said:
    from hub.alarms import acknowledge

    def act(conn: Connection, alarm: Alarm, person: str, now: int) -> Alarm:
        return acknowledge(conn, alarm.id, person=person, way=_WAY, now=now)

    return _act(args, act)


def _explain(args: argparse.Namespace) -> Said:
    from hub.alarms import explain

    action, text = args.done.strip(), args.text.strip()
    if not action:
        raise RefusedError("--action is empty; say what was done")
    if args.reason == "other" and not text:
        raise RefusedError("the reason `other` needs --text; say what it was")

    def act(conn: Connection, alarm: Alarm, person: str, now: int) -> Alarm:
        return explain(
            conn, alarm.id, person=person, reason=args.reason, action=action, text=text, way=_WAY,
            now=now,
        )  # fmt: skip

    return _act(args, act)


def _act(args: argparse.Namespace, act: Callable[[Connection, Alarm, str, int], Alarm]) -> Said:
    from hub.standing import standing

    now = _clock().now_ms()
    with _transaction(args, reading=False) as conn:
        person = _person(conn, args.by)
        found = _alarms(conn, args.alarm, person, now)
        done = [act(conn, alarm, person, now) for alarm in found]
        shown = [(alarm, standing(conn, alarm, now)) for alarm in done]
    answer = {"refused": False, "alarms": [alarm_json(*each) for each in shown]}
    return answer, [line(*each, args) for each in shown]


def _plan(args: argparse.Namespace) -> Said:
    from journal.work import WorkRefusedError, plan

    now = _clock().now_ms()
    start = now if args.start is None else utc_ms(args.start, args)
    until = start + args.lasting if args.until is None else utc_ms(args.until, args)
    with _transaction(args, reading=False) as conn:
        _asset(conn, args.asset)
        try:
            work = plan(
                conn, args.asset, start, until, args.reason, _person(conn, args.by), now=now,
                way=_WAY,
            )  # fmt: skip
        except WorkRefusedError as error:
            raise RefusedError(str(error)) from error
    return {"refused": False, "work": [work_json(work)]}, [work_line(work, args)]


def _asset(conn: Connection, asset: str) -> None:
    """Refuse an asset that nobody knows: alarms of the true one would go on waking people."""
    from journal.directory import in_force

    known = {item.subject for item in in_force(conn, "asset")}
    if (known and asset not in known) or asset.count("/") != 1:
        raise RefusedError(f"{asset} is no asset of the hub's settings; write SITE/ASSET"
                           + (f", one of {', '.join(sorted(known))}" if known else ""))  # fmt: skip


def _end(args: argparse.Namespace) -> Said:
    from journal.work import WorkRefusedError, end

    with _transaction(args, reading=False) as conn:
        person = _person(conn, args.by)
        try:
            work = end(conn, args.work, person=person, now=_clock().now_ms(), way=_WAY)
        except WorkRefusedError as error:
            raise RefusedError(f"{error}; `coldwatch alarms list` shows what is planned") from error
    return {"refused": False, "work": [work_json(work)]}, [work_line(work, args)]


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace], Said]]] = {
    "list": _list,
    "answer": _answer,
    "explain": _explain,
    "plan": _plan,
    "end": _end,
}
