"""The story of a task: values in, plain words out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ctl.fake_story import START
from tests.ctl.rows import row
from tmaxd.ctl.hints import plainly
from tmaxd.ctl.render_story import Telling, story

NOW = START + 7384


def told(
    task: dict[str, Any], made: Any = (), width: int | None = None, **changes: Any
) -> list[str]:
    value: dict[str, Any] = {
        "task": task,
        "payload": "p",
        "result": None,
        "result_file": None,
        "attempts": [],
        "progress": None,
        "cancelling": False,
    }
    telling = Telling(
        NOW,
        lambda at: f"day{int(at - START) // 5000} {at - START:.0f}",
        lambda at: f"+{at - START:.0f}",
        plainly,
        width=width,
    )
    return story(value | changes, made, telling)


def attempt(number: int, outcome: str, sent: float, **changes: Any) -> dict[str, Any]:
    return {
        "attempt": number,
        "worker": f"c-{number}",
        "run": f"r{number}",
        "outcome": outcome,
        "error": "",
        "sent": START + sent,
        "started": START + sent + 1,
        "ended": START + sent + 3,
    } | changes


RUNS: dict[str, Any] = {
    "state": "running",
    "attempt": 1,
    "worker": "c-1",
    "run": "r1",
    "sent": START + 1,
    "started": START + 1.25,
}
ENDED = RUNS | {"ended": START + 4}


def test_a_task_that_waits() -> None:
    assert told(row()) == [
        "task 7 of check: queued",
        "  payload    p",
        "  submitted  day0 0 (2h03m ago)",
        "  now        waits for a worker",
    ]
    delayed = told(row(state="delayed", due=NOW + 30))
    assert delayed[-1] == "  now        waits for its time, in 30s (at +7414)"
    due = told(row(state="delayed", due=NOW - 1))
    assert due[-1] == "  now        waits for a worker"


def test_a_task_that_is_set_aside_for_a_worker() -> None:
    says = "  now        waits for worker c-2, which has the tasks of its affinity and no room now"
    assert told(row(waits_for="c-2"))[-1] == says
    assert told(row(state="delayed", due=NOW - 1, waits_for="c-2"))[-1] == says


@pytest.mark.parametrize("width", [50, 80])
def test_lines_are_broken_between_words(width: int) -> None:
    words = " ".join(f"word{n}" for n in range(40))
    lines = told(
        row(**ENDED | {"state": "dead", "outcome": "failed", "error": words}),
        payload=f"  {words}",
        width=width,
    )
    assert max(map(len, lines)) <= width
    assert sum(line.split().count("word17") for line in lines) == 2, "none is cut in two"
    assert [line for line in lines if line.startswith("  payload      word0 word1 ")], "indented"
    later = lines[2 : 1 + next(i for i, line in enumerate(lines[2:]) if "submitted" in line)]
    assert all(line.startswith(" " * 13 + "word") for line in later)


def test_a_long_line_is_cut() -> None:
    line = told(row(), payload="x" * 100_000)[1]
    assert len(line) == 13 + 400
    assert line.endswith("x…")


def test_what_was_asked_for() -> None:
    asked = row(key="k\n", affinity="a", priority=-3, expires=START + 60, source=3, hops=2)
    assert told(asked)[3:-1] == [
        "  made by    the end of task 3, 2 hops from the first",
        "  key        k\\n",
        "  affinity   a",
        "  priority   -3",
        "  expires    if it has not begun at +60",
    ]
    later = told(row(expires=START + 6000))
    assert "  expires    if it has not begun at day1 6000" in later


def test_a_task_that_is_with_a_worker() -> None:
    sent = told(row(**RUNS | {"state": "sent", "started": None}))
    assert sent[-3:] == [
        "  waited     1.0s",
        "  attempt 1  on c-1 (run r1), sent +1",
        "  now        with c-1, not begun",
    ]
    progress = {"done": 3, "total": 10, "note": "half", "at": NOW - 2}
    runs = told(row(**RUNS), progress=progress, cancelling=True)
    assert runs[-4:] == [
        "  attempt 1  on c-1 (run r1), sent +1, begun 250ms later",
        "  now        runs for 2h03m",
        "  progress   3 of 10 (30%): half (2.0s ago)",
        "  cancel     asked for; its worker has not answered yet",
    ]
    open_ended = {"done": 1234.5, "total": None, "note": "", "at": NOW}
    assert told(row(**RUNS), progress=open_ended)[-1] == "  progress   1,234.5 (0ms ago)"


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"result": "ok"}, "ok"),
        ({"result": ""}, "(empty)"),
        ({"result": "one\ntwo"}, "one … (7 characters; see `tmaxctl result 7`)"),
        ({"result_file": "/f"}, "in a file; see `tmaxctl result 7`"),
    ],
)
def test_a_task_that_is_done(changes: dict[str, Any], last: str) -> None:
    lines = told(row(**ENDED | {"state": "done", "outcome": "done"}), **changes)
    assert lines[-3:] == [
        "  attempt 1  on c-1 (run r1), sent +1, begun 250ms later, done after 2.8s",
        "  ended      +4, 4.0s after it was submitted",
        f"  result     {last}",
    ]


def test_every_attempt_with_the_waits_between() -> None:
    past = [
        attempt(1, "lost", 2, error="lost"),
        attempt(2, "unsent", 5, started=None, ended=START + 6),
        attempt(2, "failed", 6, error="first\nsecond"),
        attempt(3, "returned", 9, started=None, ended=START + 9),
    ]
    dead = row(state="dead", attempt=4, outcome="timeout", worker="c-3", run="r3", error="slow\nso")
    dead |= {"sent": START + 39, "started": START + 39, "ended": START + 69}
    assert told(dead, attempts=past)[3:] == [
        "  waited     2.0s",
        "  attempt 1  on c-1 (run r1), sent +2, begun 1.0s later, was lost with its worker after 2.0s",
        "  attempt 2  on c-2 (run r2), sent +5, never began (not counted)",
        "  attempt 2  on c-2 (run r2), sent +6, begun 1.0s later, failed after 2.0s: first …",
        "  attempt 3  on c-3 (run r3), sent +9, was given back before it began (not counted)",
        "  waited     30s",
        "  attempt 4  on c-3 (run r3), sent +39, begun 0ms later, ran out of time after 30s",
        "  ended      +69, 1m09s after it was submitted",
        "  error      slow",
        "             so",
    ]


def test_tasks_that_no_worker_has_seen() -> None:
    cancelled = row(state="cancelled", outcome="cancelled", ended=START + 5, error="cancelled")
    assert told(cancelled)[3:] == [
        "  ended      +5, 5.0s after it was submitted: it was cancelled",
    ]
    expired = row(state="dead", outcome="expired", ended=START + 60, error="not begun in 1m")
    assert told(expired)[3:] == [
        "  ended      +60, 1m00s after it was submitted: it had not begun when its time was over",
        "  error      not begun in 1m",
    ]


def test_a_delayed_task_tells_its_failures_and_when_it_is_tried_again() -> None:
    waits = row(state="delayed", attempt=1, due=NOW + 8, outcome="failed", worker="c-1")
    waits |= {"error": "boom"}
    assert told(waits, attempts=[attempt(1, "failed", 0, error="boom")])[3:] == [
        "  attempt 1  on c-1 (run r1), sent +0, begun 1.0s later, failed after 2.0s: boom",
        "  now        waits for its next attempt, in 8.0s (at +7392)",
    ]


def test_what_routes_made_of_it() -> None:
    done = row(**ENDED | {"state": "done", "outcome": "done"})
    few = [row(id=9, group="mail"), row(id=8, group="echo", state="done")]
    assert told(done, few)[-1] == "  made       task 8 of echo (done), task 9 of mail (queued)"
    many = [row(id=id) for id in range(30, 10, -1)]
    last = told(done, many)[-1]
    assert last.startswith("  made       task 11 of check (queued), task 12")
    assert last.endswith("task 20 of check (queued), and more: tmaxctl tasks --source 7")


def test_a_long_payload_is_shortened() -> None:
    lines = told(row(), payload="\n".join(f"line {n}" for n in range(14)))
    assert lines[1:3] == ["  payload    line 0", "             line 1"]
    assert lines[11] == "             … and 4 lines more"
