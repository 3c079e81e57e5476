"""The proportional set sizes of many processes, refreshed in turns.

They cost the kernel a walk over all pages, 0.1 µs each: a second for a fleet that uses 40 GB. So only a small share of
the time is spent on it, where it tells most. In between, a process is taken to have grown by as much as its resident
set has, which is right for what leaks: memory of its own. One that is new counts with its resident set until its turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec

from tmaxd.ports import Proc
from tmaxd.world import memory
from tmaxd.world.procfs import Stat

NEW = 0.005, 0.010
"""For processes that were never measured: of a core on average, and the seconds of processor time that can be saved up,
which the first sample has."""
KNOWN = 0.001, 0.005
"""The same for those that are measured again."""
NEWS = 1 << 20
"""Bytes by which a resident set has to change before its process is looked at again for that..."""
PART = 8
"""... and the part of it."""
STALE = 300.0
"""Seconds after which one is looked at again in any case: what it shares with others may be shared no longer."""


class _Known(msgspec.Struct):
    image: bytes
    """Another program is another process."""
    pss: int | None
    rss: int
    at: float


class _Credit:
    """Seconds of processor time that may be spent. One process can cost more than there is; that is waited off."""

    def __init__(self, share: float, most: float, now: float) -> None:
        self._share, self._most = share, most
        self._last = now
        self.left = most

    def earn(self, now: float) -> None:
        self.left = min(self.left + (now - self._last) * self._share, self._most)
        self._last = now


class ProportionalSizes:
    """One a daemon, used by one thread at a time."""

    def __init__(
        self,
        read: Callable[[int], int | None] = memory.pss,
        now: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._read = read
        self._now = now
        self._spent = spent
        self._known: dict[Proc, _Known] = {}
        self._new = _Credit(*NEW, now())
        self._again = _Credit(*KNOWN, now())

    def of(
        self, stats: Iterable[Stat], between: Callable[[], None] = lambda: None
    ) -> dict[Proc, int]:
        """Bytes of those of these processes that could be measured, now or before. All others are forgotten. `between`
        is called after each that is measured."""
        now = self._now()
        living = {Proc(s.pid, s.start): s for s in stats}
        self._known = {
            proc: known
            for proc, known in self._known.items()
            if (stat := living.get(proc)) is not None and stat.image == known.image
        }
        new, again = self._due(living, now)
        for credit, due in ((self._new, new), (self._again, again)):
            credit.earn(now)
            for _, proc in sorted(due):
                if credit.left <= 0:
                    break
                credit.left -= self._measure(proc, living[proc], now)
                between()
        return {
            proc: _grown(known.pss, known.rss, living[proc].pages * memory.PAGE)
            for proc, known in self._known.items()
            if known.pss is not None
        }

    def _due(self, living: dict[Proc, Stat], now: float) -> tuple[_Due, _Due]:
        """Who is new, and who may have changed; those first of which least is known, counted in bytes."""
        new: _Due = []
        again: _Due = []
        for proc, stat in living.items():
            known, rss = self._known.get(proc), stat.pages * memory.PAGE
            if known is None:
                new.append((-rss, proc))
                continue
            change = abs(rss - known.rss)
            news = known.pss is not None and change > max(NEWS, known.rss // PART)
            if news or now - known.at > STALE:
                again.append((-change, proc))
        return new, again

    def _measure(self, proc: Proc, stat: Stat, now: float) -> float:
        """What it has cost."""
        before = self._spent()
        found = self._read(proc.pid)
        self._known[proc] = _Known(stat.image, found, stat.pages * memory.PAGE, now)
        return self._spent() - before


_Due = list[tuple[int, Proc]]


def _grown(pss: int, then: int, now: int) -> int:
    return min(max(pss + now - then, 0), now)
