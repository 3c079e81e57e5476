"""Runs that come, begin anew, outlive a daemon, or die; and what becomes of the tasks they hold."""

from __future__ import annotations

from tmaxd.tasks import events as ev
from tmaxd.tasks import pulling
from tmaxd.tasks.ending import end
from tmaxd.tasks.lives import Life
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.records import Outcome, Released
from tmaxd.tasks.sending import ask_to_end, send
from tmaxd.tasks.task import Task, from_lease
from tmaxd.tasks.trust import ignores_cancel, latest
from tmaxd.tasks.writing import ping_frame, unread_tasks


def restored(m: Memory, event: ev.Restored) -> None:
    for lease in sorted(event.leases, key=lambda lease: lease.id):
        if lease.run:
            life = m.life(lease.worker, lease.group, lease.run)
            task = from_lease(lease)
            life.group.restored(task)
            life.takes([task])
            life.sends[task.send] = life.sends.get(task.send, 0) + 1
    pulling.restored(m, event)


def adopted(m: Memory, event: ev.Adopted) -> None:
    life = _begin(m, event)
    life.beats = life.beats or event.beats
    if not life.shares:
        send(life, list(life.leases.values()), m.out, again=True)
        _ask_what_it_began(m, life)
    ask_to_end(life, life.cancelling, m.out)
    pulling.joined(m, life, anew=False)


def _ask_what_it_began(m: Memory, life: Life) -> None:
    """An earlier daemon heard it, and the disk does not know."""
    if life.leases:
        life.owes = next(m.turns)
        data = ping_frame(life.form, life.owes)
        m.out.effects.append(ev.Control(life.worker, life.run, data, life.number))


def ready(m: Memory, event: ev.Ready) -> None:
    known = m.lives.get(event.run)
    anew = known is not None and known.ready
    life = _begin(m, event)
    life.number = event.life
    if life.leases and (anew or not life.shares):
        _begin_anew(m, life)
    else:
        ask_to_end(life, life.cancelling, m.out)
    pulling.joined(m, life, anew)


def _begin(m: Memory, event: ev.Adopted | ev.Ready) -> Life:
    """The run takes tasks from now on; an earlier one of the same worker no longer does."""
    worker = event.worker
    life = m.life(worker, event.group, event.run)
    former = m.lives.get(m.current.get(worker, event.run))
    if former is not None and former is not life:
        former.ready = False
        former.refresh()
    m.current[worker] = event.run
    life.began(event.window, event.form, event.batch, m.out.now)
    life.shares = event.shared
    life.held = worker in m.holds
    life.refresh()
    life.heard(m.out.now)
    life.group.stirred = True
    return life


def _begin_anew(m: Memory, life: Life) -> None:
    """The program restarted inside its pane: what it had begun is lost, the rest is sent again. So is, once, what an
    earlier daemon sent: the new program may have read it from the FIFO before we saw that it is new, and must not
    get it under another number too."""
    kept, lost = list[Task](), list[Task]()
    for task in life.leases.values():
        sent_before = not task.here and task.started is None
        (kept if sent_before or life.never_began(task) else lost).append(task)
    for task in lost:
        life.let_go(task)
        end(life, task, "lost", f"{life.worker} began anew", m.out)
    life.says_started = False
    m.out.settle(life)
    send(life, kept, m.out, again=True)
    for task in kept:
        task.here = True
    ask_to_end(life, life.cancelling, m.out)


def hold(m: Memory, event: ev.Hold) -> None:
    if event.held:
        m.holds.add(event.worker)
    else:
        m.holds.discard(event.worker)
    life = m.lives.get(m.current.get(event.worker, ""))
    if life is not None:
        if life.shares and life.held != event.held:
            pulling.hold(m, life, event.held)
        life.held = event.held
        life.refresh()
        life.group.stirred = True


def gone(m: Memory, event: ev.Gone) -> None:
    life = m.lives.pop(event.run, None)
    if life is None:
        return
    if m.current.get(life.worker) == event.run:
        del m.current[life.worker]
        m.holds.discard(life.worker)
    del life.group.lives[event.run]
    life.group.stirred = True
    fate = _Fate(life, event, m.out.now)
    leases, life.leases = life.leases, {}
    for task in leases.values():
        outcome, why = fate.of(task)
        end(life, task, outcome, why, m.out)
    life.spent_sends.clear()
    m.out.settle(life)
    if life.sends:
        m.out.records.append(Released(life.run))
    pulling.left(m, life, event.excused, event.how)


class _Fate:
    """What the death of a run means for the tasks that it held."""

    __slots__ = ("_excused", "_how", "_late", "_life", "_unread")

    def __init__(self, life: Life, event: ev.Gone, now: float) -> None:
        self._life = life
        self._how = event.how
        self._unread = unread_tasks(event.unread, life.form)
        late = latest(life)
        self._late = late[1].id if late is not None and now > late[0] else None
        # It was replaced because of one task that somebody wants ended: the others are not to blame.
        self._excused = event.excused or ignores_cancel(life, now)

    def of(self, task: Task) -> tuple[Outcome, str]:
        life = self._life
        if life.left_unread(task, self._unread) or life.never_began(task):
            return "unsent", ""
        if task.id == self._late:
            return "timeout", f"{life.worker} did not end it in time and was stopped"
        return "interrupted" if self._excused else "lost", f"{life.worker} {self._how}"
