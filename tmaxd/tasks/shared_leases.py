"""The leases of a group whose workers share one tasks FIFO, as they stand on disk.

They name no run: at the time of writing nobody knows who will take a record, and what a worker takes, it says again
when it is asked. So a lease lasts from the write to the end of the task, in the FIFO or in a worker. Many tasks
stand under one send; it is forgotten when none is left. A task that goes back uncounted would still be leased by the
same attempt: what else stands under its send then gets a send of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from tmaxd.tasks.records import Assigned, Delivered
from tmaxd.tasks.task import Task


class SharedLeases:
    __slots__ = ("_group", "_sends", "_torn", "_used")

    def __init__(self, group: str) -> None:
        self._group = group
        self._sends: dict[int, dict[int, Task]] = {}
        self._used: list[int] = []
        self._torn: set[int] = set()

    def __contains__(self, task: Task) -> bool:
        return task.id in self._sends.get(task.send, ())

    def add(self, task: Task) -> None:
        """`task.send` names an `Assigned` that is on disk, or among the records of this step."""
        self._sends.setdefault(task.send, {})[task.id] = task

    def over(self, task: Task) -> None:
        """The task ended, or was requeued as counted: its row says by itself that the lease is over. A task of
        another kind of lease is none of ours."""
        tasks = self._sends.get(task.send, {})
        if tasks.pop(task.id, None) is not None and not tasks:
            del self._sends[task.send]
            self._torn.discard(task.send)
            self._used.append(task.send)

    def undo(self, task: Task) -> None:
        """The task was requeued uncounted: only the end of its send ends the lease."""
        if task in self:
            self._torn.add(task.send)
            self.over(task)

    def records(self, number: Callable[[], int]) -> list[Assigned | Delivered]:
        """What the disk has to be told of all that since the last call; goes after the records of those ends.
        `number` gives the next unused number of a send."""
        records: list[Assigned | Delivered] = []
        for send in sorted(self._torn):
            tasks = self._sends.pop(send)
            self._used.append(send)
            records.append(self._anew(tasks, number()))
        if self._used:
            records.append(Delivered(sorted(self._used)))
        self._torn.clear()
        self._used.clear()
        return records

    def _anew(self, tasks: dict[int, Task], send: int) -> Assigned:
        self._sends[send] = tasks
        for task in tasks.values():
            task.send = send
        sent = min(task.sent for task in tasks.values())
        attempts = [task.attempt for task in tasks.values()]
        timeout = next(iter(tasks.values())).timeout  # that of all: they were sent together
        return Assigned(send, self._group, "", "", list(tasks), attempts, sent, timeout)
