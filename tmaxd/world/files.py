"""Small files: ours, written whole or not at all; the user's, read as the spec loader wants them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tmaxd.inside import open_inside, remove_inside
from tmaxd.places import Places
from tmaxd.ports import Spooled, WorldError
from tmaxd.spec.source import MAX_FILE_BYTES
from tmaxd.world import failpoints
from tmaxd.world.env_files import read_variables
from tmaxd.world.folders import read_file


def read_for_spec(path: Path) -> bytes:
    """A file of the spec. Raises OSError, whose text the loader puts behind the file's name."""
    try:
        return read_file(path, MAX_FILE_BYTES)
    except WorldError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise OSError(str(error)) from error


PROGRAMS = 256
"""Programs whose place is remembered; a spec has fewer, and with more they are searched for again."""


class LocalFiles:
    """The port `Files`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._programs: dict[tuple[str, str], str] = {}

    def write_payload(self, path: str, payload: str) -> None:
        failpoints.hit("files.payload_before")
        write_private(Path(path), payload)
        failpoints.hit("files.payload_after")

    def remove_payload(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def has_payload(self, path: str) -> bool:
        return Path(path).is_file()

    def result_size(self, path: str) -> int:
        try:
            return os.stat(path, follow_symlinks=False).st_size
        except (OSError, ValueError):
            return 0

    def read_result(self, path: str, limit: int) -> str | None:
        try:
            fd = open_inside(self._places.payloads, path)
        except (OSError, ValueError):
            return None
        try:
            with os.fdopen(fd, "rb") as file:
                # Four bytes are the most that a character takes; one more tells that there are more.
                text = file.read(limit * 4 + 1).decode()
        except (OSError, UnicodeDecodeError):
            return None
        return text if len(text) <= limit else None

    def read_spooled(self, path: str, limit: int) -> bytes | None:
        try:
            with os.fdopen(open_inside(self._places.payloads, path), "rb") as file:
                data = file.read(limit + 1)
        except (OSError, ValueError):
            return None
        return data if len(data) <= limit else None

    def remove_spooled(self, path: str) -> None:
        remove_inside(self._places.payloads, path)

    def spool_files(self, before: float) -> Iterator[Spooled]:
        folders = [str(self._places.payloads)]
        while folders:
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    with suppress(OSError):
                        there = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(there.st_mode) and there.st_mtime < before:
                            yield Spooled(
                                entry.path, there.st_size, there.st_mtime, there.st_mtime_ns
                            )

    def remove_unchanged(self, file: Spooled) -> bool:
        try:
            there = os.lstat(file.path)
            if (there.st_size, there.st_mtime_ns) != (file.bytes, file.stamp):
                return False
            remove_inside(self._places.payloads, file.path)
        except FileNotFoundError:
            return False
        return True

    def make_spool(self, worker: str) -> None:
        self._places.spool(worker).mkdir(mode=0o700, exist_ok=True)

    def read_secrets(self, paths: Sequence[str]) -> dict[str, str]:
        return read_variables(paths)

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        if not os.path.isdir(cwd):
            raise WorldError(f"the folder {cwd} (cwd) does not exist")
        program = argv[0]
        where = os.path.join(cwd, program) if "/" in program else program
        if not self._is_there(where, path):
            place = "" if "/" in program else " on the PATH of the workers (env: PATH sets it)"
            raise WorldError(f"{program}: no such program{place}")

    def _is_there(self, program: str, path: str) -> bool:
        """Where it was found before is looked at first: a whole search takes most of a millisecond, for which a
        crashed worker would wait."""
        found = self._programs.get((program, path))
        if found is not None and os.access(found, os.X_OK):
            return True
        found = shutil.which(program, path=path)
        if found is None:
            return False
        if len(self._programs) >= PROGRAMS:
            self._programs.clear()
        self._programs[program, path] = found
        return True


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
