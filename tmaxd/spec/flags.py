"""Feature flags: one table. What the file may name, what each does, and the page about them, are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    default: bool
    owner: str
    """The key of the spec, or the part of tmaxd, that it switches."""
    about: str
    off: str
    """What "off" means."""


FLAGS: Final[dict[str, Flag]] = {
    "parallel_spawn": Flag(
        default=True,
        owner="workers",
        about="All workers that are due are started in one round trip to tmux.",
        off="One worker is started at a time, the next when that one is ready (or has failed).",
    ),
    "session_pool": Flag(
        default=True,
        owner="pool",
        about="Booted spares are kept, and taken when a worker has to be started.",
        off="No spares are kept, and those there are go; every start is a cold one.",
    ),
    "dedicated_pipes": Flag(
        default=True,
        owner="pipes.layout",
        about="Each worker has a tasks FIFO of its own, where nothing else is said.",
        off="Groups whose layout nobody has set, and that can, share one tasks FIFO (`layout: shared`).",
    ),
    "batching": Flag(
        default=True,
        owner="workers.*.window",
        about="Many tasks go to a worker in one frame and one write.",
        off="Each task is a frame and a write of its own, for workers that take batches, too.",
    ),
    "memory_governor": Flag(
        default=True,
        owner="memory",
        about="The thresholds of `memory` act: warn, hold, recycle, kill.",
        off="Memory is measured and shown, and nobody is held back, replaced or killed for it.",
    ),
    "memory_forecast": Flag(
        default=False,
        owner="memory",
        about="An idle worker whose growth will reach `recycle` before long is replaced beforehand.",
        off="A worker is replaced when it has exceeded a threshold, not before.",
    ),
    "orphan_cleanup": Flag(
        default=True,
        owner="cleanup",
        about="Processes that carry our mark and belong to no living run are ended, each minute or as `cleanup` says.",
        off="They are left alone; `tmaxctl cleanup orphans --dry-run` still shows them.",
    ),
    "ttl_cleanup": Flag(
        default=True,
        owner="cleanup",
        about="The schedules of `cleanup` run, and entries of the memory store go when their time is over.",
        off="Nothing is cleaned up by itself. Entries whose time is over are still not to be had.",
    ),
    "hot_reload": Flag(
        default=True,
        owner="the file",
        about="A saved file is taken over at once.",
        off="A saved file waits for `tmaxctl reload`, unless it turns this flag on.",
    ),
    "auto_rollback": Flag(
        default=True,
        owner="workers.*.rollout.rollback",
        about="A group whose changed workers fail goes back to its last good revision by itself.",
        off="The change stops where it is; `tmaxctl rollback` goes back.",
    ),
}


def effective(said: Mapping[str, bool], name: str) -> bool:
    """What holds for a flag where nobody overrides the file. Raises KeyError for one that there is not."""
    return said.get(name, FLAGS[name].default)
