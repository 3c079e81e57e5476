"""A group under check: what it says over the defaults, and where each of its settings stands."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from tmaxd.spec.file_model import GroupKeys, WorkerKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given
from tmaxd.spec.model import Kind
from tmaxd.spec.problems import dotted
from tmaxd.spec.source import Mark
from tmaxd.spec.tree import Path


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: Kind
    document: Document
    keys: GroupKeys
    """What the group itself says."""
    merged: WorkerKeys
    """That over the pool of the fleet and the defaults."""
    gathered: Gathered
    reports: Report
    warns: Report

    @property
    def count(self) -> int:
        count = self.keys.count
        return count if isinstance(count, int) else 1

    @property
    def spares(self) -> int:
        return int(self.said("pool").get("size", 1)) if self.merged.pool else 0

    def said(self, *path: str) -> dict[str, Any]:
        """The settings in the mapping of this path (`restart`, `backoff`), those of the defaults too."""
        value: Any = self.merged
        for part in path:
            value = getattr(value, part, UNSET)
        return given(value)

    def unsound(self, *path: str) -> bool:
        """Whether the group or the defaults say something in the mapping of this path that is not in `said`: a mistake,
        reported already."""
        said = self.said(*path)
        return any(
            key not in said and value is not None and value is not False
            for document, whole in self._places(path)
            for key, value in mapping_at(document.data, whole).items()
        )

    def report(
        self, path: Path, message: str, allowed: str | None = None, nearest: str | None = None
    ) -> None:
        """`path` is that of a setting below the group."""
        document, whole = self._place(path)
        if whole not in document.troubled:
            self.reports(document.at(*whole).problem(dotted(whole), message, allowed, nearest))

    def warn(self, path: Path, message: str) -> None:
        document, whole = self._place(path)
        self.warns(document.at(*whole).problem(dotted(whole), message))

    def at(self, path: Path) -> tuple[Mark, str]:
        """Where a setting stands: in the group, else in the `pool` of the fleet, else in the topmost defaults that have
        it, else in `memory.worker`; and the whole key."""
        document, whole = self._place(path)
        return document.at(*whole), dotted(whole)

    def _place(self, path: Path) -> tuple[Document, Path]:
        for document, whole in self._places(path):
            if value_at(document.data, whole) is not None:
                return document, whole
        return self.document, ("workers", self.name, *path)

    def _places(self, path: Path) -> list[tuple[Document, Path]]:
        """Where it may stand, topmost first."""
        found: list[tuple[Document, Path]] = [(self.document, ("workers", self.name, *path))]
        if path[:1] == ("pool",):
            found += [(document, path) for document in self.gathered.documents]
        layers = self.gathered.layers[::-1]
        found += [(layer, ("defaults", *path)) for layer in layers]
        if path[:1] == ("memory",):
            found += [(layer, ("memory", "worker", *path[1:])) for layer in layers]
        return found


def mapping_at(data: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - what a file says
    """Empty: there is none."""
    value = value_at(data, path)
    return value if isinstance(value, dict) else {}


def value_at(data: Any, path: Path) -> Any:  # noqa: ANN401 - what a file says
    """None: nothing is said there."""
    for part in path:
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
