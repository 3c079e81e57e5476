"""The port `Processes` on Linux: pidfds for exits and signals, `/proc` for identity and trees."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Iterable, Mapping

from tmaxd.ports import Proc, Unknown, WorldError
from tmaxd.world import failpoints, procfs
from tmaxd.world.aside import Aside
from tmaxd.world.proctree import Trees, trees

MARK = b"TMAX_RUN"
POLL = 0.1
"""Seconds between looks at a process that no pidfd can be had for (old kernel, seccomp, no descriptor
left)."""
SCAN_DEADLINE = 5.0
"""Seconds for one answer of `trees`. Reading the environment of a process waits for its memory map, so a
process stuck in the kernel can stop a scan."""
SCAN_PASSES = 5
"""Passes over `/proc` until one sees nothing new; on a machine that forks all the time two equal ones."""
STUCK_SCANS = 2
"""Scans that may hang past their deadline before no further one is tried."""


class _Watch:
    """One watched process: by a pidfd, or (fd None) by looking."""

    __slots__ = ("fd", "on_exit")

    def __init__(self, on_exit: Callable[[], None], fd: int | None) -> None:
        self.on_exit = on_exit
        self.fd = fd


class LinuxProcesses:
    """`Processes`. The loop is the running one at the first watch, unless it is given."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._given_loop = loop
        self._watches: dict[Proc, _Watch] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._boot_id: str | None = None
        self._marks = Marks()
        self._stuck = 0

    def identify(self, pid: int) -> Proc | None:
        stat = procfs.read_stat(pid)
        return Proc(stat.pid, stat.start) if stat is not None and stat.alive else None

    def ignores(self, proc: Proc, number: int) -> bool:
        return bool(procfs.ignored_signals(proc.pid) >> (number - 1) & 1) and self._is(proc)

    def killed_by(self, proc: Proc) -> int | None:
        return procfs.killed_by(proc.pid, proc.start)

    def boot_id(self) -> str:
        if self._boot_id is None:
            self._boot_id = procfs.boot_id()
        return self._boot_id

    # ----------------------------------------------------------------------------------- exits

    def watch(self, proc: Proc, on_exit: Callable[[], None]) -> None:
        self.unwatch(proc)
        try:
            fd = os.pidfd_open(proc.pid)
        except ProcessLookupError:
            self._watches[proc] = watch = _Watch(on_exit, None)
            self._loop.call_soon(self._ended, proc, watch)
            return
        except OSError:
            self._watches[proc] = _Watch(on_exit, None)
            self._poll_soon()
            return
        self._watches[proc] = watch = _Watch(on_exit, fd)
        if self._is(proc):  # asked after the pidfd was opened, so both mean the same process
            self._loop.add_reader(fd, self._ended, proc, watch)
        else:
            self._loop.call_soon(self._ended, proc, watch)

    def unwatch(self, proc: Proc) -> None:
        watch = self._watches.pop(proc, None)
        if watch is not None:
            self._let_go(watch)

    def _ended(self, proc: Proc, watch: _Watch) -> None:
        if self._watches.get(proc) is not watch:
            return  # unwatched, or watched anew, meanwhile
        self.unwatch(proc)
        watch.on_exit()

    def _let_go(self, watch: _Watch) -> None:
        if watch.fd is not None:
            self._loop.remove_reader(watch.fd)
            os.close(watch.fd)
            watch.fd = None

    def _poll_soon(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(POLL, self._poll)

    def _poll(self) -> None:
        self._timer = None
        looked_at = [(proc, watch) for proc, watch in self._watches.items() if watch.fd is None]
        if looked_at:
            self._poll_soon()
        for proc, watch in looked_at:
            if not self._is(proc):
                self._ended(proc, watch)

    def _is(self, proc: Proc) -> bool:
        """The process lives, as far as can be told: what is unknown is not gone."""
        try:
            return self.identify(proc.pid) == proc
        except Unknown:
            return True

    def close(self) -> None:
        """Watch nothing any more."""
        for proc in list(self._watches):
            self.unwatch(proc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --------------------------------------------------------------------------------- signals

    def signal(self, proc: Proc, number: int) -> bool:
        if proc.pid <= 1 or proc.pid == os.getpid():
            raise WorldError(f"process {proc.pid} gets no signal {number}: it is not a worker's")
        try:
            fd = os.pidfd_open(proc.pid)
        except ProcessLookupError:
            return False
        except OSError:
            return self._signal_by_number(proc, number)
        try:
            if self.identify(proc.pid) != proc:
                return False
            failpoints.hit("processes.before_signal")
            signal.pidfd_send_signal(fd, number)
            failpoints.hit("processes.after_signal")
        except ProcessLookupError:
            return False
        except OSError as error:
            raise _refused(proc, number, error) from error
        finally:
            os.close(fd)
        return True

    def _signal_by_number(self, proc: Proc, number: int) -> bool:
        """Without pidfds a gap remains between the look and the signal; it is microseconds wide."""
        try:
            if self.identify(proc.pid) != proc:
                return False
            os.kill(proc.pid, number)
        except ProcessLookupError:
            return False
        except OSError as error:
            raise _refused(proc, number, error) from error
        return True

    # ----------------------------------------------------------------------------------- trees

    async def trees(self, runs: Mapping[str, Proc | None]) -> dict[str, frozenset[Proc]]:
        if not runs:
            return {}
        if self._stuck >= STUCK_SCANS:
            raise Unknown(f"{self._stuck} scans of /proc hang; some process is stuck in the kernel")
        wanted = dict(runs)
        looking = Aside("proc-scan", lambda: scan(wanted, self._marks), asyncio.get_running_loop())
        looking.start()
        try:
            return await asyncio.wait_for(asyncio.shield(looking.answer), SCAN_DEADLINE)
        except TimeoutError:
            self._stuck += 1
            looking.answer.add_done_callback(lambda _: self._unstuck())
            raise Unknown(f"/proc was not read within {SCAN_DEADLINE:g} s") from None

    def _unstuck(self) -> None:
        self._stuck -= 1

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._given_loop is None:
            self._given_loop = asyncio.get_running_loop()
        return self._given_loop


def _refused(proc: Proc, number: int, error: OSError) -> WorldError:
    foreign = error.errno == errno.EPERM
    why = "it runs as another user" if foreign else error.strerror or str(error)
    return WorldError(f"process {proc.pid} cannot be sent signal {number}: {why}")


class Marks:
    """The `TMAX_RUN` of every process, remembered until the process ends or executes another program:
    reading environments is the dearest part of a scan."""

    def __init__(self) -> None:
        self._known: dict[Proc, tuple[bytes, str | None]] = {}

    def of(
        self, table: Iterable[procfs.Stat], between: Callable[[], None] = lambda: None
    ) -> dict[Proc, str]:
        """`between` is called after each environment that had to be read."""
        known: dict[Proc, tuple[bytes, str | None]] = {}
        marks: dict[Proc, str] = {}
        for stat in table:
            if stat.kernel or not stat.alive or stat.image == b"0":
                continue
            proc = Proc(stat.pid, stat.start)
            entry = self._known.get(proc)
            if entry is None or entry[0] != stat.image:
                mark = procfs.read_mark(stat.pid, MARK)
                entry = (stat.image, None if mark is None else mark.decode(errors="replace"))
                between()
            known[proc] = entry
            if entry[1] is not None:
                marks[proc] = entry[1]
        self._known = known  # in one step, since scans may overlap
        return marks


def scan(runs: Mapping[str, Proc | None], marks: Marks) -> Trees:
    """The trees of these runs. A pass takes milliseconds, in which a process can fork and end unseen. So a
    pass counts when nothing was forked meanwhile, or when it sees just what the pass before saw."""
    never = frozenset({1, os.getpid()})
    before: Trees | None = None
    for _ in range(SCAN_PASSES):
        newest = procfs.last_pid()
        table = procfs.read_all_stats()
        found = trees(runs, table, marks.of(table), never)
        if found == before or procfs.last_pid() == newest:
            return found
        before = found
    raise Unknown(f"processes come and go too fast: {SCAN_PASSES} looks at /proc all differed")
