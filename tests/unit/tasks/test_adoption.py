"""What a new daemon learns of the runs that it takes over: what they have begun, and whether their silence counts."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, begun, frames_of, results, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import HeartbeatFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.trust import OVERDUE

TIMEOUT = 2.0
POLICY = GroupPolicy(timeout=TIMEOUT, lease=60.0, attempts=1)


def taken_over(*, beats: bool = True) -> Driver:
    """A worker had begun task 1 and held 2 and 3; then the daemon died. The next one does not know what had begun."""
    first = Driver(g=POLICY)
    first.ready("g-1", window=3)
    first.submit("g", "a", "b", "c")
    first.says("g-1", started(1))
    d = Driver(first.disk, g=POLICY)
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 3, "json", beats=beats))
    return d


def asked(d: Driver) -> int:
    """The number under which the worker was asked."""
    numbers = [f["number"] for c in d.of(ev.Control) for f in frames_of(c.data) if f["t"] == "ping"]
    (number,) = numbers
    assert isinstance(number, int)
    return number


def answer(d: Driver, number: int) -> None:
    d.says("g-1", begun(1), HeartbeatFrame(number=number))


def overdue(d: Driver) -> bool:
    (load,) = d.dispatcher.loads(d.now)
    return load.overdue


def test_what_it_had_begun_is_known_again() -> None:
    d = taken_over()
    answer(d, asked(d))
    flight = d.dispatcher.in_flight()
    assert {task for task, at in flight.items() if at.started is not None} == {1}


def test_a_task_that_is_not_ended_in_time_is_noticed_by_the_next_daemon_too() -> None:
    d = taken_over()
    answer(d, asked(d))
    d.now += TIMEOUT + OVERDUE - 1
    assert not overdue(d)
    d.now += 2
    assert overdue(d)


def test_what_it_had_not_begun_costs_no_attempt_when_it_dies() -> None:
    d = taken_over()
    answer(d, asked(d))
    d.dies("g-1")
    assert [(task, outcome) for task, outcome, _ in d.ends()] == [
        (1, "lost"),
        (2, "unsent"),
        (3, "unsent"),
    ]


def test_without_an_answer_all_may_have_begun() -> None:
    d = taken_over()
    d.says("g-1", HeartbeatFrame(number=asked(d) + 1))
    d.dies("g-1")
    assert {outcome for _, outcome, _ in d.ends()} == {"lost"}


def test_one_that_sent_heartbeats_to_an_earlier_daemon_and_says_nothing_is_silent() -> None:
    for beats in (True, False):
        d = taken_over(beats=beats)
        for _ in range(60):
            d.now += 2
            (load,) = d.dispatcher.loads(d.now)
        assert load.silent is beats


def test_one_that_never_says_what_it_begins_is_held_to_its_time() -> None:
    d = Driver(g=POLICY)
    d.ready("g-1", window=2)
    d.submit("g", "a", "b")
    d.now += TIMEOUT + OVERDUE - 1
    d.says("g-1", results(1))
    d.now += TIMEOUT + OVERDUE - 1
    assert not overdue(d)  # the second may have begun only when the first had ended
    d.now += 2
    assert overdue(d)
