"""The revival after a mass death: one event when all who died are up again, as their death was one.

What happens to each of them until then is part of it, and not told by itself. What somebody has to know does get told:
a start that fails, a worker that ends again or is not started any more.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import Revived
from tmaxd.plan.draft import Draft, split

LONGEST = 60.0
"""Seconds from the death to the event at the latest: a program that takes longer to be ready than this is told of as
one that is not up."""


def look_after_revival(d: Draft) -> None:
    """Goes on with the one that is under way, or ends it. To be called before the next one is looked for."""
    before = d.history.revival
    if before is None:
        return
    waiting = frozenset(w for w in before.waiting if _is_awaited(d, w))
    end = before.at + LONGEST
    if waiting and d.now < end:
        d.revival = msgspec.structs.replace(before, waiting=waiting)
        d.wake(end)
        return
    d.actions.append(
        Revived(
            worker="",
            reason=before.reason,
            workers=tuple(sorted(before.died, key=split)),
            left=tuple(sorted(waiting, key=split)),
            took=d.now - before.at,
        )
    )


def _is_awaited(d: Draft, worker: str) -> bool:
    """False: it is up, or something else has become of it, which has an event of its own."""
    run, slot = d.observed.runs.get(worker), d.slots.get(worker)
    if run is not None and run.here:
        return run.alive and not run.ready
    if run is not None:
        return True
    if slot is None or slot.last_exit is None or worker in d.observed.failed:
        return False  # cleared away, or it could not be started
    return slot.rest is None and slot.last_exit.reason != "start_failed"
