"""Routes: what the end of a task in one group brings about in others. Decides only which new tasks there are; that
they get on disk together with the end that made them is the dispatcher's part.

What stands for the placeholders of a template (`tmaxd.templates`): `{result}` and `{error}` are empty where there is
none, `{task}` and `{attempt}` are numbers, `{worker}` is empty where no worker had the task, `{state}` is `done` or
`dead`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec

from tmaxd import templates
from tmaxd.tasks.door import problem_of
from tmaxd.tasks.policy import GroupPolicy, Route

TEMPLATES_KEPT: Final = 1024
"""Parsed templates that are remembered; more routes than that only cost time."""


class End(msgspec.Struct, frozen=True, gc=False):
    """How a task ended, with what routes and outboxes say of it."""

    task: int
    attempt: int
    """The last one that began, 0 of none."""
    worker: str | None
    state: Literal["done", "dead", "cancelled"]
    payload: str | None
    """None: it is not at hand (see `uses_payload`)."""
    result: str | None
    """None: there is none, or it is `unread`."""
    error: str = ""
    hops: int = 0
    unread: bool = False
    """The result stands in a file that could not be read or is longer than a payload may be."""
    result_file: str | None = None
    at: float = 0.0
    """Wall time."""


class Routed(msgspec.Struct, frozen=True, gc=False):
    """A new task, one in each group. With a `problem` it cannot be run: it ends `dead` with that for an error, so
    that it is not lost without a word; its payload is then the route's template."""

    groups: tuple[str, ...]
    payload: str
    hops: int
    problem: str | None = None


def uses_payload(policy: GroupPolicy) -> bool:
    """Whether some route of the group wants the payload of the task that ended."""
    return any("payload" in _template(route.payload).names for route in policy.routes)


def follow(group: str, policy: GroupPolicy, end: End) -> list[Routed]:
    """What the end of this task of the group makes, in the order of the routes. Of a cancelled task nothing."""
    return [
        _routed(group, route, end)
        for route in policy.routes
        if _applies(route, end.state) and (route.max_hops is None or end.hops < route.max_hops)
    ]


def _applies(route: Route, state: str) -> bool:
    return state == route.when or (route.when == "any" and state != "cancelled")


def _routed(group: str, route: Route, end: End) -> Routed:
    template = _template(route.payload)
    problem = _missing(template.names, end)
    if problem is None:
        payload = template.fill(_values(group, end))
        found = problem_of(payload)
        if found is None:
            return Routed(route.to, payload, end.hops + 1)
        problem = found[1]
    way = f"the route from {group} to {', '.join(route.to)} could not carry task {end.task}"
    return Routed(route.to, route.payload, end.hops + 1, f"{way}: {problem}; submit it by hand")


def _missing(names: frozenset[str], end: End) -> str | None:
    if "result" in names and end.unread:
        where = f" {end.result_file}" if end.result_file else ""
        return (
            f"its result stands in a file{where} that cannot be read or is too long for a payload"
        )
    if "payload" in names and end.payload is None:
        if not end.attempt:
            return "it never had a payload"
        return "its payload was too long to be kept while it ran"
    return None


def _values(group: str, end: End) -> dict[str, str]:
    return {
        "result": end.result or "",
        "error": end.error,
        "payload": end.payload or "",
        "task": str(end.task),
        "group": group,
        "worker": end.worker or "",
        "attempt": str(end.attempt),
        "state": end.state,
    }


@lru_cache(TEMPLATES_KEPT)
def _template(text: str) -> templates.Template:
    """Raises ValueError of a template that is wrong; the spec has none such."""
    parsed = templates.parse(text)
    if isinstance(parsed, templates.Template):
        return parsed
    raise ValueError(f"{text!r} is no template: {parsed[0].message}")
