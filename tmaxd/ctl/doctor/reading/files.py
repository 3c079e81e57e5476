"""Files of a fleet: folders with their filesystems, sockets, and the lock."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from tmaxd.ctl.doctor.seen import Disk, Folder, FolderKind, Mount, Role, Sock
from tmaxd.places import Places

PATIENCE = 1.0
"""Seconds for a connection to be taken."""


def mounts() -> list[tuple[str, Mount]]:
    """(mount point, mount), the deepest first, of those at one place the last; proc(5), `mountinfo`."""
    found: list[tuple[str, Mount]] = []
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return []
    for line in reversed(lines):
        head, _, tail = line.partition(" - ")
        fields, rest = head.split(), tail.split()
        if len(fields) < 6 or len(rest) < 3:
            continue
        point = _unescaped(fields[4])
        read_only = "ro" in fields[5].split(",") or "ro" in rest[2].split(",")
        found.append((point, Mount(rest[0], point, read_only)))
    return sorted(found, key=lambda entry: -len(entry[0]))


def _unescaped(text: str) -> str:
    """Blanks, tabs, newlines and backslashes are written in octal there."""
    for code in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(code):03o}", code)
    return text


def mount_of(path: str, table: Sequence[tuple[str, Mount]]) -> Mount | None:
    for point, mount in table:
        if path == point or path.startswith(point.rstrip("/") + "/"):
            return mount
    return None


def folders(roots: tuple[Path, Path], places: Places | None) -> tuple[Folder, ...]:
    """The roots, and with a fleet its own: each before those that lie in it."""
    table = mounts()
    runtime, state = roots
    found = [look(runtime, "runtime root", table), look(state, "state root", table)]
    if places is not None:
        found += [look(places.runtime, "runtime", table), look(places.state, "state", table)]
        found.append(look(places.pipes, "runtime part", table))
        found += [look(path, "state part", table) for path in (places.payloads, places.logs)]
    return tuple(found)


def look(path: Path, role: Role, table: Sequence[tuple[str, Mount]]) -> Folder:
    kind, info = _kind(path, follow=role.endswith("root"))
    nearest = _nearest(path)
    there = os.path.realpath(nearest)
    return Folder(
        path=str(path),
        role=role,
        kind=kind,
        uid=-1 if info is None else info.st_uid,
        gid=-1 if info is None else info.st_gid,
        mode=0 if info is None else stat.S_IMODE(info.st_mode),
        mount=mount_of(there, table),
        disk=_disk(there),
        can_be_made=kind != "missing" or os.access(nearest, os.W_OK | os.X_OK),
    )


def _kind(path: Path, *, follow: bool) -> tuple[FolderKind, os.stat_result | None]:
    try:
        info = path.stat() if follow else path.lstat()
    except FileNotFoundError:
        return ("link", path.lstat()) if path.is_symlink() else ("missing", None)
    except OSError:
        return "unseen", None
    if stat.S_ISLNK(info.st_mode):
        return "link", info
    return ("folder" if stat.S_ISDIR(info.st_mode) else "other"), info


def _nearest(path: Path) -> Path:
    """The folder itself, or the first above it that is there."""
    for folder in (path, *path.parents):
        if os.path.isdir(folder):
            return folder
    return Path("/")


def _disk(path: str) -> Disk | None:
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    size = found.f_frsize
    return Disk(found.f_bavail * size, found.f_blocks * size, found.f_favail, found.f_files)


def sock(path: Path, *, gently: bool = False) -> Sock:
    """Who is behind it. `dead`: nobody listens any more. `gently`: without a connection where the kernel's list tells
    that somebody listens: a client that leaves before it has said who it is can crash a tmux server (up to 3.6)."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return "missing"
    if not stat.S_ISSOCK(mode):
        return "other"
    if gently and _is_listed(path):
        return "listening"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PATIENCE)
            probe.connect(str(path))
    except OSError as error:
        return "dead" if error.errno == errno.ECONNREFUSED else "listening"
    return "listening"


def _is_listed(path: Path) -> bool:
    """Somebody listens there, says the kernel (proc(5): flags of a listening socket are 00010000)."""
    wanted = os.fsencode(path)
    try:
        with open("/proc/net/unix", "rb") as table:
            rows = (line.split(None, 7) for line in table)
            return any(
                r[3:4] == [b"00010000"] and r[7:] and r[7].rstrip(b"\n") == wanted for r in rows
            )
    except OSError:
        return False


def lock(path: Path) -> tuple[bool, int | None]:
    """(somebody holds it, the pid that it names). Asks for a shared lock for an instant, which a daemon that starts in
    just this one waits for (`tmaxd.world.lock`)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False, None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        word = os.read(fd, 64).split()[:1]
        return True, int(word[0]) if word and word[0].isdigit() else None
    finally:
        os.close(fd)
    return False, None
