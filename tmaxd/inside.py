"""A file inside a folder, opened without trusting the path that somebody else gave: workers name their result files."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def open_inside(folder: Path, path: str) -> int:
    """Open a regular file inside `folder` for reading, walking down from it without following links.
    Raises OSError; ValueError when the path does not lie inside."""
    at, name = _walk(folder, path)
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes would wait for ever.
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise ValueError(path)
    return file


def remove_inside(folder: Path, path: str) -> None:
    """Remove a file inside `folder`, likewise. Raises OSError and ValueError."""
    at, name = _walk(folder, path)
    try:
        os.unlink(name, dir_fd=at)
    finally:
        os.close(at)


def _walk(folder: Path, path: str) -> tuple[int, str]:
    """The folder that the file stands in, opened, and the file's name there."""
    parts = Path(path).relative_to(folder).parts
    if not parts or ".." in parts:
        raise ValueError(path)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    at = os.open(folder, flags)
    try:
        for part in parts[:-1]:
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
    except OSError:
        os.close(at)
        raise
    return at, parts[-1]
