"""The port `Logs` on the files in `logs/`, and on the daemon's own. Links are not followed."""

from __future__ import annotations

import gzip
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from tmaxd.ports.logs import LogFile
from tmaxd.world.logs import RENAMING

PIECE = 256 * 1024
"""Bytes that are packed at a time: 5 ms, after which it can be stopped."""
LEVEL = 6
"""Of gzip: text becomes about a tenth, 40 MB/s; higher ones save hardly more and take far longer."""

_NAME = re.compile(r"(?P<worker>.+)\.log(?:\.(?P<number>[1-9][0-9]*)(?P<gz>\.gz)?)?")


class LogFolder:
    """`own`: the daemon's log, which need not be there."""

    def __init__(self, folder: Path, own: Path) -> None:
        self._folder = folder
        self._own = own

    def find(self) -> list[LogFile]:
        own = [file for file in _logs(self._own.parent, "") if _of(file, self._own)]
        return [*_logs(self._folder, None), *own]

    def remove(self, file: LogFile) -> bool:
        with RENAMING:
            if not _is_still(file):
                return False
            os.unlink(file.path)
        return True

    def compress(self, file: LogFile, stopped: Callable[[], bool]) -> int:
        packed = Path(f"{file.path}.gz")
        temporary = packed.with_name(f".{packed.name}.new")
        try:
            if not _pack(file, temporary, stopped):
                return 0
            saved = file.bytes - temporary.stat().st_size
            os.utime(temporary, ns=(file.stamp, file.stamp))
            with RENAMING:
                # Who wrote to it last may have had it open still.
                if saved <= 0 or not _is_still(file):
                    return 0
                temporary.replace(packed)
                os.unlink(file.path)
        finally:
            temporary.unlink(missing_ok=True)
        return saved


def _logs(folder: Path, worker: str | None) -> Iterator[LogFile]:
    """`worker`: whose they are; None: the name says it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is None:
                continue
            try:
                there = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(there.st_mode):
                yield LogFile(
                    path=entry.path,
                    worker=match["worker"] if worker is None else worker,
                    number=int(match["number"] or 0),
                    compressed=match["gz"] is not None,
                    bytes=there.st_size,
                    at=there.st_mtime,
                    stamp=there.st_mtime_ns,
                )


def _of(file: LogFile, log: Path) -> bool:
    return file.path == str(log) or file.path.startswith(f"{log}.")


def _is_still(file: LogFile) -> bool:
    try:
        there = os.lstat(file.path)
    except FileNotFoundError:
        return False
    return (
        stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (file.bytes, file.stamp)
    )  # fmt: skip


def _pack(source: LogFile, target: Path, stopped: Callable[[], bool]) -> bool:
    """Whether it was packed as far as it went when it was found. On disk when this returns: the original goes next."""
    left = source.bytes
    reading = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(reading, "rb") as plain:
        target.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packing:
                while left > 0 and (piece := plain.read(min(PIECE, left))):
                    if stopped():
                        return False
                    packing.write(piece)
                    left -= len(piece)
            file.flush()
            os.fsync(file.fileno())
    return True
