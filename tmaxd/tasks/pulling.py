"""Groups whose workers pull their tasks from one FIFO: what the dispatcher makes of the decisions of `shared`.

A task that was written is with nobody in particular until a run says that it started it; then that run holds it like
any other. What a run says of a task that it does not hold is a claim to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.tasks.ending import Out, close_waiting, end
from tmaxd.tasks.events import Control, SendShared, TakeBack, TakenBack
from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.orders import CANCELLED
from tmaxd.tasks.records import Assigned, Lease, Outcome
from tmaxd.tasks.sending import ask_to_end, line_of
from tmaxd.tasks.shared import BLANK, Death, Moves, SharedFifo, record
from tmaxd.tasks.task import Task, from_lease
from tmaxd.tasks.writing import pause_frame, ping_frame


def fifo_of(group: GroupState) -> SharedFifo:
    if group.shared is None:
        group.shared = SharedFifo(group.name)
    return group.shared


# ------------------------------------------------------------------------------------------ runs


def restored(m: Memory, leases: Iterable[Lease], runs: Iterable[tuple[str, str, str]]) -> None:
    """`leases` name no run; `runs` are all that may read such a FIFO, ready or not: each is heard from now on."""
    for lease in leases:
        group = m.group(lease.group)
        task = from_lease(lease)
        group.restored(task)
        fifo_of(group).restored(task)
    for worker, name, run in runs:
        group = m.group(name)
        if group.shared is not None or (group.policy is not None and group.policy.shared):
            life = m.life(worker, name, run)
            # Perhaps: if it has a FIFO of its own after all, that is told when it is adopted.
            life.shares = not life.leases
            fifo_of(group).joined(worker, run)


def joined(m: Memory, life: Life, anew: bool) -> None:
    """It is ready. `anew`: it was so before, and has begun anew, with what it had begun ended."""
    if not life.shares:
        if life.group.shared is not None:
            life.group.shared.never(life.run)
        return
    fifo = fifo_of(life.group)
    if anew:
        fifo.left(life.worker, life.run, False, m.out.now)
    fifo.joined(life.worker, life.run)
    hold(m, life, life.held)


def left(m: Memory, life: Life, excused: bool) -> None:
    """It is dead, and what it held has ended."""
    fifo = life.group.shared
    if fifo is not None and fifo.reads(life.run):
        fifo.left(life.worker, life.run, excused, m.out.now)


def hold(m: Memory, life: Life, held: bool) -> None:
    """It pulls, so it must be told to stop. It counts as busy until it has said that it has, after all it had taken."""
    if life.form is None:
        return
    data = pause_frame(life.form, held)
    life.pausing = 0
    if held:
        life.pausing = next(m.turns)
        data += ping_frame(life.form, life.pausing)
    m.out.effects.append(Control(life.worker, life.run, data, life.number))


def taken_back(m: Memory, event: TakenBack) -> None:
    group = m.group(event.group)
    group.stirred = True
    if group.shared is not None:
        group.shared.taken_back(event.unread, m.out.now)


# ------------------------------------------------------------------------------------- each step


def settle(m: Memory, group: GroupState, fifo: SharedFifo) -> None:
    """Bring about what follows from all that has happened."""
    out = m.out
    lives = _readers(group)
    moves = fifo.moves(lives, group.policy is not None and group.policy.shared)
    if moves.lost or moves.returned or moves.cancelled:
        _end(group, fifo, moves, out)
    out.records += fifo.leases.records(lambda: next(m.next_send))
    if moves.ask or moves.again:
        # Who waits at the FIFO wakes up by a record, and sees the ping then.
        data = BLANK * len(moves.ask) + _records(lives, moves.again, out)
        out.effects.append(SendShared(group.name, data))
    for worker, run in moves.ask:
        life = m.lives[run]
        life.owes = moves.number
        out.effects.append(Control(worker, run, ping_frame(life.form, moves.number), life.number))
    if moves.take_back:
        out.effects.append(TakeBack(group.name))


def fill(m: Memory, group: GroupState) -> None:
    """Write as many of the group's tasks as its workers may hold."""
    fifo, lives, now = group.shared, _readers(group), m.out.now
    room = fifo.room(lives) if fifo is not None else 0
    tasks = group.queue.take_many(room, now) if room and len(group.queue) else []
    if not tasks or fifo is None:
        return
    number = next(m.next_send)
    for task in tasks:
        task.sent = now
        task.send = number
    ids, attempts = [task.id for task in tasks], [task.attempt for task in tasks]
    group.queued -= len(ids)
    m.out.records.append(Assigned(number, group.name, "", "", ids, attempts, now))
    m.out.effects.append(SendShared(group.name, _records(lives, tasks, m.out)))
    fifo.assigned(tasks, next(life.form for life in lives if life.ready and life.form))


def _readers(group: GroupState) -> list[Life]:
    return [life for life in group.lives.values() if life.shares]


def _records(lives: list[Life], tasks: list[Task], out: Out) -> bytes:
    """In the form that all of those read that are ready."""
    if not tasks:
        return b""
    life = next(life for life in lives if life.ready)
    return b"".join([record(line_of(life, task, out)) for task in tasks])


def _end(group: GroupState, fifo: SharedFifo, moves: Moves, out: Out) -> None:
    for task, death in moves.lost:
        excused = death is not None and death.excused
        _end_one(group, task, death, "interrupted" if excused else "lost", out)
    for task in moves.returned:
        _end_one(group, task, None, "unsent", out)
    for task in moves.cancelled:
        fifo.leases.over(task)
        close_waiting(group, task, "cancelled", CANCELLED, out)
    out.settle(Life("", group, ""))


def _end_one(
    group: GroupState, task: Task, death: Death | None, outcome: Outcome, out: Out
) -> None:
    """Nobody that lives has the task: the attempt ends with the run that died, or with nobody."""
    life = Life("" if death is None else death.worker, group, "" if death is None else death.run)
    life.shares = True
    why = "it was with a worker that died while no daemon ran"
    if death is not None:
        why = f"{death.worker} died"
    end(life, task, outcome, "" if outcome == "unsent" else why, out)


# ----------------------------------------------------------------------------------------- claims


def claim(life: Life, task: int, attempt: int, out: Out) -> Task | None:
    """The run says something of a task that it does not hold: whether it has it from the shared FIFO. It then holds it.
    Else a stray is counted, but not of those that share: they say again what they have said."""
    fifo = life.group.shared
    if fifo is None or not life.shares:
        life.strays += 1
        return None
    found = fifo.claim(task, attempt)
    if found is None:
        return None
    life.leases[task] = found[0]
    if found[1]:
        life.cancelling[task] = out.now
        ask_to_end(life, [task], out)
    return found[0]
