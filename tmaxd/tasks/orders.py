"""What somebody wants of single tasks, wherever these are: cancel and retry; and the end of those that expire.

A task is in flight, in memory, or on disk only. What the first two do not know is looked for on disk; and when the
answer comes, memory is asked again first, since the task may have been loaded meanwhile, and what has changed since
the read was asked for is looked for once more. So nothing is ended or revived by an old word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from tmaxd.tasks import events as ev
from tmaxd.tasks.ending import close_waiting, state_of
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.records import Found, Revived
from tmaxd.tasks.searches import CancelOrder, ExpireOrder, Order, RetryOrder, Search
from tmaxd.tasks.sending import ask_to_end
from tmaxd.tasks.shared import SharedFifo
from tmaxd.tasks.table import TABLE, Goes, Refused
from tmaxd.tasks.task import Task, from_disk

CANCELLED = "cancelled while it waited"
EXPIRED = "its time was over before a worker could begin it"


def cancel(m: Memory, event: ev.Cancel) -> None:
    order = CancelOrder(event.token, event.ids)
    _look(m, order, _cancel_here(m, order, order.verdicts.keys()))


def retry(m: Memory, event: ev.Retry) -> None:
    order = RetryOrder(event.token, event.ids)
    for life in m.lives.values():
        for task in order.verdicts.keys() & life.leases.keys():
            order.decide(task, "waiting")
    for fifo in _fifos(m.groups.values()):
        for task in order.verdicts:
            if task in fifo:
                order.decide(task, "waiting")
    _look(m, order, [task for task, verdict in order.verdicts.items() if verdict is None])


def expired(m: Memory, event: ev.ExpiredLoaded) -> None:
    """What the disk says has expired, unless it is in flight."""
    group = m.group(event.group)
    group.stirred = True
    forgiven = group.expiry.forgiven
    rows = {row.id: row for row in event.page.tasks} if event.page is not None else {}
    flying = _flying(group)
    rows = {task: row for task, row in rows.items() if task not in forgiven and task not in flying}
    group.expiry.loaded(event.page, m.out.now, fresh=bool(rows))
    order = ExpireOrder(group.name, rows)
    _look(m, order, _expire_here(m, group, rows.keys()))


def expire_taken(m: Memory, group: GroupState) -> None:
    """End what had expired when it was its turn."""
    taken, group.queue.lanes.expired = group.queue.lanes.expired, []
    group.queued -= len(taken)
    for task in taken:
        close_waiting(group, task, "dead", EXPIRED, m.out)


def found(m: Memory, event: ev.TasksFound) -> None:
    """The disk has been asked for tasks that memory did not know."""
    search = m.searches.end(event.token)
    if search is None:
        return
    order = search.order
    if event.tasks is None:
        _unreadable(m, search)
        return
    rows = {row.id: row for row in event.tasks}
    rest: Collection[int] = search.ids
    if isinstance(order, CancelOrder):
        rest = _cancel_here(m, order, rest)
    elif isinstance(order, ExpireOrder):
        rest = _expired_rest(m, order, search.ids)
    again = []
    for task in sorted(rest):
        if task in search.changed:
            again.append(task)
        elif task not in rows:
            order.decide(task, "unknown")
        else:
            _decide(m, order, rows[task])
    # what changes is not what had expired: that is for the next look at the disk
    _look(m, order, [] if isinstance(order, ExpireOrder) else again)


def _look(m: Memory, order: Order, ids: Collection[int]) -> None:
    """Look for these on disk; answer when none is open."""
    if ids:
        m.out.queries += m.searches.begin(order, ids)
    elif order.token is not None and not order.open:
        m.out.effects.append(ev.Verdicts(order.token, order.answer()))


def _unreadable(m: Memory, search: Search) -> None:
    order = search.order
    if isinstance(order, ExpireOrder):
        group = m.group(order.group)
        group.expiry.retry(m.out.now)
        group.stirred = True
    for task in search.ids:
        order.decide(task, "unreadable")
    _look(m, order, [])


# ------------------------------------------------------------------------------------- in memory


def _cancel_here(m: Memory, order: Order, ids: Collection[int]) -> list[int]:
    """Cancel those that are in flight or in memory; returns the others."""
    wanted = set(ids)
    for life in m.lives.values():
        asked = []
        for task in sorted(wanted & life.leases.keys()):
            if isinstance(TABLE[state_of(life, life.leases[task])]["cancel"], Goes):
                life.cancelling[task] = m.out.now
                asked.append(task)
            order.decide(task, "cancelling")
            wanted.discard(task)
        ask_to_end(life, asked, m.out)
    for fifo in _fifos(m.groups.values()):
        for task in sorted(wanted):
            if fifo.cancel(task):
                m.group(fifo.group).stirred = True
                order.decide(task, "cancelling")
                wanted.discard(task)
    for group in m.groups.values():
        for dropped in _drop(group, wanted):
            close_waiting(group, dropped, "cancelled", CANCELLED, m.out)
            order.decide(dropped.id, "cancelled")
            wanted.discard(dropped.id)
    return [task for task in ids if task in wanted]


def _expire_here(m: Memory, group: GroupState, ids: Collection[int]) -> list[int]:
    """End those that are in memory; returns the others."""
    wanted = set(ids)
    for task in _drop(group, wanted):
        close_waiting(group, task, "dead", EXPIRED, m.out)
        wanted.discard(task.id)
    return sorted(wanted)


def _drop(group: GroupState, ids: Collection[int]) -> list[Task]:
    """Take these out of the group's memory."""
    if not ids:
        return []
    dropped = group.queue.drop(ids) + group.aside.drop(ids)
    if dropped:
        group.queued -= len(dropped)
        group.stirred = True
    return dropped


def _expired_rest(m: Memory, order: ExpireOrder, ids: Collection[int]) -> list[int]:
    """Those of the order that are still not in flight nor, once they are ended, in memory."""
    group = m.group(order.group)
    flying = _flying(group)
    return _expire_here(m, group, [task for task in ids if task not in flying])


def _flying(group: GroupState) -> set[int]:
    """Those in flight."""
    flying = {task for life in group.lives.values() for task in life.leases}
    return flying if group.shared is None else flying.union(group.shared)


def _fifos(groups: Iterable[GroupState]) -> list[SharedFifo]:
    return [group.shared for group in groups if group.shared is not None]


# --------------------------------------------------------------------------------- on disk only


def _decide(m: Memory, order: Order, row: Found) -> None:
    """What becomes of a task that is on disk only, and as the disk says."""
    happening: Literal["cancel", "retry", "expired"] = "expired"
    if isinstance(order, CancelOrder):
        happening = "cancel"
    elif isinstance(order, RetryOrder):
        happening = "retry"
    cell = TABLE[row.state][happening]
    if isinstance(cell, Refused):
        order.decide(row.id, cell.verdict)
    elif happening == "retry" and row.unmade:
        order.decide(row.id, "no_payload")
    elif happening == "retry":
        _revive(m, row)
        order.decide(row.id, "retried")
    elif row.state in ("queued", "delayed"):
        _end_on_disk(m, order, row)
        order.decide(row.id, "cancelled")
    else:
        # in flight, says the disk, though no life has it and nothing has changed: nobody can tell
        order.decide(row.id, "unreadable")


def _revive(m: Memory, row: Found) -> None:
    group, now = m.group(row.group), m.out.now
    if row.state == "dead":
        group.dead -= 1
        m.out.records.append(Revived(id=row.id, group=row.group, at=now, was="dead"))
    else:
        group.cancelled -= 1
        m.out.records.append(Revived(id=row.id, group=row.group, at=now, was="cancelled"))
    group.delayed += 1
    group.queue.wait_until(now)
    group.expiry.forgive(row.id)
    group.stirred = True
    m.searches.changed(row.id)


def _end_on_disk(m: Memory, order: Order, row: Found) -> None:
    group = m.group(row.group)
    if isinstance(order, ExpireOrder):
        task = from_disk(order.rows[row.id])
    else:
        task = Task(row.id, None, row.at, row.attempt + 1)
    task.attempt = row.attempt + 1
    if row.state == "delayed":
        task.was = "delayed"
        group.delayed -= 1
    else:
        group.queued -= 1
    group.queue.gone(task.id)
    if isinstance(order, ExpireOrder):
        close_waiting(group, task, "dead", EXPIRED, m.out)
    else:
        close_waiting(group, task, "cancelled", CANCELLED, m.out)
