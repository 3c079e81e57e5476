"""Room on the disks that a fleet writes to."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Disk, Folder, Seen
from tmaxd.ctl.text import amount

NONE_LEFT = 64 * 1024 * 1024
"""Bytes: a write-ahead log alone may grow to that (`journal_size_limit`)."""
LITTLE = 1024**3
LITTLE_PART = 0.05
RUNTIME_LEFT = 1024 * 1024
"""Bytes for sockets and FIFOs, whose contents are not in the filesystem."""
INODES_LEFT = 1000

WHEN_FULL = "when it is full, submits are refused and log lines are lost"


def disks(seen: Seen) -> Iterator[Finding]:
    """Of each filesystem once. Where one holds both, what the state needs is judged, which is more."""
    done: set[str] = set()
    for folder in sorted(seen.folders, key=lambda f: f.role.startswith("runtime")):
        if folder.disk is None or folder.mount is None or folder.mount.point in done:
            continue
        done.add(folder.mount.point)
        yield _space(folder, folder.disk)
        yield _inodes(folder, folder.disk)


def _space(folder: Folder, disk: Disk) -> Finding:
    what = f"{amount(disk.free)} of {amount(disk.total)} are free for {folder.path}"
    look = f"du -xsh {quote(folder.path)}/*"
    if folder.role.startswith("runtime"):
        if disk.free >= RUNTIME_LEFT:
            return Finding("disk_space", "ok", what)
        why = "sockets and FIFOs cannot be made"
        return Finding("disk_space", "error", what, why, f"{look}; free some of it")
    if disk.free < NONE_LEFT:
        return Finding("disk_space", "error", what, WHEN_FULL, f"{look}; free some of it")
    if disk.free < min(LITTLE, LITTLE_PART * disk.total):
        fix = f"{look}; `cleanup` of the spec removes old tasks and logs by itself"
        return Finding("disk_space", "warning", what, WHEN_FULL, fix)
    return Finding("disk_space", "ok", what)


def _inodes(folder: Folder, disk: Disk) -> Finding:
    if disk.all_inodes == 0:
        return Finding(
            "disk_inodes", "ok", f"the filesystem of {folder.path} does not count inodes"
        )
    what = f"{disk.inodes} of {disk.all_inodes} inodes are free for {folder.path}"
    if disk.inodes >= INODES_LEFT:
        return Finding("disk_inodes", "ok", what)
    return Finding(
        "disk_inodes",
        "error",
        what,
        "no file, FIFO or socket can be made when there are none, however much room there is",
        f"du -x --inodes -d1 {quote(folder.path)}; remove what has many files",
    )
