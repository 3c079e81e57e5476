"""What is wanted: the spec in force, with what operators have asked for over it, and what has failed taken out of it.

Compute, then swap: whoever reads `wanted` sees all of one revision, or all of the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from tmaxd.daemon.flags import Flags
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
from tmaxd.spec.diff import diff
from tmaxd.spec.flags import effective
from tmaxd.spec.layouts import with_flags
from tmaxd.spec.load import Loaded, Rejected
from tmaxd.spec.model import Spec
from tmaxd.spec.problems import render
from tmaxd.tasks.records import Kept, RevisionApplied

TAKEN = "taken"
"""The name under which the digest of what was taken from the file is kept."""


class Supposed(msgspec.Struct, frozen=True, kw_only=True):
    spec: Spec
    """That would hold."""
    wanted: Wanted
    intents: Intents
    """The orders that would be left."""
    failed: frozenset[str]
    """Groups of which it would hold what was good before, since what the file says has failed already."""
    set_aside: bool
    """It would not be taken over, since an operator has gone back to something else."""


class Desired:
    def __init__(
        self,
        *,
        spec_file: SpecFile,
        intents: Intents,
        flags: Flags,
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
        self.flags = flags
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
        self._catching_up: asyncio.Task[object] | None = None
        spec_file.effective = lambda spec: revisions.effective(flags.over(spec))

    def problems(self) -> tuple[str, ...]:
        return self._hooks.problems()

    def close(self) -> None:
        """The daemon ends: so does what it asks of workers, and what it runs on events."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._hooks.close()
        self.probing.close()

    def on(self, flag: str) -> bool:
        """Whether this flag is on now."""
        in_force = self.spec_file.in_force
        return effective(in_force.spec.flags if in_force else {}, flag)

    async def reload(self, *, asked: bool = True) -> tuple[Loaded | Rejected, bool]:
        """Look at the file and swap it in if it is good. (what was found, whether anything changed). `asked`: somebody
        wants it; else it was only saved, which with `hot_reload` off is not enough."""
        async with self._reloading:
            found = await self.spec_file.look()
            if isinstance(found, Rejected):
                self.refuse(found)
                return found, False
            if not asked and self.must_wait(found):
                self.wait(found)
                return found, False
            changed, keys = self.spec_file.accept(found, self._clock.wall())
            if changed:
                self.apply(keys)
            return found, changed

    def must_wait(self, found: Loaded) -> bool:
        """It says something else than was taken over, and `hot_reload` is off, also after it."""
        in_force = self.spec_file.in_force
        if in_force is None or found.digest == self.spec_file.taken:
            return False
        said = (in_force.declared.flags, found.spec.flags)
        return not any(effective(self.flags.supposing(flags), "hot_reload") for flags in said)

    def wait(self, found: Loaded) -> None:
        in_force = self.spec_file.in_force
        if self.spec_file.wait(found) and in_force is not None:
            keys = tuple(change.key for change in diff(in_force.declared, found.spec))
            self._log.info("spec_waits", changed=keys)

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
        self.flags.file_says(in_force.declared.flags)
        self.revisions.comes(self.flags.over(in_force.declared), in_force.revision)
        self.spec_file.refresh()
        spec = in_force.spec
        self.flags.holds(spec.flags)
        living = self._living_groups()
        overruled = self.intents.file_says({n: g.count for n, g in spec.workers.items()})
        if overruled:
            self._log.info(
                "orders_overruled", targets=overruled, text="  the file says otherwise now"
            )
        self.wanted = self._overlaid(wanted(spec, self.wanted, living), spec, self.intents)
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
        if self.spec_file.state == "waiting" and self.on("hot_reload"):
            self._catching_up = asyncio.ensure_future(self.reload(asked=False))
        self._wake()

    def tend_flags(self, now: float) -> float:
        """Take back the flags whose time is over. Returns the monotonic time of the next such."""
        if self.flags.next_end <= now:
            self.apply(record=False)
        return self.flags.next_end

    def _living_groups(self) -> set[str]:
        return {split(worker)[0] for worker in self._runs.live}

    def supposed(self, found: Loaded) -> Supposed:
        """What would be wanted if the file said this. Changes nothing."""
        in_force, file = self.spec_file.in_force, self.spec_file
        set_aside = in_force is not None and file.differs and file.taken == found.digest
        declared = in_force.declared if in_force is not None and set_aside else found.spec
        flagged = with_flags(declared, self.flags.supposing(declared.flags))
        spec = self.revisions.effective(flagged)
        intents = self.intents.supposing({n: g.count for n, g in spec.workers.items()})
        want = wanted(spec, self.wanted, self._living_groups())
        return Supposed(
            spec=spec,
            wanted=self._overlaid(want, spec, intents),
            intents=intents,
            failed=frozenset(n for n, g in spec.workers.items() if g is not flagged.workers[n]),
            set_aside=set_aside,
        )

    def rescale(self) -> None:
        """An operator has scaled a group."""
        self._overlay_again()
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
            self._overlay_again()
            self._wake()

    def _give_up(self, action: RollBack, in_force: InForce) -> None:
        name, wall = action.worker, self._clock.wall()
        failing = self.revisions.failing_revision(name)
        if self.revisions.roll_back(
            name, self.flags.over(in_force.declared), action.fingerprint, action.message, wall
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

    def _overlay_again(self) -> None:
        in_force = self.spec_file.in_force
        if in_force is not None:
            self.wanted = self._overlaid(self.wanted, in_force.spec, self.intents)

    def _overlaid(self, want: Wanted, spec: Spec, intents: Intents) -> Wanted:
        """With the counts that operators asked for, over those of the file, and what is known of changes."""
        replace, said = msgspec.structs.replace, spec.workers
        back = effective(spec.flags, "auto_rollback")
        groups = {
            name: replace(
                group,
                count=(count := intents.count(name, said[name].count)),
                rollout=rollout_rules(said[name].rollout, count, back=back),
                approved=self.revisions.approved(name),
                failed=failed.fingerprint if (failed := self.revisions.failed(name)) else "",
            )
            for name, group in want.groups.items()
        }
        return replace(want, groups=groups)

    def inbox_targets(self) -> Mapping[str, tuple[str, ...]]:
        in_force = self.spec_file.in_force
        return {} if in_force is None else {k: v.to for k, v in in_force.spec.pipes.inboxes.items()}
