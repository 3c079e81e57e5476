"""The processes of one test's fleet, found by what only they have in their environment; never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from tmaxd.world.cgroup_base import surroundings

ENDS_WITHIN = 10.0
"""Seconds that killed processes may take to be gone."""


class Marked(NamedTuple):
    pid: int
    start: int
    """Kernel start time, so that a reused pid is never hit."""
    argv: str


def stat_of(pid: int) -> tuple[str, int] | None:
    """(state letter, start time); None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def alive(pid: int) -> bool:
    """There is such a process, and it is no zombie."""
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


def marked(text: str) -> list[Marked]:
    """Living processes with `text` in a value of their environment, this one aside."""
    needle, found = text.encode(), []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            folder = Path("/proc", name)
            if needle not in (folder / "environ").read_bytes():
                continue
            argv = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            stat = stat_of(int(name))
            if stat is not None and stat[0] not in "ZX":
                found.append(Marked(int(name), stat[1], argv.strip()))
    return found


def end_all(text: str) -> list[Marked]:
    """Kill every such process, and return those that were there to begin with."""
    first = marked(text)
    deadline = time.monotonic() + ENDS_WITHIN
    while left := marked(text):
        for process in left:
            stat = stat_of(process.pid)
            if stat is not None and stat[1] == process.start:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise AssertionError(f"cannot be ended: {left}")
        time.sleep(0.02)
    _remove_cages(text.rpartition("=")[2])
    return first


def _remove_cages(text: str) -> None:
    """The cgroups of fleets whose state folder has `text` in its path, which they are named after."""
    around = surroundings()
    if around.mount is None:
        return
    name = text.strip("/").replace("/", "_")
    # From below; and no glob, which breaks off where a group of somebody else goes meanwhile.
    for folder, _, _ in os.walk(around.mount, topdown=False):
        if name in folder.partition("tmaxd-")[2]:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
