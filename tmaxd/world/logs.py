"""The workers' log files: rotated by size, read from their end. Links are not followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tmaxd.ports import WorldError

LIMIT = 10 * 1024 * 1024
"""Bytes a log may have before it is rotated."""
KEEP = 3
"""Older files of a worker: `WORKER.log.1` is the youngest."""
TAIL_LIMIT = 4 * 1024 * 1024
"""Bytes that `tail` gives at most: lines of pane output can be of any length."""

_BLOCK = 64 * 1024


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
        for number in range(keep - 1, 0, -1):
            older = _older(path, number)
            if os.path.lexists(older):
                older.replace(_older(path, number + 1))
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


def tail(path: Path, lines: int, keep: int = KEEP) -> bytes:
    """The last `lines` lines as they were written, rotated files included; an unfinished last line counts.
    At most `TAIL_LIMIT` bytes. No log is b""; one that cannot be read is a WorldError."""
    found = b""
    for file in (path, *(_older(path, number) for number in range(1, keep + 1))):
        missing = lines - _count(found)
        if missing <= 0 or len(found) >= TAIL_LIMIT:
            break
        part = _tail_of(file, missing, TAIL_LIMIT - len(found))
        if part is None and file != path:
            break
        found = (part or b"") + found
    return found


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _count(text: bytes) -> int:
    return text.count(b"\n") + (not text.endswith(b"\n") and bool(text))


def _tail_of(path: Path, lines: int, limit: int) -> bytes | None:
    """None: there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorldError(f"the log {path} cannot be read: {error.strerror}") from error
    try:
        there = os.fstat(fd)
        if not stat.S_ISREG(there.st_mode):
            raise WorldError(f"the log {path} cannot be read: it is not a file")
        return _last_lines(fd, there.st_size, lines, limit)
    finally:
        os.close(fd)


def _last_lines(fd: int, size: int, lines: int, limit: int) -> bytes:
    """Blocks from the end until they hold one line end more than asked for, which begins the first line."""
    text = b""
    at = size
    while at > 0 and _count(text) <= lines and len(text) < limit:
        step = min(_BLOCK, at)
        at -= step
        text = os.pread(fd, step, at) + text
    return b"".join(_split(text)[-lines:])[-limit:]


def _split(text: bytes) -> list[bytes]:
    """Only `\\n` ends a line: pane output is full of carriage returns."""
    parts = text.split(b"\n")
    last = parts.pop()
    return [part + b"\n" for part in parts] + ([last] if last else [])
