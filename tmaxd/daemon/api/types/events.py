"""Events as the API gives them."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to the fleet, a group or a worker. docs/events.md says what each one means."""

    seq: int
    """Grows with each event of the fleet, also over restarts of the daemon."""
    at: float
    first: float
    """When it happened for the first time, where `count` is more than 1."""
    count: int
    """A repeat within ten minutes takes the place of what it repeats."""
    level: str
    """`info`, `warning`, `error`."""
    event: str
    worker: str
    """Empty where it is about no single worker."""
    group: str
    reason: str
    fields: dict[str, Any]


class EventList(msgspec.Struct, frozen=True):
    events: tuple[Event, ...]
