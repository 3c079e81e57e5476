"""What came of an order that was waited for: others may have given orders since. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tmaxd.ctl.render_orders import names
from tmaxd.ctl.text import many

if TYPE_CHECKING:
    from tmaxd.ctl.ordering import Order

WORDS = {
    "start": ("is ready", "are ready"),
    "restart": ("runs anew", "run anew"),
    "stop": ("is stopped", "are stopped"),
    "drain": ("is stopped", "are stopped"),
    "pause": ("has no task in hand", "have no task in hand"),
}
"""Of one worker, and of more."""


class Outcome(NamedTuple):
    words: str
    overruled: bool = False
    """A later order has undone it, or part of it."""


def came_of(order: Order, workers: Sequence[str], status: Mapping[str, Any] | None) -> Outcome:
    """`workers`: those that it was about; `status`: None where no daemon tells of it any more."""
    if status is None:
        return Outcome("carried out")
    if order.do == "scale":
        return _scaled(order, status)
    states = {w["name"]: w["state"] for w in status["workers"] if w["name"] in workers}
    if order.do not in ("start", "restart"):
        return Outcome(_so_far(order.do, len(workers)))
    ended = [name for name, state in states.items() if state == "finished"]
    stopped = [name for name, state in states.items() if state == "stopped"]
    left = len(workers) - len(ended) - len(stopped)
    parts = [_so_far(order.do, left)] if left or not (ended or stopped) else []
    if ended:
        parts.append(f"{names(ended)} {_have(ended)} ended well since")
    if stopped:
        parts.append(f"{names(stopped)} {_have(stopped)} been stopped by a later order")
    return Outcome("; ".join(parts), overruled=bool(stopped))


def _scaled(order: Order, status: Mapping[str, Any]) -> Outcome:
    name = order.targets[0]
    group = next((group for group in status["groups"] if group["name"] == name), None)
    count = group["count"] if group is not None else 0
    words = f"{name} has {many(count, 'worker')}"
    if count == order.count:
        return Outcome(words)
    return Outcome(f"{words}, by a later order or a change of the file", overruled=True)


def _so_far(do: str, workers: int) -> str:
    one, more = WORDS[do]
    return f"{many(workers, 'worker')} {one if workers == 1 else more}"


def _have(found: Sequence[str]) -> str:
    return "has" if len(found) == 1 else "have"
