"""The order in which the actions of one pass are performed: ends before starts, repairs last."""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.plan import actions as a
from tmaxd.plan.draft import split

PHASES: tuple[type[a.Action], ...] = (
    a.Revived,
    a.MassDeath,
    a.End,
    a.Rest,
    a.MemoryNote,
    a.Swept,
    a.Release,
    a.Approve,
    a.RollBack,
    a.Signal,
    a.Hold,
    a.Stop,
    a.Keys,  # whose loss costs no more than the time until the signal
    a.Nudge,
    a.LogTo,  # before the pane that has last words is used again or removed
    a.RemoveSession,
    a.RemovePipes,
    a.RemoveShared,
    a.RemoveInbox,
    a.RemoveOutbox,
    a.AddPipes,
    a.AddShared,
    a.AddInbox,
    a.AddOutbox,
    a.Take,  # at once; a start takes its time
    a.Start,
    a.Adopt,
    a.Rename,
)
"""Up to Stop nothing waits for tmux. If tmux does not answer, the pass breaks off there; by then all that the
planner remembers as done has been done, and what is behind is planned anew from what is seen."""
_PHASE = {kind: index for index, kind in enumerate(PHASES)}


def in_order(items: Iterable[a.AnyAction]) -> tuple[a.AnyAction, ...]:
    """By phase, then group, then number; so that two passes over one world do the same in the same order."""
    return tuple(sorted(items, key=lambda item: (_PHASE[type(item)], *split(item.worker))))
