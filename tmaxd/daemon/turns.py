"""The dispatcher's turns: events are collected, records go to disk, effects follow when their records are there.

The promises it keeps are those at the head of `tasks/events.py`. Nothing here is done for each task: many of them
come in one event and leave in one effect, so that under load the turns grow and their number does not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, takewhile

from tmaxd.daemon.bursts import Bursts
from tmaxd.daemon.effects import Effects
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.queries import answered
from tmaxd.ports import Clock, Journal, JournalError
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.events import Effect, Event, Frames, Query, Spool, Submit, TakenBack, Tick, Unspool
from tmaxd.tasks.records import Record

LONGEST_SLEEP = 30.0
"""Seconds until the dispatcher is asked again at the latest while it waits for a time: somebody may set the clock."""


RETRY = 1.0
"""Seconds between tries to write a payload file; as the journal tries again."""


ROOM_AGAIN = 5.0
"""Seconds that a worker gets to write what waited for room on the disk: it tries once a second (`worker/keeping`)."""


STRAY = "about tasks that it does not hold, in that attempt or any more: ignored"


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
        self._strays = Bursts(log, "stray_frames", "worker")
        self._events: list[Event] = []
        self._due = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._written: deque[tuple[asyncio.Future[None], Sequence[Effect]]] = deque()
        self._blocked = False
        """A payload file is being fetched from the journal, or cannot be written; later effects wait for it."""
        self._background: set[asyncio.Task[None]] = set()
        self._trouble = False
        """The disk was full when it was last asked."""
        self._fair_from = 0.0
        """By `clock.now()`: from then on workers can be blamed again for what they do not answer."""
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
        self._strays.close()
        self._events.clear()
        self._written.clear()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._background:
            task.cancel()

    def impeded(self) -> bool:
        """Whether our own disk keeps workers from answering, or did just now: long results are files on it. To be asked
        in every pass; there is one when it begins and when it ends."""
        trouble = self._journal.trouble() is not None or self._effects.trouble is not None
        if self._trouble and not trouble:
            self._fair_from = self._clock.now() + ROOM_AGAIN
        self._trouble = trouble
        return trouble or self._clock.now() < self._fair_from

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
        for worker, count in step.strays.items():
            self._strays.add(worker, count, why=STRAY)
        for query in step.queries:
            self._keep(asyncio.ensure_future(self._answer(query, now)))
        self._schedule(step.wake_at, now)
        self._tell(events)

    def _tell(self, events: Sequence[Event]) -> None:
        kinds = {type(event) for event in events}
        # A held worker that has finished its last task is what the planner waits for, or a FIFO that nobody needs.
        if (Frames in kinds and self._dispatcher.drained()) or TakenBack in kinds:
            self._wake()
        if kinds != {Submit}:
            self.on_change()

    # ---------------------------------------------------------------------------------- effects

    def _flush(self, _: asyncio.Future[None] | None) -> None:
        """Perform the effects of every step whose records are on disk, in order."""
        while not self._blocked and self._written and self._written[0][0].done():
            write, effects = self._written.popleft()
            if not _succeeded(write):
                self._log.error("journal_lost", text=str(write))
                continue
            if effects:
                self._perform(effects)

    def _perform(self, effects: Sequence[Effect]) -> None:
        missing = self._effects.perform(effects)
        if missing is not None:
            self._blocked = True
            self._keep(asyncio.ensure_future(self._make_up(*missing)))

    async def _make_up(self, spool: Spool, rest: Sequence[Effect]) -> None:
        """Write a payload file, however long it takes, then go on where `_perform` stopped."""
        payload = await self._stored(spool.id) if spool.payload is None else spool.payload
        if payload is not None and not self._effects.spool(spool, payload):
            self._wake()  # so that inboxes are no longer read
            await self._insist(spool, payload, rest)
            self._wake()
        self._blocked = False
        self._perform(rest)
        self._flush(None)

    async def _stored(self, task: int) -> str | None:
        """Its payload as the journal has it."""
        try:
            story = await self._journal.story(task)
        except JournalError as error:
            self._log.error("journal_unreadable", text=f"  {error}")
            return None
        return None if story is None else story.payload

    async def _insist(self, spool: Spool, payload: str, rest: Sequence[Effect]) -> None:
        while True:
            self._make_room(spool, rest)
            await asyncio.sleep(RETRY)
            if self._effects.spool(spool, payload):
                return

    def _make_room(self, spool: Spool, rest: Sequence[Effect]) -> None:
        """Remove the payload files whose time has come, though their turn has not: it may be they that fill the disk.
        In their turn they are removed once more, which does no harm. Not those that are yet to be written."""
        to_come = {spool.path}
        on_disk = takewhile(lambda item: _succeeded(item[0]), self._written)
        for effect in chain(rest, *(effects for _, effects in on_disk)):
            if isinstance(effect, Spool):
                to_come.add(effect.path)
            elif isinstance(effect, Unspool) and effect.path not in to_come:
                self._effects.unspool(effect)

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


def _succeeded(write: asyncio.Future[None]) -> bool:
    return write.done() and not write.cancelled() and write.exception() is None
