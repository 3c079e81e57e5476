"""The balance `fastest`: each task to the worker that will most likely be done with it first, by what it holds and
how long it takes for a task. For workers that differ: machines, models, warm and cold ones.

What is believed of a slow worker would never be put right if nothing were given to it. So a worker that holds
nothing gets one task of PROBE_EVERY, whatever its pace, and what it then takes replaces what was known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tmaxd.tasks.groups import GroupState
    from tmaxd.tasks.lives import Life
    from tmaxd.tasks.task import Task

PROBE_EVERY: Final = 32
"""Tasks of the group after which an idle worker is tried again, so about 3 % of them go to each slow worker."""

TRIAL: Final = 0.0
"""The expectation of a worker that is to be tried: before all others."""

SHORTEST: Final = 1e-6
"""Seconds. A task that took no time by the clock took some: otherwise the load would not count."""


def deal_fastest(
    group: GroupState, lives: Sequence[Life], turns: Iterator[int], now: float
) -> dict[Life, list[Task]]:
    """Hand out what the queue has. `lives` are those with room."""
    hands: dict[Life, list[Task]] = {}
    paces = _paces(group, lives)
    heap = [(_first(life, paces[life], group.meter.dealt), life.turn, life) for life in lives]
    heapify(heap)
    loads = {life: len(life.leases) for life in lives}
    while heap:
        task = group.queue.take(now)
        if task is None:
            break
        expected, _, life = heap[0]
        if expected == TRIAL:
            life.pace.doubt()
        group.meter.dealt = life.pace.dealt = group.meter.dealt + 1
        life.turn = turn = next(turns)
        hands.setdefault(life, []).append(task)
        loads[life] = load = loads[life] + 1
        if load < life.window:
            heapreplace(heap, ((load + 1) * paces[life], turn, life))
        else:
            heappop(heap)
    return hands


def _paces(group: GroupState, lives: Sequence[Life]) -> dict[Life, float]:
    """Seconds a task. A life of which nothing is known counts as the mean of the group."""
    known = [life.pace.seconds for life in group.lives.values() if life.pace.seconds is not None]
    mean = sum(known) / len(known) if known else 1.0
    return {
        life: max(mean if life.pace.seconds is None else life.pace.seconds, SHORTEST)
        for life in lives
    }


def _first(life: Life, pace: float, dealt: int) -> float:
    """In how many seconds it would be done with a task that it got now, after so many of the group."""
    last = life.pace.dealt
    if not life.leases and (last is None or dealt + 1 - last >= PROBE_EVERY):
        return TRIAL
    return (len(life.leases) + 1) * pace
