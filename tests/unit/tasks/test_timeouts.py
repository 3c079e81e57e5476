"""A task is held to the timeout that it was sent with, whatever the spec says by then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.driver import Driver, done, frames_of, results, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import Form, HeartbeatFrame
from tmaxd.tasks.lives import REMIND
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Assigned
from tmaxd.tasks.trust import OVERDUE

LONG, SHORT = 60.0, 5.0


def policy(timeout: float | None, shared: bool = False) -> GroupPolicy:
    return GroupPolicy(timeout=timeout, shared=shared)


def edit(d: Driver, timeout: float | None, shared: bool = False) -> None:
    d.tell(ev.Groups({"g": policy(timeout, shared)}))


def overdue_in(d: Driver) -> float | None:
    """Seconds from now after which the worker is not trusted any more."""
    at = d.dispatcher.view(d.now).workers["run-g-1"].overdue_at
    (load,) = d.dispatcher.loads(d.now)
    assert load.overdue == (at is not None and d.now > at)
    return None if at is None else at - d.now - OVERDUE


def timeouts(d: Driver) -> dict[int, float | None]:
    """What the frames of the last step say of each task."""
    found: dict[int, float | None] = {}
    for effect in d.effects:
        if isinstance(effect, ev.Send | ev.SendShared):
            for frame in frames_of(effect.data):
                ids = [t[0] for t in frame["tasks"]] if frame["t"] == "tasks" else [frame["id"]]
                found.update(dict.fromkeys(ids, frame.get("timeout")))
    return found


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize(("first", "then"), [(LONG, SHORT), (SHORT, LONG), (None, SHORT)])
def test_an_edit_does_not_touch_what_was_sent(
    first: float | None, then: float | None, says: bool
) -> None:
    d = Driver(g=policy(first))
    d.ready("g-1")
    d.submit("g", "x")
    if says:
        d.says("g-1", started(1))
    edit(d, then)
    assert overdue_in(d) == first
    d.says("g-1", done(1))
    d.submit("g", "y")
    assert timeouts(d) == {2: then}
    if says:
        d.says("g-1", started(2))
    assert overdue_in(d) == then


def test_of_tasks_of_both_kinds_each_has_its_own_time() -> None:
    d = Driver(g=policy(LONG))
    d.ready("g-1", window=3, batch=True)
    d.submit("g", "long")
    edit(d, SHORT)
    d.submit("g", "short", "short")
    d.says("g-1", started(1), started(2))
    assert overdue_in(d) == SHORT
    d.now += 1
    d.says("g-1", results(2), started(3))
    assert overdue_in(d) == SHORT
    d.says("g-1", results(3))
    assert overdue_in(d) == LONG - 1
    d.says("g-1", results(1))
    assert overdue_in(d) is None


def test_who_died_of_which_task() -> None:
    d = Driver(g=policy(LONG))
    d.ready("g-1", window=2)
    d.submit("g", "long")
    edit(d, SHORT)
    d.submit("g", "short")
    d.says("g-1", started(1), started(2))
    d.now += SHORT + OVERDUE + 1
    d.dies("g-1")
    assert {task: outcome for task, outcome, _ in d.ends()} == {1: "lost", 2: "timeout"}


def test_one_that_never_says_what_it_begins_is_ended_over_its_oldest() -> None:
    d = Driver(g=policy(SHORT))
    d.ready("g-1", window=2)
    d.submit("g", "a", "b")
    d.now += SHORT + OVERDUE + 1
    d.dies("g-1")
    assert {task: outcome for task, outcome, _ in d.ends()} == {1: "timeout", 2: "lost"}


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_what_is_sent_again_says_the_same(form: Form) -> None:
    d = Driver(g=policy(LONG))
    d.ready("g-1", window=2, form=form, batch=True)
    d.submit("g", "long")
    edit(d, SHORT)
    d.submit("g", "short")
    d.now += REMIND
    d.says("g-1", HeartbeatFrame())
    if form == "json":
        assert timeouts(d) == {1: LONG, 2: SHORT}
    else:
        (send,) = d.of(ev.Send)
        assert send.data == b"\ntask\t1\t1\t60\tlong\ntask\t2\t1\t5\tshort\n"


def test_the_next_daemon_holds_to_it_though_the_spec_was_edited_meanwhile() -> None:
    first = Driver(g=policy(LONG))
    first.ready("g-1", window=2)
    first.submit("g", "x")
    assert [record.timeout for record in first.written(Assigned)] == [LONG]
    d = Driver(first.disk, g=policy(SHORT))
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 2, "json"))
    assert timeouts(d) == {1: LONG}
    d.says("g-1", started(1))
    assert overdue_in(d) == LONG


def test_a_record_of_a_shared_fifo_keeps_its_time_too() -> None:
    d = Driver(g=policy(LONG, shared=True))
    d.tell(ev.Ready("g-1", "g", "run-g-1", 1, "json", shared=True))
    d.submit("g", "x", "y", "z")
    assert timeouts(d) == {1: LONG, 2: LONG, 3: LONG}
    d.says("g-1", started(1))
    edit(d, SHORT, shared=True)
    assert overdue_in(d) == LONG
    d.tell(ev.Cancel(1, [3]))
    d.tell(ev.TakenBack("g", [(2, 1), (3, 1)]))
    assert timeouts(d) == {2: LONG}
    d.says("g-1", done(1), started(2))
    assert overdue_in(d) == LONG


def test_the_next_attempt_has_the_new_one() -> None:
    d = Driver(g=policy(LONG))
    d.ready("g-1")
    d.submit("g", "x")
    edit(d, SHORT)
    d.says("g-1", started(1))
    d.dies("g-1")
    d.ready("g-1", run="second")
    assert timeouts(d) == {1: SHORT}


MOVES = st.lists(
    st.tuples(st.sampled_from(["edit", "submit", "start", "end", "wait"]), st.integers(0, 9)),
    max_size=40,
)


@given(MOVES)
def test_it_is_late_when_the_first_of_what_it_runs_is(moves: list[tuple[str, int]]) -> None:
    limits = (LONG, SHORT, None)
    d, said = Driver(g=policy(LONG)), dict[int, float]()
    d.ready("g-1", window=4)
    sent: dict[int, float | None] = {}
    limit: float | None = LONG
    for move, n in moves:
        if move == "edit":
            limit = limits[n % 3]
            edit(d, limit)
        elif move == "submit":
            d.submit("g", "x")
        elif move == "wait":
            d.now += n
        elif sent:
            task = list(sent)[n % len(sent)]
            if move == "start" and task not in said:
                said[task] = d.now
                d.says("g-1", started(task))
            elif move == "end":
                del sent[task]
                said.pop(task, None)
                d.says("g-1", done(task))
        sent |= dict.fromkeys(d.dispatcher.in_flight().keys() - sent.keys(), limit)
        late = [at + each for task, at in said.items() if (each := sent[task]) is not None]
        if said:
            found = overdue_in(d)
            assert found == (pytest.approx(min(late) - d.now) if late else None)
