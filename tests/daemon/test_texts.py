"""Result files whose text the dispatcher needs are read before it hears of them, and what follows waits its turn."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.daemon.texts import AT_ONCE, LINES, MOST, ROUTES, ResultTexts, limits, pieces
from tmaxd.places import Places
from tmaxd.tasks.events import Event, Frames, Gone
from tmaxd.tasks.frames import DoneFrame, Frame, StartedFrame
from tmaxd.tasks.policy import GroupPolicy, Route
from tmaxd.testing.files import FakeFiles
from tmaxd.world.files import LocalFiles


def done(task: int, file: str | None = None) -> DoneFrame:
    return DoneFrame(task, 1, None if file else "text", file)


class SlowFiles(FakeFiles):
    """Reads when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = threading.Event()

    def read_result(self, path: str, limit: int) -> str | None:
        assert self.allowed.wait(10)
        return super().read_result(path, limit)


class Ears:
    def __init__(self, files: FakeFiles, group: str = "check", limit: int = ROUTES) -> None:
        self.heard: list[Event] = []
        self.texts = ResultTexts(files, self.heard.append)
        self.texts.limits = {group: limit}

    def say(self, run: str, frames: Sequence[Frame], worker: str = "check-1") -> None:
        self.texts.heard(worker, run, frames)


def test_a_group_whose_results_go_nowhere_is_not_read() -> None:
    ears = Ears(SlowFiles(), "other")
    frames = [done(1, "/spool/1")]
    ears.say("r1", frames)
    assert ears.heard == [Frames("check-1", "r1", frames)]


def test_a_short_text_comes_with_its_frames_at_once() -> None:
    files = FakeFiles()
    files.results["/spool/1"] = "a result"
    ears = Ears(files)
    frames = [done(1, "/spool/1"), done(2), done(3, "/spool/gone")]
    ears.say("r1", frames)
    texts = {"/spool/1": "a result", "/spool/gone": None}
    assert ears.heard == [Frames("check-1", "r1", frames, texts)]


def test_no_more_is_read_than_a_line_of_an_outbox_takes() -> None:
    fits = "x" * LINES
    read: list[str] = []

    class Counted(FakeFiles):
        def read_result(self, path: str, limit: int) -> str | None:
            assert limit == LINES
            read.append(path)
            return super().read_result(path, limit)

    files = Counted()
    files.results = {"fits": fits, "long": fits + "x", "longest": "x" * (2 * AT_ONCE)}
    ears = Ears(files, limit=LINES)
    frames = [done(1, "fits"), done(2, "long"), done(3, "longest")]
    ears.say("r1", frames)
    texts = {"fits": fits, "long": None, "longest": None}
    assert ears.heard == [Frames("check-1", "r1", frames, texts)], "at once, without a thread"
    assert read == ["fits"]


def test_who_needs_how_much() -> None:
    out = ("box",)
    assert limits(
        {
            "none": GroupPolicy(routes=(Route(to=("a",), payload="{task}"),)),
            "lines": GroupPolicy(outboxes=out, routes=(Route(to=("a",), payload="{task}"),)),
            "routes": GroupPolicy(outboxes=out, routes=(Route(to=("a",)),)),
        }
    ) == {"lines": LINES, "routes": ROUTES}


def test_what_a_run_says_behind_a_long_text_waits_and_other_runs_do_not() -> None:
    async def scenario() -> None:
        files = SlowFiles()
        files.results["/spool/1"] = long = "x" * (AT_ONCE + 1)
        ears = Ears(files)
        first, second, other = [done(1, "/spool/1")], [StartedFrame(2, 1)], [done(9)]
        gone = Gone("check-1", "r1", b"")
        ears.say("r1", first)
        ears.say("r1", second)
        ears.texts.post("r1", gone)
        ears.say("r2", other, "check-2")
        await asyncio.sleep(0)
        assert ears.heard == [Frames("check-2", "r2", other)]
        files.allowed.set()
        await until(lambda: len(ears.heard) == 4, "everything is heard")
        assert ears.heard[1:] == [
            Frames("check-1", "r1", first, {"/spool/1": long}),
            Frames("check-1", "r1", second),
            gone,
        ]
        await until(lambda: not ears.texts._late, "nothing is late any more")
        ears.say("r1", second)
        assert ears.heard[-1] == Frames("check-1", "r1", second)

    asyncio.run(scenario())


def test_many_long_texts_come_in_pieces() -> None:
    third = MOST // 3
    frames: list[Frame] = [StartedFrame(0, 1), *(done(n, str(n)) for n in range(1, 8)), done(9)]
    cut = list(pieces(frames, lambda path: third))
    assert [files for _, files in cut] == [("1", "2", "3"), ("4", "5", "6"), ("7",)]
    assert [frame for some, _ in cut for frame in some] == frames
    assert [files for _, files in pieces(frames, lambda path: MOST + 1)] == [
        (str(n),) for n in range(1, 8)
    ]


def test_real_files_are_read_with_care(tmp_path: Path) -> None:
    places = Places(runtime=tmp_path, state=tmp_path)
    files, spool = LocalFiles(places), places.payloads / "check-1"
    spool.mkdir(parents=True)
    path = spool / "1.result"
    path.write_text("é" * 10)
    assert files.result_size(str(path)) == 20
    assert files.read_result(str(path), 10) == "é" * 10
    assert files.read_result(str(path), 9) is None, "too long"
    (spool / "bytes").write_bytes(b"\xff")
    (tmp_path / "secret").write_text("secret")
    (spool / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(spool / "fifo")
    odd = ("bytes", "link", "fifo", "nosuch", "../../../secret", "nul\0")
    for name in odd:
        assert files.read_result(f"{spool}/{name}", 100) is None, name
    assert files.read_result(str(tmp_path / "secret"), 100) is None, "outside the spool"
    assert files.result_size(f"{spool}/nosuch") == files.result_size("nul\0") == 0


@pytest.mark.parametrize("name", ["check-1", "check-12"])
def test_the_group_is_that_of_the_worker(name: str) -> None:
    files = FakeFiles()
    files.results["f"] = "t"
    ears = Ears(files)
    ears.say("r", [done(1, "f")], name)
    assert ears.heard == [Frames(name, "r", [done(1, "f")], {"f": "t"})]
