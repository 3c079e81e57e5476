"""The order of groups (`after`): who may start yet, and, while groups go away, who must stay a little longer.

Only starts and stops wait. A worker that lives is left alone when a group that it comes after falls back. All is read
from what was observed and remembered before this pass, so that it does not matter who is planned first.
"""

from __future__ import annotations

from tmaxd.plan.draft import Draft, split
from tmaxd.plan.rules import Condition
from tmaxd.plan.wanted import WantedGroup


def waits_for(d: Draft, group: str) -> str:
    """What a start in the group waits for, in words such as `db: ready`; empty when nothing keeps it back."""
    found = d.unmet.get(group)
    if found is None:
        found = d.unmet[group] = _first_unmet(d, d.wanted.groups.get(group))
    return found


def failed_ahead(d: Draft, group: str) -> str:
    """The group that has failed for good and so keeps a start in this one back, until somebody does something about
    it: the one that is waited for, or one that keeps that one back in turn. Empty: time alone may help."""
    name = waits_for(d, group).partition(":")[0]
    if not name:
        return ""
    found = d.failed_ahead.get(name)
    if found is None:
        d.failed_ahead[name] = ""  # should there be a circle after all
        found = name if _has_failed(d, name) else failed_ahead(d, name)
        d.failed_ahead[name] = found
    return found


def _has_failed(d: Draft, name: str) -> bool:
    """Some worker of it is not started again by itself, though it has not ended well."""
    workers = (f"{name}-{number}" for number in d.chosen.get(name, ()))
    slots = d.history.slots
    return any(
        (slot := slots.get(worker)) is not None
        and slot.rest not in (None, "finished", "operator_stop")
        for worker in workers
        if not d.intent(worker).stopped
    )


def needed_by(d: Draft, group: str) -> str:
    """While groups are going away: a group that comes after this one and of which something lives, so that this one
    is not stopped yet; empty when there is none. `workers` asks it before it retires a worker that is not wanted."""
    want = d.wanted
    if not d.observed.down and group in want.groups:
        return ""
    going = {**want.former, **want.groups} if d.observed.down else want.former
    for name in sorted(going):
        if name != group and any(other == group for other, _ in going[name].after):
            if d.living is None:
                d.living = _living(d)
            if name in d.living:
                return name
    return ""


def _first_unmet(d: Draft, group: WantedGroup | None) -> str:
    for name, condition in group.after if group is not None else ():
        if not _holds(d, name, condition):
            return f"{name}: {condition}"
    return ""


def _holds(d: Draft, name: str, condition: Condition) -> bool:
    """Of all workers that the group should have. Those that an operator has stopped are not waited for, unless there
    is no other. A group that should have none holds nobody up."""
    other = d.wanted.groups.get(name)
    numbers = d.chosen.get(name)
    if other is None or not numbers:
        return True
    workers = [w for n in numbers if not d.intent(w := f"{name}-{n}").stopped]
    return bool(workers) and all(_is_so_far(d, w, other, condition) for w in workers)


def _is_so_far(d: Draft, worker: str, group: WantedGroup, condition: Condition) -> bool:
    slot = d.history.slots.get(worker)
    if slot is not None and slot.rest == "finished":
        return True  # whoever ended well has been all the rest before
    run = d.observed.runs.get(worker)
    leaving = slot is not None and slot.stopping is not None
    if condition == "finished" or leaving or run is None or not (run.alive and run.adopted):
        return False
    if condition == "started":
        return True
    if condition == "ready" or not run.ready:
        return run.ready
    return run.healthy is True if group.checked else run.healthy is not False


def _living(d: Draft) -> frozenset[str]:
    """Groups of which a process may live: what a run has left behind counts too."""
    o = d.observed
    names = {worker for worker, seen in o.seen.items() if seen.alive}
    names.update(o.runs, (item.worker for item in d.history.sweeps.values()))
    return frozenset(split(worker)[0] for worker in names)
