"""Settings of the whole fleet under check (`memory`, `store`): what all files say together, and where each stands."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given, layered
from tmaxd.spec.problems import dotted
from tmaxd.spec.tree import Path


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    gathered: Gathered
    reports: Report
    warns: Report

    def said(self, key: str) -> dict[str, Any]:
        """The settings in the mapping of this key of the file."""
        return given(layered((layer.file for layer in self.gathered.layers), key))

    def report(self, path: Path, message: str, allowed: str | None = None) -> None:
        """`path` is that of a setting, from the top of the file."""
        document = self._document(path)
        if path not in document.troubled:
            self.reports(document.at(*path).problem(dotted(path), message, allowed))

    def warn(self, path: Path, message: str) -> None:
        self.warns(self._document(path).at(*path).problem(dotted(path), message))

    def _document(self, path: Path) -> Document:
        """The topmost file that says it. One whose value is a mistake, which is reported already, does not."""
        layers = self.gathered.layers[::-1]
        says = (layer for layer in layers if _said(layer.file, path))
        return next(says, self.gathered.documents[0])


def _said(value: Any, path: Path) -> bool:  # noqa: ANN401 - any part of the file model
    for part in path:
        value = value.get(part) if isinstance(value, dict) else getattr(value, str(part), None)
    return value is not None and value is not UNSET
