"""Inbox lines: each becomes a task or is counted; none disappears in silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  check: {task: [echo], cwd: /sim}
pipes: {inboxes: {work: {to: check}}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def test_lines_of_an_inbox_that_leaves_the_spec_are_counted(sim: Simulation) -> None:
    fleet = sim.fleet
    assert fleet is not None
    sim.edit(SPEC.replace("work:", "other:"))
    sim.reload()
    sim.do(lambda: sim.pipes.inbox_writes("work", b"one\ntwo\n"))
    sim.settle()
    assert fleet.inboxes.rejected == 2
    assert "inbox line rejected inbox=work count=2" in sim.log.getvalue()
