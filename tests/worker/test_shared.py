"""Several workers at one tasks FIFO: each takes whole records, and says so before anything else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.worker.door import Door
from tests.worker.programs import KINDS, start
from tmaxd.tasks.frames import DoneFrame, HeartbeatFrame, StartedFrame
from tmaxd.tasks.writing import TaskWriter

RECORD = 4096


class Group:
    """Doors whose workers read one FIFO."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.path = folder / "group.tasks.pipe"
        os.mkfifo(self.path, 0o600)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        stack.callback(os.close, self.fd)
        self.doors: list[Door] = []
        self._writer = TaskWriter("json", None)

    def join(self, kind: str, window: int = 1) -> Door:
        folder = self._folder / f"w{len(self.doors)}"
        folder.mkdir()
        door = self._stack.enter_context(Door(folder))
        self.doors.append(door)
        return start(door, kind, window, TMAX_TASKS=str(self.path))

    def record(self, number: int, payload: str) -> bytes:
        line = self._writer.inline(number, 1, payload)
        assert line is not None
        return line.ljust(RECORD, b"\n")

    def put(self, number: int, payload: str) -> None:
        assert os.write(self.fd, self.record(number, payload)) == RECORD

    def read(self) -> None:
        for door in self.doors:
            door.read(0.005)

    def done(self) -> list[int]:
        return [f.id for door in self.doors for f in door.frames if isinstance(f, DoneFrame)]


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(tmp_path, stack)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_under_load_no_record_is_torn_lost_or_done_twice(group: Group, kind: str) -> None:
    doors = [group.join(kind, 8) for _ in range(3)]
    total = 150 if kind == "runner" else 600
    sizes = (1, 50, 700, 2900 if kind == "runner" else 3900)
    payloads = {n: str(n).ljust(sizes[n % len(sizes)], "x") for n in range(1, total + 1)}
    sent = 0

    def all_done() -> bool:
        nonlocal sent
        group.read()
        while sent < total:
            try:
                os.write(group.fd, group.record(sent + 1, payloads[sent + 1]))
            except BlockingIOError:
                break
            sent += 1
        return len(group.done()) >= total

    doors[0].until(all_done, "every task", within=60)
    assert sorted(group.done()) == sorted(payloads), "each once"
    for door in doors:
        assert not door.bad()
        assert "skipped" not in door.pane()
        mine = {f.id: f for f in door.frames if isinstance(f, DoneFrame)}
        assert mine, "it never got one"
        begun = [f.id for f in door.frames if isinstance(f, StartedFrame)]
        assert sorted(begun) == sorted(mine)
        assert all(door.text(f) == payloads[n] for n, f in mine.items())


def test_one_at_a_time_whatever_the_window(group: Group, kind: str) -> None:
    if kind == "async":
        pytest.skip("it runs several")
    gate = group.path.with_name("gate")
    busy, idle = group.join(kind, 16), group.join(kind, 16)
    for number in (1, 2):
        group.put(number, f"gate {gate}")
    for door in (busy, idle):
        door.wait(StartedFrame)
    group.put(3, "x")
    for door in (busy, idle):  # it had the time to take more
        door.write(b'{"t":"ping"}\n', "control")
        door.wait(HeartbeatFrame)
        assert sum(isinstance(f, StartedFrame) for f in door.frames) == 1
    assert len(os.read(group.fd, RECORD)) == RECORD, "the third is still there"
    gate.touch()
    for door in (busy, idle):
        door.wait(DoneFrame)


def test_coroutines_take_as_many_as_the_window(group: Group) -> None:
    gate = group.path.with_name("gate")
    door = group.join("async", 3)
    for number in range(1, 6):
        group.put(number, f"gate {gate}")
    for number in (1, 2, 3):
        door.started(number)
    door.write(b'{"t":"ping"}\n', "control")
    door.wait(HeartbeatFrame)
    assert StartedFrame(4, 1) not in door.frames
    gate.touch()
    for number in range(1, 6):
        door.outcome(number)


def test_it_is_said_before_anything_else_that_a_record_was_taken(group: Group, kind: str) -> None:
    """Also when a handler takes long, and when a ping with a number asks what is held."""
    gate = group.path.with_name("gate")
    door = group.join(kind, 4)
    group.put(1, f"gate {gate}")
    door.started(1)
    door.write(b'{"t":"ping","number":7}\n', "control")
    door.until(lambda: b'"number":7' in door.raw, "the answer")
    said = door.raw.split(b"\n")
    (answer,) = [n for n, line in enumerate(said) if b'"number":7' in line]
    assert said[answer - 1] == b'{"t":"started","id":1,"attempt":1}', "what it holds is said again"
    gate.touch()
    door.outcome(1)
    door.write(b'{"t":"ping","number":8}\n', "control")
    door.until(lambda: b'"number":8' in door.raw, "the answer")
    assert door.frames.count(StartedFrame(1, 1)) == 2, "it holds nothing any more"


def test_who_asks_by_number_is_told_results_again(group: Group, kind: str) -> None:
    """They may have been lost with a daemon that had read them."""
    door = group.join(kind, 4)
    group.put(1, "x")
    first = door.outcome(1)
    door.write(b'{"t":"ping","number":7}\n', "control")
    door.until(lambda: b'"number":7' in door.raw, "the answer")
    assert door.frames.count(first) == 2
    assert isinstance(door.frames[-1], HeartbeatFrame), "what is said before it is the answer"
    door.write(b'{"t":"ping"}\n', "control")
    door.until(lambda: sum(isinstance(f, HeartbeatFrame) for f in door.frames) == 2, "a heartbeat")
    assert door.frames.count(first) == 2


def test_while_it_is_paused_it_takes_nothing(group: Group, kind: str) -> None:
    door = group.join(kind, 4)
    group.put(1, "x")
    door.outcome(1)
    door.write(b'{"t":"pause"}\n{"t":"ping","number":7}\n', "control")
    door.until(lambda: b'"number":7' in door.raw, "it has heard")
    group.put(2, "y")
    door.write(b'{"t":"ping","number":8}\n', "control")
    door.until(lambda: b'"number":8' in door.raw, "it still answers")
    assert StartedFrame(2, 1) not in door.frames
    other = group.join(kind, 4)
    assert other.text(other.outcome(2)) == "y"
    door.write(b'{"t":"resume"}\n', "control")
    other.write(b'{"t":"pause"}\n{"t":"ping","number":9}\n', "control")
    other.until(lambda: b'"number":9' in other.raw, "it has heard")
    group.put(3, "z")
    assert door.text(door.outcome(3)) == "z"
    assert "skipped" not in door.pane()


def test_who_has_a_fifo_of_its_own_is_never_paused(tmp_path: Path, kind: str) -> None:
    """The word may have been for the worker that was there before."""
    with Door(tmp_path / "w") as door:
        door.write(b'{"t":"pause"}\n', "control")
        start(door, kind, 4)
        door.write(b'{"t":"ping","number":7}\n', "control")
        door.until(lambda: b'"number":7' in door.raw, "it has heard")
        assert door.text(door.run(1, "x")) == "x"


def test_a_task_that_runs_ends_while_it_is_paused(group: Group, kind: str) -> None:
    gate = group.path.with_name("gate")
    door = group.join(kind, 1)
    group.put(1, f"gate {gate}")
    door.started(1)
    door.write(b'{"t":"pause"}\n{"t":"ping","number":7}\n', "control")
    door.until(lambda: b'"number":7' in door.raw, "it has heard")
    group.put(2, "for another")
    gate.touch()
    door.outcome(1)
    other = group.join(kind, 1)
    assert other.text(other.outcome(2)) == "for another"


def test_blank_records_and_records_that_are_none_mean_nothing(group: Group, kind: str) -> None:
    door = group.join(kind)
    os.write(group.fd, b"\n" * RECORD)
    os.write(group.fd, b"nonsense".ljust(RECORD, b"\n"))
    group.put(1, "x")
    assert door.text(door.outcome(1)) == "x"
    assert door.pane().count("skipped a line") == 1


def test_sigterm_leaves_the_rest_to_others(group: Group, kind: str) -> None:
    gate = group.path.with_name("gate")
    door = group.join(kind, 1)
    group.put(1, f"gate {gate}")
    door.started(1)
    group.put(2, "for another")
    door.kill()
    gate.touch()
    door.ended()
    other = group.join(kind)
    assert other.text(other.outcome(2)) == "for another"
    door.read()
    assert StartedFrame(2, 1) not in door.frames


def test_a_replaced_fifo_is_opened_anew(group: Group, kind: str) -> None:
    door = group.join(kind)
    group.put(1, "before")
    door.outcome(1)
    group.path.unlink()
    os.mkfifo(group.path, 0o600)
    fd = os.open(group.path, os.O_RDWR | os.O_NONBLOCK)
    try:
        door.write(b'{"t":"ping"}\n', "control")
        os.write(fd, group.record(2, "after"))
        assert door.text(door.outcome(2)) == "after"
    finally:
        os.close(fd)
