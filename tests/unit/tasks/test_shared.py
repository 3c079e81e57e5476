"""What becomes of tasks in a FIFO that workers share, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest

from tests.unit.tasks.shared_world import Life
from tmaxd.tasks.events import Death
from tmaxd.tasks.records import Assigned, Delivered
from tmaxd.tasks.shared import AHEAD, BLANK, MOST_UNREAD, RECORD, SharedFifo, record
from tmaxd.tasks.shared_leases import SharedLeases
from tmaxd.tasks.shared_moves import Moves
from tmaxd.tasks.task import Task

JSON = Life("g-1", ready=True, window=4, form="json")
TSV = Life("g-2", ready=True, window=4, form="tsv")


def fifo(*tasks: int, runs: tuple[str, ...] = ("a", "b")) -> SharedFifo:
    """With these tasks written, under one send, at the time 10."""
    shared = SharedFifo("g")
    for run in runs:
        shared.joined(f"g-{run}", run)
    shared.assigned([Task(task, "", 0.0, send=1, sent=10.0) for task in tasks], "json")
    assert shared.moves([JSON], True) == Moves()
    return shared


def moves(shared: SharedFifo) -> Moves:
    return shared.moves([JSON], True)


def ids(tasks: Sequence[Task]) -> list[int]:
    return [task.id for task in tasks]


def test_a_death_takes_back_what_nobody_read_and_asks_for_the_rest() -> None:
    shared = fifo(1, 2, 3)
    assert shared.claim(1, 1) is not None
    shared.left("g-a", "a", False, 20.0)
    assert moves(shared).take_back
    shared.taken_back({(3, 1)}, 21.0)
    found = moves(shared)
    assert ids(found.again) == [3]
    assert list(found.ask) == [("g-b", "b")]
    assert (found.lost, found.take_back) == ([], False)
    shared.answered("b", found.number)
    found = moves(shared)
    assert [(task.id, death and death.run) for task, death in found.lost] == [(2, "a")]
    assert len(shared) == 1


def test_who_says_that_it_has_a_suspect_keeps_it() -> None:
    shared = fifo(1)
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back((), 21.0)
    number = moves(shared).number
    assert shared.claim(1, 1) is not None
    shared.answered("b", number)
    assert moves(shared).lost == []


def test_a_death_answers_as_well() -> None:
    shared = fifo(1)
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back((), 21.0)
    moves(shared)
    shared.left("g-b", "b", True, 22.0)
    ((task, death),) = moves(shared).lost
    assert (task.id, death and death.run) == (1, "a")


@pytest.mark.parametrize(
    ("deaths", "blamed"),
    [
        ([("a", False, 20.0)], "a"),
        ([("a", True, 20.0)], "a"),
        ([("a", False, 20.0), ("b", True, 21.0)], "a"),
        ([("a", True, 20.0), ("b", False, 21.0)], "b"),
        # before the task was written
        ([("a", False, 9.0), ("b", True, 21.0)], "b"),
        ([("a", False, 9.0)], None),
    ],
)
def test_who_is_blamed(deaths: list[tuple[str, bool, float]], blamed: str | None) -> None:
    """Nobody: then it is missing."""
    shared = fifo(1)
    for run, excused, at in deaths:
        shared.left(f"g-{run}", run, excused, at)
    moves(shared)
    shared.taken_back((), 30.0)
    found = moves(shared)
    for run in "ab":
        shared.answered(run, found.number)
    after = moves(shared)
    assert [death.run for _, death in [*found.lost, *after.lost]] == ([blamed] if blamed else [])
    assert ids([*found.missing, *after.missing]) == ([] if blamed else [1])


def test_who_an_earlier_daemon_knew_to_be_dead_is_blamed() -> None:
    shared = SharedFifo("g")
    shared.restored(Task(1, "", 0.0, send=1, sent=10.0))
    for at in (20.0, 15.0):
        shared.died(Death("g-a", "g", f"a{at:.0f}", at, False))
    assert moves(shared).take_back
    shared.taken_back((), 30.0)
    ((_, death),) = moves(shared).lost
    assert death.run == "a20"


def test_a_run_that_is_adopted_is_asked_once_more_and_must_still_answer() -> None:
    shared = SharedFifo("g")
    shared.joined("g-a", "a")
    shared.restored(Task(1, "", 0.0, send=1))
    assert moves(shared).take_back
    shared.taken_back((), 21.0)
    assert list(moves(shared).ask) == [("g-a", "a")]
    assert list(moves(shared).ask) == []
    shared.joined("g-a", "a")
    found = moves(shared)
    assert list(found.ask) == [("g-a", "a")]
    assert found.missing == []
    shared.answered("a", found.number)
    assert ids(moves(shared).missing) == [1]


def test_answers_to_another_daemon_do_not_count() -> None:
    shared = fifo(1)
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back((), 21.0)
    number = moves(shared).number
    for other in (0, number - 1, number + 1):
        shared.answered("b", other)
        assert moves(shared).lost == []
    shared.answered("a", number)  # it is dead
    assert moves(shared).lost == []
    shared.answered("b", number)
    assert moves(shared).lost != []


def test_a_later_death_does_not_put_off_what_was_asked_before() -> None:
    shared = fifo(1, 2, runs=("a", "b", "c"))
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back({(2, 1)}, 21.0)
    first = moves(shared).number
    shared.left("g-c", "c", False, 22.0)
    assert moves(shared).take_back
    shared.taken_back((), 23.0)
    moves(shared)
    shared.answered("b", first)
    assert [task.id for task, _ in moves(shared).lost] == [1]


def test_a_suspect_that_is_found_unread_after_all_is_no_suspect() -> None:
    shared = fifo(1)
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back((), 21.0)
    moves(shared)
    shared.taken_back({(1, 1)}, 22.0)
    found = moves(shared)
    assert ids(found.again) == [1]
    shared.answered("b", found.number)
    assert moves(shared).lost == []


def test_a_cancelled_task_ends_if_it_can_be_taken_back() -> None:
    shared = fifo(1, 2)
    assert shared.cancel(1)
    assert not shared.cancel(3)
    assert moves(shared).take_back
    shared.taken_back({(1, 1), (2, 1)}, 21.0)
    found = moves(shared)
    assert (ids(found.cancelled), ids(found.again), found.lost) == ([1], [2], [])


def test_a_cancelled_task_that_somebody_has_is_told_of_when_it_says_so() -> None:
    shared = fifo(1, 2)
    shared.cancel(1)
    moves(shared)
    claimed = shared.claim(1, 1)
    assert claimed is not None
    assert claimed[1]
    claimed = shared.claim(2, 1)
    assert claimed is not None
    assert not claimed[1]


def test_a_cancelled_task_that_is_lost_is_not_tried_again() -> None:
    shared = fifo(1, runs=("a",))
    shared.cancel(1)
    shared.left("g-a", "a", False, 20.0)
    moves(shared)
    shared.taken_back((), 21.0)
    found = moves(shared)
    assert (ids(found.cancelled), found.lost) == ([1], [])


def test_nothing_is_claimed_that_is_not_there_to_be_taken() -> None:
    shared = fifo(1, 2)
    assert shared.claim(1, 2) is None
    assert shared.claim(7, 1) is None
    shared.taken_back({(2, 1)}, 21.0)
    assert shared.claim(2, 1) is None
    assert ids(moves(shared).again) == [2]


def test_a_group_that_is_no_longer_shared_gets_everything_back() -> None:
    shared = fifo(1, 2)
    assert shared.moves([JSON], False).take_back
    shared.taken_back({(1, 1), (2, 1)}, 21.0)
    found = shared.moves([JSON], False)
    assert (ids(found.returned), ids(found.again), found.take_back) == ([1, 2], [], False)
    assert len(shared) == 0


def test_workers_of_another_form_get_what_they_can_read() -> None:
    shared = fifo(1, 2)
    mixed = [JSON, TSV]
    assert shared.moves(mixed, True).take_back
    shared.taken_back({(1, 1)}, 21.0)
    assert ids(shared.moves(mixed, True).returned) == [1]
    assert shared.room(mixed) == 0

    shared = fifo(1)
    assert shared.moves([TSV], True).take_back
    shared.taken_back({(1, 1)}, 21.0)
    found = shared.moves([TSV], True)
    assert (ids(found.again), found.take_back) == ([1], False)
    assert shared.moves([TSV], True) == Moves(number=21000)


def test_room_is_what_the_workers_may_hold_in_all() -> None:
    shared = fifo(1, 2)
    held = {n: Task(n, "", 0.0) for n in range(3)}
    lives = [
        Life("a", ready=True, window=8, form="json", leases=held),
        Life("b", ready=True, window=8, form="json"),
        Life("c", ready=True, window=0, form="json", leases=held),
        Life("d", ready=False, window=0, form=None),
    ]
    assert shared.room(lives) == 8 + 8 - 3 - 2
    assert shared.room(lives[3:]) == 0
    lives[0].window = 100_000
    assert shared.room(lives) == MOST_UNREAD - 2
    shared.left("g-a", "a", False, 20.0)
    assert shared.room(lives) == 0
    shared.moves(lives, True)
    assert shared.room(lives) == 0
    shared.taken_back({(1, 1), (2, 1)}, 21.0)
    shared.moves(lives, True)
    assert shared.room(lives) == MOST_UNREAD - 2


def test_some_are_there_for_workers_that_are_all_busy() -> None:
    shared = fifo(1, 2)
    held = {7: Task(7, "", 0.0)}
    busy = [Life(name, ready=True, window=1, form="json", leases=held) for name in "abc"]
    assert shared.room(busy) == 3 * AHEAD - 2
    busy[0].window = 0
    assert shared.room(busy) == 2 * AHEAD - 2
    busy[1].window = busy[2].window = 0
    assert shared.room(busy) == 0


def test_records_are_of_one_size() -> None:
    line = b'{"t":"task"}\n'
    assert record(line) == line + b"\n" * (RECORD - len(line))
    assert len(BLANK) == RECORD
    assert not BLANK.strip()


# ---------------------------------------------------------------------------------- leases


def leased(*tasks: int, send: int = 1) -> tuple[SharedLeases, list[Task]]:
    leases = SharedLeases("g")
    found = [Task(task, "", 0.0, attempt=3, sent=7.0, send=send) for task in tasks]
    for task in found:
        leases.add(task)
    return leases, found


def test_a_send_is_delivered_when_nothing_of_it_is_left() -> None:
    numbers = count(50)
    leases, (one, two) = leased(1, 2)
    leases.over(one)
    assert leases.records(lambda: next(numbers)) == []
    leases.over(one)
    leases.over(two)
    assert leases.records(lambda: next(numbers)) == [Delivered([1])]
    assert leases.records(lambda: next(numbers)) == []
    assert next(numbers) == 50


def test_what_stands_beside_an_undone_task_gets_a_send_of_its_own() -> None:
    numbers = count(50)
    leases, (one, two, three) = leased(1, 2, 3)
    leases.undo(two)
    assert leases.records(lambda: next(numbers)) == [
        Assigned(50, "g", "", "", [1, 3], [3, 3], 7.0),
        Delivered([1]),
    ]
    assert (one.send, three.send) == (50, 50)
    leases.over(one)
    leases.over(three)
    assert leases.records(lambda: next(numbers)) == [Delivered([50])]


def test_a_send_that_is_undone_whole_is_delivered() -> None:
    leases, tasks = leased(1, 2)
    for task in tasks:
        leases.undo(task)
    assert leases.records(lambda: 50) == [Delivered([1])]


def test_a_task_that_is_not_leased_here_is_none_of_its_business() -> None:
    leases, _ = leased(1)
    other = Task(9, "", 0.0, send=8)
    leases.undo(other)
    leases.over(other)
    assert other not in leases
    assert leases.records(lambda: 50) == []
