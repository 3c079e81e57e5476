"""The balance `sticky`: tasks of one affinity go to one worker, for whatever it keeps of them (a warm cache, a
checkout, a session). Not a lock: while a worker drains, its affinities are with others already.

An affinity belongs to the worker that takes tasks and has the highest hash of both names (rendezvous hashing). So
when a worker goes only its affinities move, each to its own next, and when it is back they return. A task whose
worker has no room is set aside, and others pass it; of tasks without affinity each goes to the least loaded.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tmaxd.tasks.groups import GroupState
    from tmaxd.tasks.lives import Life
    from tmaxd.tasks.task import Task

ASIDE_ITEMS: Final = 256
"""Tasks of a group that may wait aside. When so many do, no more are taken from the queue, so that tasks whose
workers are busy cannot fill the memory, and the queue keeps its order behind them."""

OWNERS_KEPT: Final = 4096
"""Affinities of a group whose worker is remembered; finding it costs a hash for each worker."""


class Aside:
    """The tasks of one group that wait for the worker of their affinity, and which worker that is."""

    __slots__ = ("_hashers", "_lines", "_owners", "_tasks")

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._lines: dict[str, list[Task]] = {}
        """By worker, in the order of handing out."""
        self._hashers = dict[str, blake2b]()
        self._owners: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def waiting(self) -> dict[int, str]:
        """Of each task that is set aside, the worker that it waits for."""
        return {task.id: worker for worker, line in self._lines.items() for task in line}

    def drop(self, ids: Collection[int]) -> list[Task]:
        """Take these tasks out, as far as they are here."""
        dropped = [self._tasks.pop(task) for task in ids if task in self._tasks]
        if dropped:
            for worker, line in self._lines.items():
                self._lines[worker] = [task for task in line if task.id in self._tasks]
        return dropped

    def release(self) -> list[Task]:
        """Take all out, in the order in which they would have been handed out if all workers had room."""
        tasks = sorted(self._tasks.values(), key=order)
        self._tasks.clear()
        self._lines.clear()
        return tasks

    def put(self, task: Task, worker: str) -> None:
        """Set the task aside for this worker."""
        self._tasks[task.id] = task
        insort(self._lines.setdefault(worker, []), task, key=order)

    def first(self, worker: str, now: float) -> Task | None:
        """The next that waits for the worker. One whose time to begin is over stays, until whoever ends it drops it."""
        for task in self._lines.get(worker, ()):
            if task.expires is None or task.expires > now:
                return task
        return None

    def take(self, task: Task, worker: str) -> None:
        """Take out a task that waits for the worker."""
        del self._tasks[task.id]
        line = self._lines[worker]
        del line[bisect_left(line, order(task), key=order)]

    def between(self, workers: Collection[str]) -> None:
        """These are the workers that affinities are shared out among; at least one. Tasks whose worker is gone, or is
        another now, wait for the right one from now on."""
        if self._hashers.keys() == set(workers):
            return
        self._hashers = {
            worker: blake2b(f"{worker}\0".encode(), digest_size=8) for worker in workers
        }
        self._owners.clear()
        self._lines.clear()
        for task in sorted(self._tasks.values(), key=order):
            self._lines.setdefault(self.owner(task.affinity or ""), []).append(task)

    def owner(self, affinity: str) -> str:
        """The worker of this affinity."""
        worker = self._owners.get(affinity)
        if worker is None:
            if len(self._owners) >= OWNERS_KEPT:
                self._owners.clear()
            name = affinity.encode(errors="surrogatepass")
            worker = self._owners[affinity] = max(
                self._hashers, key=lambda one: self._weight(one, name)
            )
        return worker

    def _weight(self, worker: str, affinity: bytes) -> tuple[bytes, str]:
        hasher = self._hashers[worker].copy()
        hasher.update(affinity)
        return hasher.digest(), worker


def deal_sticky(
    group: GroupState, lives: Sequence[Life], turns: Iterator[int], now: float
) -> dict[Life, list[Task]]:
    """Hand out what waits aside and what the queue has, in one order: what came back to the queue meanwhile is older
    than what was set aside behind it. `lives` are those that take tasks, with room or not."""
    aside, queue = group.aside, group.queue
    aside.between([life.worker for life in lives])
    by_worker = {life.worker: life for life in lives}
    table = _Table(lives, turns)
    firsts = [_first(aside, life, now) for life in lives if table.room(life)] if len(aside) else []
    heads = [first for first in firsts if first is not None]
    heapify(heads)
    while table.open:
        more = len(aside) < ASIDE_ITEMS
        if heads:
            head = queue.peek(now) if more else None
            if head is None or heads[0][0] < order(head):
                _give_aside(aside, table, heads, now)
                continue
        task = queue.take(now) if more else None
        if task is None:
            break
        if task.affinity is None:
            table.give(table.emptiest(), task)
            continue
        owner = by_worker[aside.owner(task.affinity)]
        if table.room(owner):
            table.give(owner, task)
        else:
            aside.put(task, owner.worker)
    return table.hands


Head = tuple[tuple[int, int], int, "Life", "Task"]
"""(order, turn, life, task): the first that waits aside for a life."""


def _first(aside: Aside, life: Life, now: float) -> Head | None:
    task = aside.first(life.worker, now)
    return None if task is None else (order(task), life.turn, life, task)


def _give_aside(aside: Aside, table: _Table, heads: list[Head], now: float) -> None:
    """Hand out the first of `heads`, if its life still has room; the next for the life takes its place."""
    _, _, life, task = heads[0]
    if table.room(life):
        aside.take(task, life.worker)
        table.give(life, task)
    following = _first(aside, life, now) if table.room(life) else None
    if following is None:
        heappop(heads)
    else:
        heapreplace(heads, following)


class _Table:
    """Who has what while a deal is under way."""

    __slots__ = ("_heap", "_loads", "_turns", "hands", "open")

    def __init__(self, lives: Sequence[Life], turns: Iterator[int]) -> None:
        self.hands: dict[Life, list[Task]] = {}
        self._turns = turns
        self._loads = {life: len(life.leases) for life in lives}
        self.open = sum(self.room(life) > 0 for life in lives)
        """Lives that have room."""
        self._heap = [(len(life.leases), life.turn, life) for life in lives if self.room(life)]
        heapify(self._heap)

    def room(self, life: Life) -> int:
        return max(life.window - self._loads[life], 0)

    def give(self, life: Life, task: Task) -> None:
        """The life must have room."""
        self._loads[life] += 1
        self.hands.setdefault(life, []).append(task)
        life.turn = next(self._turns)
        if self._loads[life] == life.window:
            self.open -= 1

    def emptiest(self) -> Life:
        """The least loaded life with room, of equals the one whose turn is oldest; there must be one."""
        heap = self._heap
        while True:
            load, turn, life = heap[0]
            if not self.room(life):
                heappop(heap)
            elif load != self._loads[life] or turn != life.turn:
                heapreplace(heap, (self._loads[life], life.turn, life))
            else:
                return life


def order(task: Task) -> tuple[int, int]:
    """Of those that are set aside: the highest priority first, then the oldest."""
    return -task.priority, task.id
