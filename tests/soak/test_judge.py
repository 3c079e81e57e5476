"""The judge finds each promise that is broken: a ledger and books in which all is well, with one thing changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.soak.field import Kill
from tests.soak.judge import Note, Row, in_hand, notes_of, verdict, works_of
from tests.soak.note import Notes
from tests.soak.promises import Promises

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
        note("badly", 3, OTHER, 70),
    ]


KILLS = [Kill(what="worker", pid=ONE[0], start=ONE[1], before=30 * MS, gone=35 * MS)]


def rows() -> list[Row]:
    return [
        row(1, "0 ok", ended=21),
        row(2, "1 ok", attempt=2, ended=51, violence=1, tried=(1,)),
        row(3, "2 doomed", state="dead", outcome="failed", result=None, ended=71),
    ]


def row(task: int, payload: str, attempt: int = 1, ended: int = 0, **more: object) -> Row:
    serial = payload.partition(" ")[0]
    fields = {"state": "done", "outcome": "done", "result": f"{serial} done at {attempt}", **more}
    return Row(
        id=task,
        group="sync",
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
        (changed(1, attempt=1), "task 2: attempt 2 began, and is not in the books"),
        (changed(1, tried=()), "task 2: attempt 1 began, and is not in the books"),
        (changed(0, result="1 done at 1"), "task 1 (serial 0): has the result '1 done at 1'"),
        (changed(0, result=None), "task 1: done without a result"),
        (changed(1, ended=-60 * MS), "task 2: begun 100 ms after its end"),
        (changed(0, state="dead", outcome="failed"), "task 1 (ok): dead (failed)"),
        (changed(2, state="done"), "task 3 (doomed): done"),
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
