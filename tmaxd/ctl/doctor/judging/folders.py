"""The folders of a fleet: there, ours, private, on a filesystem that can hold what is put there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from shlex import quote

from tmaxd.ctl.doctor.finding import Finding, MakeFolder, TakeAway
from tmaxd.ctl.doctor.seen import Folder, Seen
from tmaxd.places import SOCKET_PATH_LIMIT

OTHERS = 0o077

NO_FIFOS = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "iso9660", "squashfs"})
"""They know neither FIFOs nor sockets, nor whose a file is."""
NO_SHARED_MEMORY = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "virtiofs", "vboxsf"}
)
"""Files of other machines: a write-ahead log needs memory that all who read it share (sqlite.org/wal.html), and locks
there are promises."""
CLEANED_WHY = "cleaners such as systemd-tmpfiles remove what nobody has touched for days, and all of it at a boot"
VOLATILE = frozenset({"tmpfs", "ramfs"})
CLEANED = ("/tmp", "/var/tmp")  # noqa: S108  nothing is put there

NO_FIFOS_WHY = "it has no FIFOs and no sockets, without which no worker can be reached"
UNSURE_LOCKS = "sockets may not be possible there, and locks are not to be relied on"
NO_DATABASE = "the state database gets damaged there: it needs shared memory and true locks"
RUNTIME_HINT = "set TMAX_RUNTIME_DIR to a folder on a local filesystem"
STATE_HINT = "set TMAX_STATE_DIR to a folder on a local disk"


def folders(seen: Seen) -> Iterator[Finding]:
    for folder in seen.folders:
        yield from _folder(folder, seen)
    if seen.fleet is not None:
        for path in (seen.fleet.tmux_socket, seen.fleet.api_socket):
            yield _socket_path(path)


def _folder(folder: Folder, seen: Seen) -> Iterator[Finding]:
    if folder.kind == "missing":
        yield _missing(folder, seen)
    else:
        trouble = _kind(folder, seen.uid)
        if trouble is not None:
            yield trouble
        elif folder.role.endswith("root"):
            yield _root_mode(folder, seen)
        else:
            yield _own_mode(folder)
    yield from _filesystem(folder)
    if folder.role in ("runtime root", "state root"):
        yield _place(folder)


def has_run(seen: Seen) -> bool:
    """The fleet has run here before, so that what is missing was removed."""
    return any(f.role == "state" and f.kind == "folder" for f in seen.folders)


def _missing(folder: Folder, seen: Seen) -> Finding:
    if not folder.can_be_made:
        return Finding(
            "folder",
            "error",
            f"{folder.path} is missing, and cannot be made by uid {seen.uid}",
            "the daemon does not start",
            f"install -d -m 700 -o {seen.uid} {quote(folder.path)} as root, or set TMAX_RUNTIME_DIR and TMAX_STATE_DIR",
        )
    if folder.role.endswith("part") and has_run(seen):
        return Finding(
            "folder",
            "warning",
            f"{folder.path} is missing, though the fleet has run here",
            "what the daemon would put there is lost until its next start, which makes it",
            f"mkdir -m 700 {quote(folder.path)}",
            MakeFolder(folder.path),
        )
    return Finding("folder", "ok", f"{folder.path} is not there yet; the daemon makes it")


def _kind(folder: Folder, uid: int) -> Finding | None:
    root = folder.role.endswith("root")
    what = ""
    if folder.kind == "unseen":
        what, fix = (
            f"{folder.path} may not be looked at",
            "run tmaxctl as the user who owns the fleet",
        )
    elif folder.kind == "link" and root:  # whoever looks at a root follows links
        what, fix = f"{folder.path} is a link that leads nowhere", f"rm {quote(folder.path)}"
    elif folder.kind == "link":
        what = f"{folder.path} is a symbolic link, which who owns it could turn elsewhere"
        fix = "put the real folder's parent into TMAX_RUNTIME_DIR or TMAX_STATE_DIR"
    elif folder.kind == "other":
        what, fix = (
            f"{folder.path} is no folder",
            f"mv {quote(folder.path)} {quote(folder.path + '.old')}",
        )
    elif folder.uid != uid and not (root and folder.uid == 0):
        what = f"{folder.path} belongs to uid {folder.uid}, and we are uid {uid}"
        fix = f"run tmaxctl as that user, or chown -R {uid} {quote(folder.path)} as root"
    if not what:
        return None
    return Finding("folder", "error", what, "the daemon does not start", fix)


def _own_mode(folder: Folder) -> Finding:
    if not folder.mode & OTHERS:
        return Finding("folder_mode", "ok", f"{folder.path} is private")
    return Finding(
        "folder_mode",
        "warning",
        f"{folder.path} is open to others (mode {folder.mode:04o})",
        "other users can reach what is in it, until the daemon's next start makes it private again",
        f"chmod go= {quote(folder.path)}",
        TakeAway(folder.path, OTHERS),
    )


def _root_mode(folder: Folder, seen: Seen) -> Finding:
    """As `tmaxd.world.folders` has it: our own group counts as us, and a sticky folder is nobody's to swap."""
    others = stat.S_IWOTH if folder.gid == seen.gid else stat.S_IWGRP | stat.S_IWOTH
    if not folder.mode & others or folder.mode & stat.S_ISVTX:
        return Finding("folder_mode", "ok", f"nobody else can change {folder.path}")
    # A folder of another name is one that the user has chosen, and may share on purpose.
    ours = os.path.basename(folder.path) == "tmaxd" and folder.uid == seen.uid
    return Finding(
        "folder_mode",
        "error",
        f"{folder.path} can be written by others (mode {folder.mode:04o})",
        "they could swap the folders in it, so the daemon does not start",
        f"chmod go-w {quote(folder.path)}",
        TakeAway(folder.path, stat.S_IWGRP | stat.S_IWOTH) if ours else None,
    )


def _filesystem(folder: Folder) -> Iterator[Finding]:
    mount = folder.mount
    if mount is None or folder.role.endswith("part"):
        return
    runtime = folder.role.startswith("runtime")
    hint = RUNTIME_HINT if runtime else STATE_HINT
    where = f"{folder.path} is on {mount.kind} ({mount.point})"
    if mount.read_only:
        why = "nothing can be written there, and the daemon does not start"
        yield Finding("filesystem", "error", f"{where}, read-only", why, hint)
    elif runtime and mount.kind in NO_FIFOS:
        yield Finding("filesystem", "error", where, NO_FIFOS_WHY, hint)
    elif mount.kind in NO_SHARED_MEMORY or mount.kind.startswith("fuse.") or mount.kind in NO_FIFOS:
        why = UNSURE_LOCKS if runtime else NO_DATABASE
        yield Finding("filesystem", "warning" if runtime else "error", where, why, hint)
    else:
        yield Finding("filesystem", "ok", where)


def _place(folder: Folder) -> Finding:
    """Of a root: whether what is put there stays there."""
    runtime = folder.role == "runtime root"
    check = "runtime_place" if runtime else "state_place"
    if any(folder.path.startswith(f"{place}/") for place in CLEANED):
        what = f"{folder.path} lies below a folder for temporary files"
        fix = f"set TMAX_{'RUNTIME' if runtime else 'STATE'}_DIR to a folder elsewhere"
        return Finding(check, "note" if runtime else "warning", what, CLEANED_WHY, fix)
    if not runtime and folder.mount is not None and folder.mount.kind in VOLATILE:
        what = f"{folder.path} is on {folder.mount.kind}, in memory"
        why = "tasks, results and orders are gone after the next boot"
        return Finding(check, "warning", what, why, STATE_HINT)
    return Finding(check, "ok", f"what is put into {folder.path} stays there")


def _socket_path(path: str) -> Finding:
    length = len(os.fsencode(path))
    if length <= SOCKET_PATH_LIMIT:
        return Finding("socket_path", "ok", f"{path} has {length} bytes")
    return Finding(
        "socket_path",
        "error",
        f"the path of the socket {path} has {length} bytes, and {SOCKET_PATH_LIMIT} are the most",
        "the daemon does not start",
        "set TMAX_RUNTIME_DIR to a shorter folder, or give the fleet a shorter name",
    )
