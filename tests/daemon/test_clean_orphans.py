"""The clean-up `orphans`: who is ended, in which order, and who never is."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Awaitable, Callable

import pytest

from tmaxd.daemon.cleaning import orphans as module
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.orphans import OrphanCleaner
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import EndedRun, Runs
from tmaxd.ports import Labels, Launch, Proc, Unknown, WorldError
from tmaxd.spec.upkeep import Cleanup
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.orphans import FakeOrphans
from tmaxd.testing.processes import FakeProcesses
from tmaxd.testing.tmux import FakeTmux

ENTRY = Cleanup(what="orphans", every=None)
BESIDE = "probe:/sim/state"


class Scene:
    """`at[n]` is done while the cleaner sleeps for the n-th time (of those that are not 0)."""

    def __init__(self) -> None:
        self.processes = FakeProcesses()
        self.orphans = FakeOrphans(self.processes)
        self.tmux = FakeTmux(on_spawn=self.processes.on_spawn, on_death=self.processes.on_death)
        self.runs = Runs()
        self.launching: set[str] = set()
        self.said = io.StringIO()
        self.slept: list[float] = []
        self.at: dict[int, Callable[[], object]] = {}
        self.report = Report()

    async def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
            act = self.at.get(len(self.slept))
            if act is not None:
                found = act()
                if isinstance(found, Awaitable):
                    await found
        await asyncio.sleep(0)

    async def clean(self, dry: bool = False) -> Report:
        self.report = Report()
        cleaner = OrphanCleaner(
            orphans=self.orphans,
            processes=self.processes,
            tmux=self.tmux,
            runs=self.runs,
            launching=self.launching,
            owner="sim",
            beside=BESIDE,
            log=EventLog(FakeClock(), self.said, human=True),
            sleep=self.sleep,
        )
        await cleaner.clean(ENTRY, dry, 0.0, self.report)
        return self.report

    def run(self, dry: bool = False) -> Report:
        return asyncio.run(self.clean(dry))

    def sent(self) -> list[tuple[int, int]]:
        return [(proc.pid, number) for proc, number in self.processes.sent]

    async def launch(self, run: str) -> None:
        server = await self.tmux.start()
        labels = Labels(fleet="sim", worker="w-1", run=run, fingerprint="run:x")
        await self.tmux.launch(server, [Launch(labels=labels, argv=("x",), env={}, cwd="/")])


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_orphan_is_asked_to_end_after_two_looks(scene: Scene) -> None:
    one = scene.processes.spawn(run="gone", new_session=True)
    two = scene.processes.spawn(run="gone", new_session=True)
    scene.at[1] = lambda: scene.sent() and pytest.fail("nobody is signalled after one look")
    report = scene.run()
    assert scene.slept[0] == module.APART >= 5
    assert scene.sent() == [(one.pid, signal.SIGTERM), (two.pid, signal.SIGTERM)]
    assert (report.count, report.bytes, report.problems) == (2, 2 << 20, [])
    assert report.items[0].name == f"pid {one.pid}"
    assert report.items[0].note == "fake, 1 min old, from w-1 (run gone)"
    assert scene.said.getvalue().count("orphan ended") == 1, "one event for a run"
    assert f"pids={one.pid},{two.pid}" in scene.said.getvalue()


def test_without_orphans_nothing_is_waited_for(scene: Scene) -> None:
    assert scene.run().count == 0
    assert scene.slept == []
    assert scene.said.getvalue() == ""


def test_a_dry_run_shows_them_and_lets_them_be(scene: Scene) -> None:
    one = scene.processes.spawn(run="gone", new_session=True)
    report = scene.run(dry=True)
    assert [item.name for item in report.items] == [f"pid {one.pid}"]
    assert (scene.sent(), scene.slept, scene.said.getvalue()) == ([], [], "")


def test_who_does_not_end_is_killed(scene: Scene) -> None:
    one = scene.processes.spawn(run="gone", new_session=True)
    scene.processes.ignore_term(one.pid)
    report = scene.run()
    signals = [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL]
    assert scene.sent() == [(one.pid, number) for number in signals]
    assert sum(scene.slept) >= module.APART + module.GRACE - 0.001
    assert (report.count, report.problems) == (1, [])


def test_who_forks_while_he_is_killed_goes_with_his_children(scene: Scene) -> None:
    left = [5]

    def fork(pid: int, status: int | None, number: int | None) -> None:
        if left[0]:
            left[0] -= 1
            scene.processes.spawn(run="gone", new_session=True)

    scene.processes.on_end = fork
    scene.processes.spawn(run="gone", new_session=True)
    assert scene.run().count == 6
    assert scene.processes.living == {}


def known_by_now(scene: Scene) -> Callable[[str], dict[str, Callable[[], object]]]:
    return lambda run: {
        "the daemon": lambda: scene.runs.ended.update({run: EndedRun(run, "w-1", None)}),
        "whoever starts something": lambda: scene.launching.add(run),
        "tmux": lambda: scene.launch(run),
    }


@pytest.mark.parametrize("who", ["the daemon", "whoever starts something", "tmux"])
@pytest.mark.parametrize("when", ["at once", "between the looks"])
def test_a_run_that_somebody_knows_is_let_be(scene: Scene, who: str, when: str) -> None:
    scene.processes.spawn(run="young", new_session=True)
    old = scene.processes.spawn(run="gone", new_session=True)
    act = known_by_now(scene)("young")[who]

    async def body() -> Report:
        if when == "between the looks":
            scene.at[1] = act
        elif isinstance(found := act(), Awaitable):
            await found
        return await scene.clean()

    assert asyncio.run(body()).count == 1
    assert scene.sent() == [(old.pid, signal.SIGTERM)]


def test_a_run_that_was_seen_once_only_is_let_be(scene: Scene) -> None:
    old = scene.processes.spawn(run="gone", new_session=True)
    scene.at[1] = lambda: scene.processes.spawn(run="new", new_session=True)
    assert scene.run().count == 1
    assert scene.sent() == [(old.pid, signal.SIGTERM)]


def test_probes_hooks_and_other_fleets_are_let_be(scene: Scene) -> None:
    scene.processes.spawn(run=BESIDE, new_session=True)
    other = scene.processes.spawn(run="theirs", new_session=True)
    scene.orphans.owners[other.pid] = "another"
    assert scene.run().count == 0
    assert scene.sent() == []


@pytest.mark.parametrize("who", ["tmux", "/proc"])
@pytest.mark.parametrize("look", [0, 1])
def test_what_cannot_be_told_is_not_gone(scene: Scene, who: str, look: int) -> None:
    scene.processes.spawn(run="gone", new_session=True)

    async def body() -> None:
        async def fail() -> None:
            if who == "/proc":
                scene.orphans.unknown()
                return

            async def hang() -> object:
                raise Unknown("tmux gave no answer")

            scene.tmux.look = hang  # type: ignore[assignment,method-assign]

        if look:
            scene.at[1] = fail
        else:
            await fail()
        with pytest.raises(Unknown):
            await scene.clean()

    asyncio.run(body())
    assert scene.sent() == []


def test_who_may_not_be_signalled_is_told(scene: Scene) -> None:
    one = scene.processes.spawn(run="gone", new_session=True)
    two = scene.processes.spawn(run="gone", new_session=True)
    real = scene.processes.signal

    def refuse(proc: Proc, number: int) -> bool:
        if proc == one:
            raise WorldError(f"process {one.pid} cannot be sent signal {number}: another user")
        return real(proc, number)

    scene.processes.signal = refuse  # type: ignore[method-assign]
    report = scene.run()
    assert scene.processes.living.keys() == {one.pid}
    assert [item.name for item in report.items] == [f"pid {two.pid}"]
    assert len(report.problems) == 1
    assert "is still there: process" in report.problems[0]


def test_what_went_is_told_also_when_it_is_cancelled(scene: Scene) -> None:
    scene.processes.spawn(run="gone", new_session=True)
    stuck = scene.processes.spawn(run="gone", new_session=True)
    scene.processes.ignore_term(stuck.pid)

    async def body() -> None:
        task = asyncio.ensure_future(scene.clean())
        scene.at[2] = task.cancel
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(body())
    assert (scene.report.count, len(scene.report.problems)) == (1, 1)
    assert scene.processes.living.keys() == {stuck.pid}
    assert scene.said.getvalue().count("orphan ended") == 1
