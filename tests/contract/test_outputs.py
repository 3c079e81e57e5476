"""The contract of the port `Outputs`, tried on the fake and on files."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from tmaxd.ports import Unknown
from tmaxd.ports.outputs import BEGINNING, Mark, Outputs
from tmaxd.testing.outputs import FakeOutputs
from tmaxd.world.logs import rotate
from tmaxd.world.outputs import LogFiles


class World(Protocol):
    outputs: Outputs

    def write(self, data: bytes) -> None: ...
    def rotate(self) -> None: ...
    def break_it(self) -> None: ...


class FakeWorld:
    def __init__(self, _: Path) -> None:
        self.fake = FakeOutputs()
        self.outputs: Outputs = self.fake

    def write(self, data: bytes) -> None:
        self.fake.write("w-1", data)

    def rotate(self) -> None:
        self.fake.rotate("w-1")

    def break_it(self) -> None:
        self.fake.broken.add("w-1")


class RealWorld:
    def __init__(self, folder: Path) -> None:
        self.outputs: Outputs = LogFiles(folder)
        self.log = folder / "w-1.log"

    def write(self, data: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(data)

    def rotate(self) -> None:
        assert rotate(self.log, limit=0)
        self.write(b"")

    def break_it(self) -> None:
        self.log.unlink(missing_ok=True)
        self.log.parent.chmod(0o700)
        self.log.mkdir()


@pytest.fixture(params=[FakeWorld, RealWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


def drain(outputs: Outputs, since: Mark, limit: int = 4) -> tuple[bytes, Mark]:
    """Everything from there on, in small pieces."""
    found = b""
    while True:
        data, since = outputs.read("w-1", since, limit)
        assert len(data) <= limit
        if not data:
            return found, since
        found += data


def test_a_log_that_is_not_there_is_empty(world: World) -> None:
    assert world.outputs.end("w-1") == BEGINNING
    assert world.outputs.read("w-1", BEGINNING, 10) == (b"", BEGINNING)
    world.write(b"first words")
    assert drain(world.outputs, BEGINNING)[0] == b"first words"


def test_reading_goes_on_where_it_ended(world: World) -> None:
    world.write(b"of the run before\n")
    mark = world.outputs.end("w-1")
    assert world.outputs.read("w-1", mark, 10) == (b"", mark)
    world.write(b"one two three")
    found, mark = drain(world.outputs, mark)
    assert found == b"one two three"
    assert mark == world.outputs.end("w-1")
    world.write(b"!")
    assert world.outputs.end("w-1") != mark
    assert drain(world.outputs, mark) == (b"!", world.outputs.end("w-1"))


def test_nothing_is_missed_over_a_rotation(world: World) -> None:
    world.write(b"old ")
    mark = world.outputs.end("w-1")
    world.write(b"last of the old ")
    world.rotate()
    world.write(b"first of the new")
    assert drain(world.outputs, mark)[0] == b"last of the old first of the new"
    assert drain(world.outputs, world.outputs.end("w-1"))[0] == b""


def test_a_place_that_is_gone_is_the_beginning(world: World) -> None:
    world.write(b"a")
    mark = world.outputs.end("w-1")
    for data in (b"b", b"c", b"d"):
        world.rotate()
        world.write(data)
    assert drain(world.outputs, mark)[0] == b"d"


def test_what_cannot_be_read_is_unknown(world: World) -> None:
    world.write(b"x")
    world.break_it()
    with pytest.raises(Unknown, match="the log of w-1 cannot be read"):
        world.outputs.read("w-1", BEGINNING, 10)


def test_a_log_that_was_emptied_is_read_anew(tmp_path: Path) -> None:
    world = RealWorld(tmp_path)
    world.write(b"much that was written")
    mark = world.outputs.end("w-1")
    world.log.write_bytes(b"new")
    assert drain(world.outputs, mark)[0] == b"new"


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    world = RealWorld(tmp_path)
    world.log.symlink_to(secret)
    with pytest.raises(Unknown):
        world.outputs.read("w-1", BEGINNING, 10)
