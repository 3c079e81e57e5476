"""Proportional sizes in turns: who is measured when, for how much, and what is assumed in between."""

from __future__ import annotations

import os

from tmaxd.world import memory
from tmaxd.world.memory import PAGE
from tmaxd.world.procfs import Stat
from tmaxd.world.pss import ProportionalSizes

MIB = 1 << 20


class Machine:
    """Processes whose PSS is half of their RSS, and clocks that go when told."""

    def __init__(self, cost: float = 0.001) -> None:
        self.cost = cost
        self.read: list[int] = []
        self.refused: set[int] = set()
        self.time = self.spent = 0.0
        self.rss: dict[int, int] = {}
        self.image = b"1"
        self.sizes = ProportionalSizes(self._pss, lambda: self.time, lambda: self.spent)

    def _pss(self, pid: int) -> int | None:
        self.read.append(pid)
        self.spent += self.cost
        return None if pid in self.refused else self.rss[pid] // 2

    def sample(self, after: float = 5.0) -> dict[int, int]:
        """Who was read stands in `read` afterwards."""
        self.time += after
        self.read.clear()
        table = [
            Stat(pid, 1, pid, pid, True, kernel=False, image=self.image, pages=size // PAGE)
            for pid, size in self.rss.items()
        ]
        return {proc.pid: size for proc, size in self.sizes.of(table).items()}


def test_what_is_not_paid_for_waits_for_its_turn_the_largest_first() -> None:
    machine = Machine()
    machine.rss = {pid: (100 + pid) * MIB for pid in range(100)}
    found = machine.sample(0.0)
    assert machine.read == list(range(99, 89, -1)), "10 ms, at 1 ms each"
    assert found == {pid: (100 + pid) * MIB // 2 for pid in machine.read}
    machine.sample(1.0)
    assert machine.read == [89, 88, 87, 86, 85], "5 ms a second"
    for _ in range(9):
        found = machine.sample()
    assert len(found) == 100


def test_one_that_costs_much_is_waited_off() -> None:
    machine = Machine(cost=0.115)
    machine.rss = {1: 900 * MIB, 2: 800 * MIB}
    assert machine.sample(0.0).keys() == {1}
    for _ in range(3):
        assert machine.sample().keys() == {1}
    assert machine.sample(10.0).keys() == {1, 2}


def test_in_between_a_process_has_grown_by_what_its_resident_set_has() -> None:
    machine = Machine(cost=0.0)
    machine.rss = {1: 100 * MIB}
    assert machine.sample() == {1: 50 * MIB}
    machine.rss[1] += MIB // 2
    assert machine.sample() == {1: 50 * MIB + MIB // 2}
    assert machine.read == []
    machine.rss[1] = 200 * MIB
    assert machine.sample() == {1: 100 * MIB}, "that much is worth a look"
    assert machine.read == [1]


def test_it_is_never_more_than_all_and_never_less_than_nothing() -> None:
    machine = Machine(cost=100.0)
    machine.rss = {1: 100 * MIB}
    machine.sample()
    machine.rss[1] = 200 * MIB
    assert machine.sample() == {1: 100 * MIB}
    machine.rss[1] = 10 * MIB
    assert machine.sample() == {1: 0}
    assert machine.read == [], "there is no credit left for it"


def test_one_that_has_not_changed_is_looked_at_seldom() -> None:
    machine = Machine()
    machine.rss = {1: 100 * MIB}
    machine.sample()
    for _ in range(60):
        machine.sample()
        assert machine.read == []
    machine.sample()
    assert machine.read == [1]


def test_another_program_is_another_process() -> None:
    machine = Machine()
    machine.rss = {1: 100 * MIB}
    machine.sample()
    machine.image = b"2"
    machine.sample()
    assert machine.read == [1]


def test_who_is_not_ours_to_look_into_is_not_asked_again_soon() -> None:
    machine = Machine()
    machine.rss, machine.refused = {1: 100 * MIB}, {1}
    assert machine.sample() == {}
    machine.rss[1] *= 2
    assert machine.sample() == {}
    assert machine.read == []


def test_this_process_has_a_size_and_one_that_is_gone_has_none() -> None:
    found = memory.pss(os.getpid())
    assert found is not None
    assert MIB < found < 1000 * MIB
    assert memory.pss(2**22 + 17) is None
    opened = memory.files(os.getpid())
    assert opened is not None
    assert opened >= 3
    assert memory.files(2**22 + 17) == 0


def test_files_are_counted_on_kernels_that_do_not_tell_by_the_folder() -> None:
    listed = len(os.listdir("/proc/self/fd")) - 1  # less the one that listing needs
    found = memory.files(os.getpid())
    assert found is not None
    assert abs(found - listed) <= 1
