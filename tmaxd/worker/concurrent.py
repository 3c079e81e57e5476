"""Up to `window` tasks at once on an asyncio loop: for handlers that are coroutine functions.

A burst is announced in one write before any of its handlers runs; results that are there in the same turn of
the loop go out together.
"""

from __future__ import annotations

import asyncio
import functools
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from types import FrameType

from tmaxd.worker import frames, outcome
from tmaxd.worker.answering import Answering
from tmaxd.worker.frames import Key
from tmaxd.worker.keeping import RETRY, Kept
from tmaxd.worker.link import Link
from tmaxd.worker.outcome import Cancelled, Expired
from tmaxd.worker.remembered import Answer
from tmaxd.worker.task import Task


class Concurrent(Answering):
    def __init__(
        self, link: Link, handler: Callable[[Task], Awaitable[object]], window: int, spool: str
    ) -> None:
        super().__init__(link, window, spool)
        self._handler = handler
        self._window = window
        self._held: deque[Task] = deque()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._cancelled: set[Key] = set()
        """Those that run and shall not."""
        self._turn_planned = False
        self._reading = False
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, which let the running tasks finish. Must run in the main thread."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)  # so that signals wake the loop
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._link.on_stale = lambda: loop.call_soon_threadsafe(self._renew)
        self._link.on_pause = lambda: loop.call_soon_threadsafe(self._turn)
        self._link.on_cancel = lambda key: loop.call_soon_threadsafe(self._cancel, key)
        self._link.begin(self._window)
        self._read(True)
        await self._stopped.wait()
        self._read(False)
        if self._running:
            await asyncio.wait(self._running.values())
        self._flush()

    # ------------------------------------------------------------------------------- in and out

    def _read(self, wanted: bool) -> None:
        loop = asyncio.get_running_loop()
        if wanted and not self._reading:
            loop.add_reader(self._link.tasks, self._readable)
        elif self._reading and not wanted:
            loop.remove_reader(self._link.tasks)
        self._reading = wanted

    def _readable(self) -> None:
        self._take(self._link.read())
        self._turn()

    def _renew(self) -> None:
        self._read(False)  # the loop watches the open file, not its number
        tasks = self._link.renew()
        self._out.append(self._memory.results())
        self._take(tasks)
        self._turn()

    def _take(self, tasks: list[Task]) -> None:
        self._held += self._received(tasks)

    def _turn(self) -> None:
        """Send what is there, begin what there is room for, and read on if that was all."""
        self._turn_planned = False
        room = 0 if self._stopping else self._window - len(self._running)
        batch = [self._held.popleft() for _ in range(min(room, len(self._held)))]
        if batch and not self._link.shared:
            self._out.append(frames.begun([task.key for task in batch]))
        self._flush()
        for task in batch:
            running = self._running[task.key] = asyncio.create_task(self._perform(task))
            running.add_done_callback(functools.partial(self._over, task))
        # Not more than one read is held beyond the window: the rest stays where it can be taken back. And of a FIFO
        # that others read as well, nothing is taken that cannot begin at once.
        link = self._link
        full = link.shared and (link.paused or len(self._running) >= self._window)
        self._read(not self._held and not full and not self._stopping)

    # ------------------------------------------------------------------------------- the work

    async def _perform(self, task: Task) -> None:
        self._finish(task, await self._outcome(task))

    def _over(self, task: Task, running: asyncio.Task[None]) -> None:
        del self._running[task.key]
        self._cancelled.discard(task.key)
        if running.cancelled():  # before its first step
            self._finish(task, outcome.cancelled(task.key))
        if not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    async def _outcome(self, task: Task) -> Answer:
        scope = asyncio.timeout(task.timeout)
        try:
            async with scope:
                value = await self._handler(outcome.load(task))
            answer = outcome.succeeded(task.key, value, self._spool)
            return await self._written(answer) if isinstance(answer, Kept) else answer
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  the task's failure
            why: BaseException = error
            if isinstance(error, TimeoutError) and scope.expired():
                why = Expired()
            elif isinstance(error, asyncio.CancelledError) and task.key in self._cancelled:
                why = Cancelled()
            return outcome.ended(task, why, self._stopping)

    async def _written(self, kept: Kept) -> bytes:
        """The result as a file, however long that takes."""
        while (frame := kept.write()) is None:
            if kept.is_hopeless or self._stopping:
                return kept.given_up()
            try:
                await asyncio.wait_for(self._stopped.wait(), RETRY)
            except TimeoutError:
                continue
        return frame

    def _waiting(self) -> deque[Task]:
        return self._held

    def _cancel(self, key: Key) -> None:
        if key in self._running:
            self._cancelled.add(key)
            self._running[key].cancel()
            return
        if not self._memory.knows(key) and not self._link.shared:
            self._take(self._link.read())
        for task in self._held:
            if task.key == key:
                self._held.remove(task)
                self._finish(task, outcome.cancelled(key))
                break
        else:
            if not self._memory.knows(key):
                self._foreseen.add(key)
        self._turn()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """At once, not in the loop's next turn: that may begin another task before."""
        self._stopping = True
        # Whoever presses Ctrl-C a second time does not want to wait for the handlers.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        asyncio.get_running_loop().call_soon_threadsafe(self._stopped.set)
