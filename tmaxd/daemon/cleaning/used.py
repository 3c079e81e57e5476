"""Which names are in use: what stands under others belongs to nobody."""

from __future__ import annotations

from tmaxd.daemon.fleet import Fleet
from tmaxd.plan.draft import is_spare, split


def is_used(fleet: Fleet, name: str) -> bool:
    """The name of a worker, group, inbox or outbox that there is, or may be.

    A run that was a spare keeps the spool of the spare's name, whatever it is called by now. So the names of spares
    are in use as long as their group is there or anything of it lives."""
    want, fifos = fleet.desired.wanted, fleet.executor.fifos
    public = want.inboxes | want.outboxes | fifos.inboxes | fifos.outboxes | fifos.shared
    workers = {worker for worker, _ in fleet.runs.all()} | fleet.state.look.observed.seen.keys()
    if name in public or name in want.groups or name in workers:
        return True
    group, number = split(name)
    wanted = want.groups.get(group)
    if wanted is None:
        return any(split(worker)[0] == group for worker in workers)
    return is_spare(name) or number <= wanted.count + wanted.rollout.surge
