"""Result files that the dispatcher needs the text of: read before it hears of the frames that name them.

What a run says meanwhile, and its end, wait their turn behind them. Only groups whose results go on, to another
group or to an outbox, are read at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set

from tmaxd.plan.draft import split
from tmaxd.ports import Files
from tmaxd.tasks.door import MAX_PAYLOAD
from tmaxd.tasks.events import Event, Frames
from tmaxd.tasks.frames import DoneFrame, Frame

AT_ONCE = 64 * 1024
"""Bytes that are read in the loop, which takes less time than to have a thread do it."""

MOST = 4 * 1024 * 1024
"""Characters of text given to the dispatcher at a time, so that many long results do not pile up in memory."""

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
        self.groups: Set[str] = frozenset()
        """Those whose results are needed."""

    def post(self, run: str, event: Event) -> None:
        late = self._late.get(run)
        if late is None:
            self._post(event)
        else:
            late.append(event)

    def heard(self, worker: str, run: str, frames: Sequence[Frame]) -> None:
        files = named(frames) if self.groups and split(worker)[0] in self.groups else ()
        if not files or run in self._late:
            self.post(run, Frames(worker, run, frames))
        elif sum(map(self._files.result_size, files)) <= AT_ONCE:
            read = self._files.read_result
            self._post(Frames(worker, run, frames, {f: read(f, MAX_PAYLOAD) for f in files}))
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
            for frames, files in pieces(event.frames, self._files.result_size):
                texts = await asyncio.to_thread(self._read, files) if files else {}
                self._post(Frames(event.worker, run, frames, texts))
        del self._late[run]

    def _read(self, files: Sequence[str]) -> dict[str, str | None]:
        return {file: self._files.read_result(file, MAX_PAYLOAD) for file in files}


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
