"""What an operator asks of groups and workers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Do = Literal["start", "stop", "drain", "restart", "pause", "resume", "pin", "unpin", "scale"]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It holds over what the file says, and outlives the daemon. The later of two orders wins."""

    do: Do
    """`stop` lets tasks in hand go on for as long as `stop.drain` says, `drain` for as long as they take. `restart`
    replaces the runs that live now, few at a time, as a change of the file does. `pause` gives no new tasks. `pin`
    keeps a worker from being replaced for a change of the file. `scale` sets how many workers a group has."""
    targets: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    """Groups and workers; where a name is both, the group."""
    all: bool = False
    """All groups, in place of targets."""
    now: bool = False
    """Of `stop` and `restart`: at once, whatever is busy, attached or pinned."""
    count: Annotated[int, Meta(ge=0, le=1000)] | None = None
    """Of `scale`."""


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """It is on disk; what follows from it shows in the status."""

    do: Do
    groups: tuple[str, ...]
    """Groups among the targets."""
    workers: tuple[str, ...]
    """All workers it is about."""
