"""The dispatcher when runs die, begin anew, or outlive a daemon: what is lost, and what only waits."""

from __future__ import annotations

from tests.unit.tasks.driver import Driver, done, frames_of, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.writing import TaskWriter

ONE = GroupPolicy()


def frame(task: int, attempt: int = 1, payload: str = "p") -> bytes:
    return TaskWriter("json", None).inline(task, attempt, payload) or b""


def test_a_worker_that_dies_before_it_said_anything_may_have_begun() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "a", "b", "c")
    d.dies("g-1", unread=frame(2))
    assert d.ends() == [(1, "lost", None), (2, "unsent", None)]
    d.ready("g-1", run="second", window=3)
    assert d.sent() == {"g-1": [(1, 2), (2, 1), (3, 1)]}


def test_of_a_worker_that_says_what_it_starts_only_that_is_lost() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=3)
    d.submit("g", "a", "b", "c", "d")
    d.says("g-1", started(2))
    d.dies("g-1")
    assert sorted(d.ends()) == [(1, "unsent", None), (2, "lost", None), (3, "unsent", None)]
    d.ready("g-1", run="second", window=4)
    assert d.sent() == {"g-1": [(1, 1), (2, 2), (3, 1), (4, 1)]}


def test_a_task_that_kills_its_workers_ends_dead() -> None:
    d = Driver(g=GroupPolicy(backoff_first=5.0))
    d.submit("g", "poison")
    for attempt, run in enumerate(("one", "two", "three"), 1):
        d.ready("g-1", run=run)
        d.now = d.wake_at or d.now
        d.tell(ev.Tick())
        d.answer()
        assert d.state(1) == "sent"
        d.says("g-1", started(1, attempt), run=run)
        d.dies("g-1", run=run)
    assert d.state(1) == "dead"
    story = d.disk.entries[1]
    assert [a.outcome for a in story.attempts] == ["lost", "lost"]
    assert story.row.error == "g-1 died"


def test_a_program_that_begins_anew_in_its_pane_has_lost_what_it_began() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "a", "b")
    d.says("g-1", started(1))
    d.tell(ev.Ready("g-1", "g", "run-g-1", 2, "json", life=1))
    assert d.ends() == [(1, "lost", None)]
    again, fresh = d.of(ev.Send)
    assert again.data == b"\n" + frame(2, 1, "b")
    assert fresh.data == frame(1, 2, "a")
    assert (again.life, fresh.life) == (1, 1)
    d.dies("g-1")
    assert sorted((task, outcome) for task, outcome, _ in d.ends()) == [(1, "lost"), (2, "lost")]


def test_nothing_is_given_away_before_its_run_is_certainly_dead() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "a", "b")
    d.ready("g-1", run="second")
    assert d.sent() == {"g-1": [(2, 1)]}
    d.says("g-1", done(1))
    assert d.state(1) == "done"
    d.dies("g-1")
    assert d.records == []
    assert d.dispatcher.loads(d.now)[0].in_flight == 1


# ------------------------------------------------------------------------- after a restart


def restarted() -> Driver:
    """A second daemon: task 1 and 2 are held by a run of the first, 3 waits."""
    first = Driver(g=ONE)
    first.ready("g-1", window=2)
    first.submit("g", "a", "b", "c")
    first.says("g-1", started(1))
    return Driver(first.disk, g=ONE)


def test_an_adopted_run_is_sent_again_what_it_holds() -> None:
    d = restarted()
    assert d.effects == []
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 2, "json"))
    assert [send.data for send in d.of(ev.Send)] == [b"\n" + frame(1, 1, "a") + frame(2, 1, "b")]
    assert d.records == []
    d.says("g-1", done(2), done(1))
    assert (d.state(1), d.state(2)) == ("done", "done")


def test_results_of_a_run_that_died_meanwhile_count() -> None:
    d = restarted()
    d.says("g-1", done(1))
    d.dies("g-1")
    assert d.state(1) == "done"
    assert d.ends() == [(2, "lost", None)]


def test_restored_tasks_count_as_begun_unless_unread() -> None:
    d = restarted()
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 2, "json"))
    d.says("g-1", started(1))
    d.dies("g-1")
    assert sorted(d.ends()) == [(1, "lost", None), (2, "lost", None)]
    d = restarted()
    d.dies("g-1", unread=frame(2, 1, "b"))
    assert sorted(d.ends()) == [(1, "lost", None), (2, "unsent", None)]


def test_a_second_copy_left_unread_does_not_hide_that_the_first_was_begun() -> None:
    d = restarted()
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 2, "json"))
    d.says("g-1", started(1))
    d.dies("g-1", unread=frame(1, 1, "a") + frame(2, 1, "b"))
    assert sorted(d.ends()) == [(1, "lost", None), (2, "unsent", None)]


def test_an_adopted_worker_of_a_group_that_is_gone_is_spoken_to_in_its_form() -> None:
    first = Driver(g=ONE)
    first.ready("g-1", form="tsv")
    first.submit("g", "a")
    d = Driver(first.disk)
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 1, "tsv"))
    assert [send.data for send in d.of(ev.Send)] == [b"\ntask\t1\t1\t-\ta\n"]


def test_a_spooled_lease_makes_sure_of_its_file() -> None:
    first = Driver(g=ONE)
    first.ready("g-1")
    first.submit("g", "x" * 5000)
    d = Driver(first.disk, g=ONE)
    d.tell(ev.Adopted("g-1", "g", "run-g-1", 1, "json"))
    spool, send, asked = d.effects
    assert spool == ev.Spool(1, "/spool/1.payload", None)
    assert isinstance(asked, ev.Control)
    assert isinstance(send, ev.Send)
    assert frames_of(send.data)[0]["payload_file"] == "/spool/1.payload"


def test_the_story_says_what_became_of_the_worker() -> None:
    d = Driver(g=GroupPolicy())
    d.submit("g", "a")
    d.ready("g-1")
    d.says("g-1", started(1, 1))
    d.tell(ev.Gone("g-1", "run-g-1", b"", how="was ended"))
    assert d.disk.entries[1].attempts[0].error == "g-1 was ended"
