"""Many workers that die at once: one event with a cause outside, which is nobody's crash, and a revival in waves.

It is one when the tmux server went away with its workers, or when at least `FEWEST` and at least half of those that
lived were ended by a signal or with their session within `TOGETHER`. Deaths come in over several passes, so the first
of them are taken for crashes, and forgiven when more follow.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import MassDeath as MassDeathEvent
from tmaxd.plan.draft import Draft, is_spare, split
from tmaxd.plan.history import Death, MassDeath, Slot
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.reasons import SPENDS_BUDGET, Reason
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
    # Spares do not count: they serve nobody, and the pool is filled again when the workers are back.
    dead = {w for w, run in d.observed.runs.items() if not run.alive and not is_spare(w)}
    if not dead or d.observed.down:
        return
    ended = sorted((w for w in dead if _from_outside(d, w)), key=split)
    if not ended:
        return
    # Those of whose end tmux has not told yet count: they lived with the others, and may have died with them.
    there = sum(not is_spare(w) for w in d.observed.runs)
    if _is_one(d, ended, there):
        _revive(d, ended, there - len(dead))
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
    if not run.adopted:
        return False
    stopping = slot.stopping
    if stopping is not None and stopping.run == run.run:
        # Some outlive their session for a moment, and are stopped for that.
        return stopping.reason in ("server_died", "session_killed")
    if not _killed(d, run, seen, slot):
        return False
    return run.here is False or not _flaps(d, worker, run, slot)


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
    if d.mass is not None or any(not d.observed.runs[w].here for w in ended):
        return True
    together = set(ended).union(d.deaths)
    # Of those that died a moment ago some are there again; they count as what they were.
    lived = there + sum(w not in d.observed.runs for w in d.deaths)
    return len(together) >= FEWEST and 2 * len(together) >= lived


def _revive(d: Draft, ended: list[str], living: int) -> None:
    mass = d.mass or MassDeath(at=d.now, last=d.now, count=0)
    if d.mass is None:
        gone = any(not d.observed.runs[w].here for w in ended)
        reason: Reason = "server_died" if gone else "mass_death"
        told = tuple(sorted({*ended, *d.deaths}, key=split))
        d.actions.append(MassDeathEvent(worker="", reason=reason, workers=told, living=living))
    forgiven = sorted((w for w in d.deaths if w not in ended), key=split)
    for number, worker in enumerate([*ended, *forgiven], mass.count):
        d.revivals[worker] = max(d.now, mass.at + WAVE_EVERY * (number // WAVE))
    for worker in d.deaths:
        _forgive(d, worker)
    d.deaths = {}
    d.mass = msgspec.structs.replace(mass, last=d.now, count=mass.count + len(d.revivals))
    d.wake(d.now + TOGETHER)


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
