"""Long random walks through the same world as `test_dispatcher`: many more steps a second than a state machine
takes, so that rare crossings of reads, losses and crashes are met; a seed and a length is what is left of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.task_ledger import ROUTES
from tests.property.task_world import World
from tmaxd.tasks import events as ev
from tmaxd.tasks import queue
from tmaxd.tasks.frames import Form
from tmaxd.tasks.policy import GroupPolicy

WORKERS = ["a-1", "a-2", "b-1"]
PAYLOADS = ["x", "x", "tab\t\\", "p" * 120, "\x01" * 4000, "q" * 5000]


class Walk:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World()
        self.calm = self.random.choice([0.5, 0.8, 0.95])
        """Share of steps that are no faults."""
        self.policies()

    def step(self) -> None:
        steps: list[Callable[[], None]] = [
            self.submit, self.turn, self.turn, self.turn, self.work, self.work, self.start, self.order,
        ]  # fmt: skip
        faults: list[Callable[[], None]] = [
            self.die, self.die, self.crash, self.begin_anew, self.hold, self.policies, self.cut_off,
            self.plan,
        ]  # fmt: skip
        self.random.choice(steps if self.random.random() < self.calm else faults)()

    def policies(self) -> None:
        pick = self.random.choice
        policies = {
            group: GroupPolicy(
                window=pick([None, 1, 3]),
                attempts=self.random.randint(1, 4),
                backoff_first=pick([0.0, 1.0]),
                backoff_max=4.0,
                balance=pick(["least_loaded", "sticky", "fastest", "round_robin"]),
                expire=pick([None, None, 6.0]),
                routes=ROUTES if group == "a" else (),
            )
            for group in pick([["a", "b"], ["a", "b"], ["a"]])
        }
        self.world.policies = policies
        self.world.events.append(ev.Groups(policies))

    def submit(self) -> None:
        pick, now = self.random.choice, self.world.now
        if self.random.random() < 0.1:
            group = pick("ab")
            key = f"{group}{self.random.randint(1, 4)}"
            self.world.submit(group, [pick(["x", "x", "y"])], key=key)
            return
        payloads = self.random.choices(PAYLOADS, k=self.random.randint(1, 5))
        options: dict[str, object] = {}
        if self.random.random() < 0.4:
            due, expires = pick([None, None, 2.0]), pick([None, None, 4.0, 9.0])
            options = {
                "priority": pick([0, 1, -1]),
                "due": None if due is None else now + due,
                "expires": None if expires is None else now + expires,
                "affinity": pick([None, "one", "two"]),
            }
        self.world.submit(pick(["a", "a", "b", "ab"]), payloads, pick([None, None, 9]), **options)

    def order(self) -> None:
        """Of old and of new tasks, and of some that are not there."""
        newest = max(self.world.journal.disk.entries, default=0) + 3
        ids = [self.random.randint(max(1, newest - 12), newest) for _ in range(3)]
        ids += [self.random.randint(1, newest)]
        (self.world.cancel if self.random.random() < 0.6 else self.world.retry)(ids)

    def plan(self) -> None:
        self.world.now += self.random.choice([0.0, 20.0])
        self.world.plan()

    def turn(self) -> None:
        self.world.now += self.random.choice([0.0, 0.0, 1.5])
        self.world.step()
        self.world.commit(self.random.choice([None, None, 0, 1]))
        if self.random.random() < 0.6:
            self.world.look()
        if self.random.random() < 0.6:
            self.world.deliver(self.random.randrange(3), self.random.random() < 0.1)

    def work(self) -> None:
        for program in self.world.programs.values():
            program.read(self.random.choice([0, 1, 100]))
            if self.random.random() < 0.4:
                program.obey()
            for _ in range(self.random.randint(0, 3)):
                program.begin(self.random.randrange(4), self.random.randint(1, 3))
                outcome = self.random.choice(["", "done", "failed", "temporary"])
                if outcome:
                    program.finish(self.random.randrange(4), outcome, self.random.randint(1, 3))
            if self.random.random() < 0.2:
                program.ask(self.random.randint(1, 6))
            if self.random.random() < 0.2:
                program.give_back(self.random.randrange(3), self.random.randint(1, 4))
            if self.random.random() < 0.2:
                program.beat()
                program.tell(self.random.randrange(4))
            self.world.results(program.worker, self.random.choice([0, 9, 10_000]))

    def start(self) -> None:
        pick = self.random.choice
        form: Form = "json" if self.random.random() < 0.6 else "tsv"
        window, says, batch = self.random.randint(1, 4), pick([True, False]), pick([True, False])
        self.world.start(pick(WORKERS), form, window, says, batch)

    def die(self) -> None:
        torn = self.random.choice([0, 0, 5, 10_000])
        excused = self.random.random() < 0.3
        self.world.bury(self.world.kill(self.random.choice(WORKERS), torn), excused)

    def crash(self) -> None:
        self.world.crash(self.random.sample(WORKERS, self.random.choice([0, 0, 1])))

    def begin_anew(self) -> None:
        self.world.begin_anew(self.random.choice(WORKERS))

    def hold(self) -> None:
        self.world.events.append(ev.Hold(self.random.choice(WORKERS), self.random.random() < 0.5))

    def cut_off(self) -> None:
        """All that is on its way arrives."""
        self.world.step()
        self.world.commit()
        while self.world.queries:
            self.world.look()

    def turn_all(self) -> None:
        """As `cut_off`, until nothing is on its way."""
        self.cut_off()
        while self.world.answers:
            self.world.deliver(0)
            self.cut_off()

    def drain(self) -> None:
        world = self.world
        world.policies = {"a": GroupPolicy(routes=ROUTES), "b": GroupPolicy()}
        world.events.append(ev.Groups(world.policies))
        for worker in WORKERS:
            world.events.append(ev.Hold(worker, False))
            world.start(worker, "json", 2, True)
        world.drain()
        world.now += 100.0  # times at which something would have been due or expired pass
        self.turn_all()
        assert not world.dispatcher._memory.searches.open
        for group in world.dispatcher._memory.groups.values():
            q = group.queue
            assert group.expiry.next is None
            assert not len(group.aside)
            assert (q.on_disk, q.next_due, len(q), q.chars) == (False, None, 0, 0)
            assert (q._ahead, q._due_held, q._left_page, q._left_due) == (
                set(),
                set(),
                set(),
                set(),
            )


@pytest.fixture(autouse=True, scope="module")
def _few_due_tasks_at_once() -> Iterator[None]:
    kept, queue.FRONT_ITEMS = queue.FRONT_ITEMS, 2
    yield
    queue.FRONT_ITEMS = kept


@settings(max_examples=int(os.environ.get("TMAX_EXAMPLES", "200")), deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 200))
def test_walks(seed: int, steps: int) -> None:
    walk = Walk(seed)
    for _ in range(steps):
        walk.step()
    walk.drain()
