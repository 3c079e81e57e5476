"""What groups say of their order (`after`): groups that there are, conditions that can hold, and no circle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice

import msgspec

from tmaxd.spec.circles import circles
from tmaxd.spec.merge import conditions
from tmaxd.spec.problems import MAX_PROBLEMS, show
from tmaxd.spec.subject import Subject
from tmaxd.spec.supervision import Condition
from tmaxd.spec.tree import Path

_SHOWN = 12
"""Groups of a circle that are named."""


class _Step(msgspec.Struct, frozen=True):
    """Where a group says that it comes after another one."""

    group: Subject
    path: Path


class _Order(msgspec.Struct):
    subjects: Mapping[str, Subject]
    names: Collection[str]
    guesses: int = 20
    """So many names that lead nowhere get a suggestion; each is compared with every group."""
    ways: dict[str, dict[str, _Step]] = {}


def check_order(subjects: Mapping[str, Subject], names: Collection[str]) -> None:
    """`names`: all groups, those too whose own mistakes are reported already and that are not in `subjects`."""
    order = _Order(subjects, names)
    for name, subject in subjects.items():
        seen: set[str] = set()
        for place, other, condition in conditions(subject.keys):
            step = _Step(subject, ("after",) if place is None else ("after", place))
            if other in seen:
                subject.report(step.path, f"{show(other)} stands here twice")
            elif other == name:
                subject.report(step.path, f"{show(name)} would wait for itself")
            elif other not in names:
                _unknown(order, step, other)
            else:
                order.ways.setdefault(name, {})[other] = step
                _condition(order, step, other, condition)
            seen.add(other)
    for nodes, step in islice(circles(order.ways), MAX_PROBLEMS):
        shown = [*nodes[: _SHOWN - 1], "…", nodes[-1]] if len(nodes) > _SHOWN else nodes
        message = f"these groups would wait for each other for ever: {' -> '.join(shown)}"
        step.group.report(step.path, message)


def _unknown(order: _Order, step: _Step, name: str) -> None:
    if step.group.gathered.partial:
        return
    near, allowed = None, None
    if order.guesses > 0:
        from tmaxd.spec.suggest import closest  # difflib, 6 ms that only a mistake should cost

        order.guesses -= 1
        near = closest(name, sorted(order.names)[:1000])
    step.group.report(step.path, f"there is no group {show(name)}", allowed, near)


def _condition(order: _Order, step: _Step, other: str, condition: Condition) -> None:
    subject = order.subjects.get(other)
    if subject is None:
        return  # its own mistakes are reported
    if condition == "finished" and subject.said("restart").get("policy", "always") == "always":
        message = f"{show(other)} is never finished: it is started again after every end"
        advice = f"`restart: {{policy: on_failure}}` or `never` for {other}, or another condition"
        step.group.report(step.path, message, allowed=advice)
    if condition == "healthy" and not subject.said("health"):
        message = f"{show(other)} has no `health`: this is the same as `ready`"
        step.group.warn(step.path, message)
