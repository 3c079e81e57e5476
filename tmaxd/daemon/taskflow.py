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
    Ready,
    Spool,
    Submit,
    Tick,
)
from tmaxd.tasks.frames import Bad, Form, HeartbeatFrame, LineBuffer, ReadyFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Record, RunReady
from tmaxd.tasks.view import View

PROTOCOL = 1
"""The version of docs/protocol.md that this daemon speaks."""


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
        self._buffers: dict[str, LineBuffer] = {}
        self._expected: dict[str, str] = {}
        self._early: dict[str, ReadyFrame] = {}
        self._collecting: str | None = None
        """The dead run whose last results are being read."""
        self._tokens = 0
        self.bad_frames = 0
        pipes.on_results(self._on_results)

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

    def expect(self, worker: str, run: str) -> None:
        """The run is about to be started: what the worker says from now on is said by it, though it may say it
        before tmux has answered."""
        self._expected[worker] = run
        self._buffers.pop(worker, None)

    def began(self, live: LiveRun) -> None:
        """The run is known now; it may have said that it is ready already."""
        frame = self._early.pop(live.run, None)
        if frame is not None:
            self._ready(live.worker, live.run, frame)

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

    def collect(self, worker: str, run: str) -> bytes:
        """The run has died: take its last results, and what it has not read."""
        if worker not in self._pipes.workers():
            return b""
        self._pipes.add_worker(worker)
        self._collecting = run
        try:
            self._pipes.drain_results(worker)
        finally:
            self._collecting = None
        self._buffers.pop(worker, None)
        return self._pipes.take_back(worker)

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

    # ----------------------------------------------------------------------------------- frames

    def _on_results(self, worker: str, data: bytes) -> None:
        live = self._runs.live.get(worker)
        run = self._collecting or (live.run if live else self._expected.get(worker, ""))
        self._feed(worker, run, data)

    def _feed(self, worker: str, run: str, data: bytes) -> None:
        buffer = self._buffers.get(worker)
        if buffer is None:
            buffer = self._buffers[worker] = LineBuffer()
        frames = buffer.feed(data)
        bad = [frame for frame in frames if isinstance(frame, Bad)]
        if bad:
            self.bad_frames += len(bad)
            first = bad[0]
            self._log.warning(
                "bad_frames", worker=worker, count=len(bad), why=first.reason, sample=first.sample
            )
        if frames:
            self.post(Frames(worker, run, frames))
        for frame in frames:
            if isinstance(frame, ReadyFrame):
                self._ready(worker, run, frame)
            elif isinstance(frame, HeartbeatFrame):
                self._heartbeat(worker, run, frame)

    def _ready(self, worker: str, run: str, frame: ReadyFrame) -> None:
        live = self._runs.live.get(worker)
        if live is None and self._expected.get(worker) == run:
            self._early[run] = frame
            return
        if live is None or live.run != run:
            return
        if frame.v != PROTOCOL:
            live.protocol_trouble = (
                f"{worker} speaks protocol version {frame.v}, this daemon {PROTOCOL}: it gets no "
                "tasks until it is started with a version that both know"
            )
            self._log.error("protocol_mismatch", worker=worker, version=frame.v)
            self._wake()
            return
        again = live.ready
        live.ready, live.window, live.form = True, frame.window, frame.form
        if again:
            self._pipes.take_back(worker)
        self.note(RunReady(run, frame.window, frame.form))
        self._log.info("ready", worker=worker, window=frame.window)
        self.post(Ready(worker, split(worker)[0], run, live.window, live.form))
        self._wake()

    def _heartbeat(self, worker: str, run: str, frame: HeartbeatFrame) -> None:
        """It says again what `ready` said. That is news when the daemon which heard it first died before that was
        on disk."""
        live = self._runs.live.get(worker)
        if live is None or live.run != run or live.ready or frame.v is None or not frame.window:
            return
        self._ready(worker, run, ReadyFrame(frame.v, frame.window, frame.form))

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
