"""Samples of the settings files, made from the models: `python -m config.samples [--check]`.

What must be given stands there with an example; what has a default stands behind a "#" without a
space. Taking away every such "#" gives a file that is good as well.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config import spelling
from config.agent import AgentSettings
from config.hub import HubSettings
from config.watch import WatchSettings

FOLDER = Path("docs/settings")
SAMPLES: dict[str, type[BaseModel]] = {
    "agent.toml": AgentSettings,
    "hub.toml": HubSettings,
    "watch.toml": WatchSettings,
}

_HEAD = """\
# {title}
# Made by `make docs` from config/{name}.py; `coldwatch check FILE` checks a copy of it.
# A line that begins with "#" and no space is a setting at its default.
"""


def sample(model: type[BaseModel]) -> str:
    """Return a settings file for ``model`` with every setting that there is."""
    module = model.__module__.rpartition(".")[2]
    title = (inspect.getmodule(model).__doc__ or "").partition("\n")[0]
    return "\n".join([_HEAD.format(title=title, name=module), *_table(model, "")]).strip() + "\n"


def _table(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the lines of a table: its own settings first, then the tables in it."""
    inner: list[tuple[str, FieldInfo]] = []
    for name, field in model.model_fields.items():
        if spelling.inner_model(spelling.field_shape(field)) and not field.examples:
            inner.append((name, field))
            continue
        yield from _comment(field.description)
        optional = "" if field.is_required() else "#"
        written = spelling.written_name(name, field)
        yield f"{optional}{spelling.example_setting(written, field)}"
    for name, field in inner:
        shape = spelling.field_shape(field)
        section = spelling.inner_model(shape)
        if section is None:
            continue
        full = f"{path}.{name}" if path else name
        lines = [*_comment(inspect.getdoc(section))]
        lines.append(f"[[{full}]]" if spelling.is_table_list(shape) else f"[{full}]")
        lines += _table(section, full)
        yield ""
        left_out = not field.is_required() and field.default is None
        yield from (_off(line) if left_out else line for line in lines)


def _off(line: str) -> str:
    """Return a line of a table that is not there by default."""
    return f"#{line}" if line and not line.startswith("#") else line


def _comment(text: str | None) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text or "", 96)]


def main(argv: list[str] | None = None) -> int:
    """Write the samples, or with --check tell whether those written are up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    check = parser.parse_args(argv).check
    stale = 0
    for name, model in SAMPLES.items():
        path, text = FOLDER / name, sample(model)
        if check and (not path.exists() or path.read_text() != text):
            print(f"{path} is not what the models give; write: make docs", file=sys.stderr)
            stale = 1
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
