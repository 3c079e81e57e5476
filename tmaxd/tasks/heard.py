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
    StartedFrame,
)
from tmaxd.tasks.lives import Life
from tmaxd.tasks.records import Done, DoneTask
from tmaxd.tasks.routes import End
from tmaxd.tasks.sending import remind
from tmaxd.tasks.task import Task
from tmaxd.tasks.writing import payload_path


def hear(life: Life, frames: Sequence[Frame], texts: Mapping[str, str | None], out: Out) -> None:
    """Take in what the run wrote, in order."""
    life.heard(out.now)
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
    if ears.tasks:
        _done(life, ears.tasks, ears.rows, texts, out)
    if ears.tasks or ears.failed:
        life.works()
        life.group.stirred = True
        life.group.meter.ended(out.now, len(ears.tasks) + ears.failed)
        out.settle(life)


class _Ears:
    """The tasks of one event that are done, and those rows of its record."""

    __slots__ = ("failed", "life", "out", "rows", "tasks")

    def __init__(self, life: Life, out: Out) -> None:
        self.life = life
        self.out = out
        self.tasks: list[Task] = []
        self.rows: list[DoneTask] = []
        self.failed = 0
        """Attempts that ended otherwise."""

    def begun(self, tasks: Sequence[tuple[int, int]]) -> None:
        life, now = self.life, self.out.now
        life.says_started = True
        life.works()
        get, running = life.leases.get, life.running
        for task_id, attempt in tasks:
            task = get(task_id)
            if task is None or task.attempt != attempt:
                life.strays += 1
            elif task.started is None:
                task.started = running[task_id] = now

    def started(self, frame: StartedFrame) -> None:
        task = self.life.holds(frame.id, frame.attempt)
        if task is not None:
            self.life.says_started = True
            self.life.works()
            self._runs(task)

    def progress(self, frame: ProgressFrame) -> None:
        task = self.life.holds(frame.id, frame.attempt)
        if task is not None:
            self.life.progress[task.id] = (self.out.now, frame)
            self._runs(task)

    def _runs(self, task: Task) -> None:
        if task.started is None:
            task.started = self.life.running[task.id] = self.out.now

    def results(
        self, tasks: Sequence[tuple[int, int, str | None]], file: str | None = None
    ) -> None:
        life = self.life
        get, leases, running = life.leases.get, life.leases, life.running
        add, add_row = self.tasks.append, self.rows.append
        for task_id, attempt, result in tasks:
            task = get(task_id)
            if task is None or task.attempt != attempt:
                life.strays += 1
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
        task = self.life.holds(frame.id, frame.attempt)
        if task is not None:
            self.life.let_go(task)
            self.failed += 1
            end(
                self.life,
                task,
                "temporary" if frame.retry else frame.outcome,
                frame.error,
                self.out,
            )

    def heartbeat(self, _: HeartbeatFrame) -> None:
        self.life.beats = True
        remind(self.life, self.out)

    def bad(self, _: Bad) -> None:
        self.life.bad += 1


_HEARS: dict[type[Frame], Callable[[_Ears, Any], None]] = {
    StartedFrame: _Ears.started,
    ProgressFrame: _Ears.progress,
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
    send, run = tasks[0].send, 0
    for task in tasks:
        if task.send == send:
            run += 1
        else:
            life.used(send, run)
            send, run = task.send, 1
        if task.marked:
            delayed += task.was == "delayed"
            life.group.queue.ended(task)
        if task.spooled:
            out.effects.append(Unspool(task.id, payload_path(out.spool, task.id)))
    life.used(send, run)
    return delayed


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
