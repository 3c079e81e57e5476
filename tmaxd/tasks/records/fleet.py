"""Records of the fleet that are not about tasks or runs: what happened, and what must outlive the daemon."""

from __future__ import annotations

import msgspec


class EventNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something happened. Times are wall times."""

    seq: int
    """Grows with each, and is never used again."""
    at: float
    first: float
    """When it happened for the first time, where it is a repeat."""
    count: int
    """How often, in all."""
    level: str
    name: str
    worker: str
    group: str
    reason: str
    fields: str
    """The rest, as a JSON object."""
    replaces: int | None = None
    """The event of the same kind that this one repeats; it is forgotten."""


class EventsForgotten(msgspec.Struct, frozen=True, gc=False):
    """Events up to this number, and those before this time, are too many or too old."""

    up_to: int
    before: float


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A small thing to be remembered under a name, in place of what was there. None: to be forgotten."""

    name: str
    text: str | None


FleetRecord = EventNoted | EventsForgotten | Kept
