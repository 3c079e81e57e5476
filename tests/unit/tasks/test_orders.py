"""Cancel, wherever the task is: in memory, on disk, in a read under way, with a worker."""

from __future__ import annotations

import pytest

from tests.unit.tasks.driver import (
    Driver,
    begun,
    cancel,
    counts,
    done,
    failed,
    frames_of,
    results,
    started,
)
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import Form
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Closed, Released
from tmaxd.tasks.trust import CANCEL_PATIENCE

ONE = GroupPolicy()


# ------------------------------------------------------------------------------------ cancel


def test_a_task_in_memory_is_cancelled_at_once() -> None:
    d = Driver(g=ONE)
    d.submit("g", *"abc")
    cancel(d, 2)
    assert d.verdicts() == {2: "cancelled"}
    assert d.queries == []
    assert d.of(ev.Ended) == [ev.Ended([(2, "cancelled")])]
    (closed,) = d.written(Closed)
    assert (closed.attempt, closed.worker, closed.outcome) == (0, None, "cancelled")
    assert counts(d) == (2, 0, 0, 0, 0, 1)
    d.ready("g-1", window=5)
    assert d.given == [(1, 1), (3, 1)]


def test_tasks_on_disk_only_are_looked_for() -> None:
    d = Driver(g=ONE)
    d.submit("g", *["x"] * 12)
    d.submit("g", "later", due=5000.0)
    cancel(d, 12, 99, 13, 1)
    assert d.of(ev.Verdicts) == []
    d.answer()
    assert d.verdicts() == {12: "cancelled", 99: "unknown", 13: "cancelled", 1: "cancelled"}
    assert [task for task, _ in d.of(ev.Verdicts)[0].tasks] == [12, 99, 13, 1]
    assert counts(d) == (10, 0, 0, 0, 0, 3)
    assert (d.state(12), d.state(13)) == ("cancelled", "cancelled")


def test_a_page_that_was_read_before_does_not_bring_a_cancelled_task_back() -> None:
    first = Driver(g=ONE)
    first.submit("g", *["x"] * 20)
    d = Driver(first.disk, g=ONE)
    (query,) = d.queries
    page = d.read(query)
    d.queries = []
    cancel(d, 3)
    d.answer()
    d.tell(page)
    d.ready("g-1", window=5)
    assert d.given == [(1, 1), (2, 1), (4, 1), (5, 1), (6, 1)]
    d.dies("g-1")


def test_due_tasks_that_were_read_before_are_not_brought_back_either() -> None:
    d = Driver(g=ONE)
    d.submit("g", "x", "y", due=1010.0)
    d.now = 1010.0
    d.tell(ev.Tick())
    due = d.read(d.queries.pop())
    cancel(d, 1)
    d.answer()
    d.tell(due)
    d.ready("g-1", window=5)
    assert d.given == [(2, 1)]
    assert counts(d) == (0, 0, 1, 0, 0, 1)


def test_a_task_that_was_loaded_while_it_was_looked_for_is_cancelled_there() -> None:
    first = Driver(g=ONE)
    first.submit("g", *["x"] * 3)
    d = Driver(first.disk, g=ONE)
    page = d.read(d.queries.pop())
    cancel(d, 2)
    found = d.read(d.queries.pop())
    d.tell(page)
    d.tell(found)
    assert (d.verdicts(), counts(d)) == ({2: "cancelled"}, (2, 0, 0, 0, 0, 1))


def test_what_changed_while_it_was_looked_for_is_looked_for_again() -> None:
    first = Driver(g=ONE)
    first.submit("g", "x")
    d = Driver(first.disk, g=ONE)
    page = d.read(d.queries.pop())
    cancel(d, 1)
    found = d.read(d.queries.pop())
    d.tell(page)
    d.ready("g-1")
    d.says("g-1", done(1))
    d.tell(found)
    assert (d.of(ev.Verdicts), d.records) == ([], [])
    d.answer()
    assert d.verdicts() == {1: "ended"}
    assert d.state(1) == "done"


@pytest.mark.parametrize(
    ("form", "frame"),
    [("json", b'{"t":"cancel","id":1,"attempt":1}\n'), ("tsv", b"cancel\t1\t1\n")],
)
def test_a_task_with_a_worker_is_asked_to_end(form: Form, frame: bytes) -> None:
    d = Driver(g=GroupPolicy(attempts=5))
    d.ready("g-1", form=form)
    d.submit("g", "x")
    d.says("g-1", started(1))
    cancel(d, 1, 1)
    assert d.verdicts() == {1: "cancelling"}
    assert d.of(ev.Control) == [ev.Control("g-1", "run-g-1", frame)]
    cancel(d, 1)
    assert (d.verdicts(), d.of(ev.Control)) == ({1: "cancelling"}, [])
    d.says("g-1", failed(1, outcome="cancelled"))
    assert (d.ends(), d.state(1)) == ([(1, "cancelled", None)], "cancelled")
    assert d.of(ev.Ended) == [ev.Ended([(1, "cancelled")])]


def test_a_result_that_was_quicker_than_the_cancel_stands() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2, batch=True)
    d.submit("g", "x", "y")
    cancel(d, 1)
    d.says("g-1", results(1, 2))
    assert (d.state(1), counts(d)) == ("done", (0, 0, 0, 2, 0, 0))
    assert not d.dispatcher._memory.lives["run-g-1"].cancelling


@pytest.mark.parametrize("outcome", ["failed", "temporary", "timeout", "lost", "unsent"])
def test_a_task_that_is_being_cancelled_is_not_tried_again(outcome: str) -> None:
    d = Driver(g=GroupPolicy(attempts=5))
    d.ready("g-1")
    d.submit("g", "x")
    if outcome == "lost":
        d.says("g-1", started(1))
    cancel(d, 1)
    if outcome in ("lost", "unsent"):
        d.dies("g-1", b'{"t":"task","id":1,"attempt":1,"payload":"x"}\n')
        assert d.written(Released) == [Released("run-g-1")]
    else:
        d.says("g-1", failed(1, outcome=outcome))
    assert (d.state(1), counts(d)) == ("cancelled", (0, 0, 0, 0, 0, 1))


def test_who_ignores_a_cancel_is_replaced_and_the_neighbours_lose_nothing() -> None:
    d = Driver(g=GroupPolicy(attempts=1))
    d.ready("g-1", window=3)
    d.submit("g", *"abc")
    d.says("g-1", begun(1, 2))
    cancel(d, 1)
    d.now += CANCEL_PATIENCE - 1
    assert [load.overdue for load in d.dispatcher.loads(d.now)] == [False]
    d.now += 2
    assert [load.overdue for load in d.dispatcher.loads(d.now)] == [True]
    assert d.dispatcher.view(d.now).workers["run-g-1"].overdue
    d.dies("g-1")
    assert sorted(d.ends()) == [
        (1, "cancelled", None),
        (2, "interrupted", None),
        (3, "unsent", None),
    ]


def test_a_cancel_of_what_an_adopted_run_holds_is_said_when_it_is_adopted() -> None:
    first = Driver(g=ONE)
    first.ready("g-1")
    first.submit("g", "x")
    d = Driver(first.disk, g=ONE)
    cancel(d, 1)
    assert (d.verdicts(), d.of(ev.Control)) == ({1: "cancelling"}, [])
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 1, "json"))
    said = [frame for control in d.of(ev.Control) for frame in frames_of(control.data)]
    assert {"t": "cancel", "id": 1, "attempt": 1} in said


def test_a_task_set_aside_is_cancelled_and_what_is_left_goes_on() -> None:
    d = aside(3)
    cancel(d, 2)
    assert d.verdicts() == {2: "cancelled"}
    (held,) = d.dispatcher.in_flight().values()
    d.says(held.worker, done(1))
    assert d.given == [(1, 1), (3, 1)]
    assert counts(d) == (0, 0, 1, 1, 0, 1)


def test_tasks_set_aside_go_to_others_when_the_balance_changes() -> None:
    d = aside(3)
    d.tell(ev.Groups({"g": ONE}))
    assert d.given == [(1, 1), (2, 1)]
    assert counts(d) == (1, 0, 2, 0, 0, 0)


def test_tasks_set_aside_wait_while_their_group_is_gone() -> None:
    d = aside(3)
    d.tell(ev.Groups({}))
    assert [task.id for task in d.dispatcher._memory.groups["g"].queue.take_many(9, d.now)] == [
        2,
        3,
    ]


def aside(tasks: int) -> Driver:
    """All tasks belong to one of two workers, which has the first; the others wait for it."""
    d = Driver(g=GroupPolicy(balance="sticky"))
    d.ready("g-1")
    d.ready("g-2")
    d.submit("g", *["x"] * tasks, affinity="one")
    assert d.given == [(1, 1)]
    assert len(d.dispatcher._memory.groups["g"].aside) == tasks - 1
    return d


def test_a_disk_that_cannot_be_read_is_said() -> None:
    d = Driver(g=ONE)
    cancel(d, 5)
    (query,) = d.queries
    assert isinstance(query, ev.FindTasks)
    d.tell(ev.TasksFound(query.token, None))
    assert d.verdicts() == {5: "unreadable"}


def test_a_cancelled_task_leaves_no_payload_file() -> None:
    d = Driver(g=GroupPolicy(attempts=2, backoff_first=50.0))
    d.ready("g-1")
    d.submit("g", "x" * 5000)
    d.says("g-1", failed(1))
    cancel(d, 1)
    d.answer()
    assert d.of(ev.Unspool) == [ev.Unspool(1, "/spool/1.payload")]


def test_many_are_looked_for_in_pieces_and_answered_once() -> None:
    first = Driver(g=ONE)
    first.submit("g", *["x"] * 2500)
    d = Driver(first.disk, g=ONE)
    d.queries = []
    cancel(d, *range(1, 2501))
    assert [len(query.ids) for query in d.queries if isinstance(query, ev.FindTasks)] == [
        1000, 1000, 500,
    ]  # fmt: skip
    for query in d.queries:
        assert d.of(ev.Verdicts) == []
        d.tell(d.read(query))
    assert set(d.verdicts().values()) == {"cancelled"}
    assert counts(d) == (0, 0, 0, 0, 0, 2500)
