"""What a plan would lead to, on a model of the world in which everything works: the actions, and what is left undone.

`tmaxctl plan` shows the result; the tests use the same model to show that every plan settles.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan import actions as a
from tmaxd.plan.draft import split
from tmaxd.plan.history import History
from tmaxd.plan.observed import Load, Member, Observed, Run, Seen
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.rules import AgeRules
from tmaxd.plan.standing import waits_for
from tmaxd.plan.wanted import Wanted

SHOWN: tuple[type[a.Action], ...] = (
    a.Start,
    a.Take,
    a.Stop,
    a.RemoveSession,
    a.RemovePipes,
    a.AddInbox,
    a.RemoveInbox,
    a.AddOutbox,
    a.RemoveOutbox,
    a.AddShared,
    a.RemoveShared,
    a.Rename,
    a.Adopt,
)
"""What a user would call an action; the rest are the steps to it."""

PASSES = 20_000
"""More than the largest fleet needs, one worker at a time; a bound against a rule that never settles."""


STEPS = 50
"""Batches of a change that are gone through one after the other. The cost grows with the square of the workers: a
thousand of them one by one took 80 s."""

ONE_LEFT = frozenset({Member(1, 1)})
"""A tree of which a process lives."""


class World:
    """A mutable Observed: applies actions as if each worked at once, and finishes every task in hand."""

    def __init__(self, observed: Observed) -> None:
        self.seen = dict(observed.seen)
        self.runs = dict(observed.runs)
        self.loads = dict(observed.loads)
        self.trees = dict(observed.trees)
        self.pipes = set(observed.pipes)
        self.inboxes = set(observed.inboxes)
        self.outboxes = set(observed.outboxes)
        self.shared = set(observed.shared)
        self.foreign = observed.foreign
        self.intents = observed.intents
        self.down = observed.down
        self._next = 1
        self._worked: set[str] = set()
        """Workers that have ended well, because others waited for that."""

    def observed(self) -> Observed:
        return Observed(
            server=True,
            seen=dict(self.seen),
            runs=dict(self.runs),
            loads=dict(self.loads),
            trees=dict(self.trees),
            pipes=frozenset(self.pipes),
            inboxes=frozenset(self.inboxes),
            outboxes=frozenset(self.outboxes),
            shared=frozenset(self.shared),
            foreign=self.foreign,
            intents=self.intents,
            down=self.down,
        )

    def look_at(self, history: History) -> None:
        """Runs on their way out: what a pass could not look at it can from now on, and who was asked to end
        has ended."""
        for worker, slot in history.slots.items():
            if slot.stopping is not None:
                self._go_on(worker, slot.stopping.run, slot.stopping.signalled)
        for run, item in history.sweeps.items():
            self._go_on(item.worker, run, item.signalled)

    def _go_on(self, worker: str, run: str, signalled: float | None) -> None:
        if signalled is None:
            self.trees.setdefault(run, ONE_LEFT)
        else:
            self._die(worker, run)

    def let_go(self) -> bool:
        """What others wait for happens: tasks in hand end, and people detach. False: nobody waits for that."""
        busy = [worker for worker, load in self.loads.items() if load.in_flight]
        watched = [worker for worker, seen in self.seen.items() if seen.attached]
        for worker in busy:
            self.loads[worker] = Load(0, self.loads[worker].held)
        for worker in watched:
            self._change(worker, attached=0)
        return bool(busy or watched)

    def finish(self, group: str) -> bool:
        """The runs of the group end well, each worker's once. False: none was left that could."""
        left = [w for w in self.runs if split(w)[0] == group and w not in self._worked]
        for worker in left:
            self._worked.add(worker)
            self._die(worker, self.runs[worker].run)
        return bool(left)

    def apply(self, action: a.AnyAction, now: float) -> None:
        worker = action.worker
        match action:
            case a.Start():
                self._start(action, now)
            case a.Take():
                self._take(action, now)
            case a.Stop():
                self.trees[action.run] = ONE_LEFT
            case a.Signal():
                self._die(worker, action.run)
            case a.End():
                self.runs.pop(worker, None)
                self.trees[action.run] = frozenset()
            case a.Swept():
                self.trees.pop(action.run, None)
            case a.Hold():
                # The tasks in hand are finished at once in this model. Of a run that takes none, the
                # dispatcher knows nothing.
                if worker in self.loads:
                    self.loads[worker] = Load(0, action.held)
            case _:
                self._small(action)

    def _small(self, action: a.AnyAction) -> None:
        worker = action.worker
        match action:
            case a.RemoveSession():
                self.seen.pop(worker, None)
            case a.Adopt():
                self._adopt(worker, action.run)
            case a.Rename():
                self._change(worker, session=worker)
            case a.LogTo():
                self._change(worker, piped=True)
            case a.Nudge():
                self._change(worker, status=1)
            case _:
                self._fifo(action)

    def _fifo(self, action: a.AnyAction) -> None:
        name = action.worker
        match action:
            case a.AddPipes():
                self.pipes.add(name)
            case a.RemovePipes():
                self.pipes.discard(name)
            case a.AddInbox():
                self.inboxes.add(name)
            case a.RemoveInbox():
                self.inboxes.discard(name)
            case a.AddOutbox():
                self.outboxes.add(name)
            case a.RemoveOutbox():
                self.outboxes.discard(name)
            case a.AddShared():
                self.shared.add(name)
            case a.RemoveShared():
                self.shared.discard(name)

    def _start(self, action: a.Start, now: float) -> None:
        run, self._next = f"new-{self._next}", self._next + 1
        self.seen[action.worker] = Seen(
            session_id="$0",
            session=action.worker,
            pane_id="%0",
            run=run,
            alive=True,
            piped=False,
        )
        self.runs[action.worker] = Run(run=run, alive=True, started=now, healthy=True)
        self.loads.pop(action.worker, None)

    def _take(self, action: a.Take, now: float) -> None:
        worker, spare = action.worker, action.spare
        seen, run = self.seen.pop(spare, None) or self.seen[worker], self.runs.pop(spare)
        self.seen[worker] = msgspec.structs.replace(seen, session=worker)
        self.runs[worker] = msgspec.structs.replace(run, started=now)
        self.loads.pop(worker, None)
        if spare in self.pipes:
            self.pipes.discard(spare)
            self.pipes.add(worker)

    def _adopt(self, worker: str, run: str) -> None:
        known = self.runs.get(worker) or Run(run=run, alive=True, started=0.0)
        self.runs[worker] = msgspec.structs.replace(known, adopted=True)

    def _die(self, worker: str, run: str) -> None:
        self.trees[run] = frozenset()
        current = self.runs.get(worker)
        if current is not None and current.run == run:
            self.runs[worker] = msgspec.structs.replace(current, alive=False)
            self._change(worker, alive=False, status=0)

    def _change(self, worker: str, **changes: object) -> None:
        if worker in self.seen:
            self.seen[worker] = msgspec.structs.replace(self.seen[worker], **changes)


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that is not as it should be when nothing more happens."""

    worker: str
    reason: str
    """The planner's word for what is to be done about it."""
    fields: tuple[str, ...] = ()
    """Of the spec, in which what it runs differs."""
    why: str
    """`pinned`, or what it waits for: `db: ready`."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    actions: tuple[a.AnyAction, ...]
    """In order, as a user would see them until everything is settled."""
    left: tuple[Left, ...] = ()


def preview(wanted: Wanted, observed: Observed, history: History, now: float) -> Preview:
    world = World(observed)
    young = {
        name: msgspec.structs.replace(group, spare_age=None, age=AgeRules())
        for name, group in wanted.groups.items()
    }
    wanted = msgspec.structs.replace(wanted, groups=young)  # they grow old without end
    world.look_at(history)
    wanted = _in_few_steps(wanted)
    shown: list[a.AnyAction] = []
    left: tuple[Left, ...] = ()
    for _ in range(PASSES):
        step = plan(wanted, world.observed(), history, now)
        if not step.actions and step.wake_at is None and not _goes_on(world, step):
            left = _left(world.observed(), step)
            break
        for action in step.actions:
            world.apply(action, now)
        shown.extend(x for x in step.actions if isinstance(x, SHOWN))
        history = step.history
        now = max(now, step.wake_at if step.wake_at is not None else now)
    return Preview(actions=tuple(shown), left=left)


def _left(observed: Observed, step: Plan) -> tuple[Left, ...]:
    found = []
    for worker, reason in sorted(step.pending.items(), key=lambda item: split(item[0])):
        seen = observed.seen.get(worker)
        held = waits_for(worker, reason, observed)
        found.append(
            Left(
                worker=worker,
                reason=reason,
                fields=seen.drift if seen is not None else (),
                why=step.waits.get(worker) or ", ".join(held),
            )
        )
    return tuple(found)


def _in_few_steps(wanted: Wanted) -> Wanted:
    """The same with larger batches where there would be many: the actions are the same, whatever their number at a
    time."""
    replace = msgspec.structs.replace
    groups = {
        name: group
        if group.count <= STEPS * (group.rollout.max_unavailable + group.rollout.surge)
        else replace(
            group,
            rollout=replace(group.rollout, max_unavailable=group.count // STEPS + 1, pause=0.0),
        )
        for name, group in wanted.groups.items()
    }
    return replace(wanted, groups=groups)


def _goes_on(world: World, step: Plan) -> bool:
    """Nothing happens by itself any more: whatever is waited for happens. False: that was all."""
    ends = {words.removesuffix(": finished") for words in step.waits.values()}
    return world.let_go() or any([world.finish(group) for group in sorted(ends)])
