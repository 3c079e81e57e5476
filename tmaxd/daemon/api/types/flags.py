"""Feature flags: what each does, what holds of it, and what operators have set."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

LONGEST = 366 * 86_400
"""Seconds for which a flag can be set: what shall last longer belongs into the file."""


class FlagOverride(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator has set a flag to, while that holds over what the file says."""

    flag: str
    value: bool
    file: bool | None
    """What the file says of it; None: nothing, so that the default would hold."""
    instead: bool
    """What would hold without it."""
    at: float
    """When it was set."""
    until: float | None
    """When it is over by itself; None: not before it is taken back, or the file says something else of the flag."""


class FlagStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: bool
    """What holds."""
    since: float | None
    """When it became so."""
    file: bool | None
    """What the file that is in force says; None: nothing."""
    default: bool
    override: FlagOverride | None = None
    owner: str
    """The key of the spec, or the part of tmaxd, that it switches."""
    about: str
    """What it does."""
    off: str
    """What "off" means."""


class FlagList(msgspec.Struct, frozen=True, kw_only=True):
    flags: tuple[FlagStatus, ...]
    """All there are."""


class FlagChange(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}
):
    flag: str
    value: bool | None
    """None: take back what was set."""
    for_: Annotated[float, Meta(gt=0, le=LONGEST)] | None = None
    """Seconds until it is over by itself. Without: until it is taken back, or the file says something else of the
    flag; set to what the file says, it is then taken back."""


class FlagChanged(msgspec.Struct, frozen=True, kw_only=True):
    """It is on disk, and in force."""

    outcome: Literal["set", "unset", "no_change"]
    flag: FlagStatus
