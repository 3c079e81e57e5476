"""The table of processes for one who looks at it again and again: strangers are not read each time.

Who has nothing to do with any run will not have later: nobody can choose his parent or his session anew. Only his
number can go to another process, and numbers are given out in turn (proc(5), `loadavg`). So of known strangers those
are read again whose number was given out since the look before, and now and then all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tmaxd.ports import Proc
from tmaxd.world import procfs
from tmaxd.world.procfs import Stat

WHOLE = 12
"""Every so many looks all are read: numbers may have gone round once, and programs be changed in ways that nobody
foresaw."""


class ProcTable:
    """One a reader, used by one thread at a time."""

    def __init__(self) -> None:
        self._looks = 0
        self._newest = 0
        self._suspects: set[Proc] = set()
        """Who was a stranger in the look before. Once is not enough: a run may be known only after its process is."""
        self._strangers: set[int] = set()

    @property
    def whole(self) -> bool:
        """The last look was at all of them."""
        return self._looks % WHOLE == 1

    def read(self, between: Callable[[], None] = lambda: None) -> list[Stat]:
        """Every process but those that are known to be strangers. `between` is called after each. Raises `Unknown` as
        `procfs.read_all_stats` does."""
        newest = int(procfs.last_pid())
        self._looks += 1
        if self.whole or newest < self._newest:
            self._strangers.clear()
        else:
            before = self._newest
            self._strangers = {pid for pid in self._strangers if not before < pid <= newest}
        self._newest = newest
        return procfs.read_all_stats(between, self._strangers)

    def judge(self, table: Iterable[Stat], ours: set[int]) -> None:
        """Those of the last look that are not in `ours` are strangers, once they were so twice."""
        others = {Proc(s.pid, s.start) for s in table if s.pid not in ours}
        self._strangers.update(proc.pid for proc in others & self._suspects)
        self._suspects = others
