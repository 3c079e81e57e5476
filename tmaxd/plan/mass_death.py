"""Many workers that die at once: one event with a cause outside, which is nobody's crash, and a revival in waves.

It is one when the tmux server went away with its workers, also while no daemon was there, or when at least `FEWEST` and
at least half of those that lived were ended by a signal or with their session within `TOGETHER`. Deaths come in over
several passes, so the first of them are taken for crashes, and forgiven when more follow. How the revival ends is the
affair of `revival`.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import MassDeath as MassDeathEvent
from tmaxd.plan.draft import Draft, is_spare, split
from tmaxd.plan.history import Death, MassDeath, Revival, Slot
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.reasons import SPENDS_BUDGET, Reason
from tmaxd.plan.revival import look_after_revival
from tmaxd.plan.stops import STATUS_WAIT

TOGETHER = 1.0
"""Seconds. Somebody who kills a hundred processes one by one takes tens of milliseconds, and a machine that is short
of memory some hundreds; two crashes that have nothing to do with each other are seldom that close."""

FEWEST = 8
"""A handful that dies together is a bad program more often than a bad machine."""

WAVE = 32
"""Workers that are started at once: more make each other's start slower without being up sooner (tmux starts them
one after the other, at about 1.4 ms each)."""

WAVE_EVERY = 0.25
"""Seconds between waves: what a wave of light programs takes until it has started, with as much again to spare."""


def look_for_mass_death(d: Draft) -> None:
    """Before the workers are planned: finds out who has died with others, and when each of these is revived."""
    _keep_the_fresh(d)
    if d.observed.down:
        return
    look_after_revival(d)
    runs = d.observed.runs
    # Spares do not count: they serve nobody, and the pool is filled again when the workers are back.
    over = [w for w, run in runs.items() if not (run.alive and run.here) and not is_spare(w)]
    ended = sorted((w for w in over if not runs[w].alive and _from_outside(d, w)), key=split)
    lost = [w for w in over if not runs[w].here and _unasked(d, w)]
    if not (ended or lost):
        return
    # Those of whose end tmux has not told yet count: they lived with the others, and may have died with them.
    there = sum(not is_spare(w) for w in runs)
    if lost or _is_one(d, ended, there):
        _revive(d, ended, lost, there - len(over))
    elif there + len(d.deaths) >= FEWEST:
        _note(d, ended)


def excused(d: Draft, worker: str, reason: Reason) -> Reason:
    """The reason of an end: that of a crash is another one where many died."""
    return "mass_death" if reason == "crashed" and worker in d.revivals else reason


def _keep_the_fresh(d: Draft) -> None:
    before = d.history
    d.deaths = {w: x for w, x in before.deaths.items() if d.now - x.at < TOGETHER}
    if d.deaths:
        d.wake(min(x.at for x in d.deaths.values()) + TOGETHER)
    if before.mass is not None and d.now - before.mass.last < TOGETHER:
        d.mass = before.mass
        d.wake(before.mass.last + TOGETHER)


def _from_outside(d: Draft, worker: str) -> bool:
    """Its run is over by a signal or with its session, unasked, and was not one of a row of short lives: who dies
    again and again pays for it, also in company."""
    run, seen, slot = d.observed.runs[worker], d.observed.seen.get(worker), d.slot(worker)
    if not run.here:
        return _unasked(d, worker)
    if not run.adopted:
        return False
    stopping = slot.stopping
    if stopping is not None and stopping.run == run.run:
        # Some outlive their session for a moment, and are stopped for that.
        return stopping.reason == "session_killed"
    return _killed(d, run, seen, slot) and not _flaps(d, worker, run, slot)


def _unasked(d: Draft, worker: str) -> bool:
    """(of a run whose server has gone) It was not about to be stopped anyway."""
    stopping = d.slot(worker).stopping
    if stopping is None or stopping.run != d.observed.runs[worker].run:
        return True
    return stopping.reason in ("server_died", "rebooted", "session_killed")


def _killed(d: Draft, run: Run, seen: Seen | None, slot: Slot) -> bool:
    if seen is None:
        return True
    if seen.run != run.run or seen.replaced:
        return False
    if seen.signal is not None or seen.status is not None:
        return seen.signal is not None
    # A machine in trouble may not tell how it ended: that is no word against the program.
    return slot.dying is not None and d.now - slot.dying >= STATUS_WAIT


def _flaps(d: Draft, worker: str, run: Run, slot: Slot) -> bool:
    last = slot.last_exit
    if last is None or last.reason not in SPENDS_BUDGET | {"mass_death"}:
        return False
    return d.now - run.started < d.group_of(worker).restart.backoff.reset_after


def _is_one(d: Draft, ended: list[str], there: int) -> bool:
    """`there`: runs that live, or have ended since the last pass."""
    if d.mass is not None:
        return True
    together = set(ended).union(d.deaths)
    # Of those that died a moment ago some are there again; they count as what they were.
    lived = there + sum(w not in d.observed.runs for w in d.deaths)
    return len(together) >= FEWEST and 2 * len(together) >= lived


def _revive(d: Draft, ended: list[str], lost: list[str], living: int) -> None:
    """`lost`: those whose server has gone. Some of these outlive it for a moment, and are revived when they end."""
    died = {*ended, *lost, *d.deaths}
    waiting = d.revival.waiting if d.revival is not None else frozenset[str]()
    reason = _cause(d, lost)
    if d.mass is None and not died <= waiting:
        told = tuple(sorted(died, key=split))
        d.actions.append(MassDeathEvent(worker="", reason=reason, workers=told, living=living))
    mass = d.mass or MassDeath(at=d.now, last=d.now, count=0)
    _await(d, died, reason)
    forgiven = sorted((w for w in d.deaths if w not in ended), key=split)
    for number, worker in enumerate([*ended, *forgiven], mass.count):
        d.revivals[worker] = max(d.now, mass.at + WAVE_EVERY * (number // WAVE))
    for worker in d.deaths:
        _forgive(d, worker)
    d.deaths = {}
    d.mass = msgspec.structs.replace(mass, last=d.now, count=mass.count + len(d.revivals))
    d.wake(d.now + TOGETHER)


def _cause(d: Draft, lost: list[str]) -> Reason:
    if not lost:
        return "mass_death"
    return "rebooted" if any(d.observed.runs[w].rebooted for w in lost) else "server_died"


def _await(d: Draft, died: set[str], reason: Reason) -> None:
    before = d.revival or Revival(at=d.now, reason=reason, died=frozenset(), waiting=frozenset())
    d.revival = msgspec.structs.replace(
        before, died=before.died | died, waiting=before.waiting | died
    )


def _forgive(d: Draft, worker: str) -> None:
    slot, death = d.slot(worker), d.history.deaths[worker]
    d.slots[worker] = msgspec.structs.replace(
        slot,
        crashes=death.crashes,
        crashed_at=death.crashed_at,
        quarantined=death.quarantined,
        next_start=None if slot.next_start is None else d.revivals[worker],
    )


def _note(d: Draft, ended: list[str]) -> None:
    for worker in ended:
        slot = d.slot(worker)
        d.deaths[worker] = Death(
            at=d.now,
            crashes=slot.crashes,
            crashed_at=slot.crashed_at,
            quarantined=slot.quarantined,
        )
    d.wake(d.now + TOGETHER)
