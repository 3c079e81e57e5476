"""The spec on disk, what a reload has done, and what one would do."""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.spec.problems import Problem, render


class ProblemReport(Problem, frozen=True, kw_only=True):
    """One problem of the spec, as fields and as people read it."""

    text: str
    """As `tmaxctl validate` prints it, several lines."""


def report(problem: Problem) -> ProblemReport:
    return ProblemReport(**msgspec.structs.asdict(problem), text=render(problem))


class SpecStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The spec on disk against the revision in force."""

    path: str
    state: Literal["in_force", "rejected", "missing", "rolled_back"]
    """Other than `in_force`: what is on disk changes nothing, and `revision` stays in force. `rolled_back`: an operator
    has gone back to an earlier revision, which holds until the file is edited."""
    revision: int
    """0 when no spec was ever applied."""
    applied: float | None
    cause: str = ""
    """Why the revision is in force, where the file does not say so."""
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Literal["applied", "no_change", "rejected", "timeout"]
    """`timeout`: applied, but not converged within the time given; the work goes on."""
    revision: int
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()
    converged: bool


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


class PlanResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload, or saving the file that was asked about, would do now."""

    outcome: Literal["changes", "no_change", "rejected"]
    """`changes`: there are actions, or settings that change without one."""
    actions: tuple[PlannedAction, ...] = ()
    settings: tuple[PlannedSetting, ...] = ()
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()
