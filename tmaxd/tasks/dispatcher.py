"""The dispatcher: a pure machine that owns the task table. Events in; records to write first, then effects.

It keeps three promises, given a driver that keeps its own (`events`): a task is acknowledged when it is on
disk; a frame is sent when its assignment is; a task is given to another run only once the run that holds it
is dead. It does no I/O and knows no clock: `now` is the wall time in seconds of each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from tmaxd.tasks import events as ev
from tmaxd.tasks import view
from tmaxd.tasks.door import problem_of
from tmaxd.tasks.ending import Out, end, finish
from tmaxd.tasks.frames import Bad, DoneFrame, FailedFrame, Form, StartedFrame, unread_tasks
from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.loads import WorkerLoad, loads
from tmaxd.tasks.queue import QUEUE_CHARS, QUEUE_ITEMS, Task, TaskQueue
from tmaxd.tasks.records import Outcome, Submitted
from tmaxd.tasks.sending import assign, send


class Dispatcher:
    """`spool` is the folder of payload files, `next_id` the lowest id never used. Tell it `Groups`, then
    `Counts`, then `Restored`, then what happens."""

    def __init__(
        self,
        spool: str,
        next_id: int,
        *,
        queue_items: int = QUEUE_ITEMS,
        queue_chars: int = QUEUE_CHARS,
    ) -> None:
        self._spool = spool
        self._next_id = next_id
        self._queue_limits = (queue_items, queue_chars)
        self._groups: dict[str, GroupState] = {}
        self._lives: dict[str, Life] = {}
        self._current: dict[str, str] = {}
        self._holds: set[str] = set()
        self._turns = count(1)
        self._strays = 0
        self._now = 0.0
        self._out = Out(spool)
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.Groups: self._on_groups,
            ev.Counts: self._on_counts,
            ev.Restored: self._on_restored,
            ev.Submit: self._on_submit,
            ev.Adopted: self._on_adopted,
            ev.Ready: self._on_ready,
            ev.Frames: self._on_frames,
            ev.Gone: self._on_gone,
            ev.Hold: self._on_hold,
            ev.Loaded: self._on_loaded,
            ev.DueLoaded: self._on_due_loaded,
            ev.Tick: lambda _: None,
        }

    def step(self, events: Sequence[ev.Event], now: float) -> ev.Step:
        """Take the events in, hand out what can be handed out."""
        self._now = now
        self._out = out = Out(self._spool)
        for event in events:
            self._handlers[type(event)](event)
        wake_at = None
        for group in self._groups.values():
            if group.policy is None:
                continue
            assign(group, self._turns, now, out)
            self._ask(group)
            due = group.queue.wake_at(now)
            if due is not None and (wake_at is None or due < wake_at):
                wake_at = due
        if out.ended:
            out.effects.append(ev.Ended(tuple(out.ended)))
        return ev.Step(out.records, out.effects, out.queries, wake_at)

    def view(self, now: float) -> view.View:
        """What status shows."""
        return view.render(self._groups.values(), self._lives.values(), self._strays, now)

    def loads(self, now: float) -> list[WorkerLoad]:
        """What each worker holds, for the planner: cheap enough for every pass."""
        return loads((self._lives[run] for run in self._current.values()), self._holds, now)

    def drained(self) -> bool:
        """Whether some worker that is held has nothing in hand."""
        runs = (self._current.get(worker) for worker in self._holds)
        return any(run is not None and not self._lives[run].leases for run in runs)

    # -------------------------------------------------------------------------------- groups

    def _group(self, name: str) -> GroupState:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = GroupState(name, TaskQueue(*self._queue_limits))
        return group

    def _on_groups(self, event: ev.Groups) -> None:
        for name, policy in event.policies.items():
            group = self._group(name)
            group.policy = group.rules = policy
        for name, group in self._groups.items():
            if name not in event.policies:
                group.policy = None
            for life in group.lives.values():
                life.refresh()

    def _on_counts(self, event: ev.Counts) -> None:
        names = {**event.counts, **event.next_due, **self._groups}
        for name in names:
            group = self._group(name)
            counts = event.counts.get(name, {})
            group.queued = counts.get("queued", 0)
            group.delayed = counts.get("delayed", 0)
            group.done = counts.get("done", 0)
            group.dead = counts.get("dead", 0)
            group.queue.restore(self._next_id - 1, group.queued > 0, event.next_due.get(name))

    def _on_submit(self, event: ev.Submit) -> None:
        group = self._groups.get(event.group)
        if group is None or group.policy is None:
            self._deny(event, "unknown_group", f"no group {event.group!r} takes tasks")
            return
        for payload in event.payloads:
            problem = problem_of(payload)
            if problem is not None:
                self._deny(event, *problem)
                return
        first = task_id = self._next_id
        now = self._now
        name = group.name
        add, record = group.queue.submitted, self._out.records.append
        for payload in event.payloads:
            record(Submitted(task_id, name, payload, now))
            add(Task(task_id, payload, now))
            task_id += 1
        self._next_id = task_id
        group.queued += task_id - first
        self._out.effects.append(ev.Accepted(event.token, first, task_id - first))

    def _deny(self, event: ev.Submit, reason: ev.DenyReason, message: str) -> None:
        self._out.effects.append(ev.Denied(event.token, reason, message))

    def _on_loaded(self, event: ev.Loaded) -> None:
        self._group(event.group).queue.loaded(event.page, self._now)

    def _on_due_loaded(self, event: ev.DueLoaded) -> None:
        group = self._group(event.group)
        count = group.queue.loaded_due(event.page, self._now)
        group.delayed -= count
        group.queued += count

    def _ask(self, group: GroupState) -> None:
        page = group.queue.ask_page(self._now)
        if page is not None:
            self._out.queries.append(ev.LoadPage(group.name, *page))
        limit = group.queue.ask_due(self._now)
        if limit is not None:
            self._out.queries.append(ev.LoadDue(group.name, limit))

    # ---------------------------------------------------------------------------------- runs

    def _life(self, worker: str, group: str, run: str) -> Life:
        life = self._lives.get(run)
        if life is None:
            life = self._lives[run] = Life(worker, self._group(group), run)
            life.turn = next(self._turns)
            life.group.lives[run] = life
        return life

    def _begin(self, worker: str, group: str, run: str, window: int, form: Form) -> Life:
        """The run takes tasks from now on; an earlier one of the same worker no longer does."""
        life = self._life(worker, group, run)
        former = self._lives.get(self._current.get(worker, run))
        if former is not None and former is not life:
            former.ready = False
            former.refresh()
        self._current[worker] = run
        life.began(window, form)
        life.held = worker in self._holds
        life.refresh()
        life.last_seen = self._now
        return life

    def _on_restored(self, event: ev.Restored) -> None:
        for lease in sorted(event.leases, key=lambda lease: lease.id):
            life = self._life(lease.worker, lease.group, lease.run)
            task = Task(lease.id, lease.payload, lease.at, lease.attempt - 1, lease.attempt)
            task.sent = lease.sent
            task.spooled = lease.payload is None
            life.group.queue.restored(task)
            life.leases[task.id] = task

    def _on_adopted(self, event: ev.Adopted) -> None:
        life = self._begin(event.worker, event.group, event.run, event.window, event.form)
        send(life, list(life.leases.values()), self._out, again=True)

    def _on_ready(self, event: ev.Ready) -> None:
        life = self._begin(event.worker, event.group, event.run, event.window, event.form)
        life.number = event.life
        if life.leases:
            self._begin_anew(life)

    def _begin_anew(self, life: Life) -> None:
        """The program restarted inside its pane: what it had begun is lost, the rest is sent again."""
        kept = [task for task in life.leases.values() if life.never_began(task)]
        lost = [task for task in life.leases.values() if not life.never_began(task)]
        life.leases = {task.id: task for task in kept}
        life.running.clear()
        life.says_started = False
        for task in lost:
            end(life, task, "lost", f"{life.worker} began anew", self._now, self._out)
        self._out.return_to(life.group)
        send(life, kept, self._out, again=True)

    def _on_hold(self, event: ev.Hold) -> None:
        if event.held:
            self._holds.add(event.worker)
        else:
            self._holds.discard(event.worker)
        life = self._lives.get(self._current.get(event.worker, ""))
        if life is not None:
            life.held = event.held
            life.refresh()

    def _on_gone(self, event: ev.Gone) -> None:
        life = self._lives.pop(event.run, None)
        if life is None:
            return
        if self._current.get(life.worker) == event.run:
            del self._current[life.worker]
            self._holds.discard(life.worker)
        del life.group.lives[event.run]
        unread = unread_tasks(event.unread, life.form)
        late = next(iter(life.running), None) if life.is_overdue(self._now) else None
        outcome: Outcome = "interrupted" if event.excused else "lost"
        for task in life.leases.values():
            waited = task.started is None and (task.id, task.attempt) in unread
            if waited or life.never_began(task):
                end(life, task, "unsent", "", self._now, self._out)
            elif task.id == late:
                why = f"{life.worker} did not end it in time and was stopped"
                end(life, task, "timeout", why, self._now, self._out)
            else:
                end(life, task, outcome, f"{life.worker} died", self._now, self._out)
        life.leases = {}
        self._out.return_to(life.group)

    # -------------------------------------------------------------------------------- frames

    def _on_frames(self, event: ev.Frames) -> None:
        life = self._lives.get(event.run)
        if life is None or life.worker != event.worker:
            self._strays += len(event.frames)
            return
        life.last_seen = self._now
        ended = 0
        for frame in event.frames:
            if isinstance(frame, StartedFrame):
                task = life.holds(frame.id, frame.attempt)
                if task is not None:
                    self._started(life, task)
            elif isinstance(frame, DoneFrame | FailedFrame):
                ended += self._ended(life, frame)
            elif isinstance(frame, Bad):
                life.bad += 1
        if ended:
            life.group.meter.ended(self._now, ended)
            self._out.return_to(life.group)

    def _started(self, life: Life, task: Task) -> None:
        life.says_started = True
        if task.started is None:
            task.started = life.running[task.id] = self._now

    def _ended(self, life: Life, frame: DoneFrame | FailedFrame) -> int:
        """1 if an attempt ended by this frame, else 0."""
        task = life.holds(frame.id, frame.attempt)
        if task is None:
            return 0
        del life.leases[task.id]
        life.running.pop(task.id, None)
        if isinstance(frame, DoneFrame):
            finish(life, task, frame, self._now, self._out)
        else:
            outcome = "temporary" if frame.retry else frame.outcome
            end(life, task, outcome, frame.error, self._now, self._out)
        return 1
