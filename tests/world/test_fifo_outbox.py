"""What only a real outbox can show: lines that are longer than the kernel keeps together, and a FIFO made anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import settle, until
from tests.world.stage import Stage
from tmaxd.world.fifo_outbox import pieces


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.pipes.close()


def test_lines_go_in_pieces_that_the_kernel_keeps_together() -> None:
    lines = [b"x" * 1000 + b"\n"] * 9 + [b"y" * 5000 + b"\n", b"z\n"]
    cut = list(pieces(lines))
    assert [count for count, _ in cut] == [4, 4, 1, 1, 1]
    assert b"".join(data for _, data in cut) == b"".join(lines)
    assert list(pieces([])) == []


def test_a_line_longer_than_a_page_is_ended_when_somebody_reads(stage: Stage) -> None:
    long = [b"%03d " % n + b"x" * 50_000 + b"\n" for n in range(4)]

    async def scenario() -> None:
        stage.pipes.add_outbox("results")
        fd = os.open(stage.folder / "results.pipe", os.O_RDWR | os.O_NONBLOCK)
        got = b""

        def read(condition: bytes) -> bool:
            nonlocal got
            try:
                got += os.read(fd, 5000)
            except BlockingIOError:
                return got.endswith(condition)
            return False

        try:
            stage.pipes.publish("results", long)
            stage.pipes.publish("results", [b"short\n"])
            assert stage.pipes.lost() == {"results": 3}
            await until(lambda: read(b'{"lost": 3}\n'), "the note of what is missing")
            assert got == long[0] + long[1] + b'{"lost": 3}\n'
            stage.pipes.publish("results", [b"next\n"])
            await until(lambda: read(b"next\n"), "the next line")
        finally:
            os.close(fd)

    stage.play(scenario)


def test_a_fifo_made_anew_gets_what_nobody_has_read(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_outbox("results")
        stage.pipes.publish("results", [b"one\n", b"two\n"])
        (stage.folder / ".held" / "results.outbox.pipe").unlink()
        (stage.folder / "results.pipe").unlink()
        (found,) = stage.pipes.check()
        assert (found.kind, found.problem, found.lost) == ("outbox", "missing", True)
        stage.pipes.publish("results", [b"three\n"])
        await settle()
        fd = os.open(stage.folder / "results.pipe", os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert os.read(fd, 100) == b"one\ntwo\nthree\n"
        finally:
            os.close(fd)

    stage.play(scenario)


def test_a_gap_is_told_by_the_new_fifo_too(stage: Stage) -> None:
    async def scenario() -> None:
        stage.pipes.add_outbox("results")
        stage.pipes.publish("results", [b"x" * 999 + b"\n"] * 100)
        lost = stage.pipes.lost()["results"]
        (stage.folder / ".held" / "results.outbox.pipe").unlink()
        (stage.folder / "results.pipe").unlink()
        stage.pipes.check()
        got = b""
        fd = os.open(stage.folder / "results.pipe", os.O_RDONLY | os.O_NONBLOCK)

        def told() -> bool:
            nonlocal got
            try:
                got += os.read(fd, 65536)
            except BlockingIOError:
                return b"lost" in got
            return False

        try:
            await until(told, "the note of what is missing")
        finally:
            os.close(fd)
        assert got == (b"x" * 999 + b"\n") * (100 - lost) + b'{"lost": %d}\n' % lost

    stage.play(scenario)
