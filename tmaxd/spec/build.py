"""Validated files to the one `Spec`: defaults worked in, env files read, paths absolute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tmaxd.spec.build_supervision import NEVER, hooks, kept
from tmaxd.spec.build_upkeep import cleanups, governed, limits, memory_store
from tmaxd.spec.env_file import parse_env
from tmaxd.spec.file_model import GroupKeys, SpecFile, WorkerKeys
from tmaxd.spec.file_pipes import PipesKeys, RouteKeys
from tmaxd.spec.file_types import Groups
from tmaxd.spec.flags import effective
from tmaxd.spec.gather import Document, Files, Gathered
from tmaxd.spec.layouts import FLAG, laid_out
from tmaxd.spec.merge import given, kind_of, layered, layout_of
from tmaxd.spec.model import (
    Backoff,
    Group,
    Inbox,
    Outbox,
    Pipes,
    Retry,
    Route,
    Spec,
)
from tmaxd.spec.problems import dotted
from tmaxd.spec.sealed import Sealed, canonical
from tmaxd.spec.source import Broken, Mark
from tmaxd.spec.units import Duration

MAX_RESOLVED = 8 * 1024 * 1024
"""Characters of argv and env of all groups: defaults and env files are copied into each group, and the
resolved spec is kept with each revision."""


def build(gathered: Gathered, merged: Mapping[str, WorkerKeys], files: Files) -> Spec:
    """The spec. `merged`: each group over the defaults.

    Problems (env files) go to `files.report`; when there are any, here or before, the
    result is of no use."""
    return _Builder(gathered, merged, files).spec()


class _Builder:
    def __init__(self, gathered: Gathered, merged: Mapping[str, WorkerKeys], files: Files) -> None:
        self.gathered = gathered
        self.merged = merged
        self.files = files
        self.env_files: dict[Path, dict[str, str]] = {}
        self.left = MAX_RESOLVED
        self.layout = layout_of(document.file for document in gathered.documents)
        self.layers = [document.file for document in gathered.layers]
        self.flags: dict[str, bool] = given(layered(self.layers, "flags"))

    def spec(self) -> Spec:
        main = self.gathered.documents[0]
        groups: dict[str, Group] = {}
        for document in self.gathered.documents:
            for name, keys in (document.file.workers or {}).items():
                group = self._group(document, name, keys)
                self._spend(group, document.at("workers", name, key=True))
                groups.setdefault(name, group)
        fleet = main.file.fleet if isinstance(main.file, SpecFile) else ""
        files = [document.file for document in self.gathered.documents]
        return Spec(
            fleet=fleet,
            workers=groups,
            pipes=self._pipes(),
            on=hooks(files),
            memory=governed(layered(self.layers, "memory")),
            cleanup=cleanups(files),
            store=memory_store(layered(self.layers, "store")),
            flags=self.flags,
        )

    def _group(self, document: Document, name: str, keys: GroupKeys) -> Group:
        kind, argv = kind_of(keys)
        settings = given(self.merged[name])
        tasks = kind != "run"
        layout = settings.get("layout", self.layout)
        if tasks and layout is not None:
            settings["layout"] = layout
            settings["layout_by"] = "file" if layout == "dedicated" else None
        retry = given(settings.get("retry")) if tasks else {}
        backoff = Backoff(**given(retry.get("backoff")))
        main = self.gathered.documents[0].source.path.parent
        group = Group(
            kind=kind,
            argv=argv,
            count=given(keys).get("count", 1),
            env=settings.get("env", {}),
            env_file=self._sealed(document, name, settings),
            cwd=settings.get("cwd", str(main)),
            retry=Retry(**{**retry, "backoff": backoff}),
            **kept(settings, keys),
            **limits(settings),
            **(_tasks(settings) if tasks else {}),
        )
        return laid_out(group, dedicated=effective(self.flags, FLAG))

    def _sealed(
        self, document: Document, group: str, settings: Mapping[str, object]
    ) -> Sealed | None:
        value = settings.get("env_file", ())
        paths = (value,) if isinstance(value, str) else value
        env: dict[str, str] = {}
        for i, path in enumerate(paths if isinstance(paths, tuple) else ()):
            mark, key = self._names_file(document, group, None if isinstance(value, str) else i)
            env |= self._read(Path(path), mark, key)
        if not isinstance(paths, tuple) or not paths:
            return None
        try:
            return Sealed(paths, self.files.seal(canonical(env)), env)
        except OSError as error:
            mark, key = self._names_file(document, group, None)
            self.files.report(
                mark.problem(key, f"cannot be told apart from what was before: {error}")
            )
            return None

    def _names_file(self, document: Document, group: str, index: int | None) -> tuple[Mark, str]:
        """Where the effective `env_file` stands: in the group, else in the topmost defaults."""
        item = () if index is None else (index,)
        own = (document.file.workers or {})[group].env_file
        path: tuple[str | int, ...] = ("workers", group, "env_file", *item)
        if not own:
            path = ("defaults", "env_file", *item)
            for layer in self.gathered.layers:
                if isinstance(layer.file.defaults, WorkerKeys) and layer.file.defaults.env_file:
                    document = layer
        return document.at(*path), dotted(path)

    def _read(self, path: Path, mark: Mark, key: str) -> dict[str, str]:
        if path not in self.env_files:
            source = self.files.open(path, mark, key, secret=True)
            variables = parse_env(source, key, self.files.report) if source else {}
            self.env_files[path] = variables
        return self.env_files[path]

    def _pipes(self) -> Pipes:
        capacity: dict[str, Any] = {}
        inboxes: dict[str, Inbox] = {}
        outboxes: dict[str, Outbox] = {}
        routes: list[Route] = []
        for document in self.gathered.documents:
            pipes = document.file.pipes
            if isinstance(pipes, PipesKeys):
                inboxes |= {n: Inbox(to=_names(i.to)) for n, i in (pipes.inboxes or {}).items()}
                boxes = (pipes.outboxes or {}).items()
                outboxes |= {n: Outbox(sources=_names(o.sources)) for n, o in boxes}
                routes += [_route(route) for route in pipes.routes or ()]
                capacity |= {k: v for k, v in given(pipes).items() if k == "capacity"}
        return Pipes(
            layout=self.layout or "dedicated",
            inboxes=inboxes,
            outboxes=outboxes,
            routes=tuple(routes),
            **capacity,
        )

    def _spend(self, group: Group, mark: Mark) -> None:
        secrets = (group.env_file.values if group.env_file else None) or {}
        variables = (*group.env.items(), *secrets.items())
        self.left -= sum(map(len, group.argv)) + sum(len(k) + len(v) for k, v in variables)
        if self.left < 0:
            message = f"more than {MAX_RESOLVED:,} characters of argv and env in all, the limit"
            raise Broken(mark.problem("workers", message))


def _tasks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a group says about its tasks, in the types of the model."""
    keys = ("window", "balance", "max_queue", "layout", "layout_by", "max_tasks")
    plain = {key: settings[key] for key in keys if key in settings}
    spans: dict[str, Duration | None] = {}
    spans |= {key: Duration(settings[key]) for key in ("timeout", "expire") if key in settings}
    if "lease" in settings:
        lease = Duration(settings["lease"])
        spans["lease"] = None if lease == NEVER else lease
    return plain | spans


def _names(groups: Groups) -> tuple[str, ...]:
    return (groups,) if isinstance(groups, str) else groups


def _route(route: RouteKeys) -> Route:
    set_keys = {k: v for k, v in given(route).items() if k in ("when", "payload", "max_hops")}
    return Route(sources=_names(route.sources), to=_names(route.to), **set_keys)
