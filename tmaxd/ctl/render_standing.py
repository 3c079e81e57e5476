"""What stands out about groups, a sentence each: orders, changes under way or failed, mass death. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.text import many

Value = Mapping[str, Any]
Sentences = list[tuple[str, str]]
"""(style, sentence)."""

DIED = ("mass_death", "server_died", "rebooted")


def standing(status: Value) -> Sentences:
    found: Sentences = []
    for group in status["groups"]:
        own = [w for w in status["workers"] if w["group"] == group["name"]]
        found += [*_scaled(group), *_ordered(group, own), *_failed(group), *_changing(group, own)]
    return found + _mass_death(status["workers"])


def spec_set_aside(spec: Value, back: str = "") -> str:
    """Who has gone back to an earlier revision finds here what holds, and until when. `back`: the command that ends it
    without an edit."""
    why = f": {spec['cause']}" if spec["cause"] else ""
    return (
        f"revision {spec['revision']} is in force{why}; {spec['path']} says something else, which holds "
        "once it is edited" + (f", or by `{back}`" if back else "")
    )


def _scaled(group: Value) -> Sentences:
    if group["count"] == group["in_file"]:
        return []
    change = f"{group['in_file']} → {group['count']}"
    return [
        ("", f"{group['name']} is scaled {change} by an order; the file says {group['in_file']}")
    ]


def _ordered(group: Value, own: Sequence[Value]) -> Sentences:
    """Orders to whole groups; those to single workers stand beside these."""
    found: Sentences = []
    for orders, words in (
        (("stop", "drain"), "stopped"),
        (("pause",), "paused"),
        (("pin",), "pinned"),
    ):
        asked = [w for w in own if any(order in w["orders"] for order in orders)]
        if own and len(asked) == len(own):
            left = [w for w in own if w["pid"] is not None] if words == "stopped" else []
            how = _going_down(left) if left else f"is {words} by an order"
            found.append(("", f"{group['name']} {how}"))
    return found


def _going_down(left: Sequence[Value]) -> str:
    """Of workers that are to be down and are not yet."""
    tasks = sum(w["in_flight"] for w in left)
    how = "is draining" if tasks and any("drain" in w["orders"] for w in left) else "is stopping"
    hand = f" with {many(tasks, 'task')} in hand" if tasks else ""
    return f"{how} by an order: {many(len(left), 'worker')} left{hand}"


def _failed(group: Value) -> Sentences:
    back = group["rolled_back"]
    if back is None:
        return []
    return [("red", went_back(group["name"], back))]


def went_back(group: str, change: Value) -> str:
    """A change that has failed: of which revision, why, and what holds instead."""
    return (
        f"{group} was rolled back: revision {change['revision']} failed ({change['message']}); "
        f"revision {change['to']} holds for it until the file says something else"
    )


def _changing(group: Value, own: Sequence[Value]) -> Sentences:
    left = group["outdated"]
    if not left:
        return []
    done = max(0, group["workers"] - left)
    late = [w for w in own if w["outdated"]]
    first = [w["held_by"][0] for w in late if w["held_by"]]
    held = [(word, first.count(word)) for word in ("busy", "attached", "pinned")]
    why = ", ".join(f"{number} {word}" for word, number in held if number)
    more = f" ({why})" if why else ""
    return [
        (
            "yellow",
            f"{group['name']} changes to revision {group['revision']}: {done} of {group['workers']} done, "
            f"{left} to go{more}",
        )
    ]


def _mass_death(workers: Sequence[Value]) -> Sentences:
    down = [w for w in workers if w["pid"] is None and w["reason"] in DIED]
    if len(down) < 2:
        return []
    words = f"{many(len(down), 'worker')} died at once, for a cause outside"
    return [("red", f"{words}; they are started again in waves")]
