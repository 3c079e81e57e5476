"""What `on` and the `pool` of the fleet lead to: commands that can be run, groups that there are."""

from __future__ import annotations

from collections.abc import Collection

from tmaxd.spec.check_groups import check_groups
from tmaxd.spec.file_hooks import HookKeys
from tmaxd.spec.file_rollout import PoolsKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.problems import dotted
from tmaxd.spec.tree import Path


def check_hooks(gathered: Gathered, report: Report) -> None:
    """Findings go to `report`."""
    for document in gathered.documents:
        for event, value in (document.file.on or {}).items():
            path: Path = ("on", event)
            if isinstance(value, HookKeys):
                _program(document, (*path, "run", 0), value.run[0], report)
            else:
                _list(document, path, value, report)


def _list(
    document: Document,
    path: Path,
    value: tuple[str | HookKeys | tuple[str, ...], ...],
    report: Report,
) -> None:
    words = [i for i, item in enumerate(value) if isinstance(item, str)]
    if 0 < len(words) < len(value):
        message = "text beside commands: a list is the words of one command, or a list of commands"
        place = (*path, words[0])
        mark = document.at(*place)
        report(mark.problem(dotted(place), message, allowed="[[program, argument], {run: […]}]"))
    elif words:
        _program(document, (*path, 0), str(value[0]), report)
    else:
        for i, item in enumerate(value):
            if isinstance(item, HookKeys):
                _program(document, (*path, i, "run", 0), item.run[0], report)
            else:
                _program(document, (*path, i, 0), item[0], report)


def _program(document: Document, path: Path, word: str, report: Report) -> None:
    if not word.strip():
        message = "the first entry names the program; it is empty"
        report(document.at(*path).problem(dotted(path), message))


def check_pools(gathered: Gathered, groups: Collection[str], report: Report) -> None:
    """The `pool` of the fleet stands in one file only, and names groups that there are, each once."""
    first: Document | None = None
    for document in gathered.documents:
        pool = document.file.pool
        if not isinstance(pool, PoolsKeys):
            continue
        if first is not None:
            there = first.at("pool", key=True)
            message = f"stands in {there.source.shown}:{there.line + 1} already"
            report(document.at("pool", key=True).problem("pool", message))
        first = first or document
        check_groups(gathered, document, ("pool", "groups"), pool.groups, groups, report)
