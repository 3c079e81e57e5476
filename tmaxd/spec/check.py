"""What no schema can say: keys that do not go together, limits of the whole. Of `pipes`: `check_pipes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import UNSET

from tmaxd.spec.check_cleanup import check_cleanup
from tmaxd.spec.check_hooks import check_hooks, check_pools
from tmaxd.spec.check_memory import check_fleet_memory, check_memory
from tmaxd.spec.check_order import check_order
from tmaxd.spec.check_pipes import check_pipes
from tmaxd.spec.check_probes import check_probes
from tmaxd.spec.check_restart import check_restart
from tmaxd.spec.check_rollout import check_pool, check_rollout, share
from tmaxd.spec.check_store import check_store
from tmaxd.spec.file_model import GroupKeys, WorkerKeys
from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.merge import given, kind_of, layout_of
from tmaxd.spec.model import MAX_NAME, worker_name
from tmaxd.spec.problems import Problem, dotted, show
from tmaxd.spec.settings import Settings
from tmaxd.spec.subject import Subject

MAX_WORKERS = 5000
"""Of a fleet; each is a tmux session, three FIFOs and a process at least."""

MIN_LEASE = 30.0
"""Seconds. A worker gives a sign of life every 10; one that is late is not dead."""

_TASK_KEYS = (
    "timeout",
    "retry",
    "window",
    "balance",
    "max_queue",
    "expire",
    "lease",
    "layout",
    "max_tasks",
)


def check(
    gathered: Gathered,
    merged: Mapping[str, WorkerKeys],
    report: Report,
    warn: Report,
    ours: Callable[[], tuple[Path, ...]] = tuple,
) -> None:
    """`merged`: each group over the defaults. `ours`: the folders in which tmaxd keeps its own files. Every finding
    goes to `report` or `warn`; nothing is changed."""
    checks = _Check(gathered, merged, report, warn)
    checks.all()
    check_cleanup(gathered, checks.groups.keys(), ours, report)


class _Check:
    def __init__(
        self, gathered: Gathered, merged: Mapping[str, WorkerKeys], report: Report, warn: Report
    ) -> None:
        self.gathered = gathered
        self.merged = merged
        self.report = report
        self.warn = warn
        self.groups: dict[str, tuple[Document, GroupKeys | None]] = {}
        """By name, with the file that has it; None: its own mistakes are reported already."""
        self.subjects: dict[str, Subject] = {}
        """The sound ones of them."""
        self.layout = layout_of(document.file for document in gathered.documents)

    def all(self) -> None:
        for document in self.gathered.documents:
            self._collect(document)
        for name, (document, group) in self.groups.items():
            if group is not None:
                self._group(document, name, group)
        for document in self.gathered.documents:
            self._spans(document, ("defaults",), document.file.defaults)
        takers = {n for n, (_, g) in self.groups.items() if g is None or kind_of(g)[0] != "run"}
        check_pipes(self.gathered, self.groups.keys(), takers, self.report, self.warn)
        check_order(self.subjects, self.groups.keys())
        check_pools(self.gathered, self.groups.keys(), self.report)
        check_hooks(self.gathered, self.report)
        check_store(Settings(gathered=self.gathered, reports=self.report, warns=self.warn))
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
        subject = self._subject(document, name, group)
        surge = share(subject.said("rollout").get("surge", 0), subject.count, up=True)
        longest = worker_name(name, max(subject.count + surge, 1))
        if len(longest) > MAX_NAME:
            message = f"its workers would be named up to {show(longest)}, longer than {MAX_NAME}"
            self.report(document.at(*path, key=True).problem(dotted(path), message))
        if kind != "task":
            self._payload(document, (*path, kind), kind, argv)
        if kind != "run":
            self._shared(subject)
        self._spans(document, path, group)
        check_restart(subject)
        check_probes(subject)
        check_rollout(subject)
        check_pool(subject, self.layout)
        check_memory(subject)

    def _subject(self, document: Document, name: str, group: GroupKeys) -> Subject:
        subject = self.subjects[name] = Subject(
            name=name,
            kind=kind_of(group)[0],
            document=document,
            keys=group,
            merged=self.merged[name],
            gathered=self.gathered,
            reports=self.report,
            warns=self.warn,
        )
        return subject

    def _payload(
        self, document: Document, path: tuple[str, ...], kind: str, argv: tuple[str, ...]
    ) -> None:
        for i, word in enumerate(argv):
            if "{payload}" in word:
                message = f"`{{payload}}` is replaced only in `task`; `{kind}` gets it as it is"
                self.warn(self._problem(document, (*path, i), message))

    def _shared(self, group: Subject) -> None:
        balance = group.merged.balance
        shared = (group.merged.layout or self.layout) == "shared"
        if shared and balance and balance != "least_loaded":
            where = "`layout: shared`, where each worker takes its tasks by itself"
            message = f"`balance: {balance}` does not go with {where}"
            help_ = "balance: least_loaded, or layout: dedicated"
            group.report(("balance",), message, allowed=help_)

    def _spans(self, document: Document, path: tuple[str, ...], keys: object) -> None:
        if not isinstance(keys, WorkerKeys):
            return
        if isinstance(keys.lease, float) and keys.lease < MIN_LEASE:
            message = f"less than {MIN_LEASE:.0f}s: workers give a sign of life every 10s, and may be late"
            self.report(self._problem(document, (*path, "lease"), message))
        backoff = given(given(keys.retry).get("backoff"))
        if "first" in backoff and "max" in backoff and backoff["first"] > backoff["max"]:
            message = "longer than `max`, so that each delay is `max`"
            self.warn(self._problem(document, (*path, "retry", "backoff", "first"), message))

    def _whole(self) -> None:
        main = self.gathered.documents[0]
        texts = [d.data for d in self.gathered.documents if isinstance(d.data, dict)]
        if not self.gathered.partial and texts and not any("workers" in text for text in texts):
            message = "the key `workers` is missing; `workers: {}` declares a fleet of none"
            self.report(main.at().problem("", message))
        total = sum(subject.count for subject in self.subjects.values())
        spares = sum(subject.spares for subject in self.subjects.values())
        settings = Settings(gathered=self.gathered, reports=self.report, warns=self.warn)
        check_fleet_memory(settings, total + spares)
        if total + spares > MAX_WORKERS:
            more = f" and {spares:,} spares" if spares else ""
            message = f"{total:,} workers{more} in all; at most {MAX_WORKERS:,}"
            self.report(main.at("workers", key=True).problem("workers", message))

    def _problem(self, document: Document, path: tuple[str | int, ...], message: str) -> Problem:
        return document.at(*path).problem(dotted(path), message)
