"""What the parts of the API's facade that are about the fleet have in common."""

from __future__ import annotations

import asyncio

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.intents import Target
from tmaxd.daemon.names import no_target
from tmaxd.plan.draft import is_spare, split
from tmaxd.ports import Journal
from tmaxd.spec.model import Spec

PATIENCE = 10.0
"""Seconds that an order waits for the disk."""


class UnknownTarget(Exception):
    """No group and no worker has this name; the text says which there are."""


class FleetFace:
    """Everything here runs in the loop's thread."""

    _fleet: Fleet
    _journal: Journal

    def _spec(self) -> Spec:
        """The one that holds."""
        in_force = self._fleet.desired.spec_file.in_force
        return (
            in_force.spec
            if in_force
            else Spec(fleet=self._fleet.desired.spec_file.fleet, workers={})
        )

    def _failed_changes(self) -> tuple[t.FailedChange, ...]:
        """Of the groups that the file has: what it says of them has failed, and what was good before holds instead."""
        revisions = self._fleet.desired.revisions
        if not revisions.any_failed:
            return ()
        return tuple(
            t.FailedChange(
                group=name,
                revision=failed.revision,
                to=revisions.revision_of(name),
                message=failed.message,
                at=failed.at,
            )
            for name in self._spec().workers
            if (failed := revisions.failed(name)) is not None
        )

    async def _durable(self) -> None:
        """Returns when everything that was noted so far is on disk: batches become durable in their order."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._fleet.journal.write(())
        except TimeoutError:
            raise Denied(
                "journal",
                f"the disk has not confirmed the order within {PATIENCE:.0f} s: it holds, and is lost if the "
                "daemon ends before it does",
            ) from None

    def _target(self, name: str) -> Target:
        """A group or a worker; where both have the name, the group. Raises UnknownTarget."""
        spec = self._spec()
        if name in spec.workers:
            return Target("group", name)
        target = Target("worker", name)
        if name not in self._workers_of(Target("group", target.group)):
            raise UnknownTarget(no_target(name, spec))
        return target

    def _workers_of(self, target: Target) -> set[str]:
        """Those that are there, or should be."""
        if target.level == "worker":
            return {target.name}
        fleet, group, spec = self._fleet, target.name, self._spec()
        if group not in spec.workers:
            return set()
        there = {w for w in fleet.runs.live if split(w)[0] == group and not is_spare(w)}
        made = fleet.state.plan
        numbers = made.slots.get(group) if made else None
        if numbers is None:
            count = fleet.desired.intents.count(group, spec.workers[group].count)
            numbers = frozenset(range(1, count + 1))
        return there | {f"{group}-{number}" for number in numbers}
