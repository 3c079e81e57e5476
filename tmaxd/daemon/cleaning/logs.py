"""The clean-up `logs`: rotated ones that are old or too many, and those of workers that there are no more; and rotated
ones are packed. What is or may be written to is never touched; its size is bounded by rotation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.threads import in_thread
from tmaxd.plan.draft import split
from tmaxd.ports.logs import LogFile, Logs
from tmaxd.spec.upkeep import Cleanup

AT_REST = 60.0
"""Seconds without a write after which a rotated log is packed: for a moment its worker writes to it still."""
SLICE = 20
"""Files that are removed before others may go on; each takes about 20 µs, and more where it is large."""

Used = Callable[[str], bool]
"""Whether there is, or may be, a worker of this name."""


class LogCleaner:
    """A `Cleaner`."""

    def __init__(self, logs: Logs, used: Used) -> None:
        self._logs = logs
        self._used = used

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        files = of_groups(await in_thread(lambda _: self._logs.find()), entry.groups)
        old = [] if entry.ttl is None else [f for f in files if f.at <= now - entry.ttl]
        gone = await self._remove(old, dry, report, "older than its time")
        left = [file for file in files if file not in gone]
        if entry.compress:
            left = await self._compress(left, now, dry, report)
        if entry.max_size is not None:
            await self._shrink(left, entry.max_size, dry, report)

    async def _remove(
        self, files: Iterable[LogFile], dry: bool, report: Report, why: str
    ) -> set[LogFile]:
        """Those that are gone, or would be: of those that may go."""
        gone = set[LogFile]()
        for index, file in enumerate(files):
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            # Asked at the last moment: a worker may have been added to the spec meanwhile.
            if not may_go(file, self._used):
                continue
            try:
                if dry or self._logs.remove(file):
                    report.add(file.path, file.bytes, why)
                    gone.add(file)
            except OSError as error:
                report.problem(f"{file.path} cannot be removed: {error.strerror or error}")
        return gone

    async def _compress(
        self, files: Sequence[LogFile], now: float, dry: bool, report: Report
    ) -> list[LogFile]:
        """What there is then."""
        some = [f for f in files if f.number > 0 and not f.compressed and f.at <= now - AT_REST]
        for file in some:
            try:
                saved = 0 if dry else await in_thread(partial(self._logs.compress, file))
            except FileNotFoundError:
                continue
            except OSError as error:
                report.problem(f"{file.path} cannot be packed: {error.strerror or error}")
                continue
            if saved or dry:
                report.add(file.path, saved, "to be packed" if dry else "packed")
        if dry or not some:
            return list(files)
        known = {file.path.removesuffix(".gz") for file in files}
        found = await in_thread(lambda _: self._logs.find())
        return [file for file in found if file.path.removesuffix(".gz") in known]

    async def _shrink(self, files: Sequence[LogFile], most: int, dry: bool, report: Report) -> None:
        """The oldest go until all have `most` bytes together."""
        size = sum(file.bytes for file in files)
        doomed = []
        for file in sorted(files, key=lambda file: file.at):
            if size <= most:
                break
            if may_go(file, self._used):
                doomed.append(file)
                size -= file.bytes
        await self._remove(doomed, dry, report, "beyond the size for all")
        if size > most:
            report.problem(
                f"the logs have {size:,} bytes, more than max_size ({most:,}): what is left is written to by workers;"
                " each is rotated at 10 MiB"
            )


def of_groups(files: Iterable[LogFile], groups: Sequence[str]) -> list[LogFile]:
    if not groups:
        return list(files)
    return [file for file in files if file.worker and split(file.worker)[0] in groups]


def may_go(file: LogFile, used: Used) -> bool:
    return file.number > 0 or (file.worker != "" and not used(file.worker))
