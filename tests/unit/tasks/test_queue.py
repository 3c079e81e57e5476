"""The queue's bounds and cursors, one case at a time; the state machine covers their mixtures."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, done
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.queue import READ_RETRY, Task, TaskQueue
from tmaxd.tasks.records import Page, Queued

ONE = GroupPolicy()


def page(*ids: int, more: bool = False, next_due: float | None = None) -> Page:
    return Page(tuple(Queued(i, "p", 0, 1.0) for i in ids), more, next_due)


def taken(queue: TaskQueue) -> list[int]:
    ids = []
    while (task := queue.take()) is not None:
        ids.append(task.id)
    return ids


def test_what_is_over_the_bound_goes_to_disk_and_returns_in_order() -> None:
    queue = TaskQueue(items=4)
    for i in range(1, 10):
        queue.submitted(Task(i, "p", 1.0))
    assert (len(queue), queue.on_disk) == (4, True)
    assert queue.ask_page(1.0) is None
    assert [task.id for task in (queue.take(), queue.take()) if task] == [1, 2]
    queue.submitted(Task(10, "p", 1.0))
    assert queue.ask_page(1.0) == (4, 2)
    assert queue.ask_page(1.0) is None
    queue.loaded(page(5, 6, more=True), 1.0)
    assert taken(queue) == [3, 4, 5, 6]
    assert queue.ask_page(1.0) == (6, 4)
    queue.loaded(page(7, 8, 9, 10), 1.0)
    assert not queue.on_disk
    assert [task.id for task in [queue.take()] if task] == [7]
    queue.submitted(Task(11, "p", 1.0))
    assert (taken(queue), queue.on_disk) == ([8, 9, 10, 11], False)


def test_the_bound_in_characters() -> None:
    queue = TaskQueue(items=100, chars=10)
    for i in range(1, 5):
        queue.submitted(Task(i, "x" * 6, 1.0))
    assert (len(queue), queue.chars) == (2, 12)
    queue.take()
    assert (queue.chars, queue.ask_page(1.0)) == (6, None)
    queue.take()
    assert (queue.chars, queue.ask_page(1.0)) == (0, (2, 100))


def test_submits_while_a_page_is_read_wait_for_the_next_one() -> None:
    queue = TaskQueue(items=2)
    for i in range(1, 4):
        queue.submitted(Task(i, "p", 1.0))
    assert taken(queue) == [1, 2]
    assert queue.ask_page(1.0) == (2, 2)
    queue.submitted(Task(4, "p", 1.0))
    queue.loaded(page(3), 1.0)
    assert queue.on_disk
    assert taken(queue) == [3]
    assert queue.ask_page(1.0) == (3, 2)
    queue.loaded(page(4), 1.0)
    assert not queue.on_disk


def test_a_last_page_ends_the_reading_even_when_tasks_have_left_the_disk() -> None:
    queue = TaskQueue(items=2)
    for i in range(1, 6):
        queue.submitted(Task(i, "p", 1.0))
    taken(queue)
    assert queue.ask_page(1.0) == (2, 2)
    queue.loaded(page(3), 1.0)
    assert not queue.on_disk


def test_a_restored_task_is_not_loaded_beside_itself() -> None:
    queue = TaskQueue(items=4)
    queue.restore(last_id=9, backlog=True, next_due=None)
    lease = Task(5, "p", 1.0)
    queue.restored(lease)
    assert queue.ask_page(1.0) == (0, 4)
    queue.come_back([lease])
    assert [queue.take()] == [lease]
    queue.ended(lease)
    queue.loaded(page(3, 5, 7), 1.0)
    assert taken(queue) == [3, 7]


def test_a_due_task_is_not_loaded_beside_itself() -> None:
    queue = TaskQueue(items=4)
    queue.restore(last_id=9, backlog=False, next_due=50.0)
    assert queue.ask_due(49.0) is None
    assert queue.wake_at(49.0) == 50.0
    assert queue.ask_due(50.0) is not None
    assert queue.wake_at(50.0) is None
    assert queue.loaded_due(page(2, 3, more=True), 50.0) == 2
    assert queue.ask_due(50.0) is not None
    first = queue.take()
    assert first is not None
    queue.ended(first)
    assert queue.loaded_due(page(2, 3, 4, next_due=70.0), 50.0) == 1
    assert taken(queue) == [3, 4]
    assert queue.next_due == 70.0


def test_a_delay_that_begins_while_due_tasks_are_read_is_not_forgotten() -> None:
    queue = TaskQueue(items=4)
    queue.restore(last_id=9, backlog=False, next_due=50.0)
    assert queue.ask_due(50.0) is not None
    queue.delay(Task(8, "p", 1.0), 55.0)
    assert queue.loaded_due(page(2, next_due=90.0), 51.0) == 1
    assert queue.next_due == 55.0


def test_a_failed_read_is_tried_again_later() -> None:
    queue = TaskQueue(items=2)
    queue.restore(last_id=9, backlog=True, next_due=10.0)
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
    queue.restore(last_id=9, backlog=True, next_due=None)
    queue.ask_page(5000.0)
    queue.loaded(None, 5000.0)
    assert queue.ask_page(10.0) is not None


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
        assert len(d.dispatcher._groups["g"].queue) <= 8
    assert d.given == [(task, 1) for task in range(1, 101)]
    assert d.disk.recover().counts == {"g": {"done": 100}}
