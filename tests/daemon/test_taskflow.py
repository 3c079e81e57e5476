"""Between the dispatcher, the disk and the FIFOs: what workers are sent, what is asked, and when time matters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import msgspec
import pytest

from tests.daemon.test_fleet import daemon, facade_of
from tmaxd.daemon.turns import LONGEST_SLEEP
from tmaxd.ports import JournalError
from tmaxd.tasks.events import Control, Tick
from tmaxd.tasks.records import Options, TaskFilter
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  check: {task: [echo], cwd: /sim}
  echo: {count: 2, serve: [prog], cwd: /sim, window: 8}
pipes:
  outboxes: {results: {from: [check, echo]}}
  routes: [{from: echo, to: check, payload: "{task} said {result}"}]
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def work(sim: Simulation) -> None:
    """Workers begin what they have been sent."""
    sim.one_pass()
    sim.do(sim.workers.read)


def test_a_worker_that_can_is_given_batches(sim: Simulation) -> None:
    record = next(r for r in sim.journal.disk.recover().runs if r.worker == "echo-1")
    assert (record.batch, record.form, record.window) == (True, "json", 8)
    sim.submit("echo", 6)
    sent = sim.pipes.worker_reads("echo-1") + sim.pipes.worker_reads("echo-2")
    frames = [json.loads(line) for line in sent.splitlines()]
    assert {frame["t"] for frame in frames} == {"tasks"}
    assert sorted(task[0] for frame in frames for task in frame["tasks"]) == [1, 2, 3, 4, 5, 6]


def test_batches_go_on_after_the_daemon_is_replaced(sim: Simulation) -> None:
    sim.submit("echo", 2)
    sim.crash()
    sim.start()
    sim.one_pass()
    lives = daemon(sim).runs.live
    assert {name: live.batch for name, live in lives.items()} == {
        "check-1": False,
        "echo-1": True,
        "echo-2": True,
    }
    sim.settle()
    assert sim.workers.finished[1] == sim.workers.finished[2] == 1


def test_a_run_whose_ready_was_lost_is_made_to_look(sim: Simulation) -> None:
    """It waits for something in its tasks FIFO, and would see the ping with its next heartbeat only."""
    sim.submit("echo", 1)
    sim.settle()
    sim.crash()
    runs = sim.journal.disk.runs.open
    for run, record in list(runs.items()):
        runs[run] = msgspec.structs.replace(record, ready=False)
    sim.start()
    sim.one_pass()
    assert sim.pipes.worker_reads("echo-1") == b"\n"
    assert sim.pipes.worker_reads("echo-1", pipe="control") == b'\nping\n{"t":"ping"}\n'
    sim.do(sim.workers.beat)
    sim.settle()
    sim.submit("echo", 4)
    sim.settle()
    assert len(sim.workers.finished) == 2 * 5


def test_a_program_that_began_anew_while_no_daemon_ran_keeps_what_it_has_read(
    sim: Simulation,
) -> None:
    """It reads on in the FIFO that its predecessor left, and says so behind its `ready`."""
    sim.submit("echo", 2)
    sim.crash()
    for name in ("echo-1", "echo-2"):
        sim.workers.begin_anew(name)
    sim.do(sim.workers.read)
    assert dict(sim.workers.begun) == {1: 1, 2: 1}
    sim.start()
    work(sim)
    assert all(count == 1 for count in sim.workers.at_once().values())
    sim.settle()
    assert sim.workers.begun[1] == sim.workers.begun[2] == 1, "under no other number, nowhere else"


def test_what_a_program_begins_again_and_again_is_charged(sim: Simulation) -> None:
    sim.submit("echo", 1)
    work(sim)
    (name,) = [w.worker for w in sim.workers.living.values() if w.running]
    sim.crash()
    sim.start()
    sim.one_pass()
    for _ in range(4):
        sim.do(lambda: sim.workers.begin_anew(name))
        work(sim)
    assert sim.journal.disk.entries[1].attempts, "an earlier daemon's task is given back once"
    sim.settle()


def test_routes_and_outboxes_get_what_workers_say(sim: Simulation) -> None:
    sim.files.results["/spool/long"] = "x" * 100_000
    sim.submit("echo", 1)
    work(sim)
    (name,) = [w.worker for w in sim.workers.living.values() if w.running]
    frame = {"t": "done", "id": 1, "attempt": 1, "result_file": "/spool/long"}
    sim.do(lambda: sim.pipes.worker_writes(name, json.dumps(frame).encode() + b"\n"))

    async def routed() -> None:
        async with asyncio.timeout(10):
            while 2 not in sim.journal.disk.entries:
                await asyncio.sleep(0.001)

    sim.run(routed())
    assert sim.journal.disk.entries[2].payload == "1 said " + "x" * 100_000
    (line,) = sim.pipes.outbox_reads("results").splitlines()
    assert json.loads(line)["result_file"] == "/spool/long"


def test_cancel_is_asked_of_the_worker_and_the_story_says_so(sim: Simulation) -> None:
    sim.submit("echo", 1)
    work(sim)
    facade = facade_of(sim)
    (verdict,) = sim.run(facade.cancel([1]))
    assert (verdict.id, verdict.verdict) == (1, "cancelling")
    (name,) = [w.worker for w in sim.workers.living.values() if w.running]
    frame = {"t": "progress", "id": 1, "attempt": 1, "done": 3, "total": 10, "note": "half"}
    sim.do(lambda: sim.pipes.worker_writes(name, json.dumps(frame).encode() + b"\n"))
    story = sim.run(facade.story(1))
    assert story is not None
    assert (story.task.state, story.cancelling) == ("running", True)
    assert story.progress is not None
    assert (story.progress.done, story.progress.total, story.progress.note) == (3, 10, "half")
    assert story.progress.at == sim.clock.wall()
    (row,) = sim.run(facade.tasks(TaskFilter(group="echo", states=("running",))))
    assert (row.state, row.started) == ("running", sim.clock.wall())
    sim.do(sim.workers.read)
    story = sim.run(facade.story(1))
    assert story is not None
    assert (story.task.state, story.cancelling, story.progress) == ("cancelled", False, None)
    (verdict,) = sim.run(facade.retry([1]))
    assert verdict.verdict == "retried"
    sim.settle()
    assert sim.workers.finished[1] == 1
    assert [v.verdict for v in sim.run(facade.retry([1, 99]))] == ["done", "unknown"]


def test_a_control_frame_for_a_run_that_is_gone_is_dropped(sim: Simulation) -> None:
    effects = daemon(sim).flow._effects
    run = daemon(sim).runs.live["echo-1"].run
    sim.do(
        lambda: effects.perform(
            [Control("echo-1", "another", b"no\n"), Control("nobody", run, b"no\n")]
        )
    )
    assert sim.pipes.worker_reads("echo-1", pipe="control") == b""
    sim.do(lambda: effects.perform([Control("echo-1", run, b"yes\n")]))
    assert sim.pipes.worker_reads("echo-1", pipe="control") == b"yes\n"


def test_what_cannot_be_changed_is_said(sim: Simulation) -> None:
    sim.journal.fail("the disk is full")
    with pytest.raises(JournalError, match="the disk is full"):
        sim.run(facade_of(sim).cancel([1]))


def test_a_tick_comes_for_the_earliest_time_and_the_rest_follows(sim: Simulation) -> None:
    turns = daemon(sim).flow._turns
    seen: list[object] = []
    sim.do(lambda: setattr(turns, "post", seen.append))
    now = sim.clock.wall()

    async def scenario() -> None:
        turns._schedule(now + 1000.0, now)
        assert turns._timer_at == now + LONGEST_SLEEP, "the clock may be set meanwhile"
        turns._schedule(now + 0.002, now)
        turns._schedule(now + 5.0, now)
        turns._schedule(None, now)
        assert turns._timer_at == now + 0.002
        async with asyncio.timeout(10):
            while not seen:
                await asyncio.sleep(0.001)

    sim.run(scenario())
    assert seen == [Tick()]
    assert turns._timer is None


def test_delayed_tasks_come_when_it_is_time(sim: Simulation) -> None:
    now = sim.clock.wall()
    sim.submit("check", 1, Options(due=now + 20.0))
    for _ in range(5):
        work(sim)
        sim.advance(3.0)
    assert not sim.workers.begun
    sim.settle()
    assert sim.workers.finished[1] == 1


def test_a_silent_worker_is_replaced_and_its_tasks_go_to_others(sim: Simulation) -> None:
    sim.do(sim.workers.beat)
    sim.submit("echo", 1)
    work(sim)
    (name,) = [w.worker for w in sim.workers.living.values() if w.running]
    sim.workers.deaf.add(name)
    sim.advance(58.0)
    sim.one_pass()
    assert not any(w.silent for w in facade_of(sim).status().workers)
    sim.advance(13.0)
    (worker,) = [w for w in facade_of(sim).status().workers if w.name == name]
    assert worker.silent
    assert worker.heard == sim.clock.wall() - 71.0
    for _ in range(5):
        sim.one_pass()
    sim.workers.deaf.clear()
    sim.settle()
    last = daemon(sim).history.slots[name].last_exit
    assert last is not None
    assert last.reason == "silent"
    assert sim.workers.begun[1] == 2
    assert sim.workers.finished[1] == 1


def test_status_shows_outboxes_and_queues(sim: Simulation) -> None:
    sim.submit("echo", 3)
    sim.settle()
    status = facade_of(sim).status()
    (outbox,) = status.outboxes
    assert (outbox.name, outbox.from_, outbox.path, outbox.lost) == (
        "results",
        ("check", "echo"),
        "/sim/run/pipes/results.pipe",
        0,
    )
    echo = next(g for g in status.groups if g.name == "echo")
    assert (echo.done, echo.cancelled, echo.max_queue) == (3, 0, None)
    assert echo.wait_p50_ms is not None
