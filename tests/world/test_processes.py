"""What the contract of `Processes` does not show: old kernels, hung and unreadable `/proc`, odd names."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.processes_worlds import RealWorld
from tests.waiting import until
from tmaxd.ports import Proc, Unknown, WorldError
from tmaxd.world import processes, procfs
from tmaxd.world.processes import LinuxProcesses
from tmaxd.world.procfs import Stat, parse_stat
from tmaxd.world.proctree import trees


@pytest.fixture
def world() -> Iterator[RealWorld]:
    made = RealWorld()
    yield made
    made.close()


def no_pidfd(_pid: int, _flags: int = 0) -> int:
    raise OSError(errno.ENOSYS, "Function not implemented")


def test_without_pidfds_exits_are_found_by_looking(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    monkeypatch.setattr(processes, "POLL", 0.01)
    told: list[str] = []

    async def scenario() -> None:
        one, two, three = world.leader("r1"), world.leader("r2"), world.leader("r3")
        world.processes.watch(one, lambda: told.append("one"))
        world.processes.watch(two, lambda: told.append("two"))
        world.processes.watch(three, lambda: told.append("three"))
        world.processes.unwatch(three)
        assert world.processes.signal(one, signal.SIGKILL)
        await until(lambda: told == ["one"], "the first exit")
        world.end(three)
        world.end(two)
        await until(lambda: told == ["one", "two"], "the second exit")
        assert not world.processes.signal(two, signal.SIGKILL)

    asyncio.run(scenario())


def test_a_proc_that_cannot_be_listed_is_unknown(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan() -> None:
        asyncio.run(world.linux.trees({"r1": None}))

    def refuse(_path: str) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(Unknown, match="cannot list /proc"):
        scan()
    monkeypatch.setattr(os, "listdir", lambda _path: ["1", "2", "self"])
    with pytest.raises(Unknown, match="other processes than ours"):
        scan()


def test_a_scan_that_hangs_is_given_up_and_soon_not_repeated(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    whole = procfs.read_all_stats

    def hang() -> list[Stat]:
        free.wait(30)
        return whole()

    monkeypatch.setattr(procfs, "read_all_stats", hang)
    monkeypatch.setattr(processes, "SCAN_DEADLINE", 0.02)

    async def scenario() -> None:
        for _ in range(processes.STUCK_SCANS):
            with pytest.raises(Unknown, match="not read within"):
                await world.linux.trees({"r1": None})
        with pytest.raises(Unknown, match="hang"):
            await world.linux.trees({"r1": None})
        free.set()
        monkeypatch.setattr(processes, "SCAN_DEADLINE", 5.0)
        await until(lambda: world.linux._stuck == 0, "the scans have ended")
        assert await world.linux.trees({"test-none": None}) == {"test-none": frozenset()}

    asyncio.run(scenario())


def test_a_process_that_is_seen_late_is_found_by_the_next_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was forked behind the scan's back: the newest pid tells."""
    pids = iter([b"10", b"11", b"11", b"11"])
    tables = iter([[stat(10)], [stat(10), stat(11, parent=10)], []])
    monkeypatch.setattr(procfs, "last_pid", lambda: next(pids))
    monkeypatch.setattr(procfs, "read_all_stats", lambda: next(tables))
    found = processes.scan({"r1": Proc(10, 110)}, processes.Marks())
    assert found == {"r1": {Proc(10, 110), Proc(11, 111)}}


def test_on_a_restless_machine_two_equal_passes_do(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = iter(range(100))
    monkeypatch.setattr(procfs, "last_pid", lambda: b"%d" % next(newest))
    monkeypatch.setattr(procfs, "read_all_stats", lambda: [stat(10)])
    found = processes.scan({"r1": Proc(10, 110)}, processes.Marks())
    assert found == {"r1": {Proc(10, 110)}}

    tables = iter([[stat(10 + n)] for n in range(9)])
    monkeypatch.setattr(procfs, "read_all_stats", lambda: next(tables))
    runs = {f"r{n}": Proc(10 + n, 110 + n) for n in range(9)}
    with pytest.raises(Unknown, match="come and go too fast"):
        processes.scan(runs, processes.Marks())


def test_a_mark_taken_on_by_exec_is_seen(world: RealWorld) -> None:
    run = f"test-{os.getpid()}-9"
    env = {"TMAX_RUN": run}
    program = f"import os, sys; sys.stdin.read(1); os.execve('/bin/cat', ['cat'], {env})"
    child = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    try:
        proc = world.linux.identify(child.pid)
        assert proc is not None

        async def scenario() -> None:
            assert await world.linux.trees({run: None}) == {run: frozenset()}
            assert child.stdin is not None
            child.stdin.write(b"x")
            child.stdin.flush()
            found: list[frozenset[Proc]] = []
            for _ in range(1000):
                found.append((await world.linux.trees({run: None}))[run])
                if found[-1]:
                    break
            assert found[-1] == {proc}

        asyncio.run(scenario())
    finally:
        child.kill()
        child.communicate()


def test_neither_init_nor_the_daemon_is_ever_signalled(world: RealWorld) -> None:
    for pid in (0, 1, os.getpid()):
        with pytest.raises(WorldError, match="not a worker's"):
            world.linux.signal(Proc(pid, 1), signal.SIGCONT)


def test_a_signal_that_is_not_allowed_is_an_error(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    proc = world.leader("r1")
    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    with pytest.raises(WorldError, match="another user"):
        world.linux.signal(proc, signal.SIGTERM)


def test_close_forgets_all_watches(world: RealWorld) -> None:
    told: list[int] = []

    async def scenario() -> None:
        before = len(os.listdir("/proc/self/fd"))
        one, two = world.leader("r1"), world.leader("r2")
        opened = len(os.listdir("/proc/self/fd"))
        world.linux.watch(one, lambda: told.append(1))
        world.linux.watch(two, lambda: told.append(2))
        assert len(os.listdir("/proc/self/fd")) == opened + 2 > before
        world.linux.close()
        assert len(os.listdir("/proc/self/fd")) == opened
        world.end(one)
        world.end(two)

    asyncio.run(scenario())
    assert told == []


def stat(pid: int, parent: int = 1, session: int | None = None, alive: bool = True) -> Stat:
    leads = pid if session is None else session
    return Stat(pid, parent, leads, pid + 100, alive, kernel=False, image=b"0")


def test_the_daemon_and_init_are_members_of_nothing_and_pass_nothing_on() -> None:
    table = [stat(1, 0), stat(10), stat(20, parent=10), stat(30, parent=20), stat(40, parent=1)]
    never = frozenset({1, 20})
    marks = {Proc(20, 120): "r1", Proc(1, 101): "r1"}
    found = trees({"r1": Proc(10, 110)}, table, marks, never)
    assert found == {"r1": {Proc(10, 110)}}


def test_a_zombie_does_not_count_but_its_children_do() -> None:
    table = [stat(10), stat(20, parent=10, alive=False), stat(30, parent=20)]
    found = trees({"r1": Proc(10, 110)}, table, {}, frozenset())
    assert found == {"r1": {Proc(10, 110), Proc(30, 130)}}


def test_members_of_an_earlier_session_of_that_number_are_strangers() -> None:
    table = [stat(5, session=10), stat(30, session=10)]
    assert trees({"r1": Proc(10, 110)}, table, {}, frozenset()) == {"r1": {Proc(30, 130)}}


@given(name=st.binary(min_size=0, max_size=64).filter(lambda b: b"\0" not in b))
def test_a_stat_line_is_read_whatever_the_name(name: bytes) -> None:
    tail = b"S 7 8 9 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 3 0 12345 99 1 2 3 4 5 0 0 0 0 0 0 0 0 17 1"
    line = b"42 (" + name + b") " + tail + b" 0 0 0 0 0 11 12 13 14 771 772 0\n"
    assert parse_stat(line) == Stat(42, 7, 9, 12345, True, False, b"771772", 11, 1)


def test_a_leader_whose_other_threads_go_on_is_alive() -> None:
    line = b"42 (x) Z 7 8 9 0 -1 0 1 0 0 0 5 6 0 0 20 0 %d 0 12345 99 0 0 0\n"
    assert not parse_stat(line % 1).alive
    assert parse_stat(line % 2).alive


def test_our_own_line_agrees_with_what_we_know() -> None:
    ours = procfs.read_stat(os.getpid())
    assert ours is not None
    assert (ours.pid, ours.parent, ours.session) == (os.getpid(), os.getppid(), os.getsid(0))
    assert ours.alive
    assert not ours.kernel
    assert procfs.read_stat(2**22 + 17) is None
    assert procfs.read_mark(os.getpid(), b"NO_SUCH_NAME") is None


def test_a_long_environment_is_searched_to_its_end() -> None:
    env = {"FILL": "x" * 100_000, "TMAX_RUN": "r7", "TMAX_RUN_NOT": "no"}
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=env)
    try:
        end = 2000
        while procfs.read_mark(child.pid, b"TMAX_RUN") != b"r7" and end:
            end -= 1  # it may not have executed cat yet
        assert procfs.read_mark(child.pid, b"TMAX_RUN") == b"r7"
        assert procfs.read_mark(child.pid, b"FILL") == b"x" * 100_000
        assert procfs.read_mark(child.pid, b"RUN") is None
    finally:
        child.communicate()


def test_without_a_loop_nothing_is_needed_to_identify() -> None:
    assert LinuxProcesses().identify(os.getpid()) is not None
