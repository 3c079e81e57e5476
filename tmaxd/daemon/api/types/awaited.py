"""Waiting for workers to be as somebody wants them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.daemon.api.types.revisions import FailedChange

AwaitFor = Literal[
    "started", "ready", "healthy", "finished", "stopped", "idle", "obeyed", "settled"
]


class Await(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    targets: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    """Groups and workers; none: all groups."""
    for_: AwaitFor = msgspec.field(name="for")
    """`idle`: ready and without tasks. `stopped`: no process of it is left. `obeyed`: all orders are carried out, and
    nothing is under way. `settled`: likewise, and what the file says of its group is in force."""
    timeout: Annotated[float, Meta(ge=0, le=300)] = 30.0
    """Seconds; a client that wants to wait longer asks again."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    state: str
    reason: str
    message: str


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """The answer comes early where it is certain that more time will not do: who has failed for good, or whose change
    has failed, is so until somebody does something."""

    met: bool
    missing: tuple[Missing, ...]
    """The first hundred of those that are not so far."""
    count: int
    """How many those are in all."""
    failed_changes: tuple[FailedChange, ...] = ()
    """(of `settled`) Of the groups that were asked about: what the file says of them has failed and is not in force."""
