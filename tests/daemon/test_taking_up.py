"""What a daemon finds of an earlier one, before its first pass."""

from __future__ import annotations

from tmaxd.daemon.start import deaths, take_up
from tmaxd.ports import Proc, Recovered, RunOver, RunRecord, ServerId
from tmaxd.tasks.events import Death
from tmaxd.tasks.records import RunEnded
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.processes import FakeProcesses


def record(run: str, started: float) -> RunRecord:
    return RunRecord(
        run=run,
        worker="g-1",
        proc=Proc(10, 20),
        boot_id="b",
        server=ServerId(30, 40),
        started=started,
        revision=1,
    )


def recovered(*runs: RunRecord, over: tuple[RunOver, ...] = ()) -> Recovered:
    return Recovered(
        next_id=1, runs=runs, leases=(), counts={}, lanes={}, next_due={}, next_expiry={},
        next_send=1, revision=None, over=over,
    )  # fmt: skip


def test_a_run_that_a_later_one_has_replaced_is_swept_and_its_end_recorded() -> None:
    """Else every daemon to come would find it again."""
    clock = FakeClock()
    runs, history = take_up(recovered(record("r1", 1.0), record("r2", 2.0)), FakeProcesses(), clock)
    assert {worker: live.run for worker, live in runs.live.items()} == {"g-1": "r2"}
    assert set(history.sweeps) == {"r1"}
    assert runs.ended["r1"].record == RunEnded("r1", None, None, "ended_while_down", clock.wall())


def test_which_deaths_cost_attempts() -> None:
    over = (RunOver("r1", "big-group-2", 5.0, "crashed"), RunOver("r2", "g-1", 6.0, "scaled_down"))
    assert deaths(recovered(over=over)) == (
        Death("big-group-2", "big-group", "r1", 5.0, False),
        Death("g-1", "g", "r2", 6.0, True),
    )
