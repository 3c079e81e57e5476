"""The file format, `rollout` and `pool`: how a change reaches the workers of a group, and spares for them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import Groups, help_of
from tmaxd.spec.model import MAX_COUNT
from tmaxd.spec.units import Duration
from tmaxd.spec.values import PERCENT, Lease

Number = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Share = Number | Annotated[str, Meta(pattern=PERCENT)]


class RolloutKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change of what a group runs (and a restart of all of it) reaches its workers. Those that have the least to
    do are first; one that has tasks ends them first; one that somebody is attached to, or that is pinned, waits. Parts
    of `count` are written `25%`."""

    max_unavailable: Annotated[
        Share | UnsetType | None,
        help_of(
            "So many workers may be down for the change at once. A part is rounded down, to one at least where there "
            "is no `surge`. 0 only with `surge`.",
            10,
            "25%",
            default=1,
        ),
    ] = UNSET
    surge: Annotated[
        Share | UnsetType | None,
        help_of(
            "So many workers may be started beyond `count` meanwhile. A part is rounded up.",
            1,
            "10%",
            default=0,
        ),
    ] = UNSET
    canary: Annotated[
        Share | UnsetType | None,
        help_of(
            "So many are changed first, and the others when these have been healthy for `canary_for`. A part is "
            "rounded up.",
            1,
            "5%",
            default=0,
        ),
    ] = UNSET
    canary_for: Annotated[
        Duration | UnsetType | None,
        help_of("How long the canaries are watched.", "10m", default="1m"),
    ] = UNSET
    healthy_for: Annotated[
        Duration | UnsetType | None,
        help_of(
            "A changed worker counts as available once it has been ready and healthy for so long.",
            "30s",
            default="500ms",
        ),
    ] = UNSET
    pause: Annotated[
        Duration | UnsetType | None,
        help_of("From one batch of workers to the next.", "10s", default="0s"),
    ] = UNSET
    rollback: Annotated[
        bool | UnsetType | None,
        help_of(
            "Whether the group goes back to what it ran before, by itself, when changed workers fail to become "
            "healthy.",
            False,
            default=True,
        ),
    ] = UNSET


class PoolKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spares: booted workers that have no number yet. A worker that has to be started takes one, which needs no time to
    boot; another one is started in the background. The environment of a process cannot be changed, so in a worker that
    was a spare `TMAX_WORKER` and `TMAX_SPOOL` stay those of the spare; its name by now is what
    `basename "$(readlink -f "$TMAX_PIPES")"` prints, in Python `tmaxd.worker.worker_name()` (docs/protocol.md)."""

    size: Annotated[
        Number | UnsetType | None, help_of("How many spares; 0 is none.", 2, default=1)
    ] = UNSET
    max_age: Annotated[
        Lease | UnsetType | None,
        help_of(
            "A spare that is older is replaced by a fresh one. `never`: they do not age.",
            "10m",
            "never",
            default="1h",
        ),
    ] = UNSET


class PoolsKeys(PoolKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spares for several groups: each of `groups` gets so many. A group's own `pool` lies over it."""

    groups: Annotated[Groups, help_of("The groups that have spares.", "shell", ["shell", "echo"])]
