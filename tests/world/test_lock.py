"""Only one daemon a fleet, and the second one says who the first is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tmaxd.ports import WorldError
from tmaxd.world import lock as module
from tmaxd.world.lock import FleetLock, Held

HOLDER = """
import sys, pathlib
from tmaxd.world.lock import FleetLock
FleetLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_the_second_is_told_who_holds_it(path: Path) -> None:
    with holder(path) as process:
        with pytest.raises(Held) as caught:
            FleetLock(path).acquire()
        assert caught.value.pid == process.pid
        assert str(process.pid) in str(caught.value)
        assert str(path) in str(caught.value)


def test_it_is_free_as_soon_as_its_holder_is_killed(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        process.wait()
        lock = FleetLock(path)
        lock.acquire()
        assert path.read_text().split()[0] == str(os.getpid())
        lock.release()
        lock.release()
    assert path.exists(), "the file is never removed"


def test_it_is_private_and_no_child_inherits_it(path: Path) -> None:
    lock = FleetLock(path)
    lock.acquire()
    assert path.stat().st_mode & 0o777 == 0o600
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        lock.release()
        again = FleetLock(path)
        again.acquire()
        again.release()
    finally:
        child.communicate()


def test_a_lock_on_a_removed_file_is_no_lock(path: Path) -> None:
    first = FleetLock(path)
    first.acquire()
    path.unlink()
    second = FleetLock(path)
    second.acquire()
    with pytest.raises(Held):
        FleetLock(path).acquire()
    first.release()
    second.release()


def test_one_removed_between_open_and_lock_is_tried_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    calls: list[int] = []

    def flock(fd: int, operation: int) -> None:
        calls.append(operation)
        if len(calls) == 1:
            path.unlink()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    lock = FleetLock(path)
    lock.acquire()
    assert len(calls) == 2
    assert path.exists()
    lock.release()


def test_a_name_left_by_an_earlier_process_is_not_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    lock = FleetLock(path)
    lock.acquire()
    for text in ("", "garbage", f"{os.getpid()} 1\n", f"{2**22 + 17} 5\n", "1 2 3\n"):
        path.write_text(text)
        with pytest.raises(Held, match="another process") as caught:
            FleetLock(path).acquire()
        assert caught.value.pid is None
    lock.release()


def test_a_link_or_a_missing_folder_is_an_error(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorldError, match="cannot be opened"):
        FleetLock(path).acquire()
    with pytest.raises(WorldError, match="No such file"):
        FleetLock(tmp_path / "missing" / "lock").acquire()
    assert not (tmp_path / "elsewhere").exists()
