"""The dispatcher's turns: events are collected, records go to disk, effects follow when their records are there.

The promises it keeps are those at the head of `tasks/events.py`. Nothing here is done for each task: many of them
come in one event and leave in one effect, so that under load the turns grow and their number does not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tmaxd.daemon.effects import Effects
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.queries import answered
from tmaxd.ports import Clock, Journal, JournalError
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.events import Effect, Event, Frames, Query, Spool, Submit, Tick
from tmaxd.tasks.records import Record

LONGEST_SLEEP = 30.0
"""Seconds until the dispatcher is asked again at the latest while it waits for a time: somebody may set the clock."""


class Turns:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        journal: Journal,
        effects: Effects,
        clock: Clock,
        log: EventLog,
        wake: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._journal = journal
        self._effects = effects
        self._clock = clock
        self._log = log
        self._wake = wake
        self._events: list[Event] = []
        self._due = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._written: deque[tuple[asyncio.Future[None], Sequence[Effect]]] = deque()
        self._blocked = False
        """A payload file is being fetched from the journal; later effects wait for it."""
        self._background: set[asyncio.Task[None]] = set()
        self.on_change: Callable[[], None] = lambda: None
        """Told after each turn in which a queue may have become shorter."""

    def post(self, event: Event) -> None:
        """Have the dispatcher take the event in its next turn, with all others that come until then."""
        if self._closed:
            return
        self._events.append(event)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def now(self) -> None:
        """Have it take in what was posted so far, before this returns."""
        if self._events:
            self._step()

    def close(self) -> None:
        """No more turns: what was posted and what is told from now on is for the next daemon to find out."""
        self._closed = True
        self._events.clear()
        self._written.clear()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._background:
            task.cancel()

    def note(self, record: Record) -> None:
        """A record that nothing waits for."""
        asyncio.ensure_future(self._journal.write([record])).add_done_callback(self._noted)

    def _noted(self, write: asyncio.Future[None]) -> None:
        error = None if write.cancelled() else write.exception()
        if error is not None:
            self._log.error("journal_lost", text=f"  {error}")

    def _turn(self) -> None:
        self._due = False
        if self._events:
            self._step()

    def _step(self) -> None:
        events, self._events = self._events, []
        now = self._clock.wall()
        step = self._dispatcher.step(events, now)
        if step.records:
            write = asyncio.ensure_future(self._journal.write(step.records))
            write.add_done_callback(self._flush)
            self._written.append((write, step.effects))
        elif step.effects and (self._written or self._blocked):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            self._written.append((done, step.effects))
        elif step.effects:
            self._perform(step.effects)
        for query in step.queries:
            self._keep(asyncio.ensure_future(self._answer(query, now)))
        self._schedule(step.wake_at, now)
        self._tell(events)

    def _tell(self, events: Sequence[Event]) -> None:
        kinds = {type(event) for event in events}
        # A held worker that has finished its last task is what the planner waits for.
        if Frames in kinds and self._dispatcher.drained():
            self._wake()
        if kinds != {Submit}:
            self.on_change()

    # ---------------------------------------------------------------------------------- effects

    def _flush(self, _: asyncio.Future[None] | None) -> None:
        """Perform the effects of every step whose records are on disk, in order."""
        while not self._blocked and self._written and self._written[0][0].done():
            write, effects = self._written.popleft()
            if write.cancelled() or write.exception() is not None:
                self._log.error("journal_lost", text=str(write))
                continue
            if effects:
                self._perform(effects)

    def _perform(self, effects: Sequence[Effect]) -> None:
        missing = self._effects.perform(effects)
        if missing is not None:
            self._blocked = True
            self._keep(asyncio.ensure_future(self._fetch(*missing)))

    async def _fetch(self, spool: Spool, rest: Sequence[Effect]) -> None:
        """Write a payload file from the journal, then go on where `_perform` stopped."""
        try:
            story = await self._journal.story(spool.id)
            if story is not None:
                self._effects.spool(spool, story.payload)
        except JournalError as error:
            self._log.error("journal_unreadable", text=f"  {error}")
        self._blocked = False
        self._perform(rest)
        self._flush(None)

    # ------------------------------------------------------------------------- queries and time

    async def _answer(self, query: Query, now: float) -> None:
        self.post(await answered(query, self._journal, now, self._log))

    def _schedule(self, wake_at: float | None, now: float) -> None:
        """Only ever to an earlier time: a tick that comes too early asks for the next one, and a timer for each
        step would cost more."""
        if wake_at is None or (self._timer is not None and self._timer_at <= wake_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = min(wake_at, now + LONGEST_SLEEP)
        delay = max(self._timer_at - now, 0.0)
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.post(Tick())

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)
