"""Globs below a folder, matched name by name as somebody walks down: many of them by one walk. Pure.

As in glob(7): `*`, `?` and `[…]` match within one name, and a leading dot only where the pattern has one. `**` as a
whole name stands for any number of folders, none of them hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import NamedTuple

ANY = "**"
_MAGIC = re.compile(r"[*?\[]")

Place = tuple[int, int]
"""(which glob, how many of its parts have been matched)"""


class Part(NamedTuple):
    """One name of a glob."""

    literal: str | None
    """The only name that it matches; None: there are many."""
    matches: Callable[[str], object]


class Found(NamedTuple):
    """What is to be said of one name in a folder."""

    file: bool
    """A glob of files ends here."""
    folder: bool
    """A glob of folders does."""
    below: frozenset[Place]
    """What may match further down; empty: nothing."""


def parts_below(root: str, glob: str) -> tuple[str, ...] | None:
    """The names of an absolute glob after `root`; None: it does not begin with it, is the root itself, or has `.` or
    `..` in it."""
    names = tuple(name for name in glob.split("/") if name)
    above = tuple(name for name in root.split("/") if name)
    rest = names[len(above) :]
    if not glob.startswith("/") or names[: len(above)] != above or not rest:
        return None
    return None if {".", ".."}.intersection(names) else rest


class Globs:
    """All globs of one root."""

    def __init__(self, globs: Iterable[tuple[tuple[str, ...], bool]]) -> None:
        """Each as its names below the root, and whether it is of folders."""
        self._parts: list[tuple[Part, ...]] = []
        self._folders: list[bool] = []
        for names, folders in globs:
            self._parts.append(tuple(_part(name) for name in names))
            self._folders.append(folders)

    @property
    def begin(self) -> frozenset[Place]:
        """In the root itself."""
        return self._closed((number, 0) for number in range(len(self._parts)))

    def names(self, places: frozenset[Place]) -> frozenset[str] | None:
        """The only names in a folder that can match there; None: it has to be listed."""
        literals = {self._parts[number][at].literal for number, at in places}
        names = frozenset(name for name in literals if name is not None)
        return names if len(names) == len(literals) else None

    def step(self, places: frozenset[Place], name: str) -> Found:
        file = folder = False
        below: list[Place] = []
        for number, at in places:
            parts = self._parts[number]
            part = parts[at]
            if not part.matches(name):
                continue
            if at + 1 == len(parts):
                file, folder = file or not self._folders[number], folder or self._folders[number]
            if part.matches is _visible:
                below.append((number, at))
            elif at + 1 < len(parts):
                below.append((number, at + 1))
        return Found(file, folder, self._closed(below) if below else frozenset())

    def _closed(self, places: Iterable[Place]) -> frozenset[Place]:
        """`**` may stand for no folder at all."""
        closed: set[Place] = set()
        for number, at in places:
            closed.add((number, at))
            parts = self._parts[number]
            while parts[at].matches is _visible and at + 1 < len(parts):
                at += 1
                closed.add((number, at))
        return frozenset(closed)


def _visible(name: str) -> bool:
    return not name.startswith(".")


def _part(name: str) -> Part:
    if name == ANY:
        return Part(None, _visible)
    if not _MAGIC.search(name):
        return Part(name, name.__eq__)
    match = re.compile(translate(name)).match
    if name.startswith("."):
        return Part(None, match)
    return Part(None, lambda found: _visible(found) and match(found))
