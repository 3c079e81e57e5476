"""A daemon that is gone, for as long as it likes: no result is lost while the worker lives."""

from __future__ import annotations

import fcntl
import os
import sys
import termios

import pytest

from tests.worker.door import Door
from tests.worker.programs import KINDS, start
from tmaxd.tasks.frames import HeartbeatFrame

SIZE = 4096
"""Bytes that a results FIFO holds here: what comes in ten minutes is more than it holds, whatever it holds."""

TEXT = "x" * 500
COUNT = 24


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fill(door: Door) -> int:
    """The results FIFO is small, full, and not read any more. What it is full of means nothing."""
    door.read()
    results = door.leave_results()
    fcntl.fcntl(results, fcntl.F_SETPIPE_SZ, SIZE)
    os.write(results, b"\n" * SIZE)
    return results


def has_begun_to_wait(door: Door) -> bool:
    """It has read some of the tasks that it was given; and what it has to say of them before it begins does not fit."""
    fd = os.open(door.path("tasks"), os.O_RDWR | os.O_NONBLOCK)
    try:
        unread = fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4)
    finally:
        os.close(fd)
    return int.from_bytes(unread, sys.byteorder) < door.given


def test_what_no_fifo_can_hold_waits_in_the_worker(door: Door, kind: str) -> None:
    start(door, kind, 64)
    results = fill(door)
    door.batch({number: f"{number} {TEXT}" for number in range(1, 6)})
    for number in range(6, COUNT + 1):
        door.task(number, f"{number} {TEXT}")
    door.until_quietly(lambda: has_begun_to_wait(door), "it reads tasks")
    assert not door.has_ended()
    door.come_back(results)
    for number in range(1, COUNT + 1):
        assert door.text(door.outcome(number)) == f"{number} {TEXT}"
    assert not door.bad()
    assert all(len(door.outcomes(n)) == 1 for n in range(1, COUNT + 1))
    assert door.text(door.run(99, "goes on")) == "goes on"


def test_fifos_that_were_made_anew_while_it_waited(door: Door, kind: str) -> None:
    """The old one is full, and nobody will ever read it: the worker notices, and says all of it again."""
    start(door, kind, 64)
    results = fill(door)
    for number in range(1, COUNT + 1):
        door.task(number, f"{number} {TEXT}")
    door.until_quietly(lambda: has_begun_to_wait(door), "it reads tasks")
    for name in ("tasks", "control", "results"):
        door.make(name)
    door.come_back(results)
    door.go()
    door.come()
    for number in range(1, COUNT + 1):
        assert door.text(door.outcome(number)) == f"{number} {TEXT}"
    assert not door.bad(), "what was torn by the change was written whole again"
    assert door.text(door.run(99, "goes on")) == "goes on"


def test_a_replaced_fifo_is_opened_anew(door: Door, kind: str) -> None:
    start(door, kind)
    door.run(1, "before")
    for name in ("tasks", "results"):
        door.make(name)
    old_control = os.open(door.path("control"), os.O_RDWR)
    door.go()
    door.come()
    os.write(old_control, b'{"t":"ping"}\n')  # else it would look in ten seconds
    os.close(old_control)
    door.frames.clear()
    assert door.text(door.outcome(1)) == "before", "remembered results are sent again"
    assert door.text(door.run(2, "after")) == "after"


def test_a_ping_is_answered_while_a_task_runs(door: Door, kind: str) -> None:
    start(door, kind)
    gate = door.folder / "gate"
    door.task(1, f"gate {gate}")
    door.started(1)
    door.write(b'{"t":"ping"}\n', "control")
    door.wait(HeartbeatFrame)
    assert not door.outcomes(1)
    gate.touch()
    door.outcome(1)
