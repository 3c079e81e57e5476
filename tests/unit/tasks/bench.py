"""A group to deal tasks in, for the tests of the balances."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from tmaxd.tasks.balance import deal
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.lives import Life
from tmaxd.tasks.policy import Balance, GroupPolicy
from tmaxd.tasks.queue import TaskQueue
from tmaxd.tasks.records import Options

NOW = 1000.0


class Bench:
    """A group with its queue and workers; what is dealt is held until `end`."""

    def __init__(self, balance: Balance, windows: Iterable[int]) -> None:
        self.group = GroupState("g", TaskQueue())
        self.group.policy = self.group.rules = GroupPolicy(balance=balance)
        self.turns = count(1)
        self.last_id = 0
        for number, window in enumerate(windows, 1):
            self.join(f"g-{number}", window)

    def join(self, worker: str, window: int) -> Life:
        life = Life(worker, self.group, f"run-{worker}-{next(self.turns)}")
        life.began(window, "json", batch=True, now=0.0)
        life.refresh()
        life.turn = next(self.turns)
        self.group.lives[life.run] = life
        return life

    @property
    def lives(self) -> list[Life]:
        return list(self.group.lives.values())

    def submit(self, tasks: int = 1, affinity: str | None = None, **options: float) -> list[int]:
        first = self.last_id + 1
        self.last_id += tasks
        chosen = Options(
            priority=int(options.get("priority", 0)),
            expires=options.get("expires"),
            affinity=affinity,
        )
        self.group.queue.submitted(first, [""] * tasks, NOW, chosen)
        return list(range(first, self.last_id + 1))

    def deal(self, now: float = NOW) -> dict[str, list[int]]:
        dealt = deal(self.group, self.turns, now)
        for life, tasks in dealt.items():
            life.leases.update((task.id, task) for task in tasks)
            assert len(life.leases) <= life.window
        return {life.worker: [task.id for task in tasks] for life, tasks in dealt.items()}

    def end(self, life: Life, tasks: int = 1, seconds: float | None = None) -> None:
        for _ in range(min(tasks, len(life.leases))):
            del life.leases[next(iter(life.leases))]
            if seconds is not None:
                life.pace.ended(seconds)
