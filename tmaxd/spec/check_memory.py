"""What is said of memory and age: limits that can be kept, in an order in which each of them is reached."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any, Final, Protocol

from tmaxd.spec.merge import given
from tmaxd.spec.settings import Settings
from tmaxd.spec.subject import Subject
from tmaxd.spec.tree import Path
from tmaxd.spec.values import show_size

MIN_LIMIT: Final = 1024 * 1024
"""Bytes. No process of any use is smaller; a smaller number is one whose unit was forgotten."""

MIN_SAMPLE: Final = 1.0
"""Seconds. A sample reads the whole of /proc."""

WORKERS_A_SECOND: Final = 50
"""So many workers may be measured in a second before it is said that this costs: half a millisecond each, so 2.5 % of
a core."""

MIN_AGE: Final = 1.0
"""Seconds. Younger ones would be replaced faster than they start."""

_SIZES = ("warn", "recycle", "hold", "kill", "high", "max", "keep_free")
_ORDERS = (("warn", "recycle", "kill"), ("hold", "kill"), ("high", "max"))
_NEVER = {
    "warn": "nobody would ever be warned",
    "recycle": "nothing would ever be recycled",
    "hold": "nothing would ever be held back",
    "high": "`high` would never be reached",
}


class _Place(Protocol):
    """Where limits stand: a group, or the fleet."""

    def report(self, path: Path, message: str, allowed: str | None = None) -> None: ...

    def warn(self, path: Path, message: str) -> None: ...


def check_memory(group: Subject) -> None:
    """Findings go to the group's `report` and `warn`."""
    said, own = group.said("memory"), given(group.keys.memory)
    _limits(group, ("memory",), said, own)
    _limits(group, ("memory", "total"), given(said.get("total")), given(own.get("total")))
    _age(group)


def check_fleet_memory(settings: Settings, workers: int) -> None:
    """`workers`: how many there are in all, spares too."""
    said = settings.said("memory")
    _sizes(settings, ("memory",), said)
    for key in ("worker", "fleet"):
        _limits(settings, ("memory", key), given(said.get(key)), ())
    if "sample" in said:
        _sample(settings, float(said["sample"]), workers)


def _sample(settings: Settings, sample: float, workers: int) -> None:
    path: Path = ("memory", "sample")
    if sample < MIN_SAMPLE:
        message = "less than 1s: a sample looks at every process of the machine"
        settings.report(path, message, allowed="1s or more")
    elif workers > WORKERS_A_SECOND * sample:
        enough = math.ceil(workers / WORKERS_A_SECOND)
        settings.warn(
            path, f"to measure {workers:,} workers so often costs; `{enough}s` costs 2 % of a core"
        )


def _limits(place: _Place, path: Path, said: Mapping[str, Any], own: Collection[str]) -> None:
    """`own`: what of it the group says itself, which is where a contradiction is shown."""
    _sizes(place, path, said)
    for order in _ORDERS:
        for lower, upper in pairwise(name for name in order if name in said):
            if said[upper] < said[lower]:
                at = lower if lower in own and upper not in own else upper
                message = f"`{upper}` ({_size(said, upper)}) is less than `{lower}` ({_size(said, lower)})"
                place.report((*path, at), f"{message}: {_NEVER[lower]}")
    for name in ("warn", "recycle", "kill"):
        if "max" in said and said.get(name, 0) > said["max"]:
            message = f"beyond `max` ({_size(said, 'max')}), where the kernel kills a worker that has a cgroup"
            place.warn((*path, name), message)


def _sizes(place: _Place, path: Path, said: Mapping[str, Any]) -> None:
    for name in _SIZES:
        if said.get(name, MIN_LIMIT) < MIN_LIMIT:
            message = f"{_size(said, name)} is less than 1MiB, which nothing fits into"
            place.report((*path, name), message, allowed="1MiB or more, such as 512MiB")


def _size(said: Mapping[str, Any], name: str) -> str:
    return show_size(said[name])


def _age(group: Subject) -> None:
    said = group.said("max_age")
    if said.get("after", MIN_AGE) < MIN_AGE:
        message = "less than 1s: workers would be replaced before they do anything"
        group.report(("max_age",), message, allowed="1s or more, such as 24h")
    elif said and "after" not in said and not group.unsound("max_age"):
        group.report(("max_age",), "does not say how old is too old", allowed="after: 24h")
