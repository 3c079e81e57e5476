"""Result and payload files that the dispatcher needs the text of: read before it hears of what names them.

What a run says meanwhile, and its end, wait their turn behind them. Only groups whose results go on, to another
group or to an outbox, are read at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from tmaxd.plan.draft import split
from tmaxd.ports import Files
from tmaxd.tasks.door import MAX_PAYLOAD
from tmaxd.tasks.events import Event, Frames
from tmaxd.tasks.frames import DoneFrame, Frame
from tmaxd.tasks.outlines import LINE_LIMIT
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Lease
from tmaxd.tasks.routes import uses_payload
from tmaxd.tasks.writing import payload_path

AT_ONCE = 64 * 1024
"""Bytes that are read in the loop, which takes less time than to have a thread do it."""

MOST = 4 * 1024 * 1024
"""Characters of text given to the dispatcher at a time, so that many long results do not pile up in memory."""


ROUTES = MAX_PAYLOAD
"""Bytes of a result's file that are of use to routes: a file that is longer is not read at all."""

LINES = LINE_LIMIT
"""The same where there are only outboxes: in their lines no text is shorter than in its file."""

Named = tuple[Sequence[Frame], tuple[str, ...]]
"""(frames, the files that they name)"""


class ResultTexts:
    """Passes on, in order for each run, what is about the run. One a daemon, in the loop's thread."""

    def __init__(self, files: Files, post: Callable[[Event], None]) -> None:
        self._files = files
        self._post = post
        self._late: dict[str, deque[Event]] = {}
        """By run: what waits for its files."""
        self._reading: set[asyncio.Task[None]] = set()
        self.limits: Mapping[str, int] = {}
        """Of the groups whose results are needed."""

    def post(self, run: str, event: Event) -> None:
        late = self._late.get(run)
        if late is None:
            self._post(event)
        else:
            late.append(event)

    def heard(self, worker: str, run: str, frames: Sequence[Frame]) -> None:
        limit = self.limits.get(split(worker)[0]) if self.limits else None
        files = named(frames) if limit is not None else ()
        if limit is None or not files or run in self._late:
            self.post(run, Frames(worker, run, frames))
        elif sum(self._to_read(file, limit) for file in files) <= AT_ONCE:
            self._post(Frames(worker, run, frames, self._read(files, limit)))
        else:
            self._late[run] = deque([Frames(worker, run, frames)])
            task = asyncio.ensure_future(self._catch_up(run))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _catch_up(self, run: str) -> None:
        late = self._late[run]
        while late:
            event = late.popleft()
            if not isinstance(event, Frames):
                self._post(event)
                continue
            limit = self.limits.get(split(event.worker)[0], ROUTES)
            for frames, files in pieces(event.frames, partial(self._to_read, limit=limit)):
                texts = await asyncio.to_thread(self._read, files, limit) if files else {}
                self._post(Frames(event.worker, run, frames, texts))
        del self._late[run]

    def _to_read(self, file: str, limit: int) -> int:
        """Bytes."""
        size = self._files.result_size(file)
        return size if size <= limit else 0

    def _read(self, files: Sequence[str], limit: int) -> dict[str, str | None]:
        read, size = self._files.read_result, self._files.result_size
        return {file: read(file, limit) if size(file) <= limit else None for file in files}


def limits(policies: Mapping[str, GroupPolicy]) -> dict[str, int]:
    """Of the groups whose results are needed as text."""
    return {name: _limit(policy) for name, policy in policies.items() if policy.reads_results}


def _limit(policy: GroupPolicy) -> int:
    return ROUTES if any("{result}" in route.payload for route in policy.routes) else LINES


def with_payloads(
    leases: Iterable[Lease], policies: Mapping[str, GroupPolicy], files: Files, spool: str
) -> list[Lease]:
    """With the long payloads that routes will want. One whose file is not there yet is left out; a route then says
    that it is missing."""
    wanting = {name for name, policy in policies.items() if uses_payload(policy)}
    return [
        msgspec.structs.replace(
            lease, payload=files.read_result(payload_path(spool, lease.id), MAX_PAYLOAD)
        )
        if lease.payload is None and lease.group in wanting
        else lease
        for lease in leases
    ]


def named(frames: Sequence[Frame]) -> tuple[str, ...]:
    """The result files in these frames."""
    return tuple(
        frame.result_file
        for frame in frames
        if type(frame) is DoneFrame and frame.result_file is not None
    )


def pieces(frames: Sequence[Frame], size_of: Callable[[str], int]) -> Iterator[Named]:
    """The frames in order, cut so that the files of a piece have MOST bytes together, or are one."""
    start, size = 0, 0
    for index, frame in enumerate(frames):
        if type(frame) is not DoneFrame or frame.result_file is None:
            continue
        own = size_of(frame.result_file)
        if size and size + own > MOST:
            yield frames[start:index], named(frames[start:index])
            start, size = index, 0
        size += own
    yield frames[start:], named(frames[start:])
