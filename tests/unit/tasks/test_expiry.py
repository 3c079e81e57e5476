"""Tasks whose time to begin is over, wherever they wait."""

from __future__ import annotations

import msgspec

from tests.unit.tasks.driver import Driver, cancel, counts, failed
from tmaxd.tasks import events as ev
from tmaxd.tasks.expiry import EXPIRED_ITEMS, PACE, Expiry
from tmaxd.tasks.policy import GroupPolicy, Route
from tmaxd.tasks.records import Options, Page, Queued, Submitted

ONE = GroupPolicy()


def test_what_has_expired_when_it_is_its_turn_is_dead() -> None:
    d = Driver(g=ONE)
    d.submit("g", "x", expires=1005.0)
    d.submit("g", "y")
    d.now = 1005.0
    d.ready("g-1", window=2)
    assert d.given == [(2, 1)]
    assert d.of(ev.Ended) == [ev.Ended([(1, "dead")])]
    assert d.disk.entries[1].row.outcome == "expired"
    assert counts(d) == (0, 0, 1, 0, 1, 0)


def test_what_expired_at_its_turn_is_routed_in_the_same_step() -> None:
    late = Route(to=("h",), when="dead", payload="late: {payload}")
    d = Driver(h=ONE, g=GroupPolicy(routes=(late,)))
    d.ready("h-1")
    d.submit("g", "x", expires=1005.0)
    d.now = 1005.0
    d.ready("g-1")
    assert [record.payloads for record in d.written(Submitted)] == [("late: x",)]
    assert d.given == [(2, 1)]


def test_what_nobody_takes_expires_at_its_time_in_memory_and_on_disk() -> None:
    d = Driver(g=GroupPolicy(expire=60.0))
    d.submit("g", *["x"] * 12)
    d.submit("g", "own", expires=1010.0)
    d.submit("g", "later", due=1500.0)
    assert d.wake_at == 1010.0
    d.wait(10.0)
    assert (d.state(13), d.wake_at) == ("dead", 1060.0)
    d.wait(50.0)
    assert counts(d) == (0, 1, 0, 0, 13, 0)
    d.wait(440.0)
    assert counts(d) == (1, 0, 0, 0, 13, 0)
    d.wait(60.0)
    assert counts(d) == (0, 0, 0, 0, 14, 0)


def test_a_task_with_a_worker_does_not_expire_but_its_next_try_does() -> None:
    d = Driver(g=GroupPolicy(attempts=3, backoff_first=50.0))
    d.ready("g-1")
    d.submit("g", "x", expires=1010.0)
    d.wait(20.0)
    assert counts(d) == (0, 0, 1, 0, 0, 0)
    d.says("g-1", failed(1))
    d.wait(1.0)
    assert (counts(d), d.disk.entries[1].row.outcome) == ((0, 0, 0, 0, 1, 0), "expired")


def test_an_expired_task_that_is_retried_does_not_expire_again() -> None:
    d = Driver(g=ONE)
    d.submit("g", "x", expires=1010.0)
    d.wait(10.0)
    d.tell(ev.Retry(3, [1]))
    while d.queries:
        d.answer()
    d.wait(100.0)
    d.ready("g-1")
    assert d.given == [(1, 1)]


def test_a_look_for_expired_tasks_that_a_retry_overtakes_ends_nothing() -> None:
    d = Driver(g=ONE)
    d.submit("g", "x", expires=1010.0)
    d.now = 1010.0
    d.tell(ev.Tick())
    late = d.read(d.queries.pop())
    cancel(d, 1)
    d.tell(ev.Retry(3, [1]))
    d.answer()
    d.queries = []
    d.tell(late)
    assert (d.queries, d.records) == ([], [])
    assert counts(d) == (0, 1, 0, 0, 0, 0)


def test_a_disk_that_cannot_be_read_only_delays_the_end_of_expired_tasks() -> None:
    d = Driver(g=ONE)
    d.submit("g", *["x"] * 20, expires=1010.0)
    d.now = 1010.0
    d.tell(ev.Tick())
    d.tell(ev.ExpiredLoaded("g", None))
    d.queries = []
    assert d.wake_at == 1011.0
    d.now = 1011.0
    d.tell(ev.Tick())
    d.answer()
    (find,) = [query for query in d.queries if isinstance(query, ev.FindTasks)]
    d.queries = []
    d.tell(ev.TasksFound(find.token, None))
    assert counts(d)[4] == 8  # those in memory
    d.wait(1.0)
    assert counts(d)[4] == 20


def test_options_are_read_back_as_they_were() -> None:
    options = Options(priority=3, expires=9000.0, affinity="one")
    first = Driver(g=ONE)
    first.tell(ev.Submit(1, ("g",), ("x",), options))
    d = Driver(first.disk, g=ONE)
    d.answer()
    (task,) = d.dispatcher._memory.groups["g"].queue.take_many(1, d.now)
    found = {name: getattr(task, name) for name in ("priority", "expires", "affinity", "hops")}
    assert found == {
        name: value for name, value in msgspec.structs.asdict(options).items() if name in found
    }


# ------------------------------------------------------------------------------------ the looks


def test_the_look_reaches_past_what_is_in_flight() -> None:
    expiry = Expiry()
    expiry.note(10.0)
    assert expiry.ask(9.0, 0) is None
    assert expiry.ask(10.0, 300) == EXPIRED_ITEMS + 300
    assert expiry.ask(10.0, 300) is None


def test_what_begins_to_wait_during_a_look_is_not_forgotten() -> None:
    expiry = Expiry()
    expiry.note(10.0)
    expiry.ask(10.0, 0)
    expiry.note(20.0)
    expiry.loaded(Page((), False, 30.0), 10.0, fresh=False)
    assert (expiry.next, expiry.wake_at()) == (20.0, 20.0)


def test_looks_keep_a_distance_unless_there_is_more_to_end() -> None:
    rows = (Queued(1, "p", 0, 1.0),)
    expiry = Expiry()
    expiry.note(10.0)
    expiry.ask(10.0, 0)
    expiry.loaded(Page(rows, True, None), 10.0, fresh=True)
    assert expiry.ask(10.0, 0) is not None
    expiry.loaded(Page(rows, True, None), 10.0, fresh=False)
    assert (expiry.ask(10.0, 0), expiry.wake_at()) == (None, 10.0 + PACE)
    assert expiry.ask(10.0 + PACE, 0) is not None
    expiry.loaded(Page(rows, False, 11.1), 10.0 + PACE, fresh=True)
    assert expiry.wake_at() == 10.0 + 2 * PACE
