"""Runs that come, begin anew, outlive a daemon, or die; and what becomes of the tasks they hold."""

from __future__ import annotations

from tmaxd.tasks import events as ev
from tmaxd.tasks.ending import end
from tmaxd.tasks.frames import Form
from tmaxd.tasks.lives import Life
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.records import Outcome, Released
from tmaxd.tasks.sending import ask_to_end, send
from tmaxd.tasks.task import Task, from_lease
from tmaxd.tasks.writing import unread_tasks


def restored(m: Memory, event: ev.Restored) -> None:
    for lease in sorted(event.leases, key=lambda lease: lease.id):
        life = m.life(lease.worker, lease.group, lease.run)
        task = from_lease(lease)
        life.group.queue.restored(task)
        if task.was == "delayed":
            life.group.delayed -= 1
        else:
            life.group.queued -= 1
        life.leases[task.id] = task
        life.sends[task.send] = life.sends.get(task.send, 0) + 1


def adopted(m: Memory, event: ev.Adopted) -> None:
    life = _begin(m, event.worker, event.group, event.run, event.window, event.form, event.batch)
    send(life, list(life.leases.values()), m.out, again=True)
    ask_to_end(life, life.cancelling, m.out)


def ready(m: Memory, event: ev.Ready) -> None:
    life = _begin(m, event.worker, event.group, event.run, event.window, event.form, event.batch)
    life.number = event.life
    if life.leases:
        _begin_anew(m, life)


def _begin(
    m: Memory, worker: str, group: str, run: str, window: int, form: Form, batch: bool
) -> Life:
    """The run takes tasks from now on; an earlier one of the same worker no longer does."""
    life = m.life(worker, group, run)
    former = m.lives.get(m.current.get(worker, run))
    if former is not None and former is not life:
        former.ready = False
        former.refresh()
    m.current[worker] = run
    life.began(window, form, batch)
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


class _Fate:
    """What the death of a run means for the tasks that it held."""

    __slots__ = ("_excused", "_late", "_life", "_unread")

    def __init__(self, life: Life, event: ev.Gone, now: float) -> None:
        self._life = life
        self._unread = unread_tasks(event.unread, life.form)
        late_at = life.late_at()
        late = late_at is not None and now > late_at
        self._late = next(iter(life.running)) if late else None
        # It was replaced because of one task that somebody wants ended: the others are not to blame.
        self._excused = event.excused or life.ignores_cancel(now)

    def of(self, task: Task) -> tuple[Outcome, str]:
        life = self._life
        if life.left_unread(task, self._unread) or life.never_began(task):
            return "unsent", ""
        if task.id == self._late:
            return "timeout", f"{life.worker} did not end it in time and was stopped"
        return "interrupted" if self._excused else "lost", f"{life.worker} died"
