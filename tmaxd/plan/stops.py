"""How a run is brought to its end: the whole tree is asked by signal, then killed; and it is over only when
no process of the tree is left (law 9)."""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import End, Hold, Signal, Stop, Swept
from tmaxd.plan.draft import Draft
from tmaxd.plan.history import Stopping, Sweep
from tmaxd.plan.observed import Member, Run
from tmaxd.plan.reasons import Reason
from tmaxd.plan.restarts import after_end
from tmaxd.plan.wanted import WantedGroup

POLL_FAST = 0.02
POLL_SLOW = 0.25
FAST_FOR = 0.5
KILL_AGAIN = 1.0
"""Seconds until SIGKILL is repeated; members that were forked in between get it then."""


def begin(d: Draft, worker: str, run: str, reason: Reason, fields: tuple[str, ...] = ()) -> None:
    """Mark the run; its tree is looked at from the next pass on, which is due at once."""
    d.actions.append(Stop(worker=worker, reason=reason, run=run, fields=fields))
    d.slots[worker] = msgspec.structs.replace(
        d.slot(worker),
        stopping=Stopping(run=run, reason=reason, since=d.now, fields=fields),
    )
    d.pending[worker] = reason
    d.wake(d.now)


def retire(
    d: Draft,
    worker: str,
    run: Run,
    reason: Reason,
    fields: tuple[str, ...] = (),
) -> None:
    """Stop it once it holds no task; until then it gets no new one. A run that the dispatcher does not know
    takes none, whatever the spec says of its group now."""
    load = d.load(worker)
    d.pending[worker] = reason
    drained = load.in_flight == 0 and (load.held or worker not in d.observed.loads)
    if drained or d.observed.down or not run.ready:
        begin(d, worker, run.run, reason, fields)
    elif not load.held:
        d.actions.append(Hold(worker=worker, reason=reason, held=True))
        d.slots[worker] = msgspec.structs.replace(d.slot(worker), hold=reason, changed=fields)
        d.wake(d.now)
    elif d.slot(worker).hold != reason:
        d.slots[worker] = msgspec.structs.replace(d.slot(worker), hold=reason, changed=fields)


def advance(d: Draft, worker: str, stopping: Stopping, group: WantedGroup) -> None:
    """The next step of a stop whose first process still lives."""
    d.pending[worker] = stopping.reason
    signalled, killed = _press(
        d,
        worker,
        stopping.run,
        stopping.reason,
        group.stop_signal,
        group.stop_after,
        stopping.signalled,
        stopping.killed,
    )
    d.slots[worker] = msgspec.structs.replace(
        d.slot(worker),
        stopping=msgspec.structs.replace(stopping, signalled=signalled, killed=killed),
    )


def end(
    d: Draft,
    worker: str,
    run: Run,
    reason: Reason,
    *,
    status: int | None = None,
    signal: int | None = None,
) -> None:
    """The first process is gone. What it leaves is swept, politely or as far as the stop had come."""
    slot = d.slot(worker)
    stopping = slot.stopping
    if stopping is not None and stopping.run == run.run:
        reason = stopping.reason
    d.actions.append(End(worker=worker, reason=reason, run=run.run, status=status, signal=signal))
    group = d.group_of(worker)
    d.sweeps[run.run] = Sweep(
        worker=worker,
        since=d.now,
        signalled=stopping.signalled if stopping else None,
        killed=stopping.killed if stopping else None,
        after=group.stop_after,
        signal=group.stop_signal,
    )
    d.unswept.add(worker)
    changed = stopping.fields if stopping else slot.changed
    ended = after_end(slot, reason, d.now, uptime=d.now - run.started, status=status, signal=signal)
    d.slots[worker] = msgspec.structs.replace(ended, changed=changed)
    d.wake(d.now)


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
        d.actions.append(_signal(worker, run, reason, signal, tree))
        signalled = d.now
    elif d.now >= signalled + after and (killed is None or d.now >= killed + KILL_AGAIN):
        d.actions.append(_signal(worker, run, reason, "KILL", tree))
        killed = d.now
    poll = POLL_FAST if d.now - max(signalled, killed or 0.0) < FAST_FOR else POLL_SLOW
    due = signalled + after if killed is None else killed + KILL_AGAIN
    d.wake(min(d.now + poll, max(due, d.now)))
    return signalled, killed


def _signal(worker: str, run: str, reason: Reason, signal: str, tree: frozenset[Member]) -> Signal:
    return Signal(worker=worker, reason=reason, run=run, signal=signal, members=tuple(sorted(tree)))
