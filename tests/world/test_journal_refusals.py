"""The real journal when the disk refuses, when a record makes no sense, and when the process dies at once."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.test_journal_faults import recovered, submitted
from tmaxd.ports import JournalError
from tmaxd.tasks.records import Record
from tmaxd.world.journal import fold, open_journal
from tmaxd.world.journal import writer as writing


def test_a_refusing_disk_holds_everything_back_until_it_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = True
    apply = fold.apply

    def failing(db: sqlite3.Connection, batches: list[list[Record]]) -> None:
        apply(db, batches)
        if refusing:
            raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(fold, "apply", failing)
    monkeypatch.setattr(writing, "RETRY", 0.01)

    async def body() -> None:
        nonlocal refusing
        told: list[str | None] = []
        journal, _ = open_journal(tmp_path / "state.db", on_trouble=told.append)
        first = journal.write(submitted(1))
        await until(journal.trouble, "the trouble shows")
        assert "cannot be written: disk I/O error; trying again" in (journal.trouble() or "")
        second = journal.write(submitted(2))
        page = asyncio.ensure_future(journal.page("g", 0, 0, 10))
        assert await journal.story(1) is None
        assert [first.done(), second.done(), page.done()] == [False] * 3
        refusing = False
        await asyncio.gather(first, second)
        assert [t.id for t in (await page).tasks] == [1, 2]
        await journal.write(submitted(3))
        assert journal.trouble() is None
        await journal.close()
        # Once each, however often it was tried.
        assert [text and text.partition("cannot be written: ")[2] for text in told] == [
            "disk I/O error; trying again every second",
            None,
        ]

    asyncio.run(body())
    assert recovered(tmp_path / "state.db").counts == {"g": {"queued": 3}}


def test_closing_while_the_disk_refuses_fails_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(db: sqlite3.Connection, batches: list[list[Record]]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(fold, "apply", failing)

    async def body() -> None:
        journal, _ = open_journal(tmp_path / "state.db")
        write = journal.write(submitted(1))
        await until(journal.trouble, "the trouble shows")
        await journal.close()
        with pytest.raises(JournalError, match="closed while it could not be written"):
            await write

    asyncio.run(body())


FULL = """
import asyncio, resource, sys
from pathlib import Path
from tmaxd.tasks.records import Submitted
from tmaxd.world.journal import open_journal, writer

async def body():
    writer.RETRY = 0.02
    journal, _ = open_journal(Path(sys.argv[1]))
    await journal.write([Submitted(1, "g", ["x"], 1.0)])
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    big = journal.write([Submitted(2, "g", ["x" * 500000], 1.0)])
    for _ in range(500):
        if journal.trouble(): break
        await asyncio.sleep(0.01)
    print("trouble:", journal.trouble(), big.done())
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await big
    await journal.write([Submitted(3, "g", ["x"], 1.0)])
    print("healed:", journal.trouble())
    await journal.close()

asyncio.run(body())
"""


def test_a_file_that_cannot_grow_is_a_disk_that_refuses(tmp_path: Path) -> None:
    """The real thing: the kernel refuses the write, then lets it through."""
    path = tmp_path / "state.db"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith(f"trouble: {path}: cannot be written: ")
    assert first.endswith("False")
    assert second == "healed: None"
    assert recovered(path).counts == {"g": {"queued": 3}}


def test_a_record_that_makes_no_sense_breaks_the_journal_visibly(tmp_path: Path) -> None:
    async def body() -> None:
        journal, _ = open_journal(tmp_path / "state.db")
        await journal.write(submitted(1))
        with pytest.raises(JournalError, match="This is a bug in tmaxd"):
            await journal.write(submitted(1))
        with pytest.raises(JournalError, match="This is a bug in tmaxd"):
            await journal.write(submitted(2))
        assert "bug in tmaxd" in (journal.trouble() or "")
        await journal.close()

    asyncio.run(body())
    assert recovered(tmp_path / "state.db").next_id == 2


# --------------------------------------------------------------------------------- sudden death

DYING = """
import asyncio, sys
from pathlib import Path
from tmaxd.tasks.records import Submitted
from tmaxd.world.journal import open_journal

async def body():
    journal, _ = open_journal(Path(sys.argv[1]))
    for task in range(1, 100):
        await journal.write([Submitted(task, "g", ["x"], 1.0)])
        print(task, flush=True)

asyncio.run(body())
"""


@pytest.mark.parametrize(
    ("point", "kept"), [("journal.before_commit:5", 4), ("journal.after_commit:5", 5)]
)
def test_killed_around_a_commit_keeps_exactly_what_was_committed(
    tmp_path: Path, point: str, kept: int
) -> None:
    path = tmp_path / "state.db"
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(path)],
        capture_output=True, text=True, timeout=30, check=False, env={"TMAX_FAILPOINT": point},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.split() == ["1", "2", "3", "4"]
    found = recovered(path)
    assert (found.next_id, found.counts) == (kept + 1, {"g": {"queued": kept}})
