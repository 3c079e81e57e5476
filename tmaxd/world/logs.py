"""Log files, the workers' and our own: rotated by size. Links are not followed."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

from tmaxd.ports import WorldError

LIMIT = 10 * 1024 * 1024
"""Bytes a log may have before it is rotated."""
KEEP = 3
"""Older files of a worker: `WORKER.log.1` is the youngest; `.gz` is behind the number where it was packed."""
RENAMING = threading.Lock()
"""Held while rotated logs change their names or go, so that nobody takes one for another."""


def rotate(path: Path, limit: int = LIMIT, keep: int = KEEP) -> bool:
    """Rename `LOG` to `LOG.1`, `LOG.1` to `LOG.2` and so on when it has more than `limit` bytes; the oldest
    is replaced. True: it was renamed, and whoever has it open still writes to the renamed file, so the
    pane must be piped anew. Raises WorldError when a name cannot be had."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(there.st_mode) or there.st_size <= limit:
        return False
    try:
        with RENAMING:
            _make_way(path, keep)
            path.replace(_older(path, 1))
    except OSError as error:
        raise WorldError(f"the log {path} cannot be rotated: {error.strerror}") from error
    return True


def rotate_own(path: Path, limit: int = LIMIT, keep: int = KEEP) -> bool:
    """The same for the log that this process writes to as its standard output and error, which then go on in a new
    file. False where they go elsewhere (a terminal, the journal)."""
    try:
        ours = os.path.samestat(os.fstat(2), path.lstat())
    except OSError:
        return False
    if not ours or not rotate(path, limit, keep):
        return False
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        os.dup2(fd, 1)
        os.dup2(fd, 2)
    finally:
        os.close(fd)
    return True


def _make_way(path: Path, keep: int) -> None:
    """The name `LOG.1` is free, packed or not."""
    for packed in (".gz", ""):
        _older(path, keep, packed).unlink(missing_ok=True)
        for number in range(keep - 1, 0, -1):
            older = _older(path, number, packed)
            if os.path.lexists(older):
                older.replace(_older(path, number + 1, packed))


def _older(path: Path, number: int, packed: str = "") -> Path:
    return path.with_name(f"{path.name}.{number}{packed}")
