"""Every cell of the table, driven through the real dispatcher: what it says is what happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import tmaxd
from tests.unit.tasks.driver import Driver, done, failed, started
from tmaxd.tasks import diagram
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import ProgressFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.table import TABLE, At, Goes, Happening, Ignored, Refused, goes

AGAIN = GroupPolicy(attempts=2, backoff_first=1000.0, backoff_max=1000.0)
LAST = GroupPolicy(attempts=1)
CELLS = [(state, happening) for state, row in TABLE.items() for happening in row]
PAGE = Path(tmaxd.__file__).parents[1] / "docs" / "tasks.md"


def hold(d: Driver, held: bool) -> None:
    d.tell(ev.Hold("g-1", held))


def cancel(d: Driver) -> None:
    d.tell(ev.Cancel(9, [1]))
    if d.queries:
        d.answer()


def bring(state: At, expires: float | None) -> Driver:
    """Task 1 of group g in this state; worker g-1 has had it if somebody has, and has room if it has it no more."""
    d = Driver(g=LAST if state == "dead" else AGAIN)
    d.ready("g-1")
    hold(d, state in ("queued", "cancelled"))
    d.submit("g", "x", expires=expires)
    if state in ("running", "cancelling"):
        d.says("g-1", started(1))
    if state in ("cancelling", "cancelled"):
        cancel(d)
    elif state in ("delayed", "dead"):
        d.says("g-1", failed(1))
    elif state == "done":
        d.says("g-1", done(1))
    return d


def assigned(d: Driver) -> None:
    d.ready("g-2")
    hold(d, False)


def returned(d: Driver) -> None:
    d.dies("g-1", excused=True)


def failed_last(d: Driver) -> None:
    d.tell(ev.Groups({"g": LAST}))
    d.says("g-1", failed(1))


def due(d: Driver) -> None:
    hold(d, True)
    d.wait(2000.0)


def expired(d: Driver) -> None:
    hold(d, True)
    d.wait(200.0)


def retry(d: Driver) -> None:
    d.tell(ev.Retry(9, [1]))
    if d.queries:
        d.answer()


HAPPENS: dict[Happening, Callable[[Driver], None]] = {
    "assigned": assigned,
    "started": lambda d: d.says("g-1", started(1)),
    "progress": lambda d: d.says("g-1", ProgressFrame(1, 1, 3)),
    "done": lambda d: d.says("g-1", done(1)),
    "returned": returned,
    "failed": lambda d: d.says("g-1", failed(1)),
    "failed_last": failed_last,
    "answered_cancelled": lambda d: d.says("g-1", failed(1, outcome="cancelled")),
    "due": due,
    "expired": expired,
    "cancel": cancel,
    "retry": retry,
}


def state_of(d: Driver) -> str:
    """As the view counts it: it must count one task, once."""
    view = d.dispatcher.view(d.now).groups["g"]
    names = ("queued", "delayed", "sent", "running", "done", "dead", "cancelled")
    counted = [name for name in names for _ in range(getattr(view, name))]
    assert len(counted) == 1, counted
    flying = d.dispatcher.in_flight()
    assert (1 in flying) == (counted[0] in ("sent", "running"))
    return "cancelling" if 1 in flying and flying[1].cancelling else counted[0]


def strays(d: Driver) -> int:
    return sum(worker.strays for worker in d.dispatcher.view(d.now).workers.values())


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(At.__args__)  # type: ignore[attr-defined]  # what a Literal is made of
    for row in TABLE.values():
        assert set(row) == set(Happening.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("state", "happening"), CELLS)
def test_what_a_cell_says_happens(state: At, happening: Happening) -> None:
    d = bring(state, 1100.0 if happening == "expired" else None)
    assert state_of(d) == state
    before = strays(d)
    HAPPENS[happening](d)
    cell = TABLE[state][happening]
    assert state_of(d) == goes(state, happening) == (cell.to if isinstance(cell, Goes) else state)
    stray = isinstance(cell, Ignored) and "stray" in cell.why
    assert strays(d) - before == stray
    if happening in ("cancel", "retry"):
        verdict = d.of(ev.Verdicts)[0].tasks
        assert verdict == [(1, verdict_of(state, happening))]
    assert goes_on(d)


def verdict_of(state: At, happening: str) -> str:
    cell = TABLE[state]["cancel" if happening == "cancel" else "retry"]
    if isinstance(cell, Refused):
        return cell.verdict
    if happening == "retry":
        return "retried"
    return "cancelled" if cell == Goes("cancelled") else "cancelling"


def goes_on(d: Driver) -> bool:
    """Whatever happened, a task that is not over can still be done, and the disk agrees to the end."""
    if state_of(d) in ("done", "dead", "cancelled"):
        return True
    d.tell(ev.Groups({"g": msgspec.structs.replace(AGAIN, attempts=9)}))
    d.ready("g-3")
    hold(d, False)
    d.wait(3000.0)
    (task,) = d.dispatcher.in_flight().values()
    d.says(task.worker, done(1, task.attempt), run=task.run)
    return state_of(d) == "done" == d.state(1)


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text()
    assert diagram.page(text) == text
    assert diagram.diagram() in text


def test_the_diagram_names_every_move() -> None:
    drawn = diagram.diagram()
    for state, row in TABLE.items():
        for happening, cell in row.items():
            if isinstance(cell, Goes) and cell.to != state:
                lines = [line for line in drawn.splitlines() if f"{state} --> {cell.to}:" in line]
                assert len(lines) == 1
                assert happening.replace("_", " ") in lines[0]
