"""What is written to an inbox is taken or waits or is counted; none disappears in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.daemon.test_fleet import facade_of
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.inboxes import AT_ONCE, UNDECIDED, Inboxes
from tmaxd.daemon.log import EventLog
from tmaxd.tasks.events import Accepted
from tmaxd.tasks.frames import LINE_LIMIT
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.pipes import FakePipes
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  check: {task: [echo], cwd: /sim, max_queue: 5}
  echo: {serve: [prog], cwd: /sim}
pipes: {inboxes: {work: {to: check}, both: {to: [check, echo]}}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def fleet_of(sim: Simulation) -> Fleet:
    assert sim.fleet is not None
    return sim.fleet


def payloads(sim: Simulation, group: str) -> list[str]:
    entries = sim.journal.disk.entries.values()
    return [entry.payload for entry in entries if entry.row.group == group]


def write(sim: Simulation, inbox: str, first: int, count: int) -> list[str]:
    lines = [f"line {n}" for n in range(first, first + count)]
    data = "".join(f"{line}\n" for line in lines).encode()
    sim.do(lambda: sim.pipes.inbox_writes(inbox, data))
    return lines


def test_what_an_inbox_holds_when_it_leaves_the_spec_is_taken(sim: Simulation) -> None:
    sim.do(lambda: sim.pipes.pause_inbox("work", True))
    lines = write(sim, "work", 1, 2)
    assert payloads(sim, "check") == []
    sim.edit(SPEC.replace("work:", "other:"))
    sim.reload()
    sim.settle()
    assert "work" not in sim.pipes.inboxes()
    assert payloads(sim, "check") == lines
    assert fleet_of(sim).inboxes.rejected == 0


def test_what_an_inbox_holds_that_goes_together_with_its_group_is_counted(sim: Simulation) -> None:
    sim.do(lambda: sim.pipes.pause_inbox("both", True))
    write(sim, "both", 1, 2)
    sim.edit(SPEC.replace("echo: {", "other: {").replace(", both: {to: [check, echo]}", ""))
    sim.reload()
    sim.settle()
    assert fleet_of(sim).inboxes.rejected == 2
    assert "inbox=both count=2 why=no group 'echo' takes tasks" in unquoted(sim.log.getvalue())
    assert payloads(sim, "check") == payloads(sim, "other") == []


def unquoted(log: str) -> str:
    return log.replace('"', "")


def test_what_an_inbox_holds_that_no_spec_of_this_daemon_had_is_counted(sim: Simulation) -> None:
    sim.do(lambda: sim.pipes.pause_inbox("work", True))
    write(sim, "work", 1, 2)
    sim.crash()
    sim.edit(SPEC.replace("work:", "other:"))
    sim.start()
    sim.settle()
    assert fleet_of(sim).inboxes.rejected == 2


def test_lines_wait_for_room_and_keep_their_order(sim: Simulation) -> None:
    lines = write(sim, "work", 1, 17)
    (paused,) = [i.paused for i in facade_of(sim).status().inboxes if i.name == "work"]
    assert paused is not None
    assert "check" in paused
    assert len(payloads(sim, "check")) <= 6
    lines += write(sim, "work", 18, 3)
    assert len(payloads(sim, "check")) <= 6, "they stay in the FIFO"
    sim.settle()
    assert payloads(sim, "check") == lines
    assert all(inbox.paused is None for inbox in facade_of(sim).status().inboxes)
    assert fleet_of(sim).inboxes.rejected == 0
    assert sim.log.getvalue().count("inbox waits") == 1, "said once"


def test_a_line_goes_to_every_group_or_to_none_yet(sim: Simulation) -> None:
    lines = write(sim, "both", 1, 12)
    assert payloads(sim, "echo") == payloads(sim, "check")
    assert len(payloads(sim, "check")) <= 6
    sim.settle()
    assert payloads(sim, "echo") == payloads(sim, "check") == lines


def test_room_that_a_new_spec_makes_is_taken_at_once(sim: Simulation) -> None:
    write(sim, "work", 1, 12)
    sim.edit(SPEC.replace("max_queue: 5", "max_queue: 50"))
    sim.reload()
    assert len(payloads(sim, "check")) == 12


def test_a_full_queue_stops_no_other_inbox(sim: Simulation) -> None:
    sim.edit(SPEC.replace("both: {to: [check, echo]}", "free: {to: echo}"))
    sim.reload()
    sim.settle()
    write(sim, "work", 1, 12)
    write(sim, "free", 1, 3)
    assert len(payloads(sim, "echo")) == 3


def test_lines_that_wait_are_taken_though_their_inbox_goes_and_counted_when_the_daemon_stops(
    sim: Simulation,
) -> None:
    inboxes = fleet_of(sim).inboxes
    lines = write(sim, "work", 1, 12)
    assert len(payloads(sim, "check")) < 12
    sim.edit(SPEC.replace("work: {to: check}, ", ""))
    sim.reload()
    sim.settle()
    assert payloads(sim, "check") == lines
    assert inboxes.rejected == 0
    write(sim, "both", 1, 9)
    sim.do(inboxes.close)
    assert inboxes.rejected == 9 - (len(payloads(sim, "check")) - 12)
    assert "the daemon stops" in sim.log.getvalue()


def test_half_a_line_does_not_wait_for_an_inbox_that_comes_back(sim: Simulation) -> None:
    inboxes = fleet_of(sim).inboxes
    without = SPEC.replace("work: {to: check}, ", "")
    for spec, data in ((SPEC, b"one\nhal"), (without, b""), (SPEC, b"two\n" + b"x" * LINE_LIMIT)):
        sim.edit(spec)
        sim.reload()
        sim.settle()
        sim.do(lambda data=data: sim.pipes.inbox_writes("work", data) if data else None)  # type: ignore[misc]
    assert inboxes.rejected == 2
    assert "removed in the middle of a line" in sim.log.getvalue()
    for spec in (without, SPEC):
        sim.edit(spec)
        sim.reload()
        sim.settle()
    sim.do(lambda: sim.pipes.inbox_writes("work", b"three\n"))
    assert payloads(sim, "check") == ["one", "two", "three"]
    assert inboxes.rejected == 2


# ------------------------------------------------------------------------------------- by itself


class Door:
    """Takes submits and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], asyncio.Future[Accepted]]] = []
        self.pipes = FakePipes()
        self.inboxes = Inboxes(
            self.pipes,
            self.submit,
            lambda told: None,
            lambda: {"box": ("g",)},
            EventLog(FakeClock(), human=True),
        )
        self.pipes.add_inbox("box")

    def submit(self, groups: tuple[str, ...], lines: object) -> asyncio.Future[Accepted]:
        assert groups == ("g",)
        assert isinstance(lines, list)
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self.asked.append((lines, future))
        return future

    async def write(self, data: bytes) -> None:
        self.pipes.inbox_writes("box", data)
        await asyncio.sleep(0)

    async def answer(self) -> None:
        lines, future = self.asked[-1]
        future.set_result(Accepted(1, 1, len(lines)))
        await asyncio.sleep(0)


def play(scenario: Callable[[Door], object]) -> None:
    async def main() -> None:
        await scenario(Door())  # type: ignore[misc]

    asyncio.run(main())


def test_submits_grow_with_what_comes_while_one_is_under_way() -> None:
    async def scenario(door: Door) -> None:
        await door.write(b"one\n")
        await door.write(b"two\nthr")
        await door.write(b'ee\n{"payload":"four\\n"}\n')
        assert [lines for lines, _ in door.asked] == [["one"]]
        await door.answer()
        assert door.asked[-1][0] == ["two", "three", "four\n"]

    play(scenario)


def test_no_more_is_read_than_is_taken() -> None:
    async def scenario(door: Door) -> None:
        await door.write(b"x\n" * (UNDECIDED + 10))
        await door.write(b"later\n")
        assert len(door.asked[0][0]) == AT_ONCE
        for _ in range(UNDECIDED // AT_ONCE + 1):
            await door.answer()
        assert [len(lines) for lines, _ in door.asked[1:4]] == [AT_ONCE] * 3
        assert door.asked[-1][0][-1] == "later", "it was read when there was room again"

    play(scenario)
