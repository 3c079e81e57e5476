"""Settings over defaults, three-valued: a key that is not there leaves what lies below, `null` takes it
back, anything else lies over it (mappings key by key, lists whole)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import msgspec
from msgspec import UNSET

from tmaxd.spec.file_memory import AgeKeys, GroupMemoryKeys, MemoryKeys
from tmaxd.spec.file_model import GroupKeys, PartFile, WorkerKeys
from tmaxd.spec.file_probes import HealthKeys, ReadyKeys
from tmaxd.spec.file_rollout import PoolKeys, PoolsKeys
from tmaxd.spec.model import Kind, Layout
from tmaxd.spec.supervision import HEALTH_QUESTIONS, READY_QUESTIONS, Condition
from tmaxd.spec.values import Positive, parse_duration

_QUESTIONS: dict[type, tuple[str, ...]] = {
    ReadyKeys: READY_QUESTIONS,
    HealthKeys: HEALTH_QUESTIONS,
}
_OF_TASKS = (("ready", "frame"), ("health", "heartbeat"))
"""Questions that only workers that take tasks can answer."""


def defaults_of(layers: Iterable[PartFile]) -> WorkerKeys:
    """The defaults of all files, lowest first, as one."""
    given = (file.defaults for file in layers)
    return reduce(overlay, (keys for keys in given if keys), WorkerKeys())


def overlay(lower: WorkerKeys, upper: WorkerKeys) -> WorkerKeys:
    """The keys that a group and `defaults` share; what a group alone has is not in the result."""
    names = WorkerKeys.__struct_fields__
    merged = {n: getattr(lower, n) for n in names}
    for name in names:
        value = getattr(upper, name)
        if value is not UNSET:
            merged[name] = _over(merged[name], value)
    if merged["pool"] is not UNSET:
        merged["pool"] = _over(_sized(lower.pool), _sized(upper.pool))
    if merged["max_age"] is not UNSET:
        merged["max_age"] = _over(_aged(lower.max_age), _aged(upper.max_age))
    return WorkerKeys(**merged)


def settle(files: Iterable[PartFile], layers: Iterable[PartFile]) -> dict[str, WorkerKeys]:
    """By group: what it says, over the `pool` of the fleet if that names it, over the defaults (`layers`, lowest
    first), over `memory.worker`."""
    files, layers = tuple(files), tuple(layers)
    defaults, pools = defaults_of(layers), _pools(files)
    memory = layered(layers, "memory")
    worker = memory.worker if isinstance(memory, MemoryKeys) else UNSET
    if isinstance(worker, msgspec.Struct):
        lowest = GroupMemoryKeys(**msgspec.structs.asdict(worker))
        defaults = overlay(WorkerKeys(memory=lowest), defaults)
    merged: dict[str, WorkerKeys] = {}
    for file in files:
        for name, keys in (file.workers or {}).items():
            if name not in merged:
                merged[name] = _settled(defaults, keys, pools.get(name))
    return merged


def layered(layers: Iterable[PartFile], key: str) -> Any:  # noqa: ANN401 - the type of that key
    """What all files say under a key of the whole fleet (`memory`, `store`, `flags`), each (lowest first) over those
    below it. UNSET: nothing."""
    return reduce(_over, (getattr(file, key) for file in layers), UNSET)


def _settled(defaults: WorkerKeys, keys: GroupKeys, shared_pool: PoolsKeys | None) -> WorkerKeys:
    """A question in the defaults that workers of the group's kind cannot answer is passed over."""
    if shared_pool is not None:
        pool = PoolKeys(size=shared_pool.size, max_age=shared_pool.max_age)
        defaults = overlay(defaults, WorkerKeys(pool=pool))
    merged = overlay(defaults, keys)
    if keys.run is not UNSET:
        for name, question in _OF_TASKS:
            if getattr(keys, name) is not UNSET or getattr(merged, name) is UNSET:
                continue
            if given(getattr(merged, name)).get(question):
                merged = msgspec.structs.replace(merged, **{name: UNSET})
    return merged


def _pools(files: Iterable[PartFile]) -> dict[str, PoolsKeys]:
    """By group: the pool of the fleet that names it."""
    pools = (file.pool for file in files if isinstance(file.pool, PoolsKeys))
    found: dict[str, PoolsKeys] = {}
    for pool in pools:
        for group in (pool.groups,) if isinstance(pool.groups, str) else pool.groups:
            found.setdefault(group, pool)
    return found


def asked(keys: ReadyKeys | HealthKeys) -> list[str]:
    """The questions in it."""
    said = given(keys)
    return [q for q in _QUESTIONS[type(keys)] if said.get(q) not in (None, False)]


def conditions(keys: GroupKeys) -> list[tuple[str | int | None, str, Condition]]:
    """What a group comes after: where in `after` it stands (None: it is all of it), the group, and how far that has
    to be."""
    after = keys.after
    if isinstance(after, str):
        return [(None, after, "ready")]
    if isinstance(after, dict):
        return [(name, name, condition) for name, condition in after.items()]
    return [(i, n, "ready") for i, n in enumerate(after if isinstance(after, tuple) else ())]


def layout_of(files: Iterable[PartFile]) -> Layout | None:
    """What `pipes.layout` says, which stands in one file only. None: nothing."""
    layouts = (given(file.pipes).get("layout") for file in files)
    return next((layout for layout in layouts if layout), None)


def given(keys: msgspec.Struct | msgspec.UnsetType | None) -> dict[str, Any]:
    """The fields that are set, by name."""
    if not isinstance(keys, msgspec.Struct):
        return {}
    said = {}
    for name in (
        keys.__struct_fields__
    ):  # the busiest loop of a load; a comprehension takes half as long again
        value = getattr(keys, name)
        if value is not UNSET and value is not None:
            said[name] = value
    return said


def kind_of(group: GroupKeys) -> tuple[Kind, tuple[str, ...]]:
    """The one argv that a group has, and what it is called."""
    if group.run is not UNSET:
        return "run", group.run
    if group.serve is not UNSET:
        return "serve", group.serve
    assert group.task is not UNSET  # noqa: S101 - the struct holds exactly one
    return "task", group.task


def _over(lower: Any, upper: Any) -> Any:  # noqa: ANN401 - any field of the file model
    if upper is UNSET:
        return lower
    if upper is None:
        return UNSET
    if isinstance(upper, dict):
        items = dict(lower) if isinstance(lower, dict) else {}
        for key, value in upper.items():
            items[key] = _over(items.get(key, UNSET), value)
        return {k: v for k, v in items.items() if v is not UNSET and v is not None}
    if isinstance(upper, msgspec.Struct):
        below = lower if isinstance(lower, type(upper)) else type(upper)()
        names = upper.__struct_fields__
        merged = {n: _over(getattr(below, n), getattr(upper, n)) for n in names}
        if isinstance(upper, ReadyKeys | HealthKeys) and (new := asked(upper)):
            # Another question takes the place of the one below.
            merged |= dict.fromkeys(set(_QUESTIONS[type(upper)]) - set(new), UNSET)
        return type(upper)(**merged)
    return upper


def _aged(age: Any) -> Any:  # noqa: ANN401
    if age == "never":
        return None
    return AgeKeys(after=Positive(parse_duration(age))) if isinstance(age, str) else age


def _sized(pool: Any) -> Any:  # noqa: ANN401 - as it is written
    return PoolKeys(size=pool) if isinstance(pool, int) else pool
