"""The clean-ups of one daemon, put together from its parts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final, Literal

from tmaxd.daemon.cleaning.cleaner import Cleaner
from tmaxd.daemon.cleaning.logs import LogCleaner, Used
from tmaxd.daemon.cleaning.payloads import PayloadCleaner
from tmaxd.daemon.cleaning.records import RecordCleaner
from tmaxd.daemon.cleaning.runner import Cleaning
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.storecleaner import StoreCleaner
from tmaxd.ports import Files
from tmaxd.ports.logs import Logs
from tmaxd.spec.flags import effective
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup, What

OURS: Final = (Cleanup(what="orphans", every=Duration(60)),)
"""What is cleaned up where the spec says nothing of it."""


def set_up(
    fleet: Fleet,
    files: Files,
    logs: Logs,
    used: Used,
    others: Mapping[What, Cleaner],
    kept: Mapping[str, str],
) -> Cleaning:
    """`others`: those of `orphans`, `stale` and `files`. `used`: whether there is, or may be, a worker of this name."""

    def records(what: What) -> Cleaner:
        journal, purge = fleet.journal, fleet.flow.purge
        if what == "events":
            return RecordCleaner("events", journal.purge, journal.purge, files, fleet.clock)
        kind: Literal["tasks", "dead"] = "dead" if what == "dead" else "tasks"
        return RecordCleaner(kind, purge, journal.purge, files, fleet.clock)

    def entries() -> tuple[Cleanup, ...]:
        in_force = fleet.desired.spec_file.in_force
        said = in_force.spec.cleanup if in_force else ()
        return (*said, *(ours for ours in OURS if all(ours.what != one.what for one in said)))

    def allowed(what: What) -> bool:
        in_force = fleet.desired.spec_file.in_force
        flags = in_force.spec.flags if in_force else {}
        flag = "orphan_cleanup" if what == "orphans" else "ttl_cleanup"
        return effective(flags, flag) and not fleet.down

    cleaners: dict[What, Cleaner] = {
        "tasks": records("tasks"),
        "dead": records("dead"),
        "events": records("events"),
        "payloads": PayloadCleaner(files, fleet.journal),
        "logs": LogCleaner(logs, used),
        "memory": StoreCleaner(fleet.memory),
        **others,
    }
    return Cleaning(
        cleaners,
        entries,
        allowed,
        kept,
        fleet.flow.note,
        fleet.clock,
        fleet.log,
        random.random,
    )
