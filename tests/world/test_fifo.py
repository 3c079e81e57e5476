"""What only real FIFOs can show: names, modes, owners, blocked openers, the kernel's limits."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.stage import Stage, W


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.pipes.close()


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
