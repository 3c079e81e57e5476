"""When many deaths are one event, whose it is, and when each of the dead is revived."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from tmaxd.plan import actions as a
from tmaxd.plan.history import History, LastExit, Slot
from tmaxd.plan.mass_death import FEWEST, TOGETHER, WAVE, WAVE_EVERY
from tmaxd.plan.observed import Member, Observed, Run, Seen
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.reasons import Reason
from tmaxd.plan.rules import LimitRules, RestartRules
from tmaxd.plan.wanted import Wanted, WantedGroup

NOW = 100.0


def wanted(count: int) -> Wanted:
    return Wanted(groups={"w": WantedGroup(count=count, takes_tasks=False, fingerprint="f")})


def world(
    count: int,
    dead: int = 0,
    signal: int | None = 9,
    started: float = 0.0,
    gone: int = 0,
    known: int = 0,
) -> Observed:
    """`count` workers, of which the first `dead` were ended so, the next `gone` with their session, and the rest
    lives. The end of the first `known` is recorded."""
    seen, runs = {}, {}
    for n in range(1, count + 1):
        name, killed, lost = f"w-{n}", n <= dead, dead < n <= dead + gone
        if n > known:
            runs[name] = Run(run=f"r{n}", alive=not (killed or lost), started=started)
        if not lost:
            seen[name] = Seen(
                session_id=f"${n}",
                session=name,
                pane_id=f"%{n}",
                run=f"r{n}",
                alive=not killed,
                status=None if signal is not None or not killed else 1,
                signal=signal if killed else None,
            )
    return Observed(server=True, seen=seen, runs=runs)


def made(there: Observed, history: History | None = None, now: float = NOW) -> Plan:
    return plan(wanted(len(there.runs)), there, history or History(), now)


def events(step: Plan) -> list[a.MassDeath]:
    return [x for x in step.actions if isinstance(x, a.MassDeath)]


def ends(step: Plan) -> Counter[Reason]:
    return Counter(x.reason for x in step.actions if isinstance(x, a.End))


@pytest.mark.parametrize(
    ("count", "dead", "gone", "is_one"),
    [
        (FEWEST, FEWEST, 0, True),
        (FEWEST - 1, FEWEST - 1, 0, False),
        (2 * FEWEST, FEWEST, 0, True),
        (2 * FEWEST + 1, FEWEST, 0, False),
        (100, 50, 0, True),
        (100, 49, 0, False),
        (100, 20, 30, True),
        (8, 0, 8, True),
    ],
)
def test_it_takes_eight_and_half_of_those_that_lived(
    count: int, dead: int, gone: int, is_one: bool
) -> None:
    step = made(world(count, dead, gone=gone))
    assert len(events(step)) == is_one
    word: Reason = "mass_death" if is_one else "crashed"
    assert ends(step) == Counter({word: dead, "session_killed": gone}) - Counter()
    slots = [slot for slot in step.history.slots.values() if slot.crashes]
    assert len(slots) == (0 if is_one else dead)


def test_ends_by_a_status_are_their_own_fault_however_many() -> None:
    step = made(world(100, 100, signal=None))
    assert not events(step)
    assert ends(step) == {"crashed": 100}


def test_they_come_back_in_waves() -> None:
    history, count = History(), 100
    there = world(count, count)
    step = made(there, history)
    waves = [[x.worker for x in step.actions if isinstance(x, a.Start)]]
    at = [NOW]
    assert events(step)[0].workers == tuple(f"w-{n}" for n in range(1, count + 1))
    runs: dict[str, Run] = {}
    while len(at) < 4:
        for name in waves[-1]:
            runs[name] = Run(run=f"{name}.2", alive=True, started=at[-1])
        seen = {
            name: Seen(
                session_id=pane.session_id,
                session=name,
                pane_id=pane.pane_id,
                run=runs[name].run if name in runs else pane.run,
                alive=name in runs,
                signal=None if name in runs else 9,
            )
            for name, pane in there.seen.items()
        }
        assert step.wake_at is not None
        now = max(step.wake_at, at[-1])
        trees = dict.fromkeys(step.history.sweeps, frozenset[Member]())
        now_there = Observed(server=True, seen=seen, runs=dict(runs), trees=trees)
        step = plan(wanted(count), now_there, step.history, now)
        assert not events(step)
        started = [x.worker for x in step.actions if isinstance(x, a.Start)]
        if started:
            waves.append(started)
            at.append(now)
        else:
            waiting = {n for n in step.pending if n not in runs}
            assert {step.pending[n] for n in waiting} <= {"mass_death", "leftover"}
    assert [len(wave) for wave in waves] == [WAVE, WAVE, WAVE, count - 3 * WAVE]
    assert at == pytest.approx([NOW + WAVE_EVERY * n for n in range(4)])
    assert [name for wave in waves for name in wave] == [f"w-{n}" for n in range(1, count + 1)]


def test_a_machine_that_is_dying_slowly_is_one_event() -> None:
    """A third of a hundred a pass: the first are crashes at first, and forgiven when half of all are dead."""
    first = made(world(100, 33))
    assert ends(first) == {"crashed": 33}
    assert len(first.history.deaths) == 33
    step = plan(wanted(100), world(100, 66, known=33), first.history, NOW + 0.1)
    (event,) = events(step)
    assert len(event.workers) == 66
    assert (event.living, ends(step)) == (34, {"mass_death": 33})
    assert not [worker for worker, slot in step.history.slots.items() if slot.crashes]
    last = plan(wanted(100), world(100, 100, known=66), step.history, NOW + 0.2)
    assert not events(last)
    assert ends(last) == {"mass_death": 34}


def test_deaths_that_are_far_apart_have_nothing_to_do_with_each_other() -> None:
    first = made(world(20, 9))
    step = plan(wanted(20), world(20, 12, known=9), first.history, NOW + TOGETHER)
    assert not events(step)
    assert ends(step) == {"crashed": 3}
    assert set(step.history.deaths) == {"w-10", "w-11", "w-12"}


def test_what_is_remembered_of_it_is_forgotten_in_time() -> None:
    step = made(world(8, 8))
    assert step.history.mass is not None
    later = plan(wanted(8), world(8), step.history, NOW + TOGETHER)
    assert later.history.mass is None
    lone = made(world(100, 1))
    assert lone.wake_at is not None
    assert lone.wake_at <= NOW + TOGETHER
    assert plan(wanted(100), world(100), lone.history, NOW + TOGETHER).history.deaths == {}


def test_a_bad_program_pays_from_its_second_death_on() -> None:
    """All eight die within a second of each start, by a signal, again and again."""
    again = LastExit(reason="mass_death", signal=11, at=NOW - 1.0)
    slots = {f"w-{n}": Slot(last_exit=again) for n in range(1, 9)}
    step = made(world(8, 8, signal=11, started=NOW - 1.0), History(slots=slots))
    assert not events(step)
    assert ends(step) == {"crashed": 8}
    healthy = made(world(8, 8, signal=11, started=NOW - 11.0), History(slots=slots))
    assert len(events(healthy)) == 1


def test_who_may_be_one_of_many_is_not_given_up_before_that_is_known() -> None:
    limit = LimitRules(crashes=1, within=60.0, retry_every=None)
    group = WantedGroup(
        count=10, takes_tasks=False, fingerprint="f", restart=RestartRules(limit=limit)
    )
    strict = Wanted(groups={"w": group})
    first = plan(strict, world(10, 2), History(), NOW)
    assert first.pending == {"w-1": "crashed", "w-2": "crashed"}
    assert not [x for x in first.actions if isinstance(x, a.Rest | a.Start)]
    forgiven = plan(strict, world(10, 8, known=2), first.history, NOW + 0.5)
    assert len(events(forgiven)) == 1
    assert len([x for x in forgiven.actions if isinstance(x, a.Start)]) == 8
    alone = plan(strict, world(10, 2, known=2), first.history, NOW + TOGETHER)
    rests = [(x.worker, x.reason) for x in alone.actions if isinstance(x, a.Rest)]
    assert rests == [("w-1", "crash_limit"), ("w-2", "crash_limit")]
    assert alone.pending.keys() <= {"w-1", "w-2"}


def test_one_of_many_of_which_tmux_does_not_tell_how_it_ended_is_no_crash_either() -> None:
    there = world(9, 9)
    silent = msgspec.structs.replace(there.seen["w-9"], signal=None)
    there = msgspec.structs.replace(there, seen={**there.seen, "w-9": silent})
    first = made(there)
    assert ends(first) == {"mass_death": 8}
    known = world(9, 9, known=8)
    known = msgspec.structs.replace(known, seen={**known.seen, "w-9": silent})
    step = plan(wanted(9), known, first.history, NOW + 0.06)
    assert ends(step) == {"mass_death": 1}
    assert step.history.slots["w-9"].crashes == 0
