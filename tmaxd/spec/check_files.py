"""What a clean-up of `files` may reach: globs that lie in declared folders, and folders that are the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path as Folder
from pathlib import PurePosixPath
from typing import Any

from tmaxd.spec.gather import Document, Report
from tmaxd.spec.problems import dotted, show
from tmaxd.spec.tree import Path


def check_files(
    document: Document,
    path: Path,
    said: dict[str, Any],
    ours: Callable[[], tuple[Folder, ...]],
    report: Report,
) -> None:
    """`path`: that of the entry. `ours`: the folders of tmaxd's own files, without those of single fleets."""

    def tell(place: Path, message: str, allowed: str | None = None) -> None:
        if place not in document.troubled:
            report(document.at(*place).problem(dotted(place), message, allowed))

    for key, missing in (("files", "which files go"), ("roots", "in which folders they lie")):
        if key not in said:
            tell(path, f"does not say {missing}", f"{key}: […]")
    roots: list[PurePosixPath] = []
    own = sorted(PurePosixPath(folder) for folder in ours())
    for place, root in _each((*path, "roots"), said.get("roots", ())):
        roots.append(PurePosixPath(root))
        if wrong := _bad_root(roots[-1], own):
            tell(place, *wrong)
    for place, glob in _each((*path, "files"), said.get("files", ())):
        parts = PurePosixPath(glob)
        if ".." in parts.parts:
            tell(place, *_UP)
        elif roots and not any(root in parts.parents for root in roots):
            tell(place, f"{show(glob)} lies in none of `roots`", ", ".join(map(str, roots[:5])))


_UP = (
    "`..` leads elsewhere where a folder is a link",
    "the path as it is without `..`",
)


def _each(path: Path, value: str | tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    else:
        yield from (((*path, i), item) for i, item in enumerate(value))


def _bad_root(root: PurePosixPath, ours: list[PurePosixPath]) -> tuple[str, str] | None:
    """What is wrong with it, and what would do."""
    if ".." in root.parts:
        return _UP
    if not root.name:
        return "`/` is the whole machine", "a folder that holds nothing but such files"
    for folder in ours:
        where = show(str(folder))
        if root == folder or folder in root.parents:
            return f"{where} is where tmaxd keeps its own files", "another folder"
        if root in folder.parents:
            return f"holds {where}, where tmaxd keeps its own files", "a folder in it"
    return None
