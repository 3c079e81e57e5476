"""A plan for a file that is not the spec: what saving it over the spec would do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.test_fleet import facade_of
from tmaxd.daemon.api.types import PlanResult
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  w: {count: 2, run: [sleep, "1"], cwd: sub}
  check: {count: 1, task: [echo]}
"""
THERE = Path("/elsewhere/new.yaml")


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def plan(sim: Simulation, text: str | None) -> PlanResult:
    if text is not None:
        sim.files.specs[THERE] = text
    return sim.run(facade_of(sim).plan(THERE))


def brief(found: PlanResult) -> list[tuple[str, str | None, str, str | None, str]]:
    return [(a.action, a.worker, a.reason, a.field, a.detail) for a in found.actions]


def test_a_copy_elsewhere_changes_nothing(sim: Simulation) -> None:
    """Its relative folders are those of the spec."""
    assert plan(sim, SPEC).outcome == "no_change"


def test_each_action_names_what_causes_it(sim: Simulation) -> None:
    text = SPEC.replace("count: 1, task: [echo]", "count: 2, task: [echo]").replace(
        "count: 2, run", "env: {A: b}, count: 1, run"
    )
    found = plan(sim, text + "  new: {run: [cat]}\npipes: {inboxes: {box: {to: check}}}\n")
    assert found.outcome == "changes"
    shown = set(brief(found))
    assert {
        ("start", "check-2", "added", "workers.check.count", "count 1 → 2"),
        ("stop", "w-2", "scaled_down", "workers.w.count", "count 2 → 1"),
        ("stop", "w-1", "spec_changed", "workers.w.env", ""),
        ("start", "w-1", "spec_changed", "workers.w.env", ""),
        ("start", "new-1", "added", "workers.new", ""),
        ("add_inbox", None, "added", "pipes.inboxes.box", ""),
    } <= shown
    assert sim.run(facade_of(sim).plan()).outcome == "no_change", "it was only a question"


def test_a_group_that_is_left_out(sim: Simulation) -> None:
    found = plan(sim, SPEC.replace("  check: {count: 1, task: [echo]}\n", ""))
    assert ("stop", "check-1", "group_removed", "workers.check", "") in brief(found)


def test_what_a_change_does_not_cause_names_no_key(sim: Simulation) -> None:
    sim.processes.exit(sim.tmux.session("w-1").pid, status=1)
    found = plan(sim, SPEC.replace("count: 1", "count: 2"))
    fields = {a.worker: a.field for a in found.actions if a.action == "start"}
    assert fields == {"w-1": None, "check-2": "workers.check.count"}


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (SPEC.replace("count: 1", "cuont: 1"), "workers.check.cuont", "unknown key"),
        (SPEC.replace("fleet: sim", "fleet: two"), "fleet", "cannot be renamed to two"),
        (None, "", "No such file"),
    ],
)
def test_problems_are_those_of_the_file_asked_about(
    sim: Simulation, text: str | None, key: str, words: str
) -> None:
    found = plan(sim, text)
    assert (found.outcome, found.actions) == ("rejected", ())
    (problem,) = found.problems
    assert (problem.file, problem.key) == (str(THERE), key)
    assert words in problem.message
    assert str(THERE) in problem.text
    assert facade_of(sim).status().spec.state == "in_force"


def test_status_shows_where_the_inboxes_are(sim: Simulation) -> None:
    assert facade_of(sim).status().inboxes == ()
    sim.edit(SPEC + "pipes: {inboxes: {box: {to: check}}}\n")
    sim.reload()
    (box,) = facade_of(sim).status().inboxes
    assert (box.name, box.to, box.path) == ("box", ("check",), "/sim/run/pipes/box.pipe")
