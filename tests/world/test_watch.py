"""Every way in which people and programs save a file, on a real folder."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.world import watch as module
from tmaxd.world.watch import SpecWatch

Play = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A watched spec, and how often a change was told."""

    def __init__(self, folder: Path, paths: list[Path], loop: asyncio.AbstractEventLoop) -> None:
        self.folder = folder
        self.told: list[float] = []
        self.watch = SpecWatch(paths, lambda: self.told.append(time.monotonic()), loop)

    async def ready(self) -> None:
        """The watch runs and has told what every start tells; what follows is news."""
        await asyncio.to_thread(self.watch.start)
        await until(lambda: self.told, "the start is told")
        await self.quiet()

    async def quiet(self) -> None:
        """Nothing is about to be told."""
        await until(lambda: self.watch._settling is None, "it has settled")
        self.told.clear()

    async def news(self, what: str) -> None:
        await until(lambda: self.told, what)
        await self.quiet()


def play(folder: Path, paths: list[Path], scenario: Play) -> None:
    async def main() -> None:
        scene = Scene(folder, paths, asyncio.get_running_loop())
        try:
            await scene.ready()
            await scenario(scene)
        finally:
            scene.watch.close()

    asyncio.run(main())


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "conf" / "tmax.yaml"
    path.parent.mkdir()
    path.write_text("version: 1\n")
    return path


def in_place(path: Path) -> None:
    path.write_text("version: 2\n")


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("# more\n")


def by_rename(path: Path) -> None:
    new = path.with_name("tmax.yaml.new")
    new.write_text("version: 2\n")
    new.replace(path)


def as_vim(path: Path) -> None:
    path.rename(path.with_name("tmax.yaml~"))
    path.write_text("version: 2\n")


def from_elsewhere(path: Path) -> None:
    new = path.parent.parent / "staged"
    new.write_text("version: 2\n")
    new.replace(path)


def delete(path: Path) -> None:
    path.unlink()


SAVES = (in_place, append, by_rename, as_vim, from_elsewhere, delete)


@pytest.mark.parametrize("save", SAVES)
def test_a_save_is_told(spec: Path, save: Callable[[Path], None]) -> None:
    async def scenario(scene: Scene) -> None:
        assert scene.watch.mode == "inotify"
        save(spec)
        await scene.news(save.__name__)

    play(spec.parent, [spec], scenario)


def test_a_burst_is_told_once_it_has_settled(spec: Path) -> None:
    async def scenario(scene: Scene) -> None:
        for n in range(50):
            spec.write_text(f"version: {n}\n")
        await until(lambda: scene.told, "the burst")
        await until(lambda: scene.watch._settling is None, "it has settled")
        assert len(scene.told) <= 3, "not fifty times"

    play(spec.parent, [spec], scenario)


def test_a_closed_file_is_told_without_waiting_for_more(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(scene: Scene) -> None:
        monkeypatch.setattr(module, "SETTLE_OPEN", 60.0)
        monkeypatch.setattr(module, "SETTLE_MOST", 60.0)
        in_place(spec)
        await scene.news("the closed file")

    play(spec.parent, [spec], scenario)


def test_a_file_that_stays_open_is_told_later(spec: Path) -> None:
    async def scenario(scene: Scene) -> None:
        with spec.open("a") as file:
            begin = time.monotonic()
            file.write("# half a line")
            file.flush()
            await until(lambda: scene.told, "the open file")
            assert scene.told[0] - begin >= module.SETTLE_OPEN - 0.05
            await scene.quiet()
        await scene.news("it was closed")

    play(spec.parent, [spec], scenario)


def test_a_writer_that_never_rests_is_told_about_in_the_end(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLE_MOST", 0.1)

    async def scenario(scene: Scene) -> None:
        begin = time.monotonic()
        while not scene.told:
            assert time.monotonic() - begin < 5
            append(spec)
            await asyncio.sleep(0.001)

    play(spec.parent, [spec], scenario)


def test_other_files_in_the_folder_are_no_news(spec: Path) -> None:
    async def scenario(scene: Scene) -> None:
        for n in range(20):
            (spec.parent / f"state-{n}.db").write_text("x")
        spec.read_text()
        marker = spec.parent / "marker"
        scene.watch.update([spec, marker])
        marker.write_text("x")  # events come in order: when this one is there, all others were
        await scene.news("the marker")

        told = len(scene.told)
        (spec.parent / "state-1.db").write_text("y")
        spec.read_text()
        await asyncio.sleep(4 * module.SETTLE)  # for nothing to happen there is no condition
        assert len(scene.told) == told

    play(spec.parent, [spec], scenario)


def test_a_swap_as_configmaps_do_it_is_told_each_time(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / f"..2026_0{n}").mkdir()
        (tmp_path / f"..2026_0{n}" / "tmax.yaml").write_text(f"version: {n}\n")
    (tmp_path / "..data").symlink_to("..2026_00")
    spec = tmp_path / "tmax.yaml"
    spec.symlink_to("..data/tmax.yaml")

    async def scenario(scene: Scene) -> None:
        for n in range(1, 4):
            (tmp_path / "..data_tmp").symlink_to(f"..2026_0{n}")
            (tmp_path / "..data_tmp").replace(tmp_path / "..data")
            await scene.news(f"swap {n}")
        in_place(tmp_path / "..2026_03" / "tmax.yaml")
        await scene.news("the new target itself")

    play(tmp_path, [spec], scenario)


def test_a_link_to_a_file_elsewhere_is_watched_on_both_sides(spec: Path, tmp_path: Path) -> None:
    link = tmp_path / "links" / "tmax.yaml"
    link.parent.mkdir()
    link.symlink_to("../conf/tmax.yaml")
    other = tmp_path / "other.yaml"
    other.write_text("version: 3\n")

    async def scenario(scene: Scene) -> None:
        in_place(spec)
        await scene.news("the target changed")
        link.unlink()
        link.symlink_to(other)
        await scene.news("the link changed")
        in_place(other)
        await scene.news("the new target changed")

    play(tmp_path, [link], scenario)


def test_a_folder_that_comes_goes_and_comes_back(tmp_path: Path) -> None:
    spec = tmp_path / "a" / "b" / "tmax.yaml"

    async def scenario(scene: Scene) -> None:
        for _ in range(2):
            spec.parent.mkdir(parents=True)
            await scene.news("the folders are there")
            spec.write_text("version: 1\n")
            await scene.news("the file is there")
            spec.unlink()
            spec.parent.rmdir()
            spec.parent.parent.rmdir()
            await scene.news("all is gone")

    play(tmp_path, [spec], scenario)


def test_included_files_can_be_added_and_dropped(spec: Path, tmp_path: Path) -> None:
    part = tmp_path / "parts" / "one.yaml"
    part.parent.mkdir()
    part.write_text("x: 1\n")

    async def scenario(scene: Scene) -> None:
        scene.watch.update([spec, part])
        in_place(part)
        await scene.news("the included file")
        scene.watch.update([spec])
        in_place(part)
        in_place(spec)
        await scene.news("the spec")
        assert set(scene.watch._watched) == {str(spec.parent)}

    play(tmp_path, [spec], scenario)


@pytest.mark.parametrize("where", ["instance", "watch"])
def test_without_inotify_it_polls_and_says_so(
    spec: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchdog import observers
    from watchdog.observers.api import BaseObserver

    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    if where == "instance":
        monkeypatch.setattr(observers, "Observer", refuse)
    else:
        monkeypatch.setattr(BaseObserver, "schedule", refuse)
    monkeypatch.setattr(module, "POLL", 0.01)

    async def scenario(scene: Scene) -> None:
        assert scene.watch.mode == "polling"
        assert "inotify instance limit reached" in (scene.watch.trouble or "")
        for save in (in_place, by_rename, delete):
            save(spec)
            await scene.news(save.__name__)

    play(spec.parent, [spec], scenario)


def test_it_looks_again_without_any_event(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.05)

    async def scenario(scene: Scene) -> None:
        await scene.news("the first look")
        await scene.news("the second look")

    play(spec.parent, [spec], scenario)


def test_after_close_nothing_is_told_and_no_thread_is_left(spec: Path) -> None:
    async def main() -> None:
        told: list[int] = []
        before = len(os.listdir("/proc/self/fd"))
        watch = SpecWatch([spec], lambda: told.append(1), asyncio.get_running_loop())
        await asyncio.to_thread(watch.start)
        watch.close()
        in_place(spec)
        watch.start()  # comes too late, from its thread
        assert watch.mode == "stopped"
        await asyncio.sleep(4 * module.SETTLE)
        assert told == []
        await until(lambda: len(os.listdir("/proc/self/fd")) <= before, "descriptors are closed")

    asyncio.run(main())
