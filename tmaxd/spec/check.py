"""What no schema can say: keys that do not go together, names that lead nowhere, limits of the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from msgspec import UNSET

from tmaxd.spec.file_model import GroupKeys, PipesKeys, WorkerKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given, kind_of
from tmaxd.spec.model import MAX_NAME, worker_name
from tmaxd.spec.problems import Problem, dotted, show
from tmaxd.spec.values import NAME, show_size

MAX_WORKERS = 5000
"""Of a fleet; each is a tmux session, three FIFOs and a process at least."""

MIN_CAPACITY = 4096
MAX_CAPACITY = 1024 * 1024
"""One page, and what Linux lets an unprivileged user ask for (/proc/sys/fs/pipe-max-size, pipe(7))."""

_TASK_KEYS = ("timeout", "retry", "window")


def check(gathered: Gathered, report: Report, warn: Report) -> None:
    """Every finding goes to `report` or `warn`; nothing is changed."""
    _Check(gathered, report, warn).all()


@dataclass
class _Check:
    gathered: Gathered
    report: Report
    warn: Report
    groups: dict[str, tuple[Document, GroupKeys | None]] = field(default_factory=dict)
    """By name, with the file that has it; None: its own mistakes are reported already."""

    def all(self) -> None:
        for document in self.gathered.documents:
            self._collect(document)
        for name, (document, group) in self.groups.items():
            if group is not None:
                self._group(document, name, group)
        for document in self.gathered.documents:
            self._backoff(document, ("defaults",), document.file.defaults)
        self._pipes()
        self._whole()

    def _collect(self, document: Document) -> None:
        raw = document.data.get("workers") if isinstance(document.data, dict) else None
        sound = document.file.workers or {}
        for name in raw if isinstance(raw, dict) else ():
            if name in self.groups:
                self._twice(document, ("workers", name), self.groups[name][0])
            else:
                self.groups[name] = (document, sound.get(name))

    def _twice(self, document: Document, path: tuple[str, ...], first: Document) -> None:
        mark = document.at(*path, key=True)
        there = first.at(*path, key=True)
        message = f"stands in {first.source.shown}:{there.line + 1} already"
        self.report(mark.problem(dotted(path), message))

    def _group(self, document: Document, name: str, group: GroupKeys) -> None:
        kind, argv = kind_of(group)
        path = ("workers", name)
        if kind == "run":
            for key in _TASK_KEYS:
                if getattr(group, key) not in (UNSET, None):
                    message = "only groups with `serve` or `task` take tasks; this one has `run`"
                    mark = document.at(*path, key, key=True)
                    self.report(mark.problem(dotted((*path, key)), message))
        if not argv[0].strip():
            message = "the first entry names the program; it is empty"
            self.report(self._problem(document, (*path, kind, 0), message))
        longest = worker_name(name, max(group.count or 1, 1) if group.count is not UNSET else 1)
        if len(longest) > MAX_NAME:
            message = f"its workers would be named up to {show(longest)}, longer than {MAX_NAME}"
            self.report(document.at(*path, key=True).problem(dotted(path), message))
        if kind != "task":
            self._payload(document, (*path, kind), kind, argv)
        self._backoff(document, path, group)

    def _payload(
        self, document: Document, path: tuple[str, ...], kind: str, argv: tuple[str, ...]
    ) -> None:
        for i, word in enumerate(argv):
            if "{payload}" in word:
                message = f"`{{payload}}` is replaced only in `task`; `{kind}` gets it as it is"
                self.warn(self._problem(document, (*path, i), message))

    def _backoff(self, document: Document, path: tuple[str, ...], keys: object) -> None:
        retry = keys.retry if isinstance(keys, WorkerKeys) else None
        backoff = given(given(retry).get("backoff"))
        if "first" in backoff and "max" in backoff and backoff["first"] > backoff["max"]:
            message = "longer than `max`, so that each delay is `max`"
            self.warn(self._problem(document, (*path, "retry", "backoff", "first"), message))

    def _pipes(self) -> None:
        owners: dict[tuple[str, ...], Document] = {}
        for document in self.gathered.documents:
            pipes = document.file.pipes
            if not isinstance(pipes, PipesKeys):
                continue
            inboxes = pipes.inboxes or {}
            paths = [("pipes", key) for key in given(pipes) if key != "inboxes"]
            for path in [*paths, *(("pipes", "inboxes", name) for name in inboxes)]:
                if path in owners:
                    self._twice(document, path, owners[path])
                owners.setdefault(path, document)
            for name, inbox in inboxes.items():
                self._inbox(document, name, inbox.to)
            self._capacity(document, pipes)

    def _inbox(self, document: Document, name: str, to: str) -> None:
        path = ("pipes", "inboxes", name, "to")
        takers = sorted(
            n for n, (_, g) in self.groups.items() if g is None or kind_of(g)[0] != "run"
        )
        if to in takers or path in document.troubled:
            return
        if to not in self.groups and self.gathered.partial:
            return
        if to in self.groups:
            message = f"the group {show(to)} takes no tasks: it has `run`, not `serve` or `task`"
        else:
            message = f"there is no group {show(to)}"
        from tmaxd.spec.suggest import closest  # difflib, 6 ms that only a mistake should cost

        allowed = ", ".join([t for t in takers if re.search(NAME, t)][:20]) or None
        mark = document.at(*path)
        self.report(mark.problem(dotted(path), message, allowed, closest(to, takers)))

    def _capacity(self, document: Document, pipes: PipesKeys) -> None:
        size = given(pipes).get("capacity", MIN_CAPACITY)
        if not MIN_CAPACITY <= size <= MAX_CAPACITY:
            least, most = show_size(MIN_CAPACITY), show_size(MAX_CAPACITY)
            message = f"{show_size(size)} is outside what a FIFO can hold, {least} to {most}"
            self.report(self._problem(document, ("pipes", "capacity"), message))

    def _whole(self) -> None:
        main = self.gathered.documents[0]
        texts = [d.data for d in self.gathered.documents if isinstance(d.data, dict)]
        if not self.gathered.partial and texts and not any("workers" in text for text in texts):
            message = "the key `workers` is missing; `workers: {}` declares a fleet of none"
            self.report(main.at().problem("", message))
        total = sum(
            1 if g.count in (UNSET, None) else int(g.count or 0)
            for _, g in self.groups.values()
            if g is not None
        )
        if total > MAX_WORKERS:
            message = f"{total:,} workers in all; at most {MAX_WORKERS:,}"
            self.report(main.at("workers", key=True).problem("workers", message))

    def _problem(self, document: Document, path: tuple[str | int, ...], message: str) -> Problem:
        return document.at(*path).problem(dotted(path), message)
