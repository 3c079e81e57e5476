"""What is wanted: the spec in force, with what operators have asked for over it, and what has failed taken out of it.

Compute, then swap: whoever reads `wanted` sees all of one revision, or all of the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from tmaxd.daemon.group_rules import rollout_rules
from tmaxd.daemon.hooks import Hooks
from tmaxd.daemon.intents import Intents
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.revisions import Revisions
from tmaxd.daemon.runs import Runs
from tmaxd.daemon.specfile import InForce, SpecFile
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.wanted import policies, wanted
from tmaxd.plan.actions import AnyAction, Approve, RollBack
from tmaxd.plan.draft import split
from tmaxd.plan.wanted import Wanted
from tmaxd.ports import Clock, Pipes, Revision, WorldError
from tmaxd.spec.load import Loaded, Rejected
from tmaxd.spec.problems import render
from tmaxd.tasks.records import Kept, RevisionApplied

TAKEN = "taken"
"""The name under which the digest of what was taken from the file is kept."""


class Desired:
    def __init__(
        self,
        *,
        spec_file: SpecFile,
        intents: Intents,
        revisions: Revisions,
        flow: TaskFlow,
        pipes: Pipes,
        probing: Probing,
        hooks: Hooks,
        runs: Runs,
        clock: Clock,
        log: EventLog,
        wake: Callable[[], None],
    ) -> None:
        self.spec_file = spec_file
        self.intents = intents
        self.revisions = revisions
        self.wanted = Wanted()
        self._flow = flow
        self._pipes = pipes
        self.probing = probing
        self._hooks = hooks
        self._runs = runs
        self._clock = clock
        self._log = log
        self._wake = wake
        self._reloading = asyncio.Lock()

    def problems(self) -> tuple[str, ...]:
        return self._hooks.problems()

    def close(self) -> None:
        """The daemon ends: so does what it asks of workers, and what it runs on events."""
        self._hooks.close()
        self.probing.close()

    async def reload(self) -> tuple[Loaded | Rejected, bool]:
        """Look at the file and swap it in if it is good. (what was found, whether anything changed)."""
        async with self._reloading:
            found = await self.spec_file.look()
            if isinstance(found, Rejected):
                self.refuse(found)
                return found, False
            changed, keys = self.spec_file.accept(found, self._clock.wall())
            if changed:
                self.apply(keys)
            return found, changed

    def refuse(self, found: Rejected) -> None:
        new = found.problems != self.spec_file.problems
        self.spec_file.refuse(found)
        if new:
            text = "\n".join(render(problem) for problem in found.problems)
            self._log.error("spec_rejected", problems=len(found.problems), text=text)

    def apply(self, keys: tuple[str, ...] = (), *, record: bool = True) -> None:
        """Make the accepted spec the wanted state."""
        in_force = self.spec_file.in_force
        if in_force is None:
            raise WorldError("no spec is in force")
        self.revisions.comes(in_force.declared, in_force.revision)
        self.spec_file.refresh()
        spec = in_force.spec
        living = {split(worker)[0] for worker in self._runs.live}
        overruled = self.intents.file_says({n: g.count for n, g in spec.workers.items()})
        if overruled:
            self._log.info(
                "orders_overruled", targets=overruled, text="  the file says otherwise now"
            )
        self.wanted = self._overlaid(wanted(spec, self.wanted, living))
        self._flow.groups(policies(spec))
        self._hooks.rules(spec.on)
        self.probing.apply(spec)
        self._pipes.set_capacity(int(spec.pipes.capacity))
        if record:
            self._flow.note(
                RevisionApplied(
                    in_force.revision,
                    in_force.digest,
                    in_force.text,
                    in_force.applied,
                    in_force.cause,
                )
            )
            self._flow.note(Kept(TAKEN, self.spec_file.taken))
            self._log.info(
                "spec_applied", revision=in_force.revision, changed=keys, cause=in_force.cause
            )
        self._wake()

    def rescale(self) -> None:
        """An operator has scaled a group."""
        self.wanted = self._overlaid(self.wanted)
        self._wake()

    def roll_back(self, revision: Revision) -> None:
        """An operator chose an earlier revision. Raises ValueError when this version cannot read it."""
        keys = self.spec_file.roll_back(revision, self._clock.wall())
        self.revisions.try_again()
        self.apply(keys)

    def judge(self, actions: Iterable[AnyAction]) -> None:
        """What the plan says of changes that are through, or have failed."""
        in_force = self.spec_file.in_force
        if in_force is None:
            return
        for action in actions:
            if isinstance(action, Approve):
                self._approve(action, in_force)
            elif isinstance(action, RollBack):
                self._give_up(action, in_force)

    def _approve(self, action: Approve, in_force: InForce) -> None:
        name, wall = action.worker, self._clock.wall()
        if self.revisions.approve(name, in_force.spec, action.fingerprint, wall):
            self._log.info("approved", group=name, revision=self.revisions.revision_of(name))
            self.wanted = self._overlaid(self.wanted)
            self._wake()

    def _give_up(self, action: RollBack, in_force: InForce) -> None:
        name, wall = action.worker, self._clock.wall()
        failing = self.revisions.failing_revision(name)
        if self.revisions.roll_back(
            name, in_force.declared, action.fingerprint, action.message, wall
        ):
            self._log.error(
                "rolled_back",
                group=name,
                reason=action.reason,
                revision=failing,
                to=self.revisions.revision_of(name),
                text=f"  {action.message}",
            )
            self.apply(record=False)

    def _overlaid(self, want: Wanted) -> Wanted:
        """With the counts that operators asked for, over those of the file, and what is known of changes."""
        in_force = self.spec_file.in_force
        if in_force is None:
            return want
        replace = msgspec.structs.replace
        said = in_force.spec.workers
        groups = {
            name: replace(
                group,
                count=(count := self.intents.count(name, said[name].count)),
                rollout=rollout_rules(said[name].rollout, count),
                approved=self.revisions.approved(name),
                failed=failed.fingerprint if (failed := self.revisions.failed(name)) else "",
            )
            for name, group in want.groups.items()
        }
        return replace(want, groups=groups)

    def inbox_targets(self) -> Mapping[str, tuple[str, ...]]:
        in_force = self.spec_file.in_force
        return {} if in_force is None else {k: v.to for k, v in in_force.spec.pipes.inboxes.items()}
