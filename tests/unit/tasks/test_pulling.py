"""The dispatcher with a group whose workers share one tasks FIFO; `shared` itself is tried in `test_shared`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.tasks.driver import Driver, begun, cancel, counts, done, failed, frames_of, results
from tests.unit.tasks.driver import started as said
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import HeartbeatFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Assigned, Closed, Delivered, Requeued
from tmaxd.tasks.shared import AHEAD, BLANK, RECORD

SHARED = GroupPolicy(shared=True)
DEDICATED = GroupPolicy()


def ready(d: Driver, *workers: str, window: int = 4, life: int = 0, shared: bool = True) -> None:
    d.tell(
        *[ev.Ready(w, "g", f"run-{w}", window, "json", life, True, shared=shared) for w in workers]
    )


def two(*payloads: str) -> Driver:
    """Two workers, and these tasks in the FIFO."""
    d = Driver(g=SHARED)
    ready(d, "g-1", "g-2")
    if payloads:
        d.submit("g", *payloads)
    return d


def written(d: Driver) -> list[tuple[int, int]]:
    """(id, attempt) of the records of the last step; each is one frame."""
    data = b"".join(send.data for send in d.of(ev.SendShared))
    assert len(data) % RECORD == 0
    found = []
    for at in range(0, len(data), RECORD):
        for frame in frames_of(data[at : at + RECORD]):
            assert frame["t"] == "task"
            found.append((frame["id"], frame["attempt"]))
    return found


def taken_back(d: Driver, *unread: tuple[int, int]) -> None:
    d.tell(ev.TakenBack("g", unread))


def asked(d: Driver) -> dict[str, int]:
    """Worker to the number that it was asked by."""
    found = {}
    for control in d.of(ev.Control):
        for frame in frames_of(control.data):
            if frame["t"] == "ping":
                found[control.worker] = frame["number"]
    return found


def answers(d: Driver, worker: str, number: int) -> None:
    d.says(worker, HeartbeatFrame(1, 4, number=number))


def words(d: Driver, worker: str) -> list[str]:
    controls = [c.data for c in d.of(ev.Control) if c.worker == worker]
    return [frame["t"] for frame in frames_of(b"".join(controls))]


def again(
    d: Driver, runs: Sequence[tuple[str, str, str]] = (), deaths: Sequence[ev.Death] = ()
) -> Driver:
    """The next daemon, which finds these runs, and reads of these deaths."""
    new = Driver(d.disk)
    found = d.disk.recover()
    new.dispatcher = type(d.dispatcher)("/spool", found.next_id, found.next_send, queue_items=8)
    new.tell(
        ev.Groups({"g": SHARED}),
        ev.Counts(found.counts, found.lanes, found.next_due, found.next_expiry),
        ev.Restored(found.leases, runs, deaths),
    )
    return new


def test_a_task_is_with_nobody_until_a_worker_says_that_it_began_it() -> None:
    d = two("a", "b", "c")
    (assigned,) = d.written(Assigned)
    assert (assigned.worker, assigned.run, list(assigned.ids)) == ("", "", [1, 2, 3])
    assert written(d) == [(1, 1), (2, 1), (3, 1)]
    assert d.of(ev.Send) == []
    assert d.dispatcher.in_flight() == {}
    assert counts(d) == (0, 0, 3, 0, 0, 0)
    d.says("g-2", said(1))
    d.says("g-1", begun(2))
    assert {t: i.worker for t, i in d.dispatcher.in_flight().items()} == {1: "g-2", 2: "g-1"}
    d.says("g-2", done(1))
    assert d.written(Delivered) == []
    d.says("g-1", results(2, 3))
    assert d.ends() == [(2, "done", None), (3, "done", None)]
    assert d.written(Delivered) == [Delivered([assigned.send])]
    assert counts(d) == (0, 0, 0, 3, 0, 0)
    assert d.disk.sends == {}


def test_what_a_worker_fails_is_tried_again_by_anybody() -> None:
    d = Driver(g=GroupPolicy(shared=True, attempts=2, backoff_first=5.0))
    ready(d, "g-1", "g-2")
    d.submit("g", "a")
    d.says("g-1", said(1), failed(1))
    assert d.state(1) == "delayed"
    d.wait(6.0)
    assert written(d) == [(1, 2)]
    d.says("g-2", done(1, 2))
    assert d.state(1) == "done"


def test_some_wait_in_the_fifo_though_all_are_busy() -> None:
    d = Driver(g=SHARED)
    ready(d, "g-1", window=1)
    d.submit("g", *"abcdefgh")
    assert len(written(d)) == AHEAD
    d.says("g-1", said(1))
    assert len(written(d)) == 0
    d.says("g-1", said(1), done(1), said(2))
    assert counts(d)[2] == AHEAD + 1


def test_the_death_of_a_worker() -> None:
    """1 it began, 2 nobody has read, 3 it had taken, 4 the other one has taken and comes to say so."""
    d = two("a", "b", "c", "d")
    d.says("g-1", said(1))
    d.dies("g-1")
    assert d.ends() == [(1, "lost", None)]
    assert d.effects[-1] == ev.TakeBack("g")
    assert written(d) == [], "nothing is written before it is taken back"
    taken_back(d, (2, 1))
    (number,) = asked(d).values()
    assert asked(d) == {"g-2": number}
    assert written(d) == [(2, 1), (1, 2)]
    assert d.of(ev.SendShared)[0].data.startswith(BLANK), "who waits at the FIFO wakes up"
    d.says("g-2", said(4), HeartbeatFrame(1, 4))
    assert d.ends() == []
    answers(d, "g-2", number)
    assert d.ends() == [(3, "lost", None)]
    (requeued,) = [r for r in d.disk.entries[3].attempts if r.outcome == "lost"]
    assert requeued.worker == "g-1"
    assert written(d) == [(3, 2)]
    d.says("g-2", done(4), done(2), done(1, 2), done(3, 2))
    assert counts(d) == (0, 0, 0, 4, 0, 0)
    assert d.disk.sends == {}


def test_a_worker_that_was_stopped_costs_no_attempt() -> None:
    d = two("a", "b")
    d.says("g-1", said(1))
    d.dies("g-1", excused=True)
    assert d.ends() == [(1, "interrupted", None)]
    taken_back(d)
    answers(d, "g-2", asked(d)["g-2"])
    assert d.ends() == [(2, "interrupted", None)]
    d.says("g-2", done(1), done(2))
    assert counts(d) == (0, 0, 0, 2, 0, 0)
    assert d.disk.sends == {}


def test_a_program_that_begins_anew_has_lost_what_it_had_taken() -> None:
    d = two("a", "b")
    d.says("g-1", said(1))
    ready(d, "g-1", life=1)
    assert d.ends() == [(1, "lost", None)]
    assert d.effects[-1] == ev.TakeBack("g")
    taken_back(d)
    numbers = asked(d)
    for worker in ("g-1", "g-2"):
        assert d.ends() == []
        answers(d, worker, numbers[worker])
    assert d.ends() == [(2, "lost", None)]


def test_who_is_asked_and_says_nothing_at_all_is_silent() -> None:
    d = Driver(g=GroupPolicy(shared=True, lease=30.0))
    ready(d, "g-1", "g-2")
    d.submit("g", "a")
    d.says("g-2", HeartbeatFrame(1, 4))
    d.dies("g-1")
    taken_back(d)
    for _ in range(4):
        d.now += 12.0
        (load,) = d.dispatcher.loads(d.now)
    assert load.silent


def test_cancelled_in_the_fifo() -> None:
    d = two("a", "b", "c")
    d.says("g-1", said(1))
    cancel(d, 1, 2, 3)
    assert d.verdicts() == dict.fromkeys((1, 2, 3), "cancelling")
    assert words(d, "g-1") == ["cancel"]
    assert d.effects[-1] == ev.TakeBack("g")
    d.says("g-2", said(3))
    assert words(d, "g-2") == ["cancel"], "it had been taken: its worker is asked"
    taken_back(d, (2, 1))
    (closed,) = d.written(Closed)
    assert (closed.id, closed.state, closed.attempt, closed.run) == (2, "cancelled", 0, None)
    d.says("g-1", failed(1, outcome="cancelled"))
    d.says("g-2", done(3))
    assert counts(d) == (0, 0, 0, 1, 0, 2)
    assert d.disk.sends == {}


def test_what_waits_in_the_fifo_is_not_revived_and_does_not_expire() -> None:
    d = Driver(g=SHARED)
    ready(d, "g-1", window=1)
    d.submit("g", "a", expires=d.now + 5)
    d.tell(ev.Retry(7, [1]))
    assert d.verdicts() == {1: "waiting"}
    d.wait(10.0)
    d.answer()
    assert d.ends() == []
    d.says("g-1", done(1))
    assert d.state(1) == "done"


def test_the_next_daemon_takes_back_and_asks() -> None:
    """1 is running, 2 done and not heard of, 3 unread, 4 lost with a worker that is dead."""
    d = two("a", "b", "c", "d")
    d.says("g-1", said(1))
    runs = [(f"g-{n}", "g", f"run-g-{n}") for n in (1, 2)]
    new = again(d, runs)
    assert new.effects == [ev.TakeBack("g")]
    taken_back(new, (3, 1))
    assert new.ends() == [(3, "unsent", None)], "nobody is known to read"
    new.tell(ev.Adopted("g-1", "g", "run-g-1", 4, "json", True, True))
    number = asked(new)["g-1"]
    assert words(new, "g-1") == ["resume", "ping"]
    assert written(new) == [(3, 1)]
    new.says("g-1", said(1), done(2), HeartbeatFrame(1, 4, number=number))
    assert new.ends() == [(2, "done", None)]
    new.dies("g-2")
    assert new.ends() == [(4, "interrupted", None)], "the daemon before may have had it in hand"
    assert new.effects[-1] == ev.TakeBack("g")
    taken_back(new, (3, 1))
    new.says("g-1", done(1), done(3), done(4, 1))
    assert counts(new) == (0, 0, 0, 4, 0, 0)
    assert new.disk.sends == {}


@pytest.mark.parametrize("excused", [False, True])
def test_a_worker_died_and_then_the_daemon(excused: bool) -> None:
    """It had seen to the death, and not to what the worker had taken with it. Or it died in the middle of taking back
    what nobody had read: that cannot be told, so no attempt is spent."""
    d = two("a", "b")
    new = again(d, deaths=[ev.Death("g-1", "g", "run-g-1", d.now + 1, excused)])
    taken_back(new)
    assert new.ends() == [(1, "interrupted", None), (2, "interrupted", None)]
    (requeued, _) = new.written(Requeued)
    assert (requeued.worker, requeued.run) == ("g-1", "run-g-1")
    ready(new, "g-1")
    assert written(new) == [(1, 1), (2, 1)]


def test_what_no_daemon_has_written_costs_no_attempt() -> None:
    """However often one dies between the lease and the write."""
    d = Driver(g=GroupPolicy(shared=True, attempts=1))
    ready(d, "g-1")
    d.submit("g", "a")
    early = ev.Death("g-1", "g", "run-g-0", d.now - 1, False)
    for turn in range(4):
        d = again(d, [("g-1", "g", "run-g-1")], [early])
        taken_back(d)
        d.tell(ev.Adopted("g-1", "g", "run-g-1", 4, "json", True, True))
        answers(d, "g-1", asked(d)["g-1"])
        assert d.ends() == [(1, "returned", None)]
        assert written(d) == [(1, turn + 2)], "nobody can take it for the one before"
    d.says("g-1", failed(1, 5))
    assert d.state(1) == "dead", "that one counts"
    assert d.disk.sends == {}


def test_a_run_of_an_earlier_daemon_that_has_a_fifo_of_its_own_is_not_waited_for() -> None:
    d = two("a")
    new = again(d, [("g-1", "g", "run-g-1")])
    taken_back(new)
    assert new.ends() == []
    new.tell(ev.Adopted("g-1", "g", "run-g-1", 4, "json", True, False))
    assert new.ends() == [(1, "returned", None)]
    assert new.dispatcher.view(new.now).workers["run-g-1"].window == 0


def test_the_layout_changes() -> None:
    d = two("a", "b")
    d.says("g-1", said(1))
    d.tell(ev.Groups({"g": DEDICATED}))
    assert d.effects == [ev.TakeBack("g")]
    assert d.dispatcher.unread("g") == 1
    taken_back(d, (2, 1))
    assert d.ends() == [(2, "unsent", None)]
    assert d.dispatcher.unread("g") == 0
    assert d.sent() == {}, "those that pull would not read it"
    ready(d, "g-3", shared=False)
    assert d.sent() == {"g-3": [(2, 1)]}
    d.says("g-1", done(1))
    d.tell(ev.Groups({"g": SHARED}))
    d.submit("g", "c")
    assert written(d) == [(3, 1)]
    assert d.sent() == {}, "of the old layout: it is given no more"


def test_a_held_worker_is_told_and_counts_as_busy_until_it_has_heard() -> None:
    d = two()
    d.tell(ev.Hold("g-1", True))
    assert words(d, "g-1") == ["pause", "ping"]
    number = asked(d)["g-1"]
    loads = {load.worker: load.in_flight for load in d.dispatcher.loads(d.now)}
    assert loads == {"g-1": 1, "g-2": 0}
    assert not d.dispatcher.drained()
    d.says("g-1", HeartbeatFrame(1, 4))
    assert not d.dispatcher.drained()
    answers(d, "g-1", number)
    assert d.dispatcher.drained()
    d.tell(ev.Hold("g-1", False))
    assert words(d, "g-1") == ["resume"]


def test_a_long_payload_goes_by_file_in_a_record() -> None:
    d = two("x" * 5000)
    (spool,) = d.of(ev.Spool)
    (send,) = d.of(ev.SendShared)
    assert len(send.data) == RECORD
    (frame,) = frames_of(send.data)
    assert frame["payload_file"] == spool.path
    d.says("g-1", done(1))
    assert d.of(ev.Unspool) == [ev.Unspool(1, spool.path)]


def test_what_ends_in_the_fifo_makes_tasks_and_lines_as_everywhere() -> None:
    d = Driver(g=GroupPolicy(shared=True, outboxes=("out",)))
    ready(d, "g-1")
    d.submit("g", "a")
    cancel(d, 1)
    taken_back(d, (1, 1))
    (publish,) = d.of(ev.Publish)
    assert publish.outbox == "out"
    assert len(publish.lines) == 1
