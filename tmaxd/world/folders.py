"""The fleet's folders, made and checked before anything is put into them, and files read with care.

The folders hold sockets and FIFOs that control programs of this user, so they must be his alone.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from tmaxd.places import SOCKET_PATH_LIMIT, Places
from tmaxd.ports import WorldError

PRIVATE = 0o700


def prepare(places: Places) -> None:
    """Make and check every folder of the fleet. Raises WorldError with what is wrong, where, and what to
    do; nothing that exists is changed then, except that folders of ours are made private."""
    check_socket_paths(places)
    for root in {places.runtime.parent, places.state.parent}:
        _check_root(root)
    for folder in (
        places.runtime,
        places.state,
        places.pipes,
        places.payloads,
        places.logs,
    ):
        make_private(folder)


def check_socket_paths(places: Places) -> None:
    for path in (places.tmux_socket, places.api_socket):
        length = len(os.fsencode(path))
        if length > SOCKET_PATH_LIMIT:
            raise WorldError(
                f"the socket {path} cannot be made: its path has {length} bytes, and {SOCKET_PATH_LIMIT} "
                f"is the most that a unix socket can have. Set TMAX_RUNTIME_DIR to a shorter folder, or "
                f"give the fleet a shorter name"
            )


def make_private(folder: Path) -> None:
    """A folder of ours that nobody else can look into; made if missing, its parents too."""
    try:
        folder.mkdir(PRIVATE, parents=True, exist_ok=True)
        there = folder.lstat()
    except FileExistsError:
        raise WorldError(
            f"{folder} should be a folder of ours and is another kind of file (a broken link, perhaps); "
            f"nothing was changed. Move it away"
        ) from None
    except OSError as error:
        raise WorldError(f"the folder {folder} cannot be made: {_why(error)}") from error
    if stat.S_ISLNK(there.st_mode):
        raise WorldError(
            f"{folder} is a symbolic link; sockets and FIFOs are put only into a real folder, since who "
            f"owns the link could turn it elsewhere. Put the real folder's parent into TMAX_RUNTIME_DIR "
            f"or TMAX_STATE_DIR"
        )
    if there.st_uid != os.geteuid():
        raise WorldError(
            f"{folder} belongs to uid {there.st_uid}, and we are uid {os.geteuid()}; what is in it cannot "
            f"be trusted, nothing was changed. Remove it, or choose another with TMAX_RUNTIME_DIR or "
            f"TMAX_STATE_DIR"
        )
    if stat.S_IMODE(there.st_mode) != PRIVATE:
        folder.chmod(PRIVATE)


def owner_of(state: Path) -> str:
    """The mark by which the processes of this fleet are known: device and inode of its state folder. No other folder on
    this machine has both, whatever a container calls it, and none keeps them over a reboot that a process would
    survive. Raises OSError."""
    there = state.stat()
    return f"{there.st_dev:x}-{there.st_ino:x}"


def _check_root(root: Path) -> None:
    """The folder that holds one folder a fleet. It may be a link and need not be private, but nobody else
    may be able to swap what is in it: owned by us or root, and writable by others only if sticky. Our
    own group counts as us, since many systems give each user his own and write access to it."""
    try:
        root.mkdir(PRIVATE, parents=True, exist_ok=True)
        there = root.stat()
    except OSError as error:
        raise WorldError(f"the folder {root} cannot be made: {_why(error)}") from error
    others = stat.S_IWOTH if there.st_gid == os.getegid() else stat.S_IWGRP | stat.S_IWOTH
    open_to_others = there.st_mode & others and not there.st_mode & stat.S_ISVTX
    if there.st_uid not in (0, os.geteuid()):
        raise WorldError(
            f"{root} belongs to uid {there.st_uid}, who could swap the folders in it (we are uid "
            f"{os.geteuid()}). Choose another with TMAX_RUNTIME_DIR or TMAX_STATE_DIR"
        )
    if open_to_others:
        raise WorldError(
            f"{root} can be written by others (mode {stat.S_IMODE(there.st_mode):04o}), who could swap "
            f"the folders in it. Run `chmod go-w {root}`, or choose another with TMAX_RUNTIME_DIR or "
            f"TMAX_STATE_DIR"
        )


def read_file(path: Path, limit: int) -> bytes:
    """A regular file's content, links followed. Never blocks: opening a FIFO to read would wait for a
    writer, and a device might never end. Raises WorldError for anything else than a readable file of
    at most `limit` bytes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            there = os.fstat(fd)
            if not stat.S_ISREG(there.st_mode):
                raise WorldError(f"{path} cannot be read: it is {_kind(there.st_mode)}, not a file")
            data = _read(fd, limit + 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise WorldError(f"{path} cannot be read: {_why(error)}") from error
    if len(data) > limit:
        size = max(there.st_size, len(data))
        raise WorldError(f"{path} is too big: {size} bytes, and {limit} are the most allowed")
    return data


def _read(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit:
        more = os.read(fd, limit - len(data))
        if not more:
            break
        data += more
    return data


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "there is no such file"
    if error.errno == errno.ENXIO:
        return "it is a socket or a device that is not there"
    where = f" ({error.filename})" if error.filename is not None else ""
    return f"{error.strerror or error}{where}"
