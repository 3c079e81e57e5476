"""The main file and all that it includes, each read, composed and validated by itself."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

import msgspec

from tmaxd.spec.compose import compose
from tmaxd.spec.file_model import PartFile, SpecFile
from tmaxd.spec.plain import Data, Plainer
from tmaxd.spec.problems import Problem, dotted, show
from tmaxd.spec.sealed import Keeper, unkeyed
from tmaxd.spec.source import Broken, Mark, Source, open_source
from tmaxd.spec.tree import Node, find
from tmaxd.spec.validate import validate

MAX_FILES = 64
"""Spec files of one fleet; also ends a chain of includes that never comes back to the same path."""

Reader = Callable[[Path], bytes]
"""A file's bytes. May raise OSError. It may stop reading once it has more than MAX_FILE_BYTES."""

Report = Callable[[Problem], None]


class Files(msgspec.Struct):
    """Every file that is read or looked for, in order."""

    read: Reader
    base: Path | None
    """Files below it are named relative to it in messages; None: by their whole path."""
    report: Report
    keeper: Keeper | None = None
    """Reads and seals env files; None: `read` reads them, and their seal is good for a check only."""
    sources: dict[Path, None] = {}
    shown: dict[str, None] = {}

    def open(
        self, path: Path, mark: Mark | None, key: str, *, secret: bool = False
    ) -> Source | None:
        """None, and a report at `mark` (the place that names the file), when it cannot be read."""
        self.sources[path] = None
        name = self.name(path)
        self.shown[name] = None
        try:
            read = self.keeper.read if secret and self.keeper is not None else self.read
            return open_source(name, path, read(path), secret=secret)
        except Broken as error:
            self.report(error.problem)
        except (OSError, ValueError) as error:  # ValueError: a path that no file can have
            why = getattr(error, "strerror", None) or str(error)
            place = mark or Source(name, path).top
            what = f"cannot read {show(name)}" if mark else "cannot be read"
            self.report(place.problem(key, f"{what}: {why}"))
        return None

    def seal(self, data: bytes) -> str:
        return unkeyed(data) if self.keeper is None else self.keeper.seal(data)

    def name(self, path: Path) -> str:
        if self.base is not None and path.is_relative_to(self.base):
            path = path.relative_to(self.base)
        return posixpath.normpath(path).encode("utf-8", "replace").decode()


class Document(msgspec.Struct, frozen=True):
    """One file. `file` is what of it is sound; `data` is all that it says."""

    source: Source
    root: Node
    data: Data
    file: PartFile
    troubled: frozenset[tuple[str | int, ...]]
    """Where a reference had no value, which is reported already."""

    def at(self, *path: str | int, key: bool = False) -> Mark:
        return find(self.root, path, key=key)


class Gathered(msgspec.Struct):
    documents: list[Document] = []
    """The main file first, then in the order of the includes."""
    layers: list[Document] = []
    """Lowest first: each file above those that it includes."""
    partial: bool = False
    """A file could not be read or understood, so what is named may stand in it."""


def gather(main: Path, files: Files, env: Mapping[str, str], home: str) -> Gathered:
    """Problems go to `files.report`. No documents: the main file could not be understood at all."""
    return _Gatherer(files, env, home).start(main)


class _Gatherer:
    def __init__(self, files: Files, env: Mapping[str, str], home: str) -> None:
        self._files = files
        self._env = env
        self._home = home
        self._out = Gathered()
        self._seen: set[str] = set()

    def start(self, main: Path) -> Gathered:
        source = self._files.open(main, None, "")
        if source is not None:
            self._visit(source, SpecFile, (identity(main),))
        return self._out

    def _visit(self, source: Source, model: type[PartFile], chain: tuple[str, ...]) -> None:
        self._seen.add(chain[-1])
        document = self._document(source, model)
        if document is None:
            self._out.partial = True
            return
        self._out.documents.append(document)
        for path, mark, key in _includes(document):
            self._include(path, mark, key, chain)
        self._out.layers.append(document)

    def _document(self, source: Source, model: type[PartFile]) -> Document | None:
        report = self._files.report
        try:
            root = compose(source, report)
            plainer = Plainer(self._env, self._home, report)
            data = plainer.data(root)
        except Broken as error:
            report(error.problem)
            return None
        file = validate(data, root, model, report, plainer.troubled)
        return Document(source, root, data, file or PartFile(), frozenset(plainer.troubled))

    def _include(self, path: Path, mark: Mark, key: str, chain: tuple[str, ...]) -> None:
        name = identity(path)
        if name in chain:
            circle = [*chain[chain.index(name) :], name]
            names = " → ".join(self._files.name(Path(part)) for part in circle)
            self._files.report(mark.problem(key, f"the files include each other: {names}"))
        elif name not in self._seen:
            if len(self._seen) >= MAX_FILES:
                message = f"more than {MAX_FILES} files include each other, the limit"
                self._files.report(mark.problem(key, message))
                return
            source = self._files.open(path, mark, key)
            self._seen.add(name)
            if source is None:
                self._out.partial = True
            else:
                self._visit(source, PartFile, (*chain, name))


def _includes(document: Document) -> list[tuple[Path, Mark, str]]:
    value = document.data.get("include") if isinstance(document.data, dict) else None
    if isinstance(value, str):
        return [(Path(value), document.at("include"), "include")]
    if not isinstance(value, list):
        return []
    return [
        (Path(item), document.at("include", i), dotted(("include", i)))
        for i, item in enumerate(value)
        if isinstance(item, str)
    ]


def identity(path: PurePath) -> str:
    """Two spellings of a path that differ only in `.` and `..` are one file."""
    return posixpath.normpath(str(path))
