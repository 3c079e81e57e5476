"""Rendering: values in, lines out."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.ctl.fake_fleet import PROBLEM, START, group, status, worker
from tmaxd.ctl.render_changes import plan
from tmaxd.ctl.render_status import progress
from tmaxd.ctl.render_status import status as render
from tmaxd.ctl.render_tasks import story, tasks
from tmaxd.ctl.text import colour
from tmaxd.daemon.api.types import InboxStatus, JournalStatus, Leftover, SpecStatus, TmuxStatus

NOW = START + 7384


def lines_of(width: int | None = None, **changes: Any) -> list[str]:
    value = msgspec.to_builtins(status(**{"pid": 99} | changes))
    return render(value, NOW, width=width)


def test_a_settled_fleet() -> None:
    assert lines_of() == [
        "demo   revision 3   converged   tmaxd 0.1.0 pid 99 up 2h03m   tmux 3.3a",
        "",
        "GROUP  KIND  READY  QUEUED  RUNNING  DONE  DEAD  RATE  P50  P99",
        "check  task    2/2       0        0     0     0     -    -    -",
        "shell  run     1/1       -        -     -     -     -    -    -",
        "",
        "WORKER   STATE     PID     UP  RESTARTS  TASKS  NOTE",
        "check-1  idle     4242  2h03m         -      -",
        "check-2  idle     4242  2h03m         -      -",
        "shell-1  running  4242  2h03m         -      -",
    ]


def test_a_fleet_in_trouble() -> None:
    lines = lines_of(
        converged=False,
        spec=SpecStatus(path="t.yaml", state="missing", revision=0, applied=None),
        tmux=TmuxStatus(server_pid=None, version="3.3a", channel="down", socket="s"),
        problems=("the disk is full",),
        journal=JournalStatus(trouble="state.db: no space left"),
        leftovers=(Leftover(group="old", queued=2),),
        foreign=("mine", "and\nyours"),
        groups=(),
        workers=(),
    )
    assert lines == [
        "demo   no revision yet   converging: looking   tmaxd 0.1.0 pid 99 up 2h03m   tmux down",
        "t.yaml is missing; nothing runs",
        "the disk is full",
        "nothing can be written: state.db: no space left",
        "group old is gone from the spec with 2 tasks queued, which wait for its return",
        "not ours, left alone: 2 sessions (mine, and\\nyours)",
    ]


def test_a_rejected_spec_stands_under_the_header() -> None:
    spec = SpecStatus(
        path="t.yaml", state="rejected", revision=3, applied=START, problems=(PROBLEM,)
    )
    assert lines_of(spec=spec)[1:6] == [
        "t.yaml is rejected; revision 3 stays in force:",
        "  tmax.yaml:7:5: workers.check.cuont: unknown key",
        "      7 |     cuont: 4",
        "        |     ^",
        "    did you mean `count`? allowed: count, cwd",
    ]


def test_what_workers_do() -> None:
    many = (
        worker("check-1", "busy", in_flight=3, running=(17, 18), pending="spec_changed"),
        worker(
            "check-2",
            "backoff",
            pid=None,
            restarts=4,
            last_exit="exit status 3",
            message="exit status 3; 4 in a row",
            next_start=NOW + 2.5,
        ),
        worker(
            "check-3", "draining", message="spec_changed: waits for a task", pending="spec_changed"
        ),
        worker("check-4", "absent", pid=None, reason="added"),
    )
    groups = (group("check", count=4, ready=2, queued=1200, delayed=3, rate=12.34, p50_ms=80.0),)
    value = status(workers=many, groups=groups, converged=False)
    rendered = render(msgspec.to_builtins(value), NOW)
    header, settled = rendered[0], "converging: 1 absent, 1 backoff, 1 draining, 1 pending"
    assert settled in header
    assert rendered[2:4] == [
        "GROUP  KIND  READY          QUEUED  RUNNING  DONE  DEAD    RATE   P50  P99",
        "check  task    2/4  1,200 +3 later        0     0     0  12.3/s  80ms    -",
    ]
    assert rendered[5:] == [
        "WORKER   STATE      PID     UP  RESTARTS  TASKS  NOTE",
        "check-1  busy      4242  2h03m         -      3  task 17 and 1 more; pending: spec_changed",
        "check-2  backoff      -      -         4      -  exit status 3; 4 in a row; again in 2.5s",
        "check-3  draining  4242  2h03m         -      -  spec_changed: waits for a task",
        "check-4  absent       -      -         -      -  added",
    ]
    assert progress(msgspec.to_builtins(value)) == (
        "1 of 4 workers up (1 absent, 1 backoff, 1 draining, 1 pending)"
    )


def test_notes_are_cut_to_the_terminal() -> None:
    long = worker("check-1", "dead", pid=None, message="m" * 200)
    lines = lines_of(width=80, workers=(long,))
    assert len(lines[-1]) == 80
    assert lines[-1].endswith("m…")


def test_colours_stand_around_words() -> None:
    value = msgspec.to_builtins(status(workers=(worker("check-1", "dead", pid=None),)))
    last = render(value, NOW, colour)[-1]
    assert last.startswith("check-1  \x1b[31mdead\x1b[0m ")


def test_inboxes_stand_between_groups_and_workers() -> None:
    box = InboxStatus(name="tasks", to="check", path="/run/x/pipes/tasks.pipe")
    assert lines_of(inboxes=(box,))[5:9] == [
        "",
        "INBOX  TO     PATH",
        "tasks  check  /run/x/pipes/tasks.pipe",
        "",
    ]


def test_an_empty_plan() -> None:
    assert plan([]) == ["nothing to do: the fleet is as the spec wants it"]


def row(**changes: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("worker", "run", "due", "sent", "started", "ended", "error"))
    return {
        "id": 7,
        "group": "check",
        "state": "queued",
        "attempt": 0,
        "submitted": START,
        "payload": "p",
        **blank,
        **changes,
    }


def test_task_rows() -> None:
    assert tasks([], NOW) == ["no tasks"]
    rows = [
        row(id=12, state="running", attempt=1, worker="check-1", started=NOW - 4),
        row(state="dead", attempt=3, started=START, ended=START + 90, error="exit status 1"),
    ]
    assert tasks(rows, NOW) == [
        "ID  GROUP  STATE    TRY  WORKER     AGE   TOOK  PAYLOAD",
        "12  check  running    1  check-1  2h03m   4.0s  p",
        " 7  check  dead       3  -        2h03m  1m30s  p  (exit status 1)",
    ]


def told(task: dict[str, Any], **changes: Any) -> list[str]:
    value: dict[str, Any] = {
        "task": task,
        "payload": "p",
        "result": None,
        "result_file": None,
        "attempts": [],
    }
    return story(value | changes, NOW, lambda at: f"day {at - START:.0f}")


def test_stories() -> None:
    waits = [
        "task 7 of check: queued",
        "  payload    p",
        "  submitted  day 0 (2h03m ago)",
        "  now        waits for a worker",
    ]
    assert told(row()) == waits
    delayed = row(state="delayed", due=NOW + 30)
    assert told(delayed)[-1] == "  now        waits for its next attempt, in 30s"
    sent = row(state="sent", attempt=1, worker="check-1")
    assert told(sent)[-1] == "  attempt 1  with check-1, not begun"
    runs = row(state="running", attempt=1, worker="check-1", started=NOW - 2)
    assert told(runs)[-1] == "  attempt 1  on check-1 for 2.0s"
    done = row(state="done", attempt=1, worker="c-1", started=START + 1, ended=START + 3)
    assert told(done, result="ok")[-2:] == [
        "  attempt 1  on c-1 done in 2.0s, begun 1.0s after it was submitted",
        "  result     ok",
    ]
    assert told(done, result="")[-1] == "  result     (empty)"
    more = told(done, result="one\ntwo")[-1]
    assert more == "  result     one … (7 characters; see `tmaxctl result 7`)"
    assert told(done, result_file="/f")[-1] == "  result     in a file; see `tmaxctl result 7`"


def test_a_long_payload_is_shortened_in_a_story() -> None:
    lines = told(row(), payload="\n".join(f"line {n}" for n in range(14)))
    assert lines[1:3] == ["  payload    line 0", "             line 1"]
    assert lines[11] == "             … and 4 lines more"
