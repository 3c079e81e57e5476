"""The real loop on fakes: faults in any order, and the promises that must hold all the same."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.sim.fates import check_fates
from tmaxd.tasks.records import Options
from tmaxd.testing.simulation import Simulation

GROUPS = ("check", "other", "echo", "pull", "draw")
ROUTES = {"echo": "check"}
GIVEN_BACK = 9
"""Tasks that three workers, and those before them, may not have begun when they ended."""
BAD = ("", "workers: [", "version: 1\nfleet: sim\nworkers: {check: {cuont: 4}}\n", "\0\1")


def spec(count: int, mark: str, other: bool = True, layout: str = "shared") -> str:
    """`layout` is that of the groups `pull` and `draw`."""
    lines = [
        "version: 1",
        "fleet: sim",
        "workers:",
        f"  check: {{count: {count}, task: [echo], env: {{MARK: {mark}}}, cwd: /, max_queue: 20}}",
        "  shell: {run: [sh, -i], cwd: /}",
        f"  echo: {{count: 2, serve: [prog], cwd: /, env: {{MARK: {mark}}}}}",
    ]
    lines += [
        f"  pull: {{count: {max(count, 1)}, serve: [prog], cwd: /, layout: {layout}, env: {{MARK: {mark}}}}}",
        f"  draw: {{count: 2, task: [cat], cwd: /, layout: {layout}, retry: {{attempts: 2}}}}",
    ]
    if other:
        lines.append("  other: {count: 1, task: [cat], cwd: /, balance: sticky}")
    sources = "check, echo, pull, draw" + (", other" if other else "")
    outbox = f"{{from: [{sources}]}}"
    lines += [
        "pipes:",
        "  inboxes: {box: {to: check}, both: {to: [check, echo]}}",
        f"  outboxes: {{results: {outbox}}}",
        "  routes: [{from: echo, to: check}]",
    ]
    return "\n".join(lines) + "\n"


class FleetMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.good = spec(2, "a")
        self.sim = Simulation(self.good)
        self.told = b""
        """What came out of the outbox."""
        self.sim.start()
        self.sim.one_pass()

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
        sim.workers.deaf.clear()
        sim.edit(spec(2, "a"))
        if sim.fleet is None:
            sim.start()
        assert sim.reload()
        sim.settle(1500)  # a few hundred lines may wait for two workers
        self.somebody_reads_the_outbox()
        check_fates(sim, self.told.splitlines(), ROUTES)
        names = {session.name for session in sim.tmux.sessions.values()}
        pairs = {f"{group}-{n}" for group in ("check", "echo", "pull", "draw") for n in (1, 2)}
        wanted = pairs | {"shell-1", "other-1"}
        assert names == wanted or len(names) == len(wanted)

    # ------------------------------------------------------------------------------- the rules

    @rule(group=st.sampled_from(GROUPS), count=st.integers(1, 5))
    def submit(self, group: str, count: int) -> None:
        self.sim.submit(group, count)

    @rule(
        group=st.sampled_from(GROUPS),
        count=st.integers(1, 3),
        priority=st.integers(-2, 2),
        after=st.sampled_from([None, 0.5, 20.0]),
        expires=st.sampled_from([None, None, 0.2, 40.0]),
        affinity=st.sampled_from([None, "a", "b"]),
        limit=st.sampled_from([None, 3]),
    )
    def submit_with_options(
        self,
        group: str,
        count: int,
        priority: int,
        after: float | None,
        expires: float | None,
        affinity: str | None,
        limit: int | None,
    ) -> None:
        now = self.sim.clock.wall()
        options = Options(
            priority=priority,
            due=None if after is None else now + after,
            expires=None if expires is None else now + expires + (after or 0.0),
            affinity=affinity,
        )
        self.sim.submit(group, count, options, limit)

    @rule(group=st.sampled_from(GROUPS), key=st.sampled_from("kl"), times=st.integers(1, 2))
    def submit_with_a_key(self, group: str, key: str, times: int) -> None:
        for _ in range(times):
            self.sim.submit(group, 1, Options(key=key))

    @rule(inbox=st.sampled_from(["box", "both"]), count=st.integers(1, 30))
    def somebody_writes_to_an_inbox(self, inbox: str, count: int) -> None:
        if inbox in self.sim.pipes.inboxes():
            data = b"".join(b"line %d\n" % n for n in range(count))
            self.sim.do(lambda: self.sim.pipes.inbox_writes(inbox, data))

    @rule()
    def somebody_reads_the_outbox(self) -> None:
        if "results" in self.sim.pipes.outboxes():
            while data := self.sim.pipes.outbox_reads("results"):
                self.told += data

    @rule(pick=st.integers(0, 99), count=st.integers(1, 3))
    def some_are_cancelled(self, pick: int, count: int) -> None:
        self.sim.cancel(self._some(pick, count))

    @rule(pick=st.integers(0, 99), count=st.integers(1, 3))
    def some_are_retried(self, pick: int, count: int) -> None:
        self.sim.retry(self._some(pick, count))

    def _some(self, pick: int, count: int) -> list[int]:
        """Tasks from anywhere in the table, and one that there is not."""
        ids = [*sorted(self.sim.journal.disk.entries), 10**6]
        return sorted({ids[(pick + n) % len(ids)] for n in range(count)})

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

    @rule()
    def workers_say_that_they_are_alive(self) -> None:
        self.sim.do(self.sim.workers.beat)

    @rule(pick=st.integers(0, 9), deaf=st.booleans())
    def a_worker_hangs(self, pick: int, deaf: bool) -> None:
        deaf_ones = self.sim.workers.deaf
        self._one(deaf_ones.add if deaf else deaf_ones.discard, pick)

    @rule(pick=st.integers(0, 9), group=st.sampled_from(GROUPS))
    def a_worker_hangs_with_tasks_in_hand(self, pick: int, group: str) -> None:
        self.workers_say_that_they_are_alive()
        self.work_is_under_way(group)
        self.a_worker_hangs(pick, True)
        for _ in range(3):
            self.sim.advance(25.0)
            self.sim.one_pass()

    @rule(seconds=st.sampled_from([0.01, 0.3, 3.0, 30.0, 70.0]))
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

    @rule(pick=st.integers(0, 9), dies=st.booleans())
    def one_takes_a_record_and_dies(self, pick: int, dies: bool) -> None:
        """Or its program begins anew, before it comes to say what it took."""
        workers = self.sim.workers

        def act(name: str) -> None:
            workers.take_in_silence(name)
            if dies:
                self.sim.tmux.die(name, None, 9)
            else:
                workers.begin_anew(name)

        self._one(act, pick)

    @rule(
        count=st.integers(0, 3),
        mark=st.sampled_from("ab"),
        other=st.booleans(),
        layout=st.sampled_from(["shared", "shared", "dedicated"]),
    )
    def the_spec_is_edited(self, count: int, mark: str, other: bool, layout: str) -> None:
        self.sim.edit(spec(count, mark, other, layout))
        self.sim.reload()

    @rule(bad=st.sampled_from([*BAD, None]))
    def the_spec_is_broken(self, bad: str | None) -> None:
        fleet = self.sim.fleet
        before = fleet.desired.spec_file.in_force if fleet else None
        self.sim.edit(bad)
        assert not self.sim.reload()
        assert fleet is None or fleet.desired.spec_file.in_force == before

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

    @invariant()
    def no_more_wait_than_may(self) -> None:
        """Of those that were submitted: what routes make, and what comes back, is taken all the same."""
        rows = [entry.shown() for entry in self.sim.journal.disk.entries.values()]
        waiting = [
            row
            for row in rows
            if row.group == "check" and row.state in ("queued", "delayed") and row.source is None
        ]
        fresh = [row for row in waiting if row.attempt == 0]
        assert len(fresh) <= 20 + len(self.sim.verdicts) + GIVEN_BACK


TestFleet = FleetMachine.TestCase
TestFleet.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
