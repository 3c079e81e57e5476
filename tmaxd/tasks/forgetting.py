"""Tasks that are over are forgotten, slice by slice, by the disk. Memory holds none of them, but perhaps old words
about them: whoever wants one to be tried again may have been told that it is there."""

from __future__ import annotations

from tmaxd.tasks import events as ev
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.searches import RetryOrder


def forget(m: Memory, event: ev.Forget) -> None:
    for search in m.searches.open.values():
        # It is answered before this slice is gone and comes after it: so it is asked once more.
        if isinstance(search.order, RetryOrder):
            search.changed |= search.ids
    m.out.queries.append(ev.PurgeTasks(event.token, event.wish))


def purged(m: Memory, event: ev.TasksPurged) -> None:
    if event.purged is not None:
        for name, counts in event.purged.counts.items():
            group = m.group(name)
            group.done -= counts.get("done", 0)
            group.dead -= counts.get("dead", 0)
            group.cancelled -= counts.get("cancelled", 0)
    m.out.effects.append(ev.Forgotten(event.token, event.purged, event.trouble))
