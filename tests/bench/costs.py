"""What processes cost: CPU time by thread, and memory, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Cpu(msgspec.Struct, frozen=True):
    """CPU time of a process so far, in seconds."""

    main: float
    """Its first thread: of the daemon, the loop."""
    others: float
    """All others: of the daemon, nearly all of it is the journal's writer."""
    system: float
    """The part of the two that was spent in the kernel, in steps of 10 ms."""

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(
            self.main - before.main, self.others - before.others, self.system - before.system
        )

    @property
    def whole(self) -> float:
        return self.main + self.others


def cpu_of(pid: int) -> Cpu:
    """Threads that have ended are missing. (proc(5); the first number of schedstat is ns on a CPU.)"""
    main = others = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
        if thread.name == str(pid):
            main = seconds
        else:
            others += seconds
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Cpu(main, others, int(fields[12]) / os.sysconf("SC_CLK_TCK"))


def memory_of(pid: int, name: str = "Rss") -> float:
    """MB of 1,000,000 bytes: `Rss` or `Pss`."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in text.splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1.024 / 1000
