"""What the planner's small world is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tmaxd.daemon.budgets import TOLD_BY_THE_PANE
from tmaxd.plan import actions as a
from tmaxd.plan.draft import is_spare
from tmaxd.plan.history import Slot

ADDS: Mapping[type[a.Action], str] = {
    a.AddPipes: "pipes",
    a.AddInbox: "inboxes",
    a.AddOutbox: "outboxes",
    a.AddShared: "shared",
}
REMOVES: Mapping[type[a.Action], str] = {
    a.RemovePipes: "pipes",
    a.RemoveInbox: "inboxes",
    a.RemoveOutbox: "outboxes",
    a.RemoveShared: "shared",
}
"""To or from which set of the world they put or take a name."""


@dataclass
class Proc:
    pid: int
    run: str
    """`TMAX_RUN` in its environment; empty for a process that a human started."""
    ignores: frozenset[str] = frozenset()


@dataclass
class Session:
    id: str
    name: str
    worker: str
    """Empty: not ours."""
    run: str
    fingerprint: str
    pid: int
    dead: bool = False
    told: bool = True
    """tmux says how the process ended: at once, after a nudge (`mute` 1) or never (2)."""
    mute: int = 0
    piped: bool = False
    attached: int = 0


@dataclass
class Live:
    """A run as the daemon's registry has it, and as the journal records it."""

    run: str
    worker: str
    pid: int
    server: int
    started: float
    takes_tasks: bool
    adopted: bool = True
    ready: bool = False
    ready_at: float | None = None
    healthy: bool | None = None
    healthy_since: float | None = None
    cut_off: bool = False


@dataclass
class Life:
    """A run as the dispatcher has it."""

    worker: str
    tasks: int = 0
    hung: bool = False
    overdue: bool = False
    silent: bool = False
    ended: int = 0


def budgets(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """What the next daemon remembers of those that crashed, as `daemon/budgets.py` keeps it."""
    return {
        worker: msgspec.structs.replace(
            slot, stopping=None, hold=None, held_since=None, dying=None, changed=()
        )
        for worker, slot in slots.items()
        if slot.crashes and slot.rest not in TOLD_BY_THE_PANE and not is_spare(worker)
    }
