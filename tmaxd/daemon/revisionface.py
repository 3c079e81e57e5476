"""What the API asks of the daemon about revisions of the spec. A part of the implementation of `api.facade`."""

from __future__ import annotations

import json

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.face import FleetFace
from tmaxd.ports import EventFilter, Revision
from tmaxd.spec.diff import diff
from tmaxd.spec.model import Spec
from tmaxd.spec.resolved import from_text

KEPT = 1000
"""More than the journal keeps."""


class RevisionFacade(FleetFace):
    """Everything here runs in the loop's thread."""

    async def revisions(self) -> t.RevisionList:
        rows = await self._journal.revisions(KEPT)
        taken = self._fleet.desired.spec_file.taken
        in_file = max((row.number for row in rows if row.digest == taken), default=0)
        current = self._number()
        failed = await self._failed_of()
        return t.RevisionList(
            tuple(
                t.RevisionRow(
                    number=row.number,
                    applied=row.applied,
                    cause=row.cause,
                    in_force=row.number == current,
                    in_file=row.number == in_file,
                    failed=tuple(sorted(failed.get(row.number, ()))),
                )
                for row in rows
            )
        )

    async def _failed_of(self) -> dict[int, set[str]]:
        """Revision to the groups whose change it brought and that went back by themselves."""
        self._fleet.events.flush()
        found: dict[int, set[str]] = {}
        last = EventFilter(names=("rolled_back",), last=True, limit=KEPT)
        for row in await self._journal.events(last):
            number = json.loads(row.fields).get("revision")
            if isinstance(number, int):
                found.setdefault(number, set()).add(row.group)
        for change in self._failed_changes():  # its event may be gone
            found.setdefault(change.revision, set()).add(change.group)
        return found

    async def difference(self, old: int | None, new: int | None) -> t.Difference:
        """None: the one in force for `new`, and the one before `new` for `old`."""
        new = self._number() if new is None else new
        old = await self._before(new) if old is None else old
        before, after = await self._spec_of(old), await self._spec_of(new)
        return t.Difference(
            old=old,
            new=new,
            changes=tuple(
                t.ChangedKey(key=c.key, old=c.old, new=c.new, takes_effect=c.field_class)
                for c in diff(before, after)
            ),
        )

    async def rollback(self, number: int | None) -> t.RolledBack:
        fleet = self._fleet
        trouble = fleet.journal.trouble()
        if trouble is not None:
            raise Denied("journal", f"nothing can be changed: {trouble}")
        revision = await self._read(
            await self._before(self._number()) if number is None else number
        )
        in_force = fleet.desired.spec_file.in_force
        if in_force is not None and in_force.digest == revision.digest:
            return t.RolledBack(outcome="no_change", to=revision.number, revision=in_force.revision)
        before = in_force.declared if in_force else None
        try:
            fleet.desired.roll_back(revision)
        except ValueError as error:
            raise Denied("bad_revision", f"revision {revision.number}: {error}") from None
        await fleet.journal.write(())
        now = fleet.desired.spec_file.in_force
        keys = diff(before, now.declared) if before and now else ()
        return t.RolledBack(
            outcome="applied",
            to=revision.number,
            revision=self._number(),
            changed=tuple(change.key for change in keys),
        )

    def _number(self) -> int:
        in_force = self._fleet.desired.spec_file.in_force
        return in_force.revision if in_force else 0

    async def _before(self, number: int) -> int:
        """The last revision before this one that says something else."""
        rows = await self._journal.revisions(KEPT)
        digest = next((row.digest for row in rows if row.number == number), None)
        older = (row.number for row in rows if row.number < number and row.digest != digest)
        found = next(older, None)
        if found is None:
            raise Denied("unknown_revision", f"there is no revision before {number}")
        return found

    async def _spec_of(self, number: int) -> Spec:
        try:
            return from_text((await self._read(number)).text)
        except ValueError as error:
            raise Denied("bad_revision", f"revision {number}: {error}") from None

    async def _read(self, number: int) -> Revision:
        found = await self._journal.revision(number)
        if found is None:
            rows = await self._journal.revisions(KEPT)
            numbers = [row.number for row in rows]
            there = f"{min(numbers)} to {max(numbers)}" if numbers else "none"
            raise Denied("unknown_revision", f"no revision {number}; there are: {there}")
        return found
