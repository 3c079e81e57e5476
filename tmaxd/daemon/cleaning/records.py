"""The clean-ups `tasks`, `dead` and `events`: what the journal forgets, slice by slice, with the files of results.

The one thread that writes the journal is taken for a few milliseconds at a time, and then left alone for several times
as long as the slice took, waiting included: where it is busy, a slice waits longer, so the clean-up steps back. Slices
have as many tasks as fit into that time: a task costs 0.4 µs where many came together, and ten times that alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from tmaxd.daemon.cleaning.cleaner import SAMPLE, Item, Report
from tmaxd.ports import Clock, Files
from tmaxd.spec.upkeep import Cleanup
from tmaxd.tasks.records import Purge, Purged, Span
from tmaxd.tasks.records.purge import SLICE

WORK = 0.005
"""Seconds of work that a slice should be."""
FEWEST, MOST = 256, 32_768
"""Tasks of a slice."""
PAUSE = 6.0
"""The pause after a slice, in times that the slice took, waiting included."""
LEAST = 0.005
"""Seconds that a pause has at least: dispatch has a turn in it."""
LONGEST = 1.0
"""Seconds that it has at most: a disk that stands still for once must not stop the clean-up."""

Purger = Callable[[Purge], Awaitable[Purged]]


class RecordCleaner:
    """A `Cleaner`. `purge` forgets; `look` tells what would be forgotten."""

    def __init__(
        self,
        what: Literal["tasks", "dead", "events"],
        purge: Purger,
        look: Purger,
        files: Files,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._what = what
        self._purge = purge
        self._look = look
        self._files = files
        self._clock = clock
        self._sleep = sleep

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        """Raises JournalError where the disk refuses; the slices before are gone then."""
        before = now - (entry.ttl or 0.0)
        after: tuple[float, int] | None = (float("-inf"), 0)
        limit = SLICE
        while after is not None:
            wish = Purge(
                what=self._what, before=before, groups=entry.groups, after=after, limit=limit, dry=dry
            )  # fmt: skip
            began = self._clock.now()
            slice_ = await (self._look if dry else self._purge)(wish)
            took = self._clock.now() - began
            self._add(slice_, report)
            if slice_.files:
                report.bytes += await asyncio.to_thread(self._remove, slice_.files, dry, report)
            after = slice_.next
            limit = fitting(limit, slice_.took)
            if after is not None:
                await self._sleep(min(LONGEST, max(LEAST, PAUSE * took)))

    def _add(self, gone: Purged, report: Report) -> None:
        report.add_many(gone.count, gone.bytes)
        room = SAMPLE - len(report.items)
        report.items += [Item(_named(span), note=span.group) for span in gone.spans[:room]]

    def _remove(self, files: Sequence[str], dry: bool, report: Report) -> int:
        """The bytes of the files that are gone. In a thread; after their tasks, so that no task names a file which is
        gone. What a daemon that dies between the two leaves is of the clean-up `payloads`."""
        freed = 0
        for path in files:
            size = self._files.result_size(path)
            try:
                if not dry:
                    self._files.remove_spooled(path)
            except FileNotFoundError:
                continue
            except ValueError:
                continue  # a worker has named a file that is none of ours
            except OSError as error:
                report.problem(f"{path}: the result's file is left: {error.strerror or error}")
            else:
                freed += size
        return freed


def fitting(limit: int, took: float) -> int:
    """How many tasks the next slice may have."""
    if took > 2 * WORK:
        return max(FEWEST, limit // 2)
    return min(MOST, limit * 2) if took < WORK / 2 else limit


def _named(span: Span) -> str:
    if span.first == span.last:
        return f"task {span.first}"
    return f"tasks {span.first} to {span.last}"
