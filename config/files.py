"""Files that are there whole or not at all, whatever is killed; and whose they are."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, data: bytes, mode: int, group: int | None = None) -> None:
    """Put a file in place by one rename, durably; from the first byte on nobody else may read it.

    Its folder is made where there is none. Raises OSError; then the file that was there is whole.
    What root writes belongs to the owner of the folder: a person at the machine mostly is root,
    and the daemon that reads it is not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        _give(file.fileno(), path.parent, group)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)


def make_folder(path: Path, mode: int, group: int | None = None) -> None:
    """Make a folder with this mode where there is none; it belongs to whom its parent belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _give(handle, path.parent, group)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def give_to_owner(path: Path) -> None:
    """Give a file to the owner of its folder, where we are root."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def sync_folder(path: Path) -> None:
    """Have the names in a folder written to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _give(handle: int, like: Path, group: int | None) -> None:
    if os.geteuid() == 0:
        owner = like.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid if group is None else group)
    elif group is not None:
        os.fchown(handle, -1, group)
