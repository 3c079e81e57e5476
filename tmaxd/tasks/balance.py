"""Which worker gets the next task: the one with the fewest in flight; among equals, the one that was given
a task the longest time ago."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heapreplace

from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.queue import Task


def deal(group: GroupState, turns: Iterator[int]) -> dict[Life, list[Task]]:
    """Take tasks from the group's queue while a worker has room, and hand them out. Each worker's load and
    turn count what it gets here; its `leases` are left to the caller.

    The workers with room are looked at once a call, not once a task."""
    hands: dict[Life, list[Task]] = {}
    queue = group.queue
    if not len(queue):
        return hands
    heap = [
        (len(life.leases), life.turn, life)
        for life in group.lives.values()
        if len(life.leases) < life.window
    ]
    heapify(heap)
    while heap:
        task = queue.take()
        if task is None:
            break
        load, _, life = heap[0]
        life.turn = turn = next(turns)
        if life in hands:
            hands[life].append(task)
        else:
            hands[life] = [task]
        if load + 1 < life.window:
            heapreplace(heap, (load + 1, turn, life))
        else:
            heappop(heap)
    return hands
