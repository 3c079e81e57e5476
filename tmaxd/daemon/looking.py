"""The truths of all conditions, noted after each pass, so that each has the moment since when it is so."""

from __future__ import annotations

from tmaxd.daemon import conditions
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.limits_kept import Limits
from tmaxd.daemon.moments import At, Moments, Truths
from tmaxd.daemon.runs import LiveRun
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import NEW_SLOT


def slots_and_living(fleet: Fleet) -> set[str]:
    """All workers that there are, or should be."""
    made = fleet.state.plan
    names = {f"{g}-{n}" for g, found in (made.slots if made else {}).items() for n in found}
    names.update(w for w in fleet.runs.live if not is_spare(w))
    names.update(w for w in fleet.state.look.observed.seen if not is_spare(w))
    return names


Shape = tuple[int, tuple[tuple[str, int, bool], ...]]
"""How many workers there are; of each group its name, how many there should be, and whether its change has failed."""

Changes = dict[str, list[tuple[int, float]]]
"""Group to what of its workers became another: its place in their rows, and when."""


class Looking:
    """One a daemon."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.workers = Moments()
        self.groups = Moments()
        self.fleet = Moments()
        self.limits = Limits(fleet)
        self.truths: dict[str, Truths] = {}
        """Of each worker, as of the last look."""
        self._shape: Shape | None = None
        """What else than workers decides about groups, as it was in the last look."""

    def look(self, wall: float, fleet: Truths) -> None:
        """`wall`: now; `fleet`: the truths of the fleet."""
        if not self.fleet.same("", fleet):
            self.fleet.note("", fleet, (None,) * len(fleet), wall)
        self.limits.look(wall)
        changed = self._look_at_workers(wall)
        self._look_at_groups(wall, changed)

    def _look_at_workers(self, wall: float) -> Changes:
        fleet, table, moments = self._fleet, conditions.LIVING, self.workers
        live, seen = fleet.runs.live, fleet.state.look.observed.seen
        wall_of = wall - fleet.clock.now()
        truths: dict[str, Truths] = {}
        changed: Changes = {}
        for name in slots_and_living(fleet):
            run, pane = live.get(name), seen.get(name)
            if run is None or not run.alive:
                found, number = conditions.DOWN, None
            else:
                # What was seen may be from before its last start.
                drifted = pane is not None and bool(pane.drift) and pane.run == run.run
                found = table[run.ready_at is not None, run.healthy, drifted]
                number = run.run
            truths[name] = found
            if not moments.same(name, found, number):
                at = self._moments(name, run, found, wall_of)
                new = moments.note(name, found, at, wall, number)
                changed.setdefault(split(name)[0], []).extend(new)
        moments.keep(truths)
        self.truths = truths
        return changed

    def _moments(self, name: str, run: LiveRun | None, truths: Truths, wall_of: float) -> At:
        """When it became so, as far as that was written down. Drift was not: who sees it has noticed it now."""
        last = self._fleet.history.slots.get(name, NEW_SLOT).last_exit
        ended = None if last is None else last.at + wall_of
        if run is None or not run.alive:
            return (ended,) * len(truths)
        began = run.started_wall
        before = began if ended is None else ended
        ready = before if run.ready_at is None else run.ready_at + wall_of
        since = run.healthy_since
        healthy = before if run.healthy is None or since is None else since + wall_of
        fresh = truths[3] == "True" and not self.workers.knows(name, run.run) and not run.taken
        return (began, ready, healthy, began if fresh else None)

    def _look_at_groups(self, wall: float, changed: Changes) -> None:
        fleet = self._fleet
        in_force, desired = fleet.desired.spec_file.in_force, fleet.desired
        groups = in_force.spec.workers if in_force else {}
        counts = {name: desired.intents.count(name, group.count) for name, group in groups.items()}
        failed = {name: desired.revisions.failed(name) for name in groups}
        parts = tuple((name, counts[name], failed[name] is not None) for name in groups)
        shape = (len(self.truths), parts)
        if not changed and shape == self._shape:
            return
        self._shape = shape
        own: dict[str, list[Truths]] = {name: [] for name in groups}
        for name, truths in self.truths.items():
            if (group := split(name)[0]) in own:
                own[group].append(truths)
        for name, found in own.items():
            why = failed[name]
            truths = conditions.of_own(found, counts[name], why is not None)
            at = (*_moments(truths, changed.get(name, [])), why.at if why else None)
            if not self.groups.same(name, truths):
                self.groups.note(name, truths, at, wall)
            elif name in changed:
                self.groups.renew(name, at)
        self.groups.keep(own)


def _moments(truths: Truths, changed: list[tuple[int, float]]) -> At:
    """It holds since the last of its workers came to it, and not any more since the first of them lost it."""
    found: list[float | None] = []
    for place, holds in enumerate(truths[:-1]):
        moments = [moment for at, moment in changed if at == place]
        one = max if holds == "True" else min
        found.append(one(moments) if moments else None)
    return found
