"""The file format, `cleanup`: what is cleaned up, and when."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import Groups, help_of
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import What
from tmaxd.spec.values import Positive

Paths = str | Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]


class CleanupKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clean-up: what goes, and when; exactly one of `every` and `cron`. Times that are missed become one. `tmaxctl
    cleanup --dry-run` shows what would go now."""

    what: Annotated[
        What,
        help_of(
            "`tasks`: finished and cancelled tasks, with their results. `dead`: tasks that ended without a result. "
            "`payloads`: files of payloads and results that no task needs. `logs`: what workers wrote. `events`: the "
            "fleet's events. `memory`: entries of the memory store. `stale`: FIFOs and sessions of groups that there "
            "are no more. `orphans`: processes that carry our mark and belong to no living worker. `files`: files of "
            "your own.",
            "tasks",
        ),
    ]
    ttl: Annotated[
        Duration | UnsetType | None,
        help_of(
            "Only what is older: since the task ended, the event happened, the file or the entry was last written. Has "
            "to be said with `tasks`, `dead`, `events` and `files`; not with `orphans`. `0s`: whatever its age.",
            "7d",
        ),
    ] = UNSET
    every: Annotated[
        Positive | UnsetType | None,
        help_of("How often, at least 1s. Goes on over restarts of tmaxd.", "10m"),
    ] = UNSET
    cron: Annotated[
        str | UnsetType | None,
        help_of(
            "When, in the five fields of crontab(5): minute, hour, day of the month, month, day of the week. In "
            "quotes.",
            "0 4 * * *",
            "*/15 8-18 * * mon-fri",
        ),
    ] = UNSET
    zone: Annotated[
        str | UnsetType | None,
        help_of(
            "(with `cron`) The time zone by its IANA name. Default: that of the machine.",
            "Europe/Berlin",
            "UTC",
        ),
    ] = UNSET
    jitter: Annotated[
        Duration | UnsetType | None,
        help_of(
            "Each time is put off by up to so long, so that many fleets do not begin at once. With `every`, shorter "
            "than that.",
            "30s",
            default="0s",
        ),
    ] = UNSET
    groups: Annotated[
        Groups | UnsetType | None,
        help_of(
            "(`tasks`, `dead`, `logs`) Only of these groups. Default: all.",
            "check",
            ["check", "echo"],
        ),
    ] = UNSET
    namespaces: Annotated[
        Groups | UnsetType | None,
        help_of("(`memory`) Only these namespaces. Default: all.", "notes", ["notes", "cache"]),
    ] = UNSET
    max_size: Annotated[
        Size | UnsetType | None,
        help_of(
            "(`logs`) What all of them may take together, at least 64KiB; the oldest go first. Default: no limit.",
            "1GiB",
        ),
    ] = UNSET
    compress: Annotated[
        bool | UnsetType | None,
        help_of("(`logs`) Whether rotated ones are compressed (gzip).", True, default=False),
    ] = UNSET
    files: Annotated[
        Paths | UnsetType | None,
        help_of(
            "(`files`) What goes: paths with `*`, `?`, `[…]`, and `**` for any number of folders; relative to the file "
            "this stands in, without `..`. Each lies in one of `roots`. One that ends with `/` is of empty folders.",
            "work/*.tmp",
            ["~/scratch/**/*.log", "~/scratch/**/"],
        ),
    ] = UNSET
    roots: Annotated[
        Paths | UnsetType | None,
        help_of(
            "(`files`) The folders that all of it has to lie in. No link is followed out of them, and nothing of "
            "another file system is touched. Not `/`, and none that holds or lies in the folders of tmaxd.",
            "work",
            ["~/scratch"],
        ),
    ] = UNSET
    apply: Annotated[
        bool | UnsetType | None,
        help_of(
            "`false`: it is only told what would go. Default: true, and false for `files`.", True
        ),
    ] = UNSET
