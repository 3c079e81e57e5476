"""What the dispatcher knows of a life: one run of one worker with the tasks it holds. How far it is trusted is decided
in `trust`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tmaxd.tasks.frames import Form, ProgressFrame
from tmaxd.tasks.meter import Pace
from tmaxd.tasks.task import Task
from tmaxd.tasks.writing import TaskWriter

if TYPE_CHECKING:
    from tmaxd.tasks.groups import GroupState

REMIND = 5.0
"""Seconds after which a frame that seems not to have arrived is sent again."""

MAX_WINDOW = 1024
"""Tasks in flight a worker, whatever it asks for; with HELD_PAYLOAD this bounds the memory they cost, where no route
wants their payloads."""


class Life:
    """One run of one worker. `leases` is what it holds, by id, in the order of sending."""

    __slots__ = (
        "_writer",
        "asked",
        "bad",
        "batch",
        "batches",
        "beats",
        "cancelling",
        "declines",
        "done",
        "doubted_at",
        "failed",
        "form",
        "free_at",
        "group",
        "held",
        "last_seen",
        "leases",
        "limit",
        "mixed",
        "number",
        "owes",
        "pace",
        "pausing",
        "progress",
        "ready",
        "remind_after",
        "remind_at",
        "run",
        "running",
        "says_started",
        "sends",
        "shares",
        "spent_sends",
        "strays",
        "turn",
        "window",
        "worker",
    )

    def __init__(self, worker: str, group: GroupState, run: str) -> None:  # noqa: PLR0915  # a list of fields
        self.worker = worker
        self.group = group
        self.run = run
        self.number = 0
        """How often its program has begun anew inside the pane."""
        self.ready = False
        self.held = False
        self.asked = 1
        """The window it asked for."""
        self.declines = False
        """It has given tasks back, and is given none until it ends another or sends a heartbeat: one that gives back
        whatever it gets must not keep everybody busy."""
        self.window = 0
        """The window that holds; 0 while it takes no tasks."""
        self.form: Form | None = None
        self.batches = False
        """It takes many tasks in one frame."""
        self.batch = False
        """It is given them so."""
        self._writer = TaskWriter("json", None)
        self.shares = False
        """It pulls from the FIFO that its group shares, whatever the spec says now."""
        self.owes = 0
        """The number of the last ping that it has not answered, where it was asked what it holds."""
        self.pausing = 0
        """The same, where it was asked to take no more from the shared FIFO."""
        self.leases: dict[int, Task] = {}
        self.limit: float | None = None
        """The timeout of those that it was given last."""
        self.mixed = False
        """Some of those that it holds may have another timeout than others."""
        self.sends: dict[int, int] = {}
        """The number of each `Assigned` that is on disk to how many of its tasks it still holds."""
        self.spent_sends: list[int] = []
        """Those of which it holds none any more, and which the disk has not been told of."""
        self.running: dict[int, float] = {}
        """Ids that it said it started, with the time, oldest first."""
        self.cancelling: dict[int, float] = {}
        """Ids that it was asked to end, with the time, oldest first."""
        self.progress: dict[int, tuple[float, ProgressFrame]] = {}
        """What was last said of a running task, with the time."""
        self.says_started = False
        """It has said `started` at least once, so its silence about a task means something."""
        self.beats = False
        """It has sent a heartbeat, so its silence means something."""
        self.turn = 0
        """Grows with each task it is given; the lowest comes first among equally loaded ones."""
        self.pace = Pace()
        self.done = 0
        self.failed = 0
        """Attempts that it ended without a result."""
        self.strays = 0
        """Results and starts of tasks that it does not hold."""
        self.bad = 0
        """Lines that were no frames."""
        self.last_seen: float | None = None
        self.doubted_at: float | None = None
        """Since when it is suspected to be silent."""
        self.free_at = 0.0
        """When it began or last ended a task."""
        self.remind_at = 0.0
        """Not before this is it sent again what it seems not to have got."""
        self.remind_after = REMIND

    def began(self, asked: int, form: Form, batch: bool, now: float) -> None:
        """It is ready; `refresh` then sets what follows from the policy."""
        self.ready = True
        self.free_at = now
        self.asked = min(asked, MAX_WINDOW)
        self.declines = False
        self.form = form
        self._writer = TaskWriter(form, None)
        self.batches = batch and form == "json"

    def wants(self, window: int) -> None:
        """It has said how many tasks it wants in flight, or has ended one, and takes them again."""
        window = min(window, MAX_WINDOW)
        if self.ready and (self.declines or window != self.asked):
            self.asked = window
            self.declines = False
            self.refresh()
            self.group.stirred = True

    def refresh(self) -> None:
        """Take over the policy of its group, or what else decides whether and how it is given tasks."""
        policy = self.group.policy
        self.batch = self.batches and self.group.rules.batching
        if policy is None or not self.ready or self.held or self.shares != policy.shared:
            self.window = 0  # of another layout than the spec's it is replaced soon
        elif self.declines:
            self.window = 0
        else:
            self.window = min(policy.window or self.asked, self.asked)

    def heard(self, now: float) -> None:
        self.last_seen = now
        self.doubted_at = None

    def works(self) -> None:
        """It has said that it begins or ends something, so frames reach it."""
        self.remind_after = REMIND

    def ended_some(self, now: float) -> None:
        """It has ended tasks, and may begin others."""
        self.free_at = now

    def writer(self, timeout: float | None) -> TaskWriter:
        """For frames in its form that say this timeout; there is one at hand as long as it is the same."""
        if self._writer.timeout != timeout:
            self._writer = TaskWriter(self.form or "json", timeout)
        return self._writer

    # ------------------------------------------------------------------------------- what it holds

    def takes(self, tasks: Sequence[Task]) -> None:
        """It holds these from now on; all were sent with the same timeout. At least one."""
        limit = tasks[0].timeout
        self.mixed = bool(self.leases) and (self.mixed or limit != self.limit)
        self.limit = limit
        self.leases.update([(task.id, task) for task in tasks])

    def holds(self, task: int, attempt: int) -> Task | None:
        """The task, if it holds it in this attempt; else a stray is counted."""
        lease = self.leases.get(task)
        if lease is None or lease.attempt != attempt:
            self.strays += 1
            return None
        return lease

    @property
    def busy(self) -> int:
        """Tasks that it holds, or may still take though it is held."""
        return len(self.leases) or int(self.pausing > 0)

    def answered(self, number: int) -> None:
        """It has said all that it held when it saw the ping of this number."""
        if self.owes and number == self.owes:
            self.owes = 0
            if not self.shares:
                self._has_named_all()
        if number == self.pausing:
            self.pausing = 0

    def _has_named_all(self) -> None:
        """All that it has begun: an earlier daemon may have heard of some of it, and of the rest it will say so."""
        self.says_started = True
        for task in self.leases.values():
            task.here = True

    def let_go(self, task: Task) -> None:
        """It has the task no more."""
        del self.leases[task.id]
        self.running.pop(task.id, None)
        self.progress.pop(task.id, None)
        if not self.shares:
            self.used(task.send, 1)

    def used(self, send: int, count: int) -> None:
        """So many tasks of an `Assigned` are not with it any more."""
        left = self.sends[send] - count
        if left:
            self.sends[send] = left
        else:
            del self.sends[send]
            self.spent_sends.append(send)

    def never_began(self, task: Task) -> bool:
        """Certain only of a run that says what it starts, and of a task that it was given under our eyes."""
        return self.says_started and task.here and task.started is None

    def left_unread(self, task: Task, unread: Iterable[tuple[int, int]]) -> bool:
        """Its frame was never read, judging by what stands in the FIFO of a dead run. Where a frame was sent twice, a
        copy that was not read says nothing of the other."""
        return task.started is None and not task.repeated and (task.id, task.attempt) in unread
