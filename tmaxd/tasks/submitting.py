"""How tasks come in: submits, keyed ones after a look at the disk, and what routes make of the ends of others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tmaxd.tasks import events as ev
from tmaxd.tasks.door import options_problem, payloads_problem, room_problem
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.outlines import lines
from tmaxd.tasks.records import PLAIN, Closed, Options, State, Submitted
from tmaxd.tasks.routes import End, Routed, follow


def submit(m: Memory, event: ev.Submit) -> None:
    problem = (
        options_problem(event.options, len(event.payloads), len(event.groups), m.out.now)
        or payloads_problem(event.payloads)
        or room_problem(m.groups, event)
    )
    if problem is not None:
        m.out.effects.append(ev.Denied(event.token, *problem))
    elif event.options.key is None:
        _accept(m, event)
    else:
        m.keys.look(event.groups[0], event.options.key, event, m.out)


def key_found(m: Memory, event: ev.KeyFound) -> None:
    """The first of the submits that wait for this key makes the task, unless there is one; the others are it."""
    known = event.found
    for waiting in m.keys.end(event.token):
        payload = waiting.payloads[0]
        if event.failed:
            why = "the journal could not be read, so nobody can tell whether the key is known; try again"
            m.out.effects.append(ev.Denied(waiting.token, "journal", why))
        elif known is None:
            problem = room_problem(m.groups, waiting)
            if problem is not None:
                m.out.effects.append(ev.Denied(waiting.token, *problem))
                continue
            known = m.next_id, payload, _first_state(waiting.options, m.out.now)
            _accept(m, waiting)
        elif known[1] == payload:
            m.out.effects.append(ev.Accepted(waiting.token, known[0], 1, True, known[2]))
        else:
            why = (
                f"key {waiting.options.key!r} of group {waiting.groups[0]!r} is that of task {known[0]}, which has "
                "another payload"
            )
            m.out.effects.append(ev.Denied(waiting.token, "key_conflict", why))


def _first_state(options: Options, now: float) -> State:
    return "queued" if options.due is None or options.due <= now else "delayed"


def _accept(m: Memory, event: ev.Submit) -> None:
    first = m.next_id
    if event.payloads:
        for name in event.groups:
            _add(m, m.groups[name], event.payloads, event.options)
    m.out.effects.append(ev.Accepted(event.token, first, m.next_id - first))


def _add(m: Memory, group: GroupState, payloads: Sequence[str], options: Options) -> None:
    now, first, count = m.out.now, m.next_id, len(payloads)
    if options is not PLAIN or group.rules.expire is not None:
        options = _settled(options, group.rules.expire, now)
    m.next_id = first + count
    m.out.records.append(Submitted(first, group.name, payloads, now, options))
    if options.expires is not None:
        group.expiry.note(options.expires)
    if options.due is not None:
        group.delayed += count
        group.queue.wait_until(options.due)
    else:
        group.queued += count
        group.queue.submitted(first, payloads, now, options)
    group.stirred = True


def _settled(options: Options, expire: float | None, now: float) -> Options:
    """What goes to disk: a time that has come is none, and the group's own expiry is worked in."""
    due, expires = options.due, options.expires
    if due is not None and due <= now:
        due = None
    if expires is None and expire is not None:
        expires = (now if due is None else due) + expire
    if (due, expires) == (options.due, options.expires):
        return options
    return msgspec.structs.replace(options, due=due, expires=expires)


# ---------------------------------------------------------------------------------------- routes


def spread(m: Memory) -> None:
    """Of the tasks that ended: lines for the outboxes, and what routes make of them, in this same step."""
    while m.out.ends:
        ends, m.out.ends = m.out.ends, []
        by_group: dict[str, list[End]] = {}
        for group, end, priority in ends:
            by_group.setdefault(group.name, []).append(end)
            for routed in follow(group.name, group.rules, end):
                _submit_routed(m, end, priority, routed)
        for name, some in by_group.items():
            m.out.effects += lines(name, m.groups[name].rules, some)


def _submit_routed(m: Memory, end: End, priority: int, routed: Routed) -> None:
    """A task of its own in each group, of the priority of the one that made it. What could not be carried over is dead
    from the beginning, so that it is not lost in silence."""
    options = Options(priority=priority, source=end.task, hops=routed.hops)
    for name in routed.groups:
        group = m.group(name)
        if routed.problem is None:
            _add(m, group, (routed.payload,), options)
        else:
            _add_dead(m, group, routed.payload, options, routed.problem)


def _add_dead(m: Memory, group: GroupState, payload: str, options: Options, problem: str) -> None:
    task, now = m.next_id, m.out.now
    m.next_id = task + 1
    m.out.records.append(Submitted(task, group.name, (payload,), now, options))
    m.out.records.append(
        Closed(
            id=task,
            group=group.name,
            state="dead",
            attempt=0,
            worker=None,
            run=None,
            outcome="failed",
            sent=None,
            started=None,
            at=now,
            error=problem,
            was="queued",
        )
    )
    group.dead += 1
    m.out.ended.append((task, "dead"))
    if group.rules.routes or group.rules.outboxes:
        end = End(task, 0, None, "dead", None, None, problem, options.hops, at=now)
        m.out.ends.append((group, end, options.priority))
