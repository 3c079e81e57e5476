"""The judge of attempts: a story in which all is right, with one thing changed; and what payloads ask for."""

from __future__ import annotations

import pytest

from tests.soak.attempts import NO_ROOM, tried
from tests.soak.kill import Kill
from tests.soak.row import Row, Try
from tests.soak.worker import KINDS, fate

MS = 1_000_000
LIMITS = {"sync": 2, "pull": 2, "shaky": 4, "cmd": 2}
KILLS = [
    Kill(
        what="worker",
        pid=1,
        start=1,
        before=5000 * MS,
        gone=5010 * MS,
        worker="sync-9",
        run="run-sync-1",
    ),
    Kill(what="job", pid=2, start=1, before=5000 * MS, gone=5010 * MS),
    Kill(what="daemon", pid=3, start=1, before=5000 * MS, gone=5010 * MS),
]


def one(attempt: int, outcome: str, at: int = 5000, worker: str = "sync-1", error: str = "") -> Try:
    """Sent 20 ms before `at`, ended 20 ms after it."""
    return Try(
        attempt=attempt,
        worker=worker,
        run=f"run-{worker}",
        outcome=outcome,
        error=error,
        sent=(at - 20) * MS,
        ended=(at + 20) * MS,
    )


def row(kind: str, *tries: Try, state: str = "dead", group: str = "sync") -> Row:
    return Row(
        id=7,
        group=group,
        state=state,
        attempt=tries[-1].attempt,
        payload=f"3 {kind}",
        ended=tries[-1].ended,
        outcome=tries[-1].outcome,
        tries=tries,
    )


def found(*rows: Row, kills: list[Kill] = KILLS) -> list[str]:
    return list(tried(rows, {}, kills, LIMITS))


@pytest.mark.parametrize(
    "right",
    [
        row("doomed", one(1, "failed"), one(2, "failed")),
        row("once", one(1, "failed"), one(2, "done"), state="done"),
        row("later", one(1, "temporary"), one(2, "done"), state="done"),
        row("ok", one(1, "temporary", error=NO_ROOM), one(2, "done"), state="done"),
        row("stuck", one(1, "timeout"), one(2, "done"), state="done"),
        row("ok", one(1, "lost"), one(2, "lost"), one(3, "lost")),
        row("ok", one(1, "unsent"), one(1, "interrupted"), one(1, "done"), state="done"),
        row("ok", one(1, "returned"), one(2, "done"), state="done"),
        row("ok", one(1, "failed", error="killed by SIGKILL: "), one(2, "done"), state="done"),
        row("ok", one(1, "cancelled"), state="cancelled"),
        row("doomed", *(one(n, "failed") for n in (1, 2, 3, 4)), group="shaky"),
    ],
)
def test_finds_nothing_where_all_is_right(right: Row) -> None:
    assert found(right) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (row("doomed", one(1, "failed")), "dead (failed) after 1 of 2 attempts"),
        (row("ok", one(1, "lost"), one(2, "lost")), "dead (lost) after 2 of 3 attempts"),
        (row("doomed", one(1, "failed"), group="shaky"), "dead (failed) after 1 of 4 attempts"),
        (row("ok", one(1, "interrupted")), "dead after an attempt that ended interrupted"),
        (
            row("doomed", one(1, "failed"), one(2, "failed"), one(3, "failed")),
            "tried again after failed, the last of 2 attempts",
        ),
        (row("ok", one(1, "lost"), one(3, "done"), state="done"), "attempt 3 where 2 was due"),
        (
            row("ok", one(1, "unsent"), one(2, "done"), state="done"),
            "attempt 2 where 1 was due",
        ),
        (row("doomed", one(1, "done"), state="done"), "attempt 1 is done, and was to be failed"),
        (
            row("ok", one(1, "failed", error="no file"), one(2, "done"), state="done"),
            "attempt 1 failed, and was to be well: no file",
        ),
        (
            row("ok", one(1, "temporary"), one(2, "done"), state="done"),
            "attempt 1 was put off: ",
        ),
        (
            row("ok", one(1, "lost", 9000), one(2, "done"), state="done"),
            "attempt 1 is lost, and nobody killed sync-1",
        ),
        (
            row("ok", one(1, "lost", worker="sync-2"), one(2, "done"), state="done"),
            "attempt 1 is lost, and nobody killed sync-2",
        ),
        (
            row("ok", one(1, "failed", 9000, error="killed by SIGKILL: "), one(2, "done")),
            "attempt 1 was killed, and not by the suite",
        ),
    ],
)
def test_finds_what_is_wrong(wrong: Row, words: str) -> None:
    assert [sentence for sentence in found(wrong) if sentence.endswith(words)]


def test_a_poison_task_takes_what_was_with_its_worker() -> None:
    poison = row("poison", one(1, "lost", 9000), one(2, "lost", 9000), one(3, "lost", 9000))
    beside = row("ok", one(1, "lost", 9000), one(2, "done", 9000), state="done")
    assert found(poison, beside) == []
    elsewhere = row("ok", one(1, "lost", 9000, "sync-2"), one(2, "done", 9000), state="done")
    assert found(poison, elsewhere)


@pytest.mark.parametrize(
    ("group", "what", "dead", "sentences"),
    [
        ("pull", "worker", "pull-1", 0),
        ("pull", "worker", "sync-1", 1),
        ("pull", "daemon", "", 1),
        ("sync", "worker", "pull-1", 1),
    ],
)
def test_what_stood_in_a_shared_fifo_is_lost_with_a_worker_of_the_group_alone(
    group: str, what: str, dead: str, sentences: int
) -> None:
    kills = [
        Kill(
            what=what,
            pid=9,
            start=1,
            before=5000 * MS,
            gone=5001 * MS,
            worker=dead,
            run=f"run-{dead}",
        )
    ]
    lost = row("ok", one(1, "lost", worker="pull-2"), one(2, "done"), state="done", group=group)
    assert len(found(lost, kills=kills)) == sentences


def test_the_tmux_server_takes_all() -> None:
    kills = [Kill(what="tmux", pid=9, start=1, before=9000 * MS, gone=9001 * MS)]
    assert found(row("ok", one(1, "lost", 9000), one(2, "done"), state="done"), kills=kills) == []


def test_what_a_payload_asks_for() -> None:
    assert {kind: [fate(kind, 3, n) for n in (1, 2)] for kind in KINDS if kind != "moody"} == {
        **{kind: ["well", "well"] for kind in ("ok", "nap", "long", "big")},
        "once": ["failed", "well"],
        "later": ["temporary", "well"],
        "stuck": ["timeout", "well"],
        "doomed": ["failed", "failed"],
        "poison": ["lost", "lost"],
    }
    moods = [[fate("moody", serial, attempt) for attempt in (1, 2, 3, 4)] for serial in range(50)]
    assert {mood for four in moods for mood in four} == {"well", "failed", "temporary"}
    assert any("well" not in four for four in moods), "some use up four attempts"
