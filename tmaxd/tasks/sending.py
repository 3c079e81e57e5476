"""How tasks reach a worker: the assignment that is written first, then the frames, by file where too long. And what
is asked of a worker later: to end a task, or to look again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from tmaxd.tasks.balance import deal
from tmaxd.tasks.ending import Out
from tmaxd.tasks.events import Control, Send, Spool
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.lives import Life
from tmaxd.tasks.records import Assigned
from tmaxd.tasks.routes import uses_payload
from tmaxd.tasks.task import Task, is_long
from tmaxd.tasks.trust import forgotten
from tmaxd.tasks.writing import cancel_frame, payload_path


def assign(group: GroupState, turns: Iterator[int], sends: Iterator[int], out: Out) -> None:
    """Hand out what the group's workers have room for; one `Assigned` and one `Send` a worker."""
    now = out.now
    for life, tasks in deal(group, turns, now).items():
        number = next(sends)
        timeout = group.rules.timeout
        for task in tasks:
            task.sent = now
            task.send = number
            task.timeout = timeout
        ids = [task.id for task in tasks]
        attempts = [task.attempt for task in tasks]
        life.takes(tasks)
        life.sends[number] = len(ids)
        group.queued -= len(ids)
        out.records.append(
            Assigned(number, group.name, life.worker, life.run, ids, attempts, now, timeout)
        )
        send(life, tasks, out)


def send(life: Life, tasks: list[Task], out: Out, again: bool = False) -> None:
    """The frames of assigned tasks. `again`: an earlier write may have been cut short, so a newline first
    ends the line that it tore."""
    if not tasks:
        return
    if again:
        lines = []
        for _, some in groupby(tasks, lambda task: task.timeout):
            lines += _lines(life, list(some), out)
        lines[0] = b"\n" + lines[0]
    else:
        lines = _lines(life, tasks, out)
    writes = [b"".join(lines)] if life.group.rules.batching else lines
    out.effects += [Send(life.worker, life.run, data, life.number) for data in writes]


def _lines(life: Life, tasks: list[Task], out: Out) -> list[bytes]:
    """Of tasks of one timeout."""
    if not life.batch:
        return [line_of(life, task, out) for task in tasks]
    writer = life.writer(tasks[0].timeout)
    pieces = writer.batch([(task.id, task.attempt, task.payload) for task in tasks])
    return [
        piece if isinstance(piece, bytes) else line_of(life, tasks[piece], out) for piece in pieces
    ]


def line_of(life: Life, task: Task, out: Out) -> bytes:
    """A frame for this task alone. Each frame of an attempt says the same, whatever became of the policy meanwhile."""
    writer = life.writer(task.timeout)
    if task.payload is not None:
        line = writer.inline(task.id, task.attempt, task.payload)
        if line is not None:
            return line
    path = payload_path(out.spool, task.id)
    if not task.spooled or not task.here or task.payload is not None:
        out.effects.append(Spool(task.id, path, task.payload))
        task.spooled = True
        if is_long(task.payload) and not uses_payload(life.group.rules):
            task.payload = None
    return writer.by_file(task.id, task.attempt, path)


def remind(life: Life, out: Out) -> None:
    """Send again what seems to have been lost on its way; the worker ignores what it has."""
    tasks = forgotten(life, out.now)
    for task in tasks:
        task.repeated = True
    send(life, tasks, out, again=True)


def ask_to_end(life: Life, tasks: Iterable[int], out: Out) -> None:
    """Have the worker end these, which it holds. Nobody hears it of a run whose form is not known yet: it is said again
    when it is `Adopted`."""
    if life.form is None:
        return
    form = life.form
    frames = [cancel_frame(form, task, life.leases[task].attempt) for task in tasks]
    if frames:
        out.effects.append(Control(life.worker, life.run, b"".join(frames), life.number))
