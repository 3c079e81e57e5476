"""The condition `MemoryWithinLimits`, of workers, groups and the fleet, with its moments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api.types import Condition
from tmaxd.testing.footprints import MB

SPEC = """\
version: 1
fleet: sim
memory: {sample: 5s, fleet: {hold: 400MiB}}
workers:
  a: {count: 2, run: [a], memory: {warn: 100MiB, for: 1}}
  b: {count: 1, run: [b], memory: {total: {warn: 100MiB, for: 1}}}
  c: {count: 1, run: [c]}
"""


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(SPEC)
    sample(made)
    yield made
    made.sim.close()


def sample(scene: Scene) -> None:
    for _ in range(6):
        scene.sim.advance(1.0)
        scene.sim.one_pass()
    scene.facade.note_conditions()


def uses(scene: Scene, worker: str, size: int) -> None:
    assert scene.sim.fleet is not None
    scene.sim.footprints.uses[scene.sim.fleet.runs.live[worker].run] = size * MB
    sample(scene)


def own(found: tuple[Condition, ...]) -> Condition:
    [condition] = [c for c in found if c.type == "MemoryWithinLimits"]
    return condition


def test_who_has_no_limit_is_unknown_and_who_keeps_it_is_well(scene: Scene) -> None:
    assert own(scene.worker("c-1").conditions).status == "Unknown"
    assert own(scene.group("c").conditions).status == "Unknown"
    assert own(scene.worker("a-1").conditions).status == "True"
    assert own(scene.group("a").conditions).status == "True"
    assert own(scene.group("b").conditions).status == "True"
    assert own(scene.status().conditions).status == "True"


def test_one_worker_above_its_limit_is_told_with_its_group(scene: Scene) -> None:
    before = own(scene.worker("a-2").conditions)
    uses(scene, "a-2", 200)
    found, group = own(scene.worker("a-2").conditions), own(scene.group("a").conditions)
    words = "190.7 MiB used, more than `warn` (100.0 MiB)"
    assert (found.status, found.reason, found.message) == ("False", "memory_warn", words)
    assert found.since is not None
    assert before.since is not None
    assert found.since > before.since
    assert (group.status, group.message) == ("False", f"1 of 2; {words}")
    assert own(scene.worker("a-1").conditions).status == "True"
    uses(scene, "a-2", 50)
    assert own(scene.group("a").conditions).status == "True"


def test_a_total_and_the_fleet(scene: Scene) -> None:
    uses(scene, "b-1", 500)
    assert own(scene.worker("b-1").conditions).status == "Unknown"
    group, fleet = own(scene.group("b").conditions), own(scene.status().conditions)
    assert (group.status, group.reason) == ("False", "memory_warn")
    assert group.message.startswith("all together: 476.8 MiB used")
    assert (fleet.status, fleet.reason) == ("False", "memory_hold")
    assert "more than `hold` (400.0 MiB)" in fleet.message
