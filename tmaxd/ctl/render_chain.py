"""The order of a start: when each group could begin, and what it waited for; and the chain that took longest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, plain, span, wrap

Value = Mapping[str, Any]


class Step:
    """One group's part in the start. All times are wall times."""

    def __init__(self, group: Value, workers: Sequence[Value], begin: float) -> None:
        link = group["chain"]
        self.name: str = group["name"]
        self.after: tuple[tuple[str, str], ...] = tuple(_parted(text) for text in link["after"])
        self.waits: str = link["waits"]
        self.told = next((w["message"] for w in workers if w["state"] == "waiting"), "")
        """What one of its workers says of that, where time alone does not help."""
        if self.told == f"waits for {self.waits}":
            self.told = ""
        self.begin: float | None = begin
        """When it could begin; None: not yet, or it cannot be told."""
        self.last = ""
        """Of what it waited for, what came last."""
        self.started: float | None = link["started"]
        self.ready: float | None = link["ready"]
        over = [w for w in workers if w["state"] == "finished"]
        self.finished: float | None = (
            max(w["since"] for w in over) if over and len(over) == len(workers) else None
        )

    def reached(self, condition: str) -> float | None:
        if self.finished is not None:
            return self.finished
        return {"started": self.started, "finished": None}.get(condition, self.ready)


def chain(
    status: Value, clock: Callable[[float], str], paint: Paint = plain, width: int | None = None
) -> list[str]:
    """`clock`: the time of day of a wall time. What ends and is started again later shows those times."""
    steps = _steps(status)
    columns = [
        Column("GROUP"),
        Column("COULD START", keep=8),
        Column("STARTED"),
        Column("READY"),
        Column("WAITED FOR", keep=9, elastic=True),
    ]
    ordered = sorted(steps.values(), key=lambda s: (s.begin is None, s.begin or 0.0))
    lines = table(columns, [_row(step, clock) for step in ordered], paint=paint, width=width)
    for step in ordered:
        if step.told:
            lines += ["", *wrap(paint("red", clean(f"{step.name} {step.told}")), width)]
    if slowest := _slowest(steps):
        lines += ["", *wrap(clean(f"the longest way: {slowest}"), width)]
    return lines


def _parted(text: str) -> tuple[str, str]:
    """`db: ready`."""
    group, _, condition = text.partition(": ")
    return group, condition


def _steps(status: Value) -> dict[str, Step]:
    steps = {
        group["name"]: Step(
            group,
            [w for w in status["workers"] if w["group"] == group["name"]],
            min(status["started"], group["chain"]["started"] or status["started"]),
        )
        for group in status["groups"]
    }
    for step in steps.values():
        for name, condition in step.after:
            at = steps[name].reached(condition) if name in steps else None
            if at is None:
                step.begin = None
                break
            if step.begin is not None and at > step.begin:
                step.begin, step.last = at, f"{name}: {condition}"
    return steps


def _row(step: Step, clock: Callable[[float], str]) -> list[Cell]:
    return [
        step.name,
        "-" if step.begin is None else clock(step.begin),
        _moment(step.started, step.begin, clock),
        ("green", f"{clock(step.finished)} (ended)")
        if step.finished is not None
        else _moment(step.ready, step.started, clock),
        _waited(step),
    ]


def _moment(at: float | None, since: float | None, clock: Callable[[float], str]) -> Cell:
    """`08:00:03 +2.1s`: how long after what came before it."""
    if at is None:
        return "yellow", "not yet"
    more = f" +{span(at - since)}" if since is not None and at >= since else ""
    return clock(at) + more


def _waited(step: Step) -> Cell:
    if step.waits:
        return "yellow", f"waits for {step.waits}"
    others = [f"{name}: {condition}" for name, condition in step.after]
    if step.last in others:
        # What came last stands first: it is what would have to be faster.
        others.remove(step.last)
        others.insert(0, step.last)
    return ", ".join(others) or "-"


def _slowest(steps: Mapping[str, Step]) -> str:
    """`db 2.1s → web 340ms, 2.5s in all`: from the group that was ready last, back to the one that waited for none."""
    done = [s for s in steps.values() if s.begin is not None and _end(s) is not None and s.after]
    if not done:
        return ""
    step = max(done, key=lambda s: _end(s) or 0.0)
    last, parts = _end(step) or 0.0, []
    seen: set[str] = set()
    first = last
    while step.name not in seen:
        seen.add(step.name)
        begin, end = step.begin, _end(step)
        if begin is not None and end is not None:
            parts.append(f"{step.name} {span(end - begin)}")
            first = min(first, begin)
        name, _ = _parted(step.last)
        if name not in steps:
            break
        step = steps[name]
    return f"{' → '.join(reversed(parts))}, {span(last - first)} in all"


def _end(step: Step) -> float | None:
    return step.finished if step.finished is not None else step.ready
