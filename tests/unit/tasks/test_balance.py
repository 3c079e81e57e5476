"""Who gets which task: the fairness of each balance. `sticky` has a file of its own."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.bench import NOW, Bench
from tmaxd.tasks.fastest import PROBE_EVERY
from tmaxd.tasks.policy import Balance
from tmaxd.tasks.task import Task

# ------------------------------------------------------------------ least loaded, round robin


def one_by_one(
    lives: list[tuple[int, int]], tasks: int, by_load: bool
) -> tuple[list[list[int]], list[int]]:
    """What the two modes mean, said plainly: (tasks of each, the order of their turns)."""
    loads = [load for load, _ in lives]
    turns = list(range(len(lives)))
    hands: list[list[int]] = [[] for _ in lives]
    for task in range(1, tasks + 1):
        open_ = [n for n, (_, window) in enumerate(lives) if loads[n] < window]
        if not open_:
            break
        best = min(open_, key=lambda n: (loads[n] if by_load else 0, turns[n]))
        loads[best] += 1
        turns[best] = len(lives) + task
        hands[best].append(task)
    return hands, sorted(range(len(lives)), key=turns.__getitem__)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(0, 60),
    st.sampled_from(["least_loaded", "round_robin"]),
)
def test_dealing_in_stretches_is_dealing_one_by_one(
    lives: list[tuple[int, int]], tasks: int, balance: Balance
) -> None:
    bench = Bench(balance, [window for _, window in lives])
    for life, (load, _) in zip(bench.lives, lives, strict=True):
        life.leases = {-n: Task(-n, "", NOW) for n in range(1, min(load, life.window) + 1)}
    lives = [(len(life.leases), life.window) for life in bench.lives]
    bench.submit(tasks)
    dealt = bench.deal()
    hands, order = one_by_one(lives, tasks, balance == "least_loaded")
    assert dealt == {f"g-{n}": ids for n, ids in enumerate(hands, 1) if ids}
    turns = [life.turn for life in bench.lives]
    assert sorted(range(len(turns)), key=turns.__getitem__) == order
    assert len(bench.group.queue) == tasks - sum(map(len, dealt.values()))


@pytest.mark.parametrize("balance", ["least_loaded", "round_robin", "fastest", "sticky"])
def test_the_highest_priority_goes_first_and_is_spread(balance: Balance) -> None:
    bench = Bench(balance, [8, 8, 8])
    bench.submit(9)
    urgent = bench.submit(3, priority=5)
    dealt = bench.deal()
    assert sorted(tasks[0] for tasks in dealt.values()) == urgent


@given(st.lists(st.integers(0, 2), max_size=60))
def test_round_robin_gives_each_worker_with_room_the_same(ends: list[int]) -> None:
    bench = Bench("round_robin", [100, 100, 100])
    given_: Counter[str] = Counter()
    for who in ends:
        bench.submit()
        for worker, tasks in bench.deal().items():
            given_[worker] += len(tasks)
        bench.end(bench.lives[who], 100)
    numbers = [given_[life.worker] for life in bench.lives]
    assert max(numbers) - min(numbers) <= 1


def test_least_loaded_prefers_who_has_least_and_round_robin_does_not_care() -> None:
    for balance, dealt in (("least_loaded", "g-2"), ("round_robin", "g-1")):
        bench = Bench(balance, [8, 8])  # type: ignore[arg-type]
        bench.lives[0].leases = {-1: Task(-1, "", NOW)}
        bench.submit()
        assert list(bench.deal()) == [dealt]


@pytest.mark.parametrize("balance", ["least_loaded", "round_robin", "fastest", "sticky"])
def test_who_takes_no_tasks_gets_none(balance: Balance) -> None:
    bench = Bench(balance, [4, 4])
    bench.lives[0].held = True
    bench.lives[0].refresh()
    bench.submit(3)
    bench.submit(3, affinity="a")
    assert list(bench.deal()) == ["g-2"]
    bench.group.policy = None
    assert bench.deal() == {}


# ---------------------------------------------------------------------------------- fastest


def run_fastest(bench: Bench, seconds: dict[str, float], tasks: int) -> Counter[str]:
    """So many tasks, each submitted when the one before it is done; who got how many."""
    done: Counter[str] = Counter()
    for _ in range(tasks):
        bench.submit()
        for worker in bench.deal():
            done[worker] += 1
            life = next(life for life in bench.lives if life.worker == worker)
            bench.end(life, 1, seconds[worker])
    return done


def test_the_fast_worker_gets_what_comes_and_the_slow_ones_are_probed() -> None:
    bench = Bench("fastest", [4, 4, 4])
    done = run_fastest(bench, {"g-1": 1.0, "g-2": 0.1, "g-3": 2.0}, 1000)
    assert done["g-1"] >= 1000 // (PROBE_EVERY + 2)
    assert done["g-3"] >= 1000 // (PROBE_EVERY + 2)
    assert done["g-2"] >= 1000 * (PROBE_EVERY - 2) // PROBE_EVERY - 4


def test_a_slow_worker_that_became_fast_is_found_out() -> None:
    bench = Bench("fastest", [1, 1])
    run_fastest(bench, {"g-1": 60.0, "g-2": 1.0}, 100)
    done = run_fastest(bench, {"g-1": 0.1, "g-2": 1.0}, 200)
    assert done["g-1"] >= 200 - PROBE_EVERY - 200 // PROBE_EVERY - 2


def test_a_fast_worker_that_became_slow_is_found_out() -> None:
    bench = Bench("fastest", [1, 1])
    run_fastest(bench, {"g-1": 0.1, "g-2": 1.0}, 100)
    done = run_fastest(bench, {"g-1": 60.0, "g-2": 1.0}, 100)
    assert done["g-2"] >= 90


def test_a_worker_of_which_nothing_is_known_is_tried_at_once() -> None:
    bench = Bench("fastest", [4, 4])
    run_fastest(bench, {"g-1": 1.0, "g-2": 1.0}, 10)
    bench.join("g-3", 4)
    bench.submit()
    assert list(bench.deal()) == ["g-3"]
    # nothing is known of it yet: it counts as the mean, and has one already
    bench.submit(2)
    assert sorted(bench.deal()) == ["g-1", "g-2"]


@given(st.lists(st.sampled_from([0.0, 0.01, 0.1, 1.0, 10.0]), min_size=1, max_size=5))
def test_a_load_is_shared_out_as_the_paces_are(paces: list[float]) -> None:
    """Whoever has more than one task would have been done with it no later than anyone else with one more."""
    bench = Bench("fastest", [64] * len(paces))
    for life, pace in zip(bench.lives, paces, strict=True):
        life.pace.ended(pace)
        life.pace.dealt = 0
    bench.submit(30)
    bench.deal()
    assert sum(len(life.leases) for life in bench.lives) == 30
    times = {life: max(life.pace.seconds or 0.0, 1e-6) for life in bench.lives}
    for one in bench.lives:
        for other in bench.lives:
            assert len(one.leases) * times[one] <= (len(other.leases) + 1) * times[other] + 1e-9


def test_windows_hold_and_what_is_over_waits() -> None:
    bench = Bench("fastest", [2, 3])
    bench.submit(9)
    assert sorted(map(len, bench.deal().values())) == [2, 3]
    assert len(bench.group.queue) == 4
