"""Clean-ups are run as their schedules say and as operators ask: one at a time, remembered over restarts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest

from tmaxd.daemon.cleaning import runner
from tmaxd.daemon.cleaning.cleaner import PROBLEMS, SAMPLE, Report
from tmaxd.daemon.cleaning.runner import Cleaning, Ran
from tmaxd.daemon.log import EventLog
from tmaxd.ports import JournalError
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup, What
from tmaxd.tasks.records import Kept
from tmaxd.testing.clock import FakeClock

HOUR = 3600.0
Work = Callable[[Report, bool], Awaitable[None]]


class Recorder:
    """A `Cleaner` that does what it is told, and remembers."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.asked: list[tuple[What, bool, float]] = []
        self.work: Work | None = None

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        self.asked.append((entry.what, dry, now))
        if self.work is not None:
            await self.work(report, dry)


class Scene:
    """A daemon's clean-ups; `restart` is a new daemon with what the last one kept."""

    def __init__(self, *entries: Cleanup) -> None:
        self.entries: Sequence[Cleanup] = entries
        self.clock = FakeClock()
        self.kept: dict[str, str] = {}
        self.writes = 0
        self.off: set[What] = set()
        self.lines = io.StringIO()
        self.chance = 0.0
        self.recorder = Recorder(self)
        self.restart()

    def restart(self) -> None:
        kinds: tuple[What, ...] = ("tasks", "logs", "orphans", "files")
        self.cleaning = Cleaning(
            dict.fromkeys(kinds, self.recorder),
            lambda: self.entries,
            lambda what: what not in self.off,
            dict(self.kept),
            self._write,
            self.clock,
            EventLog(self.clock, self.lines, human=False),
            lambda: self.chance,
        )

    def _write(self, record: Kept) -> None:
        assert record.text is not None
        self.writes += 1
        self.kept[record.name] = record.text

    async def advance(self, seconds: float, step: float = 5.0) -> None:
        """As the loop does it: a look at least each five seconds."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            await self.cleaning.tend()

    @property
    def times(self) -> list[float]:
        return [now for _, _, now in self.recorder.asked]


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


def every(seconds: float, what: What = "tasks", **more: Any) -> Cleanup:
    return Cleanup(what=what, every=Duration(seconds), **more)


def test_runs_come_so_often() -> None:
    async def body() -> None:
        scene = Scene(every(HOUR))
        begin = scene.clock.wall()
        await scene.advance(4 * HOUR + 10)
        assert [round(at - begin) for at in scene.times] == pytest.approx(
            [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR], abs=30
        )

    run(body)


def test_nothing_runs_at_once_after_a_start() -> None:
    """Also what was missed meanwhile: results wait in FIFOs and name files."""

    async def body() -> None:
        scene = Scene(every(HOUR))
        await scene.advance(HOUR + 10)
        scene.clock.advance(9 * HOUR)
        scene.restart()
        await scene.advance(runner.SETTLE - 5)
        assert len(scene.times) == 1
        await scene.advance(10)
        assert len(scene.times) == 2
        await scene.advance(HOUR / 2)
        assert len(scene.times) == 2

    run(body)


def test_a_daily_clean_up_survives_daemons_that_live_for_hours() -> None:
    async def body() -> None:
        scene = Scene(every(24 * HOUR))
        for _ in range(12):
            await scene.advance(5 * HOUR, step=60.0)
            scene.restart()
        assert len(scene.times) == 2

    run(body)


def test_it_is_remembered_that_it_never_ran() -> None:
    """A daemon that is started anew each day, with a clean-up each week."""

    async def body() -> None:
        scene = Scene(every(7 * 24 * HOUR))
        for _ in range(15):
            await scene.advance(120, step=60.0)
            scene.clock.advance(24 * HOUR - 120)
            scene.restart()
        assert len(scene.times) == 2

    run(body)


def test_a_clock_set_back_between_two_daemons() -> None:
    async def body() -> None:
        scene = Scene(every(2 * HOUR))
        await scene.advance(2 * HOUR + 10)
        scene.clock.jump_wall(-1000 * HOUR)
        scene.restart()
        await scene.advance(2 * HOUR + 120)
        assert len(scene.times) == 2

    run(body)


def test_what_runs_each_minute_does_not_write_each_time() -> None:
    async def body() -> None:
        scene = Scene(every(60, "orphans"))
        await scene.advance(HOUR)
        assert len(scene.times) >= 55
        assert scene.writes <= 1 + HOUR / runner.WRITE_EVERY

    run(body)


def test_jitter_puts_off() -> None:
    async def body() -> None:
        scene = Scene(every(HOUR, jitter=Duration(600)))
        scene.chance = 0.5
        await scene.advance(HOUR + 290)
        assert scene.times == []
        await scene.advance(30)
        assert len(scene.times) == 1

    run(body)


def test_a_flag_stops_the_schedule_and_not_what_is_asked_for() -> None:
    async def body() -> None:
        entry = every(HOUR)
        scene = Scene(entry, every(HOUR, "orphans"))
        scene.off.add("tasks")
        await scene.advance(3 * HOUR + 30)
        assert {what for what, _, _ in scene.recorder.asked} == {"orphans"}
        planned = {one.name: one.next for one in scene.cleaning.planned()}
        assert planned["tasks"] is None
        assert planned["orphans"] is not None
        await scene.cleaning.run([entry], dry=False)
        assert scene.recorder.asked[-1][0] == "tasks"
        scene.off.clear()
        await scene.advance(HOUR + 10)
        assert [what for what, _, _ in scene.recorder.asked].count("tasks") == 2

    run(body)


def test_the_file_changes() -> None:
    async def body() -> None:
        scene = Scene(every(HOUR))
        await scene.advance(HOUR + 10)
        scene.entries = (every(600), every(HOUR, "logs"))
        await scene.advance(590)
        assert [what for what, _, _ in scene.recorder.asked] == ["tasks"]
        await scene.advance(30)
        assert [what for what, _, _ in scene.recorder.asked] == ["tasks", "tasks"]
        scene.entries = ()
        await scene.advance(3 * HOUR)
        assert len(scene.times) == 2

    run(body)


def test_only_one_at_a_time() -> None:
    async def body() -> None:
        scene = Scene(every(60), every(60, "logs"))
        await scene.cleaning.tend()
        now, most = 0, 0
        go = asyncio.Event()

        async def work(report: Report, dry: bool) -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await go.wait()
            now -= 1

        scene.recorder.work = work
        asked = [asyncio.ensure_future(scene.cleaning.run([every(60, what)], dry=False))
                 for what in ("tasks", "logs", "orphans")]  # fmt: skip
        scene.clock.advance(120)
        tending = asyncio.ensure_future(scene.cleaning.tend())
        await asyncio.sleep(0.01)
        go.set()
        await asyncio.gather(*asked, tending)
        assert most == 1
        assert len(scene.recorder.asked) == 5

    run(body)


async def one(scene: Scene, entry: Cleanup | None = None, *, dry: bool = False) -> Ran:
    return (await scene.cleaning.run([entry or every(60)], dry=dry))[0]


def test_what_a_failure_leaves_is_told() -> None:
    async def body() -> None:
        scene = Scene()

        async def work(report: Report, dry: bool) -> None:
            report.add("task 1", 10)
            raise JournalError("the disk is full")

        scene.recorder.work = work
        ran = await one(scene)
        assert (ran.report.count, ran.report.problems) == (1, ["the disk is full"])
        assert '"event": "cleaned", "what": "tasks", "count": 1' in scene.lines.getvalue()
        assert '"event": "cleanup_incomplete"' in scene.lines.getvalue()

    run(body)


def test_a_bug_does_not_end_the_schedules() -> None:
    async def body() -> None:
        scene = Scene(every(60))

        async def work(report: Report, dry: bool) -> None:
            raise ZeroDivisionError

        scene.recorder.work = work
        await scene.advance(200)
        assert len(scene.times) >= 2
        assert "a bug in tmaxd: ZeroDivisionError()" in scene.cleaning.planned()[0].last.problem

    run(body)


def test_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "DEADLINE", 0.05)

    async def body() -> None:
        scene = Scene()

        async def work(report: Report, dry: bool) -> None:
            report.add("task 1")
            await asyncio.Event().wait()

        scene.recorder.work = work
        ran = await one(scene)
        assert ran.report.count == 1
        assert "was not through" in ran.report.problems[0]

    run(body)


def test_a_dry_run_is_no_run() -> None:
    async def body() -> None:
        entry = every(HOUR)
        scene = Scene(entry)
        await scene.advance(HOUR - 60)
        ran = await one(scene, entry, dry=True)
        assert ran.dry
        await scene.advance(70)
        assert [dry for _, dry, _ in scene.recorder.asked] == [True, False]

    run(body)


def test_an_entry_that_is_not_to_be_applied_is_only_told() -> None:
    async def body() -> None:
        entry = every(HOUR, "files", apply=False, files=("/x/*",), roots=("/x",))
        scene = Scene(entry)
        await scene.advance(HOUR + 10)
        await one(scene, entry)
        assert [dry for _, dry, _ in scene.recorder.asked] == [True, True]
        assert scene.cleaning.planned()[0].last.dry
        assert "cleaned" not in scene.lines.getvalue()

    run(body)


def test_a_run_that_was_asked_for_counts_as_the_scheduled_one() -> None:
    async def body() -> None:
        entry = every(HOUR)
        scene = Scene(entry)
        await scene.advance(HOUR - 60)
        await one(scene, entry)
        await scene.advance(HOUR - 60)
        assert len(scene.times) == 1

    run(body)


def test_it_goes_on_where_whoever_asked_has_gone() -> None:
    async def body() -> None:
        scene = Scene()
        go = asyncio.Event()

        async def work(report: Report, dry: bool) -> None:
            await go.wait()
            report.add("task 1")

        scene.recorder.work = work
        asked = asyncio.ensure_future(one(scene))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        go.set()
        async with asyncio.timeout(5):
            while "cleaned" not in scene.lines.getvalue():
                await asyncio.sleep(0)

    run(body)


def test_the_end_of_the_daemon_cancels_it_and_tells_what_went() -> None:
    async def body() -> None:
        scene = Scene()
        cancelled = False

        async def work(report: Report, dry: bool) -> None:
            nonlocal cancelled
            report.add("task 1")
            try:
                await asyncio.Event().wait()
            finally:
                cancelled = True

        scene.recorder.work = work
        scene.cleaning.start()
        asked = asyncio.ensure_future(one(scene))
        while not scene.recorder.asked:
            await asyncio.sleep(0)
        await scene.cleaning.close()
        assert cancelled
        assert '"count": 1' in scene.lines.getvalue()
        await asyncio.gather(asked, return_exceptions=True)
        assert asked.cancelled()

    run(body)


def test_the_loop_goes_by_the_schedules() -> None:
    """With `start`, on real timers."""

    async def body() -> None:
        scene = Scene(every(1))
        scene.clock.advance(runner.SETTLE + 10)
        scene.cleaning.start()
        async with asyncio.timeout(5):
            while not scene.recorder.asked:
                scene.clock.advance(1)
                await asyncio.sleep(0.01)
        await scene.cleaning.close()

    run(body)


def test_what_was_kept_and_cannot_be_read_is_begun_anew() -> None:
    async def body() -> None:
        scene = Scene(every(HOUR))
        scene.kept[runner.KEPT] = '{"tasks": 5}'
        scene.restart()
        assert '"event": "cleanup_unplanned"' in scene.lines.getvalue()
        await scene.advance(HOUR + 10)
        assert len(scene.times) == 1

    run(body)


def test_a_time_zone_that_is_gone() -> None:
    async def body() -> None:
        gone = Cleanup(what="logs", cron="0 4 * * *", zone="Moon/Tycho")
        scene = Scene(gone, every(60))
        await scene.advance(300)
        assert {what for what, _, _ in scene.recorder.asked} == {"tasks"}
        assert scene.lines.getvalue().count("cleanup_unplanned") == 1

    run(body)


def test_a_report_is_bounded() -> None:
    report = Report()
    for number in range(1000):
        report.add(f"file {number}", 2)
        report.problem(f"problem {number}")
    assert (report.count, report.bytes) == (1000, 2000)
    assert (len(report.items), len(report.problems)) == (SAMPLE, PROBLEMS)
    assert report.unnamed == 1000 - PROBLEMS
    assert Report().items == []
