"""How a run is brought to its end: it ends its tasks, keys are typed where the spec has some, the whole tree is
asked by signal, then killed; and it is over only when no process of the tree is left (law 9)."""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import Hold, Keys, Signal, Stop, Swept
from tmaxd.plan.draft import Draft
from tmaxd.plan.history import Stopping
from tmaxd.plan.observed import Member, Run
from tmaxd.plan.reasons import Reason
from tmaxd.plan.wanted import WantedGroup

POLL_FAST = 0.02
POLL_SLOW = 0.25
FAST_FOR = 0.5
KILL_AGAIN = 1.0
"""Seconds until SIGKILL is repeated; members that were forked in between get it then."""
STATUS_WAIT = 0.05
"""Seconds to wait for tmux to tell how a process ended, before it is recorded as unknown. On 3.3a up to 15 % of
deaths are told only after a nudge (measured); with it, 2 ms are the rule."""
STATUS_POLL = 0.002


def begin(
    d: Draft,
    worker: str,
    run: str,
    reason: Reason,
    fields: tuple[str, ...] = (),
    *,
    hard: bool = False,
) -> None:
    """Mark the run; its tree is looked at from the next pass on, which is due at once. `hard`: it is killed."""
    quiet = _is_quiet(d, worker, reason)
    d.actions.append(Stop(worker=worker, reason=reason, run=run, fields=fields, quiet=quiet))
    d.slots[worker] = msgspec.structs.replace(
        d.slot(worker),
        stopping=Stopping(run=run, reason=reason, since=d.now, fields=fields, hard=hard),
    )
    d.pending[worker] = reason
    d.wake(d.now)


def kill(d: Draft, worker: str, run: str) -> None:
    """It uses more memory than `kill` allows. One that is being stopped already is waited for no longer."""
    stopping = d.slot(worker).stopping
    if stopping is None or stopping.run != run:
        begin(d, worker, run, "memory_kill", hard=True)
    elif not stopping.hard:
        d.slots[worker] = msgspec.structs.replace(
            d.slot(worker), stopping=msgspec.structs.replace(stopping, hard=True)
        )


def retire(
    d: Draft,
    worker: str,
    run: Run,
    reason: Reason,
    fields: tuple[str, ...] = (),
    *,
    at_once: bool = False,
    patient: bool = False,
    deadline: float | None = None,
) -> None:
    """Stop it once it holds no task; until then it gets no new one, and its group's `stop.drain` counts, unless
    somebody wants it gone `at_once`, or is `patient` for as long as `deadline` allows (seconds; None: as it takes). A
    run that the dispatcher does not know takes none, whatever the spec says of its group now. A fleet that goes down
    waits only where `stop.drain` says for how long."""
    load, slot = d.load(worker), d.slot(worker)
    drain = deadline if patient else d.group_of(worker).stop.drain
    d.pending[worker] = reason
    idle = load.in_flight == 0 and (load.held or worker not in d.observed.loads)
    if idle or at_once or not run.ready or (d.observed.down and drain is None):
        begin(d, worker, run.run, reason, fields)
        return
    since = slot.held_since
    if slot.hold != reason or since is None:
        since = d.now  # another order is another clock
        changed = msgspec.structs.replace(slot, hold=reason, held_since=since, changed=fields)
        d.slots[worker] = changed
    if drain is not None and d.now >= since + drain:
        begin(d, worker, run.run, reason, fields)
        return
    if drain is not None:
        d.wake(since + drain)
    if not load.held:
        d.actions.append(Hold(worker=worker, reason=reason, held=True))
        d.wake(d.now)


def advance(d: Draft, worker: str, stopping: Stopping, group: WantedGroup) -> None:
    """The next step of a stop whose first process still lives."""
    d.pending[worker] = stopping.reason
    if not (stopping.hard or _typed(d, worker, stopping, group)):
        return
    signalled, killed = _press(
        d,
        worker,
        stopping.run,
        stopping.reason,
        "KILL" if stopping.hard else group.stop.signal,
        0.0 if stopping.hard else group.stop.after,
        stopping.signalled,
        stopping.killed,
    )
    d.slots[worker] = msgspec.structs.replace(
        d.slot(worker),
        stopping=msgspec.structs.replace(stopping, signalled=signalled, killed=killed),
    )


def _typed(d: Draft, worker: str, stopping: Stopping, group: WantedGroup) -> bool:
    """Type the keys, once, and give them their time. True: it is the signal's turn."""
    rules, seen = group.stop, d.observed.seen.get(worker)
    if stopping.signalled is not None or not rules.keys:
        return True
    if stopping.typed is not None:
        due = stopping.typed + rules.after
        if d.now < due:
            d.wake(due)
        return d.now >= due
    if seen is None or not seen.alive or seen.run != stopping.run:
        return True  # nobody would read them
    d.actions.append(
        Keys(
            worker=worker,
            reason=stopping.reason,
            run=stopping.run,
            pane_id=seen.pane_id,
            keys=rules.keys,
            quiet=_is_quiet(d, worker, stopping.reason),
        )
    )
    d.slots[worker] = msgspec.structs.replace(
        d.slot(worker), stopping=msgspec.structs.replace(stopping, typed=d.now)
    )
    d.wake(d.now + rules.after)
    return False


def sweep(d: Draft) -> None:
    """Go on with the runs whose first process is gone."""
    for run, item in sorted(d.history.sweeps.items()):
        tree = d.observed.trees.get(run)
        d.sweeps[run] = item
        d.pending.setdefault(item.worker, "leftover")
        if tree is not None and not tree:
            del d.sweeps[run]
            d.actions.append(Swept(worker=item.worker, reason="leftover", run=run))
            d.wake(d.now)
            continue
        d.unswept.add(item.worker)
        signalled, killed = _press(
            d,
            item.worker,
            run,
            "leftover",
            item.signal,
            item.after,
            item.signalled,
            item.killed,
        )
        d.sweeps[run] = msgspec.structs.replace(item, signalled=signalled, killed=killed)


def _press(
    d: Draft,
    worker: str,
    run: str,
    reason: Reason,
    signal: str,
    after: float,
    signalled: float | None,
    killed: float | None,
) -> tuple[float | None, float | None]:
    """Ask, wait, kill. Returns when it was asked and when last killed; without a look at the tree, nothing."""
    tree = d.observed.trees.get(run)
    if not tree:  # not looked at, or empty while its end is not known yet
        d.wake(d.now + POLL_FAST)
        return signalled, killed
    if signalled is None:
        d.actions.append(_signal(d, worker, run, reason, signal, tree))
        signalled, killed = d.now, d.now if signal == "KILL" else None
    elif d.now >= signalled + after and (killed is None or d.now >= killed + KILL_AGAIN):
        d.actions.append(_signal(d, worker, run, reason, "KILL", tree))
        killed = d.now
    poll = POLL_FAST if d.now - max(signalled, killed or 0.0) < FAST_FOR else POLL_SLOW
    due = signalled + after if killed is None else killed + KILL_AGAIN
    d.wake(min(d.now + poll, max(due, d.now)))
    return signalled, killed


def _signal(
    d: Draft, worker: str, run: str, reason: Reason, signal: str, tree: frozenset[Member]
) -> Signal:
    return Signal(
        worker=worker,
        reason=reason,
        run=run,
        signal=signal,
        members=tuple(sorted(tree)),
        quiet=_is_quiet(d, worker, reason),
    )


def _is_quiet(d: Draft, worker: str, reason: Reason) -> bool:
    """What is left of one of many is ended: the one event tells of it. Of what its next run does, it does not."""
    return reason in ("server_died", "rebooted", "session_killed", "leftover") and d.is_revived(
        worker
    )
