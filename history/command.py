"""Ask the hub's history: which series it has, what they went through, and take readings out.

A series is named SITE ASSET/POINT/QUANTITY, as `coldwatch history list` shows them. Times without
offset are read in --zone; a date alone is its midnight; --to is not included, and "now" is a time
as well. The figures of `stats` are those of `coldwatch excursions` on the same readings: unknown
time is never counted as inside. Without --below, --above, --interval and --max-gap they are counted
by the range and the holding rule that the hub knows for that series.

An export holds every reading, rejected ones too (column "quality"), and is streamed: five years
need no more memory than a day. XLSX and Parquet need: pip install 'coldwatch[export]'.

Exit codes: 0 done; 1 no judged reading in the range; 2 cannot be run like this.

Examples:
  coldwatch history list
  coldwatch history stats east-gate fridge-1/center/temperature
  coldwatch history stats east-gate fridge-1/center/temperature --from 2026-05-01 --to 2026-06-01
  coldwatch history stats clinic room/wall/humidity --above 65 --interval 60s --json
  coldwatch history export east-gate fridge-1/center/temperature > fridge-1.csv
  coldwatch history export east-gate fridge-1/center/temperature -o fridge-1.xlsx --from 2026-05-01
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from config.options import language, state_dir
from history.desk.options import AskedWrongError, add_arguments, between, now, rule_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from history.export import Export, SeriesRule
    from history.port import History

__all__ = ["add_arguments", "run"]

NOTHING: Final = 1
UNUSABLE: Final = 2


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from history.desk.known import UnknownNameError
    from history.desk.saving import SavingError
    from history.opening import open_to_read
    from history.port import HistoryUnavailableError

    try:
        history = open_to_read(state_dir(args))
        try:
            return _ACTIONS[args.action](args, history)
        finally:
            history.close()
    except (AskedWrongError, UnknownNameError, SavingError, HistoryUnavailableError) as error:
        return _complain(str(error))


def _complain(text: str, code: int = UNUSABLE) -> int:
    print(f"coldwatch history: {text}", file=sys.stderr)
    return code


def _rules(args: argparse.Namespace) -> dict[tuple[str, str], SeriesRule]:
    """Return the rules that the hub knows."""
    from config.database import begun
    from history.desk.known import rules_known

    if not begun(state_dir(args)):
        return {}
    from journal.database import DatabaseError

    try:
        return rules_known(state_dir(args), args.site)
    except DatabaseError as error:
        raise AskedWrongError(str(error)) from None


def _list(args: argparse.Namespace, history: History) -> int:
    from history.desk.known import check_site
    from history.desk.listing import as_json, as_text, listed

    if args.site is not None:
        check_site(history, args.site)
    at = now()
    rows = listed(history, _rules(args), now=at, site=args.site)
    if args.json:
        _print(as_json(rows, args.zone, at))
    elif rows:
        print(as_text(rows, args.zone, at, language(args)))
    else:
        print(f"coldwatch history: {state_dir(args)}: no readings yet", file=sys.stderr)
    return 0


def _stats(args: argparse.Namespace, history: History) -> int:
    from history.desk.answers import as_json
    from history.desk.known import check_series
    from history.desk.page import as_text
    from history.desk.stats import statistics

    start, end = between(args)
    check_series(history, args.site, [args.series])
    rule, from_hub = rule_of(args, _rules(args).get((args.site, args.series)))
    found = statistics(history, args.site, rule, args.zone, start=start, end=end)
    if args.json:
        _print(as_json(found))
    else:
        print(as_text(found, language(args), from_hub=from_hub))
    return 0 if found.exposure is not None and found.exposure.readings else NOTHING


def _export(args: argparse.Namespace, history: History) -> int:
    from history.desk.saving import format_of, pour, save
    from history.desk.words import stamp, word

    if args.json and args.output is None:
        raise AskedWrongError("--json says what was written: add -o FILE, or leave it out")
    format_ = format_of(args.format, args.output)
    if args.bom and format_ != "csv":
        raise AskedWrongError("--bom is for CSV only")
    export = _what(args, history)
    if args.output is None:
        count = pour(history, export)
    else:
        count = save(history, export, format_, args.output, force=args.force)
    said = language(args)
    if args.json:
        _print(
            {
                "file": str(args.output),
                "format": format_,
                "bytes": args.output.stat().st_size,
                "readings": count,
                "site": export.site,
                "series": list(export.series),
                "from": stamp(export.start, args.zone),
                "to": stamp(export.end, args.zone),
            }
        )
    elif args.output is not None:
        print(word("exported", said, file=args.output, n=count), file=sys.stderr)
    if not count:
        print(word("empty", said), file=sys.stderr)
    return 0


def _what(args: argparse.Namespace, history: History) -> Export:
    """Return what is to be exported."""
    from history.desk.known import check_series
    from history.desk.saving import span
    from history.export import Export

    start, end = between(args)
    series = tuple(sorted(dict.fromkeys(args.series)))
    check_series(history, args.site, series)
    rules = _rules(args)
    first, last = span(history, args.site, series)
    return Export(
        site=args.site,
        series=series,
        start=first if start is None else start,
        end=max(last + 1, start or 0) if end is None else end,
        zone=args.zone,
        zone_name=args.zone.key,
        made_at=now(),
        language=language(args),
        rules=tuple(rules[args.site, s] for s in series if (args.site, s) in rules),
        bom=args.bom,
    )


def _print(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, History], int]]] = {
    "list": _list,
    "stats": _stats,
    "export": _export,
}
