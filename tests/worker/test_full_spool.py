"""A long result while there is no room for it: the work is done, so its result waits, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.door import Door, python
from tests.worker.scripted import __file__ as SCRIPTED
from tmaxd.tasks.frames import FailedFrame

FULL = """\
import errno, os, runpy, sys
from tmaxd.worker import keeping

whole = keeping.write_whole
def write_whole(path, data):
    try:
        with open("full") as full:
            number = getattr(errno, full.read())
    except FileNotFoundError:
        return whole(path, data)
    with open("tries", "a") as tries:
        tries.write("x")
    raise OSError(number, os.strerror(number), path)

keeping.write_whole = write_whole
keeping.RETRY = 0.05
sys.argv[0] = "scripted"
runpy.run_path(SCRIPTED, run_name="__main__")
"""
"""`scripted` on a disk that is full as long as there is a file `full`, which says in which way."""


@pytest.fixture(params=["sync", "async"])
def full(request: pytest.FixtureRequest, door: Door) -> Door:
    (door.folder / "full.py").write_text(FULL.replace("SCRIPTED", repr(SCRIPTED)))
    refuse(door, "ENOSPC")
    door.start(python("full.py", str(request.param), "8"))
    return door


def refuse(door: Door, error: str) -> None:
    """Whole at once: the worker may read it at any moment."""
    new = door.folder / "full.new"
    new.write_text(error)
    new.rename(door.folder / "full")


def tries(door: Door) -> int:
    path = door.folder / "tries"
    return path.stat().st_size if path.exists() else 0


def tried(door: Door, more: int = 1) -> None:
    enough = tries(door) + more
    door.until(lambda: tries(door) >= enough, "it is tried")


def make_room(door: Door) -> None:
    (door.folder / "full").unlink()


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EROFS"])
def test_it_is_written_when_there_is_room(full: Door, error: str) -> None:
    refuse(full, error)
    full.task(1, "long 5000")
    tried(full, 3)
    assert not full.outcomes(1)
    full.until_pane("cannot be written to ")
    make_room(full)
    assert full.text(full.outcome(1)) == "ü" * 5000
    assert full.pane().count("cannot be written") == 1, "it is said once"
    full.until_pane("the result of task 1 is written now")
    assert full.text(full.run(2, "next")) == "next"


def test_what_was_done_before_is_said_and_pings_are_answered(full: Door) -> None:
    full.batch({1: "short", 2: "long 5000", 3: "after"})
    assert full.text(full.outcome(1)) == "short"
    tried(full)
    count = full.heartbeats()
    full.write(b'{"t":"ping"}\n', "control")
    full.until(lambda: full.heartbeats() > count, "a heartbeat")
    assert not full.outcomes(2)
    make_room(full)
    full.outcome(2)
    assert full.text(full.outcome(3)) == "after"
    assert all(len(full.outcomes(n)) == 1 for n in (1, 2, 3))


def test_it_can_be_cancelled(full: Door) -> None:
    full.batch({1: "long 5000", 2: "long 5000"})
    tried(full)
    full.cancel(2)
    full.cancel(1)
    for number in (1, 2):
        frame = full.outcome(number)
        assert isinstance(frame, FailedFrame)
        assert frame.outcome == "cancelled"
    make_room(full)
    assert full.text(full.run(3, "next")) == "next"
    assert all(len(full.outcomes(n)) == 1 for n in (1, 2))
    assert not list(full.folder.glob("task-*"))


def test_a_stop_ends_the_waiting(full: Door) -> None:
    full.task(1, "long 5000")
    tried(full)
    full.kill(signal.SIGTERM)
    frame = full.outcome(1)
    assert isinstance(frame, FailedFrame)
    assert frame.outcome == "temporary"
    assert "No space left on device; the result is lost" in frame.error
    assert full.ended() == 0


def test_what_waiting_cannot_mend_fails_the_task(full: Door) -> None:
    refuse(full, "EACCES")
    full.task(1, "long 5000")
    frame = full.outcome(1)
    assert isinstance(frame, FailedFrame)
    assert frame.outcome == "failed"
    where = full.folder / "task-1-1.result"
    why = f"(10000 bytes) cannot be written to {where}: Permission denied; the result is lost"
    assert frame.error == f"the result of task 1 {why}"
    assert tries(full) == 1
    assert full.text(full.run(2, "next")) == "next"


def test_while_it_waits_no_time_runs_out(full: Door) -> None:
    full.task(1, "long 5000", timeout=0.2)
    tried(full, 8)
    assert not full.outcomes(1)
    make_room(full)
    assert full.text(full.outcome(1)) == "ü" * 5000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(door: Door, small_disk: Path) -> None:
    rest = small_disk / "rest"
    rest.write_bytes(b"x" * 60_000)
    door.start(python(SCRIPTED, "sync"), {"TMAX_SPOOL": str(small_disk)})
    door.task(1, "long 5000")
    door.until_pane("No space left on device; tried again every second")
    assert [p.name for p in small_disk.iterdir()] == ["rest"], "a half is not left there"
    rest.unlink()
    assert door.text(door.outcome(1)) == "ü" * 5000
    door.kill(signal.SIGTERM)
    door.ended()
