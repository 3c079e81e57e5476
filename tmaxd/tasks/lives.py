"""What the dispatcher knows of a group and of a life: one run of one worker with the tasks it holds."""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.tasks.expiry import Expiry
from tmaxd.tasks.frames import Form, ProgressFrame
from tmaxd.tasks.meter import Meter, Pace
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import TaskQueue
from tmaxd.tasks.shared import SharedFifo
from tmaxd.tasks.sticky import Aside
from tmaxd.tasks.task import Task
from tmaxd.tasks.writing import TaskWriter

OVERDUE = 15.0
"""Seconds past a task's timeout after which the daemon no longer waits for the worker to enforce it."""

CANCEL_PATIENCE = 15.0
"""Seconds that a worker has to answer a cancel; then its run is treated like one that does not end its task in time."""

DOUBT = 12.0
"""Seconds that a worker is suspected before it counts as silent, so that it can speak up after a pause of the whole
machine or a clock that was set: workers send a heartbeat every ten."""

REMIND = 5.0
"""Seconds after which a frame that seems not to have arrived is sent again."""

MAX_WINDOW = 1024
"""Tasks in flight a worker, whatever it asks for; with HELD_PAYLOAD this bounds the memory they cost, where no route
wants their payloads."""


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


class Life:
    """One run of one worker. `leases` is what it holds, by id, in the order of sending."""

    __slots__ = (
        "_doubted_at",
        "_free_at",
        "_remind_after",
        "_remind_at",
        "asked",
        "bad",
        "batch",
        "beats",
        "cancelling",
        "declines",
        "done",
        "form",
        "group",
        "held",
        "last_seen",
        "leases",
        "number",
        "owes",
        "pace",
        "pausing",
        "progress",
        "ready",
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
        "writer",
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
        self.batch = False
        """It takes many tasks in one frame."""
        self.writer = TaskWriter("json", None)
        self.shares = False
        """It pulls from the FIFO that its group shares, whatever the spec says now."""
        self.owes = 0
        """The number of the last ping that it has not answered, where it was asked what it holds."""
        self.pausing = 0
        """The same, where it was asked to take no more from the shared FIFO."""
        self.leases: dict[int, Task] = {}
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
        self.strays = 0
        """Results and starts of tasks that it does not hold."""
        self.bad = 0
        """Lines that were no frames."""
        self.last_seen: float | None = None
        self._doubted_at: float | None = None
        self._free_at = 0.0
        """When it began or last ended a task."""
        self._remind_at = 0.0
        self._remind_after = REMIND

    def began(self, asked: int, form: Form, batch: bool, now: float) -> None:
        """It is ready; `refresh` then sets what follows from the policy."""
        self.ready = True
        self._free_at = now
        self.asked = min(asked, MAX_WINDOW)
        self.declines = False
        self.form = form
        self.batch = batch and form == "json"

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
        if policy is None or not self.ready or self.held or self.shares != policy.shared:
            self.window = 0  # of another layout than the spec's it is replaced soon
        elif self.declines:
            self.window = 0
        else:
            self.window = min(policy.window or self.asked, self.asked)
        if self.form is not None:
            self.writer = TaskWriter(self.form, self.group.rules.timeout)

    # ------------------------------------------------------------------------------- what it holds

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

    # --------------------------------------------------------------------------- whether to trust it

    def heard(self, now: float) -> None:
        self.last_seen = now
        self._doubted_at = None

    def is_silent(self, now: float) -> bool:
        """It sends heartbeats, holds tasks or may do so, and has said nothing for as long as its group's lease is."""
        lease = self.group.rules.lease
        if lease is None or not self.beats or self.last_seen is None:
            return False
        if not self.leases and not self.owes:
            return False
        doubt = min(DOUBT, lease / 2)
        if now - self.last_seen < lease - doubt:
            return False
        if self._doubted_at is None or now < self._doubted_at:
            self._doubted_at = now
        return now - self.last_seen >= lease and now - self._doubted_at >= doubt

    def late_at(self) -> float | None:
        """When the task that it has run for longest is so late that the worker cannot be trusted to end it; None
        where nothing limits it. The rules of a group that has left the spec go on to hold."""
        timeout = self.group.rules.timeout
        if timeout is None:
            return None
        if self.running:
            return next(iter(self.running.values())) + timeout + OVERDUE
        if self.says_started or not self.leases:
            return None
        # It never says what it begins: it has been at its oldest since it got it, or since it ended another.
        return max(next(iter(self.leases.values())).sent, self._free_at) + timeout + OVERDUE

    def overdue_at(self) -> float | None:
        """When it is to be replaced, because it ends a task neither in time nor when asked to."""
        times = [asked + CANCEL_PATIENCE for asked in self.cancelling.values()][:1]
        late_at = self.late_at()
        if late_at is not None:
            times.append(late_at)
        return min(times, default=None)

    def is_overdue(self, now: float) -> bool:
        overdue_at = self.overdue_at()
        return overdue_at is not None and now > overdue_at

    def ignores_cancel(self, now: float) -> bool:
        """A cancel is unanswered for too long."""
        return any(now > asked + CANCEL_PATIENCE for asked in self.cancelling.values())

    # ------------------------------------------------------------------------------------ reminders

    def works(self) -> None:
        """It has said that it begins or ends something, so frames reach it."""
        self._remind_after = REMIND

    def ended_some(self, now: float) -> None:
        """It has ended tasks, and may begin others."""
        self._free_at = now

    def forgotten(self, now: float) -> list[Task]:
        """The tasks whose frames seem to be lost: nothing runs there, and the oldest was sent long ago. Named at most
        once in REMIND seconds; less and less often if it never says what it starts, since it may be at work."""
        oldest = next(iter(self.leases.values()), None)
        if oldest is None or self.running or now - oldest.sent < REMIND or now < self._remind_at:
            return []
        self._remind_at = now + self._remind_after
        if not self.says_started:
            self._remind_after *= 2
        return [task for task in self.leases.values() if now - task.sent >= REMIND]
