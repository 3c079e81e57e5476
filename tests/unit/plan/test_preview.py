"""What `tmaxctl plan` shows: the actions that a user would name, until all is settled, and in few passes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tmaxd.plan import preview as room
from tmaxd.plan.history import History, Slot, Stopping, Sweep
from tmaxd.plan.observed import Intent, Load, Observed, Run, Seen
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.preview import Left, preview
from tmaxd.plan.rules import RestartRules, RolloutRules, StopRules
from tmaxd.plan.wanted import Wanted, WantedGroup

NOW = 100.0


def wanted(count: int, **changes: object) -> Wanted:
    group = WantedGroup(count=count, takes_tasks=True, fingerprint="new")
    return Wanted(groups={"check": msgspec.structs.replace(group, **changes)})


def up(count: int, drift: tuple[str, ...] = ()) -> Observed:
    names = [f"check-{n}" for n in range(1, count + 1)]
    return Observed(
        server=True,
        seen={
            w: Seen(
                session_id=f"${w}",
                session=w,
                pane_id=f"%{w}",
                run=f"{w}.1",
                alive=True,
                drift=drift,
            )
            for w in names
        },
        runs={w: Run(run=f"{w}.1", alive=True, started=0.0) for w in names},
        loads={w: Load() for w in names},
        pipes=frozenset(names),
    )


def shown(
    want: Wanted, there: Observed, history: History | None = None
) -> list[tuple[str, str, str]]:
    found = preview(want, there, history or History(), NOW).actions
    return [(str(x.__struct_config__.tag), x.worker, x.reason) for x in found]


@pytest.fixture(autouse=True)
def few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview that does not settle must fail here, not take minutes."""
    monkeypatch.setattr(room, "PASSES", 200)


def test_a_settled_fleet_shows_nothing() -> None:
    assert shown(wanted(2), up(2)) == []


def test_a_fresh_fleet_shows_its_starts_only() -> None:
    assert shown(wanted(2), Observed(server=False)) == [
        ("start", "check-1", "added"),
        ("start", "check-2", "added"),
    ]


def test_a_changed_env_shows_one_worker_after_the_other_with_the_field() -> None:
    found = preview(wanted(2), up(2, ("env",)), History(), NOW).actions
    assert [(x.__struct_config__.tag, x.worker, getattr(x, "fields", None)) for x in found] == [
        ("stop", "check-1", ("env",)),
        ("start", "check-1", ("env",)),
        ("stop", "check-2", ("env",)),
        ("start", "check-2", ("env",)),
    ]


def test_a_changed_layout_shows_the_new_fifo_the_workers_and_then_the_old_fifo() -> None:
    shared = msgspec.structs.replace(wanted(1), shared=frozenset({"check"}))
    assert shown(shared, up(1, ("layout",))) == [
        ("add_shared", "check", "added"),
        ("stop", "check-1", "spec_changed"),
        ("start", "check-1", "spec_changed"),
    ]
    was = msgspec.structs.replace(up(1, ("layout",)), shared=frozenset({"check"}))
    assert shown(wanted(1), was) == [
        ("stop", "check-1", "spec_changed"),
        ("remove_shared", "check", "spec_changed"),
        ("start", "check-1", "spec_changed"),
    ]


def test_outboxes_are_shown() -> None:
    want = msgspec.structs.replace(wanted(1), outboxes=frozenset({"new"}))
    there = msgspec.structs.replace(up(1), outboxes=frozenset({"old"}))
    assert shown(want, there) == [
        ("remove_outbox", "old", "group_removed"),
        ("add_outbox", "new", "added"),
    ]


def test_a_silent_worker_is_shown_as_replaced() -> None:
    hung = msgspec.structs.replace(up(1), loads={"check-1": Load(3, silent=True)})
    assert shown(wanted(1), hung) == [("stop", "check-1", "silent"), ("start", "check-1", "silent")]


def test_a_busy_worker_is_shown_as_if_it_had_finished() -> None:
    busy = msgspec.structs.replace(up(1), loads={"check-1": Load(3)})
    assert shown(wanted(0), busy) == [
        ("stop", "check-1", "scaled_down"),
        ("remove_session", "check-1", "scaled_down"),
        ("remove_pipes", "check-1", "scaled_down"),
    ]


def test_a_worker_that_drains_already_is_shown_too() -> None:
    busy = msgspec.structs.replace(up(1, ("env",)), loads={"check-1": Load(3, held=True)})
    history = History(slots={"check-1": Slot(hold="spec_changed", changed=("env",))})
    assert shown(wanted(1), busy, history) == [
        ("stop", "check-1", "spec_changed"),
        ("start", "check-1", "spec_changed"),
    ]


def test_a_worker_that_somebody_looks_at_is_shown_last() -> None:
    there = up(2, ("env",))
    first = msgspec.structs.replace(there.seen["check-1"], attached=1)
    there = msgspec.structs.replace(there, seen={**there.seen, "check-1": first})
    assert [w for kind, w, _ in shown(wanted(2), there) if kind == "stop"] == ["check-2", "check-1"]


def test_a_change_of_very_many_is_gone_through_in_few_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = 0
    real = plan

    def counted(*arguments: Any) -> Plan:
        nonlocal passes
        passes += 1
        return real(*arguments)

    monkeypatch.setattr(room, "plan", counted)
    monkeypatch.setattr(room, "PASSES", 2000)
    found = shown(wanted(400), up(400, ("env",)))
    assert len(found) == 2 * 400
    assert passes < 800


def test_a_surge_worker_is_shown_coming_and_going() -> None:
    surge = RolloutRules(max_unavailable=0, surge=1)
    assert shown(wanted(1, rollout=surge), up(1, ("env",))) == [
        ("start", "check-2", "added"),
        ("stop", "check-1", "spec_changed"),
        ("start", "check-1", "spec_changed"),
        ("stop", "check-2", "scaled_down"),
        ("remove_session", "check-2", "scaled_down"),
        ("remove_pipes", "check-2", "scaled_down"),
    ]


def test_canaries_and_pauses_are_waited_out() -> None:
    rules = RolloutRules(max_unavailable=2, canary=1, canary_for=600.0, pause=60.0)
    found = shown(wanted(3, rollout=rules, approved="old", checked=True), up(3, ("env",)))
    stops = [worker for kind, worker, _ in found if kind == "stop"]
    assert stops == ["check-1", "check-2", "check-3"]


def test_a_pinned_worker_is_not_shown_as_replaced() -> None:
    pinned = {"check-1": Intent(pinned=True)}
    there = msgspec.structs.replace(up(2, ("env",)), intents=pinned)
    assert [w for kind, w, _ in shown(wanted(2), there) if kind == "stop"] == ["check-2"]
    left = Left(worker="check-1", reason="spec_changed", fields=("env",), why="pinned")
    assert preview(wanted(2), there, History(), NOW).left == (left,)


def test_what_waits_for_a_job_is_shown_as_if_the_job_had_finished() -> None:
    once = RestartRules(policy="on_failure")
    job = WantedGroup(count=2, takes_tasks=False, fingerprint="j", restart=once)
    web = WantedGroup(count=1, takes_tasks=False, fingerprint="w", after=(("job", "finished"),))
    want = Wanted(groups={"web": web, "job": job})
    assert shown(want, Observed(server=False)) == [
        ("start", "job-1", "added"),
        ("start", "job-2", "added"),
        ("start", "web-1", "added"),
    ]


def test_what_can_never_finish_does_not_keep_the_preview_from_its_end() -> None:
    ever = WantedGroup(count=1, takes_tasks=False, fingerprint="j")
    web = WantedGroup(count=1, takes_tasks=False, fingerprint="w", after=(("job", "finished"),))
    found = preview(
        Wanted(groups={"web": web, "job": ever}), Observed(server=False), History(), NOW
    )
    assert {action.worker for action in found.actions} == {"job-1"}
    assert found.left == (Left(worker="web-1", reason="after", why="job: finished"),)


def test_a_backoff_is_waited_out() -> None:
    history = History(slots={"check-1": Slot(crashes=9, next_start=NOW + 60)})
    assert shown(wanted(1), Observed(server=True), history) == [("start", "check-1", "added")]


@pytest.mark.parametrize("signalled", [None, 99.0])
def test_a_stop_under_way_whose_tree_was_not_looked_at_does_not_keep_it_from_settling(
    signalled: float | None,
) -> None:
    stopping = Stopping(run="check-1.1", reason="scaled_down", since=99.0, signalled=signalled)
    history = History(slots={"check-1": Slot(stopping=stopping)})
    assert shown(wanted(0), up(1), history) == [
        ("remove_session", "check-1", "scaled_down"),
        ("remove_pipes", "check-1", "scaled_down"),
    ]


def test_nor_does_a_sweep() -> None:
    history = History(sweeps={"old": Sweep(worker="gone-1", since=99.0)})
    assert shown(wanted(1), up(1), history) == []


def test_nor_a_stop_that_has_a_day_to_end() -> None:
    stopping = Stopping(run="check-1.1", reason="scaled_down", since=99.0, signalled=99.0)
    history = History(slots={"check-1": Slot(stopping=stopping)})
    patient = wanted(0, stop=StopRules(after=86400.0))
    assert shown(patient, up(1), history) == [
        ("remove_session", "check-1", "scaled_down"),
        ("remove_pipes", "check-1", "scaled_down"),
    ]


def test_the_observed_world_is_left_as_it_was() -> None:
    there = up(2, ("env",))
    before = msgspec.json.encode(there)
    shown(wanted(1), there)
    assert msgspec.json.encode(there) == before
