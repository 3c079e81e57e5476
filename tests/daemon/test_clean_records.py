"""Tasks that are over are forgotten by a whole daemon on fakes, while it goes on with others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.records import LONGEST, PAUSE, RecordCleaner, fitting
from tmaxd.ports import JournalError
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup
from tmaxd.tasks.records import Options, Purge, Purged, Span
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.files import FakeFiles
from tmaxd.testing.simulation import PLACES

SPEC = "{version: 1, fleet: sim, workers: {a: {count: 2, task: [a]}, b: {count: 1, serve: [b]}}}"
ALL = Cleanup(what="tasks", ttl=Duration(0))


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene(SPEC)
    yield scene
    scene.sim.close()


def cleaner(scene: Scene) -> RecordCleaner:
    fleet = scene.sim.fleet
    assert fleet is not None
    return RecordCleaner(
        "tasks",
        fleet.flow.purge,
        scene.sim.journal.purge,
        scene.sim.files,
        scene.sim.clock,
        lambda _: asyncio.sleep(0),
    )


def cleaned(scene: Scene, entry: Cleanup = ALL, *, dry: bool = False) -> Report:
    report = Report()
    work = cleaner(scene).clean(entry, dry, scene.sim.clock.wall(), report)
    scene.ask(work)
    return report


def counts(scene: Scene, group: str) -> tuple[int, int]:
    status = scene.group(group)
    return status.done, status.dead


def test_what_status_counts_goes_down_with_it(scene: Scene) -> None:
    scene.sim.submit("a", 10)
    scene.sim.settle()
    assert counts(scene, "a") == (10, 0)
    scene.sim.advance(100)
    assert cleaned(scene, Cleanup(what="tasks", ttl=Duration(200))).count == 0
    assert cleaned(scene, dry=True).count == 10
    assert counts(scene, "a") == (10, 0)
    report = cleaned(scene)
    assert report.count == 10
    assert report.bytes > 10
    assert report.items[0].note == "a"
    assert counts(scene, "a") == (0, 0)
    scene.start()
    assert counts(scene, "a") == (0, 0)


@pytest.mark.parametrize("delay", range(6))
@pytest.mark.parametrize("first", ["retry", "cleanup"])
def test_a_retry_finds_the_task_or_hears_that_it_is_gone(
    scene: Scene, first: str, delay: int
) -> None:
    """Whichever comes first, the other sees it: never is a task tried again that is not there."""
    scene.sim.submit("a", 1, Options(due=scene.sim.clock.wall() + 9000))
    scene.sim.cancel([1])
    assert scene.sim.verdicts == [(1, "cancelled")]
    scene.sim.advance(10)
    report = Report()

    async def both() -> str:
        fleet = scene.sim.fleet
        assert fleet is not None
        work = cleaner(scene).clean(ALL, False, scene.sim.clock.wall(), report)
        if first == "retry":
            retry = fleet.flow.retry([1])
            await turns(delay)
            await work
        else:
            cleaning = asyncio.ensure_future(work)
            await turns(delay)
            retry = fleet.flow.retry([1])
            await cleaning
        return (await retry)[0][1]

    verdict = scene.ask(both())
    assert (verdict, report.count) in (("retried", 0), ("unknown", 1))
    scene.sim.settle()
    scene.start()
    assert counts(scene, "a") == (1 if verdict == "retried" else 0, 0)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_what_the_disk_refuses_is_told(scene: Scene) -> None:
    scene.sim.submit("a", 1)
    scene.sim.settle()
    scene.sim.advance(10)
    scene.sim.journal.fail("the disk is full")
    with pytest.raises(JournalError, match="the disk is full; nothing of it was done"):
        cleaned(scene)
    scene.sim.journal.heal()
    assert counts(scene, "a") == (1, 0)
    assert cleaned(scene).count == 1


def test_result_files_go_after_their_tasks() -> None:
    files, clock = FakeFiles(), FakeClock()
    spool = str(PLACES.payloads)
    files.results = {f"{spool}/a-1/{name}": "x" * 100 for name in ("one", "two", "other")}
    order: list[str] = []

    async def purge(wish: Purge) -> Purged:
        order.append(f"purge, {len(files.results)} files")
        return Purged(
            count=2, bytes=7, files=(f"{spool}/a-1/one", f"{spool}/a-1/two", f"{spool}/a-1/gone")
        )

    async def body() -> None:
        report = Report()
        for dry in (True, False):
            await RecordCleaner("tasks", purge, purge, files, clock).clean(ALL, dry, 9.0, report)
        assert report.bytes == 2 * (7 + 200)
        assert report.problems == []

    asyncio.run(body())
    assert list(files.results) == [f"{spool}/a-1/other"]
    assert order == ["purge, 3 files", "purge, 3 files"]


def test_pauses_are_longer_where_the_disk_is_busy() -> None:
    clock, slept, slices = FakeClock(), list[float](), iter([0.0, 0.02, 30.0, 0.0])

    async def purge(wish: Purge) -> Purged:
        clock.advance(next(slices))
        at = wish.after[1] + 1
        return Purged(count=1, spans=(Span("a", at, at),), next=(1.0, at) if at < 4 else None)

    def sleep(seconds: float) -> Awaitable[None]:
        slept.append(seconds)
        return asyncio.sleep(0)

    async def body() -> None:
        report = Report()
        cleaner = RecordCleaner("tasks", purge, purge, FakeFiles(), clock, sleep)
        await cleaner.clean(ALL, False, 9.0, report)
        assert [item.name for item in report.items] == [f"task {n}" for n in range(1, 5)]

    asyncio.run(body())
    assert slept == [pytest.approx(0.005), pytest.approx(PAUSE * 0.02), LONGEST]


@pytest.mark.parametrize(
    ("limit", "took", "then"),
    [
        (2048, 0.001, 4096),
        (2048, 0.004, 2048),
        (2048, 0.02, 1024),
        (256, 0.02, 256),
        (32_768, 0.0, 32_768),
    ],
)
def test_slices_fit_into_their_time(limit: int, took: float, then: int) -> None:
    assert fitting(limit, took) == then
