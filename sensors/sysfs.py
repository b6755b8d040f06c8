"""Reading and writing the kernel's small files, and what their errors mean."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

# The files are about 80 bytes. One read(2) only: sysfs may start a conversion with each.
_MOST_BYTES: Final = 4096
GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO})
FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def read(path: Path) -> bytes:
    """Return what one read of the file gives; raise OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def write(path: Path, text: bytes) -> None:
    """Write the file at one go, which may block while the kernel works; raise OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)
