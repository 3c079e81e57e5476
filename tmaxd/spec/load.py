"""A file to a checked `Spec`, or to every problem at once. The room's front door.

Nothing here touches the world: files come through the reader, variables and the home folder as
arguments. Whatever the file holds, the answer is `Loaded` or `Rejected`, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tmaxd.spec.build import build
from tmaxd.spec.check import check
from tmaxd.spec.gather import Files, Reader, gather
from tmaxd.spec.merge import settle
from tmaxd.spec.model import Spec
from tmaxd.spec.problems import MAX_PROBLEMS, Problem, clean
from tmaxd.spec.resolved import digest, from_text, to_text
from tmaxd.spec.sealed import Keeper
from tmaxd.spec.source import MAX_FILE_BYTES, Broken, Source

__all__ = ["MAX_FILE_BYTES", "Loaded", "Reader", "Rejected", "from_text", "load"]


class Loaded(msgspec.Struct, frozen=True):
    spec: Spec
    digest: str
    """SHA-256, hex, of `text`."""
    sources: tuple[Path, ...]
    """Every file that was read: the spec, its includes and env files; symlinks are not followed."""
    warnings: tuple[Problem, ...]
    text: str
    """The resolved spec as canonical JSON; `from_text` restores it."""


class Rejected(msgspec.Struct, frozen=True):
    problems: tuple[Problem, ...]
    """By file (the main one first), line and column."""
    sources: tuple[Path, ...]
    """Every file that was read or looked for."""


def load(
    path: Path, read: Reader, env: Mapping[str, str], home: str, keeper: Keeper | None = None
) -> Loaded | Rejected:
    """`path` may be relative to the process's folder; messages then name files relative to it too, and
    `sources` are absolute all the same. `read` may raise OSError. `keeper` is for the env files; a spec that is put
    into force needs one."""
    whole = path.absolute()
    problems, warnings = _Findings(), _Findings()
    files = Files(read, None if path.is_absolute() else _base(path, whole), problems.add, keeper)
    if not _encodable(str(whole)):
        shown = clean(str(whole))
        problems.add(Source(shown, whole).top.problem("", "the file's path is not valid UTF-8"))
        return Rejected(tuple(problems.ordered({})), (whole,))
    gathered = gather(whole, files, env, home)
    spec = None
    if gathered.documents:
        merged = settle(
            (document.file for document in gathered.documents),
            (layer.file for layer in gathered.layers),
        )
        check(gathered, merged, problems.add, warnings.add, lambda: _ours(env, home))
        try:
            spec = build(gathered, merged, files)
        except Broken as error:
            problems.add(error.problem)
    sources = tuple(files.sources)
    if spec is None or problems:
        return Rejected(tuple(problems.ordered(files.shown)), sources)
    text = to_text(spec)
    return Loaded(spec, digest(text), sources, tuple(warnings.ordered(files.shown)), text)


def _ours(env: Mapping[str, str], home: str) -> tuple[Path, ...]:
    """The folders that tmaxd may keep its files in, for root and for others: who runs it is not known here."""
    from tmaxd.places import roots  # only a few files need it

    return tuple({folder for uid in (0, 1) for folder in roots({"HOME": home} | dict(env), uid)})


def _base(path: Path, whole: Path) -> Path:
    return whole.parents[len(path.parts) - 1]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Findings(msgspec.Struct):
    """Each finding once: a node that is used through several aliases is still one mistake."""

    by_place: dict[tuple[str, int, int, str], Problem] = {}
    dropped: bool = False

    def __bool__(self) -> bool:
        return bool(self.by_place)

    def add(self, problem: Problem) -> None:
        place = (problem.file, problem.line, problem.column, problem.message)
        if len(self.by_place) < MAX_PROBLEMS:
            self.by_place.setdefault(place, problem)
        elif place not in self.by_place:
            self.dropped = True

    def ordered(self, files: Mapping[str, None]) -> list[Problem]:
        """In the order in which the files were read, then by place."""
        number = {name: i for i, name in enumerate(files)}
        found = sorted(
            self.by_place.values(),
            key=lambda p: (number.get(p.file, -1), p.line, p.column, p.key, p.message),
        )
        if self.dropped:
            message = f"there are more problems than these {MAX_PROBLEMS}"
            found.append(Problem(file=found[0].file, line=1, column=1, message=message))
        return found
