"""The spec on disk against the revision in force: compute, then swap. A bad file changes nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tmaxd.ports import Revision
from tmaxd.spec.diff import diff
from tmaxd.spec.load import Loaded, Reader, Rejected, from_text, load
from tmaxd.spec.model import Spec
from tmaxd.spec.problems import Problem, excerpt
from tmaxd.spec.sealed import Keeper

_FLEET = re.compile(r"fleet[ \t]*:[ \t]+")

State = Literal["in_force", "rejected", "missing", "waiting"]


@dataclass(slots=True)
class InForce:
    spec: Spec
    """What holds: `declared` with what was good before in place of what failed."""
    declared: Spec
    text: str
    """`declared`, resolved, as the journal keeps it."""
    digest: str
    revision: int
    applied: float
    """Wall time."""
    cause: str = ""
    """Why, where it did not come from the file."""


class SpecFile:
    """Reads the file, remembers what is wrong with it, and which revision is in force."""

    def __init__(
        self,
        path: Path,
        read: Reader,
        env: Mapping[str, str],
        home: str,
        fleet: str,
        keeper: Keeper | None = None,
    ) -> None:
        self.path = path
        self.fleet = fleet
        self._read = read
        self._env = env
        self._home = home
        self._keeper = keeper
        self.in_force: InForce | None = None
        self._last_number = 0
        self.taken: str | None = None
        """Digest of what was last taken over from the file; while it says that, an operator's rollback holds."""
        self.effective: Callable[[Spec], Spec] = lambda spec: spec
        """What holds of a spec that is declared."""
        self.state: State = "in_force"
        self._waits = ""
        """Digest of what `wait` was told last, while that is what the file says."""
        self.problems: tuple[Problem, ...] = ()
        self.warnings: tuple[Problem, ...] = ()
        self.sources: tuple[Path, ...] = (path,)

    async def look(self, candidate: Path | None = None) -> Loaded | Rejected:
        """The file as it is now, checked whole, off the loop. `candidate` (absolute): as it would be with that
        file's content saved in its place, so what it names is looked for beside the file in force."""
        if candidate is None:
            return await asyncio.to_thread(self._load, self._read)
        found = await asyncio.to_thread(self._load, self._with(candidate))
        return found if isinstance(found, Loaded) else _renaming(found, self.path, candidate)

    def _with(self, candidate: Path) -> Reader:
        return lambda path: self._read(candidate if path == self.path else path)

    def _load(self, read: Reader) -> Loaded | Rejected:
        found = load(self.path, read, self._env, self._home, self._keeper)
        if isinstance(found, Loaded) and found.spec.fleet != self.fleet:
            problem = _renamed(self, found, self._text(read))
            return Rejected(problems=(problem,), sources=found.sources)
        return found

    def _text(self, read: Reader) -> str:
        """The main file once more, for the line to show; empty if it is gone by now."""
        try:
            return read(self.path).decode(errors="replace")
        except OSError:
            return ""

    def wait(self, found: Loaded) -> bool:
        """It is good, and nobody has asked for it yet. Whether it is another one than before."""
        new = self.state != "waiting" or self._waits != found.digest
        self.state, self._waits, self.problems = "waiting", found.digest, ()
        self.warnings, self.sources = found.warnings, found.sources
        return new

    def refuse(self, found: Rejected) -> None:
        self.state = "rejected" if self._is_there() else "missing"
        self.problems, self.sources = found.problems, found.sources or self.sources

    def _is_there(self) -> bool:
        try:
            self._read(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def accept(self, found: Loaded, wall: float) -> tuple[bool, tuple[str, ...]]:
        """Swap it in. (whether anything changed, the keys that did)."""
        self.state, self.problems = "in_force", ()
        self.warnings, self.sources = found.warnings, found.sources
        old = self.in_force
        if old is not None and self.taken == found.digest:
            if old.digest == found.digest:
                old.declared = found.spec  # the same, in the order of the file
                self.refresh()
            return False, ()
        self.taken = found.digest
        if old is not None and old.digest == found.digest:
            old.cause = ""  # the file says now what somebody went back to
            return False, ()
        return True, self._swap(found.spec, found.text, found.digest, wall)

    def roll_back(self, revision: Revision, wall: float) -> tuple[str, ...]:
        """An earlier revision comes into force again, under a number of its own, and holds until the file says
        something else. The keys that change. Raises ValueError when this version cannot read it."""
        cause = f"rollback to {revision.number}"
        return self._swap(
            from_text(revision.text), revision.text, revision.digest, wall, cause=cause
        )

    def _swap(
        self, spec: Spec, text: str, digest: str, wall: float, cause: str = ""
    ) -> tuple[str, ...]:
        old = self.in_force
        keys = () if old is None else tuple(c.key for c in diff(old.declared, spec))
        self._last_number += 1
        self.in_force = InForce(spec, spec, text, digest, self._last_number, wall, cause)
        return keys

    @property
    def differs(self) -> bool:
        """An operator has gone back to something else than what the file says."""
        return self.in_force is not None and self.in_force.digest != self.taken

    def refresh(self) -> None:
        """What holds may be another: look again."""
        if self.in_force is not None:
            self.in_force.spec = self.effective(self.in_force.declared)

    def recall(self, revision: Revision, taken: str | None) -> None:
        """Begin with what an earlier daemon had in force, and what it had taken from the file (None: the same). Raises
        ValueError when this version cannot read it."""
        self._last_number = revision.number
        spec = from_text(revision.text)
        self.taken = taken or revision.digest
        self.in_force = InForce(
            spec,
            spec,
            revision.text,
            revision.digest,
            revision.number,
            revision.applied,
            revision.cause,
        )


def _renaming(found: Rejected, path: Path, candidate: Path) -> Rejected:
    """The problems of what was read in place of `path`, under its own name."""
    name = str(candidate).encode("utf-8", "replace").decode()
    problems = tuple(
        msgspec.structs.replace(problem, file=name) if problem.file == str(path) else problem
        for problem in found.problems
    )
    return Rejected(problems, found.sources)


def _renamed(file: SpecFile, found: Loaded, text: str) -> Problem:
    line, source, caret = _fleet_line(text)
    return Problem(
        file=str(file.path),
        line=line,
        column=caret + 1,
        key="fleet",
        message=(
            f"the fleet is called {file.fleet} and cannot be renamed to {found.spec.fleet} while it runs; "
            "take it down first (tmaxctl down), then start it under the new name"
        ),
        nearest=file.fleet,
        source=source,
        caret=caret,
    )


def _fleet_line(text: str) -> tuple[int, str | None, int]:
    """Where the fleet's name stands, as (line, the line as it may be shown, where the name begins in it). A
    mapping in flow style or a quoted key is not found, and the place is then the file's first character."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _FLEET.match(line):
            source, caret = excerpt(line, match.end())
            return number, source, caret
    return 1, None, 0
