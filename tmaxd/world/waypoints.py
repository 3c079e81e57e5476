"""Which directory entries decide what a path leads to: what must be watched to learn of any change.

`/etc/fleet/tmax.yaml` in a ConfigMap is a link to `..data/tmax.yaml`, and `..data` a link to a folder
with a date in its name; an update swaps only `..data`. So every link on the way is a waypoint, and so
are the end of the way and, where something is missing, the first thing that is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_LINKS = 40
"""Links that Linux follows in one path (path_resolution(7))."""

Mark = tuple[int, int, int, int, int] | None
"""Device, inode, size, time of change of content and of anything (ns); None: not there."""


def waypoints(path: str) -> set[str]:
    """Absolute paths of those entries, each in a folder that is no link itself."""
    found: set[str] = set()
    at = "/"
    rest = [part for part in os.path.abspath(path).split("/") if part]
    links = 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            at = os.path.dirname(at)
            continue
        entry = os.path.join(at, part)
        try:
            target = os.readlink(entry)
        except OSError:  # no link, or not there
            if not rest or not os.path.isdir(entry):
                found.add(entry)
                break
            at = entry
            continue
        found.add(entry)
        links += 1
        if links > _LINKS:
            break
        if target.startswith("/"):
            at = "/"
        rest[:0] = [part for part in target.split("/") if part not in ("", ".")]
    return found


def folders(points: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The folders to watch for these entries, with device and inode: one that was removed and made again
    is another one, though it has the same name."""
    found: dict[str, tuple[int, int]] = {}
    for folder in {os.path.dirname(point) for point in points}:
        try:
            there = os.stat(folder)
        except OSError:
            continue  # gone since; the next look finds the nearest one that exists
        found[folder] = (there.st_dev, there.st_ino)
    return found


def marks(points: Iterable[str]) -> dict[str, Mark]:
    """What polling compares."""
    return {point: _mark(point) for point in points}


def _mark(point: str) -> Mark:
    try:
        there = os.lstat(point)
    except OSError:
        return None
    return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns
