"""What the contract of `Orphans` does not show: odd names, numbers used again, who is never touched, hung looks."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.processes_worlds import RealWorld
from tests.waiting import until
from tmaxd.ports import Proc, Unknown
from tmaxd.world import orphans, procfs
from tmaxd.world.folders import owner_of
from tmaxd.world.orphans import LinuxOrphans, find
from tmaxd.world.processes import Marks
from tmaxd.world.procfs import Stat

OWNER, RUN = f"owner-{os.getpid()}", f"lost-{os.getpid()}"
SLEEP = shutil.which("sleep") or "/bin/sleep"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealWorld]:
    monkeypatch.setenv("TMAX_OWNER", OWNER)
    made = RealWorld()
    yield made
    made.close()


def pids() -> set[int]:
    return {orphan.proc.pid for orphan in find(OWNER, {}, Marks())}


def test_a_program_may_call_itself_anything(world: RealWorld) -> None:
    name = "\x1b[31mfoo\nbar" + "x" * 100
    marks = {"TMAX_OWNER": OWNER, "TMAX_RUN": RUN, "TMAX_WORKER": "w\n-1"}
    child = subprocess.Popen([name, "100"], executable=SLEEP, env=marks)
    try:

        async def scenario() -> None:
            await until(lambda: pids() == {child.pid}, "it executes by now")

        asyncio.run(scenario())
        (orphan,) = find(OWNER, {}, Marks())
        assert orphan.command == "?[31mfoo?bar" + "x" * 47 + "…"
        assert orphan.worker == "w?-1"
    finally:
        child.kill()
        child.wait()


def test_what_has_left_the_session_without_a_mark_goes_its_own_way(world: RealWorld) -> None:
    """So does the daemon of another fleet that somebody has started in a worker."""
    leader = world.leader(RUN)
    inside = world.descendant(leader, "child without mark")
    script = f"setsid env -i {SLEEP} 1000 >/dev/null 2>&1 & echo $!"
    nested = int(world._ask(leader.pid, script))
    stat = procfs.read_stat(nested)
    assert stat is not None
    world._others.append(Proc(nested, stat.start))

    async def scenario() -> None:
        await until(lambda: pids() == {leader.pid, inside.pid}, "all of them execute by now")

    asyncio.run(scenario())


def test_a_number_that_is_another_s_meanwhile(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table was read, the process ended, its number was given away: to one of ours, even."""
    leader = world.leader(RUN)
    real, marks = procfs.read_all_stats, Marks()
    assert [orphan.proc for orphan in find(OWNER, {}, marks)] == [leader]

    def aged() -> list[Stat]:
        return [s._replace(start=s.start - 1) if s.pid == leader.pid else s for s in real()]

    monkeypatch.setattr(procfs, "read_all_stats", aged)
    assert find(OWNER, {}, Marks()) == ()


def test_who_looks_is_never_found_nor_who_started_him(tmp_path: Path) -> None:
    """A daemon that somebody has started by hand in what a worker has left behind."""
    look = (
        "import sys; from tmaxd.world.orphans import find; from tmaxd.world.processes import Marks;"
        "print([o.command for o in find(sys.argv[1], {}, Marks())])"
    )
    env = {**os.environ, "TMAX_OWNER": OWNER, "TMAX_RUN": RUN, "PYTHONDONTWRITEBYTECODE": "1"}
    beside = f'{SLEEP} 1000 & "$1" -c "$2" "$3"; kill $!'
    done = subprocess.run(
        ["sh", "-c", beside, "sh", sys.executable, look, OWNER],
        env=env,
        cwd=Path(orphans.__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"['{SLEEP}']", "the shell and the program are not in it"


def test_the_owner_is_the_very_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert owner_of(tmp_path / "a") == owner_of(tmp_path / "link") != owner_of(tmp_path / "b")
    before = owner_of(tmp_path / "a")
    os.rename(tmp_path / "a", tmp_path / "c")
    assert owner_of(tmp_path / "c") == before
    assert " " not in before


def test_a_look_that_hangs_is_given_up_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    go_on = threading.Event()

    def hang() -> list[Stat]:
        go_on.wait(10)
        return []

    monkeypatch.setattr(procfs, "read_all_stats", hang)
    monkeypatch.setattr(orphans, "SCAN_DEADLINE", 0.05)

    async def scenario() -> None:
        port = LinuxOrphans(Marks())
        with pytest.raises(Unknown, match="was not read within"):
            await port.find(OWNER, {})
        with pytest.raises(Unknown, match="an earlier look"):
            await port.find(OWNER, {})
        go_on.set()

        async def answers() -> bool:
            try:
                return await port.find(OWNER, {}) == ()
            except Unknown:
                return False

        for _ in range(1000):
            if await answers():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it answers again once the look is over")

    asyncio.run(scenario())
