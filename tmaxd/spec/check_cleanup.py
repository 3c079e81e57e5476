"""What is said of clean-ups: each knows what goes and when, and none takes more than was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path as Folder
from typing import Any, Final

import msgspec

from tmaxd.spec.check_files import check_files
from tmaxd.spec.check_groups import check_groups
from tmaxd.spec.file_cleanup import CleanupKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given
from tmaxd.spec.plain import Data
from tmaxd.spec.problems import dotted, show
from tmaxd.spec.tree import Path
from tmaxd.spec.upkeep import What
from tmaxd.spec.values import MAX_NAMESPACE, NAMESPACE, READ_ONLY, decode, show_size

MIN_EVERY: Final = 1.0
"""Seconds. What has to go sooner is the affair of whoever writes it."""

MIN_LOGS: Final = 64 * 1024
"""Bytes of all logs together; what a worker wrote last is worth more than that."""

_ONLY: Final[dict[str, tuple[What, ...]]] = {
    "groups": ("tasks", "dead", "logs"),
    "namespaces": ("memory",),
    "max_size": ("logs",),
    "compress": ("logs",),
    "files": ("files",),
    "roots": ("files",),
    "ttl": ("tasks", "dead", "payloads", "logs", "events", "memory", "stale", "files"),
}
"""Keys that mean something to a few only."""

_AGED: Final[dict[What, str]] = {
    "tasks": "every finished task",
    "dead": "every dead task",
    "events": "every event",
    "files": "every such file",
}
"""What would go without `ttl`."""


def check_cleanup(
    gathered: Gathered,
    groups: Collection[str],
    ours: Callable[[], tuple[Folder, ...]],
    report: Report,
) -> None:
    """`groups`: all that there are. `ours`: the folders of tmaxd's own files. Findings go to `report`."""
    for document in gathered.documents:
        for i, keys in _entries(document):
            entry = _Entry(document, ("cleanup", i), keys, given(keys), report)
            entry.check()
            if keys.groups:
                path: Path = ("cleanup", i, "groups")
                check_groups(gathered, document, path, keys.groups, groups, report)
            if keys.what == "files":
                check_files(document, ("cleanup", i), entry.said, ours, report)


def _entries(document: Document) -> Iterator[tuple[int, CleanupKeys]]:
    """Those that are sound, in a list that is not, too."""
    items: Data = document.data.get("cleanup") if isinstance(document.data, dict) else None
    for i, item in enumerate(items if isinstance(items, list) else ()):
        try:
            yield i, msgspec.convert(item, CleanupKeys, dec_hook=decode)
        except msgspec.ValidationError:
            continue  # reported as such


class _Entry(msgspec.Struct, frozen=True):
    document: Document
    path: Path
    keys: CleanupKeys
    said: dict[str, Any]
    reports: Report

    def check(self) -> None:
        self._when()
        self._fits()
        what = self.keys.what
        if what in _AGED and "ttl" not in self.said:
            message = f"without `ttl` {_AGED[what]} would go, however young"
            self._report(("what",), message, "ttl: 7d, or ttl: 0s where that is meant")
        if what == "logs" and not self.said.keys() & {"ttl", "max_size", "compress"}:
            message = "does not say what happens to logs"
            self._report(("what",), message, "one of ttl, max_size, compress")
        size = self.said.get("max_size", MIN_LOGS)
        if size < MIN_LOGS:
            self._report(("max_size",), f"{show_size(size)} is less than 64KiB, the least there is")
        self._namespaces()

    def _when(self) -> None:
        said = self.said
        if "every" in said and "cron" in said:
            message = "`every` stands here too; a clean-up has only one of every and cron"
            self._report(("cron",), message)
        elif "every" not in said and "cron" not in said:
            self._report((), "does not say when", 'every: 1h, or cron: "0 4 * * *"')
        if said.get("every", MIN_EVERY) < MIN_EVERY:
            self._report(("every",), "less than 1s", "1s or more")
        elif said.get("jitter", 0.0) >= said.get("every", float("inf")):
            self._report(("jitter",), "not shorter than `every`, so that times would get lost")
        if "cron" in said:
            self._cron(said["cron"])
        if "zone" in said and "every" in said and "cron" not in said:
            self._report(("zone",), "belongs to `cron`; `every` is the same in all time zones")
        elif "zone" in said:
            self._zone(said["zone"])

    def _cron(self, text: str) -> None:
        from tmaxd.cron import problem  # only a few files need it

        if wrong := problem(text):
            self._report(("cron",), wrong, "five fields, such as `0 4 * * *` for 4:00 each day")

    def _zone(self, name: str) -> None:
        if name == "UTC":
            return  # is one without any data on the machine
        from zoneinfo import ZoneInfo  # 4 ms, and only a few files need it

        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            message = f"there is no time zone {show(name)} on this machine"
            self._report(("zone",), message, "names such as Europe/Berlin or UTC")

    def _fits(self) -> None:
        for key, whats in _ONLY.items():
            if key in self.said and self.keys.what not in whats:
                of = ", ".join(f"`{what}`" for what in whats)
                message = f"means nothing to `{self.keys.what}`; it is of {of}"
                path = (*self.path, key)
                mark = self.document.at(*path, key=True)
                self.reports(mark.problem(dotted(path), message))

    def _namespaces(self) -> None:
        names = self.said.get("namespaces", ())
        alone = isinstance(names, str)
        for i, name in enumerate((names,) if alone else names):
            place: Path = ("namespaces",) if alone else ("namespaces", i)
            if name == "*" or len(name) > MAX_NAMESPACE or not re.search(NAMESPACE, name):
                message = f"{show(name)} cannot be the name of a namespace"
                allowed = "one name, or several as a list; all where it is left out"
                self._report(place, message, allowed)
            elif name.partition("/")[0] == READ_ONLY:
                self._report(place, "shows the workers of the fleet, and nothing is stored there")

    def _report(self, path: Path, message: str, allowed: str | None = None) -> None:
        whole = (*self.path, *path)
        if whole not in self.document.troubled:
            self.reports(self.document.at(*whole).problem(dotted(whole), message, allowed))
