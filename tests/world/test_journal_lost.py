"""The real journal when commits are gone that were acknowledged: refused or told, never a silent beginning."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.test_journal_faults import fill, recovered, submitted
from tmaxd.ports import JournalError, Recovered
from tmaxd.tasks.records import Done, Record, RevisionApplied
from tmaxd.world.journal import mark, open_journal

TASKS = 8


def killed(folder: Path, *batches: list[Record]) -> Path:
    """The files of a journal whose daemon was killed after these commits."""
    path = folder / "live" / "state.db"
    path.parent.mkdir()

    async def body() -> None:
        journal, _ = open_journal(path)
        for batch in batches:
            await journal.write(batch)
        await until(lambda: (mark.read(path) or (0,))[0] == len(batches), "the mark is up to date")
        shutil.copytree(path.parent, folder / "copy")
        await journal.close()

    asyncio.run(body())
    return folder / "copy" / "state.db"


def eight(folder: Path) -> Path:
    return killed(folder, *(submitted(i, payload="x" * 900) for i in range(1, TASKS + 1)))


def opened(path: Path) -> tuple[Recovered, tuple[str, ...]]:
    async def body() -> tuple[Recovered, tuple[str, ...]]:
        journal, found = open_journal(path)
        await journal.close()
        return found, journal.problems()

    return asyncio.run(body())


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith("-shm")}


def test_a_wal_cut_anywhere_is_refused_or_gives_the_commits_before_the_cut_and_says_so(
    tmp_path: Path,
) -> None:
    copy = eight(tmp_path)
    wal = copy.with_name("state.db-wal").read_bytes()
    seen, refusals, unchanged = set(), set(), []
    for size in [0, 31, 33, *range(0, len(wal), len(wal) // 40), len(wal)]:
        path = tmp_path / f"cut{size}" / "state.db"
        shutil.copytree(copy.parent, path.parent, dirs_exist_ok=True)
        path.with_name("state.db-wal").write_bytes(wal[:size])
        before = files(path.parent)
        try:
            found, problems = opened(path)
        except JournalError as error:
            refusals.add(str(error).replace(str(path), "state.db"))
            unchanged.append(files(path.parent) == before)
            continue
        kept = found.counts["g"]["queued"]
        assert found.next_id == TASKS + 1
        gone = [f"{path}: the last {TASKS - kept} of {TASKS} commits are gone"]
        assert [text.split(" (")[0] for text in problems] == (gone if kept < TASKS else [])
        seen.add(kept)
    assert seen == set(range(1, TASKS + 1))
    assert len(unchanged) > 3
    assert all(unchanged)
    assert refusals == {
        "state.db: holds no tasks, but it did, the last with id 8, as state.db-mark beside it says: state.db-wal"
        " was lost, cut or damaged. Nothing was changed; put state.db-wal back, or remove state.db-mark to begin"
        " from what is there"
    }


def test_a_lost_wal_is_refused_until_it_is_put_back(tmp_path: Path) -> None:
    path = eight(tmp_path)
    wal = path.with_name("state.db-wal")
    wal.rename(tmp_path / "aside")
    with pytest.raises(JournalError, match="holds no tasks, but it did"):
        opened(path)
    with pytest.raises(JournalError, match="holds no tasks, but it did"):
        opened(path)
    (tmp_path / "aside").rename(wal)
    found, problems = opened(path)
    assert (found.counts, found.next_id, problems) == ({"g": {"queued": TASKS}}, TASKS + 1, ())


def test_a_damaged_wal_is_left_for_others_to_read(tmp_path: Path) -> None:
    path = eight(tmp_path)
    wal = path.with_name("state.db-wal")
    bad = bytearray(wal.read_bytes())
    bad[100] ^= 1
    wal.write_bytes(bad)
    with pytest.raises(JournalError, match="was lost, cut or damaged"):
        opened(path)
    assert wal.read_bytes() == bad


def test_without_the_mark_it_begins_from_what_is_there(tmp_path: Path) -> None:
    path = eight(tmp_path)
    path.with_name("state.db-wal").unlink()
    path.with_name("state.db-mark").unlink()
    found, problems = opened(path)
    assert (found.counts, found.next_id, problems) == ({}, 1, ())


def test_a_missing_database_that_had_tasks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    path.unlink()
    with pytest.raises(JournalError, match="is missing, but it held tasks, the last with id 40"):
        opened(path)
    assert [p.name for p in tmp_path.iterdir()] == ["state.db-mark"]
    path.with_name("state.db-mark").unlink()
    assert recovered(path).next_id == 1


def test_lost_ends_of_tasks_are_told_as_well(tmp_path: Path) -> None:
    done: list[Record] = [Done("g", "g-1", "r", 5.0, [(1, 1, 2.0, None, "", None)])]
    path = killed(tmp_path, submitted(1, 2), done)
    wal = path.with_name("state.db-wal")
    wal.write_bytes(wal.read_bytes()[:-1])
    found, problems = opened(path)
    assert found.counts == {"g": {"queued": 2}}
    assert ["the last 1 of 2 commits are gone" in text for text in problems] == [True]


def test_where_no_task_was_lost_it_starts_and_says_what_is_gone(tmp_path: Path) -> None:
    path = killed(tmp_path, [RevisionApplied(1, "d", "", 1.0)])
    path.with_name("state.db-wal").unlink()
    found, problems = opened(path)
    assert (found.next_id, found.revision, len(problems)) == (1, None, 1)


def test_a_loss_is_told_until_it_is_written_over_and_its_ids_never_return(tmp_path: Path) -> None:
    path = eight(tmp_path)
    wal = path.with_name("state.db-wal")
    wal.write_bytes(wal.read_bytes()[: wal.stat().st_size // 2])
    assert [len(opened(path)[1]) for _ in range(2)] == [1, 1]

    async def body() -> None:
        journal, found = open_journal(path)
        assert found.next_id == TASKS + 1
        await journal.write([RevisionApplied(1, "d", "", 1.0)])
        await journal.close()

    asyncio.run(body())
    found, problems = opened(path)
    assert (found.next_id, problems) == (TASKS + 1, ())


@pytest.mark.parametrize("text", [b"", b"\0" * 42, b"1", b"a b\n"])
def test_a_mark_that_says_nothing_is_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.db"
    fill(path)
    path.with_name("state.db-mark").write_bytes(text)
    assert opened(path)[1] == ()
    assert recovered(path).next_id == 41


def test_a_mark_that_cannot_be_written_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.with_name("state.db-mark").mkdir()
    fill(path)
    assert (recovered(path).next_id, opened(path)[1]) == (41, ())


def test_a_state_without_a_count_of_commits_is_counted_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    path.with_name("state.db-mark").unlink()
    db = sqlite3.connect(path)
    db.execute("DELETE FROM meta WHERE key = 'commits'")
    db.commit()
    db.close()

    async def body() -> None:
        journal, _ = open_journal(path)
        await journal.write(submitted(41))
        await journal.close()

    asyncio.run(body())
    assert mark.read(path) == (1, 42)
    assert opened(path)[1] == ()
