"""What can happen to FIFOs on disk and behind them; no task is lost, and the fleet mends itself."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.marks import alive
from tests.e2e.programs import deaf_once, ledger, ledger_serve, ledger_task, open_gate

NAMES = ("tasks", "control", "results")


def is_fifo(path: Path) -> bool:
    return path.exists() and stat.S_ISFIFO(path.lstat().st_mode)


def delete(path: Path) -> None:
    path.unlink()


def put_file(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text("not a FIFO\n")
    new.replace(path)


def put_fifo(path: Path) -> None:
    new = path.with_suffix(".new")
    os.mkfifo(new, 0o600)
    new.replace(path)


HURTS = {"deleted": delete, "a_plain_file": put_file, "another_fifo": put_fifo}
PROBLEMS = {"deleted": "missing", "a_plain_file": "not_a_fifo", "another_fifo": "replaced"}


@pytest.mark.parametrize("how", HURTS)
@pytest.mark.parametrize("kind", ["task", "serve"])
def test_a_workers_fifos_in_mid_task(fleet: Fleet, kind: str, how: str) -> None:
    """Of three workers each loses another one of its three, with a task in hand and more queued."""
    groups = {"task": ledger_task(fleet.folder, 3), "serve": ledger_serve(fleet.folder, 3)}
    fleet.write({"work": groups[kind]})
    fleet.start()
    fleet.submit("work", ["hold-1", "hold-2", "hold-3", *map(str, range(30))])
    fleet.wait_for(lambda: len(ledger(fleet.folder)) == 3, "all three have begun")
    hurt = [fleet.pipe(f"work-{n}", name) for n, name in enumerate(NAMES, 1)]
    for path in hurt:
        HURTS[how](path)
    for path in hurt:
        seen = {"path": str(path), "problem": PROBLEMS[how]}
        fleet.wait_for(lambda s=seen: fleet.events("pipe_repaired", **s), f"{path} is repaired")  # type: ignore[misc]
        assert is_fifo(path)
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    open_gate(fleet.folder)
    fleet.await_done("work", 33)
    fleet.settle()
    assert all(w["ready"] for w in fleet.workers().values())
    assert set(ledger(fleet.folder)) == {"hold-1", "hold-2", "hold-3", *map(str, range(30))}
    before = len(ledger(fleet.folder))
    fleet.submit("work", map(str, range(30)))
    fleet.await_done("work", 63)
    assert len(ledger(fleet.folder)) == before + 30  # all three hear and are heard


@pytest.mark.parametrize("kind", ["task", "serve"])
def test_a_workers_folder_removed(fleet: Fleet, kind: str) -> None:
    groups = {"task": ledger_task(fleet.folder, 2), "serve": ledger_serve(fleet.folder, 2)}
    fleet.write({"work": groups[kind]})
    fleet.start()
    fleet.submit("work", ["hold-1", "hold-2", *map(str, range(20))])
    fleet.wait_for(lambda: len(ledger(fleet.folder)) == 2, "both work")
    shutil.rmtree(fleet.places.pipes / "work-1")
    open_gate(fleet.folder)
    fleet.await_done("work", 22)
    fleet.wait_for(lambda: is_fifo(fleet.pipe("work-1", "tasks")), "the FIFOs are there again")
    fleet.settle()
    fleet.submit("work", map(str, range(20, 40)))
    fleet.await_done("work", 42)
    assert set(ledger(fleet.folder)) == {"hold-1", "hold-2", *map(str, range(40))}


def test_the_whole_folder_of_fifos_removed(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 2)}, pipes={"inboxes": {"box": {"to": "work"}}})
    fleet.start()
    shutil.rmtree(fleet.places.pipes)
    box = fleet.places.pipes / "box.pipe"
    fleet.wait_for(
        lambda: is_fifo(box) and is_fifo(fleet.pipe("work-2", "tasks")), "all there again"
    )
    fleet.settle()
    fleet.submit("work", map(str, range(20)))
    fleet.await_done("work", 20)
    box.write_text("by the box\n")
    fleet.await_done("work", 21)


def test_filled_up_by_a_worker_that_does_not_read(fleet: Fleet) -> None:
    """Its window is larger than its FIFO: the daemon goes on, others go on, and what stood in the FIFO is done
    by the next one, without an attempt spent."""
    (fleet.folder / "unread").touch()
    payload = "x" * 3000
    fleet.write(
        {"deaf": deaf_once(fleet.folder), "work": ledger_task(fleet.folder, 1)},
        pipes={"capacity": "64KiB"},
    )
    fleet.start()
    pid = fleet.worker("deaf-1")["pid"]
    tasks = fleet.submit("deaf", [payload] * 200)
    fleet.wait_for(lambda: fleet.worker("deaf-1")["in_flight"] == 200, "it is given all")
    fleet.submit("work", map(str, range(20)))
    fleet.await_done("work", 20)
    open_gate(fleet.folder)
    fleet.await_done("deaf", 200)
    assert not alive(pid)
    assert {row["attempt"] for row in fleet.rows("deaf")} == {1}
    assert sorted(row["id"] for row in fleet.rows("deaf")) == tasks


def test_results_pile_up_while_no_daemon_reads(fleet: Fleet) -> None:
    """Results of 4 KB in a FIFO of 64 KiB: workers wait, nothing is lost, and it goes on with a daemon."""
    fleet.write({"work": ledger_serve(fleet.folder, 1, window=64)}, pipes={"capacity": "64KiB"})
    fleet.start()
    fleet.submit("work", ["hold" + "y" * 3000] * 64)
    fleet.wait_for(lambda: fleet.worker("work-1")["in_flight"] == 64, "it is given all")
    pids = fleet.pids()
    fleet.kill9()
    open_gate(fleet.folder)
    fleet.wait_for(lambda: len(ledger(fleet.folder)) >= 10, "it works on")
    fleet.start()
    fleet.await_done("work", 64)
    assert fleet.pids() == pids


def box_of(fleet: Fleet) -> Path:
    return fleet.places.pipes / "box.pipe"


@pytest.mark.parametrize("how", HURTS)
def test_an_inbox(fleet: Fleet, how: str) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 2)}, pipes={"inboxes": {"box": {"to": "work"}}})
    fleet.start()
    box = box_of(fleet)
    box.write_text("one\n")
    fleet.await_done("work", 1)
    HURTS[how](box)
    fleet.wait_for(lambda: fleet.events("pipe_repaired", problem=PROBLEMS[how]), "repaired")
    assert is_fifo(box)
    with box.open("w") as writer:
        for n in range(50):
            writer.write(f"{n}\n")
    fleet.await_done("work", 51)
    assert set(ledger(fleet.folder)) == {"one", *map(str, range(50))}
    assert stat.S_IMODE(box.lstat().st_mode) == 0o600


def test_an_inbox_without_a_reader(fleet: Fleet) -> None:
    """Written to while no daemon runs: nobody blocks, and the lines become tasks with the next daemon."""
    fleet.write({"work": ledger_task(fleet.folder, 2)}, pipes={"inboxes": {"box": {"to": "work"}}})
    fleet.start()
    # A writer that holds it open across the daemon's death; without one nobody could open it for writing.
    with box_of(fleet).open("w", buffering=1) as writer:
        writer.write("first\n")
        fleet.await_done("work", 1)
        fleet.kill9()
        fd = os.open(box_of(fleet), os.O_RDWR | os.O_NONBLOCK)  # the reader that is missing
        try:
            writer.write("second\nthird\n")
            fleet.start()
        finally:
            os.close(fd)
        fleet.await_done("work", 3)
    assert sorted(ledger(fleet.folder)) == ["first", "second", "third"]


def test_garbage_from_a_worker_and_into_an_inbox(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 1)}, pipes={"inboxes": {"box": {"to": "work"}}})
    fleet.start()
    with fleet.pipe("work-1", "results").open("wb") as results:
        results.write(b"\x00\xff\n{]\n" + b"z" * 9000 + b'\ndone\t999\t1\tnot mine\n{"t":"done"}\n')
    with box_of(fleet).open("wb") as writer:
        writer.write(b"\xff\xfe\n\n" + b"z" * 150_000 + b"\ngood\n")
    fleet.await_done("work", 1)
    assert ledger(fleet.folder) == ["good"]
    assert fleet.worker("work-1")["restarts"] == 0
    assert len(fleet.wait_for(lambda: fleet.status()["problems"], "it is said")) == 2
