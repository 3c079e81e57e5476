"""`FakeProcesses`: the port `Processes` in memory.

It is wired to a fake tmux both ways: `on_spawn` and `on_death` are for tmux to call; `on_end(pid, status,
signal)` is called when a process ends here, so that tmux can mark its pane dead.
"""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import Callable, Mapping

import msgspec

from tmaxd.ports import Launch, Proc, Unknown

_HARMLESS = frozenset({0, signals.SIGCHLD, signals.SIGCONT, signals.SIGURG, signals.SIGWINCH})
"""Signals that end no process by default (signal(7))."""


class FakeProcess(msgspec.Struct, kw_only=True):
    """One living process; `parent` 1 is init, whom orphans get."""

    pid: int
    start: int
    parent: int
    session: int
    run: str | None
    """The mark in its environment."""
    ignores: bool = False
    """All signals but SIGKILL."""


class FakeProcesses:
    def __init__(self, on_end: Callable[[int, int | None, int | None], None] | None = None) -> None:
        self.on_end = on_end
        self.living: dict[int, FakeProcess] = {}
        self.sent: list[tuple[Proc, int]] = []
        """Every signal that reached somebody."""
        self._watches: dict[Proc, Callable[[], None]] = {}
        self._killed: dict[Proc, int] = {}
        self._ticks = 1000
        self._next_pid = 50_000
        self._unknown = 0
        self._boot = "fake-boot-1"

    # ------------------------------------------------------------------------------- the port

    def identify(self, pid: int) -> Proc | None:
        process = self.living.get(pid)
        return None if process is None else Proc(pid, process.start)

    def watch(self, proc: Proc, on_exit: Callable[[], None]) -> None:
        self._watches[proc] = on_exit
        if self.identify(proc.pid) != proc:
            self._soon(proc, on_exit)

    def unwatch(self, proc: Proc) -> None:
        self._watches.pop(proc, None)

    async def trees(self, runs: Mapping[str, Proc | None]) -> dict[str, frozenset[Proc]]:
        if self._unknown > 0:
            self._unknown -= 1
            raise Unknown("/proc was not read within 5 s")
        return {run: self._tree(run, leader) for run, leader in runs.items()}

    def signal(self, proc: Proc, number: int) -> bool:
        process = self.living.get(proc.pid)
        if process is None or process.start != proc.start:
            return False
        self.sent.append((proc, number))
        deadly = number == signals.SIGKILL or (not process.ignores and number not in _HARMLESS)
        if deadly:
            self.exit(proc.pid, signal=number)
        return True

    def ignores(self, proc: Proc, number: int) -> bool:
        process = self.living.get(proc.pid)
        return process is not None and process.start == proc.start and process.ignores

    def killed_by(self, proc: Proc) -> int | None:
        return self._killed.get(proc)

    def boot_id(self) -> str:
        return self._boot

    # ----------------------------------------------------------------------------------- knobs

    def spawn(
        self,
        pid: int | None = None,
        *,
        run: str | None = None,
        parent: int = 1,
        new_session: bool = False,
    ) -> Proc:
        """A new process. A child inherits its parent's mark and session; `new_session` is setsid(2). A
        number in use is taken over, as if its process had ended unseen long ago."""
        if pid is None:
            pid = self._next_pid
            self._next_pid += 1
        self._ticks += 1
        above = self.living.get(parent)
        if run is None and above is not None:
            run = above.run
        session = pid if above is None or new_session else above.session
        process = FakeProcess(pid=pid, start=self._ticks, parent=parent, session=session, run=run)
        self.living[pid] = process
        return Proc(pid, process.start)

    def forget_mark(self, pid: int) -> None:
        """The process executes a program with an empty environment."""
        self.living[pid].run = None

    def exit(self, pid: int, status: int | None = None, signal: int | None = None) -> None:
        """The process ends, by itself or by a signal; its children become orphans. Gone is no error."""
        proc = self.identify(pid)
        if proc is not None and signal is not None:
            self._killed[proc] = signal
        if self._end(pid) and self.on_end is not None:
            self.on_end(pid, 0 if status is None and signal is None else status, signal)

    def ignore_term(self, pid: int) -> None:
        """From now on only SIGKILL ends it."""
        self.living[pid].ignores = True

    def unknown(self, times: int = 1) -> None:
        """The next looks at the trees fail."""
        self._unknown = times

    def reboot(self) -> None:
        """Everything is gone, and the boot id is another."""
        self.living.clear()
        self._watches.clear()
        self._boot = f"fake-boot-{int(self._boot.rpartition('-')[2]) + 1}"

    def on_spawn(self, pid: int, launch: Launch) -> None:
        """For a fake tmux: a pane's process has started."""
        self.spawn(pid, run=launch.labels.run, new_session=True)

    def on_death(self, pid: int) -> None:
        """For a fake tmux: a pane's process has ended, as tmux knows."""
        self._end(pid)

    # -------------------------------------------------------------------------------- insides

    def _end(self, pid: int) -> bool:
        process = self.living.pop(pid, None)
        if process is None:
            return False
        for child in self.living.values():
            if child.parent == pid:
                child.parent = 1
        proc = Proc(pid, process.start)
        on_exit = self._watches.get(proc)
        if on_exit is not None:
            self._soon(proc, on_exit)
        return True

    def _tree(self, run: str, leader: Proc | None) -> frozenset[Proc]:
        found = {p.pid for p in self.living.values() if p.run == run}
        if leader is not None:
            there = self.living.get(leader.pid)
            if there is None or there.start == leader.start:
                found |= {p.pid for p in self.living.values() if p.session == leader.pid}
                found |= {leader.pid} if there is not None else set()
        grown = True
        while grown:
            more = {p.pid for p in self.living.values() if p.parent in found} - found
            found |= more
            grown = bool(more)
        return frozenset(Proc(pid, self.living[pid].start) for pid in found)

    def _soon(self, proc: Proc, on_exit: Callable[[], None]) -> None:
        def tell() -> None:
            if self._watches.get(proc) is on_exit:
                del self._watches[proc]
                on_exit()

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            tell()
        else:
            loop.call_soon(tell)
