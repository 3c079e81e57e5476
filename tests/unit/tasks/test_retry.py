"""Tasks that are over and shall be tried again."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, cancel, counts, done, failed
from tmaxd.tasks import events as ev
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Revived

ONE = GroupPolicy()


def test_a_retried_task_has_its_attempts_before_it_and_numbers_of_its_own() -> None:
    d = Driver(g=GroupPolicy(attempts=2, backoff_first=10.0))
    d.ready("g-1")
    d.submit("g", "x")
    for attempt in (1, 2):
        d.says("g-1", failed(1, attempt))
        d.wait(30.0)
    assert d.state(1) == "dead"
    d.tell(ev.Retry(3, [1]))
    d.answer()
    assert d.verdicts() == {1: "retried"}
    assert d.written(Revived) == [Revived(id=1, group="g", at=d.now, was="dead")]
    d.wait(0.0)
    for attempt in (3, 4):
        assert d.given[-1] == (1, attempt)
        d.says("g-1", failed(1, attempt))
        d.wait(30.0)
    assert (d.state(1), counts(d)) == ("dead", (0, 0, 0, 0, 1, 0))


def test_what_becomes_of_others_that_are_to_be_retried() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", *"abc")
    cancel(d, 3)
    d.says("g-1", done(1))
    d.tell(ev.Retry(3, [1, 2, 3, 4]))
    d.answer()
    verdicts = {1: "done", 2: "waiting", 3: "retried", 4: "unknown"}
    assert d.verdicts() == verdicts
    d.answer()
    assert d.given[-1] == (3, 1)


def test_a_task_is_revived_once_however_often_it_is_asked_for() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", failed(1))
    d.tell(ev.Retry(3, [1]), ev.Retry(4, [1]))
    d.answer()
    assert len(d.written(Revived)) == 1
    d.queries = [query for query in d.queries if isinstance(query, ev.FindTasks)]
    d.answer()
    assert d.verdicts() == {1: "waiting"}
    assert counts(d)[4] == 0
