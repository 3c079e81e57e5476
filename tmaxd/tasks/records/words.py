"""What is said of a task: the states it can be in, how its attempts end, what may be asked for it."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["queued", "delayed", "sent", "running", "done", "dead", "cancelled"]
"""`sent` and `running` are known from the leases, not from a task's row; that a task has started is known from its
worker only, so the disk calls it `sent`."""

Waiting = Literal["queued", "delayed"]
"""What a task's row says until its end is written: a task that is in flight keeps the one it had."""

Outcome = Literal[
    "done",
    "failed",
    "temporary",
    "timeout",
    "lost",
    "unsent",
    "returned",
    "interrupted",
    "cancelled",
    "expired",
]
"""How one attempt ended. `lost`: the run died with it. `unsent`: it never began. `returned`: its worker, which lives
on, gave it back before it began. `interrupted`: the run was ended for a reason that has nothing to do with the task.
`expired`: its time was over before it began."""

UNCOUNTED: frozenset[Outcome] = frozenset({"unsent", "interrupted"})
"""Attempts that are not spent: the next one has the same number, which is safe since nobody has it any more. A
`returned` one counts against no limit either, but keeps its number: a frame of it may still be under way to its
worker."""

MIN_PRIORITY, MAX_PRIORITY = -10, 10
"""Of two tasks that wait in a group, the one with the higher priority goes first."""

MAX_KEY = 200
"""Characters of a key or an affinity."""


class Options(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What may be asked for a task beside its payload; the same for all tasks of one submit."""

    priority: int = 0
    due: float | None = None
    """Not before this wall time."""
    expires: float | None = None
    """A task that has not begun by this wall time ends `dead`, outcome `expired`."""
    key: str | None = None
    """A second submit to the group with the same key is the same task. One task a submit then."""
    affinity: str | None = None
    """Tasks of one affinity go to one worker where the group's balance is `sticky`."""
    source: int | None = None
    """The task whose end made this one, by a route."""
    hops: int = 0
    """Routes between this task and the one that somebody submitted."""


PLAIN = Options()
