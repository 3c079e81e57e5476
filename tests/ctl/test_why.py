"""`tmaxctl why WORKER`: the present and the past of one worker in plain words."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from tests.ctl.fake_fleet import group, status, worker
from tests.ctl.fake_orders import event
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running
from tmaxd.ctl.hints import plainly
from tmaxd.ctl.render_why import DOES, Telling, decisions, why
from tmaxd.ctl.text import columns_of
from tmaxd.daemon.api.types import Condition, RolledBackGroup, WorkerState

NOW = START + 62


def telling(width: int | None = None) -> Telling:
    return Telling(NOW, lambda at: f"T{at - START:+.0f}", plainly, width=width)


def lines_of(
    state: Any, of: Any = None, events: Any = (), width: int | None = None, **changes: Any
) -> list[str]:
    value = msgspec.to_builtins(worker("check-1", state, **{"reason": ""} | changes))
    groups = msgspec.to_builtins(of or group("check"))
    return why(value, groups, msgspec.to_builtins(events), telling(width))


def test_a_worker_in_quarantine() -> None:
    past = (
        event(5, "started", worker="check-1", reason="crashed", fields={"pid": 9}),
        event(6, "ended", worker="check-1", reason="crashed", fields={"status": 3}, count=5),
    )
    assert lines_of(
        "quarantined",
        events=past,
        pid=None,
        reason="crashed",
        message="crashed: exit status 3; 5 in a row",
        last_exit="crashed: exit status 3",
        next_start=NOW + 600,
        restarts=4,
        crashes=5,
    ) == [
        "check-1: quarantined",
        "  now        it is down, and is tried seldom, since it crashed too often; "
        "it has been so for 1m02s, since T+0",
        "  because    it had ended by itself, with a failure (crashed)",
        "  that is    crashed: exit status 3; 5 in a row",
        "  next start in 10m00s, at T+662",
        "  last end   crashed: exit status 3",
        "             what it printed: tmaxctl logs check-1",
        "  restarts   4, 5 crashes in a row",
        "what was decided and what happened:",
        "  T+5  was started, because it had ended by itself, with a failure (pid 9)",
        "  T+6  crashed (exit status 3) ×5",
    ]


def test_a_worker_that_does_not_follow_the_file() -> None:
    back = RolledBackGroup(revision=7, to=6, message="check-2: not ready", at=START)
    lines = lines_of(
        "unhealthy",
        group("check", rolled_back=back),
        reason="unhealthy",
        message="unhealthy: GET /: refused\nConnection refused",
        healthy=False,
        orders=("pin",),
        outdated=("env", "run"),
        pending="spec_changed",
        wanted_revision=6,
        in_flight=2,
    )
    assert lines == [
        "check-1: unhealthy",
        "  now        it lives, and does not work; its process 4242 lives for 1m02s, since T+0; "
        "it holds 2 tasks",
        "  because    it did not work any more (unhealthy)",
        "  that is    unhealthy: GET /: refused",
        "             Connection refused",
        "  pending    what it runs was changed (spec_changed)",
        "  checks     ready, unhealthy",
        "  ordered    pin: changes of the file and restarts wait for it, until `tmaxctl unpin check-1`",
        "  revision   it runs that of revision 3, not of 6: env, run changed",
        "  rolled back revision 7 failed (check-2: not ready), so revision 6 holds",
        "no events of it are kept",
    ]


def test_why_a_change_waits() -> None:
    lines = lines_of(
        "busy",
        outdated=("env",),
        pending="spec_changed",
        held_by=("pinned", "attached", "busy"),
        in_flight=1,
    )
    at = lines.index("  pending    what it runs was changed (spec_changed)")
    assert lines[at + 1] == (
        "             it waits, since it is pinned and somebody is attached to its terminal and it has "
        "tasks in hand"
    )


def test_that_it_is_over_a_memory_limit() -> None:
    words = (
        "9.0 MiB used, and never less than `recycle` (8.0 MiB) since it runs: not replaced for it"
    )
    found = Condition(
        type="MemoryWithinLimits",
        status="False",
        reason="memory_limit",
        message=words,
        since=START,
    )
    assert f"  memory     {words}" in lines_of("idle", conditions=(found,))


def test_what_it_waits_for() -> None:
    lines = lines_of("waiting", pid=None, reason="after", waits="db: ready", pending="after")
    assert "  waits for  db: ready" in lines
    assert not any(line.startswith("  pending") for line in lines), "that is the same"


def test_every_state_has_words() -> None:
    assert set(DOES) == set(get_args(WorkerState))


def test_repeats_stand_where_they_began() -> None:
    past = (
        event(4, "stop", worker="check-1"),
        event(9, "started", worker="check-1", first=START + 1, count=3),
    )
    assert lines_of("running", events=past)[-2:] == [
        "  T+1  was started ×3, last at T+9",
        "  T+4  is to be stopped",
    ]


def test_no_log_no_hint() -> None:
    value = msgspec.to_builtins(worker("check-1", "backoff", pid=None, last_exit="exit status 3"))
    without = Telling(NOW, str, plainly, log=False)
    assert not any("tmaxctl logs" in line for line in why(value, None, (), without))


def test_no_line_is_wider_than_the_terminal() -> None:
    past = [event(1, "pipe_trouble", fields={"text": "x y " * 99})]
    lines = lines_of("failed", events=past, width=60, pid=None, message="m " * 99)
    assert max(map(columns_of, lines)) <= 60


def test_which_decisions_concern_it() -> None:
    own = [event(n, worker="check-1") for n in (4, 6)]
    others = [
        event(1, "ordered", fields={"targets": ["check"], "order": "stop"}),
        event(2, "ordered", fields={"targets": ["shell"], "order": "stop"}),
        event(3, "ordered", fields={"targets": ["check-1"], "order": "pin"}),
        event(5, "mass_death", fields={"workers": ["check-1", "check-2"]}),
        event(7, "mass_death", fields={"workers": ["check-2"]}),
        event(8, "spec_applied", fields={"changed": ["workers.check.env.A"]}),
        event(9, "spec_applied", fields={"changed": ["workers.check-2.run"]}),
        event(10, "approved", group="check"),
        event(11, "rolled_back", group="shell"),
        event(12, "going_down"),
        event(13, "revived", fields={"workers": ["check-1"], "left": ["check-1"]}),
        event(14, "revived", fields={"workers": ["check-1", "check-2"], "left": ["check-2"]}),
        event(15, "mass_death", fields={"workers": ["check-2"], "died": 700}),
    ]
    built = [msgspec.to_builtins(e) for e in own], [msgspec.to_builtins(e) for e in others]
    found = decisions("check-1", "check", *built)
    assert [e["seq"] for e in found] == [1, 3, 4, 5, 6, 8, 10, 12, 14, 15]
    assert [e["seq"] for e in decisions("check-1", "check", *built, most=2)] == [14, 15]


def test_the_verb(home: Home, running: Running) -> None:
    running.fleet.now = status(workers=(worker("check-1", "busy", in_flight=1),))
    gone = event(3, "removed", worker="check-9", group="check")
    running.fleet.happened = [
        event(1, worker="check-1", group="check"),
        event(2, "going_down"),
        gone,
    ]
    done = home.ctl("why", "check-1")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "check-1: busy"
    assert lines[-2:] == [
        "  11-14 22:13:21  became ready",
        "  11-14 22:13:22  the fleet is being stopped",
    ]
    value = home.ctl("why", "check-1", "-o", "json").json
    assert (value["worker"]["name"], value["group"]["name"]) == ("check-1", "check")
    assert [e["seq"] for e in value["events"]] == [1, 2]
    assert "check is a group" not in home.ctl("why", "check").err, "it has one worker"
    assert home.ctl("why", "check").out == done.out
    assert home.ctl("why", "check-9").out.startswith("there is no check-9 now\nwhat was decided")
    unknown = home.ctl("why", "chekc-1")
    assert (unknown.code, unknown.err) == (
        1,
        "tmaxctl: there is no worker `chekc-1`; did you mean check-1?\n",
    )
