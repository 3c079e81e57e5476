"""Tasks of one affinity go to one worker, and nothing is lost when workers come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.bench import NOW, Bench
from tmaxd.tasks.sticky import ASIDE_ITEMS, Aside


def owners(workers: Iterable[str], keys: Iterable[str]) -> dict[str, str]:
    aside = Aside()
    aside.between(list(workers))
    return {key: aside.owner(key) for key in keys}


KEYS = [f"user-{n}" for n in range(2000)]


def test_affinities_are_spread_evenly() -> None:
    for workers in (2, 3, 8):
        shares = Counter(owners([f"g-{n}" for n in range(workers)], KEYS).values())
        fair = len(KEYS) / workers
        assert len(shares) == workers
        assert all(0.8 * fair < share < 1.2 * fair for share in shares.values())


@given(st.sets(st.integers(1, 40), min_size=2, max_size=12), st.data())
def test_only_the_keys_of_who_goes_or_comes_change(numbers: set[int], data: st.DataObject) -> None:
    workers = [f"g-{n}" for n in sorted(numbers)]
    gone = data.draw(st.sampled_from(workers))
    keys = data.draw(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=40))
    before = owners(workers, keys)
    after = owners([worker for worker in workers if worker != gone], keys)
    assert all(after[key] == before[key] for key in keys if before[key] != gone)
    assert owners(reversed(workers), keys) == before


def test_who_owns_what_never_changes_between_versions() -> None:
    """A daemon of another version would else move every affinity."""
    assert owners(["g-1", "g-2", "g-3"], ["a", "b", "c", "d", "ü"]) == {
        "a": "g-2",
        "b": "g-2",
        "c": "g-1",
        "d": "g-3",
        "ü": "g-3",
    }


def test_tasks_of_one_affinity_go_to_one_worker_in_their_order() -> None:
    bench = Bench("sticky", [100, 100, 100])
    wanted: dict[str, list[int]] = {}
    for n in range(60):
        key = f"k{n % 7}"
        wanted.setdefault(key, []).extend(bench.submit(affinity=key))
    dealt = bench.deal()
    for ids in wanted.values():
        (line,) = [line for line in dealt.values() if set(line) & set(ids)]
        assert [task for task in line if task in ids] == ids


def key_of(bench: Bench, worker: str) -> str:
    """An affinity that this worker has."""
    names = [life.worker for life in bench.lives if life.window]
    return next(key for key, owner in owners(names, KEYS).items() if owner == worker)


def test_a_task_whose_worker_is_full_is_passed_by_others_and_goes_first_later() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    first, second, third = (bench.submit(affinity=key)[0] for _ in range(3))
    (free,) = bench.submit()
    assert bench.deal() == {"g-1": [first], "g-2": [free]}
    assert len(bench.group.aside) == 2
    bench.submit()
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [second]}
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [third]}
    assert len(bench.group.aside) == 0


def test_of_those_aside_the_highest_priority_goes_first() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    bench.submit(affinity=key)
    bench.deal()
    (low,) = bench.submit(affinity=key)
    bench.deal()
    (high,) = bench.submit(affinity=key, priority=3)
    bench.deal()
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [high]}
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [low]}


def test_what_waits_for_a_worker_that_is_gone_goes_to_the_next_one() -> None:
    bench = Bench("sticky", [1, 4])
    key = key_of(bench, "g-1")
    ids = bench.submit(3, affinity=key)
    assert bench.deal() == {"g-1": ids[:1]}
    del bench.group.lives[bench.lives[0].run]
    assert bench.deal() == {"g-2": ids[1:]}


def test_when_the_worker_is_back_so_are_its_affinities() -> None:
    bench = Bench("sticky", [4, 4])
    key = key_of(bench, "g-1")
    del bench.group.lives[bench.lives[0].run]
    bench.submit(affinity=key)
    assert list(bench.deal()) == ["g-2"]
    bench.join("g-1", 4)
    bench.submit(affinity=key)
    assert list(bench.deal()) == ["g-1"]


def test_what_waits_aside_is_bounded_and_nobody_is_passed_without_end() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    bench.submit(ASIDE_ITEMS + 50, affinity=key)
    (free,) = bench.submit()
    bench.deal()
    assert len(bench.group.aside) == ASIDE_ITEMS
    assert len(bench.group.queue) == 50
    order: list[int] = [1]
    while len(order) < ASIDE_ITEMS + 50:
        bench.end(bench.lives[0])
        bench.end(bench.lives[1])
        dealt = bench.deal()
        order += dealt.get("g-1", [])
        assert dealt
    assert order == list(range(1, free))


def test_with_no_worker_nothing_is_taken() -> None:
    bench = Bench("sticky", [])
    bench.submit(affinity="a")
    assert bench.deal() == {}
    assert (len(bench.group.queue), len(bench.group.aside)) == (1, 0)


def fill_aside(bench: Bench) -> tuple[list[int], str]:
    key = key_of(bench, "g-1")
    bench.submit(affinity=key)
    ids = bench.submit(3, affinity=key)
    bench.deal()
    assert len(bench.group.aside) == 3
    return ids, key


def test_dropped_tasks_are_not_handed_out() -> None:
    bench = Bench("sticky", [1, 1])
    ids, _ = fill_aside(bench)
    assert [task.id for task in bench.group.aside.drop([ids[1], 9999])] == [ids[1]]
    assert bench.group.aside.drop([ids[1]]) == []
    given_ = []
    for _ in range(3):
        bench.end(bench.lives[0])
        given_ += bench.deal().get("g-1", [])
    assert given_ == [ids[0], ids[2]]


def test_a_dropped_task_may_come_again() -> None:
    bench = Bench("sticky", [1, 1])
    ids, key = fill_aside(bench)
    dropped = bench.group.aside.drop(ids)
    bench.group.aside.put(dropped[0], bench.group.aside.owner(key))
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": ids[:1]}
    bench.end(bench.lives[0])
    assert bench.deal() == {}


def test_an_expired_task_is_not_handed_out_but_left_to_be_ended() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    bench.submit(affinity=key)
    (late,) = bench.submit(affinity=key, expires=NOW + 5)
    (good,) = bench.submit(affinity=key, expires=NOW + 50)
    bench.deal()
    bench.end(bench.lives[0])
    assert bench.deal(NOW + 5) == {"g-1": [good]}
    assert [task.id for task in bench.group.aside.drop([late])] == [late]


def test_release_gives_everything_back_in_order() -> None:
    bench = Bench("sticky", [1, 1])
    ids, _ = fill_aside(bench)
    assert [task.id for task in bench.group.aside.release()] == ids
    assert len(bench.group.aside) == 0
    bench.end(bench.lives[0])
    assert bench.deal() == {}


MOVES = ("submit", "plain", "end", "leave", "join", "drop")


class Traffic:
    """Workers that come and go while tasks do."""

    def __init__(self) -> None:
        self.bench = Bench("sticky", [2, 1, 2])
        self.lives = {life.worker: life for life in self.bench.lives}
        self.dealt: Counter[int] = Counter()
        self.dropped: set[int] = set()

    def submit(self, n: int) -> None:
        self.bench.submit(affinity=f"k{n}")

    def plain(self, n: int) -> None:
        self.bench.submit()

    def end(self, n: int) -> None:
        self.bench.end(self.lives[f"g-{n % 3 + 1}"])

    def leave(self, n: int) -> None:
        self.bench.group.lives.pop(self.lives[f"g-{n % 3 + 1}"].run, None)

    def join(self, n: int) -> None:
        worker = f"g-{n % 3 + 1}"
        if self.lives[worker].run not in self.bench.group.lives:
            self.lives[worker] = self.bench.join(worker, 2)

    def drop(self, n: int) -> None:
        self.dropped |= {task.id for task in self.bench.group.aside.drop([self.bench.last_id, n])}

    def deal(self) -> None:
        for tasks in self.bench.deal().values():
            self.dealt.update(tasks)


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 5)), max_size=60))
def test_no_task_is_lost_or_given_twice(moves: list[tuple[str, int]]) -> None:
    traffic = Traffic()
    bench = traffic.bench
    for move, n in moves:
        getattr(traffic, move)(n)
        traffic.deal()
    traffic.leave(0)
    traffic.join(0)
    while len(bench.group.queue) or len(bench.group.aside):
        for life in bench.lives:
            bench.end(life)
        traffic.deal()
    assert set(traffic.dealt.values()) <= {1}
    assert not traffic.dropped & set(traffic.dealt)
    assert set(traffic.dealt) | traffic.dropped == set(range(1, bench.last_id + 1))


def test_what_came_back_goes_before_what_was_set_aside_behind_it() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    first, second, third = (bench.submit(affinity=key)[0] for _ in range(3))
    assert bench.deal() == {"g-1": [first]}
    assert bench.group.aside.waiting() == {second: "g-1", third: "g-1"}
    lost = bench.lives[0].leases.pop(first)
    bench.group.queue.put_first([lost])
    assert bench.deal() == {"g-1": [first]}
    for expected in (second, third):
        bench.end(bench.lives[0])
        assert bench.deal() == {"g-1": [expected]}
    assert bench.group.aside.waiting() == {}


def test_a_higher_priority_in_the_queue_goes_before_what_is_set_aside() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    bench.submit(affinity=key)
    (low,) = bench.submit(affinity=key)
    bench.submit()
    bench.deal()
    (high,) = bench.submit(affinity=key, priority=2)
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [high]}
    bench.end(bench.lives[0])
    assert bench.deal() == {"g-1": [low]}


def test_an_expired_one_at_the_head_of_the_queue_is_left_to_be_ended() -> None:
    bench = Bench("sticky", [1, 1])
    key = key_of(bench, "g-1")
    bench.submit(affinity=key)
    (waits,) = bench.submit(affinity=key)
    bench.submit()
    bench.deal()
    (late,) = bench.submit(affinity=key, priority=2, expires=NOW + 5)
    bench.end(bench.lives[0])
    assert bench.deal(NOW + 5) == {"g-1": [waits]}
    assert [task.id for task in bench.group.queue.lanes.expired] == [late]
    assert bench.group.queue.chars == 0
