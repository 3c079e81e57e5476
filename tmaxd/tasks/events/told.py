"""Events: what the dispatcher is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from tmaxd.tasks.frames import Form, Frame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import PLAIN, Found, Lease, Options, Page, Purge, Purged, State


class Groups(msgspec.Struct, frozen=True):
    """Every group that takes tasks; replaces what was told before. A group that is gone keeps its queued
    tasks, hands none out and takes none; when it returns, it goes on."""

    policies: Mapping[str, GroupPolicy]


class Counts(msgspec.Struct, frozen=True):
    """What the journal holds, once, before anything but `Groups`. Fields as in `Recovered`."""

    counts: Mapping[str, Mapping[State, int]]
    lanes: Mapping[str, Sequence[int]] = {}
    next_due: Mapping[str, float] = {}
    next_expiry: Mapping[str, float] = {}


class Death(msgspec.Struct, frozen=True):
    """The end of a run, in tasks of a shared FIFO."""

    worker: str
    group: str
    run: str
    at: float
    """When it was known (wall): no earlier than it died."""
    excused: bool
    how: str = "died"
    """Both as in `Gone`."""


class Restored(msgspec.Struct, frozen=True):
    """The tasks that an earlier daemon left assigned. Each waits for its run to be `Adopted` or `Gone`; those of a
    shared FIFO, which name no run, for word of all runs that may read it."""

    leases: Sequence[Lease]
    runs: Sequence[tuple[str, str, str]] = ()
    """(worker, group, run) of all runs of the earlier daemon that may not be over."""
    deaths: Sequence[Death] = ()
    """Of the runs that are over, as the disk knows, since the first of the leases that name no run was sent."""


class Submit(msgspec.Struct, frozen=True):
    """New tasks, a copy of each for every group; all or none. Answered by `Accepted` or `Denied` with the same
    token; with `options.key` after a look at the disk."""

    token: int
    groups: tuple[str, ...]
    payloads: Sequence[str]
    options: Options = PLAIN
    max_queue: int | None = None
    """Refuse if more than so many would wait in a group; the group's own limit holds as well."""


class Cancel(msgspec.Struct, frozen=True):
    """End these tasks; answered by `Verdicts`. What is running is asked to end and answers later."""

    token: int
    ids: Sequence[int]


class Retry(msgspec.Struct, frozen=True):
    """Have these tasks, dead or cancelled ones, tried again from the beginning; answered by `Verdicts`."""

    token: int
    ids: Sequence[int]


class Forget(msgspec.Struct, frozen=True):
    """Have a slice of what is over forgotten; answered by `Forgotten`."""

    token: int
    wish: Purge


class Adopted(msgspec.Struct, frozen=True):
    """A run of an earlier daemon lives on and had said that it was ready. What it holds is sent again."""

    worker: str
    group: str
    run: str
    window: int
    form: Form
    batch: bool = False
    shared: bool = False
    """It was started to pull from the FIFO that its group shares."""
    beats: bool = False
    """It has sent a heartbeat to an earlier daemon."""


class Ready(msgspec.Struct, frozen=True):
    """A `ready` frame of a living run. Another one of the same run means that the program began anew
    inside its pane and knows nothing of what it held. The driver then first counts `life` up and empties
    the tasks FIFO, so that no frame of the former life reaches the new one."""

    worker: str
    group: str
    run: str
    window: int
    form: Form
    life: int = 0
    batch: bool = False
    """It takes and sends many tasks in one frame."""
    shared: bool = False
    """As in `Adopted`."""


class Frames(msgspec.Struct, frozen=True):
    """What a run wrote, in order. `ready` frames in it count as a sign of life and no more."""

    worker: str
    run: str
    frames: Sequence[Frame]
    texts: Mapping[str, str | None] = {}
    """What stands in the result files that the frames name, for groups whose `reads_results` is set; None of a file
    that cannot be read or is longer than a payload may be."""


class Gone(msgspec.Struct, frozen=True):
    """The run is certainly dead, and all that it left behind. `unread`: what stood unread in its tasks
    FIFO. `excused`: it ended for a reason that has nothing to do with its tasks (an operator, the spec, the
    tmux server), so that what it had begun costs no attempt."""

    worker: str
    run: str
    unread: bytes
    excused: bool = False
    how: str = "died"
    """What became of the worker, as the end of a sentence."""


class TakenBack(msgspec.Struct, frozen=True):
    """`TakeBack` was performed. `unread`: (id, attempt) of the tasks that stood in the FIFO."""

    group: str
    unread: Collection[tuple[int, int]]


class Hold(msgspec.Struct, frozen=True):
    """Give the worker no new task, or do again. Ends by itself with the run that it has now."""

    worker: str
    held: bool


class Loaded(msgspec.Struct, frozen=True):
    """Answer to `LoadPage`; None: the read failed."""

    group: str
    priority: int
    page: Page | None


class DueLoaded(msgspec.Struct, frozen=True):
    """Answer to `LoadDue`; None: the read failed."""

    group: str
    page: Page | None


class ExpiredLoaded(msgspec.Struct, frozen=True):
    """Answer to `LoadExpired`; None: the read failed."""

    group: str
    page: Page | None


class TasksFound(msgspec.Struct, frozen=True):
    """Answer to `FindTasks`; None: the read failed."""

    token: int
    tasks: Sequence[Found] | None


class KeyFound(msgspec.Struct, frozen=True):
    """Answer to `FindKey`: the task that has the key, its payload, its state."""

    token: int
    found: tuple[int, str, State] | None
    failed: bool = False


class TasksPurged(msgspec.Struct, frozen=True):
    """Answer to `PurgeTasks`; None: it failed, and `trouble` says why."""

    token: int
    purged: Purged | None
    trouble: str = ""


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = (
    Groups
    | Counts
    | Restored
    | Submit
    | Cancel
    | Retry
    | Forget
    | Adopted
    | Ready
    | Frames
    | Gone
    | TakenBack
    | Hold
    | Loaded
    | DueLoaded
    | ExpiredLoaded
    | TasksFound
    | KeyFound
    | TasksPurged
    | Tick
)
