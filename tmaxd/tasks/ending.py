"""How attempts and tasks end, but for those that are done: for good, or with another try. Here records are made, and
tasks go back to a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tmaxd.tasks.events import Effect, Query, Unspool
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.lives import Life
from tmaxd.tasks.policy import retry_delay
from tmaxd.tasks.records import UNCOUNTED, Closed, Delivered, Outcome, Requeued, TaskRecord
from tmaxd.tasks.routes import End
from tmaxd.tasks.table import At, after_attempt, goes
from tmaxd.tasks.task import Task
from tmaxd.tasks.writing import payload_path


class Out:
    """What one step brings about, as it grows."""

    __slots__ = (
        "changed",
        "effects",
        "ended",
        "ends",
        "now",
        "queries",
        "records",
        "returned",
        "spool",
        "strays",
    )

    def __init__(self, spool: str, now: float, changed: Callable[[int], None] | None) -> None:
        self.spool = spool
        """The folder of payload files."""
        self.now = now
        self.changed = changed
        """To be told of every task that ends, waits again or is revived, while somebody looks for tasks on disk."""
        self.records: list[TaskRecord] = []
        self.effects: list[Effect] = []
        self.queries: list[Query] = []
        self.ended: list[tuple[int, Literal["done", "dead", "cancelled"]]] = []
        self.ends: list[tuple[GroupState, End, int]] = []
        """Those of groups with routes or outboxes, with the priority of the task."""
        self.returned: list[Task] = []
        self.strays: dict[str, int] = {}
        """By worker."""

    def stray(self, worker: str, count: int) -> None:
        """So many frames of it were about no task that it has."""
        if count:
            self.strays[worker] = self.strays.get(worker, 0) + count

    def settle(self, life: Life) -> None:
        """After the last end of an event: put the tasks that `end` left in `returned` before all others, and tell the
        disk of the leases that are used up."""
        if self.returned:
            life.group.queue.put_first(self.returned)
            self.returned = []
        if life.spent_sends:
            self.records.append(Delivered(life.spent_sends))
            life.spent_sends = []


def state_of(life: Life, task: Task) -> At:
    """Where a task in flight stands."""
    if task.id in life.cancelling:
        return "cancelling"
    return "sent" if task.started is None else "running"


def end(life: Life, task: Task, outcome: Outcome, error: str, out: Out) -> None:
    """The attempt ended without a result. The caller has taken the task from the life's leases, and calls
    `out.settle` after the last one."""
    rules = life.group.rules
    state = state_of(life, task)
    life.cancelling.pop(task.id, None)
    delay = None
    if outcome == "cancelled":
        after = goes(state, "answered_cancelled")
    else:
        delay = retry_delay(rules, outcome, task.attempt - task.base, task.id)
        after = goes(state, after_attempt(delay))
    if after == "cancelled":
        _close(life, task, "cancelled", "cancelled", error, out)
    elif after == "dead":
        _close(life, task, "dead", outcome, error, out)
    else:
        _wait_again(life, task, outcome, error, delay or 0.0, out)


def _wait_again(
    life: Life, task: Task, outcome: Outcome, error: str, delay: float, out: Out
) -> None:
    group, now = life.group, out.now
    due = now + delay if delay > 0 else None
    if due is None and task.payload is None:
        due = now  # memory no longer holds its payload, and a task that is due is read from disk at once
    out.records.append(
        Requeued(
            id=task.id,
            group=group.name,
            attempt=task.attempt,
            worker=life.worker,
            run=life.run,
            outcome=outcome,
            error=error,
            sent=task.sent,
            started=task.started,
            at=now,
            due=due,
            was=task.was,
        )
    )
    _unlease(life, task, outcome not in UNCOUNTED)
    if out.changed is not None:
        out.changed(task.id)
    if task.expires is not None:
        group.expiry.note(task.expires)
    if due is not None:
        group.delayed += 1
        group.queue.delay(task, due)
        return
    group.queued += 1
    if task.was == "delayed":
        group.queue.undelay(task)
    if outcome not in UNCOUNTED:
        task.attempt += 1
    if outcome == "returned":
        task.base += 1
    task.started = None
    task.here = True
    task.repeated = False
    out.returned.append(task)


def _unlease(life: Life, task: Task, counted: bool) -> None:
    """The lease of a task that came by the shared FIFO is no run's, and is kept account of there."""
    fifo = life.group.shared
    if fifo is None or not life.shares:
        return
    if counted:
        fifo.leases.over(task)
    else:
        fifo.leases.undo(task)


def _close(
    life: Life,
    task: Task,
    state: Literal["dead", "cancelled"],
    outcome: Outcome,
    error: str,
    out: Out,
) -> None:
    out.records.append(
        Closed(
            id=task.id,
            group=life.group.name,
            state=state,
            attempt=task.attempt,
            worker=life.worker,
            run=life.run,
            outcome=outcome,
            sent=task.sent,
            started=task.started,
            at=out.now,
            error=error,
            was=task.was,
        )
    )
    _unlease(life, task, counted=True)
    if task.spooled:
        out.effects.append(Unspool(task.id, payload_path(out.spool, task.id)))
    if task.marked:
        life.group.queue.ended(task)
    _over(life.group, task, state, task.attempt, life.worker, error, out)


def close_waiting(
    group: GroupState, task: Task, state: Literal["dead", "cancelled"], error: str, out: Out
) -> None:
    """A task that is not in flight is over, cancelled or expired; the caller has taken it out of memory and
    corrects the counts of those that wait."""
    out.records.append(
        Closed(
            id=task.id,
            group=group.name,
            state=state,
            attempt=task.attempt - 1,
            worker=None,
            run=None,
            outcome="cancelled" if state == "cancelled" else "expired",
            sent=None,
            started=None,
            at=out.now,
            error=error,
            was=task.was,
        )
    )
    if task.spooled or task.attempt > 1 or task.was == "delayed":  # it may have been sent before
        out.effects.append(Unspool(task.id, payload_path(out.spool, task.id)))
    if task.marked:
        group.queue.ended(task)
    _over(group, task, state, task.attempt - 1, None, error, out)


def _over(
    group: GroupState,
    task: Task,
    state: Literal["dead", "cancelled"],
    attempt: int,
    worker: str | None,
    error: str,
    out: Out,
) -> None:
    if state == "dead":
        group.dead += 1
    else:
        group.cancelled += 1
    out.ended.append((task.id, state))
    if out.changed is not None:
        out.changed(task.id)
    if group.rules.routes or group.rules.outboxes:
        end = End(task.id, attempt, worker, state, task.payload, None, error, task.hops, at=out.now)
        out.ends.append((group, end, task.priority))
