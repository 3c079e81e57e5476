"""Settings over defaults, three-valued: a key that is not there leaves what lies below, `null` takes it
back, anything else lies over it (mappings key by key, lists whole)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import msgspec
from msgspec import UNSET

from tmaxd.spec.file_model import GroupKeys, PartFile, WorkerKeys
from tmaxd.spec.model import Kind, Layout


def defaults_of(layers: Iterable[PartFile]) -> WorkerKeys:
    """The defaults of all files, lowest first, as one."""
    given = (file.defaults for file in layers)
    return reduce(overlay, (keys for keys in given if keys), WorkerKeys())


def overlay(lower: WorkerKeys, upper: WorkerKeys) -> WorkerKeys:
    """The keys that a group and `defaults` share; what a group alone has is not in the result."""
    names = WorkerKeys.__struct_fields__
    return WorkerKeys(**{n: _over(getattr(lower, n), getattr(upper, n)) for n in names})


def layout_of(files: Iterable[PartFile]) -> Layout:
    """What `pipes.layout` says, which stands in one file only."""
    layouts = (given(file.pipes).get("layout") for file in files)
    return next((layout for layout in layouts if layout), "dedicated")


def given(keys: msgspec.Struct | msgspec.UnsetType | None) -> dict[str, Any]:
    """The fields that are set, by name."""
    if not isinstance(keys, msgspec.Struct):
        return {}
    fields = ((name, getattr(keys, name)) for name in keys.__struct_fields__)
    return {name: value for name, value in fields if value is not UNSET and value is not None}


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
        merged = (lower if isinstance(lower, dict) else {}) | upper
        return {key: value for key, value in merged.items() if value is not None}
    if isinstance(upper, msgspec.Struct):
        below = lower if isinstance(lower, type(upper)) else type(upper)()
        names = upper.__struct_fields__
        return type(upper)(**{n: _over(getattr(below, n), getattr(upper, n)) for n in names})
    return upper
