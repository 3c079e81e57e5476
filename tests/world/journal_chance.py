"""Random records that a journal may be given: what a dispatcher could write, and much that it never would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Literal

from tmaxd.tasks.records import (
    UNCOUNTED,
    Assigned,
    Closed,
    Delivered,
    Done,
    Options,
    Outcome,
    Released,
    Requeued,
    Revived,
    Submitted,
    TaskFilter,
    TaskRecord,
)
from tmaxd.testing.disk import Disk
from tmaxd.testing.durable import Entry

GROUPS = ("a", "b", "shared")
RUNS = ("r1", "r2", "r3")
COUNTED: tuple[Outcome, ...] = ("failed", "temporary", "timeout", "lost")


class Chance:
    """Makes batches and applies them to the strict twin, which says what may come next."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.disk = Disk()
        self.now = 1000.0
        self.send = 0

    def batch(self) -> list[TaskRecord]:
        records: list[TaskRecord] = []
        makers: list[Callable[[], Iterator[TaskRecord]]] = [
            self.submit, self.submit, self.assign, self.assign, self.done, self.done, self.requeue,
            self.close_held, self.close_waiting, self.revive, self.release, self.tear, self.deliver,
        ]  # fmt: skip
        for maker in self.random.choices(makers, k=self.random.randint(1, 6)):
            self.now += self.random.choice((0.0, 0.5, 7.0))
            found = list(maker())
            self.disk.write(found)
            records += found
        return records

    # ------------------------------------------------------------------------------- choices

    def some(self, entries: list[Entry], most: int = 90) -> list[Entry]:
        """In any order, or as they stand."""
        count = min(len(entries), self.random.randint(0, most))
        if self.random.random() < 0.5:
            begin = self.random.randint(0, len(entries) - count)
            return entries[begin : begin + count]
        return self.random.sample(entries, count)

    def few(self, entries: list[Entry]) -> list[Entry]:
        """Rather the first ones, so that much happens to some."""
        return self.some(entries[: self.random.choice((3, 1000))], 5)

    def idle(self, group: str) -> list[Entry]:
        return [e for e in self.disk.of(group, "queued", "delayed") if e.lease is None]

    def held(self, group: str) -> list[Entry]:
        return [e for e in self.disk.of(group, "queued", "delayed") if e.lease is not None]

    def group(self) -> str:
        return self.random.choice(GROUPS)

    def later(self) -> float:
        return self.now + self.random.choice((0.0, 3.0, 60.0, self.random.random() * 100))

    # ------------------------------------------------------------------------------- records

    def submit(self) -> Iterator[TaskRecord]:
        group, random = self.group(), self.random
        count = random.choice((1, 1, 1, 1, 2, 3, 40, 270))
        key = f"k{random.randint(0, 40)}" if count == 1 and random.random() < 0.3 else None
        options = Options(
            priority=random.choice((0, 0, 0, 5, -3)),
            due=self.later() if random.random() < 0.15 else None,
            expires=self.later() if random.random() < 0.3 else None,
            key=None if (group, key) in self.disk.keys else key,
            affinity=random.choice((None, None, "x", "y")),
            source=random.choice((None, None, random.randint(1, 9))),
            hops=random.choice((0, 0, 2)),
        )
        if random.random() < 0.5:
            options = Options()
        size = 9000 if count == 40 and random.random() < 0.5 else 5
        first = self.disk.next_id + random.choice((0, 0, 0, 1, 300))
        texts = [
            f"p{task} " + "ü" * random.randint(0, size) for task in range(first, first + count)
        ]
        yield Submitted(first, group, texts, self.now, options)

    def assign(self) -> Iterator[TaskRecord]:
        group = self.group()
        entries = self.some(self.idle(group))
        if entries:
            run = "" if group == "shared" else self.random.choice(RUNS)
            yield self.assigned(group, run, entries)

    def assigned(self, group: str, run: str, entries: list[Entry]) -> Assigned:
        self.send = max(self.send + 1, self.disk.next_send())
        worker = f"w-{run}" if run else ""
        ids = [e.row.id for e in entries]
        attempts = [e.lease.attempt if e.lease else e.row.attempt + 1 for e in entries]
        return Assigned(self.send, group, worker, run, ids, attempts, self.now)

    def done(self) -> Iterator[TaskRecord]:
        group, run = self.group(), self.random.choice(RUNS)
        ready = [e for e in self.held(group) if e.lease and e.lease.run in (run, "")]
        entries = self.some(ready, 200)
        tasks = []
        for e in entries:
            if e.lease:
                result = self.random.choice((None, f"result {e.row.id}"))
                file = None if result else "/payloads/x"
                began = self.random.choice((None, self.now))
                tasks.append((e.row.id, e.lease.attempt, e.lease.at, began, result, file))
        if tasks:
            delayed = sum(e.row.state == "delayed" for e in entries)
            yield Done(group, f"w-{run}", run, self.now, tasks, delayed)

    def requeue(self) -> Iterator[TaskRecord]:
        for e in self.few(self.held(self.group())):
            yield self.requeued(e, self.random.choice(COUNTED))

    def requeued(self, e: Entry, outcome: Outcome) -> Requeued:
        due = self.random.choice((None, self.later()))
        fields = self.attempt_of(e)
        return Requeued(**fields, outcome=outcome, error=self.random.choice(("", "broke")), due=due)

    def attempt_of(self, e: Entry) -> dict[str, Any]:
        assert e.lease is not None
        run = e.lease.run or self.random.choice(RUNS)
        return {
            "id": e.row.id, "group": e.row.group, "attempt": e.lease.attempt, "worker": f"w-{run}",
            "run": run, "sent": e.lease.at, "started": self.random.choice((None, self.now)),
            "at": self.now, "was": e.row.state,
        }  # fmt: skip

    def close_held(self) -> Iterator[TaskRecord]:
        for e in self.few(self.held(self.group())):
            if self.random.random() < 0.5:
                yield Closed(**self.attempt_of(e), state="dead", outcome="failed", error="broke")
            else:
                yield Closed(
                    **self.attempt_of(e), state="cancelled", outcome="cancelled", error="c"
                )

    def close_waiting(self) -> Iterator[TaskRecord]:
        group = self.group()
        for e in self.few(self.idle(group)):
            fields: dict[str, Any] = {
                "id": e.row.id, "group": group, "attempt": e.row.attempt, "worker": None, "run": None,
                "sent": None, "started": None, "at": self.now, "was": e.row.state,
            }  # fmt: skip
            if self.random.random() < 0.5:
                yield Closed(**fields, state="dead", outcome="expired", error="too late")
            else:
                yield Closed(**fields, state="cancelled", outcome="cancelled", error="c")

    def revive(self) -> Iterator[TaskRecord]:
        group = self.group()
        for e in self.few(self.disk.of(group, "dead", "cancelled")):
            over: Literal["dead", "cancelled"] = "dead" if e.row.state == "dead" else "cancelled"
            yield Revived(id=e.row.id, group=group, at=self.now, was=over)

    def release(self) -> Iterator[TaskRecord]:
        """The death of a run."""
        run = self.random.choice(RUNS)
        held = [e for group in GROUPS for e in self.held(group) if e.lease and e.lease.run == run]
        if not held or self.random.random() < 0.7:
            return
        for e in held:
            yield self.requeued(e, self.random.choice((*COUNTED, *UNCOUNTED)))
        yield Released(run)

    def tear(self) -> Iterator[TaskRecord]:
        """Some tasks of a shared send go back uncounted, the others get a send of their own."""
        sends = [send for send in self.disk.sends.values() if not send.run]
        if not sends:
            return
        send = self.random.choice(sends)
        open_ = [e for e in self.held("shared") if e.lease and e.lease.send == send.send]
        back = open_[: self.random.randint(0, len(open_))]
        for e in back:
            yield self.requeued(e, self.random.choice(sorted(UNCOUNTED)))
        if len(back) < len(open_):
            yield self.assigned("shared", "", open_[len(back) :])
        yield Delivered([send.send])

    def deliver(self) -> Iterator[TaskRecord]:
        open_ = {e.lease.send for group in GROUPS for e in self.held(group) if e.lease}
        over = [send for send in self.disk.sends if send not in open_]
        if over:
            yield Delivered(over)

    # ------------------------------------------------------------------------------- questions

    def ids(self, most: int = 30) -> tuple[int, ...]:
        top = self.disk.next_id + 3
        return tuple(self.random.randint(1, top) for _ in range(self.random.randint(0, most)))

    def filter(self) -> TaskFilter:
        random = self.random
        states = ("queued", "delayed", "sent", "running", "done", "dead", "cancelled")
        return TaskFilter(
            group=random.choice((None, None, *GROUPS)),
            states=tuple(random.sample(states, random.choice((0, 1, 1, 2, 3)))),  # type: ignore[arg-type]
            ids=random.choice(((), (), self.ids())),
            worker=random.choice((None, None, "w-r1", "w-r2", "nobody")),
            key=random.choice((None, None, None, None, f"k{random.randint(0, 40)}")),
            source=random.choice((None, None, None, random.randint(1, 9))),
            before=random.choice((None, None, random.randint(0, self.disk.next_id))),
            limit=random.choice((0, 1, 7, 100, 1000)),
        )
