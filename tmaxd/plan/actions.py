"""What a pass decides to do. Each action names its worker and its reason; one executor performs them."""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.plan.observed import Member
from tmaxd.plan.reasons import Reason
from tmaxd.plan.tallies import Scope


class Action(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    reason: Reason
    quiet: bool = False
    """It is part of a mass death or of the revival after it, of which one event tells for all."""


class AddPipes(Action, frozen=True, tag="add_pipes"):
    """Make the worker's FIFOs."""


class RemovePipes(Action, frozen=True, tag="remove_pipes"):
    """Remove the worker's FIFOs."""


class AddInbox(Action, frozen=True, tag="add_inbox"):
    """Make the inbox FIFO that stands in `worker`."""


class RemoveInbox(Action, frozen=True, tag="remove_inbox"):
    """Remove the inbox FIFO that stands in `worker`."""


class AddOutbox(Action, frozen=True, tag="add_outbox"):
    """Make the outbox FIFO that stands in `worker`."""


class RemoveOutbox(Action, frozen=True, tag="remove_outbox"):
    """Remove the outbox FIFO that stands in `worker`."""


class AddShared(Action, frozen=True, tag="add_shared"):
    """Make the tasks FIFO of the group that stands in `worker`."""


class RemoveShared(Action, frozen=True, tag="remove_shared"):
    """Remove the tasks FIFO of the group that stands in `worker`: no worker reads it any more."""


class Adopt(Action, frozen=True, tag="adopt"):
    """Take charge of a run that lives already. `held`, here and in `Start` and `Take`: it gets no tasks, from the first
    moment on."""

    run: str
    held: bool = False


class Start(Action, frozen=True, tag="start"):
    """Start a new run; `pane_id` is the dead pane to reuse, None for a new session."""

    group: str
    fingerprint: str
    pane_id: str | None = None
    fields: tuple[str, ...] = ()
    miss: str = ""
    """Why no spare of the group's pool was taken, in words; empty where none could be expected."""
    held: bool = False


class Take(Action, frozen=True, tag="take"):
    """The spare becomes the worker, in place of a start: its session, its FIFOs and its run."""

    spare: str
    run: str
    group: str
    session_id: str
    pane_id: str
    former: str | None = None
    """Id of the dead session that the worker has; it is removed."""
    age: float = 0.0
    """Seconds since the spare was started."""
    held: bool = False


class Hold(Action, frozen=True, tag="hold"):
    """Give the worker no new task (`held`), or tasks again."""

    held: bool


class Stop(Action, frozen=True, tag="stop"):
    """The run is to end; its process tree is looked at from the next pass on."""

    run: str
    fields: tuple[str, ...] = ()


class Keys(Action, frozen=True, tag="keys"):
    """Type into the terminal of a run that is to end: names of keys as tmux has them, or text."""

    run: str
    pane_id: str
    keys: tuple[str, ...]


class Signal(Action, frozen=True, tag="signal"):
    """Send a signal to processes of a run."""

    run: str
    signal: str
    members: tuple[Member, ...]


class End(Action, frozen=True, tag="end"):
    """The run's first process is gone: collect its last results and what it left unread."""

    run: str
    status: int | None = None
    signal: int | None = None


class Swept(Action, frozen=True, tag="swept"):
    """No process of the ended run is left: its tasks may be given to others."""

    run: str


class Rest(Action, frozen=True, tag="rest"):
    """The worker is not started again by itself. `retry_in`: it is in quarantine, and tried in so many seconds."""

    retry_in: float | None = None


class Release(Action, frozen=True, tag="release"):
    """The worker has been up for long enough: its quarantine is over."""


class MassDeath(Action, frozen=True, tag="mass_death"):
    """Many workers died at once. It is about the whole fleet: `worker` is empty."""

    workers: tuple[str, ...]
    """As far as they were known to be dead when it was noticed."""
    living: int
    """Workers that still live."""


class Revived(Action, frozen=True, tag="revived"):
    """Those who died with many others are up again. It is about the whole fleet: `worker` is empty."""

    workers: tuple[str, ...]
    """All that died."""
    took: float
    """Seconds."""
    left: tuple[str, ...] = ()
    """Of these, those that are not up after all the time there is for it."""


MemoryWord = Literal[
    "memory_warning",
    "memory_recycle",
    "memory_kill",
    "memory_limit_too_low",
    "memory_hold",
    "memory_hold_over",
]
"""What is told of memory; the event has the same name."""


class MemoryNote(Action, frozen=True, tag="memory_note"):
    """What a sample of memory has shown. It is about a worker, about the group that stands in `worker`, or (empty)
    about the fleet; where somebody has to go for a total, `worker` is who, and `scope` for whose limit."""

    what: MemoryWord
    scope: Scope
    bytes: int
    """Used by what `scope` says."""
    limit: int | None


class Approve(Action, frozen=True, tag="approve"):
    """All workers of the group that stands in `worker` are healthy with this fingerprint: it is what to go back to."""

    fingerprint: str


class RollBack(Action, frozen=True, tag="roll_back"):
    """The change of the group that stands in `worker` to this fingerprint has failed: back to the last good one."""

    fingerprint: str
    message: str
    """What failed, in words."""


class RemoveSession(Action, frozen=True, tag="remove_session"):
    session_id: str


class Rename(Action, frozen=True, tag="rename"):
    session_id: str


class LogTo(Action, frozen=True, tag="log_to"):
    pane_id: str


class Nudge(Action, frozen=True, tag="nudge"):
    """Make tmux reap a child whose end it has not reported (3.3a)."""


AnyAction = (
    AddPipes
    | RemovePipes
    | AddInbox
    | RemoveInbox
    | AddOutbox
    | RemoveOutbox
    | AddShared
    | RemoveShared
    | Adopt
    | Start
    | Take
    | Hold
    | Stop
    | Keys
    | Signal
    | End
    | Swept
    | Rest
    | Release
    | MassDeath
    | Revived
    | MemoryNote
    | Approve
    | RollBack
    | RemoveSession
    | Rename
    | LogTo
    | Nudge
)
