"""What a group says of new starts: lists that do not contradict each other, times that make sense."""

from __future__ import annotations

from itertools import combinations

from tmaxd.spec.merge import given
from tmaxd.spec.subject import Subject
from tmaxd.spec.tree import Path

_LISTS = ("permanent", "failure", "success")


def check_restart(group: Subject) -> None:
    """Findings go to the group's `report` and `warn`."""
    said = group.said("restart")
    if not said:
        return
    for upper, lower in combinations(_LISTS, 2):
        for i, end in enumerate(said.get(lower, ())):
            if end in said.get(upper, ()):
                message = f"`{end}` stands in `{upper}` too, which is looked at first"
                group.report(("restart", lower, i), message)
    backoff = group.said("restart", "backoff")
    if "first" in backoff and backoff["first"] > backoff.get("max", 60.0):
        path: Path = ("restart", "backoff", "first")
        group.warn(
            path, "longer than `max` (1m where nothing is said), so that each delay is `max`"
        )
    _limit(group)


def _limit(group: Subject) -> None:
    limit = group.said("restart", "limit")
    if limit and "crashes" not in limit and not group.unsound("restart", "limit"):
        message = "does not say how many crashes are too many"
        group.report(("restart", "limit"), message, allowed="crashes: 5")
    own = given(given(group.keys.restart).get("limit"))
    # Whoever says `stop` need not take back the `every` of the defaults.
    if limit.get("then") == "stop" and "every" in limit and ("every" in own or "then" not in own):
        message = "only with `then: retry` it is tried again; this one says `then: stop`"
        group.report(("restart", "limit", "every"), message)
