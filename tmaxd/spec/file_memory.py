"""The file format, `memory`, `max_tasks` and `max_age`: how much workers may use, and when they are replaced."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_restart import Part
from tmaxd.spec.file_types import help_of
from tmaxd.spec.limits import Samples
from tmaxd.spec.units import Size
from tmaxd.spec.values import LEASE, Deadline, Positive


class ThresholdKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    warn: Annotated[
        Size | UnsetType | None,
        help_of("Beyond it there is an event and a mark in the status.", "400MiB"),
    ] = UNSET
    recycle: Annotated[
        Size | UnsetType | None,
        help_of(
            "Beyond it a worker is replaced by a fresh one at its next idle moment; it gets no more tasks until then. "
            "One that somebody is attached to, or that is pinned, is only marked.",
            "800MiB",
        ),
    ] = UNSET
    kill: Annotated[
        Size | UnsetType | None,
        help_of(
            "Beyond it a worker is killed at once, whatever it does, and replaced. Its task has had one attempt more.",
            "1500MiB",
        ),
    ] = UNSET
    samples: Annotated[
        Samples | UnsetType | None,
        help_of("So many samples in a row have to be beyond a threshold.", 1, default=3),
    ] = msgspec.field(default=UNSET, name="for")


class TotalMemoryKeys(ThresholdKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much all workers of a group may use together. Where it is too much, one of them goes at a time: those that
    are furthest beyond their own threshold first, then the largest; idle ones before busy ones."""


class WorkerMemoryKeys(ThresholdKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each worker may use, with all the processes that it has started; for groups that do not say their
    own."""

    deadline: Annotated[
        Deadline | UnsetType | None,
        help_of(
            "How long a worker that is to be replaced may go on with the tasks it has. Then it is stopped all the "
            "same, and the tasks go to others. `never`: they take as long as they take.",
            "1h",
            "never",
            default="10m",
        ),
    ] = UNSET
    high: Annotated[
        Size | UnsetType | None,
        help_of(
            "`memory.high` of the worker's cgroup: beyond it the kernel slows the worker down and takes memory back. "
            "Only where workers have cgroups of their own; `status` says whether they have.",
            "1GiB",
        ),
    ] = UNSET
    max: Annotated[
        Size | UnsetType | None,
        help_of(
            "`memory.max` of the worker's cgroup: beyond it the kernel kills, faster than any sample. Only where "
            "workers have cgroups of their own.",
            "2GiB",
        ),
    ] = UNSET


class GroupMemoryKeys(WorkerMemoryKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each worker of the group may use, with all the processes that it has started. Over what `memory.worker`
    says. Each threshold is at least 1MiB, and not less than the one that comes before it. A worker that is replaced or
    killed for its memory has not crashed."""

    total: Annotated[
        TotalMemoryKeys | UnsetType | None,
        help_of("How much all workers of the group may use together.", {"recycle": "4GiB"}),
    ] = UNSET


class FleetMemoryKeys(ThresholdKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the whole fleet may use: all workers and spares, the tmux server and tmaxd. Where it is too much, one
    worker goes at a time, as with `workers.GROUP.memory.total`."""

    hold: Annotated[
        Size | UnsetType | None,
        help_of(
            "Beyond it no worker is started and no spare is booted, until it is below again.",
            "6GiB",
        ),
    ] = UNSET


class MemoryKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How memory is measured, and how much may be used. Where several files say it, those of an included file lie below
    those of the including one."""

    sample: Annotated[
        Positive | UnsetType | None,
        help_of(
            "How often it is measured, at least 1s. A sample of 128 workers costs tens of milliseconds.",
            "10s",
            default="5s",
        ),
    ] = UNSET
    worker: Annotated[
        WorkerMemoryKeys | UnsetType | None,
        help_of(
            "How much each worker may use, in all groups. `defaults` and the groups lie over it.",
            {"warn": "400MiB", "recycle": "800MiB", "kill": "1500MiB", "for": 3},
        ),
    ] = UNSET
    fleet: Annotated[
        FleetMemoryKeys | UnsetType | None,
        help_of("How much the fleet may use.", {"hold": "6GiB", "kill": "8GiB"}),
    ] = UNSET
    keep_free: Annotated[
        Size | UnsetType | None,
        help_of(
            "What the machine keeps available: a start that would leave less waits. Default: nothing is asked.",
            "1GiB",
        ),
    ] = UNSET


class AgeKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a worker is old."""

    after: Annotated[
        Positive | UnsetType | None,
        help_of("It has run for so long, at least 1s; always needed.", "24h"),
    ] = UNSET
    jitter: Annotated[
        Part | UnsetType | None,
        help_of(
            "Each run's age is shortened by up to this part of it, so that workers of one age do not go together.",
            0.5,
            default=0.1,
        ),
    ] = UNSET


Age = Annotated[str, Meta(pattern=LEASE)]
"""A duration above zero, or `never`. Not the type `Lease`, which msgspec cannot tell from a mapping."""
