"""Groups whose workers share one FIFO, in a world where anything may die at any moment: no task is with two workers at
once, and none stays behind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.unit.tasks.shared_world import Daemon, Worker, World


class Walk:
    """Moves of the world in any order, with deaths of workers and of the daemon. What a move is done to, and how,
    `place` says."""

    def __init__(self) -> None:
        self.world = World()
        self.world.start("json").say_ready()

    @property
    def daemon(self) -> Daemon:
        assert self.world.daemon is not None
        return self.world.daemon

    def living(self) -> list[Worker]:
        return [worker for worker in self.world.workers.values() if worker.alive]

    def one_living(self, place: int) -> Worker | None:
        living = self.living()
        return living[place % len(living)] if living else None

    # --------------------------------------------------------------------------- the daemon

    def submit(self, place: int) -> None:
        for _ in range(place % 4 + 1):
            self.world.submit()

    def work_whole(self, place: int) -> None:
        """Everything said is heard, decided, on disk and done; twice, since what is done is heard of again."""
        for _ in range(2):
            for worker in self.living():
                self.daemon.listen(worker)
            self.step(len(self.daemon.events))
            while self.daemon.pending:
                self.daemon.commit()

    def step(self, place: int) -> None:
        self.world.now += 1
        self.daemon.step(place)

    def commit(self, place: int) -> None:
        if self.daemon.pending:
            self.daemon.commit()

    def listen(self, place: int) -> None:
        if worker := self.one_living(place):
            self.daemon.listen(worker)

    def notice(self, place: int) -> None:
        for worker in self.world.workers.values():
            if not worker.alive and worker.run not in self.world.noticed:
                self.world.notice(worker, excused=place % 2 == 0)
                break

    def cancel(self, place: int) -> None:
        if self.world.tasks:
            self.daemon.events.append(("cancel", self.world.tasks - place % self.world.tasks))

    def close_or_open(self, place: int) -> None:
        self.world.open = not self.world.open

    def crash(self, place: int) -> None:
        self.world.crash(written=place % 2 == 0)

    # -------------------------------------------------------------------------- the workers

    def start(self, place: int) -> None:
        if len(self.living()) < 4:
            self.world.start("tsv" if place % 8 == 0 else "json")

    def go_on(self, place: int) -> None:
        if worker := self.one_living(place):
            for move in range(place % 3 + 1):
                self.world.go_on(worker, place // 3 + move)

    def all_go_on(self, place: int) -> None:
        for move, worker in enumerate(self.living()):
            self.world.go_on(worker, place + move)

    def take_and_die(self, place: int) -> None:
        worker = self.one_living(place)
        if worker and worker.said_ready and not worker.taken and self.world.fifo:
            self.world.take(worker)
            worker.alive = False

    def beat(self, place: int) -> None:
        worker = self.one_living(place)
        if worker and worker.said_ready and not worker.taken:
            worker.beat()

    def begin_anew(self, place: int) -> None:
        worker = self.one_living(place)
        if worker and worker.said_ready:
            worker.begin_anew()

    def kill(self, place: int) -> None:
        if worker := self.one_living(place):
            worker.alive = False

    # -------------------------------------------------------------------------------- moves

    def do(self, name: str, place: int) -> None:
        if self.world.daemon is None and name in OF_THE_DAEMON:
            self.world.restart()
        move: Callable[[int], None] = getattr(self, name)
        move(place)
        self.check()

    def check(self) -> None:
        """What somebody has is leased: otherwise a next daemon would hand it out once more."""
        there = {(task, attempt) for task, attempt, _ in self.world.fifo}
        for worker in self.living():
            there |= {*worker.held, *([worker.taken] if worker.taken else [])}
        rows = self.world.disk.rows.items()
        over = {(task, row.spent + 1) for task, row in rows if row.end is not None}
        assert there <= set(self.world.disk.leases()) | over

    def end(self) -> None:
        """Left alone with good workers, every task ends, and no lease is left."""
        world = self.world
        if world.daemon is None:
            world.restart()
        world.open = True
        if {worker.form for worker in self.living()} != {"json"}:
            world.start("json")
        for worker in self.living():
            worker.alive = worker.form == "json"
        for _ in range(300):
            self.notice(1)
            for worker in self.living():
                for _ in range(4):
                    world.go_on(worker, 1)
                worker.beat()
            self.work_whole(0)
            if self.calm():
                break
        assert self.calm(), "it does not come to rest"
        assert all(row.end is not None for row in world.disk.rows.values())
        assert not world.disk.leases()

    def calm(self) -> bool:
        busy = self.daemon.events or self.daemon.pending or self.daemon.queue or self.world.fifo
        return not (busy or len(self.daemon.shared) or any(w.busy for w in self.living()))


OF_THE_DAEMON = {
    "submit": 6,
    "work_whole": 8,
    "step": 10,
    "commit": 10,
    "listen": 4,
    "notice": 5,
    "cancel": 1,
    "close_or_open": 1,
    "crash": 1,
}
WEIGHTS = {
    **OF_THE_DAEMON,
    "start": 4,
    "go_on": 10,
    "all_go_on": 10,
    "take_and_die": 2,
    "beat": 2,
    "begin_anew": 1,
    "kill": 2,
}
"""Moves, and how likely each is."""

PLACES = 64


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk()

    @rule(
        name=st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)]),
        place=st.integers(0, PLACES - 1),
    )
    def move(self, name: str, place: int) -> None:
        self.walk.do(name, place)

    def teardown(self) -> None:
        self.walk.end()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=80, deadline=None)


@pytest.mark.parametrize("seed", range(8))
def test_long_walks(seed: int) -> None:
    """Without Hypothesis, and so without anything that makes a failure short, but many more moves."""
    random = Random(seed)
    for _ in range(100):
        walk = Walk()
        for name in random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=120):
            walk.do(name, random.randrange(PLACES))
        walk.end()
