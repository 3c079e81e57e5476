"""The queue's bounds and cursors, one case at a time; the walks cover their mixtures."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, done
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import FRONT_ITEMS, READ_RETRY, TaskQueue
from tmaxd.tasks.records import Options, Page, Queued
from tmaxd.tasks.task import Task

ONE = GroupPolicy()


def page(*ids: int, more: bool = False, next_due: float | None = None, priority: int = 0) -> Page:
    return Page(tuple(Queued(i, "p", 0, 1.0, priority) for i in ids), more, next_due)


def submit(queue: TaskQueue, *ids: int, priority: int = 0, payload: str = "p") -> None:
    for task in ids:
        queue.submitted(task, (payload,), 1.0, Options(priority=priority))


def taken(queue: TaskQueue, count: int = 100) -> list[int]:
    return [task.id for task in queue.take_many(count, 1.0)]


def test_what_is_over_the_bound_goes_to_disk_and_returns_in_order() -> None:
    queue = TaskQueue(items=4)
    submit(queue, *range(1, 10))
    assert (len(queue), queue.on_disk) == (4, True)
    assert queue.ask_page(1.0) is None
    assert taken(queue, 2) == [1, 2]
    submit(queue, 10)
    assert queue.ask_page(1.0) == (0, 4, 2)
    assert queue.ask_page(1.0) is None
    queue.loaded(page(5, 6, more=True), 1.0)
    assert taken(queue) == [3, 4, 5, 6]
    assert queue.ask_page(1.0) == (0, 6, 4)
    queue.loaded(page(7, 8, 9, 10), 1.0)
    assert not queue.on_disk
    assert taken(queue, 1) == [7]
    submit(queue, 11)
    assert (taken(queue), queue.on_disk) == ([8, 9, 10, 11], False)


def test_one_submit_is_cut_where_memory_is_full() -> None:
    queue = TaskQueue(items=4)
    queue.submitted(1, "abcdef", 1.0, Options())
    assert (len(queue), queue.on_disk) == (4, True)
    assert taken(queue) == [1, 2, 3, 4]
    assert queue.ask_page(1.0) == (0, 4, 4)


def test_the_bound_in_characters() -> None:
    queue = TaskQueue(items=100, chars=10)
    submit(queue, *range(1, 5), payload="x" * 6)
    assert (len(queue), queue.chars) == (2, 12)
    taken(queue, 1)
    assert (queue.chars, queue.ask_page(1.0)) == (6, None)
    taken(queue, 1)
    assert (queue.chars, queue.ask_page(1.0)) == (0, (0, 2, 100))


def test_submits_while_a_page_is_read_wait_for_the_next_one() -> None:
    queue = TaskQueue(items=2)
    submit(queue, 1, 2, 3)
    assert taken(queue) == [1, 2]
    assert queue.ask_page(1.0) == (0, 2, 2)
    submit(queue, 4)
    queue.loaded(page(3), 1.0)
    assert queue.on_disk
    assert taken(queue) == [3]
    assert queue.ask_page(1.0) == (0, 3, 2)
    queue.loaded(page(4), 1.0)
    assert not queue.on_disk


def test_a_last_page_ends_the_reading_even_when_tasks_have_left_the_disk() -> None:
    queue = TaskQueue(items=2)
    submit(queue, 1, 2, 3, 4, 5)
    taken(queue)
    assert queue.ask_page(1.0) == (0, 2, 2)
    queue.loaded(page(3), 1.0)
    assert not queue.on_disk


# ------------------------------------------------------------------------------------- lanes


def test_the_highest_priority_goes_first_and_within_it_what_came_back() -> None:
    queue = TaskQueue()
    submit(queue, 1, 2)
    submit(queue, 3, 4, priority=5)
    submit(queue, 5, priority=-5)
    (first,) = queue.take_many(1, 1.0)
    submit(queue, 6, priority=5)
    queue.put_first([Task(9, "p", 1.0), first, Task(7, "p", 1.0)])
    assert taken(queue) == [3, 4, 6, 7, 9, 1, 2, 5]


def test_a_full_memory_makes_room_for_a_higher_lane() -> None:
    queue = TaskQueue(items=3)
    submit(queue, 1, 2, 3, 4)
    submit(queue, 5, 6, priority=5)
    assert len(queue) == 3
    assert taken(queue) == [5, 6, 1]
    assert queue.ask_page(1.0) == (0, 1, 3)
    queue.loaded(page(2, 3, 4), 1.0)
    assert taken(queue) == [2, 3, 4]


def test_the_lanes_above_that_are_full_make_no_room_for_lower_ones() -> None:
    queue = TaskQueue(items=2)
    submit(queue, 1, 2, priority=5)
    submit(queue, 3)
    assert len(queue) == 2
    taken(queue, 1)
    assert queue.ask_page(1.0) == (0, 0, 1)
    submit(queue, 4, priority=5)
    queue.loaded(page(3), 1.0)
    assert taken(queue) == [2, 4]
    assert queue.on_disk


def test_the_highest_lane_on_disk_is_read_first_and_lower_ones_make_room() -> None:
    queue = TaskQueue(items=4)
    submit(queue, *range(1, 7), priority=5)
    assert taken(queue) == [1, 2, 3, 4]
    submit(queue, 7, 8, 9, 10)
    assert queue.ask_page(1.0) == (5, 4, 4)
    queue.loaded(page(5, 6, priority=5), 1.0)
    assert taken(queue) == [5, 6, 7, 8]
    assert queue.ask_page(1.0) == (0, 8, 4)


def test_a_page_is_not_used_when_its_lane_has_made_room_meanwhile() -> None:
    queue = TaskQueue(items=4)
    submit(queue, *range(1, 7))
    assert taken(queue, 3) == [1, 2, 3]
    assert queue.ask_page(1.0) == (0, 4, 3)
    submit(queue, 7, 8, 9, 10, priority=5)
    queue.loaded(page(5, 6), 1.0)
    assert taken(queue) == [7, 8, 9, 10]
    assert queue.ask_page(1.0) == (0, 3, 4)


# -------------------------------------------------------------------------------------- reads


def test_a_restored_task_is_not_loaded_beside_itself() -> None:
    queue = TaskQueue(items=4)
    queue.restore((0,), None)
    lease = Task(5, "p", 1.0)
    queue.restored(lease)
    assert queue.ask_page(1.0) == (0, 0, 4)
    queue.put_first([lease])
    assert queue.take_many(9, 1.0) == [lease]
    queue.ended(lease)
    queue.loaded(page(3, 5, 7), 1.0)
    assert taken(queue) == [3, 7]


def test_a_task_in_flight_whose_row_is_delayed_is_not_loaded_beside_itself() -> None:
    queue = TaskQueue(items=4)
    queue.restore((), 50.0)
    assert queue.ask_due(49.0) is None
    assert queue.wake_at(49.0) == 50.0
    assert queue.ask_due(50.0) == FRONT_ITEMS
    assert queue.wake_at(50.0) is None
    assert queue.loaded_due(page(2, 3, more=True), 50.0) == 2
    assert taken(queue, 1) == [2]
    assert queue.ask_due(50.0) == FRONT_ITEMS + 2
    assert queue.loaded_due(page(2, 3, 4, next_due=70.0), 50.0) == 1
    assert taken(queue) == [3, 4]
    assert queue.next_due == 70.0


def test_due_tasks_go_into_their_lanes() -> None:
    queue = TaskQueue()
    queue.restore((), 50.0)
    submit(queue, 9, priority=5)
    queue.ask_due(50.0)
    rows = (Queued(3, "p", 0, 1.0, 5), Queued(1, "p", 2, 1.0, -5), Queued(2, "p", 0, 1.0, 0))
    queue.loaded_due(Page(rows, False), 50.0)
    tasks = queue.take_many(9, 50.0)
    assert [(task.id, task.attempt, task.was) for task in tasks] == [
        (3, 1, "delayed"), (9, 1, "queued"), (2, 1, "delayed"), (1, 3, "delayed"),
    ]  # fmt: skip


def test_a_page_of_due_tasks_that_are_all_here_is_not_asked_for_at_once_again() -> None:
    queue = TaskQueue()
    queue.restore((), 50.0)
    queue.ask_due(50.0)
    queue.loaded_due(page(1, more=True), 50.0)
    queue.ask_due(50.0)
    assert queue.loaded_due(page(1, more=True), 50.0) == 0
    assert queue.ask_due(50.5) is None
    assert queue.wake_at(50.5) == 50.0 + READ_RETRY
    assert queue.ask_due(51.0) is not None


def test_a_delay_that_begins_while_due_tasks_are_read_is_not_forgotten() -> None:
    queue = TaskQueue(items=4)
    queue.restore((), 50.0)
    assert queue.ask_due(50.0) is not None
    queue.delay(Task(8, "p", 1.0), 55.0)
    assert queue.loaded_due(page(2, next_due=90.0), 51.0) == 1
    assert queue.next_due == 55.0


def test_a_failed_read_is_tried_again_later() -> None:
    queue = TaskQueue(items=2)
    queue.restore((0,), 10.0)
    assert queue.ask_page(100.0) is not None
    assert queue.ask_due(100.0) is not None
    queue.loaded(None, 100.0)
    assert queue.loaded_due(None, 100.0) == 0
    assert queue.ask_page(100.5) is None
    assert queue.ask_due(100.5) is None
    assert queue.wake_at(100.5) == 100.0 + READ_RETRY
    assert queue.ask_page(101.0) is not None
    assert queue.ask_due(101.0) is not None


def test_a_clock_set_back_does_not_stop_the_reads() -> None:
    queue = TaskQueue(items=2)
    queue.restore((0,), None)
    queue.ask_page(5000.0)
    queue.loaded(None, 5000.0)
    assert queue.ask_page(10.0) is not None


def test_what_has_expired_is_not_handed_out() -> None:
    queue = TaskQueue()
    for task, expires in ((1, 5.0), (2, 50.0), (3, 5.0)):
        queue.submitted(task, ("p",), 1.0, Options(expires=expires))
    (kept,) = queue.take_many(9, 10.0)
    assert (kept.id, [task.id for task in queue.lanes.expired]) == (2, [1, 3])
    queue.lanes.expired = []
    queue.put_first([kept])
    assert queue.take(50.0) is None
    assert queue.lanes.expired == [kept]


def test_a_backlog_is_worked_off_with_no_more_than_the_bound_in_memory() -> None:
    first = Driver(g=ONE)
    first.submit("g", *["x"] * 100)
    d = Driver(first.disk, g=ONE)
    assert len(d.queries) == 1
    d.ready("g-1", window=3)
    for _ in range(100):
        held = d.dispatcher.view(d.now).workers["run-g-1"].in_flight
        d.says("g-1", *[done(task) for task in held])
        d.answer()
        assert len(d.dispatcher._memory.groups["g"].queue) <= 8
    assert d.given == [(task, 1) for task in range(1, 101)]
    assert d.disk.recover().counts == {"g": {"done": 100}}
