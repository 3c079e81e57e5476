"""What the dispatcher shows of itself."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, done, failed, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import Bad, HeartbeatFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Requeued

ONE = GroupPolicy()


def test_the_view() -> None:
    d = Driver(g=GroupPolicy(timeout=10.0, attempts=2, backoff_first=50.0), h=ONE)
    d.ready("g-1", window=4)
    d.submit("g", *"abcdef")
    d.now += 2
    d.says("g-1", started(1), started(2), started(3), HeartbeatFrame(), Bad("why", "x"))
    d.now += 3
    d.says("g-1", done(1), failed(2))
    d.now += 1
    view = d.dispatcher.view(d.now)
    g = view.groups["g"]
    assert (g.queued, g.delayed, g.sent, g.running, g.done, g.dead) == (0, 1, 3, 1, 1, 0)
    assert (g.run, g.wait) == ((3.0, 3.0), (2.0, 2.0))
    assert g.rate == 2.0
    assert view.groups["h"].run is None
    worker = view.workers["run-g-1"]
    assert (worker.in_flight, worker.running, worker.done) == ((3, 4, 5, 6), (3,), 1)
    assert (worker.bad, worker.last_seen, worker.ready) == (1, 1005.0, True)
    assert (worker.overdue_at, worker.overdue) == (1002.0 + 10 + 15, False)
    late = d.dispatcher.view(1027.5).workers["run-g-1"]
    assert late.overdue
    assert [load.overdue for load in d.dispatcher.loads(1027.5)] == [True]
    d.tell(ev.Groups({"h": ONE}))
    assert not d.dispatcher.view(d.now).groups["g"].in_spec


def test_counts_come_from_the_journal() -> None:
    first = Driver(g=GroupPolicy(attempts=2))
    first.ready("g-1", window=2)
    first.submit("g", *"abcde")
    first.says("g-1", done(1), failed(2))
    g = Driver(first.disk, g=ONE).dispatcher.view(1000.0).groups["g"]
    assert (g.queued, g.delayed, g.sent, g.done, g.dead) == (1, 1, 2, 1, 0)
    assert [type(record) for record in first.records].count(Requeued) == 1


def test_a_lease_of_a_delayed_row_counts_as_in_flight_alone() -> None:
    first = Driver(g=ONE)
    first.ready("g-1")
    first.submit("g", "later", "last", due=1010.0)
    first.wait(10.0)
    g = Driver(first.disk, g=ONE).dispatcher.view(1010.0).groups["g"]
    assert (g.queued, g.delayed, g.sent) == (0, 1, 1)
