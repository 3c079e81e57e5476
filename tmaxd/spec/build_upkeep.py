"""Memory, age, clean-ups and the memory store, from the words of the file to the types of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from tmaxd.spec.build_supervision import plain
from tmaxd.spec.file_cleanup import CleanupKeys
from tmaxd.spec.file_model import PartFile
from tmaxd.spec.limits import FleetMemory, MaxAge, Memory, Thresholds, WorkerMemory
from tmaxd.spec.merge import given
from tmaxd.spec.upkeep import Cleanup, Namespace, Store

_LISTS = ("groups", "namespaces", "files", "roots")


def limits(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of all `settings` of a group, how much memory it may use and how old its workers get. What is not said is not in
    the result."""
    out: dict[str, Any] = {}
    if memory := plain(given(settings.get("memory"))):
        if "total" in memory:
            memory["total"] = Thresholds(**given(memory["total"]))
        out["memory"] = WorkerMemory(**memory)
    age = plain(given(settings.get("max_age")))
    if "after" in age:
        out["max_age"] = MaxAge(**age)
    return out


def governed(keys: Any) -> Memory:  # noqa: ANN401 - the merged `memory` of the files, or UNSET
    said = plain(given(keys))
    said.pop("worker", None)  # is in the groups
    if "fleet" in said:
        said["fleet"] = FleetMemory(**given(said["fleet"]))
    return Memory(**said)


def cleanups(files: Iterable[PartFile]) -> tuple[Cleanup, ...]:
    """In the order of the files."""
    return tuple(_cleanup(keys) for file in files for keys in file.cleanup or ())


def _cleanup(keys: CleanupKeys) -> Cleanup:
    said = plain(given(keys))
    for name in _LISTS:
        if isinstance(said.get(name), str):
            said[name] = (said[name],)
    said.setdefault("apply", keys.what != "files")
    return Cleanup(**said)


def memory_store(keys: Any) -> Store:  # noqa: ANN401 - the merged `store` of the files, or UNSET
    said = given(keys)
    names = said.pop("namespaces", UNSET) or {}
    spaces = {name: Namespace(**plain(given(keys))) for name, keys in names.items()}
    return Store(**said, namespaces=spaces)
