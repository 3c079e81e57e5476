"""The spec on disk, what a reload has done, and what one would do."""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.daemon.api.types.awaited import Missing
from tmaxd.daemon.api.types.revisions import FailedChange
from tmaxd.spec.problems import Problem, render


class ProblemReport(Problem, frozen=True, kw_only=True):
    """One problem of the spec, as fields and as people read it."""

    text: str
    """As `tmaxctl validate` prints it, several lines."""


def report(problem: Problem) -> ProblemReport:
    return ProblemReport(**msgspec.structs.asdict(problem), text=render(problem))


SpecState = Literal["in_force", "rejected", "missing", "waiting", "rolled_back", "change_failed"]


class SpecStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The spec on disk against the revision in force."""

    path: str
    state: SpecState
    """`rejected`, `missing`: what is on disk changes nothing, and `revision` stays in force. `waiting`: the same, since
    the flag `hot_reload` is off; a reload takes it over. `rolled_back`: an operator
    has gone back to an earlier revision, which holds until the file is edited. `change_failed`: what the file says of
    some groups has failed, and these have gone back to what was good before (`rolled_back` of each); all else holds."""
    revision: int
    """0 when no spec was ever applied."""
    applied: float | None
    cause: str = ""
    """Why the revision is in force, where the file does not say so."""
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Literal["applied", "no_change", "rejected", "timeout", "change_failed", "failed"]
    """`timeout`: applied, but not converged within the time given; the work goes on. `change_failed`: what the file
    says of some groups (`failed_changes`) has failed, now or earlier, and is not in force. `failed`: nothing more
    happens by itself, and not all workers are as they should be (`failed`)."""
    revision: int
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()
    converged: bool
    failed_changes: tuple[FailedChange, ...] = ()
    failed: tuple[Missing, ...] = ()
    """Workers that are stuck, and those that have failed for good since the reload began."""
    pinned: tuple[str, ...] = ()
    """Workers that still run what they ran before, since they are pinned."""


class PlannedAction(msgspec.Struct, frozen=True, kw_only=True):
    action: str
    """`start`, `stop`, `replace`, …"""
    worker: str | None
    group: str | None
    reason: str
    field: str | None
    """Key of the spec whose change causes it."""
    detail: str


class PlannedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the spec whose change no action is needed for."""

    key: str
    change: Literal["added", "removed", "changed"]
    old: str | None
    new: str | None
    """As text; None of what is not there, of what is too large to be shown, and of environment variables, which may
    be secrets."""
    effect: Literal["at_once", "next_start"]
    """`next_start`: in each worker when it is started next, for whatever reason."""


class PlannedWait(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that would not be as the spec wants it."""

    worker: str
    reason: str
    """Of what is to be done about it, as of an action."""
    field: str | None
    """Keys of the spec whose change causes it."""
    why: str
    """What it would wait for: `pinned`, or in words."""


class PlanResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload, or saving the file that was asked about, would do now."""

    outcome: Literal["changes", "no_change", "rejected"]
    """`changes`: there are actions, or settings that change without one. What only waits is none."""
    actions: tuple[PlannedAction, ...] = ()
    settings: tuple[PlannedSetting, ...] = ()
    waiting: tuple[PlannedWait, ...] = ()
    """What would be left undone when all actions are through."""
    failed_changes: tuple[FailedChange, ...] = ()
    """Changes that have failed already and are still in the file: nothing would be done about them."""
    set_aside: bool = False
    """An operator has gone back to an earlier revision, which would stay in force: the file is the one that was set
    aside."""
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()
