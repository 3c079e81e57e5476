"""The clean-up `payloads`: files in the spool that no task needs, by a real journal and real files."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tmaxd.daemon.cleaning import payloads
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.payloads import PayloadCleaner
from tmaxd.places import Places
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup
from tmaxd.tasks.records import Assigned, Done, Submitted
from tmaxd.world.files import LocalFiles
from tmaxd.world.journal import SqliteJournal, open_journal

HOUR = 3600.0


class Spool:
    def __init__(self, folder: Path) -> None:
        self.places = Places(runtime=folder / "run", state=folder)
        (self.places.payloads / "a-1").mkdir(parents=True)
        self.files = LocalFiles(self.places)
        self.now = time.time()

    def put(self, name: str, hours: float = 30.0) -> str:
        path = self.places.payloads / name
        path.write_text("x" * 100)
        os.utime(path, (self.now - hours * HOUR,) * 2)
        return str(path)

    def names(self) -> set[str]:
        root = self.places.payloads
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    async def clean(self, journal: SqliteJournal, **said: Any) -> Report:
        report = Report()
        dry = said.pop("dry", False)
        entry = Cleanup(what="payloads", **said)
        await PayloadCleaner(self.files, journal).clean(entry, dry, self.now, report)
        return report


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def done(task: int, file: str | None) -> Done:
    return Done("a", "a-1", "r", 5.0, [(task, 1, 1.0, 1.0, None if file else "r", file)])


async def filled(spool: Spool) -> SqliteJournal:
    """1 and 2 are done by file, 3 is done, 4 is with a worker, 5 waits."""
    journal, _ = open_journal(spool.places.database)
    await journal.write([Submitted(1, "a", ["p"] * 5, 1.0)])
    await journal.write(
        [
            done(1, spool.put("a-1/task-1-1.result")),
            done(2, spool.put("a-1/by a program.txt")),
            done(3, None),
            Assigned(1, "a", "a-1", "r", [4], [1], spool.now - 20 * HOUR),
        ]
    )
    return journal


def test_what_a_task_needs_stays(spool: Spool) -> None:
    for name in ("4.payload", "5.payload", "a-1/task-4-1.result", "a-1/task-5-2.result"):
        spool.put(name)
    needed = spool.names()
    for name in ("3.payload", "99.payload", "a-1/task-1-2.result", "a-1/task-3-1.result",
                 "a-1/task-99-1.result", "a-1/what is it"):  # fmt: skip
        spool.put(name)
    spool.put("a-1/begun since", hours=10.0)
    spool.put("98.payload", hours=0.5)

    async def body() -> None:
        journal = await filled(spool)
        everything = spool.names()
        dry = await spool.clean(journal, dry=True)
        assert spool.names() == everything
        report = await spool.clean(journal)
        assert (report.count, report.bytes) == (dry.count, dry.bytes) == (6, 600)
        assert report.problems == []
        await journal.close()

    asyncio.run(body())
    results = {"a-1/task-1-1.result", "a-1/by a program.txt"}
    assert spool.names() == needed | results | {"a-1/begun since", "98.payload"}


def test_age(spool: Spool) -> None:
    spool.put("7.payload", hours=3.0)
    spool.put("8.payload", hours=0.9)

    async def body() -> None:
        journal, _ = open_journal(spool.places.database)
        assert (await spool.clean(journal, ttl=Duration(4 * HOUR))).count == 0
        assert (await spool.clean(journal, ttl=Duration(0))).count == 1
        await journal.close()

    asyncio.run(body())
    assert spool.names() == {"8.payload"}


def test_links_and_other_folders_are_left(spool: Spool, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "9.payload").write_text("precious")
    os.utime(outside / "9.payload", (1.0, 1.0))
    (spool.places.payloads / "b-1").symlink_to(outside)
    (spool.places.payloads / "10.payload").symlink_to(outside / "9.payload")

    async def body() -> None:
        journal, _ = open_journal(spool.places.database)
        assert (await spool.clean(journal)).count == 0
        await journal.close()

    asyncio.run(body())
    assert (outside / "9.payload").read_text() == "precious"
    assert (spool.places.payloads / "10.payload").is_symlink()


def test_one_that_is_written_again_meanwhile_stays(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spool.put("a-1/result.txt")
    real = PayloadCleaner._needed

    async def needed(self: PayloadCleaner, *args: Any) -> Any:
        found = await real(self, *args)
        Path(path).write_text("a new one")
        return found

    monkeypatch.setattr(PayloadCleaner, "_needed", needed)

    async def body() -> None:
        journal, _ = open_journal(spool.places.database)
        assert (await spool.clean(journal)).count == 0
        await journal.close()

    asyncio.run(body())
    assert Path(path).read_text() == "a new one"


def test_many(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "CHUNK", 10)
    for number in range(100, 155):
        spool.put(f"{number}.payload")

    async def body() -> None:
        journal = await filled(spool)
        assert (await spool.clean(journal)).count == 55
        await journal.close()

    asyncio.run(body())
    assert len(spool.names()) == 2
