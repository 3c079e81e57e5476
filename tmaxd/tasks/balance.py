"""Which worker gets which task. Here are the two modes that look at nothing but counts: `least_loaded`, to the one
with the fewest in flight, and `round_robin`, to each in turn. `fastest` and `sticky` have files of their own.

Among equals it is the turn of the one that was given a task the longest time ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tmaxd.tasks.fastest import deal_fastest
from tmaxd.tasks.sticky import Aside, deal_sticky

if TYPE_CHECKING:
    from tmaxd.tasks.groups import GroupState
    from tmaxd.tasks.lives import Life
    from tmaxd.tasks.task import Task

__all__ = ["Aside", "deal"]


def deal(group: GroupState, turns: Iterator[int], now: float) -> dict[Life, list[Task]]:
    """Take tasks from the group's queue while a worker has room, and hand them out as the group's policy says.
    The workers' turns move on; their `leases` are left to the caller.

    What waits aside while the balance is `sticky` is for the caller to release when that changes."""
    policy = group.policy
    if policy is None or not (len(group.queue) or len(group.aside)):
        return {}
    if policy.balance == "sticky":
        lives = [life for life in group.lives.values() if life.window > 0]
        return deal_sticky(group, lives, turns, now) if lives else {}
    lives = [life for life in group.lives.values() if len(life.leases) < life.window]
    if not lives:
        return {}
    if policy.balance == "fastest":
        return deal_fastest(group, lives, turns, now)
    if policy.balance == "round_robin":
        seats = [(0, life.turn, life.window - len(life.leases), life) for life in lives]
    else:
        seats = [(len(life.leases), life.turn, life.window, life) for life in lives]
    tasks = group.queue.take_many(sum([most - load for load, _, most, _ in seats]), now)
    if len(tasks) == 1 or len(seats) == 1:  # what most steps are, where work comes bit by bit
        return _deal_one(min(seats), tasks, turns)
    seats.sort()
    return _deal_level(seats, tasks, turns)


Seat = tuple[int, int, int, "Life"]
"""(load, turn, the load at which it has no more room, life)"""


def _deal_one(seat: Seat, tasks: list[Task], turns: Iterator[int]) -> dict[Life, list[Task]]:
    """All tasks to this life."""
    if not tasks:
        return {}
    life = seat[3]
    life.turn = next(turns)
    return {life: tasks}


def _deal_level(
    seats: Sequence[Seat], tasks: Sequence[Task], turns: Iterator[int]
) -> dict[Life, list[Task]]:
    """Each task to the life with the lowest load. `seats` are sorted and have room for all tasks.

    Not one by one: those of one load take turns for as many rounds as they stay alone and have room, so what each
    of them gets is every n-th task of a stretch."""
    hands: dict[Life, list[Task]] = {}
    latest: dict[Life, int] = {}
    open_: list[Seat] = []
    load = seats[0][0]
    at = joined = 0
    while at < len(tasks):
        others = joined
        while joined < len(seats) and seats[joined][0] <= load:
            joined += 1
        # who only now is at this level was given its last task before those who have risen to it
        open_ = [*seats[others:joined], *open_]
        until = min(most for _, _, most, _ in open_)
        if joined < len(seats):
            until = min(until, seats[joined][0])
        width = len(open_)
        stretch = tasks[at : at + (until - load) * width]
        for place, (_, _, _, life) in enumerate(open_[: len(stretch)]):
            share = stretch[place::width]
            hands.setdefault(life, []).extend(share)
            latest[life] = at + place + (len(share) - 1) * width
        at += len(stretch)
        open_ = [seat for seat in open_ if seat[2] > until]
        load = until if open_ or joined == len(seats) else seats[joined][0]
    for life in sorted(latest, key=latest.__getitem__):
        life.turn = next(turns)
    return hands
