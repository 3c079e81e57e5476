"""What workers store by frames: frames become operations, and go to disk as soon as they were read, in batches.

Nobody is answered. While the disk refuses, what came waits, up to a bound; what cannot be stored at all is counted and
logged.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from tmaxd.daemon.bursts import Bursts
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.store import MemoryStore
from tmaxd.ports import Files
from tmaxd.ports.store import StoreError
from tmaxd.store.entries import Delete, Incr, Kind, Operation, Outcome, Put
from tmaxd.store.names import read_only, writable
from tmaxd.store.values import HIGHEST, LOWEST, BadValue, canonical, text_value
from tmaxd.tasks.frames import SAMPLE, Bad
from tmaxd.tasks.store_frames import DeleteFrame, IncrFrame, Stored, StoreFrame

BATCH: Final = 1024
"""Operations of one commit, and files that are read for it."""

HELD: Final = 16 * 1024 * 1024
"""Bytes that wait for the disk; what comes on top of them is lost, and said to be."""

OVERHEAD: Final = 500
"""Bytes that an operation takes in memory beside its value."""

AGAIN: Final = 1.0
"""Seconds until it is tried again."""

LONGEST_TTL: Final = 10 * 366 * 86400.0
"""Seconds."""


class Unwanted(Exception):
    """The frame cannot be what its worker meant; the text says why."""


class StoreFrames:
    """One a daemon, in the loop's thread."""

    def __init__(self, memory: MemoryStore, files: Files, log: EventLog) -> None:
        self._memory = memory
        self._files = files
        self._log = log
        self._refusing = ""
        """Why the disk refuses."""
        self._bursts = Bursts(log, "store_refused", "worker")
        self._waiting: deque[tuple[str, Stored]] = deque()
        self._held = 0
        self._task: asyncio.Task[None] | None = None

    def heard(self, worker: str, frames: Sequence[Stored]) -> list[Bad]:
        """Take them in; those that are no frames, with the cause."""
        bad: list[Bad] = []
        for frame in frames:
            why = wrong(frame)
            size = _weight(frame)
            if why is not None:
                bad.append(Bad(why, f"{frame.ns} {frame.key}"[:SAMPLE]))
            elif self._held + size > HELD:
                self._refuse(worker, frame, "the disk has refused for too long")
            else:
                self._held += size
                self._waiting.append((worker, frame))
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._store())
        return bad

    async def close(self) -> None:
        """The daemon ends: what was read is stored, unless the disk refuses."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=AGAIN)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._bursts.close()

    async def _store(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if any(isinstance(frame, StoreFrame) and frame.file for _, frame in batch):
                made = await asyncio.to_thread(self._operations, batch)
            else:
                made = self._operations(batch)
            self._held -= sum(_weight(frame) for _, frame in batch)
            await self._write(
                [(who, frame, op) for who, frame, op in made if self._fits(who, op, frame)]
            )

    def _fits(self, worker: str, operation: Operation | str, frame: Stored) -> bool:
        if isinstance(operation, str):
            self._refuse(worker, frame, operation)
            return False
        return True

    async def _write(self, made: Sequence[tuple[str, Stored, Operation | str]]) -> None:
        operations = [op for _, _, op in made if not isinstance(op, str)]
        if not operations:
            return
        while True:
            try:
                outcomes = await self._memory.write(operations)
                break
            except StoreError as error:
                self._trouble(str(error))
                await asyncio.sleep(AGAIN)
        self._refusing = ""
        for (worker, frame, _), outcome in zip(made, outcomes, strict=True):
            if not outcome.done:
                self._refuse(worker, frame, refusal(outcome))
            elif isinstance(frame, StoreFrame) and frame.file:
                self._remove(frame.file)

    def _trouble(self, why: str) -> None:
        """Said once, as long as it is the same."""
        if why != self._refusing:
            self._refusing = why
            self._log.error("store_trouble", text=f"  {why}; what workers store waits meanwhile")

    def _operations(
        self, batch: Sequence[tuple[str, Stored]]
    ) -> list[tuple[str, Stored, Operation | str]]:
        """With the files read; in the place of an operation the cause why there is none."""
        found: list[tuple[str, Stored, Operation | str]] = []
        limit = self._memory.limits().max_value
        for worker, frame in batch:
            try:
                found.append((worker, frame, self._operation(frame, limit)))
            except (Unwanted, BadValue) as error:
                found.append((worker, frame, str(error)))
        return found

    def _operation(self, frame: Stored, limit: int) -> Operation:
        match frame:
            case StoreFrame():
                kind, data = self._value(frame, limit)
                return Put(frame.ns, frame.key, kind, data, frame.ttl)
            case DeleteFrame():
                return Delete(frame.ns, frame.key)
            case IncrFrame():
                return Incr(frame.ns, frame.key, frame.by, frame.ttl)

    def _value(self, frame: StoreFrame, limit: int) -> tuple[Kind, bytes]:
        if frame.value is not UNSET:
            return "json", canonical(bytes(frame.value))
        if frame.bytes is not None:
            return "bytes", base64.b64decode(frame.bytes, validate=True)
        if frame.file is None:
            raise Unwanted("it has no value")
        data = self._files.read_spooled(frame.file, limit)
        if data is None:
            raise Unwanted(
                f"{frame.file}: no regular file in the spool with at most {limit} bytes (store.max_value)"
            )
        return file_value(data, frame)

    def _remove(self, path: str) -> None:
        try:
            self._files.remove_spooled(path)
        except OSError:
            return  # it is in the worker's own folder, which goes with the worker

    def _refuse(self, worker: str, frame: Stored, why: str) -> None:
        self._bursts.add(worker, 1, why=why, sample=f"{frame.ns} {frame.key}"[:SAMPLE])


def file_value(data: bytes, frame: StoreFrame) -> tuple[Kind, bytes]:
    if frame.as_ == "json":
        return "json", canonical(data)
    if frame.as_ == "bytes":
        return "bytes", data
    try:
        return "json", text_value(data.decode())
    except UnicodeDecodeError:
        if frame.as_ == "text":
            raise Unwanted("the file is not UTF-8") from None
        return "bytes", data


def wrong(frame: Stored) -> str | None:
    """What makes it no frame."""
    why = writable(frame.ns, frame.key)
    if why is None and read_only(frame.ns):
        why = f"`{frame.ns}` is read-only: it shows the fleet's workers"
    if why is None and not isinstance(frame, DeleteFrame) and not good_ttl(frame.ttl):
        why = f"ttl must be above 0 and at most {LONGEST_TTL:.0f} seconds"
    if why is not None or isinstance(frame, DeleteFrame):
        return why
    if isinstance(frame, IncrFrame):
        return None if LOWEST <= frame.by <= HIGHEST else "incr has more than 64 bits"
    return _wrong_value(frame)


def _wrong_value(frame: StoreFrame) -> str | None:
    given = (frame.value is not UNSET, frame.bytes is not None, frame.file is not None)
    if sum(given) != 1:
        return "store takes one of value, bytes and file"
    try:
        if frame.value is not UNSET:
            canonical(bytes(frame.value))
        elif frame.bytes is not None:
            base64.b64decode(frame.bytes, validate=True)
    except (BadValue, binascii.Error, ValueError) as error:
        return str(error)
    return None


def good_ttl(ttl: float | None) -> bool:
    return ttl is None or 0 < ttl <= LONGEST_TTL  # false for NaN, too


def refusal(outcome: Outcome) -> str:
    """Why an operation was not done, in words."""
    return {
        "conflict": f"the version there is {outcome.version}",
        "not_a_number": "the value there is no whole number of 64 bits",
        "out_of_range": "the sum would have more than 64 bits",
        "too_large": f"the value is larger than the {outcome.limit} bytes that may be (store.max_value, and max_size"
        " of its namespace): store it as a file and its path here",
        "too_many_namespaces": "there are as many namespaces as may be: use one of them, with longer keys",
    }.get(outcome.verdict, "")


def _weight(frame: Stored) -> int:
    if not isinstance(frame, StoreFrame):
        return OVERHEAD
    inside = 0 if frame.value is UNSET else len(bytes(frame.value))
    return OVERHEAD + len(frame.bytes or "") + inside
