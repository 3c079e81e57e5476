"""Payload files that cannot be written: the frames that name them wait, in order, until they can be."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.test_fleet import daemon, facade_of
from tmaxd.daemon import turns
from tmaxd.daemon.api.facade import Denied
from tmaxd.places import Places
from tmaxd.tasks.door import MAX_PAYLOAD
from tmaxd.testing.files import FakeFiles
from tmaxd.testing.simulation import PLACES, Simulation
from tmaxd.world.files import LocalFiles

SPEC = """\
version: 1
fleet: sim
workers:
  echo: {serve: [prog], cwd: /sim, window: 8}
"""

LONG = "x" * 100_000


class FullFiles(FakeFiles):
    """A disk that has room for some files, and no other; what is removed makes room."""

    def __init__(self, room: int = 0) -> None:
        super().__init__()
        self.room = room
        self.tries = 0

    def write_payload(self, path: str, payload: str) -> None:
        self.tries += 1
        if len(self.payloads) >= self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        super().write_payload(path, payload)


class RealFiles(FakeFiles):
    """Payload files in a folder of the real world."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.real = LocalFiles(Places(runtime=folder, state=folder))

    def at(self, path: str) -> str:
        return str(self.folder / Path(path).name)

    def write_payload(self, path: str, payload: str) -> None:
        self.real.write_payload(self.at(path), payload)

    def remove_payload(self, path: str) -> None:
        self.real.remove_payload(self.at(path))

    def has_payload(self, path: str) -> bool:
        return self.real.has_payload(self.at(path))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "RETRY", 0.005)


@pytest.fixture
def start() -> Iterator[Callable[[FakeFiles], Simulation]]:
    made: list[Simulation] = []

    def begin(files: FakeFiles) -> Simulation:
        sim = Simulation(SPEC)
        files.specs = sim.files.specs
        sim.files = files
        made.append(sim)
        sim.start()
        sim.settle()
        return sim

    yield begin
    for sim in made:
        sim.close()


def submit(sim: Simulation, *payloads: str) -> None:
    sim.do(lambda: [daemon(sim).flow.submit(("echo",), [payload]) for payload in payloads])


def until(sim: Simulation, holds: Callable[[], bool]) -> None:
    async def poll() -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.001)

    sim.run(poll())


def sent(sim: Simulation) -> list[int]:
    """Ids in the order in which the worker is sent them; it is not to read them itself."""
    frames = [json.loads(line) for line in sim.pipes.worker_reads("echo-1").splitlines() if line]
    return [i for f in frames for i in ([t[0] for t in f["tasks"]] if "tasks" in f else [f["id"]])]


def test_no_frame_names_a_file_that_is_not_there(
    start: Callable[[FakeFiles], Simulation],
) -> None:
    files = FullFiles()
    sim = start(files)
    submit(sim, LONG, "short")
    until(sim, lambda: files.tries > 2)
    assert sent(sim) == []
    (problem,) = facade_of(sim).status().problems
    assert problem == (
        "/sim/run/payloads/1.payload: the payload file of task 1 cannot be written: No space left on"
        " device; trying again every second, and what follows waits for it"
    ).replace("/sim/run/payloads", str(PLACES.payloads))
    with pytest.raises(Denied, match=r"nothing can be accepted: .*No space left on device"):
        sim.run(facade_of(sim).submit("echo", ["more"]))
    assert sim.log.getvalue().count("payload file trouble") == 1, "said once"
    files.room = 9
    until(sim, lambda: daemon(sim).flow.trouble() is None)
    assert sent(sim) == [1, 2]
    assert files.payloads == {f"{PLACES.payloads}/1.payload": LONG}
    assert facade_of(sim).status().problems == ()


def test_no_worker_is_blamed_for_what_it_cannot_answer_meanwhile(
    start: Callable[[FakeFiles], Simulation],
) -> None:
    """Its result may be a file that waits for room on the same disk. 15 s after its timeout it would be ended, with
    the work."""
    sim = start(FullFiles(room=9))
    sim.edit(SPEC.replace("window: 8", "window: 8, timeout: 1s"))
    sim.reload()
    sim.settle()
    submit(sim, "work")
    sim.do(sim.workers.read)

    def pass_after(seconds: float) -> bool:
        sim.advance(seconds)
        sim.one_pass()
        return "task_timeout" in sim.log.getvalue()

    assert not pass_after(0.5)
    sim.do(lambda: sim.journal.fail("the disk is full"))
    submit(sim, "more")  # nobody knows before something is to be written
    assert not pass_after(30.0)
    sim.do(sim.journal.heal)
    assert not pass_after(0.0)
    assert not pass_after(turns.ROOM_AGAIN - 0.1)
    assert pass_after(0.2), "it has had its time"


def test_inboxes_are_not_read_meanwhile(start: Callable[[FakeFiles], Simulation]) -> None:
    files = FullFiles()
    sim = start(files)
    sim.edit(SPEC + "pipes: {inboxes: {box: {to: echo}}}\n")
    sim.reload()
    sim.settle()
    fleet = daemon(sim)
    fleet._waker.woken.clear()
    submit(sim, LONG)
    assert fleet._waker.woken.is_set(), "it looks at once"
    sim.do(fleet._pause_inboxes)
    (box,) = facade_of(sim).status().inboxes
    assert "No space left" in (box.paused or "")
    sim.do(lambda: sim.pipes.inbox_writes("box", b"line\n"))
    assert len(sim.journal.disk.entries) == 1
    files.room = 9
    until(sim, lambda: fleet.flow.trouble() is None)
    sim.do(fleet._pause_inboxes)
    sim.settle()
    assert sim.workers.finished == {1: 1, 2: 1}


def test_files_that_are_no_longer_needed_make_room(
    start: Callable[[FakeFiles], Simulation],
) -> None:
    """Their removal stands behind the file that has no room."""
    files = FullFiles(1)
    sim = start(files)
    submit(sim, LONG, LONG, "short")
    until(sim, lambda: files.tries > 1)
    frame = {"t": "done", "id": 1, "attempt": 1, "result": "r"}
    sim.do(lambda: sim.pipes.worker_writes("echo-1", json.dumps(frame).encode() + b"\n"))
    until(sim, lambda: daemon(sim).flow.trouble() is None)
    assert sim.journal.disk.entries[1].row.state == "done"
    assert sent(sim) == [1, 2, 3]
    assert set(files.payloads) == {f"{PLACES.payloads}/2.payload"}


def test_a_run_that_dies_meanwhile_stops_nothing(
    start: Callable[[FakeFiles], Simulation],
) -> None:
    files = FullFiles()
    sim = start(files)
    submit(sim, LONG, "short")
    until(sim, lambda: files.tries > 1)
    sim.do(lambda: sim.tmux.die("echo-1", None, 9))
    for _ in range(3):
        sim.one_pass()
        sim.advance(1.0)
    files.room = 9
    until(sim, lambda: daemon(sim).flow.trouble() is None)
    sim.settle()
    assert sim.workers.finished == {1: 1, 2: 1}


def test_the_next_daemon_writes_it(start: Callable[[FakeFiles], Simulation]) -> None:
    files = FullFiles()
    sim = start(files)
    submit(sim, LONG, "short")
    until(sim, lambda: files.tries > 1)
    sim.crash()
    sim.start()
    sim.one_pass()
    until(sim, lambda: daemon(sim).flow.trouble() is not None)
    files.room = 9
    until(sim, lambda: daemon(sim).flow.trouble() is None)
    sim.settle()
    assert sim.workers.finished == {1: 1, 2: 1}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=10)


def test_a_disk_that_is_full_in_earnest(
    small_disk: Path, start: Callable[[FakeFiles], Simulation]
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    sim = start(RealFiles(small_disk))
    assert len(LONG) <= MAX_PAYLOAD
    submit(sim, LONG, "short")
    until(sim, lambda: daemon(sim).flow.trouble() is not None)
    assert sent(sim) == []
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
    ballast.unlink()
    until(sim, lambda: daemon(sim).flow.trouble() is None)
    assert sent(sim) == [1, 2]
    assert (small_disk / "1.payload").read_text() == LONG
