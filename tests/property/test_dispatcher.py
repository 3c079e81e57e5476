"""The dispatcher under every fault we know, against a journal that crashes: nothing lost, nothing twice.

The programs and the strict disk of `task_world` assert most of it while things move: no task is held by two
living runs, what is accepted is durable, each task ends once, a record fits the state of its task.
"""

from __future__ import annotations

import os
from collections import Counter

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.property.task_ledger import ROUTES
from tests.property.task_world import World
from tmaxd.tasks import events as ev
from tmaxd.tasks import queue
from tmaxd.tasks.frames import Form
from tmaxd.tasks.policy import GroupPolicy

WORKERS = st.sampled_from(["a-1", "a-2", "a-3", "b-1"])
GROUPS = st.sampled_from(["a", "a", "b"])
SOME = st.integers(0, 5)
SIZES = {"long": "p" * 120, "by file": "\x01" * 4000, "not held": "q" * 5000}
PAYLOADS = st.lists(
    st.sampled_from(["x", "tab\there", "line\nbreak", "\\ and ü", *SIZES]), min_size=1, max_size=9
)
POLICIES = st.builds(
    GroupPolicy,
    window=st.none() | st.integers(1, 4),
    timeout=st.none() | st.just(30.0),
    attempts=st.integers(1, 4),
    backoff_first=st.sampled_from([0.0, 1.0]),
    backoff_max=st.just(4.0),
    balance=st.sampled_from(["least_loaded", "sticky"]),
    max_queue=st.sampled_from([None, None, 12]),
)
OUTCOMES = st.sampled_from(["done", "done", "failed", "temporary", "timeout"])
IDS = st.lists(st.integers(1, 40), min_size=1, max_size=4)
AFFINITIES = st.sampled_from([None, "one", "two"])


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._front_items = queue.FRONT_ITEMS
        queue.FRONT_ITEMS = 2  # so that its bound is met with few tasks
        self.world = World()

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            queue.FRONT_ITEMS = self._front_items

    def finish(self) -> None:
        world = self.world
        self.policies(GroupPolicy(), GroupPolicy())
        for worker in ("a-1", "b-1"):
            world.events.append(ev.Hold(worker, False))
            world.start(worker, "json", 2, True)
        world.drain()
        self.counts_agree()

    @initialize(a=POLICIES, b=POLICIES)
    def policies(self, a: GroupPolicy, b: GroupPolicy) -> None:
        routed = msgspec.structs.replace(a, routes=ROUTES)
        self.world.policies = {"a": routed, "b": b}
        self.world.events.append(ev.Groups(self.world.policies))

    @rule()
    def group_goes(self) -> None:
        self.world.policies = {"b": self.world.policies["b"]}
        self.world.events.append(ev.Groups(self.world.policies))

    @rule(group=GROUPS, payloads=PAYLOADS)
    def submit(self, group: str, payloads: list[str]) -> None:
        self.world.submit([group], [SIZES.get(payload, payload) for payload in payloads])

    @rule(groups=st.sampled_from(["a", "ab", "bb"]), priority=st.integers(-1, 1),
          due=st.sampled_from([None, 0.0, 2.0]), expires=st.sampled_from([None, 3.0, 9.0]),
          affinity=AFFINITIES, max_queue=st.sampled_from([None, 6]))  # fmt: skip
    def submit_more(
        self,
        groups: str,
        priority: int,
        due: float | None,
        expires: float | None,
        affinity: str | None,
        max_queue: int | None,
    ) -> None:
        now = self.world.now
        self.world.submit(
            groups,
            ["x", "y"],
            max_queue,
            priority=priority,
            due=None if due is None else now + due,
            expires=None if expires is None else now + expires,
            affinity=affinity,
        )

    @rule(group=GROUPS, key=st.integers(1, 3), payload=st.sampled_from(["k", "k", "other"]))
    def submit_keyed(self, group: str, key: int, payload: str) -> None:
        self.world.submit([group], [payload], key=f"{group}{key}")

    @rule(ids=IDS)
    def cancel(self, ids: list[int]) -> None:
        self.world.cancel(ids)

    @rule(ids=IDS)
    def retry(self, ids: list[int]) -> None:
        self.world.retry(ids)

    @rule(worker=WORKERS, form=st.sampled_from(["json", "tsv"]), window=st.integers(1, 4),
          says=st.booleans(), batch=st.booleans())  # fmt: skip
    def start(self, worker: str, form: Form, window: int, says: bool, batch: bool) -> None:
        self.world.start(worker, form, window, says, batch)

    @rule(worker=WORKERS, index=SOME)
    def beat(self, worker: str, index: int) -> None:
        if worker in self.world.programs:
            self.world.programs[worker].beat()
            self.world.programs[worker].tell(index)

    @rule(worker=WORKERS, index=st.integers(0, 2), count=st.integers(1, 4), window=st.none() | st.integers(1, 6),
          size=st.sampled_from([0, 0, 9, 10_000]))  # fmt: skip
    def give_back(self, worker: str, index: int, count: int, window: int | None, size: int) -> None:
        program = self.world.programs.get(worker)
        if program is not None:
            if window is not None:
                program.ask(window)
            program.give_back(index, count)
            self.world.results(worker, size)

    @rule()
    def all_obey(self) -> None:
        for program in self.world.programs.values():
            program.obey()

    @rule()
    def plan(self) -> None:
        self.world.plan()

    @rule(commit=st.sampled_from([None, None, 0, 1]), looks=st.integers(0, 2),
          delivers=st.integers(0, 2), index=SOME, failed=st.integers(0, 7))  # fmt: skip
    def turn(self, commit: int | None, looks: int, delivers: int, index: int, failed: int) -> None:
        """Reads are done, and their answers delivered, at another time than they are asked for."""
        self.world.step()
        self.world.commit(commit)
        for _ in range(looks):
            self.world.look()
        for _ in range(delivers):
            self.world.deliver(index, failed == 0)

    @rule(begun=st.integers(0, 2), ended=st.integers(0, 2), index=SOME, outcome=OUTCOMES,
          count=st.integers(1, 3))  # fmt: skip
    def all_work(self, begun: int, ended: int, index: int, outcome: str, count: int) -> None:
        for program in self.world.programs.values():
            program.read(100)
            for _ in range(begun):
                program.begin(index, count)
            for _ in range(ended):
                program.finish(index, outcome, count)
            self.world.results(program.worker, len(program.out))

    @rule(seconds=st.sampled_from([0.5, 1.5, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(worker=WORKERS, lines=st.integers(1, 4), begun=st.integers(0, 3), index=SOME)
    def work(self, worker: str, lines: int, begun: int, index: int) -> None:
        if worker in self.world.programs:
            self.world.programs[worker].read(lines)
            for _ in range(begun):
                self.world.programs[worker].begin(index)

    @rule(worker=WORKERS, index=SOME, outcome=OUTCOMES, size=st.sampled_from([0, 7, 10_000]))
    def result(self, worker: str, index: int, outcome: str, size: int) -> None:
        if worker in self.world.programs:
            self.world.programs[worker].finish(index, outcome)
            self.world.results(worker, size)

    @rule(worker=WORKERS)
    def nonsense(self, worker: str) -> None:
        if worker in self.world.programs:
            self.world.programs[worker].out += (
                b'\n{"t":"done","id":1,"attempt":9}\nstarted\t2\t7\nhm\n{"t":"begun","tasks":[[1,9]]}\n'
                b'{"t":"results","tasks":[[1,9,"x"],[99,1,"y"]]}\n{"t":"results","tasks":[[1]]}\n'
                b'{"t":"progress","id":1,"attempt":9,"done":1}\n'
            )

    @rule(worker=WORKERS, torn=st.sampled_from([0, 0, 5, 10_000]), excused=st.booleans())
    def die(self, worker: str, torn: int, excused: bool) -> None:
        self.world.bury(self.world.kill(worker, torn), excused)

    @rule(worker=WORKERS)
    def begin_anew(self, worker: str) -> None:
        self.world.begin_anew(worker)

    @rule(worker=WORKERS, held=st.booleans())
    def hold(self, worker: str, held: bool) -> None:
        self.world.events.append(ev.Hold(worker, held))

    @rule(dying=st.lists(WORKERS, max_size=2, unique=True))
    def crash(self, dying: list[str]) -> None:
        self.world.crash(dying)

    @invariant()
    def memory_is_bounded(self) -> None:
        for group in self.world.dispatcher._memory.groups.values():
            lanes = group.queue.lanes.order
            assert sum(len(lane.main) for lane in lanes) <= 4
            tasks = [task for lane in lanes for task in (*lane.front, *lane.main)]
            assert group.queue.chars == sum(len(task.payload or "") for task in tasks)

    @precondition(lambda self: not self.world.events and not self.world.steps)
    @invariant()
    def counts_agree(self) -> None:
        """When nothing is on its way, the counts in memory are those of the disk."""
        disk = self.world.journal.disk
        for name, group in self.world.dispatcher.view(self.world.now).groups.items():
            found = Counter(
                entry.shown().state for entry in disk.entries.values() if entry.row.group == name
            )
            assert group.sent + group.running == found["sent"]
            assert (group.done, group.dead) == (found["done"], found["dead"])
            assert group.cancelled == found["cancelled"]
            assert group.queued + group.delayed == found["queued"] + found["delayed"]
            state = self.world.dispatcher._memory.groups[name]
            here = sum(len(lane.front) for lane in state.queue.lanes.order) + len(state.aside)
            assert 0 <= group.queued - found["queued"] <= here


Machine.TestCase.settings = settings(
    max_examples=int(os.environ.get("TMAX_EXAMPLES", "150")),
    stateful_step_count=60,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestDispatcher = Machine.TestCase
