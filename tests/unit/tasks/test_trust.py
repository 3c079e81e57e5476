"""How far a worker is trusted: silence, reminders, progress, and frames that are none or not for it."""

from __future__ import annotations

import pytest

from tests.unit.tasks.driver import Driver, begun, done, failed, frames_of, results, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import (
    Bad,
    BegunFrame,
    Form,
    HeartbeatFrame,
    LineBuffer,
    ProgressFrame,
    ResultsFrame,
)
from tmaxd.tasks.lives import REMIND
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Done
from tmaxd.tasks.trust import DOUBT
from tmaxd.tasks.view import Progress
from tmaxd.tasks.writing import TaskWriter

ONE = GroupPolicy()
BEAT = HeartbeatFrame()


def silent(d: Driver) -> bool:
    (load,) = d.dispatcher.loads(d.now)
    assert d.dispatcher.view(d.now).workers["run-g-1"].silent == load.silent
    return load.silent


def look_for(d: Driver, seconds: int) -> bool:
    """The planner looks every two seconds; is it silent at the end?"""
    for _ in range(seconds // 2):
        d.now += 2
        last = silent(d)
    return last


# ------------------------------------------------------------------------------------- silence


def test_a_worker_that_stopped_its_heartbeats_over_a_task_is_silent() -> None:
    d = Driver(g=GroupPolicy(lease=60.0))
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", BEAT, started(1))
    assert not look_for(d, 58)
    assert look_for(d, 2)
    d.says("g-1", BEAT)
    assert not silent(d)


@pytest.mark.parametrize("why", ["never beat", "holds nothing", "no lease"])
def test_who_is_never_silent(why: str) -> None:
    d = Driver(g=GroupPolicy(lease=None if why == "no lease" else 60.0))
    d.ready("g-1")
    if why != "holds nothing":
        d.submit("g", "x")
    if why != "never beat":
        d.says("g-1", BEAT)
    assert not look_for(d, 300)


def test_after_a_pause_of_the_machine_there_is_time_to_speak_up() -> None:
    d = Driver(g=GroupPolicy(lease=60.0))
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", BEAT)
    d.now += 3600
    assert not silent(d)
    d.now += DOUBT - 1
    assert not silent(d)
    d.now += 1
    assert silent(d)


def test_a_short_lease_is_as_short_as_it_says() -> None:
    d = Driver(g=GroupPolicy(lease=4.0))
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", BEAT)
    assert not look_for(d, 2)
    assert look_for(d, 2)


# ----------------------------------------------------------------------------------- reminders


def reminded(d: Driver, seconds: float) -> list[tuple[int, int]]:
    d.now += seconds
    d.says("g-1", BEAT)
    return d.sent().get("g-1", [])


def test_frames_that_seem_lost_are_sent_again() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=9, batch=True)
    d.submit("g", "a", "b")
    assert reminded(d, REMIND - 1) == []
    d.submit("g", "c")
    assert reminded(d, 1) == [(1, 1), (2, 1)]
    (send,) = d.of(ev.Send)
    assert send.data.startswith(b'\n{"t":"tasks"')
    assert d.records == []
    assert reminded(d, 1) == []
    assert reminded(d, REMIND) == [(1, 1), (2, 1), (3, 1)]
    d.says("g-1", begun(1))
    assert reminded(d, 60) == []
    d.says("g-1", results(1))
    assert reminded(d, 1) == [(2, 1), (3, 1)]
    assert reminded(d, REMIND) == [(2, 1), (3, 1)]


def test_who_never_says_what_it_starts_is_reminded_less_and_less() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "an hour's work")
    assert sum(bool(reminded(d, 10)) for _ in range(360)) < 12


@pytest.mark.parametrize("says", [True, False])
def test_a_copy_that_nobody_read_is_no_proof_that_the_first_was_not(says: bool) -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "a", "b")
    assert reminded(d, REMIND)
    if says:
        d.says("g-1", started(2))
    line = TaskWriter("json", None).inline(1, 1, "a") or b""
    d.dies("g-1", unread=line)
    assert min(d.ends()) == (1, "unsent" if says else "lost", None)


# ------------------------------------------------------------------------------------ progress


def test_what_is_in_flight_and_how_far_it_is() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "a", "b")
    d.now += 1
    d.says("g-1", ProgressFrame(1, 1, 3, 10, "third"), ProgressFrame(1, 2, 4))
    d.tell(ev.Cancel(1, [2]))
    one, two = (d.dispatcher.in_flight()[task] for task in (1, 2))
    assert (one.worker, one.run, one.attempt) == ("g-1", "run-g-1", 1)
    assert (one.sent, one.started, one.cancelling) == (1000.0, 1001.0, False)
    assert one.progress == Progress(3, 10, "third", 1001.0)
    assert (two.started, two.cancelling, two.progress) == (None, True, None)
    assert d.dispatcher.view(d.now).workers["run-g-1"].strays == 1
    d.says("g-1", done(1), failed(2))
    assert d.dispatcher.in_flight() == {}
    assert not d.dispatcher._memory.lives["run-g-1"].progress


# -------------------------------------------------------------------------------------- batches


def test_tasks_and_results_of_many_in_one_frame() -> None:
    d = Driver(g=GroupPolicy(timeout=30.0))
    d.ready("g-1", window=64, batch=True)
    d.submit("g", *["x"] * 64)
    (send,) = d.of(ev.Send)
    (frame,) = frames_of(send.data)
    assert frame == {"t": "tasks", "tasks": [[n, 1, "x"] for n in range(1, 9)], "timeout": 30.0}
    d.says("g-1", begun(*range(1, 9)))
    d.says("g-1", results(*range(1, 5)), done(5), results(6, 7))
    (record,) = d.written(Done)
    assert [row[:2] for row in record.tasks] == [(n, 1) for n in range(1, 8)]
    assert {row[3] for row in record.tasks} == {1000.0}
    assert d.dispatcher.view(d.now).groups["g"].done == 7


def test_a_tsv_worker_gets_single_frames_whatever_it_says() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2, form="tsv", batch=True)
    d.submit("g", "a", "b")
    assert [send.data for send in d.of(ev.Send)] == [b"task\t1\t1\t-\ta\ntask\t2\t1\t-\tb\n"]


def test_long_payloads_go_alone_and_in_order() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=9, batch=True)
    d.submit("g", "a", "b" * 4063, "c", "d" * 5000, "e", "f" * 4064)
    (send,) = d.of(ev.Send)
    frames = frames_of(send.data)
    assert [frame["t"] for frame in frames] == ["tasks", "tasks", "tasks", "task", "tasks", "task"]
    assert frames[3]["payload_file"] == "/spool/4.payload"
    assert frames[5]["payload_file"] == "/spool/6.payload"
    assert d.given == [(n, 1) for n in range(1, 7)]


def test_of_a_batch_that_was_begun_and_not_done_all_is_lost() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=5, batch=True)
    d.submit("g", *"abcde")
    d.says("g-1", begun(1, 2, 3), results(2))
    d.dies("g-1")
    assert sorted(d.ends()) == [
        (1, "lost", None), (3, "lost", None), (4, "unsent", None), (5, "unsent", None),
    ]  # fmt: skip
    d.ready("g-1", window=5, run="second", batch=True)
    assert sorted(d.given[5:]) == [(1, 2), (3, 2), (4, 1), (5, 1)]


# ------------------------------------------------------------------------------------ bad input

NOISE = [
    (b'{"t":"results","tasks":[[1,1,"torn', 1, 0),
    (b'{"t":"results","tasks":[[1,1]]}\n', 1, 0),
    (b'{"t":"results","tasks":[[1,1,7]]}\n', 1, 0),
    (b'{"t":"results","tasks":{"1":"x"}}\n', 1, 0),
    (b'{"t":"results","tasks":[[1,1,"\xff"]]}\n', 1, 0),
    (b'{"t":"results","tasks":[[1,1,"' + b"x" * 5000 + b'"]]}\n', 1, 0),
    (b'{"t":"results","tasks":[]}\n', 0, 0),
    (b'{"t":"results","tasks":[[1,2,"x"],[7,1,"y"],[-1,0,"z"]]}\n', 0, 3),
    (b'{"t":"begun","tasks":[[1,2],[9,1]]}\n', 0, 2),
    (b'{"t":"begun","tasks":[1]}\n', 1, 0),
    (b'{"t":"done","id":2,"attempt":7}\nprogress\t5\t1\t1\t-\t\n', 0, 2),
    (b"failed\t1\t3\tfailed\tx\nexplode\t1\n\x00\xff\n{}\n", 3, 1),
    (b'{"t":"done","id":99999999999999999999999999,"attempt":1,"result":"x"}\n', None, None),
]  # fmt: skip


@pytest.mark.parametrize(("noise", "bad", "strays"), NOISE)
@pytest.mark.parametrize("bytewise", [False, True])
def test_noise_is_counted_and_changes_no_task(
    noise: bytes, bad: int | None, strays: int | None, bytewise: bool
) -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2, batch=True)
    d.ready("g-2", window=2)
    d.submit("g", *"abc")
    buffer = LineBuffer()
    pieces = [bytes([byte]) for byte in noise] if bytewise else [noise]
    frames = [frame for piece in [*pieces, b"\n"] for frame in buffer.feed(piece)]
    d.says("g-1", *frames)
    assert d.records == []
    assert d.effects == []
    worker = d.dispatcher.view(d.now).workers["run-g-1"]
    assert worker.bad == sum(isinstance(frame, Bad) for frame in frames)
    if bad is None:
        assert worker.bad + worker.strays == 1
    else:
        assert (worker.bad, worker.strays) == (bad, strays)
    held = d.dispatcher.in_flight()
    assert {task: f.worker for task, f in held.items()} == {1: "g-1", 2: "g-2", 3: "g-1"}
    d.says("g-1", results(1, 3))
    d.says("g-2", done(2))
    assert [d.state(task) for task in (1, 2, 3)] == ["done"] * 3


def test_a_result_twice_in_one_batch_counts_once() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2, batch=True)
    d.submit("g", "a", "b")
    d.says("g-1", ResultsFrame([(1, 1, "x"), (1, 1, "y"), (2, 1, "z")]), results(2))
    (record,) = d.written(Done)
    assert [row[4] for row in record.tasks] == ["x", "z"]
    assert d.dispatcher.view(d.now).workers["run-g-1"].strays == 2


def test_the_results_of_one_worker_do_not_touch_anothers_tasks() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", batch=True)
    d.ready("g-2", batch=True)
    d.submit("g", "a", "b")
    d.says("g-1", BegunFrame([(2, 1)]), results(2))
    assert (d.records, d.state(2)) == ([], "sent")
    assert d.dispatcher.view(d.now).workers["run-g-1"].strays == 2


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_program_that_begins_anew_is_asked_again_to_end_what_it_still_has(form: Form) -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=3, form=form)
    d.submit("g", *"abc")
    d.says("g-1", started(1))
    d.tell(ev.Cancel(1, [1, 3]))
    d.tell(ev.Ready("g-1", "g", "run-g-1", 3, form, life=1))
    assert d.ends() == [(1, "cancelled", None)]
    (control,) = d.of(ev.Control)
    assert (control.life, b"3" in control.data, b"1\n" in control.data[:-3]) == (1, True, False)
