"""The balance `sticky`: tasks of one affinity go to one worker, for whatever it keeps of them (a warm cache, a
checkout, a session). Not a lock: while a worker drains, its affinities are with others already.

An affinity belongs to the worker that takes tasks and has the highest hash of both names (rendezvous hashing). So
when a worker goes only its affinities move, each to its own next, and when it is back they return. A task whose
worker has no room is set aside, and others pass it; of tasks without affinity each goes to the least loaded.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tmaxd.tasks.lives import GroupState, Life
    from tmaxd.tasks.task import Task

ASIDE_ITEMS: Final = 256
"""Tasks of a group that may wait aside. When so many do, no more are taken from the queue, so that tasks whose
workers are busy cannot fill the memory, and the queue keeps its order behind them."""

OWNERS_KEPT: Final = 4096
"""Affinities of a group whose worker is remembered; finding it costs a hash for each worker."""


class Aside:
    """The tasks of one group that wait for the worker of their affinity, and which worker that is."""

    __slots__ = ("_arrivals", "_hashers", "_lines", "_owners", "_tasks")

    def __init__(self) -> None:
        self._tasks: dict[int, tuple[int, int, Task]] = {}
        self._lines: dict[str, list[tuple[int, int, Task]]] = {}
        """By worker: (less its priority, arrival, task), in the order of handing out."""
        self._arrivals = 0
        self._hashers = dict[str, blake2b]()
        self._owners: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def drop(self, ids: Collection[int]) -> list[Task]:
        """Take these tasks out, as far as they are here."""
        dropped = [self._tasks.pop(task)[2] for task in ids if task in self._tasks]
        if dropped:
            for worker, line in self._lines.items():
                self._lines[worker] = [place for place in line if place[2].id in self._tasks]
        return dropped

    def release(self) -> list[Task]:
        """Take all out, in the order in which they would have been handed out if all workers had room."""
        places = sorted(self._tasks.values(), key=_order)
        self._tasks.clear()
        self._lines.clear()
        return [task for _, _, task in places]

    def put(self, task: Task, worker: str) -> None:
        """Set the task aside for this worker."""
        self._arrivals += 1
        place = (-task.priority, self._arrivals, task)
        self._tasks[task.id] = place
        insort(self._lines.setdefault(worker, []), place, key=_order)

    def next(self, worker: str, room: int, now: float) -> list[Task]:
        """Take out at most `room` tasks that wait for the worker. One whose time to begin is over stays, until
        whoever ends it drops it."""
        line = self._lines.get(worker)
        if not line or room <= 0:
            return []
        given = [task for _, _, task in line if task.expires is None or task.expires > now][:room]
        for task in given:
            del self._tasks[task.id]
        self._lines[worker] = [place for place in line if place[2].id in self._tasks]
        return given

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
        for place in sorted(self._tasks.values(), key=_order):
            self._lines.setdefault(self.owner(place[2].affinity or ""), []).append(place)

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
    """Hand out what waits aside and then what the queue has. `lives` are those that take tasks, with room or not."""
    aside = group.aside
    aside.between([life.worker for life in lives])
    by_worker = {life.worker: life for life in lives}
    table = _Table(lives, turns)
    for life in lives:
        for waiting in aside.next(life.worker, table.room(life), now):
            table.give(life, waiting)
    take = group.queue.take
    while table.open and len(aside) < ASIDE_ITEMS:
        task = take(now)
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


def _order(place: tuple[int, int, Task]) -> tuple[int, int]:
    return place[:2]
