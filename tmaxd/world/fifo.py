"""One FIFO as a file: created or taken over, held open, compared with its path, put right again.

What flows through it is for `fifo_io`, which FIFOs there are for `pipes`.

A FIFO that is deleted lives on for those who have it open, but nobody else can reach it, and a new
one under the old name is another FIFO: a running worker would never hear us again. So each FIFO has
a second hard link in a folder of ours (`keep`), and a deleted or replaced name is healed by linking
the very same FIFO back. Only when that link is gone too a new one is made, and it is said so
(`lost`). Links to FIFOs need not be possible everywhere; without them every such loss is `lost`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator

from tmaxd.ports import PipeProblem, Unknown, WorldError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
READ_SIZE = 64 * 1024
"""Bytes a read: the capacity of a FIFO by default, so that one read mostly empties it."""

_OPEN = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 5
"""Looks at a path that others change while we do; each ends in a state that we made or accept."""
_FOREIGN_NAMES = 9

Facts = tuple[int, ...]
"""`(mode, inode, device, links, uid)`, the first five of `os.stat_result`: what a check compares."""


def facts_of(path: str) -> Facts | None:
    """None: nothing has this path. Raises `Unknown` when that cannot be told."""
    try:
        return os.lstat(path)[:5]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unknown(f"cannot look at {path}: {error.strerror}") from error


def is_own_fifo(facts: Facts | None) -> bool:
    return facts is not None and stat.S_ISFIFO(facts[0]) and facts[4] == os.geteuid()


def same_file(one: Facts, other: Facts | None) -> bool:
    return other is not None and one[1:3] == other[1:3]


def ensure_folder(path: str) -> None:
    """A folder of ours, 0700. Anything else of that name is moved aside; a parent is never made.
    Raises WorldError when the folder is another user's, OSError when it cannot be made."""
    facts = facts_of(path)
    if facts is not None and not stat.S_ISDIR(facts[0]):
        move_aside(path)
        facts = None
    if facts is None:
        os.mkdir(path, FOLDER_MODE)
        return
    if facts[4] != os.geteuid():
        raise WorldError(
            f"{path} belongs to uid {facts[4]} and not to us (uid {os.geteuid()}), so FIFOs in it "
            f"cannot be trusted; nothing was changed. Remove it or give it back"
        )
    if stat.S_IMODE(facts[0]) != FOLDER_MODE:
        os.chmod(path, FOLDER_MODE)


def move_aside(path: str) -> str:
    """Rename what has our name to `PATH.foreign`, over an older one, and return the new name. Nothing
    is deleted blindly: a plain file in the place of a FIFO often holds what somebody wrote to it."""
    for name in (f"{path}.foreign", *(f"{path}.foreign-{n}" for n in range(2, _FOREIGN_NAMES + 1))):
        try:
            os.rename(path, name)
        except (IsADirectoryError, NotADirectoryError, FileExistsError):
            continue  # a folder and a file cannot replace each other
        except OSError as error:
            if os.path.isdir(name):  # not empty
                continue
            raise WorldError(f"cannot move {path} aside: {error.strerror}") from error
        return name
    raise WorldError(f"cannot move {path} aside: {path}.foreign and the like are folders in use")


def open_fifo(path: str) -> int | None:
    """A non-blocking descriptor for both ends; None when there is no FIFO of ours (any more)."""
    if not is_own_fifo(facts_of(path)):
        return None
    try:
        fd = os.open(path, _OPEN)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if is_own_fifo(os.fstat(fd)[:5]):
        return fd
    os.close(fd)
    return None


def chunks_of(fd: int) -> Iterator[bytes]:
    """What the FIFO holds now. It ends when the FIFO is empty, or after as much as a FIFO of this
    capacity can hold at one instant: somebody may write as fast as we read."""
    rest = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    while rest > 0:
        try:
            chunk = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return
        rest -= len(chunk)
        yield chunk


def release(path: str) -> None:
    """Let go everybody who is blocked in open(2) of this FIFO: both ends appear for a moment, which is
    enough (fifo(7); the kernel counts openers, it does not look at who is there)."""
    fd = open_fifo(path)
    if fd is not None:
        os.close(fd)


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "its folder was removed meanwhile"
    if error.errno == errno.EMFILE:
        return "no descriptor is left (each worker takes four; raise the limit, `ulimit -n`)"
    return error.strerror or str(error)


class Fifo:
    """One FIFO held open at both ends. Raises WorldError when it can be neither made nor opened."""

    __slots__ = ("facts", "fd", "foreign", "keep", "path")

    def __init__(self, path: str, keep: str) -> None:
        self.path = path
        self.keep = keep
        self.foreign: list[str] = []
        """Paths of what stood in our place and was moved aside; for the owner to take."""
        self.fd, self.facts = self._take()

    def _take(self) -> tuple[int, Facts]:
        try:
            for _ in range(_TRIES):
                ensure_folder(os.path.dirname(self.path))
                self._put_back()
                fd = open_fifo(self.path)
                if fd is not None:
                    return self._settle(fd)
        except OSError as error:
            raise WorldError(f"cannot hold the FIFO {self.path}: {_why(error)}") from error
        raise WorldError(
            f"cannot hold the FIFO {self.path}: somebody else replaces it all the time"
        )

    def _put_back(self) -> None:
        """After this, the path is the kept FIFO, else the FIFO of ours that is there, else a new one."""
        kept, there = facts_of(self.keep), facts_of(self.path)
        if not is_own_fifo(kept):
            kept = None
        right = is_own_fifo(there) and (kept is None or same_file(kept, there))
        if there is not None and not right:
            self.foreign.append(move_aside(self.path))
            there = None
        if there is None:
            try:
                if kept is not None:
                    os.link(self.keep, self.path, follow_symlinks=False)
                else:
                    os.mkfifo(self.path, FILE_MODE)
            except FileExistsError:
                pass  # the next look decides
            except OSError:
                if kept is None:
                    raise
                os.unlink(self.keep)  # not to be linked back; a new FIFO comes with the next try

    def _settle(self, fd: int) -> tuple[int, Facts]:
        """Mode and second link as they should be."""
        if stat.S_IMODE(os.fstat(fd).st_mode) != FILE_MODE:
            os.fchmod(fd, FILE_MODE)
        kept = facts_of(self.keep)
        if not same_file(os.fstat(fd)[:5], kept):
            # No link: a filesystem without links to FIFOs, or the path has changed again.
            with contextlib.suppress(OSError):
                if kept is not None:
                    os.unlink(self.keep)
                os.link(self.path, self.keep, follow_symlinks=False)
        return fd, os.fstat(fd)[:5]

    def problem(self, there: Facts | None) -> PipeProblem | None:
        """What is wrong with the facts of our path."""
        if there is None:
            return "missing"
        if not stat.S_ISFIFO(there[0]):
            return "not_a_fifo"
        if not same_file(self.facts, there):
            return "replaced"
        if there[4] != os.geteuid():
            return "wrong_owner"
        if stat.S_IMODE(there[0]) != FILE_MODE:
            return "wrong_mode"
        return None

    def heal(self, problem: PipeProblem | None) -> int | None:
        """Put right what `problem` found (None: only the second link). Returns the old descriptor, now
        the caller's, if a new FIFO had to be made; None when it is the same FIFO as before."""
        if problem == "wrong_owner":
            with contextlib.suppress(
                OSError
            ):  # only root may; else it counts as a stranger's below
                os.fchown(self.fd, os.geteuid(), -1)
        if not same_file(self.facts, facts_of(self.keep)):
            self.drop_keep()
        fd, facts = self._take()
        if same_file(self.facts, facts):
            os.close(fd)
            self.facts = facts
            return None
        old, self.fd, self.facts = self.fd, fd, facts
        return old

    def drop_keep(self) -> None:
        """Remove the second link, so that the FIFO ends with its name."""
        try:
            os.unlink(self.keep)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise WorldError(f"cannot replace {self.keep}: {error.strerror}") from error

    def resize(self, size: int) -> str | None:
        """Ask for a capacity in bytes. The kernel's reason if it gives less."""
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, size)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def capacity(self) -> int:
        return fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        os.close(self.fd)
