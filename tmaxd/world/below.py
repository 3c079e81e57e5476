"""Folders held open by descriptors, so that nobody who renames, replaces or links what is on the way can lead us
elsewhere: each is opened from the one above it, without following links (openat(2), `O_NOFOLLOW`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Identity = tuple[int, int]
"""(device, inode)"""


class Refused(Exception):
    """It is not gone into, and why: the rest of a sentence that begins with its path."""


class Folder:
    """One open folder; close it. `path` is where it stood when it was opened."""

    __slots__ = ("device", "fd", "identity", "mount", "path")

    def __init__(self, fd: int, path: str) -> None:
        there = os.fstat(fd)
        self.fd = fd
        self.path = path
        self.device = there.st_dev
        self.identity: Identity = (there.st_dev, there.st_ino)
        self.mount = mount_of(fd)

    def below(self, name: str, never: Collection[Identity]) -> Folder:
        """The folder of this name in it. Raises OSError; `Refused` for another file system, a mount point of any kind,
        and for what is in `never`."""
        folder = Folder(os.open(name, FOLDER, dir_fd=self.fd), f"{self.path}/{name}")
        try:
            if folder.device != self.device or folder.mount != self.mount:
                raise Refused("something else is mounted there")
            if folder.identity in never:
                raise Refused("it is a folder of tmaxd itself")
        except Refused:
            folder.close()
            raise
        return folder

    def stands(self) -> bool:
        """It is still where it was opened, and so inside whatever it was in; one that was moved or removed is not."""
        try:
            return os.readlink(f"/proc/self/fd/{self.fd}") == self.path
        except OSError:
            return False

    def close(self) -> None:
        os.close(self.fd)


def open_root(path: str, never: Collection[Identity]) -> Folder:
    """The folder that something is to be removed in: absolute, without `..`. Raises OSError, and `Refused` for `/`, for
    a path with a link in it, for a folder that somebody else owns, and for one inside of `never`."""
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or not names or {".", ".."}.intersection(names):
        raise Refused("it is no folder that a clean-up may have for a root")
    fd = os.open("/", FOLDER)
    try:
        for name in names:
            fd = _down(fd, name, path, never)
        owner = os.fstat(fd).st_uid
        if owner not in (0, os.geteuid()):
            raise Refused(f"it belongs to uid {owner}, and we are uid {os.geteuid()}")
        folder = Folder(fd, "/" + "/".join(names))
        if not folder.stands():
            raise Refused("it was moved while it was opened")
    except BaseException:
        os.close(fd)
        raise
    return folder


def _down(fd: int, name: str, path: str, never: Collection[Identity]) -> int:
    """One folder further; the former is closed where that has worked."""
    if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
        raise Refused(f"{name} in it is a link; write where it leads to, {os.path.realpath(path)}")
    below = os.open(name, FOLDER, dir_fd=fd)
    there = os.fstat(below)
    if (there.st_dev, there.st_ino) in never:
        os.close(below)
        raise Refused("it is a folder of tmaxd itself, or lies in one")
    os.close(fd)
    return below


def mount_of(fd: int) -> bytes:
    """The mount that a file was reached through (proc(5), fdinfo): unlike the device it also tells a bind mount. Empty
    where that is not shown."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", "rb") as info:
            _, _, rest = info.read(4096).partition(b"mnt_id:")
    except OSError:
        return b""
    return rest.split(None, 1)[0] if rest else b""
