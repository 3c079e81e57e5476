"""Memory and open files of single processes, and what the machine has left, read from `/proc` (proc(5))."""

from __future__ import annotations

import contextlib
import os

PAGE = os.sysconf("SC_PAGE_SIZE")


def pss(pid: int) -> int | None:
    """Bytes, what is shared with others counted in part. None: the process is gone, has no memory, or is not ours to
    look into. The kernel walks all its pages for this: 50 µs for a `sleep`, 600 µs for 24 MB, 0.1 µs a page."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as file:
            text = file.read(4096)
    except OSError:
        return None
    _, _, rest = text.partition(b"\nPss:")
    return int(rest.split(None, 1)[0]) * 1024 if rest else None


def files(pid: int) -> int | None:
    """How many files it has open, 0 when it is gone; None: it is not ours to look into. Since Linux 6.2 the size of the
    folder says it (half the cost); before, that is 0."""
    path = f"/proc/{pid}/fd"
    try:
        return os.stat(path).st_size or len(os.listdir(path))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except OSError:
        return None


def available(cgroup: str | None = None) -> int | None:
    """Bytes that new programs could have without swapping, as the kernel estimates it (`MemAvailable`), or less, where
    our cgroup (its folder, where there is one) or one above it allows less. None: not known."""
    found: int | None = None
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/meminfo", "rb", buffering=0) as file:
            _, _, rest = file.read(4096).partition(b"MemAvailable:")
        found = int(rest.split(None, 1)[0]) * 1024
    room = [found] if found is not None else []
    while cgroup is not None and (left := room_in(cgroup)) != _NO_CGROUP:
        if left is not None:
            room.append(left)
        cgroup = os.path.dirname(cgroup)
    return min(room) if room else None


_NO_CGROUP = -1
"""The folder is none that counts memory: the root, or above it."""


def room_in(folder: str) -> int | None:
    """Bytes until `memory.max` of this cgroup; None: it has no such limit. -1: no memory is counted here."""
    try:
        limit = read_text(f"{folder}/memory.max")
    except OSError:
        return _NO_CGROUP
    used = charged(folder)
    if limit == "max" or used is None:
        return None
    return max(int(limit) - used, 0)


def charged(folder: str) -> int | None:
    """Bytes of a cgroup, less the page cache that was not used lately: the kernel drops that first, and who only reads
    large files should not seem to need them. None: no memory is counted here."""
    try:
        current = int(read_text(f"{folder}/memory.current"))
        _, _, rest = read_text(f"{folder}/memory.stat").partition("\ninactive_file ")
    except (OSError, ValueError):
        return None
    return max(current - (int(rest.split(None, 1)[0]) if rest else 0), 0)


def read_text(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read(16_384).decode(errors="replace").strip()
