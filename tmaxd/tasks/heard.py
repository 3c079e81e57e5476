"""What a run says of its tasks: begun, done, failed, how far. Here is the hot path of results, so the tasks of one
event are worked through in few passes, each over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.tasks.ending import Out, end
from tmaxd.tasks.events import Unspool
from tmaxd.tasks.frames import (
    Bad,
    BegunFrame,
    DoneFrame,
    FailedFrame,
    Frame,
    HeartbeatFrame,
    ProgressFrame,
    ResultsFrame,
    ReturnedFrame,
    StartedFrame,
)
from tmaxd.tasks.lives import Life
from tmaxd.tasks.pulling import claim
from tmaxd.tasks.records import Done, DoneTask
from tmaxd.tasks.routes import End
from tmaxd.tasks.sending import remind
from tmaxd.tasks.task import Task
from tmaxd.tasks.writing import payload_path


def hear(life: Life, frames: Sequence[Frame], texts: Mapping[str, str | None], out: Out) -> None:
    """Take in what the run wrote, in order."""
    life.heard(out.now)
    strays = life.strays
    ears = _Ears(life, out)
    for frame in frames:
        if isinstance(frame, ResultsFrame):
            ears.results(frame.tasks)
        elif isinstance(frame, BegunFrame):
            ears.begun(frame.tasks)
        else:
            hears = _HEARS.get(type(frame))
            if hears is not None:
                hears(ears, frame)
    out.stray(life.worker, life.strays - strays)
    if ears.tasks:
        _done(life, ears.tasks, ears.rows, texts, out)
    if ears.tasks or ears.failed:
        life.works()
        life.ended_some(out.now)
        life.group.stirred = True
        life.group.meter.ended(out.now, len(ears.tasks) + ears.failed)
    if ears.tasks or ears.failed or ears.returned:
        out.settle(life)


class _Ears:
    """The tasks of one event that are done, and those rows of its record."""

    __slots__ = ("failed", "life", "out", "returned", "rows", "tasks")

    def __init__(self, life: Life, out: Out) -> None:
        self.life = life
        self.out = out
        self.tasks: list[Task] = []
        self.rows: list[DoneTask] = []
        self.failed = 0
        """Attempts that ended otherwise."""
        self.returned = False
        """Some tasks were given back."""

    def begun(self, tasks: Sequence[tuple[int, int]]) -> None:
        life, now = self.life, self.out.now
        get, running = life.leases.get, life.running
        for task_id, attempt in tasks:
            task = get(task_id)
            if task is None or task.attempt != attempt:
                task = claim(life, task_id, attempt, self.out)
            if task is None:
                continue
            life.says_started = True  # of what it does not hold it may say anything
            if task.started is None:
                task.started = running[task_id] = now
            else:
                self._begins(task)
        life.works()

    def started(self, frame: StartedFrame) -> None:
        task = self._has(frame)
        if task is not None:
            self.life.says_started = True
            self.life.works()
            self._begins(task)

    def progress(self, frame: ProgressFrame) -> None:
        task = self._has(frame)
        if task is not None:
            self.life.progress[task.id] = (self.out.now, frame)
            if task.started is None:
                self._begins(task)

    def _has(self, frame: StartedFrame | ProgressFrame | FailedFrame) -> Task | None:
        """The task that the frame is about, if the run has it in this attempt."""
        task = self.life.leases.get(frame.id)
        if task is None or task.attempt != frame.attempt:
            return claim(self.life, frame.id, frame.attempt, self.out)
        return task

    def _begins(self, task: Task) -> None:
        """What waited behind a task that turned slow is said to be begun once more, when it begins: its time counts
        from then. One that pulls says so of all that it holds when it is asked, and has begun nothing anew."""
        running = self.life.running
        if task.started is None or not self.life.shares:
            running.pop(task.id, None)
            task.started = running[task.id] = self.out.now

    def returned_tasks(self, frame: ReturnedFrame) -> None:
        """They were taken and not begun, and go to others. An attempt that a living worker gave back keeps its number:
        a frame of it may be under way to the worker once more, and must not be taken for the next attempt."""
        life = self.life
        life.works()
        for task_id, attempt in frame.tasks:
            task = life.holds(task_id, attempt)
            if task is None:
                continue
            if task.started is not None:
                life.strays += 1
                continue
            life.let_go(task)
            end(life, task, "returned", "", self.out)
            self.returned = True
        if self.returned and not life.declines:
            life.declines = True
            life.refresh()
            life.group.stirred = True

    def results(
        self, tasks: Sequence[tuple[int, int, str | None]], file: str | None = None
    ) -> None:
        life = self.life
        if life.declines:
            life.wants(life.asked)
        get, leases, running = life.leases.get, life.leases, life.running
        add, add_row = self.tasks.append, self.rows.append
        for task_id, attempt, result in tasks:
            task = get(task_id)
            if task is None or task.attempt != attempt:
                task = claim(life, task_id, attempt, self.out)
                if task is None:
                    continue
            del leases[task_id]
            started = task.started
            if started is not None:
                del running[task_id]
            add(task)
            add_row((task_id, attempt, task.sent, started, result, file))

    def done(self, frame: DoneFrame) -> None:
        self.results([(frame.id, frame.attempt, frame.result)], frame.result_file)

    def failure(self, frame: FailedFrame) -> None:
        task = self._has(frame)
        if task is not None:
            self.life.let_go(task)
            self.life.wants(self.life.asked)
            self.failed += 1
            self.life.failed += 1
            end(
                self.life,
                task,
                "temporary" if frame.retry else frame.outcome,
                frame.error,
                self.out,
            )

    def heartbeat(self, frame: HeartbeatFrame) -> None:
        life = self.life
        life.beats = True
        life.wants(frame.window or life.asked)
        if frame.number is not None:
            self._answered(frame.number)
        if not life.shares:
            remind(life, self.out)

    def _answered(self, number: int) -> None:
        life, fifo = self.life, self.life.group.shared
        life.answered(number)
        if fifo is not None:
            fifo.answered(life.run, number)
            life.group.stirred = True

    def bad(self, _: Bad) -> None:
        self.life.bad += 1


_HEARS: dict[type[Frame], Callable[[_Ears, Any], None]] = {
    StartedFrame: _Ears.started,
    ProgressFrame: _Ears.progress,
    ReturnedFrame: _Ears.returned_tasks,
    DoneFrame: _Ears.done,
    FailedFrame: _Ears.failure,
    HeartbeatFrame: _Ears.heartbeat,
    Bad: _Ears.bad,
}


def _done(
    life: Life,
    tasks: list[Task],
    rows: list[DoneTask],
    texts: Mapping[str, str | None],
    out: Out,
) -> None:
    """The life has taken these tasks from its leases."""
    group, now, count = life.group, out.now, len(tasks)
    group.done += count
    life.done += count
    group.meter.measure(now, tasks)
    first = tasks[0]
    life.pace.batch(first.sent if first.started is None else first.started, now, count)
    delayed = _leave(life, tasks, out)
    out.records.append(Done(group.name, life.worker, life.run, now, rows, delayed))
    out.ended += [(task.id, "done") for task in tasks]
    if life.cancelling or life.progress or out.changed is not None:
        for task in tasks:
            life.cancelling.pop(task.id, None)
            life.progress.pop(task.id, None)
            if out.changed is not None:
                out.changed(task.id)
    if group.rules.routes or group.rules.outboxes:
        out.ends += [
            (group, _end(life, task, row, texts, now), task.priority)
            for task, row in zip(tasks, rows, strict=True)
        ]


def _leave(life: Life, tasks: list[Task], out: Out) -> int:
    """What their going changes beside the record; returns how many of them the disk calls `delayed`."""
    delayed = 0
    _count_leases(life, tasks)
    for task in tasks:
        if task.marked:
            delayed += task.was == "delayed"
            life.group.queue.ended(task)
        if task.spooled:
            out.effects.append(Unspool(task.id, payload_path(out.spool, task.id)))
    return delayed


def _count_leases(life: Life, tasks: list[Task]) -> None:
    """They are not leased any more."""
    if life.shares and life.group.shared is not None:
        for task in tasks:
            life.group.shared.leases.over(task)
        return
    send, run = tasks[0].send, 0
    for task in tasks:
        if task.send == send:
            run += 1
        else:
            life.used(send, run)
            send, run = task.send, 1
    life.used(send, run)


def _end(life: Life, task: Task, row: DoneTask, texts: Mapping[str, str | None], now: float) -> End:
    result, file = row[4], row[5]
    text = result if file is None else texts.get(file)
    return End(
        task.id,
        task.attempt,
        life.worker,
        "done",
        task.payload,
        text,
        hops=task.hops,
        unread=file is not None and text is None,
        result_file=file,
        at=now,
    )
