"""How a change reaches the living workers of a group: another fingerprint, new starts that an operator asked for, or
fresh runs in place of those that use too much memory or have done enough.

A pure machine with two parts: `sort` says what each worker is (of the new kind and proven or not, to be replaced,
waiting, or not there), `_batch` says which of those to be replaced are drained and stopped now. What a group's
workers have shown of a new fingerprint, and so whether it is approved or given up, is `verdict`'s affair.

Not durable: a new daemon begins anew with what it sees, which is enough. Those that are proven by then count at once.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.draft import NEVER, Draft, split
from tmaxd.plan.history import Roll
from tmaxd.plan.intents import REPLACED, let_go_on, may_be_replaced, why_replaced
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.proof import good_at, since_good
from tmaxd.plan.reasons import RECYCLES, SAVES_MEMORY, Reason
from tmaxd.plan.stops import begin, retire
from tmaxd.plan.verdict import approve, failures, give_up, prove
from tmaxd.plan.wanted import WantedGroup


class Outdated(msgspec.Struct, frozen=True):
    """A living worker whose run is to make room for another."""

    number: int
    worker: str
    run: Run
    seen: Seen
    reason: Reason
    proven: bool
    held: bool
    busy: bool

    @property
    def serves(self) -> bool:
        return self.run.ready and self.run.healthy is not False

    @property
    def turn(self) -> tuple[bool, bool, bool, bool, int]:
        """The least disturbing first. One that is not up serves nobody: replaced first, it keeps a second bad edit
        from taking out another worker."""
        return (self.serves, self.proven, not self.held, self.busy, self.number)


class Workers(msgspec.Struct):
    """The workers of a group, sorted. Those that an operator has stopped are not among them."""

    current: list[Run] = []
    """As they should be, proven or not."""
    finished: int = 0
    """They have ended well and rest."""
    outdated: list[Outdated] = []
    forced: list[Outdated] = []
    """To be replaced at once, whatever the group's rules say."""
    waiting: list[Outdated] = []
    """To be replaced, but somebody is attached, or has pinned them."""
    down: int = 0
    """Not there, or on their way out."""

    @property
    def whole(self) -> bool:
        """There are workers, and all of them are as they should be."""
        others = self.outdated or self.forced or self.waiting or self.down
        return not others and bool(self.current or self.finished)


def roll_all(d: Draft) -> None:
    """After the workers were planned one by one. A settled group costs nothing."""
    changing = {split(worker)[0] for worker, seen in d.observed.seen.items() if seen.drift}
    changing.update(split(w)[0] for w, intent in d.observed.intents.items() if intent.restart)
    changing.update(split(worker)[0] for worker in d.due)
    for name, numbers in d.chosen.items():
        group, roll = d.wanted.groups[name], d.history.rolls.get(name)
        if roll is not None and roll.fingerprint != group.fingerprint:
            roll = None
        if name in changing or roll is not None or group.approved != group.fingerprint:
            _roll(d, name, group, numbers, roll, changing=name in changing)


def _roll(
    d: Draft,
    name: str,
    group: WantedGroup,
    numbers: frozenset[int],
    before: Roll | None,
    *,
    changing: bool,
) -> None:
    if before is not None and before.good and group.approved != group.fingerprint and not changing:
        d.rolls[name] = before
        return
    there, extra = sort(d, name, group, numbers), max(0, len(numbers) - group.count)
    roll = before or Roll(fingerprint=group.fingerprint, since=d.now)
    roll = give_up(d, name, group, roll, failures(d, name, group, numbers, roll))
    picked: list[Outdated] = []
    if not roll.given_up and group.failed != group.fingerprint:
        for item in there.forced:
            begin(d, item.worker, item.run.run, item.reason, item.seen.drift)
        roll, picked = _batch(d, group, roll, there, extra)
    for item in picked:
        _retire(d, group, item)
    taken = {item.worker for item in picked}
    for item in (*there.forced, *there.outdated, *there.waiting):
        d.pending.setdefault(item.worker, item.reason)
        if item.worker not in taken and d.slot(item.worker).stopping is None:
            let_go_on(d, item.worker)
    if not roll.good and group.approved != group.fingerprint:
        roll = prove(d, group, roll, there.current)
        if there.whole:
            roll = approve(d, name, group, roll, there.current)
    if _goes_on(d, group, there, extra):
        d.rolls[name] = roll


def sort(d: Draft, name: str, group: WantedGroup, numbers: frozenset[int]) -> Workers:
    there = Workers()
    for number in sorted(numbers):
        worker = f"{name}-{number}"
        if not d.intent(worker).stopped:
            _sort_one(d, there, group, worker, number)
    return there


def _sort_one(d: Draft, there: Workers, group: WantedGroup, worker: str, number: int) -> None:
    seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
    slot = d.slot(worker)
    if run is None and slot.rest == "finished" and not (seen is not None and seen.drift):
        there.finished += 1
        return
    if seen is None or run is None or slot.stopping is not None or seen.run != run.run:
        there.down += 1
        return
    if not (run.alive and run.adopted and seen.alive):
        there.down += 1
        return
    reason = why_replaced(d, worker, seen, run)
    if reason is None:
        there.current.append(run)
        return
    item = Outdated(
        number,
        worker,
        run,
        seen,
        reason,
        proven=good_at(run, group) <= d.now,
        held=slot.hold in REPLACED,
        busy=d.load(worker).in_flight > 0,
    )
    if d.intent(worker).force and reason not in RECYCLES:
        there.forced.append(item)
    elif may_be_replaced(d, worker, seen):
        there.outdated.append(item)
    else:
        there.waiting.append(item)


def _batch(
    d: Draft, group: WantedGroup, roll: Roll, there: Workers, extra: int
) -> tuple[Roll, list[Outdated]]:
    """Those that are to be drained and stopped at this moment, whether or not they are being drained already."""
    rules = group.rollout
    unproven = [at for run in there.current if (at := good_at(run, group)) > d.now]
    if there.outdated and min(unproven, default=NEVER) < NEVER:
        d.wake(min(unproven))
    most = rules.max_unavailable + extra or (0 if rules.surge else 1)
    useless = sum(not item.serves for item in there.waiting)
    gone = there.down + len(there.forced) + len(unproven) + useless
    room = most - gone
    back = group.approved == group.fingerprint  # to what is known to be good: without trials
    canaries = len(there.outdated)
    if rules.canary and not back:
        roll, canaries = _canaries(d, group, roll, there)
    picked: list[Outdated] = []
    for item in sorted(there.outdated, key=lambda item: item.turn):
        is_change = item.reason == "spec_changed"
        # Where one more would be started first, that would take memory that there is too little of.
        own = max(room, 1 - gone) if item.reason in SAVES_MEMORY else room
        if len(picked) < own and (canaries > 0 or not is_change):
            picked.append(item)
            canaries -= is_change
    if rules.pause and not (back and any(item.reason == "spec_changed" for item in picked)):
        return _pause(d, group, roll, there, picked, whole=not (unproven or there.down))
    return roll, picked


def _retire(d: Draft, group: WantedGroup, item: Outdated) -> None:
    """A fresh run is no change: it waits for the tasks in hand whatever `stop.drain` says, but where memory is
    exceeded no longer than its limit's `deadline`."""
    deadline = group.memory.deadline if item.reason == "memory_recycle" else None
    if item.reason in RECYCLES:
        retire(d, item.worker, item.run, item.reason, patient=True, deadline=deadline)
    else:
        retire(d, item.worker, item.run, item.reason, item.seen.drift)


def _canaries(d: Draft, group: WantedGroup, roll: Roll, there: Workers) -> tuple[Roll, int]:
    """How many more may be changed now: until the canaries have been good for long enough, so many that there are
    enough of them."""
    rules = group.rollout
    changing = sum(item.reason == "spec_changed" for item in there.outdated)
    if roll.canaries_at is not None or not changing:
        return roll, changing
    # What is down starts with the new spec, and so does what an operator wants started anew.
    changed = len(there.current) + len(there.forced) + there.finished + there.down
    # Nor does a new start that was asked for make what runs the new spec already run the old one.
    changed += sum(not item.seen.drift for item in (*there.outdated, *there.waiting))
    until = max(rules.canary_for, rules.healthy_for)
    good = sorted(since_good(run, group) + until for run in there.current)
    if len(good) >= rules.canary:
        due = good[rules.canary - 1]
        if due <= d.now:
            return msgspec.structs.replace(roll, canaries_at=d.now), changing
        if due < NEVER:
            d.wake(due)
    return roll, max(0, rules.canary - changed)


def _pause(
    d: Draft,
    group: WantedGroup,
    roll: Roll,
    there: Workers,
    picked: list[Outdated],
    *,
    whole: bool,
) -> tuple[Roll, list[Outdated]]:
    """A batch is over when all of it are back. The next one begins `pause` after the last of them was proven, which
    needs no memory: it can be seen."""
    held = [item for item in picked if item.held]
    if held or not whole:
        return roll, held
    last = max((good_at(run, group) for run in there.current), default=-NEVER)
    due = last + group.rollout.pause
    if not picked or due <= d.now:
        return msgspec.structs.replace(roll, paused_until=None), picked
    d.wake(due)
    return msgspec.structs.replace(roll, paused_until=due), []


def _goes_on(d: Draft, group: WantedGroup, there: Workers, extra: int) -> bool:
    """Whether there is anything to remember."""
    if group.approved != group.fingerprint:
        others = there.outdated or there.forced or there.waiting or there.down
        return bool(others or there.current or there.finished)
    if not there.whole:
        return True
    due = max((good_at(run, group) for run in there.current), default=d.now)
    if extra <= 0 or due <= d.now:
        return False
    if due < NEVER:
        d.wake(due)  # those beyond the count stay until the last of the others is proven
    return True
