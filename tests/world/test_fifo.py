"""What only real FIFOs can show: names, modes, owners, blocked openers, the kernel's limits."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.ports import WorldError
from tmaxd.world.pipes import FifoPipes

W = "check-1"


class Stage:
    """Pipes in a folder, made and closed inside one event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pipes"
        self.pipes = FifoPipes(self.folder)
        self.lines = b""

    def on_line(self, _owner: str, data: bytes) -> None:
        self.lines += data

    def path(self, pipe: str = "tasks") -> Path:
        return self.folder / W / f"{pipe}.pipe"

    def play(self, scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await scenario()

        asyncio.run(main())


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


def test_everything_is_private(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        stage.pipes.add_inbox("tasks")

    old = os.umask(0)
    try:
        stage.play(scenario)
    finally:
        os.umask(old)
    modes = {
        str(p.relative_to(stage.folder)): oct(stat.S_IMODE(p.lstat().st_mode))
        for p in (stage.folder, *stage.folder.rglob("*"))
    }
    assert {m for p, m in modes.items() if p.endswith(".pipe")} == {"0o600"}
    assert {m for p, m in modes.items() if not p.endswith(".pipe")} == {"0o700"}


def test_a_plain_file_in_the_place_of_a_fifo_is_kept(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        for text in ("one\n", "two\n"):
            stage.path().unlink()
            stage.path().write_text(text)
            (found,) = stage.pipes.check()
            assert found.problem == "not_a_fifo"
            assert found.path == str(stage.path())
            assert Path(f"{stage.path()}.foreign").read_text() == text

    stage.play(scenario)


def test_a_link_in_the_place_of_a_fifo_is_not_followed(stage: Stage, tmp_path: Path) -> None:
    target = tmp_path / "target"
    os.mkfifo(target)

    async def scenario() -> None:
        stage.pipes.add_worker(W)
        stage.path().unlink()
        stage.path().symlink_to(target)
        assert [t.problem for t in stage.pipes.check()] == ["not_a_fifo"]
        assert stat.S_ISFIFO(stage.path().lstat().st_mode)
        assert Path(f"{stage.path()}.foreign").is_symlink()

    stage.play(scenario)
    assert target.exists()


def test_folders_in_the_place_of_fifos_are_moved_aside_too(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        for _ in range(3):
            stage.path().unlink()
            stage.path().mkdir()
            (stage.path() / "thing").touch()
            assert [t.problem for t in stage.pipes.check()] == ["not_a_fifo"]
        assert stat.S_ISFIFO(stage.path().lstat().st_mode)
        assert len(list(stage.path().parent.glob("*.foreign*"))) == 3

    stage.play(scenario)


def test_a_removed_worker_folder_comes_back_with_the_same_fifos(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        before = [stage.path(p).stat().st_ino for p in ("tasks", "control", "results")]
        shutil.rmtree(stage.path().parent)
        assert [(t.problem, t.lost) for t in stage.pipes.check()] == [("missing", False)] * 3
        after = [stage.path(p).stat().st_ino for p in ("tasks", "control", "results")]
        assert after == before

    stage.play(scenario)


def test_the_whole_folder_of_fifos_can_go(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.on_results(stage.on_line)
        stage.pipes.add_worker(W)
        fd = os.open(stage.path("results"), os.O_RDWR | os.O_NONBLOCK)
        try:
            shutil.rmtree(stage.folder)
            assert [(t.problem, t.lost) for t in stage.pipes.check()] == [("missing", True)] * 3
            os.write(fd, b"still heard\n")
            await until(lambda: stage.lines == b"still heard\n", "a result in the old FIFO")
        finally:
            os.close(fd)
        assert stage.pipes.check() == ()

    stage.play(scenario)


def test_a_lost_second_link_is_made_again_without_a_word(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        shutil.rmtree(stage.folder / ".held")
        assert stage.pipes.check() == ()
        stage.path().unlink()
        (found,) = stage.pipes.check()
        assert not found.lost

    stage.play(scenario)


def test_a_second_link_that_leads_elsewhere_is_not_believed(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_worker(W)
        before = stage.path().stat().st_ino
        keep = stage.folder / ".held" / f"{W}.tasks.pipe"
        keep.unlink()
        os.mkfifo(keep, 0o600)
        assert stage.pipes.check() == ()
        assert stage.path().stat().st_ino == keep.stat().st_ino == before

    stage.play(scenario)


def test_without_links_a_deleted_fifo_is_lost_but_replaced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_args: object, **_more: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)

    async def scenario() -> None:
        stage.pipes.add_worker(W)
        assert stage.pipes.check() == ()
        stage.pipes.send(W, "tasks", b"one\n")
        stage.path().unlink()
        assert [(t.problem, t.lost) for t in stage.pipes.check()] == [("missing", True)]
        assert stage.pipes.check() == ()
        assert stage.pipes.take_back(W) == b"one\n"

    stage.play(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a FIFO away")
def test_a_fifo_given_to_somebody_else_for_good_is_left_to_him(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    async def scenario() -> None:
        stage.pipes.add_worker(W)
        os.chown(stage.path(), 65534, -1)
        monkeypatch.setattr(os, "fchown", refused)
        assert [(t.problem, t.lost) for t in stage.pipes.check()] == [("wrong_owner", True)]
        assert stage.path().stat().st_uid == 0
        assert Path(f"{stage.path()}.foreign").stat().st_uid == 65534
        assert stage.pipes.check() == ()

    stage.play(scenario)


def test_what_cannot_be_healed_is_a_standing_problem_until_it_can(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario() -> None:
        stage.pipes.add_worker(W)
        shutil.rmtree(stage.path().parent)
        with monkeypatch.context() as patch:
            patch.setattr(os, "mkdir", full)
            assert len(stage.pipes.check()) == 3
            assert len(stage.pipes.problems()) == 3
            assert "No space left" in stage.pipes.problems()[0]
        assert len(stage.pipes.check()) == 3
        assert stage.pipes.problems() == ()
        assert stage.pipes.check() == ()

    stage.play(scenario)


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
