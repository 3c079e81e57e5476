"""One task in memory: waiting, or in flight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tmaxd.tasks.records import HELD_PAYLOAD, Lease, Options, Queued, Waiting


class Task(msgspec.Struct, gc=False):
    """Holds no reference to anything that refers back to it, hence `gc=False`."""

    id: int
    payload: str | None
    """None: in flight, and too long to be held (HELD_PAYLOAD) without a route that wants it."""
    at: float
    """When it was submitted."""
    attempt: int = 1
    """The number of the attempt under way, or of the next one."""
    priority: int = 0
    expires: float | None = None
    affinity: str | None = None
    hops: int = 0
    base: int = 0
    """Attempts that count against no limit."""
    was: Waiting = "queued"
    """What the disk calls it."""
    marked: bool = False
    """The queue must hear when it ends: it came by another way than the cursor of its lane."""
    here: bool = True
    """Its attempt was assigned by this dispatcher to this life of the run, so that no `started` could be missed."""
    repeated: bool = False
    """Its frame was sent more than once to a run that has not answered."""
    spooled: bool = False
    """Its payload file exists."""
    sent: float = 0.0
    send: int = 0
    """The number of its `Assigned`."""
    timeout: float | None = None
    """Seconds that the attempt may take, as its frames say."""
    started: float | None = None


def new_tasks(
    first_id: int, payloads: Sequence[str], at: float, options: Options
) -> Iterable[Task]:
    """Those of one submit, of following ids."""
    priority, expires, affinity, hops = (
        options.priority,
        options.expires,
        options.affinity,
        options.hops,
    )
    if expires is None and affinity is None and not priority and not hops:
        return [Task(task, payload, at) for task, payload in enumerate(payloads, first_id)]
    return [
        Task(task, payload, at, 1, priority, expires, affinity, hops)
        for task, payload in enumerate(payloads, first_id)
    ]


def from_disk(queued: Queued) -> Task:
    return Task(
        queued.id,
        queued.payload,
        queued.at,
        queued.attempt + 1,
        queued.priority,
        queued.expires,
        queued.affinity,
        queued.hops,
        queued.base,
    )


def is_long(payload: str | None) -> bool:
    """It is here, and never fits a frame."""
    return payload is not None and len(payload) > HELD_PAYLOAD


def from_lease(lease: Lease) -> Task:
    """A task that an earlier daemon has sent."""
    return Task(
        lease.id,
        lease.payload,
        lease.at,
        lease.attempt,
        lease.priority,
        lease.expires,
        lease.affinity,
        lease.hops,
        lease.base,
        lease.was,
        here=False,
        spooled=lease.payload is None or is_long(lease.payload),
        sent=lease.sent,
        send=lease.send,
        timeout=lease.timeout,
    )
