"""The judge finds each promise that is broken: a ledger and books in which all is well, with one thing changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.soak.judge import verdict
from tests.soak.kill import Kill
from tests.soak.note import Notes
from tests.soak.promises import Promises
from tests.soak.row import Row, Try
from tests.soak.works import Note, in_hand, notes_of, works_of

MS = 1_000_000
ONE, OTHER, THIRD = (100, 7), (200, 8), (300, 9)
"""Processes."""


def promises() -> Promises:
    made = Promises()
    for kind in ("ok", "ok", "doomed"):
        made.new(kind)
    made.ids = {0: 1, 1: 2}
    made.taken = {2}
    return made


def note(kind: str, task: int, process: tuple[int, int], at: int, attempt: int = 1) -> Note:
    return Note(kind, task, attempt, *process, at * MS)


def notes() -> list[Note]:
    """Task 1 is done; 2 is lost with its process, killed at 30 ms, then done; 3 fails."""
    return [
        note("begin", 1, ONE, 10),
        note("well", 1, ONE, 20),
        note("begin", 2, ONE, 25),
        note("begin", 2, OTHER, 40, 2),
        note("well", 2, OTHER, 50, 2),
        note("begin", 3, OTHER, 60),
        note("badly", 3, OTHER, 62),
        note("begin", 3, OTHER, 66, 2),
        note("badly", 3, OTHER, 70, 2),
    ]


KILLS = [
    Kill(
        what="worker",
        pid=ONE[0],
        start=ONE[1],
        before=30 * MS,
        gone=35 * MS,
        worker="sync-1",
        run="r",
    )
]


def rows() -> list[Row]:
    return [
        row(1, "0 ok", ended=21, tries=(tried(1, "done"),)),
        row(2, "1 ok", attempt=2, ended=51, tries=(tried(1, "lost"), tried(2, "done"))),
        row(
            3,
            "2 doomed",
            state="dead",
            outcome="failed",
            result=None,
            attempt=2,
            ended=71,
            tries=(tried(1, "failed"), tried(2, "failed")),
        ),
    ]


def tried(attempt: int, outcome: str, worker: str = "sync-1") -> Try:
    return Try(attempt=attempt, worker=worker, run="r", outcome=outcome, sent=0, ended=40 * MS)


def row(task: int, payload: str, attempt: int = 1, ended: int = 0, **more: object) -> Row:
    serial = payload.partition(" ")[0]
    fields = {"state": "done", "outcome": "done", "result": f"{serial} done at {attempt}", **more}
    return Row(
        id=task,
        group=str(fields.pop("group", "sync")),
        attempt=attempt,
        payload=payload,
        ended=ended * MS,
        **fields,  # type: ignore[arg-type]
    )


def changed(index: int, **fields: object) -> list[Row]:
    made = rows()
    made[index] = msgspec.structs.replace(made[index], **fields)
    return made


def test_finds_nothing_where_all_is_well() -> None:
    assert verdict(notes(), rows(), promises(), KILLS) == []


@pytest.mark.parametrize(
    ("books", "words"),
    [
        (rows()[1:], "task 1 (serial 0): accepted, but not in the books"),
        (rows()[:2], "serial 2: accepted, but not in the books"),
        (changed(0, state="queued"), "task 1: is queued at the end"),
        (changed(0, payload="1 ok"), "task 1: accepted with serial 0"),
        (changed(0, payload="99 ok"), "serial 99: in the books, but never submitted"),
        ([*rows(), row(4, "2 doomed", state="dead")], "serial 2: submitted once, 2 times"),
        (changed(0, attempt=2), "task 1: done at attempt 2, which no worker ended well"),
        (
            changed(1, attempt=1, tries=rows()[1].tries[:1]),
            "task 2: attempt 2 began, and is not in the books",
        ),
        (changed(1, tries=()), "task 2: attempt 1 began, and is not in the books"),
        (changed(0, result="1 done at 1"), "task 1 (serial 0): has the result '1 done at 1'"),
        (changed(0, result=None), "task 1: done without a result"),
        (changed(1, ended=-60 * MS), "task 2: begun 100 ms after its end"),
        (changed(0, state="dead", outcome="failed", tries=()), "task 1 (ok): dead (failed), and"),
        (changed(0, state="dead", outcome="expired"), "task 1 (ok): expired, and had no such"),
        (changed(0, state="cancelled"), "task 1 (ok): cancelled, which nobody asked for"),
        (
            changed(2, tries=rows()[2].tries[:1], attempt=1),
            "task 3 (doomed): dead (failed) after 1 of 2",
        ),
    ],
)
def test_finds_what_is_wrong_in_the_books(books: list[Row], words: str) -> None:
    assert any(
        sentence.startswith(words) for sentence in verdict(notes(), books, promises(), KILLS)
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            [note("begin", 1, OTHER, 15)],
            "task 1: begun by (200, 8) 5.000 ms before (100, 7) let go",
        ),
        (
            [note("begin", 2, OTHER, 29)],
            "task 2: begun by (200, 8) 1.000 ms before (100, 7) let go",
        ),
        ([note("begin", 1, ONE, 22)], "task 1: attempt 1 twice in (100, 7)"),
        ([note("begin", 9, ONE, 22)], "task 9: worked on, but not in the books"),
        (
            [Note("taken", 1, 1, *OTHER, 15 * MS, ONE[0])],
            "task 1: begun by (200, 8) while 100 worked on it",
        ),
        (
            [Note("taken", 3, 1, *THIRD, 80 * MS, 400), note("begin", 3, THIRD, 340)],
            "task 3: begun by (300, 9) while 400 worked on it",
        ),
    ],
)
def test_finds_work_on_one_task_by_two_at_once(more: list[Note], words: str) -> None:
    seen = sorted([*notes(), *more], key=lambda note: note.at)
    assert words in verdict(seen, rows(), promises(), KILLS)


def test_a_lock_that_a_dying_process_still_holds_is_no_work_by_two() -> None:
    """Task 2: the process that was killed at 30 ms lets go of it after another has come."""
    seen = [*notes()[:3], Note("taken", 2, 2, *OTHER, 39 * MS, ONE[0]), *notes()[3:]]
    assert verdict(seen, rows(), promises(), KILLS) == []


def test_each_end_takes_its_routes_once() -> None:
    """Task 2 of another group is done: it makes a task; one that is dead there makes none."""
    books = [changed(1, group="aio")[1], row(5, "1 done at 2", group="next", source=2)]
    sound = [one for one in rows() if one.id != 2] + books
    assert [s for s in verdict(notes(), sound, promises(), KILLS) if "made" in s] == []
    missing = verdict(notes(), sound[:-1], promises(), KILLS)
    assert "task 2: done in aio, made 0 tasks in next" in missing
    twice = [*sound, row(6, "1 done at 2", group="next", source=2)]
    assert "task 2: done in aio, made 2 tasks in next" in verdict(notes(), twice, promises(), KILLS)
    stray = [*sound, row(6, "0 done at 1", group="next", source=1)]
    assert "task 6: made in next by task 1, which takes no such route" in verdict(
        notes(), stray, promises(), KILLS
    )
    other = [*sound[:-1], row(5, "7 done at 2", group="next", source=2)]
    assert "task 5: made by task 2, but holds '7 done at 2'" in verdict(
        notes(), other, promises(), KILLS
    )


def test_without_a_known_death_a_process_counts_as_at_work_until_its_last_note() -> None:
    seen = [*notes(), note("begin", 4, ONE, 45)]
    broken = verdict(seen, rows(), promises(), [])
    assert "task 2: begun by (200, 8) 5.000 ms before (100, 7) let go" in broken


def test_counts_what_was_in_hand_when_something_died() -> None:
    kills = [
        Kill(what="daemon", pid=1, start=0, before=at * MS, gone=at * MS) for at in (15, 16, 55)
    ]
    assert in_hand(works_of(notes()), kills, "daemon") == 1
    assert in_hand(works_of(notes()), kills, "tmux") == 0


def test_a_ledger_reads_as_it_was_written(tmp_path: Path) -> None:
    ledger = Notes(str(tmp_path))
    ledger.begin(12, 3)
    ledger.end(12, 3, well=False)
    begun, ended = notes_of((tmp_path / "ledger").read_bytes())
    assert (begun.kind, begun.task, begun.attempt, begun.pid) == ("begin", 12, 3, ledger.pid)
    assert (ended.kind, ended.process) == ("badly", begun.process)
    assert ended.at >= begun.at
    with pytest.raises(ValueError, match="no multiple"):
        notes_of(b"torn")
