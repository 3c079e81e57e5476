"""Small files: ours, written whole or not at all; the user's, read as the spec loader wants them."""

from __future__ import annotations

import os
from pathlib import Path

from tmaxd.ports import WorldError
from tmaxd.spec.source import MAX_FILE_BYTES
from tmaxd.world.folders import read_file


def read_for_spec(path: Path) -> bytes:
    """A file of the spec. Raises OSError, whose text the loader puts behind the file's name."""
    try:
        return read_file(path, MAX_FILE_BYTES)
    except WorldError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise OSError(str(error)) from error


def write_private(path: Path, text: str, *, durable: bool = False) -> None:
    """0600. `durable`: on disk when this returns, the name too. Raises OSError; the old content, if any, is
    then as it was."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
