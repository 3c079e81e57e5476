"""What `pipes` leads to: groups that there are and that take tasks, and no way round for ever.

Works on what the files say, not on what of it is sound: a list with one mistake in it is looked at all the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

import msgspec

from tmaxd.spec.circles import circles
from tmaxd.spec.file_pipes import PipesKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given
from tmaxd.spec.plain import Data
from tmaxd.spec.problems import MAX_PROBLEMS, dotted, show
from tmaxd.spec.source import Mark
from tmaxd.spec.tree import Path
from tmaxd.spec.values import NAME, show_size
from tmaxd.templates import PLACEHOLDERS, Mistake, Template, parse

MIN_CAPACITY = 4096
MAX_CAPACITY = 1024 * 1024
"""One page, and what Linux lets an unprivileged user ask for (/proc/sys/fs/pipe-max-size, pipe(7))."""

_BOXES = ("inboxes", "outboxes")
_SHOWN = 12
"""Groups of a circle that are named."""


def check_pipes(
    gathered: Gathered,
    groups: Collection[str],
    takers: Collection[str],
    report: Report,
    warn: Report,
) -> None:
    """`takers`: those of the `groups` that take tasks. Every finding goes to `report` or `warn`."""
    _Check(gathered, groups, takers, report, warn).all()


class _Step(NamedTuple):
    """Where a route stands."""

    document: Document
    path: Path


class _Check(msgspec.Struct):
    gathered: Gathered
    groups: Collection[str]
    takers: Collection[str]
    report: Report
    warn: Report
    boxes: dict[str, tuple[str, Document]] = {}
    """Name to `inboxes` or `outboxes`, and the file."""
    guesses: int = 20
    """So many names that lead nowhere get a suggestion; each is compared with every group."""
    unbounded: dict[str, dict[str, _Step]] = {}
    """Routes without `max_hops`: from where to where."""

    def all(self) -> None:
        settings: dict[str, Document] = {}
        for document in self.gathered.documents:
            pipes = _mapping(_mapping(document.data).get("pipes"))
            for key in pipes.keys() & {"layout", "capacity"}:
                first = settings.setdefault(key, document)
                if first is not document and pipes[key] is not None:
                    self._twice(document, ("pipes", key), first.at("pipes", key, key=True))
            for kind in _BOXES:
                for name, box in _mapping(pipes.get(kind)).items():
                    self._box(document, kind, name, _mapping(box))
            for i, route in enumerate(_list(pipes.get("routes"))):
                self._route(_Step(document, ("pipes", "routes", i)), _mapping(route))
            self._capacity(document)
        self._circles()

    def _twice(self, document: Document, path: Path, there: Mark) -> None:
        mark = document.at(*path, key=True)
        message = f"stands in {there.source.shown}:{there.line + 1} already"
        self.report(mark.problem(dotted(path), message))

    def _box(self, document: Document, kind: str, name: str, box: dict[str, Data]) -> None:
        path: Path = ("pipes", kind, name)
        other, first = self.boxes.setdefault(name, (kind, document))
        there = first.at("pipes", other, name, key=True)
        if other != kind:
            place = f"{there.source.shown}:{there.line + 1}"
            message = f"the FIFO {show(name + '.pipe')} belongs to the inbox of this name ({place})"
            if kind == "inboxes":
                message = message.replace("the inbox", "the outbox")
            self.report(document.at(*path, key=True).problem(dotted(path), message))
        elif first is not document:
            self._twice(document, path, there)
        key = "to" if kind == "inboxes" else "from"
        self._groups(document, (*path, key), box.get(key))

    def _route(self, step: _Step, route: dict[str, Data]) -> None:
        document, path = step
        sources = self._groups(document, (*path, "from"), route.get("from"))
        targets = self._groups(document, (*path, "to"), route.get("to"))
        if route.get("max_hops") is None:
            targets = [target for target in targets if target in self.takers]
            for source in sources:
                if source in self.takers:
                    ways = self.unbounded.setdefault(source, {})
                    ways.update((t, step) for t in targets if t not in ways)
        self._payload(step, route)

    def _payload(self, step: _Step, route: dict[str, Data]) -> None:
        when, path = route.get("when") or "done", (*step.path, "payload")
        text = route.get("payload")
        text = "{result}" if text is None else text
        if not isinstance(text, str) or path in step.document.troubled:
            return
        template = parse(text)
        if not isinstance(template, Template):
            for mistake in template:
                self._mistake(step.document, path, text, mistake)
            return
        missing, other = ("result", "error") if when == "dead" else ("error", "result")
        if when in ("done", "dead") and missing in template.names:
            what = "no result" if when == "dead" else "no error"
            message = f"with `when: {when}` there is {what}: `{{{missing}}}` is empty, other than `{{{other}}}`"
            self.warn(step.document.at(*path).problem(dotted(path), message))

    def _mistake(self, document: Document, path: Path, text: str, mistake: Mistake) -> None:
        from tmaxd.spec.suggest import closest

        mark = document.at(*path).within(text, mistake.position)
        near = closest(mistake.name, PLACEHOLDERS) if mistake.name else None
        nearest = None if near is None else f"{{{near}}}"
        self.report(mark.problem(dotted(path), mistake.message, nearest=nearest))

    def _groups(self, document: Document, path: Path, value: Data) -> list[str]:
        """The groups named there, those that lead nowhere too; each of these is reported."""
        if isinstance(value, str):
            named: list[tuple[Path, str]] = [(path, value)]
        else:
            items = enumerate(_list(value))
            named = [((*path, i), item) for i, item in items if isinstance(item, str)]
        seen: dict[str, None] = {}
        for place, name in named:
            if name in seen:
                message = f"{show(name)} stands here twice"
                self.report(document.at(*place).problem(dotted(place), message))
            else:
                self._group(document, place, name)
            seen[name] = None
        return list(seen)

    def _group(self, document: Document, path: Path, name: str) -> None:
        if name in self.takers or path in document.troubled:
            return
        if name in self.groups:
            message = f"the group {show(name)} takes no tasks: it has `run`, not `serve` or `task`"
        elif self.gathered.partial:
            return
        else:
            message = f"there is no group {show(name)}"
        allowed, near = None, None
        if self.guesses > 0:
            from tmaxd.spec.suggest import closest  # difflib, 6 ms that only a mistake should cost

            self.guesses -= 1
            takers = [taker for taker in sorted(self.takers) if re.search(NAME, taker)]
            allowed = ", ".join(takers[:20]) or None
            near = closest(name, takers[:1000])
        self.report(document.at(*path).problem(dotted(path), message, allowed, near))

    def _circles(self) -> None:
        for nodes, step in islice(circles(self.unbounded), MAX_PROBLEMS):
            shown = [*nodes[: _SHOWN - 1], "…", nodes[-1]] if len(nodes) > _SHOWN else nodes
            circle = " -> ".join(show(name)[1:-1] for name in shown)
            message = f"tasks would go round without end: {circle}; one route of this circle needs `max_hops`"
            self.report(step.document.at(*step.path).problem(dotted(step.path), message))

    def _capacity(self, document: Document) -> None:
        pipes = document.file.pipes
        size = given(pipes if isinstance(pipes, PipesKeys) else None).get("capacity", MIN_CAPACITY)
        if not MIN_CAPACITY <= size <= MAX_CAPACITY:
            least, most = show_size(MIN_CAPACITY), show_size(MAX_CAPACITY)
            message = f"{show_size(size)} is outside what a FIFO can hold, {least} to {most}"
            path = ("pipes", "capacity")
            self.report(document.at(*path).problem(dotted(path), message))


def _mapping(value: Data) -> dict[str, Data]:
    return value if isinstance(value, dict) else {}


def _list(value: Data) -> list[Data]:
    return value if isinstance(value, list) else []
