"""The clean-up `payloads`: files in the spool that no task needs.

A task's own files go with it, so these are leftovers: of daemons and workers that died between two steps, of results
that came too late, and what programs have put there that nobody named. Which task needs a file, its name says where
tmaxd or its SDK has written it; else all results on disk are looked through. What is young stays: perhaps its task is
under way to us.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.threads import in_thread
from tmaxd.ports import Files, Journal, Spooled
from tmaxd.spec.upkeep import Cleanup

YOUNG = 3600.0
"""Seconds: a file that was written since is left, whatever the spec says."""
CHUNK = 2000
"""Files that are judged at a time."""
SLICE = 20
"""Files that are removed before others may go on; each takes about 20 µs, and more where it is large."""

_PAYLOAD: Final = re.compile(r"([0-9]{1,18})\.payload")
"""As `tasks.writing` names them."""
_RESULT: Final = re.compile(r"task-([0-9]{1,18})-[0-9]+\.result")
"""As `worker.outcome` names them."""


class PayloadCleaner:
    """A `Cleaner`."""

    def __init__(self, files: Files, journal: Journal) -> None:
        self._files = files
        self._journal = journal

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        before = now - max(YOUNG, entry.ttl or 0.0)
        oldest = await self._journal.oldest_lease()
        found = self._files.spool_files(before)
        while some := await in_thread(_next(found)):
            named = await self._needed(some, now if oldest is None else oldest)
            await self._remove([file for file in some if file.path not in named], dry, report)
            if len(some) < CHUNK:
                break

    async def _needed(self, files: Sequence[Spooled], oldest: float) -> frozenset[str]:
        """`oldest`: a task that began since may be writing a file of any name, and name it yet."""
        tasks = {file.path: _task_of(file.path) for file in files}
        results = await self._journal.result_files([t for t, _ in tasks.values() if t])
        unknown = [path for path, (task, _) in tasks.items() if task == 0]
        named = await self._journal.named_files(unknown) if unknown else frozenset()
        needed = set(named)
        for file in files:
            task, is_result = tasks[file.path]
            if task == 0:
                if file.at >= oldest:
                    needed.add(file.path)
            elif task in results:
                result = results[task]
                if result is None or (is_result and result == file.path):
                    needed.add(file.path)
        return frozenset(needed)

    async def _remove(self, files: Sequence[Spooled], dry: bool, report: Report) -> None:
        for index, file in enumerate(files):
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            try:
                if dry or self._files.remove_unchanged(file):
                    report.add(file.path, file.bytes)
            except (OSError, ValueError) as error:
                report.problem(f"{file.path} cannot be removed: {error}")


def _next(found: Iterator[Spooled]) -> Callable[[Callable[[], bool]], list[Spooled]]:
    return lambda _: list(islice(found, CHUNK))


def _task_of(path: str) -> tuple[int, bool]:
    """(the task that its name says it is of, 0 of none; whether it would be its result)."""
    name = path.rpartition("/")[2]
    if match := _PAYLOAD.fullmatch(name):
        return int(match[1]), False
    if match := _RESULT.fullmatch(name):
        return int(match[1]), True
    return 0, False
