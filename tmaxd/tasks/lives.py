"""What the dispatcher knows of a group and of a life: one run of one worker with the tasks it holds."""

from __future__ import annotations

from tmaxd.tasks.frames import Form, TaskWriter
from tmaxd.tasks.meter import Meter
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import Task, TaskQueue

OVERDUE = 15.0
"""Seconds past a task's timeout after which the daemon no longer waits for the worker to enforce it."""

MAX_WINDOW = 1024
"""Tasks in flight a worker, whatever it asks for; with HELD_PAYLOAD this bounds the memory they cost."""


class GroupState:
    """One group: its queue, its living workers, and its counts (of tasks, memory and disk together)."""

    __slots__ = (
        "dead",
        "delayed",
        "done",
        "lives",
        "meter",
        "name",
        "policy",
        "queue",
        "queued",
        "rules",
    )

    def __init__(self, name: str, queue: TaskQueue) -> None:
        self.name = name
        self.policy: GroupPolicy | None = None
        """None: the spec has no such group, so nothing is handed out or taken."""
        self.rules = GroupPolicy()
        """The last policy known: it holds for what is still in flight when the group is gone."""
        self.queue = queue
        self.lives: dict[str, Life] = {}
        """By run: those that are ready, and those of an earlier daemon whose fate is open."""
        self.meter = Meter()
        self.queued = 0
        self.delayed = 0
        self.done = 0
        self.dead = 0


class Life:
    """One run of one worker. `leases` is what it holds, by id, in the order of sending."""

    __slots__ = (
        "asked",
        "bad",
        "done",
        "form",
        "group",
        "held",
        "last_seen",
        "leases",
        "number",
        "ready",
        "run",
        "running",
        "says_started",
        "strays",
        "turn",
        "window",
        "worker",
        "writer",
    )

    def __init__(self, worker: str, group: GroupState, run: str) -> None:
        self.worker = worker
        self.group = group
        self.run = run
        self.number = 0
        """How often its program has begun anew inside the pane."""
        self.ready = False
        self.held = False
        self.asked = 1
        """The window it asked for."""
        self.window = 0
        """The window that holds; 0 while it takes no tasks."""
        self.form: Form | None = None
        self.writer = TaskWriter("json", None)
        self.leases: dict[int, Task] = {}
        self.running: dict[int, float] = {}
        """Ids that it said it started, with the time, oldest first."""
        self.says_started = False
        """It has said `started` at least once, so its silence about a task means something."""
        self.turn = 0
        """Grows with each task it is given; the lowest comes first among equally loaded ones."""
        self.done = 0
        self.strays = 0
        """Results and starts of tasks that it does not hold."""
        self.bad = 0
        """Lines that were no frames."""
        self.last_seen: float | None = None

    def began(self, asked: int, form: Form) -> None:
        """It is ready; `refresh` then sets what follows from the policy."""
        self.ready = True
        self.asked = min(asked, MAX_WINDOW)
        self.form = form

    def holds(self, task: int, attempt: int) -> Task | None:
        """The task, if it holds it in this attempt; else a stray is counted."""
        lease = self.leases.get(task)
        if lease is None or lease.attempt != attempt:
            self.strays += 1
            return None
        return lease

    def never_began(self, task: Task) -> bool:
        """Certain only of a run that says what it starts, and of a task that it was given under our eyes."""
        return self.says_started and task.here and task.started is None

    def overdue_at(self) -> float | None:
        """When the task that it has run for longest is so late that the worker cannot be trusted to end it; None
        where nothing limits it. The rules of a group that has left the spec go on to hold."""
        if not self.running or self.group.rules.timeout is None:
            return None
        return next(iter(self.running.values())) + self.group.rules.timeout + OVERDUE

    def is_overdue(self, now: float) -> bool:
        overdue_at = self.overdue_at()
        return overdue_at is not None and now > overdue_at

    def refresh(self) -> None:
        """Take over the policy of its group, or what else decides whether and how it is given tasks."""
        policy = self.group.policy
        if policy is None or not self.ready or self.held:
            self.window = 0
        else:
            self.window = min(policy.window or self.asked, self.asked)
        if self.form is not None:
            self.writer = TaskWriter(self.form, self.group.rules.timeout)
