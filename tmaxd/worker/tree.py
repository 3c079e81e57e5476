"""The processes of a task that is made to end: found in `/proc` (proc(5)), asked to end, and killed.

Found before the first of them is signalled, since those that end leave their children to others. What was found once
stays known; what it starts later is found when somebody looks again. Read only when a task is cancelled or its time
is up, so that the others pay nothing for it.
"""

from __future__ import annotations

import os
import signal
from time import CLOCK_BOOTTIME, clock_gettime, monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tmaxd.worker.frames import Key

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL."""

FIRST_LOOK, LAST_LOOK = 0.005, 0.5
"""Seconds between two looks at what is left: they grow from the one to the other."""

SIZE = 4096
"""Bytes of a `stat` that are read; none has a tenth of it."""

ENVIRONMENT = 1 << 20
"""Bytes of an environment that are searched."""

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """What `/proc/PID/stat` says."""

    __slots__ = ("alive", "group", "parent", "pid", "start")

    def __init__(self, pid: int, data: bytes) -> None:
        # The name stands in brackets, and may have brackets in it.
        fields = data[data.rindex(b")") + 2 :].split()
        self.pid = pid
        self.alive = fields[0] not in b"ZX"
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.start = int(fields[19])
        """In ticks since the machine started. With the pid it names a process for good."""


Table = dict[int, Process]


class Tree:
    """Some processes and all their descendants. Times are monotonic; nothing raises for a process that is gone."""

    def __init__(self, roots: Callable[[Table], list[int]], group: int | None = None) -> None:
        """`roots`: whom to begin with, asked at each look. `group`: a process group that belongs to it, whose leader
        nobody has reaped."""
        self.next = 0.0
        """When to look again."""
        self._roots = roots
        self._group = group
        self._known: dict[int, int] = {}
        """Pid to start."""
        self._beyond: set[tuple[int, int]] = set()
        """Those that we may not signal."""
        self._pause = FIRST_LOOK
        self._deadline = 0.0
        """When they are killed."""
        self._living = self._look()

    def ask_to_end(self, now: float) -> None:
        """Once: what somebody starts to clean up after itself shall not be disturbed by it."""
        # A stopped process takes no SIGTERM.
        self._signal(self._living, signal.SIGTERM, signal.SIGCONT)
        self._deadline = now + GRACE
        self.next = now + self._pause

    def is_gone(self, now: float) -> bool:
        """Whether nothing of it lives that we may end; to be asked at `next`, and whenever something has ended. Who was
        asked to end long enough ago is killed."""
        self._living = self._look()
        if now >= self._deadline:
            self._signal(self._living, signal.SIGKILL)
        self._pause = min(self._pause * 2, LAST_LOOK)
        self.next = now + self._pause
        if now < self._deadline < self.next:
            self.next = self._deadline
        return all((p.pid, p.start) in self._beyond for p in self._living)

    def _look(self) -> list[Process]:
        """Those that live."""
        table = processes()
        roots = [p for p, start in self._known.items() if p in table and table[p].start == start]
        if self._group is not None:
            roots += [p.pid for p in table.values() if p.group == self._group]
        found = descent(table, roots + self._roots(table))
        self._known = {pid: table[pid].start for pid in found}
        return [table[pid] for pid in found if table[pid].alive]

    def _signal(self, living: list[Process], *numbers: signal.Signals) -> None:
        """The group as a whole, so that nobody in it is missed; the others one by one."""
        if self._group is not None:
            for number in numbers:
                signal_group(self._group, number)
        for process in living:
            if process.group != self._group and not send(process, numbers):
                self._beyond.add((process.pid, process.start))


def of_task(leader: int, key: Key) -> Tree:
    """What a task's process has started: its group, its descendants, and what was left to us by any of them. `leader`
    is a child of ours that is not reaped."""

    def is_orphan_of_it(process: Process, start: int) -> bool:
        named = named_task(process.pid)
        # Many daemons write over their environment. What began in the same tick may be what another task left.
        return process.start > start if named is None else named == key

    def roots(table: Table) -> list[int]:
        me = os.getpid()
        there = table.get(leader)
        start = 0 if there is None else there.start
        ours = [p for p in table.values() if p.parent == me and p.pid != leader]
        return [leader, *(p.pid for p in ours if is_orphan_of_it(p, start))]

    return Tree(roots, leader)


def since(began: float, but: Table) -> Tree:
    """What this process has started since `began` (monotonic), and is not among `but`. The kernel tells the start in
    hundredths of a second: what was left a moment before, in the same one, cannot be told from it."""
    me = os.getpid()
    start = int((began + clock_gettime(CLOCK_BOOTTIME) - monotonic()) * TICKS)

    def roots(table: Table) -> list[int]:
        ours = [p for p in table.values() if p.parent == me and p.start >= start]
        return [p.pid for p in ours if p.pid not in but or but[p.pid].start != p.start]

    return Tree(roots)


def children() -> Table:
    """Those of this process."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return {}  # asked first, since most have none, and to look takes milliseconds
    me = os.getpid()
    return {pid: process for pid, process in processes().items() if process.parent == me}


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def send(process: Process, numbers: tuple[signal.Signals, ...]) -> bool:
    """False: we may not. Never reaches another process that has got the same pid."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return True
    try:
        now = read(process.pid)
        if now is not None and now.start == process.start:
            for number in numbers:
                signal.pidfd_send_signal(handle, number)
    except PermissionError:
        return False
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
    return True


def processes() -> Table:
    """All that we can see."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    found = [read(int(name)) for name in names if name.isdecimal()]
    return {process.pid: process for process in found if process is not None}


def descent(table: Table, roots: list[int]) -> list[int]:
    """The roots that are there, and all their descendants, each once."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, None] = {}
    waiting = [pid for pid in roots if pid in table]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = None
            waiting += children.get(pid, ())
    return list(found)


def read(pid: int) -> Process | None:
    data = _content(f"/proc/{pid}/stat", SIZE)
    return Process(pid, data) if data else None


def named_task(pid: int) -> Key | None:
    """The task that its environment names."""
    variables = dict.fromkeys((b"TMAX_TASK", b"TMAX_ATTEMPT"), b"")
    for entry in _content(f"/proc/{pid}/environ", ENVIRONMENT).split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name in variables and value.isdigit():
            variables[name] = value
    task, attempt = variables.values()
    return (int(task), int(attempt)) if task and attempt else None


def _content(path: str, size: int) -> bytes:
    """Empty where the process is gone, or is none of ours."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)
