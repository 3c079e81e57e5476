"""Names that nobody knows, in words: what there is, and which of it may have been meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.spec.model import Spec

MOST_NAMED = 20
"""Names of a list; a fleet of more is better looked at in its status."""


def no_group(group: str, spec: Spec, known: Iterable[str] = ()) -> str:
    """`known`: groups beside those of the spec, which still have tasks."""
    there = dict.fromkeys([*spec.workers, *known])
    return f"no group {_short(group)}{_nearest(group, there)}; groups: {_listed(there)}"


def no_task_group(group: str, spec: Spec) -> str:
    """The same where it has to be one that takes tasks."""
    able = [name for name, wanted in spec.workers.items() if wanted.kind != "run"]
    near = _nearest(group, able)
    return f"no group {_short(group)}{near}; groups that take tasks: {_listed(able)}"


def no_worker(worker: str, spec: Spec) -> str:
    slots = list(_slots(spec))
    ranges = [
        f"{name}-1" if group.count == 1 else f"{name}-1 to {name}-{group.count}"
        for name, group in spec.workers.items()
        if group.count
    ]
    return f"no worker {_short(worker)}{_nearest(worker, slots)}; workers: {_listed(ranges)}"


def no_target(name: str, spec: Spec) -> str:
    """Of an order, which may be about groups and workers."""
    there = [*spec.workers, *_slots(spec)]
    return (
        f"no group or worker {_short(name)}{_nearest(name, there)}; groups: {_listed(spec.workers)}"
    )


def is_slot(worker: str, spec: Spec) -> bool:
    """Whether the spec has such a worker."""
    group, _, number = worker.rpartition("-")
    wanted = spec.workers.get(group)
    if wanted is None or not (number.isascii() and number.isdigit()) or len(number) > 9:
        return False
    return 1 <= int(number) <= wanted.count and str(int(number)) == number


def _slots(spec: Spec) -> Iterable[str]:
    for name, group in spec.workers.items():
        yield from (f"{name}-{number}" for number in range(1, group.count + 1))


def _nearest(name: str, there: Iterable[str]) -> str:
    from difflib import get_close_matches  # 6 ms that only a mistake should cost

    close = get_close_matches(_short(name), list(there), 1)
    return f", did you mean {close[0]}?" if close else ""


def _listed(names: Iterable[str]) -> str:
    all_of = list(names)
    more = len(all_of) - MOST_NAMED
    shown = ", ".join(all_of[:MOST_NAMED]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"
