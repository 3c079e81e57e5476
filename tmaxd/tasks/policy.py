"""How a group's tasks are handed out and tried again: the policy as data, and the one decision it makes.

Which outcome counts against the limit, and how long the task waits, stands here and nowhere else.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.tasks.records import UNCOUNTED, Outcome

PASSING_ATTEMPTS = 3
"""Attempts that a task gets at least when its failure says nothing about the task: its worker died with it,
or said that the cause would pass. The limit stays, since a task may be what kills its workers."""

JITTER = 0.1
"""Share of a delay that is added at most, so that tasks that failed together do not return together."""


Balance = Literal["least_loaded", "round_robin", "fastest", "sticky"]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """From the end of a task to new tasks of other groups."""

    to: tuple[str, ...]
    when: Literal["done", "dead", "any"] = "done"
    payload: str = "{result}"
    """Its placeholders: `{result}` `{error}` `{payload}` `{task}` `{group}` `{worker}` `{attempt}` `{state}`; `{{` and
    `}}` are braces."""
    max_hops: int | None = None
    """Not taken by a task that came over so many routes already."""


class GroupPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the spec says about a group's tasks; times in seconds."""

    window: int | None = None
    """The most tasks in flight a worker; None: what its `ready` frame asks for."""
    timeout: float | None = None
    """How long a task may take."""
    attempts: int = 1
    """Attempts in all for a task that fails."""
    backoff_first: float = 1.0
    backoff_max: float = 60.0
    balance: Balance = "least_loaded"
    max_queue: int | None = None
    """Tasks that may wait (queued and delayed); more are refused at the door, except those that routes make."""
    expire: float | None = None
    """How long after its submission, or the time that it may not begin before, a task may begin, unless it says so
    itself."""
    lease: float | None = 60.0
    """How long a worker that sends heartbeats may be silent while it holds tasks; None: for ever."""
    routes: tuple[Route, ...] = ()
    outboxes: tuple[str, ...] = ()
    """Those that get a line for each of its tasks that ends."""
    shared: bool = False
    """Its workers pull from one tasks FIFO."""
    batching: bool = True
    """Many tasks may go in one frame and one write; else each is a frame and a write of its own."""

    @property
    def reads_results(self) -> bool:
        """Whether the text of a result is needed here, also where it stands in a file."""
        return bool(self.outboxes) or any("{result}" in route.payload for route in self.routes)


def retry_delay(policy: GroupPolicy, outcome: Outcome, attempt: int, task: int) -> float | None:
    """Seconds until the task is tried again after its attempt number `attempt` (from 1) ended like this;
    None when it was the last. Zero means at once and before the tasks that still wait.

    The first loss of a task costs it no delay: it is the worker that failed. `backoff_max` holds before
    the jitter, which depends on nothing but task and attempt."""
    if outcome in UNCOUNTED or outcome == "returned":
        return 0.0
    passing = outcome in ("lost", "temporary")
    if attempt >= (max(policy.attempts, PASSING_ATTEMPTS) if passing else policy.attempts):
        return None
    step = attempt - 1
    if outcome == "lost":
        if step == 0:
            return 0.0
        step -= 1
    # 2.0 ** 1024 overflows; no delay needs more than 64 doublings to reach its cap
    delay = min(policy.backoff_first * 2.0 ** min(step, 64), policy.backoff_max)
    return delay * (1.0 + JITTER * _fraction(task, attempt))


def _fraction(task: int, attempt: int) -> float:
    """In [0, 1), spread evenly over neighbouring ids (Knuth's multiplicative hash)."""
    return ((task * 2654435761 + attempt * 40503) & 0xFFFFFFFF) / 2**32
