"""What the dispatcher knows of a group: its queue, its living workers, and its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmaxd.tasks.expiry import Expiry
from tmaxd.tasks.meter import Meter
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import TaskQueue
from tmaxd.tasks.shared import SharedFifo
from tmaxd.tasks.sticky import Aside
from tmaxd.tasks.task import Task

if TYPE_CHECKING:
    from tmaxd.tasks.lives import Life


class GroupState:
    """One group: its queue, its living workers, and its counts (of tasks, memory and disk together)."""

    __slots__ = (
        "aside",
        "cancelled",
        "dead",
        "delayed",
        "done",
        "expiry",
        "lives",
        "meter",
        "name",
        "policy",
        "queue",
        "queued",
        "rules",
        "shared",
        "stirred",
        "wake_at",
    )

    def __init__(self, name: str, queue: TaskQueue) -> None:
        self.name = name
        self.policy: GroupPolicy | None = None
        """None: the spec has no such group, so nothing is handed out or taken."""
        self.rules = GroupPolicy()
        """The last policy known: it holds for what is still in flight when the group is gone."""
        self.queue = queue
        self.aside = Aside()
        """Tasks out of the queue that wait for one certain worker."""
        self.expiry = Expiry()
        self.shared: SharedFifo | None = None
        """The tasks FIFO of its workers, if they have ever shared one."""
        self.lives: dict[str, Life] = {}
        """By run: those that are ready, and those of an earlier daemon whose fate is open."""
        self.meter = Meter()
        self.queued = 0
        self.delayed = 0
        """Both without those in flight."""
        self.done = 0
        self.dead = 0
        self.cancelled = 0
        self.stirred = True
        """Something has changed, so that there may be tasks to hand out or to read."""
        self.wake_at: float | None = None
        """When there will be, even if nothing changes."""

    @property
    def waiting(self) -> int:
        return self.queued + self.delayed

    @property
    def in_flight(self) -> int:
        held = sum([len(life.leases) for life in self.lives.values()])
        return held if self.shared is None else held + len(self.shared)

    def restored(self, task: Task) -> None:
        """It is in flight since an earlier daemon."""
        self.queue.restored(task)
        if task.was == "delayed":
            self.delayed -= 1
        else:
            self.queued -= 1
