"""Judge any logger's table by the excursion rules, with the engine of agent and hub.

FILE is a CSV of a logger (- reads standard input): comma, semicolon or tab; times in ISO 8601 or
epoch seconds or milliseconds; a header or none. Rows that cannot be read are set aside and
reported with line number and reason. The rules come from profiles, or from --below, --above and
--for; without either, from the profile who-pqs.

Times without an offset are read in --zone (default UTC), which also decides where days begin.
Values become thousandths of a degree, rounded half to even from the decimal text. A reading holds
until the next one if that comes within --max-gap, else for one --interval; the rest is unknown,
never counted as inside and never as exposure. "seconds" of an excursion are those known to be
outside; unknown ones stand beside them.

Exit codes: 0 judged (whatever was found), 1 nothing could be read, 2 cannot be run like this.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alerts.table.options import (
    Judging,
    UsageError,
    add_arguments,
    judging_of,
    language_of,
    zone_of,
)
from alerts.table.refusals import Language

if TYPE_CHECKING:
    from datetime import tzinfo

    from alerts.table.reader import Table
    from alerts.table.report import Findings

__all__ = ["add_arguments", "run"]

# "three times `--interval` … but not under 15 min, WHO's largest sample gap" (design.md).
_INTERVALS_IN_GAP: Final = 3
_MIN_GAP_MS: Final = 15 * 60_000
_UNREADABLE: Final = 1
_USAGE: Final = 2


def run(args: argparse.Namespace) -> int:
    """Judge the table and print what was found."""
    from alerts.table.layout import EmptyTableError, LayoutError

    try:
        return _run(args)
    except EmptyTableError as error:
        return _complain(f"{args.file}: {error}", _UNREADABLE)
    except (UsageError, LayoutError) as error:
        return _complain(str(error), _USAGE)


def _complain(text: str, code: int) -> int:
    print(f"coldwatch excursions: {text}", file=sys.stderr)
    return code


def _run(args: argparse.Namespace) -> int:
    from alerts.table.report import as_json
    from alerts.table.text import as_text

    judging, zone, language = judging_of(args), zone_of(args.zone), language_of(args)
    progress = Progress()
    try:
        table = _read(args, zone, progress)
    except OSError as error:
        return _complain(f"{args.file}: {error.strerror or error}", _UNREADABLE)
    _tell_choices(table, judging)
    findings = _judge(args, table, judging, zone, progress)
    progress.end()
    if args.json:
        print(json.dumps(as_json(findings, language), ensure_ascii=False, allow_nan=False))
    else:
        print(as_text(findings, language))
    if not table.times:
        return _complain(f"{args.file}: no row could be read", _UNREADABLE)
    return _plot(findings, args.plot, language) if args.plot is not None else 0


def _read(args: argparse.Namespace, zone: tzinfo, progress: Progress) -> Table:
    from alerts.table.reader import read_table

    return read_table(
        sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes(),
        zone=zone,
        time_column=args.time_column,
        value_column=args.value_column,
        epoch=args.epoch,
        unit=args.unit,
        progress=progress.part(0, 50),
    )


def _tell_choices(table: Table, judging: Judging) -> None:
    """Say on standard error what nobody asked for and was chosen all the same."""
    layout = table.layout
    names = {"time": layout.name(layout.time), "value": layout.name(layout.value)}
    for what in layout.guessed:
        column = f"--{what}-column"
        print(
            f"guessed: {what}s from column {names[what]!r}; {column} says otherwise",
            file=sys.stderr,
        )
    if judging.remark is not None:
        print(judging.remark, file=sys.stderr)


def _judge(
    args: argparse.Namespace, table: Table, judging: Judging, zone: tzinfo, progress: Progress
) -> Findings:
    """Run engine and statistics over the table, both by one holding rule."""
    from alerts.table.judge import TableExcursion, judge_table
    from alerts.table.report import Findings
    from history.table import TableStatistics, table_statistics

    interval = args.interval or table.median_spacing_ms()
    max_gap = args.max_gap or max(_INTERVALS_IN_GAP * interval, _MIN_GAP_MS)
    if max_gap < interval:
        raise UsageError(
            "--max-gap is shorter than the interval: every reading would be followed by unknown time"
        )
    excursions: list[TableExcursion] = []
    statistics: TableStatistics | None = None
    if table.times:
        excursions = judge_table(
            table,
            judging.rules,
            interval_ms=interval,
            max_gap_ms=max_gap,
            progress=progress.part(50, 100),
        )
        statistics = table_statistics(
            table.times,
            table.values,
            low=judging.storage[0],
            high=judging.storage[1],
            interval_ms=interval,
            max_gap_ms=max_gap,
            zone=zone,
        )
    return Findings(
        file=args.file,
        table=table,
        rules=judging.rules,
        storage=judging.storage,
        interval_ms=interval,
        max_gap_ms=max_gap,
        zone=zone,
        zone_name=args.zone or "UTC",
        exposure=statistics.exposure if statistics is not None else None,
        days=statistics.days if statistics is not None else [],
        excursions=excursions,
    )


def _plot(findings: Findings, path: Path, language: Language) -> int:
    from alerts.table.plot import NoChineseFontError, draw

    try:
        draw(findings, path, language)
    except NoChineseFontError as error:
        return _complain(f"--plot: {error}", _USAGE)
    except OSError as error:
        return _complain(f"--plot {path}: {error.strerror or error}", _USAGE)
    return 0


class Progress:
    """Per cent done on standard error, where a person watches and the table is long."""

    def __init__(self) -> None:
        self.shown = -1
        self.watched = sys.stderr.isatty()

    def part(self, first: int, last: int) -> Callable[[int, int], None] | None:
        """Return what to call with (done, all) for the part from ``first`` to ``last`` per cent."""
        if not self.watched:
            return None

        def show(done: int, total: int) -> None:
            if total < 200_000:
                return
            percent = first + (last - first) * done // total
            if percent != self.shown:
                self.shown = percent
                print(f"\r{percent:3d} %", end="", file=sys.stderr, flush=True)

        return show

    def end(self) -> None:
        """Clear the line."""
        if self.shown >= 0:
            print("\r     \r", end="", file=sys.stderr, flush=True)
