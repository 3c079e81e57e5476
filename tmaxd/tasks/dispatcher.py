"""The dispatcher: a pure machine that owns the task table. Events in; records to write first, then effects.

It keeps three promises, given a driver that keeps its own (`events`): a task is acknowledged when it is on
disk; a frame is sent when its assignment is; a task is given to another run only once the run that holds it
is dead. It does no I/O and knows no clock: `now` is the wall time in seconds of each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tmaxd.tasks import events as ev
from tmaxd.tasks import forgetting, orders, pulling, running, submitting
from tmaxd.tasks.frames import Bad, HeartbeatFrame, ReadyFrame
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.heard import hear
from tmaxd.tasks.loads import WorkerLoad, loads
from tmaxd.tasks.memory import Memory
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import QUEUE_CHARS, QUEUE_ITEMS
from tmaxd.tasks.sending import assign
from tmaxd.tasks.view import InFlight, View, in_flight, render

OF_ITSELF = (Bad, HeartbeatFrame, ReadyFrame)
"""What a worker says of itself and not of a task."""


class Dispatcher:
    """`spool` is the folder of payload files, `next_id` the lowest task id never used, `next_send` the lowest
    number that no lease on disk has or exceeds. Tell it `Groups`, then `Counts`, then `Restored`, then what
    happens."""

    def __init__(
        self,
        spool: str,
        next_id: int,
        next_send: int = 1,
        *,
        queue_items: int = QUEUE_ITEMS,
        queue_chars: int = QUEUE_CHARS,
    ) -> None:
        self._memory = m = Memory(spool, next_id, next_send, (queue_items, queue_chars))
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.Groups: self._on_groups,
            ev.Counts: self._on_counts,
            ev.Restored: partial(running.restored, m),
            ev.Submit: partial(submitting.submit, m),
            ev.Cancel: partial(orders.cancel, m),
            ev.Retry: partial(orders.retry, m),
            ev.Adopted: partial(running.adopted, m),
            ev.Ready: partial(running.ready, m),
            ev.Frames: self._on_frames,
            ev.Gone: partial(running.gone, m),
            ev.TakenBack: partial(pulling.taken_back, m),
            ev.Hold: partial(running.hold, m),
            ev.Loaded: self._on_loaded,
            ev.DueLoaded: self._on_due_loaded,
            ev.ExpiredLoaded: partial(orders.expired, m),
            ev.TasksFound: partial(orders.found, m),
            ev.KeyFound: partial(submitting.key_found, m),
            ev.Forget: partial(forgetting.forget, m),
            ev.TasksPurged: partial(forgetting.purged, m),
            ev.Tick: lambda _: None,
        }

    def step(self, events: Sequence[ev.Event], now: float) -> ev.Step:
        """Take the events in, hand out what can be handed out."""
        out = self._memory.begin(now)
        for event in events:
            self._handlers[type(event)](event)
        submitting.spread(self._memory)
        wake_at = self._hand_out(now)
        if out.ended:
            out.effects.append(ev.Ended(out.ended))
        return ev.Step(out.records, out.effects, out.queries, wake_at, out.strays)

    def _hand_out(self, now: float) -> float | None:
        """For every group in which something has changed or whose time has come; returns when the next one's
        comes."""
        groups = self._memory.groups
        due = [
            group
            for group in groups.values()
            if group.stirred or (group.wake_at is not None and group.wake_at <= now)
        ]
        while due:
            for group in due:
                group.stirred = False
                group.wake_at = None
                if group.shared is not None:
                    pulling.settle(self._memory, group, group.shared)
                    submitting.spread(self._memory)
                if group.policy is not None:
                    self._serve(group, now)
            # what had expired may have made tasks for other groups
            due = [group for group in groups.values() if group.stirred]
        times = [group.wake_at for group in groups.values() if group.wake_at is not None]
        return min(times, default=None)

    def _serve(self, group: GroupState, now: float) -> None:
        m = self._memory
        if group.policy is not None and group.policy.shared:
            pulling.fill(m, group)
        else:
            assign(group, m.turns, m.next_send, m.out)
        if group.queue.lanes.expired:
            orders.expire_taken(m, group)
            submitting.spread(m)
        self._ask(group, now)

    def view(self, now: float) -> View:
        """What status shows."""
        m = self._memory
        return render(m.groups.values(), m.lives.values(), m.strays, now)

    def in_flight(self) -> Mapping[int, InFlight]:
        """Every task that is with a worker, by id."""
        return in_flight(self._memory.lives.values())

    def aside(self) -> dict[int, str]:
        """Of each task that waits for one certain worker while others have room, which worker that is."""
        found: dict[int, str] = {}
        for group in self._memory.groups.values():
            if len(group.aside):
                found |= group.aside.waiting()
        return found

    def groups(self) -> frozenset[str]:
        """Those that take tasks, and those that there were ever tasks of."""
        return frozenset(self._memory.groups)

    def loads(self, now: float) -> list[WorkerLoad]:
        """What each worker holds, for the planner: cheap enough for every pass."""
        m = self._memory
        return loads((m.lives[run] for run in m.current.values()), m.holds, now)

    def last_heard(self, run: str) -> float | None:
        """When the run last said anything; None when it has not, or is not known."""
        life = self._memory.lives.get(run)
        return None if life is None else life.last_seen

    def drained(self) -> bool:
        """Whether some worker that is held has nothing in hand."""
        m = self._memory
        runs = (m.current.get(worker) for worker in m.holds)
        return any(run is not None and not m.lives[run].busy for run in runs)

    def unread(self, group: str) -> int:
        """How many tasks of the group were written to the FIFO that it shares and are with nobody that is known."""
        found = self._memory.groups.get(group)
        return 0 if found is None or found.shared is None else len(found.shared)

    # -------------------------------------------------------------------------------- groups

    def _on_groups(self, event: ev.Groups) -> None:
        m = self._memory
        for name, policy in event.policies.items():
            group = m.group(name)
            _release(group, policy)
            group.policy = group.rules = policy
        for name, group in m.groups.items():
            if name not in event.policies:
                _release(group, None)
                group.policy = None
            group.stirred = True
            for life in group.lives.values():
                life.refresh()

    def _on_counts(self, event: ev.Counts) -> None:
        m = self._memory
        for name in {
            **event.counts, **event.lanes, **event.next_due, **event.next_expiry, **m.groups
        }:  # fmt: skip
            group = m.group(name)
            counts = event.counts.get(name, {})
            group.queued = counts.get("queued", 0)
            group.delayed = counts.get("delayed", 0)
            group.done = counts.get("done", 0)
            group.dead = counts.get("dead", 0)
            group.cancelled = counts.get("cancelled", 0)
            group.queue.restore(event.lanes.get(name, ()), event.next_due.get(name))
            if name in event.next_expiry:
                group.expiry.note(event.next_expiry[name])

    # --------------------------------------------------------------------------------- reads

    def _on_loaded(self, event: ev.Loaded) -> None:
        group = self._memory.group(event.group)
        group.queue.loaded(event.page, self._memory.out.now)
        group.stirred = True

    def _on_due_loaded(self, event: ev.DueLoaded) -> None:
        group = self._memory.group(event.group)
        count = group.queue.loaded_due(event.page, self._memory.out.now)
        group.delayed -= count
        group.queued += count
        group.stirred = True

    def _ask(self, group: GroupState, now: float) -> None:
        """Have read from disk what is wanted next, and note when there will be more to do."""
        queries, name, queue = self._memory.out.queries, group.name, group.queue
        page = queue.ask_page(now)
        if page is not None:
            queries.append(ev.LoadPage(name, *page))
        limit = queue.ask_due(now)
        if limit is not None:
            queries.append(ev.LoadDue(name, limit))
        limit = group.expiry.ask(now, group.in_flight)
        if limit is not None:
            queries.append(ev.LoadExpired(name, limit))
        times = [queue.wake_at(now), group.expiry.wake_at()]
        group.wake_at = min([time for time in times if time is not None], default=None)

    # -------------------------------------------------------------------------------- frames

    def _on_frames(self, event: ev.Frames) -> None:
        m = self._memory
        life = m.lives.get(event.run)
        if life is None or life.worker != event.worker:
            m.strays += len(event.frames)
            about_tasks = sum(not isinstance(frame, OF_ITSELF) for frame in event.frames)
            m.out.stray(event.worker, about_tasks)
            return
        hear(life, event.frames, event.texts, m.out)


def _release(group: GroupState, policy: GroupPolicy | None) -> None:
    """Tasks that wait for one certain worker go back to the queue, if the group's next policy has no use for that."""
    if policy is None or policy.balance != "sticky":
        group.queue.put_first(group.aside.release())
