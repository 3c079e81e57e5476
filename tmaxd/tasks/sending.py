"""How tasks reach a worker: the assignment that is written first, then the frames, by file where too long."""

from __future__ import annotations

from collections.abc import Iterator

from tmaxd.tasks.balance import deal
from tmaxd.tasks.ending import Out
from tmaxd.tasks.events import Send, Spool
from tmaxd.tasks.frames import payload_path
from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.queue import Task
from tmaxd.tasks.records import HELD_PAYLOAD, Assigned


def assign(group: GroupState, turns: Iterator[int], now: float, out: Out) -> None:
    """Hand out what the group's workers have room for; one `Send` a worker."""
    record = out.records.append
    for life, tasks in deal(group, turns).items():
        worker, run, leases = life.worker, life.run, life.leases
        for task in tasks:
            task.attempt = attempt = task.spent + 1
            task.sent = now
            task.here = True
            task.started = None
            leases[task.id] = task
            record(Assigned(task.id, group.name, attempt, worker, run, now, task.delayed))
            task.delayed = False
        group.queued -= len(tasks)
        send(life, tasks, out)


def send(life: Life, tasks: list[Task], out: Out, again: bool = False) -> None:
    """The frames of assigned tasks. `again`: an earlier write may have been cut short, so a newline first
    ends the line that it tore."""
    frames = [b"\n"] if again else []
    inline = life.writer.inline
    for task in tasks:
        line = None if task.payload is None else inline(task.id, task.attempt, task.payload)
        frames.append(_by_file(life, task, out) if line is None else line)
    if frames:
        out.effects.append(Send(life.worker, life.run, b"".join(frames), life.number))


def _by_file(life: Life, task: Task, out: Out) -> bytes:
    path = payload_path(out.spool, task.id)
    if not task.spooled or not task.here or task.payload is not None:
        out.effects.append(Spool(task.id, path, task.payload))
        task.spooled = True
        if task.payload is not None and len(task.payload) > HELD_PAYLOAD:
            task.payload = None
    return life.writer.by_file(task.id, task.attempt, path)
