"""The status of fleets with orders, order, and changes under way; and the chain of a slow start."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from tests.ctl.fake_fleet import group, status, worker
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running
from tmaxd.ctl.render_chain import chain
from tmaxd.ctl.render_status import status as render
from tmaxd.ctl.render_workers import STATE_STYLES
from tmaxd.daemon.api.types import (
    ChainLink,
    Condition,
    RolledBackGroup,
    SpecStatus,
    WorkerState,
)

NOW = START + 100


def lines_of(**changes: Any) -> list[str]:
    return render(msgspec.to_builtins(status(**{"pid": 99} | changes)), NOW)


def sentences(**changes: Any) -> list[str]:
    lines = lines_of(**changes)
    return lines[1 : lines.index("")]


def notes(*workers: Any) -> list[str]:
    lines = lines_of(workers=workers)
    start = next(i for i, line in enumerate(lines) if line.startswith("WORKER"))
    at = lines[start].index("NOTE")
    return [line[at:] for line in lines[start + 1 :]]


def test_orders_to_groups() -> None:
    own = tuple(worker(f"check-{n}", "stopped", pid=None, orders=("stop",)) for n in (1, 2))
    assert sentences(groups=(group("check", count=2, in_file=4),), workers=own) == [
        "check is scaled 4 → 2 by an order; the file says 4",
        "check is stopped by an order",
    ]


def test_a_drain_is_no_stop_while_tasks_are_in_hand() -> None:
    drain: dict[str, Any] = {"orders": ("drain",), "pending": "operator_stop"}
    own = (
        worker("check-1", "draining", in_flight=3, **drain),
        worker("check-2", "draining", in_flight=1, **drain),
        worker("check-3", "stopped", pid=None, orders=("drain",)),
    )
    groups = (group("check", count=3),)
    assert sentences(groups=groups, workers=own) == [
        "check is draining by an order: 2 workers left with 4 tasks in hand"
    ]
    stopping = (worker("check-1", "stopping", orders=("stop",)),)
    assert sentences(groups=(group("check", count=1),), workers=stopping) == [
        "check is stopping by an order: 1 worker left"
    ]
    assert sentences(groups=(group("check", count=1),), workers=own[2:]) == [
        "check is stopped by an order"
    ]


def test_what_is_stuck_does_not_converge() -> None:
    stuck = Condition(
        type="Converged", status="False", reason="stuck", message="check-1: …", since=START
    )
    lost = worker("check-1", "quarantined", pid=None)
    head = lines_of(workers=(lost,), converged=False, conditions=(stuck,))[0]
    assert "   not converged: 1 quarantined   " in head


def test_changes_of_groups() -> None:
    back = RolledBackGroup(revision=7, to=6, message="check-2 was not ready", at=START)
    own = (
        worker("web-1", outdated=("run",), in_flight=2, held_by=("busy",)),
        worker("web-2", outdated=("run",), in_flight=1, held_by=("pinned", "attached", "busy")),
        worker("web-3"),
        worker("web-4", outdated=("run",), held_by=("attached", "busy")),
        worker("web-5", outdated=("run",)),
    )
    groups = (
        group("check", rolled_back=back),
        group("web", count=5, workers=5, revision=8, outdated=4),
    )
    assert sentences(groups=groups, workers=own) == [
        "check was rolled back: revision 7 failed (check-2 was not ready); revision 6 holds for it "
        "until the file says something else",
        "web changes to revision 8: 1 of 5 done, 4 to go (1 busy, 1 attached, 1 pinned)",
    ]


def test_a_rollback_by_hand() -> None:
    spec = SpecStatus(
        path="/t.yaml", state="rolled_back", revision=5, applied=START, cause="rollback to 3"
    )
    assert sentences(spec=spec) == [
        "revision 5 is in force: rollback to 3; /t.yaml says something else, which holds once it is "
        "edited"
    ]
    told = render(msgspec.to_builtins(status(spec=spec)), NOW, back="tmaxctl rollback 4")
    assert told[1].endswith("holds once it is edited, or by `tmaxctl rollback 4`")


def test_mass_death() -> None:
    down = tuple(worker(f"check-{n}", "backoff", pid=None, reason="mass_death") for n in (1, 2))
    assert sentences(workers=down) == [
        "2 workers died at once, for a cause outside; they are started again in waves"
    ]


def test_what_stands_beside_workers() -> None:
    assert notes(
        worker(
            "a-1",
            "waiting",
            pid=None,
            reason="after",
            waits="db: ready",
            message="waits for db: ready",
        ),
        worker("a-2", "stopping", waits="web", message="down"),
        worker("a-3", "unhealthy", message="unhealthy: GET /: refused", healthy=False),
        worker(
            "a-4", "quarantined", pid=None, message="exit status 3; 9 in a row", next_start=NOW + 60
        ),
        worker("a-5", "idle", orders=("pin",), outdated=("env",), pending="spec_changed"),
        worker(
            "a-6", "draining", pending="paused", orders=("pause",), message="paused by an operator"
        ),
        worker("a-7", "running", orders=("pause",)),
        worker("a-8", "stopped", pid=None, reason="operator_stop", orders=("stop",), last_exit="x"),
        worker("a-9", "failed", pid=None, reason="crash_limit", message="exit status 3"),
        worker("a-10", "busy", in_flight=1, running=(7,), orders=("drain",)),
        worker(
            "a-11",
            "draining",
            in_flight=2,
            orders=("drain",),
            pending="operator_stop",
            message="drained by an order: waits for the 2 tasks in hand",
        ),
        worker(
            "a-12",
            "idle",
            outdated=("env",),
            pending="spec_changed",
            held_by=("attached",),
        ),
    ) == [
        "waits for db: ready",
        "waits for web; down",
        "unhealthy: GET /: refused",
        "exit status 3; 9 in a row; again in 1m00s",
        "pinned; pending: spec_changed",
        "paused by an operator",
        "paused",
        "by an order",
        "crashed too often; exit status 3",
        "task 7; drain ordered",
        "drained by an order: waits for the 2 tasks in hand",
        "pending: spec_changed; waits, since somebody is attached",
    ]


def test_who_is_paused_or_stopped_is_as_he_should_be() -> None:
    workers = (
        worker("check-1", "draining", pending="paused", message="paused by an operator"),
        worker("check-2", "stopped", pid=None),
        worker("check-3", "waiting", pid=None, waits="db: ready"),
    )
    lines = lines_of(workers=workers, converged=False)
    assert "converging: 1 waiting   " in lines[0]
    assert "check-1  paused " in "\n".join(lines)


def test_every_state_has_a_colour_or_none_for_a_reason() -> None:
    assert set(get_args(WorkerState)) - set(STATE_STYLES) == {"stopped", "finished"}


def clock(at: float) -> str:
    return f"{at - START:g}"


def shown(*groups: Any, workers: Any = ()) -> list[str]:
    value = status(groups=groups, workers=workers)
    return chain(msgspec.to_builtins(value), clock)


def test_a_chain() -> None:
    """Where the last of a group's conditions comes first in its line, since it is what held it up."""
    db = group("db", chain=ChainLink(started=START + 0.5, ready=START + 3))
    log = group("log", chain=ChainLink(started=START + 0.5, ready=START + 1))
    after = ("log: ready", "db: ready")
    web = group("web", chain=ChainLink(after=after, started=START + 3.25, ready=START + 4))
    late = group("late", chain=ChainLink(after=("web: healthy",), waits="web: healthy"))
    assert shown(late, web, db, log) == [
        "GROUP  COULD START  STARTED      READY     WAITED FOR",
        "db     0            0.5 +500ms   3 +2.5s   -",
        "log    0            0.5 +500ms   1 +500ms  -",
        "web    3            3.25 +250ms  4 +750ms  db: ready, log: ready",
        "late   4            not yet      not yet   waits for web: healthy",
        "",
        "the longest way: db 3.0s → web 1.0s, 4.0s in all",
    ]


def test_a_group_that_waits_for_one_that_has_failed_says_what_brings_it_on() -> None:
    db = group("db", chain=ChainLink())
    web = group("web", chain=ChainLink(after=("db: ready",), waits="db: ready"))
    message = "waits for db: ready; db has failed: `tmaxctl start db` brings it on"
    waiting = worker("web-1", "waiting", pid=None, waits="db: ready", message=message)
    lines = shown(db, web, workers=(waiting,))
    assert f"web {message}" in lines
    plain = worker("web-1", "waiting", pid=None, message="waits for db: ready")
    assert len(shown(db, web, workers=(plain,))) < len(lines)


def test_a_group_that_ends() -> None:
    build = group("build", count=1)
    web = group(
        "web", chain=ChainLink(after=("build: finished",), started=START + 9, ready=START + 9)
    )
    ended = worker("build-1", "finished", pid=None, since=START + 8)
    assert shown(web, build, workers=(ended,)) == [
        "GROUP  COULD START  STARTED  READY      WAITED FOR",
        "build  0            not yet  8 (ended)  -",
        "web    8            9 +1.0s  9 +0ms     build: finished",
        "",
        "the longest way: build 8.0s → web 1.0s, 9.0s in all",
    ]
    assert shown(web, build)[1] == "build  0            not yet  not yet  -"
    assert shown(web, build)[2].startswith("web    -   "), "nobody can say when it could begin"


def test_the_option(home: Home, running: Running) -> None:
    done = home.ctl("status", "--chain")
    assert done.code == 0
    assert done.out.splitlines()[0].split()[:3] == ["GROUP", "COULD", "START"]
