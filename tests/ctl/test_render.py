"""Rendering: values in, lines out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.ctl.fake_fleet import PROBLEM, group, status, worker
from tests.ctl.fake_story import START
from tests.ctl.rows import row
from tmaxd.ctl.hints import plainly
from tmaxd.ctl.render_changes import plan
from tmaxd.ctl.render_status import blockers, cannot_start, progress
from tmaxd.ctl.render_status import status as render
from tmaxd.ctl.render_tasks import change, tasks
from tmaxd.ctl.text import colour, columns_of
from tmaxd.daemon.api.types import (
    Condition,
    ContainmentStatus,
    FleetUsage,
    InboxStatus,
    JournalStatus,
    Leftover,
    OutboxStatus,
    PlanResult,
    PoolStatus,
    RouteStatus,
    SpecStatus,
    TmuxStatus,
    Usage,
    UsageTotal,
)

NOW = START + 7384


def lines_of(width: int | None = None, **changes: Any) -> list[str]:
    value = msgspec.to_builtins(status(**{"pid": 99} | changes))
    return render(value, NOW, width=width)


def test_a_settled_fleet() -> None:
    assert lines_of() == [
        "demo   revision 3   converged   tmaxd 0.1.0 pid 99 up 2h03m   tmux 3.3a",
        "",
        "GROUP  KIND  READY  QUEUED  RUNNING  DONE  DEAD  RATE  WAIT P50/P99  RUN P50/P99",
        "check  task    2/2       0        0     0     0     -             -            -",
        "shell  run     1/1       -        -     -     -     -             -            -",
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
        "  tmax.yaml:7:5: error: workers.check.cuont: unknown key",
        "      7 |     cuont: 4",
        "        |     ^",
        "    did you mean `count`? allowed: count, cwd",
    ]


def test_spares_are_shown_where_there_are_pools() -> None:
    pool = PoolStatus(size=2, ready=1, starting=1)
    lines = lines_of(groups=(group("check", "task", pool=pool), group("shell", "run")))
    head = next(number for number, line in enumerate(lines) if line.startswith("GROUP"))
    assert [line.split()[3] for line in lines[head : head + 3]] == ["SPARES", "1/2", "-"]


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
    figures: dict[str, Any] = {
        "queued": 1200,
        "delayed": 3,
        "cancelled": 1,
        "max_queue": 2000,
        "rate": 12.34,
        "p50_ms": 80.0,
        "p99_ms": 1234.0,
        "wait_p50_ms": 0.4,
        "wait_p99_ms": 61000.0,
    }
    groups = (group("check", count=4, ready=2, **figures),)
    value = status(workers=many, groups=groups, converged=False)
    rendered = render(msgspec.to_builtins(value), NOW)
    header, settled = rendered[0], "converging: 1 absent, 1 backoff, 1 draining, 1 pending"
    assert settled in header
    assert rendered[2:4] == [
        "GROUP  KIND  READY       QUEUED  LATER  RUNNING  DONE  DEAD  CANCELLED    RATE  "
        "WAIT P50/P99  RUN P50/P99",
        "check  task    2/4  1,200/2,000      3        0     0     0          1  12.3/s  "
        "   0ms/1m01s    80ms/1.2s",
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


def test_who_is_paused_is_up() -> None:
    own = (worker("check-1"), worker("check-2", "draining", pending="paused", orders=("pause",)))
    value = status(workers=own, groups=(group("check"),))
    assert progress(msgspec.to_builtins(value)) == "2 of 2 workers up (1 paused)"


def test_when_nothing_but_starts_that_fail_is_left() -> None:
    bad = tuple(
        worker(f"check-{n}", "backoff", pid=None, reason="start_failed", message="no\nsuch file")
        for n in range(1, 8)
    )
    good, waits = worker("shell-1"), worker("db-1", "waiting", pid=None, reason="after")
    value = msgspec.to_builtins(status(workers=(*bad, good, waits)))
    assert cannot_start(value)
    lines = blockers(value, plainly)
    assert lines[0] == "  check-1: backoff: no; such file"
    assert lines[5] == "  and check-6 (backoff), check-7 (backoff), db-1 (waiting)"
    begins = worker("db-1", "starting")
    assert not cannot_start(msgspec.to_builtins(status(workers=(*bad, begins))))
    assert not cannot_start(msgspec.to_builtins(status(workers=(good,))))


def test_notes_are_cut_to_the_terminal() -> None:
    long = worker("check-1", "failed", pid=None, message="m" * 200)
    lines = lines_of(width=80, workers=(long,))
    assert len(lines[-1]) == 80
    assert lines[-1].endswith("m…")


def test_colours_stand_around_words() -> None:
    value = msgspec.to_builtins(status(workers=(worker("check-1", "failed", pid=None),)))
    last = render(value, NOW, colour)[-1]
    assert last.startswith("check-1  \x1b[31mfailed\x1b[0m ")


INBOX = InboxStatus(name="tasks", to=("check", "echo"), path="/run/x/pipes/tasks.pipe")
OUTBOX = OutboxStatus(name="ends", from_=("check",), path="/run/x/pipes/ends.pipe", lost=0)


def test_public_fifos_stand_between_groups_and_workers() -> None:
    assert lines_of(inboxes=(INBOX,), outboxes=(OUTBOX,))[5:12] == [
        "",
        "INBOX  TO           PATH",
        "tasks  check, echo  /run/x/pipes/tasks.pipe",
        "",
        "OUTBOX  FROM   LOST  PATH",
        "ends    check     0  /run/x/pipes/ends.pipe",
        "",
    ]


def test_fifos_through_which_nothing_goes_are_told_of() -> None:
    paused = msgspec.structs.replace(INBOX, paused="1,000 tasks wait in check, its limit")
    assert lines_of(inboxes=(paused,))[1] == (
        "inbox tasks is paused, its lines wait in the FIFO: 1,000 tasks wait in check, its limit"
    )
    lossy = msgspec.structs.replace(OUTBOX, lost=1200)
    lines = render(msgspec.to_builtins(status(outboxes=(lossy,))), NOW, colour)
    assert "\x1b[33m1,200\x1b[0m" in "\n".join(lines)


USAGE: dict[str, Any] = {
    "basis": "pss",
    "rss": 90 << 20,
    "mb_per_hour": 1.5,
    "cpu": 0.1,
    "cpu_seconds": 7.0,
    "processes": 3,
    "files": 20,
    "at": NOW,
}


def measured(size: int) -> Usage:
    return Usage(bytes=size, **USAGE)


def fleet_usage(size: int, trouble: str = "") -> FleetUsage:
    none = UsageTotal()
    return FleetUsage(
        bytes=size,
        workers=none,
        spares=none,
        daemon=None,
        tmux=None,
        free=None,
        at=NOW,
        trouble=trouble,
    )


def test_memory_is_shown_once_it_is_measured() -> None:
    two = (worker("check-1", usage=measured(83_000_000)), worker("check-2", "backoff", pid=None))
    lines = lines_of(workers=two, usage=fleet_usage(3 << 30))
    assert lines[0].endswith("   memory 3.00 GiB")
    assert lines[-3:] == [
        "WORKER   STATE     PID     UP  RESTARTS  TASKS    MEMORY  NOTE",
        "check-1  idle     4242  2h03m         -      -  79.2 MiB",
        "check-2  backoff     -      -         -      -         -  added",
    ]
    assert "MEMORY" not in "\n".join(lines_of(60, workers=two, usage=fleet_usage(1)))


def test_limits_that_nobody_keeps_and_samples_that_fail_are_told() -> None:
    held = ContainmentStatus(why="cgroup v2 per worker, without limits", unkept=("check", "shell"))
    text = "\n".join(lines_of(containment=held, usage=fleet_usage(1, "/proc was not read")))
    assert (
        "nobody keeps memory.high and memory.max of check, shell: cgroup v2 per worker, without"
        in text
    )
    assert "memory is not measured: /proc was not read" in text
    assert "cgroup" not in "\n".join(lines_of(containment=ContainmentStatus(why="cgroup v2")))


def test_who_does_not_keep_to_a_memory_limit_is_marked() -> None:
    def over(message: str) -> tuple[Condition, ...]:
        return (
            Condition(
                type="MemoryWithinLimits",
                status="False",
                reason="memory_warn",
                message=message,
                since=START,
            ),
        )

    heavy = worker("check-1", conditions=over("81.0 MiB used, more than `warn` (64.0 MiB)"))
    mine = group("check", conditions=over("1 of 2; 81.0 MiB used, more than `warn` (64.0 MiB)"))
    all_of_it = group("shell", "run", 1, conditions=over("all together: 2.0 MiB used"))
    lines = lines_of(
        workers=(heavy, worker("check-2")),
        groups=(mine, all_of_it),
        conditions=over("3.0 MiB used, more than `kill` (1.0 MiB)"),
    )
    assert lines[-2].endswith("memory: 81.0 MiB used, more than `warn` (64.0 MiB)")
    assert "memory of the fleet: 3.0 MiB used, more than `kill` (1.0 MiB)" in lines
    assert "memory of shell: all together: 2.0 MiB used" in lines
    assert not any(line.startswith("memory of check") for line in lines)


def test_a_silent_worker_is_told_from_a_busy_one() -> None:
    silent = worker("check-1", "busy", silent=True, heard=NOW - 62, in_flight=1, running=(7,))
    assert lines_of(workers=(silent,))[-1] == (
        "check-1  silent  4242  2h03m         -      1  task 7; not heard for 1m02s"
    )


def test_what_nobody_could_use_is_counted() -> None:
    noisy = worker("check-1", bad=77168, strays=3)
    assert lines_of(workers=(noisy,))[-1].endswith("  77,168 bad lines; 3 stray frames")
    assert "stray" not in lines_of(workers=(worker("check-1", bad=1),))[-1]


def busy_fleet() -> dict[str, Any]:
    """With something to show in every place."""
    long = "the state cannot be written to /var/lib/tmaxd/demo/state.db: no space left on device"
    return {
        "groups": (
            group("check", count=12, ready=11, queued=12345, delayed=12, done=123456, dead=3),
            group("a-group-with-a-long-name", "serve", 64, rate=123456.7, p50_ms=1.2, p99_ms=80.0),
            group("shell", "run", 1),
        ),
        "workers": (
            worker("check-1", "busy", in_flight=3, running=(17, 18), pending="spec_changed"),
            worker(
                "a-group-with-a-long-name-64", "backoff", pid=None, message="exit status 3 " * 9
            ),
        ),
        "inboxes": (
            msgspec.structs.replace(INBOX, path="/run/user/1000/tmaxd/x/pipes/tasks.pipe"),
        ),
        "outboxes": (msgspec.structs.replace(OUTBOX, lost=12345),),
        "problems": (long,),
        "journal": JournalStatus(trouble=long),
        "foreign": ("mine", "yours"),
        "converged": False,
    }


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    lines = lines_of(width, **busy_fleet())
    assert max(map(columns_of, lines)) <= width
    text = "\n".join(lines)
    for word in ("demo", "converging", "GROUP", "QUEUED", "12,345", "WORKER", "backoff"):
        assert word in text, "what matters most is there at any width"


def test_a_narrow_terminal_gets_what_matters() -> None:
    assert lines_of(40) == [
        "demo   revision 3   converged",
        "",
        "GROUP  READY  QUEUED  RUNNING  DEAD",
        "check    2/2       0        0     0",
        "shell    1/1       -        -     -",
        "",
        "WORKER   STATE       UP  TASKS  NOTE",
        "check-1  idle     2h03m      -",
        "check-2  idle     2h03m      -",
        "shell-1  running  2h03m      -",
    ]


def test_routes() -> None:
    routes = (
        RouteStatus(from_=("a", "b"), to=("c",), when="done", payload="{result}", max_hops=None),
        RouteStatus(from_=("c",), to=("a",), when="any", payload="again\n", max_hops=3),
    )
    lines = lines_of(routes=routes)
    start = lines.index("ROUTE     WHEN  MAX HOPS  PAYLOAD")
    assert lines[start + 1 : start + 3] == [
        "a, b → c  done         -  {result}",
        "c → a     any          3  again\\n",
    ]


def test_an_empty_plan() -> None:
    nothing = msgspec.to_builtins(PlanResult(outcome="no_change"))
    assert plan(nothing) == ["nothing to do: the fleet is as the spec wants it"]


def test_what_runs_again_is_not_told_by_its_last_end() -> None:
    again = row(state="running", attempt=2, error="exit status 1", outcome="failed")
    assert tasks([again], NOW)[1].split()[-1] == "p"
    waits = row(state="queued", attempt=1, error="exit status 1", outcome="failed")
    assert tasks([waits], NOW)[1].endswith("p  (exit status 1)")
    assert tasks([row(waits_for="c-2")], NOW)[1].endswith("p  (waits for c-2)")


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


def test_columns_of_what_some_tasks_have() -> None:
    rows = [row(id=2, priority=5), row(key="nightly", state="delayed", due=NOW + 30)]
    assert tasks(rows, NOW) == [
        "ID  GROUP  STATE    TRY  PRIORITY  KEY      WORKER    AGE  TOOK  PAYLOAD",
        " 2  check  queued     -         5  -        -       2h03m     -  p",
        " 7  check  delayed    -         0  nightly  -       2h03m     -  p  (in 30s)",
    ]


def test_a_list_of_tasks_on_a_narrow_terminal() -> None:
    shown = tasks(
        [row(state="running", attempt=1, started=NOW - 1, payload="p" * 99)], NOW, width=40
    )
    assert shown == [
        "ID  GROUP  STATE    PAYLOAD",
        " 7  check  running  pppppppppppppppppppp…"[:39] + "…",
    ]


def test_a_change_is_one_line() -> None:
    ended = row(state="dead", attempt=2, worker="check-1", error="exit\nstatus 1")
    assert change(ended, "08:00:00") == (
        "08:00:00         7  check         dead        2  check-1         p  (exit\\nstatus 1)"
    )
