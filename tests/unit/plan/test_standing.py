"""How a fleet stands: what moves, what a pin holds back, what is stuck and why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tmaxd.plan.history import History, Roll, Slot
from tmaxd.plan.observed import Intent, Load, Observed, Run, Seen
from tmaxd.plan.plan import Plan
from tmaxd.plan.standing import CONVERGED, Standing, standing, waits_for
from tmaxd.plan.wanted import Wanted, WantedGroup

NOW = 100.0


def run(worker: str, **changes: Any) -> Run:
    made = Run(run=f"{worker}.1", alive=True, started=0.0, ready_at=1.0)
    return msgspec.structs.replace(made, **changes)


def seen(worker: str, **changes: Any) -> Seen:
    made = Seen(session_id="$1", session=worker, pane_id="%1", run=f"{worker}.1", alive=True)
    return msgspec.structs.replace(made, **changes)


def look(
    pending: dict[str, str],
    *,
    waits: dict[str, str] | None = None,
    history: History | None = None,
    down: tuple[str, ...] = (),
    heals: bool = True,
    acts: tuple[Any, ...] = (),
    **observed: Any,
) -> Standing:
    """Two groups of two; all live but those that are `down`. `runs` and `seen` in `observed` stand in for them."""
    names = [f"{g}-{n}" for g in ("a", "b") for n in (1, 2)]
    living = [name for name in names if name not in down]
    given = Observed(
        server=True,
        runs={name: run(name) for name in living} | observed.pop("runs", {}),
        seen={name: seen(name) for name in living} | observed.pop("seen", {}),
        **observed,
    )
    group = WantedGroup(count=2, takes_tasks=False, fingerprint="x", checked=True, heals=heals)
    made = Plan(
        actions=acts,
        history=history or History(),
        wake_at=None,
        pending=pending,
        waits=waits or {},
        slots={"a": frozenset({1, 2}), "b": frozenset({1, 2})},
    )
    return standing(made, Wanted(groups={"a": group, "b": group}), given, NOW)


def slots(**found: Slot) -> History:
    return History(slots={name.replace("_", "-"): slot for name, slot in found.items()})


HEALTHY = {name: run(name, healthy=True, healthy_since=1.0) for name in ("a-1", "a-2")}


def test_nothing_pending_is_converged() -> None:
    assert look({}) == CONVERGED


@pytest.mark.parametrize(
    "reason", ["starting", "backoff", "operator_stop", "spec_changed", "memory_hold", "after"]
)
def test_whatever_goes_on_moves(reason: str) -> None:
    found = look({"a-1": reason}, waits={"a-1": "b: ready"} if reason == "after" else {})
    assert (found.moves, found.stuck, found.converged) == (True, {}, False)


@pytest.mark.parametrize("reason", ["spec_changed", "operator_restart", "unhealthy", "max_age"])
def test_what_a_pin_holds_back_has_converged(reason: str) -> None:
    pinned = {"a-1": Intent(pinned=True)}
    found = look({"a-1": reason}, intents=pinned)
    assert (found.converged, found.pinned) == (True, ("a-1",))
    assert look({"a-1": reason}, intents={"a-1": Intent(pinned=True, force=True)}).moves
    assert look({"a-1": reason, "b-1": "starting"}, intents=pinned).pinned == ("a-1",)
    assert not look({"a-1": reason, "b-1": "starting"}, intents=pinned).converged


def test_a_pinned_worker_that_starts_moves() -> None:
    assert look({"a-1": "starting"}, intents={"a-1": Intent(pinned=True)}, down=("a-1",)).moves


@pytest.mark.parametrize("held", ["attached", "busy"])
def test_who_waits_for_a_person_or_a_task_moves(held: str) -> None:
    """Also where the change of the group is held up: that comes first."""
    attached = {"a-1": seen("a-1", attached=1)} if held == "attached" else {}
    loads = {"a-1": Load(3)} if held == "busy" else {}
    ill = {"a-2": run("a-2", healthy=False)}
    found = look({"a-1": "spec_changed"}, seen=attached, loads=loads, runs=ill, heals=False)
    assert (found.moves, found.stuck) == (True, {})


def test_a_quarantine_is_stuck_once_nothing_else_moves() -> None:
    found = look({"a-1": "quarantined"}, down=("a-1",))
    assert (found.moves, found.converged, list(found.stuck)) == (False, False, ["a-1"])
    assert look({"a-1": "quarantined", "b-1": "starting"}, down=("a-1", "b-1")).moves


def test_who_waits_for_what_cannot_come_is_stuck() -> None:
    pending = {"b-1": "after", "b-2": "after", "a-1": "quarantined"}
    waits = {"b-1": "a: ready", "b-2": "a: ready"}
    found = look(pending, waits=waits, down=("a-1", "b-1", "b-2"))
    assert not found.moves
    assert found.stuck["b-2"] == "it waits for a: ready"
    # Another worker of the group is on its way, which may be enough.
    assert look(pending | {"a-2": "starting"}, waits=waits, down=("a-1", "a-2")).moves


def test_who_waits_for_what_has_failed_is_stuck_and_so_is_who_waits_for_him() -> None:
    rest = slots(a_1=Slot(rest="crash_limit"))
    pending = {"b-1": "after", "c-1": "after"}
    found = look(pending, waits={"b-1": "a: ready", "c-1": "b: ready"}, history=rest)
    assert sorted(found.stuck) == ["b-1", "c-1"]
    assert not found.moves


def test_who_waits_for_what_works_moves() -> None:
    """`a` is a job that has not finished."""
    assert look({"b-1": "after"}, waits={"b-1": "a: finished"}).moves


def test_a_change_that_an_ill_worker_holds_up_is_stuck() -> None:
    ill = HEALTHY | {"a-1": run("a-1", healthy=False)}
    found = look({"a-2": "spec_changed"}, runs=ill, heals=False)
    assert found.stuck == {"a-2": "its change waits for a-1, which is unhealthy"}
    assert not found.moves
    assert look({"a-2": "spec_changed"}, runs=ill, heals=True).moves, "it is replaced itself"


def test_a_change_that_goes_on_is_not_stuck() -> None:
    ill = HEALTHY | {"a-1": run("a-1", healthy=False)}
    late = {"a-2": "spec_changed"}
    trial = ill | {"a-2": run("a-2", healthy=True, healthy_since=NOW - 0.1)}
    assert look(late, runs=trial, heals=False).moves, "one is still on trial"
    rolls = History(rolls={"a": Roll(fingerprint="x", since=0.0, paused_until=NOW + 9)})
    assert look(late, runs=ill, heals=False, history=rolls).moves, "it pauses between two batches"
    assert look({**late, "a-1": "starting"}, runs=ill, heals=False).moves


@pytest.mark.parametrize(
    ("pending", "slot", "why"),
    [
        ({"a-1": "quarantined"}, Slot(quarantined=True), "which is in quarantine"),
        ({}, Slot(rest="failed"), "which has failed"),
    ],
)
def test_a_change_that_one_who_is_down_holds_up(
    pending: dict[str, str], slot: Slot, why: str
) -> None:
    pending = {"a-2": "spec_changed", **pending}
    runs = {"a-2": HEALTHY["a-2"]}
    found = look(pending, runs=runs, history=slots(a_1=slot), down=("a-1",))
    assert not found.moves
    assert found.stuck["a-2"] == f"its change waits for a-1, {why}"


def test_what_keeps_a_worker_is_told_in_the_order_of_how_long_it_may_last() -> None:
    everything = Observed(
        server=True,
        seen={"a-1": seen("a-1", attached=1)},
        loads={"a-1": Load(1)},
        intents={"a-1": Intent(pinned=True)},
    )
    assert waits_for("a-1", "spec_changed", everything) == ("pinned", "attached", "busy")
    assert waits_for("a-1", "operator_stop", everything) == ()
    assert waits_for("a-2", "spec_changed", everything) == ()
