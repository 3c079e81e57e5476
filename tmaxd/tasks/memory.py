"""What the dispatcher remembers from step to step, and what the step under way brings about. Decides nothing."""

from __future__ import annotations

from itertools import count

from tmaxd.tasks.ending import Out
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.keys import Keys
from tmaxd.tasks.lives import Life
from tmaxd.tasks.queue import TaskQueue
from tmaxd.tasks.searches import Searches


class Memory:
    __slots__ = (
        "current",
        "groups",
        "holds",
        "keys",
        "lives",
        "next_id",
        "next_send",
        "out",
        "queue_limits",
        "searches",
        "spool",
        "strays",
        "turns",
    )

    def __init__(
        self, spool: str, next_id: int, next_send: int, queue_limits: tuple[int, int]
    ) -> None:
        self.spool = spool
        """The folder of payload files."""
        self.next_id = next_id
        """The lowest id never used."""
        self.next_send = count(next_send)
        """Numbers for `Assigned`."""
        self.queue_limits = queue_limits
        self.groups: dict[str, GroupState] = {}
        self.lives: dict[str, Life] = {}
        """By run."""
        self.current: dict[str, str] = {}
        """Worker to the run that takes its tasks."""
        self.holds: set[str] = set()
        """Workers that are given no new task."""
        self.turns = count(1)
        self.strays = 0
        """Frames of runs that are not known."""
        self.searches = Searches()
        self.keys = Keys()
        self.out = Out(spool, 0.0, None)

    def begin(self, now: float) -> Out:
        """A new step."""
        self.out = Out(self.spool, now, self.searches.changed if self.searches.open else None)
        return self.out

    def group(self, name: str) -> GroupState:
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = GroupState(name, TaskQueue(*self.queue_limits))
        return group

    def life(self, worker: str, group: str, run: str) -> Life:
        life = self.lives.get(run)
        if life is None:
            life = self.lives[run] = Life(worker, self.group(group), run)
            life.turn = next(self.turns)
            life.group.lives[run] = life
        return life
