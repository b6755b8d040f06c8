"""Small file systems of their own, which a test may fill and make read-only. Needs root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def needs_root() -> None:
    """Skip where this user may not mount; in CI that is a failure."""
    if os.geteuid() == 0:
        return
    reason = "only root may mount a small disk"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of its own at ``path``: it can be filled without harm."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(path)], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextmanager
def read_only(path: Path) -> Iterator[Callable[[], None]]:
    """Make a mounted disk read-only until the function that is given is called, or to the end."""

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(path)], check=True)

    remount("ro")
    try:
        yield lambda: remount("rw")
    finally:
        remount("rw")


def fill_up(folder: Path) -> Path:
    """Leave no room on the disk that ``folder`` is on; return the file to remove for some."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096) == 4096:
            pass
    return ballast
