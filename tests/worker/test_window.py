"""The runner asks for as many tasks as is good for them, and gives back what waits behind a long one."""

from __future__ import annotations

import pytest

from tests.worker.door import Door, runner
from tmaxd.tasks.frames import HeartbeatFrame, ReturnedFrame, StartedFrame
from tmaxd.worker.appetite import ENOUGH, LONG, MOST, NEVER, QUICK, Appetite

COMMAND = runner("bash", "-c", 'eval "$1"', "task", "{payload}")
"""The payload is a script."""

GATE = "until [[ -e gate ]]; do sleep 0.01; done"

PLENTY = 1000
"""Quick tasks after which a machine however busy has done three of them in no time."""


def asked(door: Door) -> list[int]:
    """The windows that its heartbeats asked for."""
    return [f.window for f in door.frames if isinstance(f, HeartbeatFrame) and f.window is not None]


def returned(door: Door) -> list[tuple[int, int]]:
    return [key for f in door.frames if isinstance(f, ReturnedFrame) for key in f.tasks]


def grow(door: Door, first: int = 100) -> int:
    """Quick tasks until it asks for more; the next number."""
    for number in range(first, first + PLENTY):
        door.run(number, ":")
        door.read()
        if asked(door)[-1:] == [MOST]:
            return number + 1
    raise AssertionError(f"it never asked for more: {asked(door)}")


@pytest.fixture
def busy(door: Door) -> Door:
    """It runs task 1 until `open_gate`, and was given 2 to 4 with it; they are back."""
    assert door.start(COMMAND).window == 1
    grow(door)
    door.batch({1: GATE, 2: ":", 3: ":", 4: ":"})
    door.started(1)
    door.until(lambda: len(returned(door)) == 3, "what waited")
    return door


def open_gate(door: Door) -> None:
    (door.folder / "gate").touch()
    door.outcome(1)


def cancel(door: Door, number: int) -> None:
    """And wait until it has heard of that."""
    before = door.heartbeats()
    door.cancel(number)
    door.until(lambda: door.heartbeats() > before, "it has heard of the cancel")


# --------------------------------------------------------------------------------- what it wants


def test_after_a_few_quick_ones_in_a_row_it_wants_more() -> None:
    appetite = Appetite()

    def run(seconds: float) -> int:
        appetite.begins(0.0)
        if seconds >= appetite.due:
            appetite.turns_long()
        appetite.ends(seconds)
        return appetite.window

    assert [run(QUICK / 2) for _ in range(ENOUGH)] == [1] * (ENOUGH - 1) + [MOST]
    assert run((QUICK + LONG) / 2) == MOST, "neither quick nor long"
    assert [run(LONG), *(run(0) for _ in range(ENOUGH))] == [1] * ENOUGH + [MOST]
    assert [run(LONG), run(0), run(0), run(QUICK), run(0), run(0)] == [1] * 6


def test_it_wakes_up_when_a_task_turns_long_and_then_no_more() -> None:
    appetite = Appetite()
    appetite.begins(0.0)
    assert (appetite.due, appetite.is_long) == (LONG, False)
    appetite.turns_long()
    assert (appetite.due, appetite.is_long) == (NEVER, True)
    appetite.begins(70.0)
    assert (appetite.due, appetite.is_long) == (70.0 + LONG, False)


# ------------------------------------------------------------------------------------ the runner


def test_the_wish_for_more_comes_with_the_result(door: Door) -> None:
    door.start(COMMAND)
    last = grow(door) - 1
    lines = door.raw.split(b"\n")
    (result,) = [n for n, line in enumerate(lines) if b'"done","id":%d,' % last in line]
    assert b'"window":4' in lines[result + 1]
    assert set(asked(door)) == {MOST}


def test_what_waits_behind_a_long_task_is_given_back_in_its_order(busy: Door) -> None:
    assert returned(busy) == [(2, 1), (3, 1), (4, 1)]
    assert asked(busy)[-1] == 1
    wish, back = busy.raw.rindex(b'"window":1,'), busy.raw.index(b'{"t":"returned"')
    assert wish < back, "else the daemon would send more before it hears the wish"
    open_gate(busy)
    begun = [f.id for f in busy.frames if isinstance(f, StartedFrame)]
    assert not {2, 3, 4} & set(begun)


def test_what_comes_while_it_runs_is_given_back_as_well(busy: Door) -> None:
    busy.batch({5: ":", 6: ":"})
    busy.until(lambda: (6, 1) in returned(busy), "what came late")
    busy.task(7, "x" * 6000)
    busy.until(lambda: (7, 1) in returned(busy), "what came later")
    busy.task(1, GATE)
    busy.task(8, ":")
    busy.until(lambda: (8, 1) in returned(busy), "what came last")
    assert (1, 1) not in returned(busy)
    open_gate(busy)
    assert len(busy.outcomes(1)) == 1


def test_what_was_given_back_is_given_back_again_when_it_is_repeated(busy: Door) -> None:
    """A new daemon repeats what it has not heard of; the next attempt is another task."""
    busy.task(2, ":")
    busy.until(lambda: returned(busy).count((2, 1)) == 2, "task 2 once more")
    open_gate(busy)
    busy.task(2, ":")
    busy.until(lambda: returned(busy).count((2, 1)) == 3, "task 2, idle")
    busy.task(2, ":", attempt=2)
    busy.outcome(2, 2)
    assert not busy.outcomes(2)


def test_a_cancel_that_comes_too_late_means_nothing(busy: Door) -> None:
    cancel(busy, 2)
    cancel(busy, 9)
    busy.task(9, ":")
    busy.outcome(9)
    open_gate(busy)
    busy.task(2, ":", attempt=2)
    assert busy.text(busy.outcome(2, 2)) == ""
    assert not busy.outcomes(2)
    assert (9, 1) not in returned(busy)


def test_after_a_long_task_it_takes_one_and_soon_wants_more_again(busy: Door) -> None:
    open_gate(busy)
    grow(busy, first=5000)
    assert asked(busy)[0] == MOST
    assert asked(busy)[-2:] == [1, MOST]


def test_later_heartbeats_say_the_same(busy: Door) -> None:
    count = busy.heartbeats()
    busy.write(b'{"t":"ping"}\n', "control")
    busy.until(lambda: busy.heartbeats() > count, "the answer")
    assert asked(busy)[-1] == 1
    open_gate(busy)


@pytest.mark.parametrize("window", ["4", "0", "9999"])
def test_the_window_of_the_spec_stays(door: Door, window: str) -> None:
    ready = door.start(COMMAND, {"TMAX_WINDOW": window})
    assert ready.window == min(max(int(window), 1), 1024)
    for number in range(100, 120):
        door.run(number, ":")
    door.batch({1: "sleep 0.2", 2: ":", 3: ":"})
    door.outcome(3)
    assert not returned(door)
    assert not asked(door)
