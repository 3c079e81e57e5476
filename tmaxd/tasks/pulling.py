"""Groups whose workers pull their tasks from one FIFO: what the dispatcher makes of the decisions of `shared`.

A task that was written is with nobody in particular until a run says that it started it; then that run holds it like
any other. What a run says of a task that it does not hold is a claim to it.
"""

from __future__ import annotations

from tmaxd.tasks.ending import Out, close_waiting, end
from tmaxd.tasks.events import Control, Restored, SendShared, TakeBack, TakenBack
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.lives import Life
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.orders import CANCELLED
from tmaxd.tasks.records import Assigned, Outcome
from tmaxd.tasks.sending import ask_to_end, line_of
from tmaxd.tasks.shared import BLANK, SharedFifo, record
from tmaxd.tasks.shared_moves import Moves
from tmaxd.tasks.task import Task, from_lease
from tmaxd.tasks.writing import pause_frame, ping_frame


def fifo_of(group: GroupState) -> SharedFifo:
    if group.shared is None:
        group.shared = SharedFifo(group.name)
    return group.shared


# ------------------------------------------------------------------------------------------ runs


def restored(m: Memory, event: Restored) -> None:
    """Its leases that name no run. `runs` are all that may read such a FIFO, ready or not: each is heard from now."""
    for lease in event.leases:
        if not lease.run:
            group = m.group(lease.group)
            task = from_lease(lease)
            group.restored(task)
            fifo_of(group).restored(task)
    for death in event.deaths:
        group = m.group(death.group)
        if group.shared is not None:
            group.shared.died(death)
    for worker, name, run in event.runs:
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


def left(m: Memory, life: Life, excused: bool, how: str = "died") -> None:
    """It is dead, and what it held has ended."""
    fifo = life.group.shared
    if fifo is not None and fifo.reads(life.run):
        fifo.left(life.worker, life.run, excused, m.out.now, how)


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
    if moves.lost or moves.missing or moves.returned or moves.cancelled:
        _end(group, fifo, moves, out)
    out.records += fifo.leases.records(lambda: next(m.next_send))
    # Nobody reaches a run of an earlier daemon before it is adopted: it is asked when it joins once more.
    asked = [life for _, run in moves.ask if (life := m.lives[run]).ready]
    if asked or moves.again:
        # Who waits at the FIFO wakes up by a record, and sees the ping then.
        _write(group, [BLANK] * len(asked) + _records(lives, moves.again, out), out)
    for life in asked:
        life.owes = moves.number
        ping = ping_frame(life.form, moves.number)
        out.effects.append(Control(life.worker, life.run, ping, life.number))
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
    timeout = group.rules.timeout
    for task in tasks:
        task.sent = now
        task.send = number
        task.timeout = timeout
    ids, attempts = [task.id for task in tasks], [task.attempt for task in tasks]
    group.queued -= len(ids)
    m.out.records.append(Assigned(number, group.name, "", "", ids, attempts, now, timeout))
    _write(group, _records(lives, tasks, m.out), m.out)
    fifo.assigned(tasks, next(life.form for life in lives if life.ready and life.form))


def _readers(group: GroupState) -> list[Life]:
    return [life for life in group.lives.values() if life.shares]


def _records(lives: list[Life], tasks: list[Task], out: Out) -> list[bytes]:
    """In the form that all of those read that are ready."""
    if not tasks:
        return []
    life = next(life for life in lives if life.ready)
    return [record(line_of(life, task, out)) for task in tasks]


def _write(group: GroupState, records: list[bytes], out: Out) -> None:
    writes = [b"".join(records)] if group.rules.batching else records
    out.effects += [SendShared(group.name, data) for data in writes]


def _end(group: GroupState, fifo: SharedFifo, moves: Moves, out: Out) -> None:
    for task, death in moves.lost:
        life = Life(death.worker, group, death.run)
        life.shares = True
        outcome: Outcome = "interrupted" if death.excused else "lost"
        end(life, task, outcome, f"{death.worker} {death.how}", out)
    nobody = Life("", group, "")
    nobody.shares = True
    for task in moves.missing:
        end(nobody, task, "returned", "", out)
    for task in moves.returned:
        end(nobody, task, "unsent", "", out)
    for task in moves.cancelled:
        fifo.leases.over(task)
        close_waiting(group, task, "cancelled", CANCELLED, out)
    out.settle(nobody)


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
    life.takes([found[0]])
    if found[1]:
        life.cancelling[task] = out.now
        ask_to_end(life, [task], out)
    return found[0]
