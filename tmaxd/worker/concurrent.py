"""Up to `window` tasks at once on an asyncio loop: for handlers that are coroutine functions.

`started` of a burst goes out in one write before any of its handlers runs; results that are there in the
same turn of the loop go out together.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Awaitable, Callable

from tmaxd.worker import frames, outcome
from tmaxd.worker.frames import Order
from tmaxd.worker.link import Link
from tmaxd.worker.memory import Memory
from tmaxd.worker.task import Task


class Concurrent:
    def __init__(
        self, link: Link, handler: Callable[[Task], Awaitable[object]], window: int, spool: str
    ) -> None:
        self._link = link
        self._handler = handler
        self._window = window
        self._spool = spool
        self._memory = Memory(window)
        self._held: deque[Order] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._unsent: list[bytes] = []
        self._turn_planned = False
        self._reading = False
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, which let the running tasks finish. Must run in the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._link.on_stale = lambda: loop.call_soon_threadsafe(self._renew)
        self._link.begin(self._window)
        self._read(True)
        await self._stopping.wait()
        self._read(False)
        if self._running:
            await asyncio.wait(self._running)
        self._flush()

    def _read(self, wanted: bool) -> None:
        loop = asyncio.get_running_loop()
        if wanted and not self._reading:
            loop.add_reader(self._link.tasks, self._readable)
        elif self._reading and not wanted:
            loop.remove_reader(self._link.tasks)
        self._reading = wanted

    def _readable(self) -> None:
        self._take(self._link.read())

    def _renew(self) -> None:
        self._read(False)  # the loop watches the open file, not its number
        orders = self._link.renew()
        self._unsent.append(self._memory.results())
        self._take(orders)

    def _take(self, orders: list[Order]) -> None:
        fresh, again = self._memory.sort(orders)
        self._held += fresh
        self._unsent.append(again)
        self._turn()

    def _turn(self) -> None:
        """Send what is there, begin what there is room for, and read on if that was all."""
        self._turn_planned = False
        room = 0 if self._stopping.is_set() else self._window - len(self._running)
        batch = [self._held.popleft() for _ in range(min(room, len(self._held)))]
        self._unsent += [frames.started(order.key) for order in batch]
        self._flush()
        for order in batch:
            running = asyncio.create_task(self._perform(order))
            self._running.add(running)
            running.add_done_callback(self._finished)
        # Not more than one read is held beyond the window: the rest stays where it can be taken back.
        self._read(not self._held and not self._stopping.is_set())

    def _finished(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        if not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data:
            self._link.send(data)

    async def _perform(self, order: Order) -> None:
        frame = await self._outcome(order)
        self._memory.finish(order.key, frame)
        self._unsent.append(frame)

    async def _outcome(self, order: Order) -> bytes:
        scope = asyncio.timeout(order.timeout)
        try:
            async with scope:
                value = await self._handler(outcome.begin(order))
            return outcome.succeeded(order.key, value, self._spool)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  the task's failure
            if isinstance(error, TimeoutError) and scope.expired():
                return outcome.expired(order)
            return outcome.refused(order.key, error, self._stopping.is_set())

    def _stop(self) -> None:
        self._stopping.set()
        # Whoever presses Ctrl-C a second time does not want to wait for the handlers.
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
