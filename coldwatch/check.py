"""Check a settings file of the agent, the hub or the watcher, and say what to write instead.

Each problem is one line: file, line, key, what is wrong, what to write. Elements of a list are
counted from 1, as in assets[1].points[2].name. Exits 1 when there is a problem.

Whose file it is shows by its keys ("device" or "assets": the agent's; "sites" or "people": the
hub's; "after" or "tell": the watcher's); --kind says it where that is in doubt, and --kind part checks
what a hub may hand out to a device (coldwatch settings push). For the agent the named profiles and the settings of
each probe are checked as well; no probe and no network is touched.

--explain says of good settings what they would do: who is told of what after how long, what waits for
the day, when it sounds, when batches are put on hold, and what nobody would be told of. The hub's file does not say which
rules watch a fridge; the agents' files do: --agent AGENT.toml, once for each.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from config.options import Language, language

if TYPE_CHECKING:
    from coldwatch.explained import Explained
    from config.loading import Problem, SettingsFile

_MORE = "; --explain says who would be told of what, and what nobody would be"
_AGENT_KEYS = ("device", "assets", "sampling", "spool", "panel", "clock", "site")
_HUB_KEYS = ("sites", "people", "sms", "history", "console", "lost_contact_after", "late_after")
_WATCH_KEYS = ("name", "zone", "after", "database", "tell")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `coldwatch check`."""
    parser.add_argument("file", metavar="FILE", help="agent.toml, hub.toml or watch.toml")
    parser.add_argument(
        "--kind", choices=("agent", "hub", "part", "watch"), help="whose settings these are"
    )
    parser.add_argument(
        "--explain", action="store_true", help="say who would be told of what after how long"
    )
    parser.add_argument(
        "--agent",
        metavar="AGENT.toml",
        action="append",
        default=[],
        help="the settings of an agent of this hub, for --explain; may be given several times",
    )
    parser.add_argument(
        "--lang", choices=("zh", "en"), help="language of --explain (default: from LANG)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Check the file, print what is wrong with it, and return 1 if anything is."""
    kind, problems = check(args.file, args.kind)
    for path in args.agent:
        problems += check(path, "agent")[1]
    explained = None
    spoken = language(args)
    if args.explain and not problems:
        explained, problems = explain(args.file, str(kind), args.agent, spoken)
    if args.json:
        found = [dataclasses.asdict(problem) for problem in problems]
        answer = {"file": args.file, "kind": kind, "ok": not problems, "problems": found}
        if explained is not None:
            answer["explained"] = dataclasses.asdict(explained)
        print(json.dumps(answer, ensure_ascii=False))
    elif problems:
        print(*problems, sep="\n")
        count = len(problems)
        print(f"{count} problem{'s' if count > 1 else ''} in {args.file}", file=sys.stderr)
    elif explained is not None:
        from coldwatch.explain_words import Say
        from coldwatch.explained import lines

        say = Say(spoken)
        print(say("good", file=args.file, kind=kind), *lines(explained, say), sep="\n")
    else:
        whose = "a device, from the hub" if kind == "part" else f"the {kind}"
        more = "" if kind not in {"hub", "agent"} else _MORE
        print(f"{args.file}: good settings for {whose}{more}")
    return 1 if problems else 0


def check(path: str, kind: str | None = None) -> tuple[str | None, list[Problem]]:
    """Return whose settings a file holds (None where unknown) and every problem in it."""
    from config.loading import SettingsError, read, validate

    try:
        file = read(path)
        kind = kind or kind_of(file)
        if kind == "hub":
            from config.hub import HubSettings

            validate(file, HubSettings)
            return kind, []
        if kind == "part":
            from firmware_agent.settings import check_part

            check_part(file)
            return kind, []
        if kind == "watch":
            from config.watch import WatchSettings

            validate(file, WatchSettings)
            return kind, []
        from config.agent import AgentSettings
        from firmware_agent.problems import problems
        from firmware_agent.settings import unreasoned

        settings = validate(file, AgentSettings)
        return kind, [*problems(file, settings), *unreasoned(file, settings)]
    except SettingsError as error:
        return kind, error.problems


def explain(
    path: str, kind: str, agents: Sequence[str], spoken: Language = "en"
) -> tuple[Explained | None, list[Problem]]:
    """Return what good settings would do; of those that do nothing by themselves a problem."""
    from coldwatch.explain_words import Say
    from coldwatch.explaining import explain_agent, explain_hub
    from config.agent import AgentSettings
    from config.hub import HubSettings
    from config.loading import Problem, read, validate

    if kind == "agent":
        return explain_agent(validate(read(path), AgentSettings), Say(spoken)), []
    if kind != "hub":
        message = f"--explain is for settings of a hub or an agent, not of a {kind}"
        return None, [Problem(path, None, None, message, "leave --explain out")]
    found = [validate(read(each), AgentSettings) for each in agents]
    return explain_hub(validate(read(path), HubSettings), found, Say(spoken)), []


def kind_of(file: SettingsFile) -> str:
    """Tell whose file it is by which side knows more of its keys; raise SettingsError on a draw."""
    from config.loading import Problem, SettingsError

    if not file.data:
        message, remedy = "the file holds no settings", "docs/settings has a sample of each kind"
        raise SettingsError([Problem(str(file.path), None, None, message, remedy)])
    keys = {"agent": _AGENT_KEYS, "hub": _HUB_KEYS, "watch": _WATCH_KEYS}
    known = {kind: sum(key in file.data for key in names) for kind, names in keys.items()}
    likely = [kind for kind in known if known[kind] == max(known.values())]
    if len(likely) > 1:
        message = "cannot tell whether these are settings of the agent or of the hub"
        remedy = "say --kind agent, --kind hub or --kind watch"
        raise SettingsError([Problem(str(file.path), None, None, message, remedy)])
    return likely[0]
