"""What a group says of changes and spares: that a change can go on, and that spares can be had."""

from __future__ import annotations

from typing import Any

from tmaxd.spec.subject import Subject


def share(value: int | str, count: int, *, up: bool) -> int:
    """A number of workers, or a part of `count` such as `25%`, as a number; `up`: rounded up."""
    if isinstance(value, int):
        return value
    part = count * int(value.removesuffix("%"))
    return -(-part // 100) if up else part // 100


def check_rollout(group: Subject) -> None:
    """Findings go to the group's `report` and `warn`."""
    said = group.said("rollout")
    if said:
        _numbers(group, said)


def _numbers(group: Subject, said: dict[str, Any]) -> None:
    if share(said.get("max_unavailable", 1), 100, up=True) == 0 and not share(
        said.get("surge", 0), 100, up=True
    ):
        message = "0 without `surge`: no worker could ever be changed"
        group.report(
            ("rollout", "max_unavailable"), message, allowed="1 or more here, or in `surge`"
        )
    canary = said.get("canary", 0)
    if isinstance(canary, int) and canary > group.count > 0:
        message = f"more than `count`, which is {group.count}: all are changed at once as canaries"
        group.warn(("rollout", "canary"), message)


def check_pool(group: Subject, layout: str | None) -> None:
    """`layout`: that of the fleet, for groups that do not say their own; None: nobody has said it."""
    own = group.merged.layout or layout
    if group.spares and group.kind != "run" and own == "shared":
        message = f"`{group.name}` has `layout: shared`, and spares are only for `dedicated`: a spare would take tasks"
        group.report(("pool",), message, allowed="layout: dedicated, or pool: 0")
