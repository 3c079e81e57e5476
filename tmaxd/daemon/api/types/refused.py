"""The answer to a request that was refused."""

from __future__ import annotations

import msgspec

from tmaxd.tasks.records import State


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request that was refused."""

    error: str
    """A fixed word."""
    message: str
    """What, where, why, and what to do."""
    ranges: tuple[tuple[int, int], ...] | None = None
    """Submit only: what was accepted all the same: everything before the refused tasks, and perhaps some that were on
    their way together with them."""
    accepted: int | None = None
    existing: tuple[int, ...] | None = None
    existing_states: tuple[State, ...] | None = None
