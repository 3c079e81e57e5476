"""What a fake journal forgets: `Journal.purge` over tasks in plain dictionaries. It knows no blocks, so no task stays
because of others that it was submitted with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tmaxd.tasks.records import Purge, Purged, Span, State
from tmaxd.testing.durable import Durable

GOES: dict[str, frozenset[State]] = {
    "tasks": frozenset({"done", "cancelled"}),
    "dead": frozenset({"dead"}),
}


def purge(disk: Durable, wish: Purge) -> Purged:
    if wish.what == "events":
        return _events(disk, wish)
    found = sorted(
        (
            (e.row.ended or 0.0, task, e)
            for task, e in disk.entries.items()
            if e.row.state in GOES[wish.what] and e.lease is None
        ),
        key=lambda found: found[:2],
    )
    gone = [
        (at, task, e)
        for at, task, e in found
        if at < wish.before
        and (at, task) > wish.after
        and (not wish.groups or e.row.group in wish.groups)
    ]
    some = gone[: wish.limit]
    counts: dict[str, Counter[State]] = {}
    for _, task, entry in some:
        counts.setdefault(entry.row.group, Counter())[entry.row.state] += 1
        if not wish.dry:
            _forget(disk, task)
    return Purged(
        count=len(some),
        bytes=sum(len(e.payload) + len(e.result or "") for *_, e in some),
        spans=tuple(Span(e.row.group, task, task) for _, task, e in some),
        files=tuple(e.result_file for *_, e in some if e.result_file is not None),
        counts=counts,
        next=some[-1][:2] if len(gone) > len(some) else None,
    )


def _forget(disk: Durable, task: int) -> None:
    row = disk.entries.pop(task).row
    if row.key is not None:
        del disk.keys[row.group, row.key]


def _events(disk: Durable, wish: Purge) -> Purged:
    old = [seq for seq, event in sorted(disk.notes.events.items()) if event.at < wish.before]
    some = [seq for seq in old if seq > wish.after[1]][: wish.limit]
    size = sum(len(disk.notes.events[seq].fields) for seq in some)
    if not wish.dry:
        for seq in some:
            del disk.notes.events[seq]
    more = len(some) < len([seq for seq in old if seq > wish.after[1]])
    return Purged(count=len(some), bytes=size, next=(0.0, some[-1]) if more else None)


def named(disk: Durable) -> frozenset[str]:
    """The files that results stand in."""
    return frozenset(e.result_file for e in disk.entries.values() if e.result_file is not None)


def result_files(disk: Durable, tasks: Sequence[int]) -> dict[int, str | None]:
    there = {task: disk.entries[task] for task in tasks if task in disk.entries}
    return {task: None if e.waits else e.result_file or "" for task, e in there.items()}
