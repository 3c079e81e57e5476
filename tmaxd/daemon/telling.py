"""What was decided about workers, one or many, and only has to be known: its words in the log, and so its event."""

from __future__ import annotations

from tmaxd.daemon.log import EventLog
from tmaxd.plan import actions as a

NAMED = 500
"""Names of workers in one event; it has their number, too."""

Told = a.Rest | a.Release | a.MassDeath | a.Revived | a.MemoryNote

CALM = frozenset({"memory_recycle", "memory_hold_over"})
"""What is told of memory and is no warning."""


def tell_of(item: Told, log: EventLog) -> None:
    match item:
        case a.Rest(reason="finished"):
            log.info("resting", worker=item.worker, reason=item.reason)
        case a.Rest(retry_in=None):
            log.warning("resting", worker=item.worker, reason=item.reason)
        case a.Rest():
            wait = item.retry_in
            log.warning("quarantined", worker=item.worker, reason=item.reason, retry_in=wait)
        case a.Release():
            log.info("quarantine_over", worker=item.worker, reason=item.reason)
        case a.MassDeath():
            log.warning(
                "mass_death",
                reason=item.reason,
                died=len(item.workers),
                living=item.living,
                workers=item.workers[:NAMED],
            )
        case a.Revived():
            _revived(item, log)
        case a.MemoryNote():
            _memory(item, log)


def _memory(item: a.MemoryNote, log: EventLog) -> None:
    """Of a total it is told whose, and of a worker that has to go for it, which."""
    whose = {"group": item.worker} if item.scope == "group" else {"worker": item.worker}
    if item.what in ("memory_recycle", "memory_kill"):
        whose = {"worker": item.worker}
    level = log.info if item.what in CALM else log.warning
    level(
        item.what,
        **whose,
        reason=item.reason,
        scope=item.scope,
        bytes=item.bytes,
        limit=item.limit,
    )


def _revived(item: a.Revived, log: EventLog) -> None:
    """Who is not up stands in `left`."""
    level = log.warning if item.left else log.info
    level(
        "revived",
        reason=item.reason,
        died=len(item.workers),
        up=len(item.workers) - len(item.left),
        took=round(item.took, 3),
        left=item.left[:NAMED],
        workers=item.workers[:NAMED],
    )
