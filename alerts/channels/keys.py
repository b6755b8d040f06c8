"""Secrets of gateways: read from a file each time, and shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from protocol.tls import in_credentials


class KeyFileError(ValueError):
    """The file does not hold what is wanted; the text names the file and none of its content."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a cloud gateway: its id, which is no secret but nobody's business, and its secret."""

    id: str = field(repr=False)
    secret: str = field(repr=False)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file of secrets; empty ones and those that begin with # do not count.

    A relative path lies in systemd's credentials directory, where there is one. Raises KeyFileError.
    """
    there = in_credentials(path)
    try:
        text = there.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyFileError(f"{there} does not exist; write the secret there") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{there} is no text in UTF-8") from None
    except OSError as error:
        raise KeyFileError(f"{there} cannot be read ({error.strerror}); check its owner") from None
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def read_key(path: Path) -> Key:
    """Return a key from a file of two lines, its id and its secret. Raises KeyFileError."""
    lines = read_lines(path)
    if len(lines) != 2:
        raise KeyFileError(
            f"{in_credentials(path)} holds {len(lines)} lines; write two, the key's id and its secret"
        )
    return Key(*lines)


def read_secret(path: Path) -> str:
    """Return a secret from a file of one line. Raises KeyFileError."""
    lines = read_lines(path)
    if len(lines) != 1:
        raise KeyFileError(
            f"{in_credentials(path)} holds {len(lines)} lines; write one, the secret"
        )
    return lines[0]
