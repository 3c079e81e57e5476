"""The real loop on fakes: faults in any order, and the promises that must hold all the same."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tmaxd.testing.simulation import Simulation

GROUPS = ("check", "other")
BAD = ("", "workers: [", "version: 1\nfleet: sim\nworkers: {check: {cuont: 4}}\n", "\0\1")


def spec(count: int, mark: str, other: bool = True) -> str:
    lines = [
        "version: 1",
        "fleet: sim",
        "workers:",
        f"  check: {{count: {count}, task: [echo], env: {{MARK: {mark}}}, cwd: /}}",
        "  shell: {run: [sh, -i], cwd: /}",
    ]
    if other:
        lines.append("  other: {count: 1, task: [cat], cwd: /}")
    return "\n".join(lines) + "\n"


class FleetMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.good = spec(2, "a")
        self.sim = Simulation(self.good)
        self.sim.start()

    def teardown(self) -> None:
        try:
            self.calm_down()
        finally:
            self.sim.close()

    def calm_down(self) -> None:
        """Faults stop: everything that was accepted comes to its one end, and nothing is left to do."""
        sim = self.sim
        sim.tmux.hang(0)
        sim.tmux.lose_status(False)
        sim.do(sim.journal.heal)
        sim.edit(spec(2, "a"))
        if sim.fleet is None:
            sim.start()
        assert sim.reload()
        sim.settle()
        for task in sim.accepted:
            story = sim.run(sim.journal.story(task))
            assert story is not None, f"task {task} was accepted and is gone"
            if story.task.state == "dead":
                lost = [a.outcome for a in story.attempts]
                assert len(lost) >= 2, f"task {task} was given up after {lost}"
            else:
                assert story.task.state == "done"
                assert sim.workers.finished[task] >= 1
        names = {session.name for session in sim.tmux.sessions.values()}
        assert names == {"check-1", "check-2", "shell-1", "other-1"} or len(names) == 4

    # ------------------------------------------------------------------------------- the rules

    @rule(group=st.sampled_from(GROUPS), count=st.integers(1, 5))
    def submit(self, group: str, count: int) -> None:
        self.sim.submit(group, count)

    @rule(group=st.sampled_from(GROUPS))
    def work_is_under_way(self, group: str) -> None:
        """The state in which most of what can go wrong does."""
        self.sim.submit(group, 3)
        self.sim.one_pass()
        self.sim.do(self.sim.workers.read)

    @rule(times=st.integers(1, 3))
    def passes(self, times: int) -> None:
        for _ in range(times):
            self.sim.one_pass()

    @rule()
    def workers_read(self) -> None:
        self.sim.do(self.sim.workers.read)

    @rule()
    def workers_finish(self) -> None:
        self.sim.do(self.sim.workers.finish)

    @rule(seconds=st.sampled_from([0.01, 0.3, 3.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.sim.advance(seconds)

    @rule(pick=st.integers(0, 9), signal=st.sampled_from([None, 9, 15]))
    def a_process_dies(self, pick: int, signal: int | None) -> None:
        self._one(lambda name: self.sim.tmux.die(name, 1 if signal is None else None, signal), pick)

    @rule(pick=st.integers(0, 9))
    def a_program_begins_anew(self, pick: int) -> None:
        self._one(self.sim.workers.begin_anew, pick)

    @rule(pick=st.integers(0, 9))
    def a_session_is_killed(self, pick: int) -> None:
        self._one(self.sim.tmux.kill_session, pick)

    @rule(pick=st.integers(0, 9))
    def a_session_is_renamed(self, pick: int) -> None:
        self._one(lambda name: self.sim.tmux.rename_session(name, f"mine-{pick}"), pick)

    @rule()
    def the_server_dies(self) -> None:
        if self.sim.tmux.server is not None:
            self.sim.do(self.sim.tmux.kill_server)

    @rule(calls=st.integers(1, 3))
    def tmux_hangs(self, calls: int) -> None:
        self.sim.tmux.hang(calls)

    @rule(losing=st.booleans())
    def tmux_loses_a_status(self, losing: bool) -> None:
        self.sim.tmux.lose_status(losing)

    @rule()
    def proc_is_unreadable(self) -> None:
        self.sim.processes.unknown()

    @rule(bad=st.booleans())
    def the_disk(self, bad: bool) -> None:
        if bad:
            self.sim.journal.fail("the disk is full")
        else:
            self.sim.do(self.sim.journal.heal)

    @rule(count=st.integers(0, 3), mark=st.sampled_from("ab"), other=st.booleans())
    def the_spec_is_edited(self, count: int, mark: str, other: bool) -> None:
        self.sim.edit(spec(count, mark, other))
        self.sim.reload()

    @rule(bad=st.sampled_from([*BAD, None]))
    def the_spec_is_broken(self, bad: str | None) -> None:
        fleet = self.sim.fleet
        before = fleet.spec_file.in_force if fleet else None
        self.sim.edit(bad)
        assert not self.sim.reload()
        assert fleet is None or fleet.spec_file.in_force == before

    @precondition(lambda self: self.sim.fleet is not None)
    @rule()
    def the_daemon_dies(self) -> None:
        self.sim.crash()

    @precondition(lambda self: self.sim.fleet is None)
    @rule()
    def a_daemon_starts(self) -> None:
        self.sim.start()

    @precondition(lambda self: self.sim.fleet is not None)
    @rule(between=st.sampled_from(["nothing", "finish", "server"]))
    def the_daemon_is_replaced(self, between: str) -> None:
        self.sim.crash()
        if between == "finish":
            self.sim.do(self.sim.workers.finish)
        elif between == "server" and self.sim.tmux.server is not None:
            self.sim.do(self.sim.tmux.kill_server)
        self.sim.start()

    def _one(self, act: Callable[[str], object], pick: int) -> None:
        names = [s.labels.worker for s in self.sim.tmux.sessions.values() if not s.dead]
        if names:
            self.sim.do(lambda: act(sorted(names)[pick % len(names)]))

    # -------------------------------------------------------------------------- what always holds

    @invariant()
    def no_task_runs_twice_at_once(self) -> None:
        assert all(n == 1 for n in self.sim.workers.at_once().values())

    @invariant()
    def what_was_accepted_is_on_disk(self) -> None:
        assert self.sim.accepted <= self.sim.journal.disk.entries.keys()


TestFleet = FleetMachine.TestCase
TestFleet.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
