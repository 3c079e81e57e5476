"""Drives the dispatcher: bytes from the FIFOs and submits become events; records go to disk; effects follow
when their records are there, in order.

The promises it keeps are those at the head of `tasks/events.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from tmaxd.daemon.effects import Effects
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.plan.draft import split
from tmaxd.plan.observed import Load
from tmaxd.plan.reasons import EXCUSES_TASKS
from tmaxd.ports import Clock, Journal, JournalError, Pipes
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.events import (
    Adopted,
    DueLoaded,
    Effect,
    Event,
    Frames,
    Gone,
    Groups,
    Hold,
    Loaded,
    LoadPage,
    Query,
    Spool,
    Submit,
    Tick,
)
from tmaxd.tasks.frames import Form
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Record
from tmaxd.tasks.view import View


class TaskFlow:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        journal: Journal,
        pipes: Pipes,
        runs: Runs,
        effects: Effects,
        clock: Clock,
        log: EventLog,
        wake: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._journal = journal
        self._pipes = pipes
        self._runs = runs
        self._effects = effects
        self._clock = clock
        self._log = log
        self._wake = wake
        self._events: list[Event] = []
        self._turn_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._written: deque[tuple[asyncio.Future[None], Sequence[Effect]]] = deque()
        self._blocked = False
        """A payload file is being fetched from the journal; later effects wait for it."""
        self._background: set[asyncio.Task[None]] = set()
        self._tokens = 0

    # ------------------------------------------------------------------------ what others tell it

    def post(self, event: Event) -> None:
        """Have the dispatcher take the event in its next turn, with all others that come until then."""
        self._events.append(event)
        if not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def note(self, record: Record) -> None:
        """A record that nothing waits for."""
        asyncio.ensure_future(self._journal.write([record])).add_done_callback(self._noted)

    def _noted(self, write: asyncio.Future[None]) -> None:
        error = None if write.cancelled() else write.exception()
        if error is not None:
            self._log.error("journal_lost", text=f"  {error}")

    def groups(self, policies: Mapping[str, GroupPolicy]) -> None:
        self.post(Groups(policies))

    def submit(self, group: str, payloads: Sequence[str]) -> asyncio.Future[tuple[int, int]]:
        """(first id, count) once all are on disk; or raises `effects.SubmitDenied`."""
        self._tokens += 1
        future = self._effects.expect(self._tokens)
        self.post(Submit(self._tokens, group, payloads))
        return future

    def hold(self, worker: str, held: bool) -> None:
        self.post(Hold(worker, held))
        self._turn_now()

    def adopted(self, live: LiveRun) -> None:
        """A run of an earlier daemon is ours now; its FIFOs are taken over with what stands in them."""
        # First: what it holds is sent again at once, while its frames are only read once the loop turns.
        self._pipes.add_worker(live.worker)
        if live.ready:
            self.post(Adopted(live.worker, split(live.worker)[0], live.run, live.window, live.form))
            self._turn_now()
        # Both forms, since that of a run whose `ready` never reached the disk is not known: what a worker does
        # not understand it skips.
        pings = _ping(live.form) if live.ready else b"ping\n" + _ping("json")
        self._pipes.send(live.worker, "control", b"\n" + pings)

    def swept(self, worker: str, run: str) -> None:
        """Nothing is left of the run: its tasks may go to others."""
        ended = self._runs.ended.pop(run, None)
        if ended is None:
            self.post(Gone(worker, run, b""))
        else:
            if ended.record is not None:
                self.note(ended.record)
            self.post(Gone(worker, run, ended.unread, ended.reason in EXCUSES_TASKS))

    def loads(self) -> dict[str, Load]:
        """What each worker holds, with every event told so far taken in."""
        self._turn_now()
        return {
            item.worker: Load(item.in_flight, item.held, item.overdue)
            for item in self._dispatcher.loads(self._clock.wall())
        }

    def view(self) -> View:
        """Counts, rates and what each run holds, for status."""
        self._turn_now()
        return self._dispatcher.view(self._clock.wall())

    # ------------------------------------------------------------------------------------ turns

    def _turn_now(self) -> None:
        if self._events:
            self._step()

    def _turn(self) -> None:
        self._turn_due = False
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
        self._schedule(step.wake_at)
        self._wake_if_drained(events)

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

    async def _answer(self, query: Query, now: float) -> None:
        page = None
        try:
            if isinstance(query, LoadPage):
                page = await self._journal.page(query.group, query.after, query.limit)
            else:
                page = await self._journal.due(query.group, now, query.limit)
        except JournalError as error:
            self._log.error("journal_unreadable", text=str(error))
        event = Loaded if isinstance(query, LoadPage) else DueLoaded
        self.post(event(query.group, page))

    def _schedule(self, wake_at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wake_at is not None:
            delay = max(wake_at - self._clock.wall(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self.post, Tick())

    def _wake_if_drained(self, events: Sequence[Event]) -> None:
        """A held worker that has finished its last task is what the planner waits for."""
        if any(isinstance(event, Frames) for event in events) and self._dispatcher.drained():
            self._wake()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _ping(form: Form) -> bytes:
    return b'{"t":"ping"}\n' if form == "json" else b"ping\n"
