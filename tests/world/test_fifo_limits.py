"""Blocked openers, removal, capacity, and what is refused: on real FIFOs."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.stage import Stage, W
from tmaxd.ports import WorldError


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.pipes.close()


def write_blocking(path: Path, data: bytes) -> threading.Thread:
    """A shell's `echo > FIFO`: its open blocks until there is a reader."""

    def write() -> None:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, data)
        except BrokenPipeError:
            pass
        finally:
            os.close(fd)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


async def blocked(writer: threading.Thread) -> None:
    """Wait until the thread sleeps, in five looks one after the other: then it is not on its way into
    open(2), where it could only wait for the interpreter's lock, which is free between the looks."""
    asleep = 0

    def still() -> bool:
        nonlocal asleep
        state = (
            Path(f"/proc/self/task/{writer.native_id}/stat")
            .read_text()
            .rpartition(")")[2]
            .split()[0]
        )
        asleep = asleep + 1 if state == "S" else 0
        return asleep >= 5

    await until(still, "the writer blocks in open(2)")


def test_who_blocks_in_open_is_let_go_when_a_worker_is_removed(stage: Stage) -> None:
    path = stage.path()
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    writer = write_blocking(path, b"x\n")

    async def scenario() -> None:
        await blocked(writer)
        stage.pipes.remove_worker(W)  # of an earlier daemon: nobody holds it open
        await until(lambda: not writer.is_alive(), "the writer is let go")
        assert os.listdir(stage.folder) == []

    stage.play(scenario)


def test_a_line_echoed_into_a_fifo_made_by_hand_is_not_lost(stage: Stage) -> None:
    path = stage.folder / "tasks.pipe"

    async def scenario() -> None:
        stage.pipes.on_inbox(stage.on_line)
        stage.pipes.add_inbox("tasks")
        path.unlink()
        os.mkfifo(path)
        writer = write_blocking(path, b"hello\n")
        await blocked(writer)
        (found,) = stage.pipes.check()
        assert (found.owner, found.problem, found.lost) == ("tasks", "replaced", False)
        await until(lambda: stage.lines == b"hello\n", "the line")
        await until(lambda: not writer.is_alive(), "the writer is done")

    stage.play(scenario)


def test_a_removal_that_was_cut_short_is_finished_by_the_next_daemon(stage: Stage) -> None:
    gone = stage.folder / ".gone-check-7"
    gone.mkdir(parents=True)
    os.mkfifo(gone / "tasks.pipe")
    os.mkfifo(stage.folder / ".gone-tasks.pipe")

    async def scenario() -> None:
        stage.pipes.add_worker(W)
        assert sorted(os.listdir(stage.folder)) == [".held", W]
        assert stage.pipes.problems() == ()

    stage.play(scenario)


def test_the_capacity_is_set_for_present_and_later_fifos(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        stage.pipes.set_capacity(128 * 1024)
        stage.pipes.add_worker("check-2")
        for worker in (W, "check-2"):
            stage.pipes.send(worker, "tasks", b"x" * 200 * 1024)
            fd = os.open(stage.folder / worker / "tasks.pipe", os.O_RDWR | os.O_NONBLOCK)
            try:
                assert len(os.read(fd, 1024 * 1024)) == 128 * 1024
            finally:
                os.close(fd)
        assert stage.pipes.problems() == ()

    stage.play(scenario)


def test_a_capacity_that_the_kernel_refuses_is_one_sentence(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        stage.pipes.send(W, "tasks", b"x" * 60 * 1024)
        stage.pipes.set_capacity(4096)
        (problem,) = stage.pipes.problems()
        assert "1 of the FIFOs" in problem
        assert "65536 bytes" in problem
        stage.pipes.take_back(W)
        stage.pipes.set_capacity(4096)
        assert stage.pipes.problems() == ()

    stage.play(scenario)


@pytest.mark.parametrize("name", ["", ".", "../etc", "a/b", ".held"])
def test_a_name_that_leads_out_of_the_folder_is_a_bug(stage: Stage, name: str) -> None:
    for act in (
        stage.pipes.add_worker,
        stage.pipes.remove_worker,
        stage.pipes.add_inbox,
        stage.pipes.remove_inbox,
    ):
        with pytest.raises(ValueError, match="cannot be the name"):
            act(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(stage: Stage) -> None:
    (stage.folder / W).mkdir(parents=True)
    os.chown(stage.folder / W, 65534, -1)

    async def scenario() -> None:
        with pytest.raises(WorldError, match="belongs to uid 65534"):
            stage.pipes.add_worker(W)

    stage.play(scenario)


def test_when_descriptors_run_out_it_says_so_and_keeps_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def scarce(path: str, flags: int, mode: int = 0o777) -> int:
        if path.endswith("results.pipe"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, mode)

    async def scenario() -> None:
        before = len(os.listdir("/proc/self/fd"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", scarce)
            with pytest.raises(WorldError, match="ulimit -n"):
                stage.pipes.add_worker(W)
        assert len(os.listdir("/proc/self/fd")) == before
        stage.pipes.add_worker(W)
        stage.pipes.send(W, "tasks", b"x\n")
        assert stage.pipes.take_back(W) == b"x\n"

    stage.play(scenario)
